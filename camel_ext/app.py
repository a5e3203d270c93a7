"""The server: the process from settings, every room's routes, the web app, a worker and a scheduler.

On PostgreSQL there may be several beside each other, without worker and scheduler (`alone=False`).
Nobody imports it but the command line and uvicorn. What a route does is its room's.
"""

import camel_ext.core.lazy_models  # noqa: F401  # before FastAPI and every room

# isort: split
import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from random import Random, SystemRandom

from fastapi import FastAPI
from sqlalchemy.orm import Session

from camel_ext import __version__, rooms
from camel_ext.brokers import hinting
from camel_ext.core import jobs, outbox, wakes
from camel_ext.core.blobs import use_blobs
from camel_ext.core.caching import FORGET
from camel_ext.core.clock import Clock, SystemClock
from camel_ext.core.database import Database, Limits
from camel_ext.core.datadir import DataDir
from camel_ext.core.errors import Invalid
from camel_ext.core.http import Perimeter, handle_errors
from camel_ext.core.migrate import migrate, one_at_a_time
from camel_ext.core.queue import WORKER, QueueWorker
from camel_ext.core.row_security import passes_by
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes, Threads
from camel_ext.health import add_health
from camel_ext.identity import Bootstrapped, bootstrap
from camel_ext.metrics import add_metrics
from camel_ext.observability.measures import Measures
from camel_ext.scheduling import SCHEDULES, Scheduler
from camel_ext.settings import Settings
from camel_ext.webapp import serve_web

log = logging.getLogger(__name__)
OWNER_KEY = "owner.key"
# what processes wake each other for
SIGNALS = frozenset({jobs.JOBS, jobs.ASKED, outbox.NUMBERED, SCHEDULES, FORGET})


@dataclass
class Parts:
    """What a process gets from outside, so that tests and the simulator hand in their own."""

    clock: Clock = field(default_factory=SystemClock)
    rng: Random = field(default_factory=SystemRandom)
    threads: Threads = field(default_factory=ThreadLanes)


class ApiNeedsPostgres(Invalid):
    """Several servers need PostgreSQL; on SQLite there is one, `camel-ext up`."""


def create_app(
    settings: Settings | None = None, parts: Parts | None = None, *, alone: bool = True
) -> FastAPI:
    """Build the server; nothing is opened before its lifespan begins.

    Not `alone`: one of several on a PostgreSQL, which leave jobs and schedules to other processes.
    """
    settings, parts = settings or Settings(), parts or Parts()
    rooms.import_models()
    rooms.import_events()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (running if alone else answering)(settings, parts) as runtime:
            app.state.runtime = runtime
            yield

    app = FastAPI(
        title="CAMEL Extensions",
        version=__version__,
        summary="Teams of LLM agents that measurably improve, on your own hardware.",
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    app.state.settings = settings
    handle_errors(app)
    for router in rooms.routers():  # include_router would build each route again: 0.2 s, 15 MB
        app.router.routes.extend(router.routes)
    add_health(app, settings.data_dir)
    measures = Measures()
    add_metrics(app, settings.data_dir, measures, settings.observability.metrics_key)
    serve_web(app)
    app.add_middleware(
        Perimeter,
        rng=parts.rng,
        measures=measures,
        allowed_hosts=settings.server.allowed_hosts,
        allowed_origins=settings.server.allowed_origins,
        max_body_bytes=settings.server.max_body_bytes,
        max_body_values=settings.server.max_body_values,
    )
    return app


@asynccontextmanager
async def running(settings: Settings, parts: Parts) -> AsyncIterator[Runtime]:
    """Open data directory, database and rooms, run the worker, and close all in reverse order."""
    data_dir = DataDir(settings.data_dir)
    data_dir.lock(f"process {os.getpid()} on {socket.gethostname()}, port {settings.server.port}")
    try:
        async with open_runtime(settings, parts) as runtime:
            await _lay_foundation(runtime, settings, parts, data_dir)
            rooms.import_tasks()
            rooms.import_schedulable()
            async with (
                rooms.opened(runtime, settings),
                _working(runtime, settings, sole=True),
                ticking(runtime, settings, sole=True),
            ):
                yield runtime
    finally:
        data_dir.unlock()


def _bring_up(database: Database, owner_url: str | None) -> None:
    """Migrate, as the role that owns the tables where that is another one."""
    owner = database if owner_url is None else Database(owner_url)
    try:
        migrate(owner)
    finally:
        if owner is not database:
            owner.close()
    if not database.is_sqlite:
        with database.begin() as connection:
            if passes_by(connection):
                log.warning(
                    "the database's role is a superuser or has BYPASSRLS: row-level security does "
                    "not hold it; docs/guide/postgresql.md says how to make one that it holds"
                )


@asynccontextmanager
async def answering(settings: Settings, parts: Parts) -> AsyncIterator[Runtime]:
    """Open database and rooms to answer requests only; others may do so on the same data directory.

    Raises: ApiNeedsPostgres.
    """
    if settings.database_url.startswith("sqlite"):
        raise ApiNeedsPostgres(
            "several servers need PostgreSQL, and this is SQLite, which one process writes. Start "
            "`camel-ext up`, which is the whole, or set CAMEL_EXT_DATABASE__URL=postgresql://..."
        )
    data_dir = DataDir(settings.data_dir)
    async with open_runtime(settings, parts) as runtime:
        await _lay_foundation(runtime, settings, parts, data_dir)
        rooms.import_tasks()
        rooms.import_schedulable()
        async with rooms.opened(runtime, settings):
            yield runtime


@asynccontextmanager
async def open_runtime(settings: Settings, parts: Parts) -> AsyncIterator[Runtime]:
    """Open the database and the gate, tell and hear of commits between processes, and close all."""
    knobs = settings.database
    limits = Limits(knobs.statement_s, knobs.lock_s, knobs.idle_transaction_s)
    database = Database(
        settings.database_url, readers=knobs.readers, writers=knobs.writers, limits=limits
    )
    database.patience.answer_s = knobs.answer_s
    runtime = Runtime(database, parts.clock, parts.rng, parts.threads)
    if settings.server.requests_per_s is not None:
        from camel_ext.core.limits import limit  # and what it needs, only where it is used

        limit(runtime, settings.server.requests_per_s, settings.server.request_burst)
    use_blobs(runtime, settings.blobs)
    try:
        signals = SIGNALS if settings.database.notify else frozenset[str]()
        async with (
            wakes.exchanged(runtime, signals),
            _bussed(runtime, settings),
            hinting(runtime, settings),
        ):
            yield runtime
    finally:
        await runtime.close()


def _bussed(runtime: Runtime, settings: Settings) -> AbstractAsyncContextManager[None]:
    redis = settings.redis
    if redis.url is None:
        return nullcontext()
    from camel_ext.core.bus import bussed

    return bussed(runtime, redis.url.get_secret_value(), redis.prefix, SIGNALS)


@asynccontextmanager
async def _working(runtime: Runtime, settings: Settings, *, sole: bool) -> AsyncIterator[None]:
    worker = build_worker(runtime, settings, sole=sole and runtime.database.is_sqlite)
    running = asyncio.create_task(worker.run(), name="worker")
    try:
        yield
    finally:
        worker.stop()
        await running


def build_worker(
    runtime: Runtime, settings: Settings, *, sole: bool = False, leaves: bool = False
) -> QueueWorker:
    """Return this process's worker.

    `sole`: every other worker of this database is dead. `leaves`: it ends once it is drained.
    """
    queue = settings.queue
    worker = runtime.extras[WORKER] = QueueWorker(
        runtime,
        name=f"{socket.gethostname()}/{os.getpid()}",
        concurrency=queue.concurrency,
        lease_s=queue.lease_s,
        heartbeat_s=queue.heartbeat_s,
        poll_s=queue.poll_s,
        max_takeovers=queue.max_takeovers,
        resources={"training": settings.training.slots},
        device=settings.training.device or socket.gethostname(),
        queues=None if queue.queues is None else frozenset(queue.queues),
        sole=sole,
        leaves=leaves,
    )
    return worker


@asynccontextmanager
async def ticking(
    runtime: Runtime, settings: Settings, *, sole: bool
) -> AsyncIterator["asyncio.Task[None]"]:
    """Fire schedules while the block lasts. `sole`: on SQLite, every other scheduler is dead."""
    knobs = settings.scheduling
    scheduler = Scheduler(
        runtime,
        name=f"{socket.gethostname()}/{os.getpid()}",
        lease_s=knobs.lease_s,
        poll_s=knobs.poll_s,
        keep_s=knobs.keep_s,
        sole=sole and runtime.database.is_sqlite,
    )
    running = asyncio.create_task(scheduler.run(), name="scheduler")
    try:
        yield running
    finally:
        scheduler.stop()
        await running


async def _lay_foundation(
    runtime: Runtime, settings: Settings, parts: Parts, data_dir: DataDir
) -> None:
    """Bring the database up to date, however long that takes; afterwards no call waits for ever."""
    runtime.database.patience.answer_s = None
    await parts.threads.run("work", _bring_up, runtime.database, settings.database.owner_url)
    runtime.database.patience.answer_s = settings.database.answer_s
    await _found(runtime, data_dir)


async def _found(runtime: Runtime, data_dir: DataDir) -> None:
    """Found the local organisation, and write the owner's key where only its owner reads it."""
    want_key = not (data_dir.path / OWNER_KEY).exists()

    def found(db: Session) -> Bootstrapped:
        one_at_a_time(db.connection())  # servers that start together on an empty database
        return bootstrap(db, runtime.clock, runtime.new_id, want_key=want_key)

    founded = await runtime.write_system("found the local organisation", found)
    if founded.secret is not None:
        data_dir.write_private(OWNER_KEY, founded.secret + "\n")
