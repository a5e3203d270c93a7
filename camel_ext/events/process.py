"""What the feed keeps for the life of a process: the hub, the dispatcher and their tasks."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.events.dispatcher import Dispatcher
from camel_ext.events.hub import Hub
from camel_ext.events.streams import Streams
from camel_ext.settings import Settings

log = logging.getLogger(__name__)
EXTRA = "events"


@dataclass(frozen=True, slots=True)
class Feed:
    """The process's hub and its dispatcher."""

    hub: Hub
    dispatcher: Dispatcher

    @property
    def frames(self) -> Streams:
        """Where text goes while it is made."""
        return self.hub.frames


def feed_of(runtime: Runtime) -> Feed:
    """Return the process's feed."""
    feed: Feed = runtime.extras[EXTRA]
    return feed


def show(
    runtime: Runtime, tenant: Tenant, subject: object, kind: str, *said: Mapping[str, object]
) -> None:
    """Show lines of JSON to whoever watches the subject just now; they are kept nowhere.

    A process without a feed, such as a worker that nobody's bus reaches, shows nothing.
    """
    feed: Feed | None = runtime.extras.get(EXTRA)
    if feed is not None:
        for each in said:
            text = msgspec.json.encode(each).decode() + "\n"
            feed.frames.emit(tenant, str(subject), kind, text)


def show_end(runtime: Runtime, tenant: Tenant, subject: object) -> None:
    """Say that no more will be shown of the subject."""
    feed: Feed | None = runtime.extras.get(EXTRA)
    if feed is not None:
        feed.frames.end(tenant, str(subject))


async def end_streams(runtime: Runtime) -> None:
    """Tell every client that the server restarts, and end its stream; for a stopping server.

    Call it before the server waits for its connections: an open event stream never ends by itself.
    """
    feed: Feed | None = runtime.extras.get(EXTRA)
    if feed is not None:
        feed.hub.end_streams()
        await feed.hub.ended()


@asynccontextmanager
async def opened(runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Number and deliver events until the block ends."""
    knobs = settings.events
    hub = Hub(runtime, queue_frames=knobs.client_queue_frames, heartbeat_s=knobs.heartbeat_s)
    feed = Feed(hub, Dispatcher(runtime, hub, keep_s=knobs.keep_s))
    runtime.extras[EXTRA] = feed
    bus = runtime.extras.get("bus")
    if bus is not None:
        from camel_ext.events.relay import Relay  # only where there is a bus

        Relay(bus, hub.frames, runtime.clock, runtime.new_id().bytes)
    tasks = [
        asyncio.create_task(feed.dispatcher.run(), name="event-dispatcher"),
        asyncio.create_task(hub.keep(), name="feed-keeper"),
    ]
    for task in tasks:
        task.add_done_callback(_report)
    try:
        yield
    finally:
        await end_streams(runtime)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        del runtime.extras[EXTRA]


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("%s ended with a bug of ours", task.get_name(), exc_info=task.exception())
