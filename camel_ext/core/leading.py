"""Leases by which one process leads in a matter, and the fence that proves it in each transaction.

A lease is taken when there is something to do, so that processes that have nothing to do write nothing. A
leader that was held up for longer than its lease finds its fence outdated, and nothing of what it writes is
kept. Which matter it is says the lease's name; what a leader does is its room's.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from camel_ext.core.errors import Conflict, InsufficientStorage, Unavailable
from camel_ext.core.gate import Signals
from camel_ext.core.models import LeaderLease
from camel_ext.core.runtime import Runtime

log = logging.getLogger(__name__)


class Deposed(Conflict):
    """Another process leads by now: nothing of this was kept."""


@dataclass(frozen=True, slots=True)
class Led:
    """Who leads what, under which fence."""

    holder_id: UUID
    fence: int
    name: str


class Leadership:
    """A process's claim to lead in one matter; `led` is what it holds, as far as it knows."""

    def __init__(
        self,
        runtime: Runtime,
        lease: str,
        *,
        name: str,
        lease_s: float,
        reason: str,
        sole: bool = False,
    ) -> None:
        self._runtime, self._lease, self._name = runtime, lease, name
        self._lease_s, self._reason, self._sole = lease_s, reason, sole
        self.id = runtime.new_id()
        self.led: Led | None = None

    async def take(self) -> Led | None:
        """Lead, or go on leading; None: another process does."""

        def taking(connection: Connection, _signals: Signals) -> Led | None:
            now = self._runtime.database.lease_now(connection, self._runtime.clock)
            return take(
                connection, self._lease, self.id, self._name, now, self._lease_s, sole=self._sole
            )

        led = await self._runtime.gate.write(taking, acting=self._reason)
        if led is not None and led != self.led:
            log.info("%s leads: %s, fence %d", self._name, self._lease, led.fence)
        self.led = led
        return led

    async def release(self) -> None:
        """Give the lease back: a stopping leader need not be waited for."""
        led = self.led
        if led is None:
            return

        def give_back(connection: Connection, _signals: Signals) -> None:
            now = self._runtime.database.lease_now(connection, self._runtime.clock)
            release(connection, led, now)

        try:
            await self._runtime.gate.write(give_back, acting=self._reason)
        except (Unavailable, InsufficientStorage) as error:
            log.warning("the lease %r could not be given back: %s", self._lease, error)


def take(
    connection: Connection,
    name: str,
    holder_id: UUID,
    holder: str,
    now: datetime,
    lease_s: float,
    *,
    sole: bool = False,
) -> Led | None:
    """Take or extend the lease of that name; None: another process leads.

    `sole`: every other process of this database is known to be dead.
    """
    until = now + timedelta(seconds=lease_s)
    held = connection.execute(
        select(LeaderLease.holder_id, LeaderLease.fence, LeaderLease.lease_until)
        .where(LeaderLease.name == name)
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
        update(LeaderLease)
        .where(LeaderLease.name == name)
        .values(holder_id=holder_id, holder=holder, fence=fence, lease_until=until)
    )
    return Led(holder_id, fence, name)


def _found(
    connection: Connection, holder_id: UUID, holder: str, until: datetime, name: str
) -> Led | None:
    row = {"name": name, "holder_id": holder_id, "holder": holder, "fence": 1}
    try:
        with connection.begin_nested():
            connection.execute(insert(LeaderLease), [row | {"lease_until": until}])
    except IntegrityError:  # another one was first, on PostgreSQL
        return None
    return Led(holder_id, 1, name)


def check(connection: Connection, led: Led) -> None:
    """Make sure, inside a transaction, that this process still leads.

    Raises: Deposed.
    """
    query = select(LeaderLease.name).where(
        LeaderLease.name == led.name,
        LeaderLease.holder_id == led.holder_id,
        LeaderLease.fence == led.fence,
    )
    if connection.execute(query.with_for_update(read=True)).first() is None:
        raise Deposed()


def release(connection: Connection, led: Led, now: datetime) -> None:
    """Give the lease back, so that the next one need not wait for its end."""
    connection.execute(
        update(LeaderLease)
        .where(
            LeaderLease.name == led.name,
            LeaderLease.holder_id == led.holder_id,
            LeaderLease.fence == led.fence,
        )
        .values(lease_until=now)
    )
