"""The one dispatcher: numbers what doors commit, and gives it and what the journal numbered to the hub.

It is woken by the gate after a commit that announced something, and by a slow poll, so a lost wake
only costs time. On SQLite the lock on the data directory makes this process the one that numbers; on
PostgreSQL whoever holds an advisory lock numbers, and every process follows what others numbered, so
that several servers each feed their own clients. It knows no event's meaning.
"""

import asyncio
import logging
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from camel_ext.core import outbox
from camel_ext.core.clock import wait_at_most
from camel_ext.core.database import held_alone
from camel_ext.core.errors import Unavailable
from camel_ext.core.gate import Lane, Signals
from camel_ext.core.numbering import NUMBERED_HERE, NUMBERING_LOCK
from camel_ext.core.outbox import Numbered
from camel_ext.core.runtime import Runtime
from camel_ext.events.hub import Hub
from camel_ext.events.log import any_unnumbered

log = logging.getLogger(__name__)
REASON = "event dispatcher"
PRUNE_LOCK = 0x63616D656C67
PAUSE_S = 0.01  # the first event goes at once; a storm is numbered at most 100 times a second
ELSEWHERE_S = 0.02  # after another one was found numbering
POLL_S = 1.0
FOLLOW_S = 0.2  # PostgreSQL: how far a server may be behind what another one numbered
BACKOFF_MAX_S = 10.0
PRUNE_EVERY_S = 600.0


class Dispatcher:
    """One per process. `run()` goes on until it is cancelled."""

    def __init__(
        self, runtime: Runtime, hub: Hub, *, keep_s: float, poll_s: float | None = None
    ) -> None:
        self._runtime = runtime
        self._hub = hub
        self._keep_s = keep_s
        self._alone = runtime.database.is_sqlite
        self._poll_s = poll_s or (POLL_S if self._alone else FOLLOW_S)
        self._wake = asyncio.Event()
        self._announced = False  # something was committed here that has no number yet
        self._numbered = False  # something was numbered here by the journal, and is to be published
        self._unsure = True  # what was numbered may not have been published
        self._prune_at_s = 0.0
        self.failures = 0

    def wake(self) -> None:
        """Number now: something was announced here."""
        self._announced = True
        self._wake.set()

    def publish(self) -> None:
        """Publish now: something was numbered here."""
        self._numbered = True
        self._wake.set()

    def _follow(self) -> None:
        """Publish now: something was numbered elsewhere."""
        if self._hub.clients:
            self._wake.set()

    async def run(self) -> None:
        """Number and publish, whatever the database does meanwhile."""
        self._runtime.gate.listen(outbox.OUTBOX, self.wake, elsewhere=False)
        self._runtime.gate.listen(NUMBERED_HERE, self.publish, elsewhere=False)
        self._runtime.gate.listen(outbox.NUMBERED, self._follow, here=False)
        while True:
            try:
                await self.turn()
                self.failures = 0
            except Exception as error:
                self._failed(error)
            await self._pause()

    async def turn(self) -> None:
        """Number all there is, and publish it."""
        announced, numbered, woken = self._announced, self._numbered, self._wake.is_set()
        self._announced = self._numbered = False
        self._wake.clear()
        if numbered:
            self._runtime.gate.signal(outbox.NUMBERED)
        self._unsure |= numbered or not woken or not self._alone
        if self._unsure:
            await self._hub.follow()
            self._unsure = False
        if announced or (not woken and await self._runtime.read_system(REASON, any_unnumbered)):
            await self._number_all()
        await self._prune_if_due()

    async def _number_all(self) -> None:
        while True:
            self._unsure = True  # until the answer is here: a commit may outlive its connection
            numbered = await self._runtime.gate.write(_number, acting=REASON)
            self._unsure = False
            if numbered is None:  # another one is at it, and may well take ours along
                await self._runtime.clock.sleep(ELSEWHERE_S)
                if await self._runtime.read_system(REASON, any_unnumbered):
                    self.wake()
                return
            behind = self._hub.publish(numbered)
            if behind:
                await self._hub.follow(behind)
            if len(numbered) < outbox.DISPATCH_ROWS:
                return

    async def _prune_if_due(self) -> None:
        clock = self._runtime.clock
        if clock.monotonic_s() < self._prune_at_s:
            return
        self._prune_at_s = clock.monotonic_s() + PRUNE_EVERY_S
        before = clock.now() - timedelta(seconds=self._keep_s)

        def prunable(connection: Connection, _signals: Signals) -> list[tuple[UUID, int]]:
            return outbox.prunable(connection, before)

        old = await self._runtime.gate.write(prunable, Lane.BULK, acting=REASON)
        for org_id, upto in old:
            while await self._runtime.gate.write(
                partial(_prune, org_id, upto), Lane.BULK, acting=REASON
            ):
                pass

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        self.wake()
        if isinstance(error, Unavailable):
            log.warning("events wait for the database: %s", error)
        else:
            log.error("a bug of ours in the event dispatcher", exc_info=error)

    async def _pause(self) -> None:
        clock = self._runtime.clock
        if self.failures:
            await clock.sleep(min(BACKOFF_MAX_S, 0.1 * 2.0 ** min(self.failures, 10)))
            return
        await clock.sleep(PAUSE_S)
        await wait_at_most(clock, self._wake, self._poll_s)


def _number(connection: Connection, signals: Signals) -> list[Numbered] | None:
    """Number under the lock; None where another process holds it."""
    if not _alone(connection, NUMBERING_LOCK):
        return None
    numbered = outbox.number_committed(connection)
    if numbered:
        signals.add(outbox.NUMBERED)
    return numbered


def _prune(org_id: UUID, upto: int, connection: Connection, _signals: Signals) -> bool:
    return _alone(connection, PRUNE_LOCK) and outbox.prune(connection, org_id, upto)


def _alone(connection: Connection, lock: int) -> bool:
    """Tell whether nobody else is at it: on PostgreSQL a lock is held until the commit is visible."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.scalar(held_alone(lock, waits=False)))
