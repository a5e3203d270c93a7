"""Reading the feed from the outbox: pages after a cursor, and what the dispatcher looks up.

Every page says how far it is true, and whether what came before is gone. Nothing here writes.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.models import FeedHead, OutboxRow
from camel_ext.core.outbox import Numbered
from camel_ext.events.topics import Topics

_COLUMNS = (
    OutboxRow.org_id,
    OutboxRow.project_id,
    OutboxRow.seq,
    OutboxRow.type,
    OutboxRow.subject,
    OutboxRow.payload,
    OutboxRow.trace_id,
    OutboxRow.created_at,
)


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events after a place, and the place after them.

    `gone`: the feed no longer keeps all that followed the place, or never reached it.
    """

    events: list[Numbered]
    seq: int
    last: int
    gone: bool


def head(db: Session) -> tuple[int, int]:
    """Return (newest number, newest pruned number) of the session's organisation, read anew."""
    row = db.execute(select(FeedHead.last_seq, FeedHead.pruned_seq)).first()
    return (0, 0) if row is None else (row.last_seq, row.pruned_seq)


def read_page(
    db: Session, after: int | None, upto: int | None, topics: Topics, limit: int
) -> FeedPage:
    """Return the tenant's events in (after, upto]; `after` None: from the oldest kept.

    `upto` None: up to the newest.
    """
    last, pruned = head(db)
    start = pruned if after is None else after
    end = last if upto is None else upto
    query = (
        select(*_COLUMNS)
        .where(OutboxRow.seq > start, OutboxRow.seq <= end, topics.clause())
        .order_by(OutboxRow.seq)
        .limit(limit)
    )
    events = [Numbered(*row) for row in db.execute(query)]
    # Read after the rows: what was pruned between would otherwise be a gap that nobody sees.
    last, pruned = head(db)
    reached = events[-1].seq if len(events) == limit else max(start, end)
    return FeedPage(events, reached, last, start < pruned or start > last)


def heads_of(db: Session, orgs: Collection[UUID]) -> dict[UUID, int]:
    """Return the newest number of each of these organisations. Across tenants."""
    query = select(FeedHead.org_id, FeedHead.last_seq).where(FeedHead.org_id.in_(orgs))
    return {row.org_id: row.last_seq for row in db.execute(query)}


def numbered_after(db: Session, org_id: UUID, after: int, limit: int) -> list[Numbered]:
    """Return an organisation's events after a number, of all its projects. Across tenants."""
    query = (
        select(*_COLUMNS)
        .where(OutboxRow.org_id == org_id, OutboxRow.seq > after)
        .order_by(OutboxRow.seq)
        .limit(limit)
    )
    return [Numbered(*row) for row in db.execute(query)]


def any_unnumbered(db: Session) -> bool:
    """Tell whether there is something to number. Across tenants."""
    return (
        db.execute(select(OutboxRow.id).where(OutboxRow.seq.is_(None)).limit(1)).first() is not None
    )
