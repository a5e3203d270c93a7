"""Overview: finished runs by day, and improvements under way, each by one index.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_runs_finished",
        "runs",
        [
            "org_id", "project_id", "purpose", "finished_at", "workflow", "state",
            "prompt_tokens", "completion_tokens", "cost_usd_micros",
        ],
        sqlite_where=sa.text("finished_at IS NOT NULL"),
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "ix_runs_under_way",
        "runs",
        ["org_id", "project_id", "purpose", "created_at", "id"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        "ix_improvements_under_way",
        "improvements",
        ["org_id", "project_id", "created_at", "id"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_improvements_under_way", table_name="improvements")
    op.drop_index("ix_runs_under_way", table_name="runs")
    op.drop_index("ix_runs_finished", table_name="runs")
