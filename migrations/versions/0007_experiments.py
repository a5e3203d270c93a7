"""Experiments: improvements and their stages, certificates, decisions, error budgets.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("workflow", sa.String(length=64), nullable=True),
        sa.Column("from_targets", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("to_targets", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("improvement_id", sa.Uuid(), nullable=True),
        sa.Column("certificate_id", sa.Uuid(), nullable=True),
        sa.Column("undoes_id", sa.Uuid(), nullable=True),
        sa.Column("policy_hash", sa.String(length=80), nullable=True),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("override", sa.Boolean(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.create_index(
            "ix_decisions_alias",
            ["org_id", "project_id", "alias", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_decisions_created", ["org_id", "project_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "uq_decisions_undoes",
            ["org_id", "project_id", "undoes_id"],
            unique=True,
            sqlite_where=sa.text("undoes_id IS NOT NULL"),
            postgresql_where=sa.text("undoes_id IS NOT NULL"),
        )

    op.create_table(
        "error_budgets",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("workflow", sa.String(length=64), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("cycles", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "project_id", "workflow", name=op.f("pk_error_budgets")),
    )
    op.create_table(
        "improvement_stages",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("improvement_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("planned", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("children", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "org_id", "project_id", "improvement_id", "name", name=op.f("pk_improvement_stages")
        ),
    )
    op.create_table(
        "improvements",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workflow", sa.String(length=64), nullable=False),
        sa.Column("workflow_version_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("baseline_version_id", sa.Uuid(), nullable=False),
        sa.Column("candidate_version_id", sa.Uuid(), nullable=True),
        sa.Column("config", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("policy_hash", sa.String(length=80), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("waiting_for", sa.String(length=16), nullable=True),
        sa.Column("stage", sa.String(length=16), nullable=True),
        sa.Column("cycle", sa.Integer(), nullable=True),
        sa.Column("alpha", sa.Double(), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("certificate_id", sa.Uuid(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("live_run_id", sa.Uuid(), nullable=True),
        sa.Column("error_code", sa.String(length=120), nullable=True),
        sa.Column("error_detail", sa.String(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_improvements")),
    )
    with op.batch_alter_table("improvements", schema=None) as batch_op:
        batch_op.create_index(
            "ix_improvements_created", ["org_id", "project_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_improvements_workflow",
            ["org_id", "project_id", "workflow", "created_at", "id"],
            unique=False,
        )

    op.create_table(
        "certificates",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("improvement_id", sa.Uuid(), nullable=False),
        sa.Column("workflow", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("content_hash", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["improvement_id"], ["improvements.id"], name=op.f("fk_certificates_improvement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
    )
    with op.batch_alter_table("certificates", schema=None) as batch_op:
        batch_op.create_index(
            "ix_certificates_created", ["org_id", "project_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "uq_certificates_improvement", ["org_id", "project_id", "improvement_id"], unique=True
        )
        batch_op.create_index(
            "uq_certificates_number", ["org_id", "project_id", "number"], unique=True
        )


def downgrade() -> None:
    with op.batch_alter_table("certificates", schema=None) as batch_op:
        batch_op.drop_index("uq_certificates_number")
        batch_op.drop_index("uq_certificates_improvement")
        batch_op.drop_index("ix_certificates_created")

    op.drop_table("certificates")
    with op.batch_alter_table("improvements", schema=None) as batch_op:
        batch_op.drop_index("ix_improvements_workflow")
        batch_op.drop_index("ix_improvements_created")

    op.drop_table("improvements")
    op.drop_table("improvement_stages")
    op.drop_table("error_budgets")
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_decisions_undoes",
            sqlite_where=sa.text("undoes_id IS NOT NULL"),
            postgresql_where=sa.text("undoes_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_decisions_created")
        batch_op.drop_index("ix_decisions_alias")

    op.drop_table("decisions")
