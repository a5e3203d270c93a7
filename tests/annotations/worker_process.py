"""A worker of batches as a process that can be killed: `python -m ... DATABASE_URL`."""

import asyncio
import sys
from random import Random

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.rooms import import_models


async def work(url: str) -> None:
    runtime = Runtime(Database(url), SystemClock(), Random(), ThreadLanes())
    worker = QueueWorker(runtime, name="mortal", concurrency=1, poll_s=0.01, sole=True)
    await worker.run()


if __name__ == "__main__":
    import_models()
    import camel_ext.annotations.tasks  # noqa: F401 - registers them

    asyncio.run(work(sys.argv[1]))
