"""Numbers of events: one row of them for each organisation, in the order of commit, without a gap.

A number taken inside overlapping transactions becomes visible out of order and loses events (measured on
PostgreSQL). So who numbers is alone until its commit: SQLite has one writer, PostgreSQL one holder of
`NUMBERING_LOCK`. The journal, whose appends are in one order anyway, numbers its events as it writes
them, behind what others committed before; what doors commit is numbered by whoever comes first, the next
append or the dispatcher. What an event is and who reads it are the outbox's.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, insert, select, update

from camel_ext.core.models import FeedHead, OutboxRow
from camel_ext.core.tenancy import system_options

NUMBERING_LOCK = 0x63616D656C66
NUMBERED_HERE = "numbered-here"  # the signal that the journal of this process numbered events
DISPATCH_ROWS = 1000
MARK = system_options("event dispatcher")
Row = dict[str, Any]


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


class Heads:
    """The newest number of each organisation as it is now, and which of them were moved."""

    def __init__(self, known: Iterable[tuple[UUID, int]]) -> None:
        self._last = dict(known)
        self._there = frozenset(self._last)
        self._taken: Counter[UUID] = Counter()

    def take(self, org_id: UUID) -> int:
        """Return the organisation's next number."""
        self._taken[org_id] += 1
        return self._newest(org_id)

    @property
    def moved(self) -> list[Row]:
        """The heads that are there already, to be moved."""
        return [
            {"head_org": org_id, "new_seq": self._newest(org_id)}
            for org_id in self._taken
            if org_id in self._there
        ]

    @property
    def fresh(self) -> list[Row]:
        """The heads of organisations that had no event before."""
        return [
            {"org_id": org_id, "last_seq": self._newest(org_id), "pruned_seq": 0}
            for org_id in self._taken
            if org_id not in self._there
        ]

    def _newest(self, org_id: UUID) -> int:
        return self._last.get(org_id, 0) + self._taken[org_id]


def number_committed(connection: Connection) -> list[Numbered]:
    """Number what is committed and not yet numbered, at most 1,000 rows, and return it in order.

    Only who is alone calls it.
    """
    rows = connection.execute(_UNNUMBERED).all()
    if not rows:
        return []
    heads = _heads(connection, {row.org_id for row in rows})
    numbered = [
        Numbered(
            row.org_id, row.project_id, heads.take(row.org_id), row.type, row.subject,
            row.payload, row.trace_id, row.created_at,
        )
        for row in rows
    ]  # fmt: skip
    places = [(row.id, event.seq) for row, event in zip(rows, numbered, strict=True)]
    connection.execute(NUMBER, spans(places))
    _move(connection, heads)
    return numbered


def with_numbers(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    """Return rows about to be inserted with their numbers, behind all that was committed before.

    Only who is alone calls it.
    """
    orgs = list({row["org_id"] for row in rows})
    known = connection.execute(_HEADS_AND_MORE, {"orgs": orgs}).all()
    if len(known) < len(orgs) or known[0].is_behind:
        while number_committed(connection):
            pass
        known = connection.execute(_HEADS_AND_MORE, {"orgs": orgs}).all()
    heads = Heads((row.org_id, row.last_seq) for row in known)
    numbered = [row | {"seq": heads.take(row["org_id"])} for row in rows]
    _move(connection, heads)
    return numbered


def spans(places: Sequence[tuple[int, int]]) -> list[dict[str, int]]:
    """Return stretches of rows that follow one another and get numbers that do, too.

    No row can be between two whose ids do, so a stretch is these rows and no other.
    """
    found: list[dict[str, int]] = []
    for row_id, seq in places:
        last = found[-1] if found else None
        if last and (row_id, seq) == (last["last_id"] + 1, row_id + last["shift"]):
            last["last_id"] = row_id
        else:
            found.append({"first_id": row_id, "last_id": row_id, "shift": seq - row_id})
    return found


def _heads(connection: Connection, orgs: Iterable[UUID]) -> Heads:
    rows = connection.execute(_HEADS, {"orgs": list(orgs)})
    return Heads((row.org_id, row.last_seq) for row in rows)


def _move(connection: Connection, heads: Heads) -> None:
    for statement, rows in ((MOVE_HEAD, heads.moved), (NEW_HEAD, heads.fresh)):
        if rows:
            connection.execute(statement, rows)


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
_HEADS_AND_MORE = (
    select(
        FeedHead.org_id,
        FeedHead.last_seq,
        select(OutboxRow.id).where(OutboxRow.seq.is_(None)).exists().label("is_behind"),
    )
    .where(FeedHead.org_id.in_(bindparam("orgs", expanding=True)))
    .execution_options(**MARK)
)
NUMBER = (
    update(OutboxRow.__table__)  # type: ignore[arg-type]
    .where(OutboxRow.id.between(bindparam("first_id"), bindparam("last_id")))
    .values(seq=OutboxRow.id + bindparam("shift"))
    .execution_options(**MARK)
)
NEW_HEAD = insert(FeedHead.__table__).execution_options(**MARK)  # type: ignore[arg-type]
MOVE_HEAD = (
    update(FeedHead.__table__)  # type: ignore[arg-type]
    .where(FeedHead.org_id == bindparam("head_org"))
    .values(last_seq=bindparam("new_seq"))
    .execution_options(**MARK)
)
