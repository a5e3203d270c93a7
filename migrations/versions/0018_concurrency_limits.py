"""How many jobs at once may use one thing, and what each job uses.

Only added to: a worker of before goes on, and its jobs use nothing that is limited.

Revision: 0018, after 0017.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("uses", sa.String(), server_default="", nullable=False))
    op.create_table(
        "concurrency_limits",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("at_once", sa.Integer(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "project_id", "name", name=op.f("pk_concurrency_limits")),
    )


def downgrade() -> None:
    op.drop_table("concurrency_limits")
    op.drop_column("jobs", "uses")
