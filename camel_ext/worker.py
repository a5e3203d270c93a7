"""The worker process: the same queue as the server's, from another process, without HTTP but for metrics and health.

For PostgreSQL only: a SQLite file is written by one process, the server, which has a worker of its
own. What a job does is its room's; how jobs are claimed is the queue's.
"""

import asyncio
from contextlib import suppress

from camel_ext import rooms
from camel_ext.app import Parts, build_worker, open_runtime
from camel_ext.brokers import hinted
from camel_ext.core.datadir import DataDir
from camel_ext.core.errors import Invalid
from camel_ext.core.migrate import require_current
from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.core.tasks import known_queues
from camel_ext.settings import Settings
from camel_ext.watching import watched


class WorkerNeedsPostgres(Invalid):
    """A worker process needs PostgreSQL; on SQLite the server has its own worker."""


class NoSuchQueue(Invalid):
    """A worker is to take from a queue that there is not."""


async def run_worker(
    settings: Settings,
    stop: asyncio.Event,
    ready: asyncio.Event | None = None,
    parts: Parts | None = None,
) -> None:
    """Execute jobs until `stop` is set or it is drained; `ready` is set once jobs are looked for.

    Raises: WorkerNeedsPostgres, NoSuchQueue, SchemaOlder, SchemaNewer, DataDirUnusable,
    MetricsPortUnusable.
    """
    if settings.database_url.startswith("sqlite"):
        raise WorkerNeedsPostgres(
            "a worker process needs PostgreSQL, and this is SQLite, which one process writes: the "
            "server. It has a worker of its own, so there is nothing to start here. To run several, "
            "set CAMEL_EXT_DATABASE__URL=postgresql://..."
        )
    parts = parts or Parts()
    DataDir(settings.data_dir)  # models and scratch space; not locked: several may share it
    rooms.import_models()
    rooms.import_events()
    async with open_runtime(settings, parts) as runtime:
        await parts.threads.run("work", require_current, runtime.database)
        rooms.import_tasks()
        rooms.import_schedulable()
        _check_queues(settings.queue.queues)
        async with rooms.opened(runtime, settings):
            worker = build_worker(runtime, settings, leaves=True)
            async with watched(runtime, settings):
                await _work(worker, runtime, settings, stop, ready)


async def _work(
    worker: QueueWorker,
    runtime: Runtime,
    settings: Settings,
    stop: asyncio.Event,
    ready: asyncio.Event | None,
) -> None:
    running = asyncio.create_task(worker.run(), name="worker")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        async with hinted(worker, runtime, settings):
            if ready is not None:
                ready.set()
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            worker.leave()
        await worker.emptied(settings.queue.graceful_stop_s)
    finally:
        worker.stop()
        stopping.cancel()
        with suppress(asyncio.CancelledError):
            await stopping
        await running


def _check_queues(wanted: list[str] | None) -> None:
    unknown = sorted(set(wanted or ()) - known_queues())
    if unknown or wanted == []:
        named = f"no queue {', '.join(unknown)}" if unknown else "no queue named"
        raise NoSuchQueue(f"queue.queues: {named}; there are {', '.join(sorted(known_queues()))}")
