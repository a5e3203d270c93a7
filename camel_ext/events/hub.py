"""The hub: every client of the feed on this process, by organisation.

It takes numbered events from the dispatcher and frames from whoever makes text, and hands each to
the clients that asked for it. It never numbers, and holds no session while a client is connected.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from uuid import UUID

from camel_ext.core.errors import CamelExtError, QuotaExceeded, Unavailable
from camel_ext.core.outbox import Numbered
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.events.errors import Stopping
from camel_ext.events.feeds import OrgFeed
from camel_ext.events.log import head, heads_of
from camel_ext.events.streams import Streams
from camel_ext.events.subscriber import Sink, Subscriber
from camel_ext.events.topics import Topics
from camel_ext.events.wire import Body, Chunk, Ping

RECHECK_S = 30.0  # a stream outlives its key by at most this
Recheck = Callable[[], Awaitable[object]]


class Hub:
    """One per process; `frames` are the ephemeral streams. It belongs to the event loop."""

    def __init__(self, runtime: Runtime, *, queue_frames: int, heartbeat_s: float) -> None:
        self.frames = Streams(runtime.clock, self)
        self._runtime = runtime
        self._queue_frames = queue_frames
        self._heartbeat_s = heartbeat_s
        self._orgs: dict[UUID, OrgFeed] = {}
        self._rechecks: dict[Subscriber, tuple[float, Recheck]] = {}
        self._stopping = False

    @property
    def clients(self) -> int:
        """How many are connected."""
        return sum(org.clients for org in self._orgs.values())

    def check_open(self) -> None:
        """Refuse newcomers while the server stops.

        Raises: Stopping.
        """
        if self._stopping:
            raise Stopping(retry_after_s=1.0)

    @asynccontextmanager
    async def subscribed(
        self,
        tenant: Tenant,
        topics: Topics,
        after: int | None,
        sink: Sink,
        recheck: Recheck | None = None,
    ) -> AsyncIterator[Subscriber]:
        """Serve a client while the block lasts, once its wire is open and it was told to `start`.

        `after` None: from now on.

        Raises: Stopping, Unavailable.
        """
        self.check_open()
        org = self._orgs.get(tenant.org_id)
        if org is None:
            org = self._orgs[tenant.org_id] = OrgFeed(self._runtime, tenant.org_id)
        org.clients += 1
        try:
            if not org.opened:
                last, _ = await self._runtime.read(tenant, head)
                org.open(last)
            self.check_open()
            async with self._joined(org, tenant, topics, after, sink, recheck) as subscriber:
                yield subscriber
        finally:
            org.clients -= 1
            if org.clients == 0:
                self._orgs.pop(tenant.org_id, None)

    @asynccontextmanager
    async def _joined(
        self,
        org: OrgFeed,
        tenant: Tenant,
        topics: Topics,
        after: int | None,
        sink: Sink,
        recheck: Recheck | None,
    ) -> AsyncIterator[Subscriber]:
        group = org.join(tenant, topics)
        begin = org.published if after is None else after
        subscriber = Subscriber(org, group, tenant, sink, begin, self._queue_frames)
        group.members.add(subscriber)
        if recheck is not None:
            self._rechecks[subscriber] = (self._runtime.clock.monotonic_s() + RECHECK_S, recheck)
        try:
            yield subscriber
        finally:
            self._rechecks.pop(subscriber, None)
            org.leave(subscriber)
            await subscriber.drop()

    def publish(self, events: Sequence[Numbered]) -> set[UUID]:
        """Send freshly numbered events on; return organisations that must `follow` first."""
        behind = set()
        ordered = sorted(events, key=lambda event: (event.org_id, event.seq))
        for org_id, some in groupby(ordered, key=lambda event: event.org_id):
            org = self._orgs.get(org_id)
            if org is not None and not org.publish(list(some)):
                behind.add(org_id)
        return behind

    async def follow(self, orgs: set[UUID] | None = None) -> None:
        """Publish from the log what was numbered elsewhere, for clients that are here."""
        wanted = [org_id for org_id in self._orgs if orgs is None or org_id in orgs]
        if not wanted:
            return
        last = await self._runtime.read_system("event feed", heads_of, wanted)
        for org_id in wanted:
            org = self._orgs.get(org_id)
            if org is not None and org.opened and org.published < last.get(org_id, 0):
                await org.follow()

    def wants_frame(self, tenant: Tenant, kind: str, subjects: Sequence[str]) -> bool:
        """Tell whether anybody here watches such frames."""
        org = self._orgs.get(tenant.org_id)
        return org is not None and org.wants_frame(tenant, kind, subjects)

    def send_frame(self, tenant: Tenant, kind: str, subjects: Sequence[str], body: Body) -> None:
        """Send a frame to who watches and keeps up."""
        org = self._orgs.get(tenant.org_id)
        if org is not None:
            org.frame(tenant, kind, subjects, body)

    async def keep(self) -> None:
        """Send heartbeats, check keys again, forget finished streams; until cancelled."""
        while True:
            await self._runtime.clock.sleep(min(1.0, self._heartbeat_s / 4))
            self.frames.sweep()
            self._beat()
            await self._recheck()

    def end_streams(self) -> None:
        """Tell every client that the server restarts, and close; newcomers are refused."""
        self._stopping = True
        for subscriber in self._members():
            subscriber.end(Stopping())

    async def ended(self) -> None:
        """Wait until those who were told have been told."""
        ending = {s.ending for s in self._members() if s.ending is not None}
        if ending:
            await asyncio.wait(ending)

    def _members(self) -> list[Subscriber]:
        return [member for org in self._orgs.values() for member in org.members()]

    def _beat(self) -> None:
        now_s = self._runtime.clock.monotonic_s()
        for org in self._orgs.values():
            ping = Chunk([Ping(org.published)])
            for member in org.members():
                if member.live and now_s - member.sent_s >= self._heartbeat_s:
                    member.offer_ephemeral(ping, now_s)

    async def _recheck(self) -> None:
        now_s = self._runtime.clock.monotonic_s()
        due = [(s, check) for s, (at_s, check) in self._rechecks.items() if at_s <= now_s]
        for subscriber, check in due:
            if subscriber not in self._rechecks:
                continue
            self._rechecks[subscriber] = (now_s + RECHECK_S, check)
            try:
                await check()
            except (Unavailable, QuotaExceeded):  # the database is away: whoever was let in stays
                continue
            except CamelExtError as error:
                subscriber.end(error)
