"""Tables of experiments: improvements and their stages, certificates, decisions, error budgets.

A certificate says what was found and a decision what was made of it; both are written once and never
changed. A stage's row holds the ids of what it started, written in the very transaction that started
it: whoever resumes a loop looks there, and starts nothing twice.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, ForeignKey, Index, String, column, event
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from camel_ext.core.models import Base, State, Tenanted, WaitingFor
from camel_ext.experiments.errors import WrittenOnce


class StageName(StrEnum):
    """The stages of a loop, in their order."""

    SAMPLE = "sample"
    FORK = "fork"
    JUDGE = "judge"
    PAIR = "pair"
    TRAIN = "train"
    BASELINE = "baseline"
    CANDIDATE = "candidate"
    GATE = "gate"
    PROMOTE = "promote"
    VERIFY_LIVE = "verify_live"


class DecisionKind(StrEnum):
    """What was decided about an alias."""

    PROMOTION = "promotion"
    REFUSAL = "refusal"
    ROLLBACK = "rollback"


class Improvement(Tenanted, Base):
    """One turn of the loop: from runs of a workflow to a verdict on the adapter they taught."""

    __tablename__ = "improvements"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workflow: Mapped[str] = mapped_column(String(64), doc="The workflow that shall get better.")
    workflow_version_id: Mapped[UUID] = mapped_column(doc="Its version when this began.")
    agent: Mapped[str] = mapped_column(String(64), doc="The agent whose answers are learnt from.")
    alias: Mapped[str] = mapped_column(String(64), doc="The alias that answers for it, and moves.")
    baseline_version_id: Mapped[UUID] = mapped_column(doc="What the alias stood for at the start.")
    candidate_version_id: Mapped[UUID | None] = mapped_column(doc="The adapter that was trained.")
    config: Mapped[dict[str, Any]] = mapped_column(doc="All of it, defaults filled in.")
    policy_hash: Mapped[str] = mapped_column(String(80), doc="Of the gate's policy in it.")
    seed: Mapped[int] = mapped_column(BigInteger, doc="All its sampling is drawn from this.")
    state: Mapped[State] = mapped_column(doc="One of the six states.")
    waiting_for: Mapped[WaitingFor | None] = mapped_column(doc="For whom it waits.")
    stage: Mapped[StageName | None] = mapped_column(doc="Where it is, or where it ended.")
    cycle: Mapped[int | None] = mapped_column(
        doc="Its number among the workflow's looks at held-out goals; null: it had none."
    )
    alpha: Mapped[float | None] = mapped_column(doc="Error that this look may spend.")
    verdict: Mapped[str | None] = mapped_column(String(16), doc="What the gate said.")
    certificate_id: Mapped[UUID | None] = mapped_column(doc="Where that is written.")
    decision_id: Mapped[UUID | None] = mapped_column(doc="What was made of it.")
    live_run_id: Mapped[UUID | None] = mapped_column(doc="The first run with the adapter.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, and what to try.")
    priority: Mapped[int] = mapped_column(doc="Higher is executed first, as is what it starts.")
    job_id: Mapped[UUID] = mapped_column(doc="The job that drives it.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who started it.")
    trace_id: Mapped[str] = mapped_column(String(32), doc="Ties it to requests and logs.")
    revision: Mapped[int] = mapped_column(doc="Raised by each change that a person asks for.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was asked for.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When its first stage began.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it reached a final state.")

    __table_args__ = (
        Index("ix_improvements_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_improvements_workflow", "org_id", "project_id", "workflow", "created_at", "id"),
        Index(
            "ix_improvements_under_way",
            "org_id", "project_id", "created_at", "id",
            sqlite_where=column("finished_at").is_(None),
            postgresql_where=column("finished_at").is_(None),
        ),
    )  # fmt: skip


class ImprovementStage(Tenanted, Base):
    """One stage of an improvement, what it started, and what came of it."""

    __tablename__ = "improvement_stages"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    improvement_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[StageName] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(doc="Counts the stages from 1.")
    state: Mapped[State] = mapped_column(doc="Running, succeeded, failed or cancelled.")
    planned: Mapped[list[Any]] = mapped_column(doc="What it is to start, one entry each.")
    children: Mapped[list[Any]] = mapped_column(
        doc="Ids of what it started, in the order planned; fewer while it is still starting."
    )
    result: Mapped[dict[str, Any] | None] = mapped_column(doc="What came of it; null before.")
    started_at: Mapped[datetime] = mapped_column(doc="When what it needs was started.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended.")


class ErrorBudget(Tenanted, Base):
    """How much error a workflow's verdicts may make over its whole life, and how much is spent.

    Look k at held-out goals may spend alpha_k = level * 6 / (pi^2 k^2), which sums to the level.
    """

    __tablename__ = "error_budgets"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    workflow: Mapped[str] = mapped_column(String(64), primary_key=True)
    level: Mapped[float] = mapped_column(doc="The sum over its life, fixed by its first look.")
    cycles: Mapped[int] = mapped_column(doc="Looks so far.")
    updated_at: Mapped[datetime] = mapped_column(doc="When the last one was taken.")


class Certificate(Tenanted, Base):
    """What one improvement found, as evidence; never changed."""

    __tablename__ = "certificates"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(doc="Counts the project's certificates, from 1.")
    improvement_id: Mapped[UUID] = mapped_column(ForeignKey("improvements.id"), doc="Whose it is.")
    workflow: Mapped[str] = mapped_column(String(64), doc="The workflow.")
    verdict: Mapped[str] = mapped_column(String(16), doc="What the gate said.")
    content: Mapped[dict[str, Any]] = mapped_column(doc="All that it says.")
    content_hash: Mapped[str] = mapped_column(String(80), doc="Of the content.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was issued.")

    __table_args__ = (
        Index("uq_certificates_number", "org_id", "project_id", "number", unique=True),
        Index("uq_certificates_improvement", "org_id", "project_id", "improvement_id", unique=True),
        Index("ix_certificates_created", "org_id", "project_id", "created_at", "id"),
    )


class Decision(Tenanted, Base):
    """What was decided about an alias, by whom and on what evidence; never changed."""

    __tablename__ = "decisions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[DecisionKind] = mapped_column(doc="Promotion, refusal or rollback.")
    alias: Mapped[str] = mapped_column(String(64), doc="The alias it is about.")
    workflow: Mapped[str | None] = mapped_column(String(64), doc="The workflow it was for.")
    from_targets: Mapped[list[Any]] = mapped_column(doc="Where the alias pointed.")
    to_targets: Mapped[list[Any]] = mapped_column(doc="Where it points by this decision.")
    improvement_id: Mapped[UUID | None] = mapped_column(doc="The improvement it ends.")
    certificate_id: Mapped[UUID | None] = mapped_column(doc="The evidence.")
    undoes_id: Mapped[UUID | None] = mapped_column(doc="The promotion that a rollback takes back.")
    policy_hash: Mapped[str | None] = mapped_column(String(80), doc="The policy that was applied.")
    evidence: Mapped[dict[str, Any]] = mapped_column(doc="Verdict, effect and interval in short.")
    automatic: Mapped[bool] = mapped_column(doc="By the policy alone; else a person said it.")
    override: Mapped[bool] = mapped_column(doc="A person decided against the verdict.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who decided, or started what decided.")
    reason: Mapped[str] = mapped_column(doc="Why, in words.")
    created_at: Mapped[datetime] = mapped_column(doc="When.")

    __table_args__ = (
        Index("ix_decisions_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_decisions_alias", "org_id", "project_id", "alias", "created_at", "id"),
        Index(
            "uq_decisions_undoes",
            "org_id", "project_id", "undoes_id",
            unique=True,
            sqlite_where=column("undoes_id").is_not(None),
            postgresql_where=column("undoes_id").is_not(None),
        ),
    )  # fmt: skip


@event.listens_for(Certificate, "before_update")
@event.listens_for(Certificate, "before_delete")
@event.listens_for(Decision, "before_update")
@event.listens_for(Decision, "before_delete")
def _refuse(_mapper: Mapper[Any], _connection: Connection, row: object) -> None:
    raise WrittenOnce(f"a {type(row).__name__.lower()} is written once and never changed")
