"""The base of all tables, the tenant's columns, and the tables that core owns.

Core owns what every room stands on: jobs, workers, the outbox and idempotency keys. What a job does
or an event means belongs to the room that named it, not to this module.
"""

from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    column,
)
from sqlalchemy import Enum as EnumType
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BigId = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is an alias of SQLite's rowid


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, stored as integer microseconds: the same order on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


def to_micros(moment: datetime) -> int:
    """Return microseconds since 1970 of an aware time."""
    return (moment - EPOCH) // timedelta(microseconds=1)


class State(StrEnum):
    """The six states of everything that takes time."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATES


FINAL_STATES = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


class WaitingFor(StrEnum):
    """For whom something in the state `waiting` waits."""

    PERSON = "person"
    PROVIDER = "provider"
    BUDGET = "budget"
    PAUSE = "pause"
    SCHEDULE = "schedule"


def _values(kind: type[Enum]) -> list[str]:
    return [member.value for member in kind]


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        Enum: EnumType(Enum, native_enum=False, length=16, values_callable=_values),
    }


class OrgScoped:
    """Rows of one organisation, shared by its projects."""

    org_id: Mapped[UUID] = mapped_column(sort_order=-20, doc="The organisation that owns the row.")


class Tenanted(OrgScoped):
    """Rows of one project of one organisation."""

    project_id: Mapped[UUID] = mapped_column(sort_order=-19, doc="The project it belongs to.")


def system_index(name: str, *columns: Any, **options: Any) -> Index:
    """Declare an index that serves all tenants at once (queue, dispatcher), and so starts with none."""
    return Index(name, *columns, info={"system": True}, **options)


class Job(Tenanted, Base):
    """The row is the job: whoever holds its latest fence may write for it."""

    __tablename__ = "jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(80), doc="Name of the task, `room.verb_noun`.")
    args: Mapped[dict[str, Any]] = mapped_column(doc="Ids only; never content.")
    state: Mapped[State] = mapped_column(default=State.QUEUED, doc="One of the six states.")
    waiting_for: Mapped[WaitingFor | None] = mapped_column(doc="For whom it waits.")
    priority: Mapped[int] = mapped_column(default=0, doc="Higher is claimed first.")
    run_at: Mapped[datetime] = mapped_column(doc="Not to be claimed before this time.")
    attempts: Mapped[int] = mapped_column(default=0, doc="Failed tries so far, retries included.")
    max_attempts: Mapped[int] = mapped_column(default=5, doc="Then it is dead: state failed.")
    worker_id: Mapped[UUID | None] = mapped_column(doc="Who holds it while it is running.")
    fence: Mapped[int] = mapped_column(default=0, doc="Raised by each claim; commits check it.")
    resources: Mapped[dict[str, Any]] = mapped_column(doc="What it needs of a worker, by name.")
    uses: Mapped[str] = mapped_column(
        default="", server_default="", doc="What limits may bound, as `|workflow:solve|model:big|`."
    )
    dedupe_key: Mapped[str | None] = mapped_column(String(200), doc="At most one open job has it.")
    parent_id: Mapped[UUID | None] = mapped_column(doc="The job that asked for this one.")
    takeovers: Mapped[int] = mapped_column(default=0, doc="How often its worker died under it.")
    cancel_requested_at: Mapped[datetime | None] = mapped_column(doc="Somebody asked it to stop.")
    pause_requested_at: Mapped[datetime | None] = mapped_column(doc="Stop at the next safe point.")
    dead_at: Mapped[datetime | None] = mapped_column(doc="When it ran out of attempts.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of the failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    trace_id: Mapped[str] = mapped_column(String(32), doc="Ties it to the request that asked.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was asked for.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it was last claimed.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it reached a final state.")

    __table_args__ = (
        Index("ix_jobs_tenant_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_jobs_tenant_finished", "org_id", "project_id", "finished_at", "kind", "state"),
        Index(
            "uq_jobs_open_dedupe_key",
            "org_id",
            "project_id",
            "dedupe_key",
            unique=True,
            sqlite_where=column("finished_at").is_(None),
            postgresql_where=column("finished_at").is_(None),
        ),
        Index(
            "ix_jobs_tenant_dead",
            "org_id",
            "project_id",
            "kind",
            sqlite_where=column("dead_at").is_not(None),
            postgresql_where=column("dead_at").is_not(None),
        ),
        system_index("ix_jobs_claim", "state", "run_at"),
        system_index("ix_jobs_worker", "worker_id"),
    )

    @property
    def queue(self) -> str:
        """The queue it stands in: the room that it works for."""
        return self.kind.partition(".")[0]


class Worker(Base):
    """A process that executes jobs: one lease and one heartbeat for all that it holds."""

    __tablename__ = "workers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), doc="Host and process, for people.")
    started_at: Mapped[datetime] = mapped_column(doc="When it registered.")
    heartbeat_at: Mapped[datetime] = mapped_column(doc="When it was last heard of.")
    lease_until: Mapped[datetime] = mapped_column(doc="After this its jobs are offered again.")
    concurrency: Mapped[int] = mapped_column(server_default="0", doc="Jobs it executes at a time.")
    queues: Mapped[list[Any] | None] = mapped_column(doc="The queues it takes from; none: all.")
    draining_since: Mapped[datetime | None] = mapped_column(doc="It takes no more, and ends.")


class PausedQueue(Tenanted, Base):
    """A queue of one project from which nobody takes; what runs already goes on."""

    __tablename__ = "paused_queues"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    queue: Mapped[str] = mapped_column(String(80), primary_key=True, doc="Room of the jobs.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who paused it.")
    paused_at: Mapped[datetime] = mapped_column(doc="When.")


class ConcurrencyLimit(Tenanted, Base):
    """How many jobs at once may use one thing; a device's holds for every tenant."""

    __tablename__ = "concurrency_limits"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    name: Mapped[str] = mapped_column(
        String(160), primary_key=True, doc="`workflow:NAME`, `model:NAME` or `device:NAME`."
    )
    at_once: Mapped[int] = mapped_column(doc="How many jobs; 0: none.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who set it.")
    updated_at: Mapped[datetime] = mapped_column(doc="When.")


class OutboxRow(Tenanted, Base):
    """A state change, committed with what changed, numbered afterwards by the dispatcher."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    seq: Mapped[int | None] = mapped_column(BigInteger, doc="Place in the organisation's feed.")
    type: Mapped[str] = mapped_column(String(80), doc="Dotted name, past tense.")
    subject: Mapped[str] = mapped_column(String(120), doc="Id of what changed.")
    payload: Mapped[dict[str, Any]] = mapped_column(doc="What a listener needs to know.")
    trace_id: Mapped[str | None] = mapped_column(String(32), doc="The request behind it.")
    created_at: Mapped[datetime] = mapped_column(doc="When it happened.")

    __table_args__ = (
        Index("ix_outbox_feed", "org_id", "seq", unique=True, info={"system": True}),
        system_index(
            "ix_outbox_unnumbered",
            "id",
            sqlite_where=column("seq").is_(None),
            postgresql_where=column("seq").is_(None),
        ),
    )


class FeedHead(OrgScoped, Base):
    """How far an organisation's feed is numbered and how much of it is still kept."""

    __tablename__ = "feed_heads"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    last_seq: Mapped[int] = mapped_column(BigInteger, doc="The newest number given.")
    pruned_seq: Mapped[int] = mapped_column(BigInteger, default=0, doc="All up to it are gone.")


class IdempotencyRow(Tenanted, Base):
    """The answer to a creating request, kept so that its repetition creates nothing."""

    __tablename__ = "idempotency_keys"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    principal_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(80), doc="Route and body it came with.")
    status: Mapped[int] = mapped_column(doc="HTTP status that was answered.")
    body: Mapped[str] = mapped_column(doc="JSON that was answered.")
    headers: Mapped[dict[str, Any]] = mapped_column(doc="Location and ETag that were answered.")
    created_at: Mapped[datetime] = mapped_column(doc="When; kept for a day.")

    __table_args__ = (Index("ix_idempotency_keys_created", "org_id", "project_id", "created_at"),)


class LeaderLease(Base):
    """Which process leads in a matter, and until when; its fence is raised by every change of hands."""

    __tablename__ = "leader_leases"

    name: Mapped[str] = mapped_column(String(40), primary_key=True, doc="The matter.")
    holder_id: Mapped[UUID] = mapped_column(doc="The process that leads.")
    holder: Mapped[str] = mapped_column(String(120), doc="Its host and process, for people.")
    fence: Mapped[int] = mapped_column(doc="What its transactions check.")
    lease_until: Mapped[datetime] = mapped_column(doc="After this another one may lead.")
