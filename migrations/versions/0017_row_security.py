"""Row-level security on PostgreSQL, the second wall of tenancy.

Nothing is done here: whatever revision a migration ends at, `env.py` puts a policy on each tenanted
table that has none. A database of before passes through this number to get there.

Revision: 0017, after 0016.
"""

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
