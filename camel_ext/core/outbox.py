"""The outbox: state changes, committed with what changed.

What the journal appends is numbered as it is written; what a door publishes is written without a number,
and gets one once it is committed (`core.numbering` says why). This module writes, reads and prunes rows;
who listens is the events room's.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Executable, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.journal import INSERT_OUTBOX
from camel_ext.core.models import FeedHead, OutboxRow
from camel_ext.core.numbering import DISPATCH_ROWS as DISPATCH_ROWS
from camel_ext.core.numbering import Numbered as Numbered
from camel_ext.core.numbering import number_committed as number_committed
from camel_ext.core.tenancy import Tenant, current_tenant, system_options
from camel_ext.observability.trace import current_trace_id

OUTBOX = "outbox"  # the signal that wakes the dispatcher
NUMBERED = "numbered"  # the signal that there is more to follow, for other processes
PRUNE_ROWS = 5_000
MARK = system_options("event dispatcher")
E = TypeVar("E", bound="Event")

EVENT_TYPES: dict[str, type["Event"]] = {}


@dataclass(frozen=True)
class Event:
    """What a room announces: a frozen dataclass whose `subject` is the id of what changed."""

    type: ClassVar[str]
    subject: str

    def payload(self) -> dict[str, Any]:
        """Return the fields as JSON values, without the subject."""
        return {name: value for name, value in vars(self).items() if name != "subject"}


def event_type(name: str) -> Any:
    """Register an event class under its dotted name on the wire, in the past tense."""

    def register(cls: type[E]) -> type[E]:
        cls.type = name
        EVENT_TYPES[name] = cls
        return cls

    return register


def publish(db: Session, clock: Clock, event: Event) -> None:
    """Announce a change in the session's own transaction; forgotten with it on a rollback."""
    statement, row = outbox_entry(current_tenant(db), clock, event)
    db.connection().execute(statement, [row])
    signals: set[str] = db.info.setdefault("signals", set())
    signals.add(OUTBOX)


def outbox_entry(tenant: Tenant, clock: Clock, event: Event) -> tuple[Executable, dict[str, Any]]:
    """Return the entry that announces a change with the append that makes it."""
    return INSERT_OUTBOX, {
        "org_id": tenant.org_id,
        "project_id": tenant.project_id,
        "type": event.type,
        "subject": event.subject,
        "payload": event.payload(),
        "trace_id": current_trace_id(),
        "created_at": clock.now(),
    }


def head_of(db: Session) -> tuple[int, int]:
    """Return (newest number, newest pruned number) of the session's organisation."""
    head = db.scalar(select(FeedHead))
    return (0, 0) if head is None else (head.last_seq, head.pruned_seq)


def read_after(db: Session, after: int, limit: int) -> list[Numbered]:
    """Return the organisation's events after a number, oldest first, of the session's project."""
    query = (
        select(OutboxRow)
        .where(OutboxRow.seq > after, OutboxRow.seq.is_not(None))
        .order_by(OutboxRow.seq)
        .limit(limit)
    )
    return [
        Numbered(
            row.org_id, row.project_id, row.seq or 0, row.type, row.subject, row.payload,
            row.trace_id, row.created_at,
        )
        for row in db.scalars(query)
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unnumbered:
    """Events that are committed and not yet in their feed."""

    count: int
    oldest_at: datetime | None


def unnumbered(db: Session) -> Unnumbered:
    """Return how far the feeds of all organisations are behind. System session."""
    query = select(func.count(), func.min(OutboxRow.created_at)).where(OutboxRow.seq.is_(None))
    count, oldest_at = db.execute(query).one()
    return Unnumbered(count, oldest_at)


def prunable(connection: Connection, before: datetime) -> list[tuple[UUID, int]]:
    """Return up to which number each organisation's events are older than a time."""
    return [(row.org_id, row.upto) for row in connection.execute(_OLD, {"before": before})]


def prune(connection: Connection, org_id: UUID, upto: int) -> bool:
    """Drop an organisation's events up to a number; tell whether some are left to another call.

    Their listeners will be told to reset. A call drops 5,000 at most: whoever writes an event of the
    organisation waits for it meanwhile.
    """
    oldest = connection.scalar(_OLDEST, {"head_org": org_id})
    if oldest is None or oldest > upto:
        return False
    end = min(upto, oldest + PRUNE_ROWS - 1)
    connection.execute(_MOVE_PRUNED, {"head_org": org_id, "new_seq": end})
    connection.execute(_DROP, {"drop_org": org_id, "upto": end})
    return end < upto


_OLD = (
    select(OutboxRow.org_id, func.max(OutboxRow.seq).label("upto"))
    .where(OutboxRow.created_at < bindparam("before"), OutboxRow.seq.is_not(None))
    .group_by(OutboxRow.org_id)
    .execution_options(**MARK)
)
_OLDEST = (
    select(func.min(OutboxRow.seq))
    .where(OutboxRow.org_id == bindparam("head_org"))
    .execution_options(**MARK)
)
_MOVE_PRUNED = (
    update(FeedHead.__table__)  # type: ignore[arg-type]
    .where(FeedHead.org_id == bindparam("head_org"))
    .values(pruned_seq=bindparam("new_seq"))
    .execution_options(**MARK)
)
_DROP = (
    delete(OutboxRow.__table__)  # type: ignore[arg-type]
    .where(OutboxRow.org_id == bindparam("drop_org"), OutboxRow.seq <= bindparam("upto"))
    .execution_options(**MARK)
)
