"""What a process does for other people's systems while it lives: it publishes events, where it leads."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from camel_ext.brokers.announcing import Announcer
from camel_ext.brokers.errors import EventsNeedRabbitMQ
from camel_ext.brokers.hinting import broker_url
from camel_ext.core.errors import Unavailable
from camel_ext.core.runtime import Runtime
from camel_ext.settings import Settings

log = logging.getLogger(__name__)


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
        raise EventsNeedRabbitMQ(
            "broker.publish_events needs RabbitMQ (amqp://): Redis keeps no topics and confirms "
            "nothing. Switch it off, or follow the feed (/api/v1/events)."
        )
    from camel_ext.brokers.exchange import EventSender

    sender = EventSender(url, timeout_s=settings.broker.timeout_s)
    announcer = Announcer(runtime, sender.send, retry_max_s=settings.broker.retry_max_s)
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


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("%s ended with a bug of ours", task.get_name(), exc_info=task.exception())
