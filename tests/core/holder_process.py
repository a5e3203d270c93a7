"""A worker process that takes a job and holds it until it is killed: `holder_process.py URL DEVICE`."""

import asyncio
import sys
from random import Random

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.queue import QueueWorker, TaskContext, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.rooms import import_models


@task("test.hold")
async def hold(_context: TaskContext) -> None:
    print("held", flush=True)  # noqa: T201 - the test reads it
    await asyncio.Event().wait()


async def main(url: str, device: str) -> None:
    import_models()
    runtime = Runtime(Database(url), SystemClock(), Random(), ThreadLanes())
    worker = QueueWorker(
        runtime, name="holder", concurrency=4, poll_s=0.05, heartbeat_s=0.2, lease_s=1.5,
        device=device, queues=frozenset({"test"}),
    )  # fmt: skip
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
