"""Skips and failed interactions

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("annotation_queue_items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("skipped_by_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("skipped_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("skip_reason", sa.String(length=500), nullable=True))

    with op.batch_alter_table("interactions", schema=None) as batch_op:
        batch_op.create_index(
            "ix_interactions_failed",
            ["org_id", "project_id", "created_at", "id", "error_code"],
            unique=False,
            sqlite_where=sa.text("error_code IS NOT NULL"),
            postgresql_where=sa.text("error_code IS NOT NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("interactions", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_interactions_failed",
            sqlite_where=sa.text("error_code IS NOT NULL"),
            postgresql_where=sa.text("error_code IS NOT NULL"),
        )

    with op.batch_alter_table("annotation_queue_items", schema=None) as batch_op:
        batch_op.drop_column("skip_reason")
        batch_op.drop_column("skipped_at")
        batch_op.drop_column("skipped_by_id")
