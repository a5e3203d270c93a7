"""Tables of evaluation: suites and their versions, evaluations and their cases, judgings, comparisons.

A suite's version is named by its content, and a comparison is the record of a verdict: both are written
once and never changed. What a case was answered in full is the log's; here it is kept so far as a scorer
saw it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Connection, ForeignKey, Index, String, column, event
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from camel_ext.core.models import Base, State, Tenanted
from camel_ext.evaluation.errors import WrittenOnce


class Verdict(StrEnum):
    """What a comparison says of the candidate."""

    BETTER = "better"
    NOT_WORSE = "not_worse"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"


class TargetKind(StrEnum):
    """What answers the cases: a whole workflow, or a model by itself."""

    WORKFLOW = "workflow"
    MODEL = "model"


class Suite(Tenanted, Base):
    """A name under which versions of an examination are kept."""

    __tablename__ = "suites"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), doc="Unique in the project.")
    description: Mapped[str] = mapped_column(doc="What it examines, for people.")
    current_version_id: Mapped[UUID | None] = mapped_column(doc="What its bare name stands for.")
    revision: Mapped[int] = mapped_column(doc="Raised by each change of this row.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was first defined.")
    updated_at: Mapped[datetime] = mapped_column(doc="When it last changed.")

    __table_args__ = (
        Index("uq_suites_name", "org_id", "project_id", "name", unique=True),
        Index("ix_suites_created", "org_id", "project_id", "created_at", "id"),
    )


class SuiteVersion(Tenanted, Base):
    """Cases and scorers with this very content; never changed."""

    __tablename__ = "suite_versions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    suite_id: Mapped[UUID] = mapped_column(ForeignKey("suites.id"), doc="Whose version it is.")
    number: Mapped[int] = mapped_column(doc="Counts the versions of its suite, from 1.")
    content_hash: Mapped[str] = mapped_column(String(80), doc="Of cases and scorers.")
    cases: Mapped[list[Any]] = mapped_column(
        deferred=True, deferred_raiseload=True, doc="`{id, topic, input, expect}` of each case."
    )
    scorers: Mapped[list[Any]] = mapped_column(doc="Its scorers, in order.")
    primary: Mapped[str] = mapped_column("primary_scorer", String(64), doc="The scorer it is for.")
    case_count: Mapped[int] = mapped_column(doc="How many cases.")
    topic_count: Mapped[int] = mapped_column(doc="How many topics.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who defined it.")
    created_at: Mapped[datetime] = mapped_column(doc="When.")

    __table_args__ = (
        Index("uq_suite_versions_hash", "org_id", "project_id", "suite_id", "content_hash",
              unique=True),
        Index("uq_suite_versions_number", "org_id", "project_id", "suite_id", "number",
              unique=True),
    )  # fmt: skip


class Evaluation(Tenanted, Base):
    """A suite's cases answered by one target, every version of it pinned, and scored."""

    __tablename__ = "evaluations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    suite: Mapped[str] = mapped_column(String(64), doc="Name of the suite.")
    suite_version_id: Mapped[UUID] = mapped_column(
        ForeignKey("suite_versions.id"), doc="Its version."
    )
    target_kind: Mapped[TargetKind] = mapped_column(doc="A workflow, or a model.")
    target: Mapped[str] = mapped_column(String(130), doc="Name of the workflow or model.")
    workflow_version_id: Mapped[UUID | None] = mapped_column(doc="Of a workflow: its version.")
    pinned: Mapped[dict[str, Any]] = mapped_column(
        doc="`agents` and `models`, by name: the versions that answered."
    )
    engines: Mapped[list[Any]] = mapped_column(
        doc="`{alias, engine, format}` of each model: what answers may only be compared on."
    )
    target_hash: Mapped[str] = mapped_column(String(80), doc="Of everything that is pinned.")
    seed: Mapped[int] = mapped_column(BigInteger, doc="All its sampling is drawn from this.")
    parallel: Mapped[int] = mapped_column(doc="How many cases are answered at a time.")
    reuse: Mapped[bool] = mapped_column(doc="Equal answers of earlier evaluations count.")
    priority: Mapped[int] = mapped_column(doc="Higher is executed first.")
    state: Mapped[State] = mapped_column(doc="One of the six states.")
    total: Mapped[int] = mapped_column(doc="How many cases.")
    done: Mapped[int] = mapped_column(doc="How many have an end, good or bad.")
    reused: Mapped[int] = mapped_column(doc="How many were answered before.")
    failed: Mapped[int] = mapped_column(doc="How many have no answer for good.")
    means: Mapped[dict[str, Any]] = mapped_column(doc="Mean of each scorer, at its end.")
    prompt_tokens: Mapped[int] = mapped_column(BigInteger, doc="Tokens read, for this one.")
    completion_tokens: Mapped[int] = mapped_column(BigInteger, doc="Tokens written, for this one.")
    cost_usd_micros: Mapped[int] = mapped_column(BigInteger, doc="Cost of what it asked itself.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who started it.")
    job_id: Mapped[UUID] = mapped_column(doc="The job that executes it.")
    trace_id: Mapped[str] = mapped_column(String(32), doc="Ties it to requests and logs.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was asked for.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it began.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it reached a final state.")

    __table_args__ = (
        Index("ix_evaluations_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_evaluations_suite", "org_id", "project_id", "suite", "created_at", "id"),
    )


class EvaluationCase(Tenanted, Base):
    """One case of an evaluation: who answered it, what was said, and what each scorer found."""

    __tablename__ = "evaluation_cases"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    evaluation_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    case_id: Mapped[str] = mapped_column(String(80), doc="Its id in the suite.")
    topic: Mapped[str] = mapped_column(String(56), doc="Its topic.")
    answer_hash: Mapped[str] = mapped_column(String(80), doc="Of target, input and seed.")
    state: Mapped[State] = mapped_column(doc="Queued, running, or how it ended.")
    run_id: Mapped[UUID | None] = mapped_column(doc="The run that answers it.")
    interaction_id: Mapped[UUID | None] = mapped_column(doc="The call that gave the answer.")
    answer: Mapped[Any] = mapped_column(
        JSON(none_as_null=True), nullable=True, doc="What came out; null: nothing."
    )
    scores: Mapped[dict[str, Any]] = mapped_column(
        doc="`{state, score, reason, hash}` by scorer; score null: it could not be found."
    )
    latency_ms: Mapped[float | None] = mapped_column(doc="How long the answer took.")
    prompt_tokens: Mapped[int | None] = mapped_column(doc="Tokens read.")
    completion_tokens: Mapped[int | None] = mapped_column(doc="Tokens written.")
    cost_usd_micros: Mapped[int | None] = mapped_column(BigInteger, doc="What the answer cost.")
    judging_usd_micros: Mapped[int | None] = mapped_column(
        BigInteger, doc="What asking judges about it cost."
    )
    reused_from_id: Mapped[UUID | None] = mapped_column(doc="The evaluation that answered it.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it had its end.")

    __table_args__ = (
        Index(
            "ix_evaluation_cases_answer",
            "org_id", "project_id", "answer_hash",
            sqlite_where=column("finished_at").is_not(None),
            postgresql_where=column("finished_at").is_not(None),
        ),
    )  # fmt: skip


class Judging(Tenanted, Base):
    """A judge model that sees two evaluations' answers side by side, in both orders."""

    __tablename__ = "judgings"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    baseline_id: Mapped[UUID] = mapped_column(ForeignKey("evaluations.id"), doc="One side.")
    candidate_id: Mapped[UUID] = mapped_column(ForeignKey("evaluations.id"), doc="The other.")
    scorer: Mapped[str] = mapped_column(String(64), doc="The suite's judge that is asked.")
    scorer_hash: Mapped[str] = mapped_column(String(80), doc="Of judge, criteria and model.")
    model_version_id: Mapped[UUID] = mapped_column(doc="The model that judges.")
    seed: Mapped[int] = mapped_column(BigInteger, doc="All its sampling is drawn from this.")
    state: Mapped[State] = mapped_column(doc="One of the six states.")
    total: Mapped[int] = mapped_column(doc="How many pairs of answers.")
    done: Mapped[int] = mapped_column(doc="How many were judged, or could not be.")
    found: Mapped[dict[str, Any]] = mapped_column(
        doc="By case: `preference` (-1, 0, 1 or null), what each order said, why."
    )
    bias: Mapped[dict[str, Any]] = mapped_column(
        doc="How often it said the first, the second, a tie; how often both orders agreed."
    )
    cost_usd_micros: Mapped[int] = mapped_column(BigInteger, doc="What asking it cost.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who started it.")
    job_id: Mapped[UUID] = mapped_column(doc="The job that executes it.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was asked for.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it began.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it reached a final state.")

    __table_args__ = (
        Index("ix_judgings_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_judgings_pair", "org_id", "project_id", "baseline_id", "candidate_id",
              "created_at", "id"),
    )  # fmt: skip


class Comparison(Tenanted, Base):
    """A candidate beside its baseline, and the verdict with all that it rests on; never changed."""

    __tablename__ = "comparisons"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    suite_version_id: Mapped[UUID] = mapped_column(
        ForeignKey("suite_versions.id"), doc="What both were examined with."
    )
    baseline_id: Mapped[UUID] = mapped_column(ForeignKey("evaluations.id"), doc="What was.")
    candidate_id: Mapped[UUID] = mapped_column(ForeignKey("evaluations.id"), doc="What may come.")
    policy: Mapped[dict[str, Any]] = mapped_column(doc="The policy, defaults filled in.")
    policy_hash: Mapped[str] = mapped_column(String(80), doc="Of the policy.")
    alpha: Mapped[float] = mapped_column(doc="The error that the verdict may make.")
    verdict: Mapped[Verdict] = mapped_column(doc="What it says of the candidate.")
    effect: Mapped[float] = mapped_column(doc="Mean of candidate minus baseline, primary scorer.")
    low: Mapped[float] = mapped_column(doc="Lower end of the interval that was decided on.")
    high: Mapped[float] = mapped_column(doc="Its upper end.")
    level: Mapped[float] = mapped_column(doc="Its level: 1 - alpha.")
    n: Mapped[int] = mapped_column(doc="How many cases both have.")
    topics: Mapped[int] = mapped_column(doc="In how many topics.")
    result: Mapped[dict[str, Any]] = mapped_column(doc="The whole finding: gate.Finding, as JSON.")
    result_hash: Mapped[str] = mapped_column(String(80), doc="Of scores, policy, alpha and result.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who asked for it.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was written.")

    __table_args__ = (
        Index("ix_comparisons_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_comparisons_candidate", "org_id", "project_id", "candidate_id", "created_at",
              "id"),
    )  # fmt: skip


@event.listens_for(SuiteVersion, "before_update")
@event.listens_for(SuiteVersion, "before_delete")
@event.listens_for(Comparison, "before_update")
@event.listens_for(Comparison, "before_delete")
def _refuse(_mapper: Mapper[Any], _connection: Connection, row: object) -> None:
    raise WrittenOnce(f"a row of {type(row).__name__} is written once and never changed or removed")
