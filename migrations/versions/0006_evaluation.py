"""Evaluation

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evaluation_cases",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("topic", sa.String(length=56), nullable=False),
        sa.Column("answer_hash", sa.String(length=80), nullable=False),
        sa.Column(
            "state",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("answer", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("scores", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("latency_ms", sa.Double(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("cost_usd_micros", sa.BigInteger(), nullable=True),
        sa.Column("judging_usd_micros", sa.BigInteger(), nullable=True),
        sa.Column("reused_from_id", sa.Uuid(), nullable=True),
        sa.Column("error_code", sa.String(length=120), nullable=True),
        sa.Column("error_detail", sa.String(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "org_id", "project_id", "evaluation_id", "position", name=op.f("pk_evaluation_cases")
        ),
    )
    with op.batch_alter_table("evaluation_cases", schema=None) as batch_op:
        batch_op.create_index(
            "ix_evaluation_cases_answer",
            ["org_id", "project_id", "answer_hash"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )

    op.create_table(
        "suites",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("current_version_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suites")),
    )
    with op.batch_alter_table("suites", schema=None) as batch_op:
        batch_op.create_index(
            "ix_suites_created", ["org_id", "project_id", "created_at", "id"], unique=False
        )
        batch_op.create_index("uq_suites_name", ["org_id", "project_id", "name"], unique=True)

    op.create_table(
        "suite_versions",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("suite_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=80), nullable=False),
        sa.Column("cases", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("scorers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("primary_scorer", sa.String(length=64), nullable=False),
        sa.Column("case_count", sa.Integer(), nullable=False),
        sa.Column("topic_count", sa.Integer(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["suite_id"], ["suites.id"], name=op.f("fk_suite_versions_suite_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suite_versions")),
    )
    with op.batch_alter_table("suite_versions", schema=None) as batch_op:
        batch_op.create_index(
            "uq_suite_versions_hash",
            ["org_id", "project_id", "suite_id", "content_hash"],
            unique=True,
        )
        batch_op.create_index(
            "uq_suite_versions_number", ["org_id", "project_id", "suite_id", "number"], unique=True
        )

    op.create_table(
        "evaluations",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("suite", sa.String(length=64), nullable=False),
        sa.Column("suite_version_id", sa.Uuid(), nullable=False),
        sa.Column(
            "target_kind",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("target", sa.String(length=130), nullable=False),
        sa.Column("workflow_version_id", sa.Uuid(), nullable=True),
        sa.Column("pinned", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("engines", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("target_hash", sa.String(length=80), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("parallel", sa.Integer(), nullable=False),
        sa.Column("reuse", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("reused", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("means", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd_micros", sa.BigInteger(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("error_code", sa.String(length=120), nullable=True),
        sa.Column("error_detail", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["suite_version_id"],
            ["suite_versions.id"],
            name=op.f("fk_evaluations_suite_version_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
    )
    with op.batch_alter_table("evaluations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_evaluations_created", ["org_id", "project_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_evaluations_suite",
            ["org_id", "project_id", "suite", "created_at", "id"],
            unique=False,
        )

    op.create_table(
        "comparisons",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("suite_version_id", sa.Uuid(), nullable=False),
        sa.Column("baseline_id", sa.Uuid(), nullable=False),
        sa.Column("candidate_id", sa.Uuid(), nullable=False),
        sa.Column("policy", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("policy_hash", sa.String(length=80), nullable=False),
        sa.Column("alpha", sa.Double(), nullable=False),
        sa.Column(
            "verdict",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("effect", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("topics", sa.Integer(), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("result_hash", sa.String(length=80), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["baseline_id"], ["evaluations.id"], name=op.f("fk_comparisons_baseline_id")
        ),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["evaluations.id"], name=op.f("fk_comparisons_candidate_id")
        ),
        sa.ForeignKeyConstraint(
            ["suite_version_id"],
            ["suite_versions.id"],
            name=op.f("fk_comparisons_suite_version_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparisons")),
    )
    with op.batch_alter_table("comparisons", schema=None) as batch_op:
        batch_op.create_index(
            "ix_comparisons_candidate",
            ["org_id", "project_id", "candidate_id", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_comparisons_created", ["org_id", "project_id", "created_at", "id"], unique=False
        )

    op.create_table(
        "judgings",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("baseline_id", sa.Uuid(), nullable=False),
        sa.Column("candidate_id", sa.Uuid(), nullable=False),
        sa.Column("scorer", sa.String(length=64), nullable=False),
        sa.Column("scorer_hash", sa.String(length=80), nullable=False),
        sa.Column("model_version_id", sa.Uuid(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.String(length=16),
            nullable=False,
        ),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("found", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("bias", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("cost_usd_micros", sa.BigInteger(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("error_code", sa.String(length=120), nullable=True),
        sa.Column("error_detail", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["baseline_id"], ["evaluations.id"], name=op.f("fk_judgings_baseline_id")
        ),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["evaluations.id"], name=op.f("fk_judgings_candidate_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_judgings")),
    )
    with op.batch_alter_table("judgings", schema=None) as batch_op:
        batch_op.create_index(
            "ix_judgings_created", ["org_id", "project_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_judgings_pair",
            ["org_id", "project_id", "baseline_id", "candidate_id", "created_at", "id"],
            unique=False,
        )


def downgrade() -> None:
    op.drop_table("judgings")
    op.drop_table("comparisons")
    op.drop_table("evaluations")
    op.drop_table("suite_versions")
    op.drop_table("suites")
    op.drop_table("evaluation_cases")
