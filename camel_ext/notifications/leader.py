"""The leader: asks the rules about what was numbered, and writes what they want, while it leads.

Any number of them may run on one PostgreSQL, one in each server and worker; on SQLite the server's is the
only one. It sends nothing: each delivery is a job of the queue.
"""

import asyncio
import logging
from datetime import timedelta
from functools import partial
from uuid import UUID

from camel_ext.core.clock import wait_at_most
from camel_ext.core.errors import InsufficientStorage, Unavailable
from camel_ext.core.gate import Lane
from camel_ext.core.leading import Deposed, Leadership, Led
from camel_ext.core.outbox import NUMBERED, Numbered
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.notifications import deliveries, noticing
from camel_ext.notifications.noticing import LEASE, REASON, Found, Place
from camel_ext.observability.trace import bind_trace_id, new_trace_id

log = logging.getLogger(__name__)
AWAY = (Unavailable, InsufficientStorage)  # of the database: later it may work again
SETTLE_S = 0.25  # a storm of events is looked at 4 times a second
KEPT_BACK = 1000  # events that nobody wanted are passed over in memory, up to so many
TIDY_EVERY_S = 3600.0
Wanted = dict[Tenant, list[Numbered]]


class Leader:
    """One per process. `run()` goes on until it is cancelled."""

    def __init__(
        self, runtime: Runtime, *, name: str, lease_s: float, poll_s: float, keep_s: float
    ) -> None:
        self._runtime = runtime
        # on SQLite the data directory's lock says that there is no other one
        self._leadership = Leadership(
            runtime,
            LEASE,
            name=name,
            lease_s=lease_s,
            reason=REASON,
            sole=runtime.database.is_sqlite,
        )
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._keep = timedelta(seconds=keep_s)
        self._known: dict[UUID, Place] = {}
        self._wake = asyncio.Event()
        self._follows = False  # another one leads: no event is a reason to look, but its silence
        self._tidy_at_s = 0.0

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    async def run(self) -> None:
        """Look and write, whatever the database does meanwhile."""
        self._runtime.gate.listen(NUMBERED, self.wake)
        try:
            while True:
                self._wake.clear()
                await self._pause(await self._round())
        finally:
            await self._leadership.release()

    async def _round(self) -> float:
        try:
            return await self.turn()
        except AWAY as error:
            log.warning("notifications wait for the database: %s", error)
        except Deposed:
            log.info("another process leads the notifications: nothing was written twice")
            self._known.clear()
        except Exception:  # a leader that died would let events pass in silence
            log.exception("a bug of ours in the notifications")
            self._known.clear()
        return self._poll_s

    async def turn(self) -> float:
        """Deal with what was numbered; return how long to wait at most, in seconds."""
        runtime = self._runtime
        found: list[Found] = await runtime.read_system(REASON, noticing.look, dict(self._known))
        more = False
        for each in found:
            wanted = await self._wanted(each)
            passed = each.place.reached - (each.place.stored or 0)
            if wanted or passed >= KEPT_BACK:
                if not await self._write(each, wanted):
                    self._follows = True
                    return self._lease_s / 3
            else:
                self._known[each.org_id] = each.place
            more = more or each.more
        await self._tidy()
        return 0.0 if more else self._poll_s

    async def _wanted(self, found: Found) -> Wanted:
        """Return the events of those projects where a rule wants any."""
        wanted: Wanted = {}
        for tenant, events in noticing.by_project(found.events).items():
            if await self._runtime.read(tenant, noticing.wants_any, events):
                wanted[tenant] = events
        return wanted

    async def _write(self, found: Found, wanted: Wanted) -> bool:
        """Write notices and the cursor; False: another process leads."""
        led = await self._lead()
        if led is None:
            self._known.clear()
            return False
        bind_trace_id(new_trace_id(self._runtime.rng))
        write = partial(noticing.write, runtime=self._runtime, led=led, found=found, events=wanted)
        # turns of runs and doors go first
        await self._runtime.gate.write(write, Lane.BULK, acting=REASON)
        self._known[found.org_id] = Place(found.place.reached, found.place.reached)
        return True

    async def _lead(self) -> Led | None:
        before = self._leadership.led
        led = await self._leadership.take()
        if None not in (before, led) and led != before:
            self._known.clear()  # what was known may be another leader's by now
        return led

    async def _tidy(self) -> None:
        """Forget old notices and deliveries now and then."""
        runtime = self._runtime
        if runtime.clock.monotonic_s() < self._tidy_at_s:
            return
        self._tidy_at_s = runtime.clock.monotonic_s() + TIDY_EVERY_S
        now = runtime.clock.now()
        await runtime.write_system(REASON, deliveries.forget_old, now, self._keep)

    async def _pause(self, seconds: float) -> None:
        follows, self._follows = self._follows, False
        await self._runtime.clock.sleep(seconds if follows else SETTLE_S)
        if follows:
            return
        if self._wake.is_set() or seconds <= 0:
            return
        await wait_at_most(self._runtime.clock, self._wake, seconds)
