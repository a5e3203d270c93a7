"""The outbox: state changes, committed with what changed and numbered after the commit.

A number taken inside overlapping transactions becomes visible out of order and loses events
(measured on PostgreSQL), so rows are written unnumbered and the one dispatcher numbers what is
committed. This module writes, numbers, reads and prunes rows; who listens is the events room's.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Executable, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.journal import INSERT_OUTBOX
from camel_ext.core.models import FeedHead, OutboxRow
from camel_ext.core.tenancy import Tenant, current_tenant, system_options
from camel_ext.observability.trace import current_trace_id

OUTBOX = "outbox"  # the signal that wakes the dispatcher
NUMBERED = "numbered"  # the signal that there is more to follow, for other processes
DISPATCH_ROWS = 1000
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


@dataclass(frozen=True, slots=True)
class Numbered:
    """A committed event with its place in the organisation's feed."""

    org_id: UUID
    project_id: UUID
    seq: int
    type: str
    subject: str
    payload: dict[str, Any]
    trace_id: str | None
    created_at: datetime


def publish(db: Session, clock: Clock, event: Event) -> None:
    """Announce a change in the session's own transaction; forgotten with it on a rollback."""
    statement, row = outbox_entry(current_tenant(db), clock, event)
    db.connection().execute(statement, [row])
    signals: set[str] = db.info.setdefault("signals", set())
    signals.add(OUTBOX)


def outbox_entry(tenant: Tenant, clock: Clock, event: Event) -> tuple[Executable, dict[str, Any]]:
    """Return the entry that announces a change with the append that makes it.

    The append must carry the signal `OUTBOX`.
    """
    return INSERT_OUTBOX, {
        "org_id": tenant.org_id,
        "project_id": tenant.project_id,
        "type": event.type,
        "subject": event.subject,
        "payload": event.payload(),
        "trace_id": current_trace_id(),
        "created_at": clock.now(),
    }


def number_committed(connection: Connection) -> list[Numbered]:
    """Number what is committed and not yet numbered, at most 1,000 rows, and return it in order.

    Only the one dispatcher calls it, in a transaction of its own.
    """
    rows = connection.execute(_UNNUMBERED).all()
    if not rows:
        return []
    heads = {
        head.org_id: head.last_seq
        for head in connection.execute(_HEADS, {"orgs": list({row.org_id for row in rows})})
    }
    fresh = {row.org_id for row in rows} - heads.keys()
    last: dict[UUID, int] = defaultdict(int, heads)
    numbered, places = [], []
    for row in rows:
        last[row.org_id] += 1
        seq = last[row.org_id]
        places.append((row.id, seq))
        numbered.append(
            Numbered(
                row.org_id, row.project_id, seq, row.type, row.subject, row.payload,
                row.trace_id, row.created_at,
            )
        )  # fmt: skip
    connection.execute(_NUMBER, _spans(places))
    for org_id, seq in last.items():
        if org_id in fresh:
            connection.execute(_NEW_HEAD, {"org_id": org_id, "last_seq": seq, "pruned_seq": 0})
        else:
            connection.execute(_MOVE_HEAD, {"head_org": org_id, "new_seq": seq})
    return numbered


def _spans(places: list[tuple[int, int]]) -> list[dict[str, int]]:
    """Return stretches of rows that follow one another and get numbers that do, too.

    No row can be between two whose ids do, so a stretch is these rows and no other.
    """
    spans: list[dict[str, int]] = []
    for row_id, seq in places:
        last = spans[-1] if spans else None
        if last and (row_id, seq) == (last["last_id"] + 1, row_id + last["shift"]):
            last["last_id"] = row_id
        else:
            spans.append({"first_id": row_id, "last_id": row_id, "shift": seq - row_id})
    return spans


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


def prune(connection: Connection, before: datetime) -> int:
    """Drop numbered events older than a time; their listeners will be told to reset."""
    gone = connection.execute(_PRUNED, {"before": before}).all()
    for org_id, seq in gone:
        connection.execute(_MOVE_PRUNED, {"head_org": org_id, "new_seq": seq})
        connection.execute(_DROP, {"drop_org": org_id, "upto": seq})
    return len(gone)


_UNNUMBERED = (
    select(OutboxRow.__table__)
    .where(OutboxRow.seq.is_(None))
    .order_by(OutboxRow.id)
    .limit(DISPATCH_ROWS)
    .execution_options(**MARK)
)
_HEADS = (
    select(FeedHead.org_id, FeedHead.last_seq)
    .where(FeedHead.org_id.in_(bindparam("orgs", expanding=True)))
    .execution_options(**MARK)
)
_NUMBER = (
    update(OutboxRow.__table__)  # type: ignore[arg-type]
    .where(OutboxRow.id.between(bindparam("first_id"), bindparam("last_id")))
    .values(seq=OutboxRow.id + bindparam("shift"))
    .execution_options(**MARK)
)
_NEW_HEAD = insert(FeedHead.__table__).execution_options(**MARK)  # type: ignore[arg-type]
_MOVE_HEAD = (
    update(FeedHead.__table__)  # type: ignore[arg-type]
    .where(FeedHead.org_id == bindparam("head_org"))
    .values(last_seq=bindparam("new_seq"))
    .execution_options(**MARK)
)
_MOVE_PRUNED = (
    update(FeedHead.__table__)  # type: ignore[arg-type]
    .where(FeedHead.org_id == bindparam("head_org"))
    .values(pruned_seq=bindparam("new_seq"))
    .execution_options(**MARK)
)
_PRUNED = (
    select(OutboxRow.org_id, func.max(OutboxRow.seq))
    .where(OutboxRow.created_at < bindparam("before"), OutboxRow.seq.is_not(None))
    .group_by(OutboxRow.org_id)
    .execution_options(**MARK)
)
_DROP = (
    delete(OutboxRow.__table__)  # type: ignore[arg-type]
    .where(OutboxRow.org_id == bindparam("drop_org"), OutboxRow.seq <= bindparam("upto"))
    .execution_options(**MARK)
)
