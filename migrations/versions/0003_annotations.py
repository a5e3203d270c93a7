"""Annotations

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "annotation_batches",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("verifier", sa.String(length=80), nullable=False),
        sa.Column("params", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("per_subject", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("wanted", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("given_ids", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("at_most", sa.Integer(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("unfound", sa.Integer(), nullable=False),
        sa.Column("unanswered", sa.Integer(), nullable=False),
        sa.Column("score_sum", sa.Double(), nullable=False),
        sa.Column("examples", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("cursor", sa.String(length=200), nullable=True),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("error_code", sa.String(length=120), nullable=True),
        sa.Column("error_detail", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("undo_job_id", sa.Uuid(), nullable=True),
        sa.Column("undone", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation_batches")),
    )
    with op.batch_alter_table("annotation_batches", schema=None) as batch_op:
        batch_op.create_index(
            "ix_annotation_batches_created",
            ["org_id", "project_id", "created_at", "id"],
            unique=False,
        )

    op.create_table(
        "annotation_queues",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("guideline", sa.String(), nullable=False),
        sa.Column("guideline_version", sa.String(length=80), nullable=True),
        sa.Column("labels", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("annotators", sa.Integer(), nullable=False),
        sa.Column("reservation_s", sa.Integer(), nullable=False),
        sa.Column("items_total", sa.Integer(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation_queues")),
    )
    with op.batch_alter_table("annotation_queues", schema=None) as batch_op:
        batch_op.create_index(
            "ix_annotation_queues_created",
            ["org_id", "project_id", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "uq_annotation_queues_name", ["org_id", "project_id", "name"], unique=True
        )

    op.create_table(
        "annotation_subjects",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("annotation_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "org_id",
            "project_id",
            "interaction_id",
            "created_at",
            "annotation_id",
            name=op.f("pk_annotation_subjects"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "annotations",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column(
            "judge_kind",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("judge", sa.String(length=120), nullable=False),
        sa.Column("judge_version", sa.String(length=80), nullable=True),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("interaction_ids", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("stance", sa.String(length=64), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("rationale", sa.String(), nullable=True),
        sa.Column("time_spent_ms", sa.BigInteger(), nullable=True),
        sa.Column("guideline_version", sa.String(length=80), nullable=True),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("queue_item_id", sa.Uuid(), nullable=True),
        sa.Column("supersedes_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_by_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_annotations")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("annotations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_annotations_batch",
            ["org_id", "project_id", "batch_id", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("batch_id IS NOT NULL"),
            postgresql_where=sa.text("batch_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_annotations_created", ["org_id", "project_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_annotations_judge_kind",
            ["org_id", "project_id", "judge_kind", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_annotations_kind",
            ["org_id", "project_id", "kind", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_annotations_judge",
            ["org_id", "project_id", "judge", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_annotations_principal",
            ["org_id", "project_id", "principal_id", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_annotations_stance", ["org_id", "project_id", "stance", "seq"], unique=False
        )
        batch_op.create_index("uq_annotations_id", ["id"], unique=True)

    op.create_table(
        "annotation_queue_items",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("subject_set", sa.Integer(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("interaction_ids", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("reserved_by_id", sa.Uuid(), nullable=True),
        sa.Column("reserved_until", sa.BigInteger(), nullable=True),
        sa.Column("done_by_id", sa.Uuid(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("annotation_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["queue_id"], ["annotation_queues.id"], name=op.f("fk_annotation_queue_items_queue_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation_queue_items")),
    )
    with op.batch_alter_table("annotation_queue_items", schema=None) as batch_op:
        batch_op.create_index(
            "ix_annotation_queue_items_open",
            ["org_id", "project_id", "queue_id", "place", "id"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )
        batch_op.create_index(
            "ix_annotation_queue_items_set",
            ["org_id", "project_id", "queue_id", "subject_set", "id"],
            unique=False,
        )


def downgrade() -> None:
    op.drop_table("annotation_queue_items")
    op.drop_table("annotations")
    op.drop_table("annotation_subjects")
    op.drop_table("annotation_queues")
    op.drop_table("annotation_batches")
