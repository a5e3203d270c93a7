"""Forks and purposes

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forks",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("wanted", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=120), nullable=True),
        sa.Column("error_detail", sa.String(), nullable=True),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forks")),
    )
    with op.batch_alter_table("forks", schema=None) as batch_op:
        batch_op.create_index(
            "ix_forks_created", ["org_id", "project_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_forks_interaction",
            ["org_id", "project_id", "interaction_id", "created_at", "id"],
            unique=False,
        )
    with op.batch_alter_table("interactions", schema=None) as batch_op:
        batch_op.create_index(
            "ix_interactions_forked_from_id",
            ["org_id", "project_id", "forked_from_id", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("forked_from_id IS NOT NULL"),
            postgresql_where=sa.text("forked_from_id IS NOT NULL"),
        )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("purpose", sa.String(length=16), nullable=False, server_default="run")
        )
        batch_op.create_index(
            "ix_runs_purpose",
            ["org_id", "project_id", "purpose", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_runs_parent",
            ["parent_run_id"],
            unique=False,
            sqlite_where=sa.text("parent_run_id IS NOT NULL"),
            postgresql_where=sa.text("parent_run_id IS NOT NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_runs_parent",
            sqlite_where=sa.text("parent_run_id IS NOT NULL"),
            postgresql_where=sa.text("parent_run_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_runs_purpose")
        batch_op.drop_column("purpose")
    with op.batch_alter_table("interactions", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_interactions_forked_from_id",
            sqlite_where=sa.text("forked_from_id IS NOT NULL"),
            postgresql_where=sa.text("forked_from_id IS NOT NULL"),
        )
    with op.batch_alter_table("forks", schema=None) as batch_op:
        batch_op.drop_index("ix_forks_interaction")
        batch_op.drop_index("ix_forks_created")
    op.drop_table("forks")
