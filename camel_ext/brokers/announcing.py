"""Events for other people's systems: from the numbered outbox to a topic exchange, in order, at least once.

One process publishes; it moves an organisation's number only behind what the broker has confirmed. So a
broker that is wiped, or a publisher that dies, costs a repetition at most: consumers tell one by its
`id`. It is woken when events are numbered, and looks now and then.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from camel_ext.brokers import published
from camel_ext.brokers.hints import policy_of
from camel_ext.brokers.published import Behind
from camel_ext.core import outbox
from camel_ext.core.clock import wait_at_most
from camel_ext.core.dependencies import Circuit, Condition, Dependency
from camel_ext.core.errors import Unavailable
from camel_ext.core.gate import Signals
from camel_ext.core.leading import Deposed, Leadership, Led
from camel_ext.core.outbox import Numbered
from camel_ext.core.runtime import Runtime

log = logging.getLogger(__name__)
REASON = "event publisher"
EXCHANGE = "event exchange"
T = TypeVar("T")
LEASE = "publisher of events"
BATCH = 200  # events between two notes of how far it came
LEASE_S = 15.0
POLL_S = 1.0
Send = Callable[[Sequence[Numbered]], int]  # returns how many the broker has confirmed, in order


class Announcer:
    """One per process; one of them leads. `run()` goes on until it is cancelled."""

    def __init__(
        self,
        runtime: Runtime,
        send: Send,
        *,
        name: str,
        timeout_s: float = 3.0,
        retry_max_s: float,
        lease_s: float = LEASE_S,
    ) -> None:
        self._runtime, self._send = runtime, send
        self._leadership = Leadership(runtime, LEASE, name=name, lease_s=lease_s, reason=REASON)
        self._wake = asyncio.Event()
        self.dependency = runtime.dependencies[EXCHANGE] = Dependency(
            runtime.clock,
            EXCHANGE,
            policy_of(timeout_s, retry_max_s),
            lost="other systems hear nothing new of the broker",
            meanwhile="events wait in the database, as long as they are kept (events.keep_s)",
        )
        self.confirmed = 0
        runtime.gate.listen(outbox.NUMBERED, self._wake.set)

    async def run(self) -> None:
        """Publish what is numbered, whatever broker and database do meanwhile."""
        while True:
            self._wake.clear()
            try:
                if self.dependency.circuit is not Circuit.OPEN:
                    await self.turn()
            except Deposed:
                log.info("another process publishes events now")
            except Unavailable as error:
                log.warning("events for the broker wait for the database: %s", error)
            except Exception:
                log.exception("a bug of ours in the publisher of events")
            await self._pause()

    async def turn(self) -> None:
        """Publish all there is, where this process leads.

        Raises: Deposed.
        """
        while behind := await self._read(published.list_behind):
            for each in behind:
                led = await self._leadership.take()  # each may take a third of the lease
                if led is None:
                    return
                if not await self._publish(each, led):
                    return

    async def close(self) -> None:
        """Let another process lead at once."""
        await self._leadership.release()

    async def _publish(self, behind: Behind, led: Led) -> bool:
        """Publish some of an organisation's events, and note how far; False: the broker is away."""
        if behind.confirmed < behind.pruned:
            log.error(
                "events %d to %d of organisation %s were never published: the broker was away for "
                "longer than events are kept (events.keep_s)",
                behind.confirmed + 1,
                behind.pruned,
                behind.org_id,
            )
        after = max(behind.confirmed, behind.pruned)
        events = await self._read(published.read_unconfirmed, behind.org_id, after, BATCH)
        try:
            count = await self._runtime.threads.run("events", self._send, events)
        except Exception as error:  # what drivers raise is not for us to list
            count = 0
            self._failed(error)
        else:
            was_away = self.dependency.condition is Condition.DOWN
            self.dependency.worked()
            if was_away:
                log.info("the broker is back: events are published from where it left off")
        if count:
            await self._confirm(behind, led, events[count - 1].seq)
            self.confirmed += count
        return count > 0

    async def _confirm(self, behind: Behind, led: Led, seq: int) -> None:
        def confirm(connection: Connection, _signals: Signals) -> None:
            published.confirm(connection, led, behind, seq)

        await self._runtime.gate.write(confirm, acting=REASON)

    async def _read(self, fn: Callable[..., list[T]], *args: object) -> list[T]:
        return await self._runtime.read_system(REASON, fn, *args)

    def _failed(self, error: Exception) -> None:
        first = self.dependency.condition is not Condition.DOWN
        self.dependency.failed(error)
        if first:
            log.warning(
                "the broker is away, events wait in the database; next try in %.0f s: %s: %s",
                self.dependency.policy.pause_after_s(1),
                type(error).__name__,
                error,
            )

    async def _pause(self) -> None:
        clock = self._runtime.clock
        await wait_at_most(clock, self._wake, POLL_S)
