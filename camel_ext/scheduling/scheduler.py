"""The scheduler: looks which schedules are due, and fires them while it leads.

Any number of them may run on one PostgreSQL, in servers and in processes of their own; on SQLite the
server's is the only one. Which of them leads is the lease's to say. It starts nothing itself: each firing
is a job of the queue.
"""

import asyncio
import logging
from datetime import timedelta

from camel_ext.core.clock import wait_at_most
from camel_ext.core.errors import InsufficientStorage, Unavailable
from camel_ext.core.leading import Deposed, Leadership, Led
from camel_ext.core.runtime import Runtime
from camel_ext.observability.trace import bind_trace_id, new_trace_id
from camel_ext.scheduling import ticking
from camel_ext.scheduling.schedules import SCHEDULES
from camel_ext.scheduling.ticking import Due, Seen

log = logging.getLogger(__name__)
LEASE = "scheduler"
AWAY = (Unavailable, InsufficientStorage)  # of the database: later it may work again
ABREAST = 8  # schedules that are fired at the same time: each takes a connection
TIDY_EVERY_S = 3600.0
REASON = "one scheduler fires the schedules of all tenants"


class Scheduler:
    """One per process. `run()` goes on until `stop()`."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        name: str,
        lease_s: float = 15.0,
        poll_s: float = 1.0,
        keep_s: float = 90 * 86400.0,
        sole: bool = False,
    ) -> None:
        self._runtime = runtime
        # `sole`: holds the lock of the data directory, so that every other scheduler is dead
        self.leadership = Leadership(
            runtime, LEASE, name=name, lease_s=lease_s, reason=REASON, sole=sole
        )
        self._poll_s = poll_s
        self._keep = timedelta(seconds=keep_s)
        self._wake = asyncio.Event()
        self._stopping = False
        self._tidy_at_s = 0.0

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    def stop(self) -> None:
        """Return from `run()` after the round that is under way."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Look and fire, whatever the database does meanwhile."""
        self._runtime.gate.listen(SCHEDULES, self.wake)
        while not self._stopping:
            self._wake.clear()
            pause_s = self._poll_s
            try:
                pause_s = await self.turn()
            except AWAY as error:
                log.warning("schedules wait for the database: %s", error)
            except Exception:  # a scheduler that died would let ticks pass in silence
                log.exception("a bug of ours in the scheduler")
            await self._pause(pause_s)
        await self.leadership.release()

    async def turn(self) -> float:
        """Fire all that is due, where this one leads; return how long nothing will be, in seconds."""
        runtime = self._runtime
        seen: Seen = await runtime.read_system(
            REASON, ticking.look, runtime.database, runtime.clock
        )
        if not seen.due:
            await self._tidy()
            quiet_s = self._poll_s if seen.pause_s is None else seen.pause_s
            return max(0.0, min(quiet_s, self._poll_s))
        led = await self.leadership.take()
        if led is None:
            return self._poll_s
        left = list(seen.due)
        while left:
            some, left = left[:ABREAST], left[ABREAST:]
            if not all(await asyncio.gather(*(self._fire(led, due) for due in some))):
                return self._poll_s
        return 0.0

    async def _fire(self, led: Led, due: Due) -> bool:
        """Fire one schedule; False: it did not work, and is to be tried later."""
        bind_trace_id(new_trace_id(self._runtime.rng))
        try:
            await self._runtime.write(due.tenant, ticking.tick, self._runtime, led, due.schedule_id)
        except Deposed:
            log.warning("another scheduler leads by now: nothing was fired twice")
            return False
        except AWAY:
            raise
        except Exception:  # the others are not to wait for this one
            log.exception("a bug of ours: schedule %s was not fired", due.schedule_id)
            return False
        return True

    async def _tidy(self) -> None:
        """Forget old firings now and then."""
        runtime = self._runtime
        if runtime.clock.monotonic_s() < self._tidy_at_s:
            return
        self._tidy_at_s = runtime.clock.monotonic_s() + TIDY_EVERY_S
        now = runtime.clock.now()
        await runtime.write_system(REASON, ticking.forget_old, now, self._keep)

    async def _pause(self, seconds: float) -> None:
        if self._wake.is_set() or seconds <= 0:
            await asyncio.sleep(0)
            return
        await wait_at_most(self._runtime.clock, self._wake, seconds)
