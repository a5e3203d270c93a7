"""What notifications keep for the life of a process: the office that sends, and a leader that looks.

Opened by the server and by workers alike; which of them leads is the lease's to say.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from camel_ext.core.runtime import Runtime
from camel_ext.notifications.leader import Leader
from camel_ext.notifications.sending import EXTRA, Office
from camel_ext.settings import Settings

log = logging.getLogger(__name__)


@asynccontextmanager
async def opened(runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Notice events until the block ends."""
    knobs = settings.notifications
    runtime.extras[EXTRA] = Office(runtime, settings)
    leader = Leader(
        runtime,
        name=f"{socket.gethostname()}/{os.getpid()}",
        lease_s=knobs.lease_s,
        poll_s=knobs.poll_s,
        keep_s=knobs.keep_s,
    )
    running = asyncio.create_task(leader.run(), name="notifications")
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        del runtime.extras[EXTRA]
