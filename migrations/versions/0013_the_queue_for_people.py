"""The queue for people: what workers take and whether they drain, paused queues, ended and dead jobs.

Revision: 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paused_queues",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("paused_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "project_id", "queue", name=op.f("pk_paused_queues")),
    )
    op.add_column(
        "workers", sa.Column("concurrency", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("workers", sa.Column("queues", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("workers", sa.Column("draining_since", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_jobs_tenant_finished", "jobs", ["org_id", "project_id", "finished_at", "kind", "state"]
    )
    op.create_index(
        "ix_jobs_tenant_dead",
        "jobs",
        ["org_id", "project_id", "kind"],
        sqlite_where=sa.text("dead_at IS NOT NULL"),
        postgresql_where=sa.text("dead_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_jobs_tenant_dead", table_name="jobs")
    op.drop_index("ix_jobs_tenant_finished", table_name="jobs")
    op.drop_column("workers", "draining_since")
    op.drop_column("workers", "queues")
    op.drop_column("workers", "concurrency")
    op.drop_table("paused_queues")
