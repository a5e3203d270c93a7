"""Tables of the log: each call of a model, once wide for finding and once deep for reading.

Rows are added and never changed, but that the body of an old one may leave: to a file of the archive,
which its row then names, or for good. `interactions` holds all that is filtered, counted and drawn, so
that no list needs a join; `interaction_bodies` holds what was sent and returned, a prompt as its
parent's plus what was appended. On PostgreSQL both are partitioned by the months in their ids (`months`),
where `ingest_seq` is no key, but indexed in each. The search index and dashboards are others'.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, String, column
from sqlalchemy.orm import Mapped, mapped_column

from camel_ext.core.models import Base, BigId, State, Tenanted, system_index

PREVIEW_LETTERS = 200
SWEEP, RESTORE = "interactions.sweep", "interactions.restore_archive"  # the tasks


class Purpose(StrEnum):
    """Why a model was asked."""

    RUN = "run"
    SAMPLE = "sample"
    EVAL = "eval"
    REPLAY = "replay"
    SHADOW = "shadow"


def _partial(name: str, key: str, *, by: tuple[str, ...] = ()) -> Index:
    """Declare an index over the rows that have the key, newest first by default."""
    there = column(key).is_not(None)
    columns = by or (key, "created_at", "id")
    return Index(
        name, "org_id", "project_id", *columns,
        sqlite_where=there, postgresql_where=there,
    )  # fmt: skip


class Interaction(Tenanted, Base):
    """One call of a model: who asked which version for what, what it took, how it ended."""

    __tablename__ = "interactions"

    ingest_seq: Mapped[int] = mapped_column(
        BigId, primary_key=True, autoincrement=True, doc="Order of commit; indexers follow it."
    )
    id: Mapped[UUID] = mapped_column(doc="Its id; its body has the same.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who asked.")
    source: Mapped[str] = mapped_column(String(40), doc="What asked: workflows, gateway, import.")
    external_id: Mapped[str | None] = mapped_column(String(200), doc="Its id in the source.")
    purpose: Mapped[Purpose] = mapped_column(String(16), doc="Why the model was asked.")
    session: Mapped[str | None] = mapped_column(String(120), doc="Groups calls of one user.")
    tags: Mapped[list[Any] | None] = mapped_column(doc="Words to find it by.")
    agent_id: Mapped[str | None] = mapped_column(
        String(120), doc="The agent, stable over versions."
    )
    agent_version: Mapped[str | None] = mapped_column(String(80), doc="Version of that agent.")
    run_id: Mapped[UUID | None] = mapped_column(doc="The run it was a turn of.")
    step_key: Mapped[str | None] = mapped_column(String(1000), doc="The turn in that run.")
    parent_id: Mapped[UUID | None] = mapped_column(doc="The interaction whose prompt it continues.")
    forked_from_id: Mapped[UUID | None] = mapped_column(doc="The interaction it is another try of.")
    trace_id: Mapped[str | None] = mapped_column(
        String(32), doc="Ties it to request and log lines."
    )
    model_version_id: Mapped[UUID] = mapped_column(doc="The base model's version that answered.")
    adapter_version_id: Mapped[UUID | None] = mapped_column(doc="The adapter on it.")
    alias: Mapped[str | None] = mapped_column(String(64), doc="The name that was asked for.")
    engine: Mapped[str] = mapped_column(String(40), doc="Which engine answered.")
    engine_build: Mapped[str | None] = mapped_column(String(120), doc="Its build.")
    quantization: Mapped[str | None] = mapped_column(String(40), doc="How its weights were packed.")
    template_hash: Mapped[str | None] = mapped_column(String(80), doc="Of its chat template.")
    prompt_hash: Mapped[str] = mapped_column(String(64), doc="Of all messages, canonical.")
    prefix_hash: Mapped[str] = mapped_column(String(64), doc="Of all messages but the last.")
    prompt_messages: Mapped[int] = mapped_column(doc="How many messages the prompt had.")
    params: Mapped[dict[str, Any]] = mapped_column(doc="Sampling parameters as they were sent.")
    seed: Mapped[int | None] = mapped_column(BigInteger, doc="Seed that was sent.")
    prompt_tokens: Mapped[int | None] = mapped_column(doc="Tokens read; null: not counted.")
    completion_tokens: Mapped[int | None] = mapped_column(doc="Tokens written; null: not counted.")
    cached_tokens: Mapped[int | None] = mapped_column(doc="Tokens read that were in the cache.")
    ttft_ms: Mapped[float | None] = mapped_column(doc="Until the first token; null: no stream.")
    total_ms: Mapped[float] = mapped_column(doc="Until the end.")
    cost_usd_micros: Mapped[int] = mapped_column(BigInteger, doc="By the version's price.")
    finish_reason: Mapped[str | None] = mapped_column(String(40), doc="Why the answer ended.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of a failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    prompt_preview: Mapped[str] = mapped_column(
        String(PREVIEW_LETTERS), doc="How the last message of the user begins."
    )
    answer_preview: Mapped[str] = mapped_column(
        String(PREVIEW_LETTERS), doc="How the answer begins."
    )
    created_at: Mapped[datetime] = mapped_column(doc="When it was recorded.")
    archive_id: Mapped[UUID | None] = mapped_column(
        doc="The archive that holds its body; null: the log does."
    )
    erased_at: Mapped[datetime | None] = mapped_column(doc="When its words were erased for good.")

    __table_args__ = (
        system_index("uq_interactions_id", "id", unique=True),
        Index("ix_interactions_created", "org_id", "project_id", "created_at", "id"),
        Index(
            "ix_interactions_model",
            "org_id", "project_id", "model_version_id", "created_at", "id",
        ),
        _partial("ix_interactions_adapter", "adapter_version_id"),
        _partial("ix_interactions_run", "run_id"),
        _partial("ix_interactions_session", "session"),
        _partial("ix_interactions_agent", "agent_id"),
        _partial("ix_interactions_trace", "trace_id"),
        _partial("ix_interactions_error", "error_code"),
        _partial("ix_interactions_failed", "error_code", by=("created_at", "id", "error_code")),
        _partial("ix_interactions_forked_from_id", "forked_from_id"),
        {"sqlite_autoincrement": True},
    )  # fmt: skip


class ExternalId(Tenanted, Base):
    """An id by which a source knows a call: used once, over all months; written with its call."""

    __tablename__ = "interaction_external_ids"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    source: Mapped[str] = mapped_column(String(40), primary_key=True, doc="As its interaction's.")
    external_id: Mapped[str] = mapped_column(
        String(200), primary_key=True, doc="As its interaction's."
    )
    interaction_id: Mapped[UUID] = mapped_column(doc="The call.")

    __table_args__ = ({"sqlite_with_rowid": False},)


class InteractionTag(Tenanted, Base):
    """A tag of an interaction, in the order that its lists are read."""

    __tablename__ = "interaction_tags"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    tag: Mapped[str] = mapped_column(String(64), primary_key=True, doc="The word.")
    created_at: Mapped[datetime] = mapped_column(primary_key=True, doc="As its interaction's.")
    interaction_id: Mapped[UUID] = mapped_column(primary_key=True, doc="What it is on.")

    __table_args__ = ({"sqlite_with_rowid": False},)


class InteractionBody(Tenanted, Base):
    """What was really sent and returned; a prompt is its parent's plus what was appended."""

    __tablename__ = "interaction_bodies"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    parent_id: Mapped[UUID | None] = mapped_column(doc="The body that the prompt begins with.")
    keep_messages: Mapped[int] = mapped_column(
        doc="How many of the parent's messages, its answer counted as the last, begin the prompt."
    )
    messages: Mapped[str] = mapped_column(doc="The appended messages: JSON, joined by commas.")
    envelope: Mapped[str] = mapped_column(doc="The request as sent, its large parts cut out.")
    cuts: Mapped[list[Any]] = mapped_column(doc="`[part, offset]` of each part cut out, in order.")
    fixed: Mapped[str | None] = mapped_column(
        doc="Parts that seldom change (tools, response format) as JSON; null: the parent's."
    )
    response: Mapped[str | None] = mapped_column(doc="What came back, JSON; null: nothing did.")
    token_ids: Mapped[list[Any] | None] = mapped_column(
        doc="Tokens of the answer, where asked for."
    )
    logprobs: Mapped[dict[str, Any] | None] = mapped_column(doc="Where the response has none.")

    __table_args__ = (
        Index(
            "ix_interaction_bodies_parent",
            "org_id", "project_id", "parent_id",
            sqlite_where=column("parent_id").is_not(None),
            postgresql_where=column("parent_id").is_not(None),
        ),
    )  # fmt: skip


class Usage(Tenanted, Base):
    """What one call used, for meters: no content, kept when the interaction is erased."""

    __tablename__ = "usage"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    interaction_id: Mapped[UUID] = mapped_column(doc="The call.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who asked.")
    model_version_id: Mapped[UUID] = mapped_column(doc="Who answered.")
    prompt_tokens: Mapped[int] = mapped_column(doc="Tokens read.")
    completion_tokens: Mapped[int] = mapped_column(doc="Tokens written.")
    cost_usd_micros: Mapped[int] = mapped_column(BigInteger, doc="By the version's price.")
    created_at: Mapped[datetime] = mapped_column(doc="When.")

    __table_args__ = (
        Index("ix_usage_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_usage_principal", "org_id", "project_id", "principal_id", "created_at"),
    )


class Retention(Tenanted, Base):
    """How long a project keeps the words of its calls in the log, and what becomes of them then."""

    __tablename__ = "interaction_retention"

    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    keep_days: Mapped[int] = mapped_column(doc="Older calls leave with the next sweep.")
    archive: Mapped[bool] = mapped_column(doc="Into the archive, or erased for good.")
    revision: Mapped[int] = mapped_column(doc="Raised by each change.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who said so last.")
    changed_at: Mapped[datetime] = mapped_column(doc="When.")


class Sweep(Tenanted, Base):
    """One walk over the old calls of a project, to archive or to erase their words."""

    __tablename__ = "interaction_sweeps"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[State] = mapped_column(doc="How far it is.")
    archive: Mapped[bool] = mapped_column(doc="To the archive, or for good.")
    until: Mapped[datetime] = mapped_column(doc="Calls recorded before this are old.")
    looked_at: Mapped[int] = mapped_column(BigInteger, doc="Old calls seen so far.")
    archived: Mapped[int] = mapped_column(BigInteger, doc="Bodies that went to the archive.")
    erased: Mapped[int] = mapped_column(BigInteger, doc="Bodies that were erased.")
    kept: Mapped[int] = mapped_column(BigInteger, doc="Calls whose bodies something still needs.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who had it done.")
    job_id: Mapped[UUID] = mapped_column(doc="The job that does it.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of a failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was asked for.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it began.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended.")

    __table_args__ = (
        Index("ix_interaction_sweeps_created", "org_id", "project_id", "created_at", "id"),
    )


class ArchiveState(StrEnum):
    """Where the bodies of an archive are."""

    WRITING = "writing"  # the file is not whole: the log has them all
    MOVING = "moving"  # the file is whole and checked: they leave the log
    ARCHIVED = "archived"
    RESTORING = "restoring"  # they come back
    RESTORED = "restored"  # the log has them all again; the file is still there


class Archive(Tenanted, Base):
    """One file of archived calls."""

    __tablename__ = "interaction_archives"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sweep_id: Mapped[UUID] = mapped_column(doc="The sweep that wrote it.")
    state: Mapped[ArchiveState] = mapped_column(String(16), doc="Where its bodies are.")
    file: Mapped[str] = mapped_column(String(120), doc="Its name in the project's folder.")
    rows: Mapped[int] = mapped_column(doc="How many calls it holds.")
    size_bytes: Mapped[int] = mapped_column(BigInteger, doc="How large the file is.")
    sha256: Mapped[str | None] = mapped_column(String(64), doc="Of the file's bytes.")
    first_at: Mapped[datetime | None] = mapped_column(doc="When its oldest call was recorded.")
    last_at: Mapped[datetime | None] = mapped_column(doc="When its newest call was recorded.")
    job_id: Mapped[UUID | None] = mapped_column(doc="The job that brings it back.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was begun.")

    __table_args__ = (
        Index("ix_interaction_archives_created", "org_id", "project_id", "created_at", "id"),
    )
