"""Datasets

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dataset_pairs",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pair_hash", sa.String(length=64), nullable=False),
        sa.Column("prompt_hash", sa.String(length=64), nullable=False),
        sa.Column("prompt", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("tools", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("chosen", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("rejected", sa.JSON(none_as_null=True), nullable=False),
        sa.Column(
            "split",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column(
            "source",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("margin", sa.Double(), nullable=True),
        sa.Column("chosen_score", sa.Double(), nullable=True),
        sa.Column("rejected_score", sa.Double(), nullable=True),
        sa.Column("chosen_interaction_id", sa.Uuid(), nullable=True),
        sa.Column("rejected_interaction_id", sa.Uuid(), nullable=True),
        sa.Column("run_ids", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("annotation_ids", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("judges", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "org_id", "project_id", "version_id", "position", name=op.f("pk_dataset_pairs")
        ),
    )
    with op.batch_alter_table("dataset_pairs", schema=None) as batch_op:
        batch_op.create_index(
            "uq_dataset_pairs_hash",
            ["org_id", "project_id", "version_id", "pair_hash"],
            unique=True,
        )

    op.create_table(
        "dataset_sources",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("ref", sa.String(length=240), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(length=240), nullable=False),
        sa.Column("pairs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "org_id", "project_id", "kind", "ref", "version_id", name=op.f("pk_dataset_sources")
        ),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("dataset_sources", schema=None) as batch_op:
        batch_op.create_index(
            "ix_dataset_sources_version",
            ["org_id", "project_id", "version_id", "kind", "ref"],
            unique=False,
        )

    op.create_table(
        "datasets",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
    )
    with op.batch_alter_table("datasets", schema=None) as batch_op:
        batch_op.create_index(
            "ix_datasets_created", ["org_id", "project_id", "created_at", "id"], unique=False
        )
        batch_op.create_index("uq_datasets_name", ["org_id", "project_id", "name"], unique=True)

    op.create_table(
        "dataset_versions",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dataset_id", sa.Uuid(), nullable=False),
        sa.Column("dataset_name", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "origin",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("wanted", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("given_ids", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("at_most", sa.Integer(), nullable=False),
        sa.Column("rules", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("exclude_runs", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("exclude_judges", sa.JSON(none_as_null=True), nullable=False),
        sa.Column(
            "state",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("content_hash", sa.String(length=80), nullable=True),
        sa.Column("pairs_train", sa.Integer(), nullable=False),
        sa.Column("pairs_eval", sa.Integer(), nullable=False),
        sa.Column("statistics", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("warnings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("error_code", sa.String(length=120), nullable=True),
        sa.Column("error_detail", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_dataset_versions_dataset_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_versions")),
    )
    with op.batch_alter_table("dataset_versions", schema=None) as batch_op:
        batch_op.create_index(
            "ix_dataset_versions_created",
            ["org_id", "project_id", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_dataset_versions_hash", ["org_id", "project_id", "content_hash"], unique=False
        )
        batch_op.create_index(
            "uq_dataset_versions_number",
            ["org_id", "project_id", "dataset_id", "number"],
            unique=True,
        )


def downgrade() -> None:
    op.drop_table("dataset_versions")
    op.drop_table("datasets")
    op.drop_table("dataset_sources")
    op.drop_table("dataset_pairs")
