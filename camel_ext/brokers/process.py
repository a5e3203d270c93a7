"""What a process has of a broker while it lives: hints that go out or come in, events that go out.

What it needs for them is imported where a broker is named, and no sooner: most have none.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from camel_ext.core.errors import Unavailable
from camel_ext.core.runtime import Runtime
from camel_ext.core.tasks import known_queues
from camel_ext.settings import Settings
from camel_ext.settings_services import Broker

if TYPE_CHECKING:
    from camel_ext.brokers.wire import Papers

log = logging.getLogger(__name__)
SCHEMES = ("amqp://", "amqps://", "redis://", "rediss://")


class Taker(Protocol):
    """The queue's worker, as far as a hint needs it."""

    async def take(self, ids: frozenset[UUID]) -> int:
        """Claim these jobs as far as they can be claimed here now."""
        ...


@asynccontextmanager
async def hinting(runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Name to the broker, while the block lasts, each job that is committed here.

    Without a broker, or on SQLite, where no other process takes jobs, there is nothing to do.
    Raises: BrokerLibraryMissing, BrokerUnknown.
    """
    url = broker_url(settings)
    if url is None or runtime.database.is_sqlite:
        yield
        return
    from camel_ext.brokers.celery_app import HintSender  # a third of a second
    from camel_ext.brokers.hints import Hinter

    knobs = settings.broker
    sender = HintSender(url, timeout_s=knobs.timeout_s, papers=papers_of(knobs))
    hinter = Hinter(runtime, sender.send, timeout_s=knobs.timeout_s, retry_max_s=knobs.retry_max_s)
    task = asyncio.create_task(hinter.run(), name="hints")
    task.add_done_callback(_report)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        await runtime.threads.run("hints", sender.close)


@asynccontextmanager
async def hinted(taker: Taker, runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Hand the worker, while the block lasts, what the broker hints at, from the queues it serves.

    Raises: BrokerLibraryMissing, BrokerUnknown.
    """
    url = broker_url(settings)
    if url is None:
        yield
        return
    from camel_ext.brokers.celery_app import make_app
    from camel_ext.brokers.consumer import HintConsumer
    from camel_ext.brokers.naming import queue_names

    wanted = settings.queue.queues
    names = queue_names(known_queues() if wanted is None else frozenset(wanted))
    knobs = settings.broker
    app = make_app(
        url,
        names,
        timeout_s=knobs.timeout_s,
        heartbeat_s=knobs.heartbeat_s,
        papers=papers_of(knobs),
    )
    consumer = HintConsumer(app, asyncio.get_running_loop(), taker.take, names)
    stopped = asyncio.Event()

    async def keep() -> None:
        while not stopped.is_set():
            await runtime.threads.run("broker", consumer.run)
            if not stopped.is_set():
                log.error("Celery's worker ended by itself; it is started anew")
                await runtime.clock.sleep(settings.broker.timeout_s)

    running = asyncio.create_task(keep(), name="hint-consumer")
    running.add_done_callback(_report)
    try:
        yield
    finally:
        stopped.set()
        consumer.stop()
        await asyncio.wait({running})


@asynccontextmanager
async def opened(runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Publish events to the broker while the block lasts, where the settings say so.

    Raises: BrokerLibraryMissing, BrokerUnknown, EventsNeedRabbitMQ.
    """
    url = broker_url(settings)
    if url is None or not settings.broker.publish_events:
        yield
        return
    if not url.startswith("amqp"):
        from camel_ext.brokers.errors import EventsNeedRabbitMQ

        raise EventsNeedRabbitMQ(
            "broker.publish_events needs RabbitMQ (amqp://): Redis keeps no topics and confirms "
            "nothing. Switch it off, or follow the feed (/api/v1/events)."
        )
    from camel_ext.brokers.announcing import Announcer
    from camel_ext.brokers.exchange import EventSender

    knobs = settings.broker
    sender = EventSender(url, timeout_s=knobs.timeout_s, papers=papers_of(knobs))
    announcer = Announcer(
        runtime,
        sender.send,
        name=f"{socket.gethostname()}/{os.getpid()}",
        timeout_s=knobs.timeout_s,
        retry_max_s=knobs.retry_max_s,
    )
    task = asyncio.create_task(announcer.run(), name="event-publisher")
    task.add_done_callback(_report)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        with suppress(Unavailable):
            await announcer.close()
        await runtime.threads.run("events", sender.close)


def broker_url(settings: Settings) -> str | None:
    """Return the URL of the broker, or None where there is none.

    Raises: BrokerLibraryMissing, BrokerUnknown.
    """
    if settings.broker.url is None:
        return None
    from camel_ext.brokers.errors import BrokerLibraryMissing, BrokerUnknown

    url = settings.broker.url.get_secret_value()
    if not url.startswith(SCHEMES):
        raise BrokerUnknown(
            "broker.url begins with none of amqp://, amqps://, redis:// and rediss://"
        )
    if find_spec("celery") is None:
        raise BrokerLibraryMissing(
            "broker.url names a broker, and Celery is not installed: "
            "pip install 'camel-extensions[celery]'"
        )
    return url


def papers_of(knobs: Broker) -> "Papers":
    """Return how broker and we prove to each other who they are."""
    from camel_ext.brokers.wire import Papers

    return Papers(knobs.ca_file, knobs.certificate_file, knobs.key_file)


def _report(task: "asyncio.Future[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("a bug of ours beside the broker", exc_info=task.exception())
