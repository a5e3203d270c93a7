"""Tables of workflows: what is configured, what runs, and each run's turns.

A turn is written once and never changed; a definition's version is named by its content. Prompts and
answers are not here: a turn of kind `model` names its interaction.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Index, String, column
from sqlalchemy.orm import Mapped, mapped_column

from camel_ext.core.models import Base, State, Tenanted, WaitingFor, system_index
from camel_ext.interactions import Purpose


class DefinitionKind(StrEnum):
    """What can be configured in files of this room."""

    AGENT = "agent"
    WORKFLOW = "workflow"


class TurnKind(StrEnum):
    """What a turn was: a call of a model, of a tool, or a check."""

    MODEL = "model"
    TOOL = "tool"
    VERIFY = "verify"


class Configuration(Tenanted, Base):
    """A folder of files that were applied together, under one name."""

    __tablename__ = "configurations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), doc="Unique in the project.")
    revision: Mapped[int] = mapped_column(doc="Raised when a byte of its files changed.")
    files: Mapped[dict[str, Any]] = mapped_column(doc="Text of each file, comments and all.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was first applied.")
    updated_at: Mapped[datetime] = mapped_column(doc="When it was last applied.")

    __table_args__ = (Index("uq_configurations_name", "org_id", "project_id", "name", unique=True),)


class ConfigurationRevision(Tenanted, Base):
    """The files as they were at one revision; never changed."""

    __tablename__ = "configuration_revisions"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    configuration_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    files: Mapped[dict[str, Any]] = mapped_column(doc="Text of each file.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who applied it.")
    created_at: Mapped[datetime] = mapped_column(doc="When.")


class DefinitionVersion(Tenanted, Base):
    """An agent or workflow with this very content; never changed."""

    __tablename__ = "definition_versions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[DefinitionKind] = mapped_column(doc="Agent or workflow.")
    name: Mapped[str] = mapped_column(String(64), doc="The name it was configured under.")
    content_hash: Mapped[str] = mapped_column(String(80), doc="Of the canonical content.")
    content: Mapped[dict[str, Any]] = mapped_column(doc="Canonical: defaults filled, no comments.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was first seen.")

    __table_args__ = (
        Index(
            "uq_definition_versions_hash",
            "org_id", "project_id", "kind", "name", "content_hash",
            unique=True,
        ),
    )  # fmt: skip


class Definition(Tenanted, Base):
    """What a name stands for now; a name that left its files is retired, not deleted."""

    __tablename__ = "definitions"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    kind: Mapped[DefinitionKind] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    configuration_id: Mapped[UUID] = mapped_column(doc="The files it stands in.")
    version_id: Mapped[UUID] = mapped_column(doc="Its current version.")
    retired_at: Mapped[datetime | None] = mapped_column(doc="When it left its files.")
    updated_at: Mapped[datetime] = mapped_column(doc="When its version last changed.")


class Run(Tenanted, Base):
    """One execution of a workflow version; its aliases were resolved once, at its start."""

    __tablename__ = "runs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workflow: Mapped[str] = mapped_column(String(64), doc="Name of the workflow.")
    workflow_version_id: Mapped[UUID] = mapped_column(doc="The version that runs.")
    job_id: Mapped[UUID] = mapped_column(doc="The job that executes it.")
    purpose: Mapped[Purpose] = mapped_column(
        String(16),
        default=Purpose.RUN,
        doc="Why it is run: only `run` and `sample` may be learnt from.",
    )
    state: Mapped[State] = mapped_column(doc="One of the six states.")
    waiting_for: Mapped[WaitingFor | None] = mapped_column(doc="For whom it waits.")
    waiting_detail: Mapped[str | None] = mapped_column(doc="What it waits for, for a person.")
    input: Mapped[dict[str, Any]] = mapped_column(doc="What it was given.")
    output: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True, doc="What it gave.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    resolved: Mapped[dict[str, Any]] = mapped_column(doc="Agent and model versions, by name.")
    budgets: Mapped[dict[str, Any]] = mapped_column(doc="Limits on turns, tokens, seconds, cost.")
    seed: Mapped[int] = mapped_column(BigInteger, doc="All its sampling is drawn from this.")
    single_step: Mapped[bool] = mapped_column(doc="Pauses after each turn.")
    parent_run_id: Mapped[UUID | None] = mapped_column(doc="The run it retries or forks.")
    prefix_seq: Mapped[int] = mapped_column(doc="How many turns of the parent it starts from.")
    session: Mapped[str | None] = mapped_column(String(120), doc="Groups runs of one user.")
    tags: Mapped[list[Any]] = mapped_column(doc="Words to find it by.")
    # not named `turns`: the tenancy check would take it for the table of that name
    turns: Mapped[int] = mapped_column(
        "turn_count", doc="Number of its last turn, prefix included."
    )
    prompt_tokens: Mapped[int] = mapped_column(doc="Tokens read by models in its own turns.")
    completion_tokens: Mapped[int] = mapped_column(doc="Tokens written by models.")
    cost_usd_micros: Mapped[int] = mapped_column(BigInteger, doc="Cost of its own turns.")
    running_ms: Mapped[int] = mapped_column(BigInteger, doc="Time spent running, not waiting.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who started it.")
    trace_id: Mapped[str] = mapped_column(String(32), doc="Ties it to its interactions and logs.")
    revision: Mapped[int] = mapped_column(doc="Raised by each change that a person asks for.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was asked for.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When its first turn could begin.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it reached a final state.")

    __table_args__ = (
        Index("ix_runs_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_runs_state", "org_id", "project_id", "state", "created_at", "id"),
        Index("ix_runs_workflow", "org_id", "project_id", "workflow", "created_at", "id"),
        Index("ix_runs_purpose", "org_id", "project_id", "purpose", "created_at", "id"),
        Index(
            "ix_runs_under_way",
            "org_id", "project_id", "purpose", "created_at", "id",
            sqlite_where=column("finished_at").is_(None),
            postgresql_where=column("finished_at").is_(None),
        ),
        Index(  # all that a day's sums need; a run enters it once, when it ends
            "ix_runs_finished",
            "org_id", "project_id", "purpose", "finished_at", "workflow", "state",
            "prompt_tokens", "completion_tokens", "cost_usd_micros",
            sqlite_where=column("finished_at").is_not(None),
            postgresql_where=column("finished_at").is_not(None),
        ),
        system_index(
            "ix_runs_parent",
            "parent_run_id",
            sqlite_where=column("parent_run_id").is_not(None),
            postgresql_where=column("parent_run_id").is_not(None),
        ),
    )  # fmt: skip


class Turn(Tenanted, Base):
    """One durable step of a run: named by its path, numbered by the order of commit."""

    __tablename__ = "turns"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    step_key: Mapped[str] = mapped_column(String(1000), doc="Path through steps, rounds, calls.")
    kind: Mapped[TurnKind] = mapped_column(doc="Model, tool or verify.")
    name: Mapped[str] = mapped_column(String(128), doc="The agent, tool or verifier.")
    interaction_id: Mapped[UUID | None] = mapped_column(doc="Prompt and answer of a model turn.")
    input: Mapped[Any] = mapped_column(
        JSON(none_as_null=True), nullable=True, doc="Arguments of tool or check."
    )
    output: Mapped[Any] = mapped_column(
        JSON(none_as_null=True), nullable=True, doc="Result of tool or check."
    )
    total_ms: Mapped[float] = mapped_column(doc="How long it took.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was committed.")

    __table_args__ = (
        Index("uq_turns_step_key", "org_id", "project_id", "run_id", "step_key", unique=True),
    )


class EffectState(StrEnum):
    """How far an effect on the outside is known to have come."""

    INTENT = "intent"
    DONE = "done"
    REPEAT = "repeat"
    ANSWERED = "answered"


class Effect(Tenanted, Base):
    """The intent to call a tool that must not be called twice, written before the call."""

    __tablename__ = "effects"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    step_key: Mapped[str] = mapped_column(String(1000), primary_key=True)
    effect_key: Mapped[str] = mapped_column(String(64), doc="Idempotency key given to the tool.")
    tool: Mapped[str] = mapped_column(String(128), doc="The tool.")
    arguments: Mapped[dict[str, Any]] = mapped_column(doc="What it is called with.")
    state: Mapped[EffectState] = mapped_column(doc="Intent, done, or what a person decided.")
    answer: Mapped[str | None] = mapped_column(doc="The result a person reported.")
    created_at: Mapped[datetime] = mapped_column(doc="When the call was about to begin.")


class Fork(Tenanted, Base):
    """One logged call asked again, from the identical prompt; each answer is an interaction."""

    __tablename__ = "forks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    interaction_id: Mapped[UUID] = mapped_column(doc="The call that is asked again.")
    job_id: Mapped[UUID] = mapped_column(doc="The job that asks.")
    state: Mapped[State] = mapped_column(doc="One of the six states.")
    wanted: Mapped[dict[str, Any]] = mapped_column(doc="`samples` of each of the `variants`.")
    seed: Mapped[int] = mapped_column(BigInteger, doc="All its sampling is drawn from this.")
    total: Mapped[int] = mapped_column(doc="How many answers are wanted.")
    done: Mapped[int] = mapped_column(doc="How many there are.")
    failed: Mapped[int] = mapped_column(doc="How many the model refused.")
    losses: Mapped[int] = mapped_column(doc="How often in a row the model was away.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(
        doc="What happened, or what it waits for, for a person."
    )
    principal_id: Mapped[UUID] = mapped_column(doc="Who asked for it.")
    trace_id: Mapped[str] = mapped_column(String(32), doc="Ties it to its interactions and logs.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was asked for.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it began.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it reached a final state.")

    __table_args__ = (
        Index("ix_forks_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_forks_interaction", "org_id", "project_id", "interaction_id", "created_at", "id"),
    )
