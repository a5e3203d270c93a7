"""One client of the feed: written to at once while it keeps up, served from the log when it does not.

A *live* client has seen everything its organisation's feed published: new messages are written
straight to its sink, or wait in a bounded queue. When the queue is full it is emptied and the client
*catches up* from its cursor, page by page, at its own speed, until it is level again; that is how
every client begins, too. So nothing is lost or sent twice, and memory stays bounded. What a client
may see is decided by its group and its tenant, not here.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from camel_ext.core.errors import CamelExtError, Unavailable
from camel_ext.core.tenancy import Tenant
from camel_ext.events.errors import TooSlow
from camel_ext.events.log import FeedPage, read_page
from camel_ext.events.wire import Chunk, Hello, event_body, reset_body

if TYPE_CHECKING:
    from camel_ext.events.feeds import Group, OrgFeed

log = logging.getLogger(__name__)
T = TypeVar("T")
PAGE_EVENTS = 200
STALL_S = 60.0  # a client that reads nothing for so long is let go; its cursor brings it back
CLOSE_S = 2.0
RETRY_S = 1.0


class Gone(ConnectionError):
    """The client is not there any more."""


class Sink(Protocol):
    """The wire to one client."""

    def try_write(self, chunk: Chunk) -> bool:
        """Write now, if that takes no waiting."""
        ...

    async def send(self, chunk: Chunk) -> None:
        """Write, waiting for the client to read.

        Raises: OSError where it is gone.
        """
        ...

    async def close(self, error: CamelExtError | None) -> None:
        """Say why and end the connection."""
        ...

    def abort(self) -> None:
        """End the connection without a word, as it reads none."""
        ...


class Subscriber:
    """Made by the hub; all of it belongs to the event loop."""

    def __init__(
        self, org: "OrgFeed", group: "Group", tenant: Tenant, sink: Sink, after: int, limit: int
    ) -> None:
        self.org = org
        self.group = group
        self.tenant = tenant
        self.live = False
        self.sent_s = 0.0
        self.ending: asyncio.Task[None] | None = None
        self._sink = sink
        self._cursor = after  # all up to it was handed to the sink; kept only while it matters
        self._limit = limit
        self._queue: deque[Chunk] = deque()
        self._queued = 0
        self._pump: asyncio.Task[None] | None = None
        self._greeted = False

    def start(self) -> None:
        """Greet the client and bring it level with the feed."""
        self._wake()

    def offer(self, chunk: Chunk, now_s: float) -> None:
        """Hand a live client the next messages; never waits."""
        self.sent_s = now_s
        if not self._queue and self._pump is None and self._sink.try_write(chunk):
            return
        if self._queued + len(chunk.bodies) > self._limit:
            self.fall_behind()
            return
        self._enqueue(chunk)

    def offer_ephemeral(self, chunk: Chunk, now_s: float) -> None:
        """Hand a live client what it can do without: dropped where it does not keep up."""
        if not self._queue and self._pump is None and self._sink.try_write(chunk):
            self.sent_s = now_s
        elif self._queued < self._limit // 2:
            self._enqueue(chunk)

    def fall_behind(self) -> None:
        """Forget what waits and read it from the log again, from the cursor."""
        if not self._queue:
            self._cursor = self.org.published
        self._queue.clear()
        self._queued = 0
        self.live = False
        self._wake()

    def end(self, error: CamelExtError | None) -> None:
        """Stop sending, say why, and close."""
        if self.ending is not None:
            return
        self.live = False
        self.ending = asyncio.create_task(self._finish(error), name="feed-end")

    async def drop(self) -> None:
        """Let go of a client that is gone."""
        self.live = False
        tasks = [task for task in (self._pump, self.ending) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _enqueue(self, chunk: Chunk) -> None:
        if not self._queue:
            self._cursor = self.org.published  # all before this chunk is with the sink
        self._queue.append(chunk)
        self._queued += len(chunk.bodies)
        self._wake()

    def _wake(self) -> None:
        if self._pump is None and self.ending is None:
            self._pump = asyncio.create_task(self._run(), name="feed-pump")
            self._pump.add_done_callback(self._pumped)

    async def _run(self) -> None:
        """Send what waits until the client is live and its queue empty."""
        level = False
        try:
            if not self._greeted:
                self._greeted = True
                await self._send(Chunk([Hello(self._cursor)]))
            while not self.live or self._queue:
                if not self.live:
                    await self._catch_up()
                    continue
                chunk = self._queue.popleft()
                self._queued -= len(chunk.bodies)
                self._cursor = self._cursor if chunk.seq is None else chunk.seq
                await self._send(chunk)
            level = True
        finally:
            self._pump = None
            self.live = self.live and level

    def _pumped(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, TimeoutError):
            self.end(TooSlow())
        elif error is not None and not isinstance(error, OSError):
            log.error("a stream of events broke", exc_info=error)
            self.end(CamelExtError("something broke here; the log has the details"))

    async def _catch_up(self) -> None:
        while self._cursor != self.org.published:
            if self._cursor > self.org.published:  # seen by way of another server
                await self._insist(self.org.follow)
            if self._cursor > self.org.published:
                await self._reset()
                continue
            page = await self._insist(self._page)
            if page.gone:
                await self._reset()
                continue
            self._cursor = page.seq
            if page.events:
                await self._send(Chunk([event_body(e) for e in page.events], page.seq))
        self.live = True

    async def _page(self) -> FeedPage:
        return await self.org.runtime.read(
            self.tenant, read_page, self._cursor, self.org.published, self.group.topics, PAGE_EVENTS
        )

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the log until it answers: the client waits with us, as it holds its cursor."""
        while True:
            try:
                return await ask()
            except Unavailable as error:
                await self.org.runtime.clock.sleep(error.retry_after_s or RETRY_S)

    async def _reset(self) -> None:
        self._cursor = self.org.published
        await self._send(Chunk([reset_body(self._cursor)]))

    async def _send(self, chunk: Chunk) -> None:
        async with asyncio.timeout(STALL_S):
            await self._sink.send(chunk)
        self.sent_s = self.org.runtime.clock.monotonic_s()

    async def _finish(self, error: CamelExtError | None) -> None:
        pump = self._pump
        if pump is not None:
            pump.cancel()  # a frame is written whole or not at all: nothing is torn
            await asyncio.wait({pump})
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._sink.close(error)
        except OSError:  # also a timeout: it is gone, or does not read
            self._sink.abort()
