"""The lease that makes one scheduler the leader, and the fence that proves it in each transaction.

A room above that has one leader, too, takes a lease of another name.

It is taken when something is due, so that schedulers that have nothing to do write nothing. A leader that
was held up for longer than its lease finds its fence outdated, and nothing of what it writes is kept.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from camel_ext.scheduling.errors import Deposed
from camel_ext.scheduling.models import SchedulerLease

LEASE = "scheduler"


@dataclass(frozen=True, slots=True)
class Led:
    """Who leads what, under which fence."""

    holder_id: UUID
    fence: int
    name: str = LEASE


def take(
    connection: Connection,
    holder_id: UUID,
    holder: str,
    now: datetime,
    lease_s: float,
    *,
    sole: bool = False,
    name: str = LEASE,
) -> Led | None:
    """Take or extend the lease of that name; None: another scheduler leads.

    `sole`: every other scheduler of this database is known to be dead.
    """
    until = now + timedelta(seconds=lease_s)
    held = connection.execute(
        select(SchedulerLease.holder_id, SchedulerLease.fence, SchedulerLease.lease_until)
        .where(SchedulerLease.name == name)
        .with_for_update()
    ).first()
    if held is None:
        return _found(connection, holder_id, holder, until, name)
    mine = held.holder_id == holder_id
    if not mine and not sole and held.lease_until > now:
        return None
    # Also one's own lease that ran out is taken anew: what was begun under it may not go on.
    fence = held.fence if mine and held.lease_until > now else held.fence + 1
    connection.execute(
        update(SchedulerLease)
        .where(SchedulerLease.name == name)
        .values(holder_id=holder_id, holder=holder, fence=fence, lease_until=until)
    )
    return Led(holder_id, fence, name)


def _found(
    connection: Connection, holder_id: UUID, holder: str, until: datetime, name: str
) -> Led | None:
    row = {"name": name, "holder_id": holder_id, "holder": holder, "fence": 1}
    try:
        with connection.begin_nested():
            connection.execute(insert(SchedulerLease), [row | {"lease_until": until}])
    except IntegrityError:  # another one was first, on PostgreSQL
        return None
    return Led(holder_id, 1, name)


def check(connection: Connection, led: Led) -> None:
    """Make sure, inside a transaction, that this scheduler still leads.

    Raises: Deposed.
    """
    query = select(SchedulerLease.name).where(
        SchedulerLease.name == led.name,
        SchedulerLease.holder_id == led.holder_id,
        SchedulerLease.fence == led.fence,
    )
    if connection.execute(query.with_for_update(read=True)).first() is None:
        raise Deposed()


def release(connection: Connection, led: Led, now: datetime) -> None:
    """Give the lease back, so that the next one need not wait for its end."""
    connection.execute(
        update(SchedulerLease)
        .where(
            SchedulerLease.name == led.name,
            SchedulerLease.holder_id == led.holder_id,
            SchedulerLease.fence == led.fence,
        )
        .values(lease_until=now)
    )
