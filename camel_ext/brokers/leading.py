"""Which process publishes events, and how far it has come: a lease with a fence, and a number each.

A leader that was held up for longer than its lease finds its fence outdated, and its numbers unmoved.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.brokers.errors import NotLeading
from camel_ext.brokers.models import PublishedHead, PublisherLease
from camel_ext.core.models import FeedHead, OutboxRow
from camel_ext.core.outbox import Numbered
from camel_ext.core.tenancy import system_options

LEASE = "events"
MARK = system_options("event publisher")


@dataclass(frozen=True, slots=True)
class Behind:
    """An organisation whose feed goes further than what the broker has confirmed."""

    org_id: UUID
    confirmed: int
    pruned: int
    is_new: bool


def lead(connection: Connection, holder_id: UUID, now: datetime, lease_s: float) -> int | None:
    """Take or extend the lease and return its fence; None: another process publishes."""
    until = now + timedelta(seconds=lease_s)
    lease = PublisherLease
    query = select(lease.holder_id, lease.fence, lease.lease_until).where(lease.name == LEASE)
    held = connection.execute(query.with_for_update()).first()
    if held is None:
        return _found(connection, holder_id, until)
    is_over = held.lease_until <= now
    if held.holder_id != holder_id and not is_over:
        return None
    fence: int = held.fence + 1 if is_over else held.fence
    values = {"holder_id": holder_id, "fence": fence, "lease_until": until}
    connection.execute(update(lease).where(lease.name == LEASE).values(**values))
    return fence


def _found(connection: Connection, holder_id: UUID, until: datetime) -> int | None:
    row = {"name": LEASE, "holder_id": holder_id, "fence": 1, "lease_until": until}
    try:
        with connection.begin_nested():
            connection.execute(insert(PublisherLease), [row])
    except IntegrityError:  # another one was first, on PostgreSQL
        return None
    return 1


def release(connection: Connection, holder_id: UUID, now: datetime) -> None:
    """Give the lease back, so that the next one need not wait for its end."""
    mine = PublisherLease.name == LEASE, PublisherLease.holder_id == holder_id
    connection.execute(update(PublisherLease).where(*mine).values(lease_until=now))


def list_behind(db: Session) -> list[Behind]:
    """Return the organisations with events that are numbered and not confirmed. Across tenants.

    One that was never published begins with the oldest event that is kept.
    """
    query = (
        select(FeedHead.org_id, FeedHead.last_seq, FeedHead.pruned_seq, PublishedHead.seq)
        .outerjoin(PublishedHead, PublishedHead.org_id == FeedHead.org_id)
        .order_by(FeedHead.org_id)
        .execution_options(**MARK)
    )
    return [
        Behind(org_id, pruned if seq is None else seq, pruned, seq is None)
        for org_id, last, pruned, seq in db.execute(query)
        if last > (pruned if seq is None else seq)
    ]


def read_unconfirmed(db: Session, org_id: UUID, after: int, limit: int) -> list[Numbered]:
    """Return an organisation's events after a number, in order. Across tenants."""
    query = (
        select(
            OutboxRow.org_id, OutboxRow.project_id, OutboxRow.seq, OutboxRow.type,
            OutboxRow.subject, OutboxRow.payload, OutboxRow.trace_id, OutboxRow.created_at,
        )
        .where(OutboxRow.org_id == org_id, OutboxRow.seq > after)
        .order_by(OutboxRow.seq)
        .limit(limit)
        .execution_options(**MARK)
    )  # fmt: skip
    return [Numbered(*row) for row in db.execute(query)]


def confirm(connection: Connection, holder_id: UUID, fence: int, behind: Behind, seq: int) -> None:
    """Note that the broker has confirmed all of an organisation's events up to a number.

    Raises: NotLeading.
    """
    lease = PublisherLease
    mine = select(lease.name).where(
        lease.name == LEASE, lease.holder_id == holder_id, lease.fence == fence
    )
    if connection.execute(mine.with_for_update(read=True)).first() is None:
        raise NotLeading()
    if behind.is_new:
        row = {"org_id": behind.org_id, "seq": seq}
        connection.execute(insert(PublishedHead).execution_options(**MARK), [row])
        return
    connection.execute(
        update(PublishedHead)
        .where(PublishedHead.org_id == behind.org_id, PublishedHead.seq < seq)
        .values(seq=seq)
        .execution_options(**MARK)
    )
