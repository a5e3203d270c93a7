"""How far each organisation's events are published: a number that only the leader moves."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.orm import Session

from camel_ext.brokers.models import PublishedHead
from camel_ext.core import leading
from camel_ext.core.leading import Led
from camel_ext.core.models import FeedHead, OutboxRow
from camel_ext.core.outbox import Numbered
from camel_ext.core.tenancy import system_options

MARK = system_options("event publisher")


@dataclass(frozen=True, slots=True)
class Behind:
    """An organisation whose feed goes further than what the broker has confirmed."""

    org_id: UUID
    confirmed: int
    pruned: int
    is_new: bool


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


def confirm(connection: Connection, led: Led, behind: Behind, seq: int) -> None:
    """Note that the broker has confirmed all of an organisation's events up to a number.

    Raises: Deposed.
    """
    leading.check(connection, led)
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
