"""A worker for the length of a block, quick to look and patient with busy machines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime


@asynccontextmanager
async def working(runtime: Runtime, **options: Any) -> AsyncIterator[QueueWorker]:
    """Execute jobs while the block lasts; options are those of `QueueWorker`."""
    quick = {"concurrency": 8, "poll_s": 0.02, "heartbeat_s": 0.05, "lease_s": 30.0}
    worker = QueueWorker(runtime, name="test", **(quick | options))
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(running, 10)
