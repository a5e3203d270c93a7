"""The server: the process from settings, every room's routes, the web app, a worker and a scheduler.

Nobody imports it but the command line and uvicorn. What a route does is its room's.
"""

import camel_ext.core.lazy_models  # noqa: F401  # before FastAPI and every room

# isort: split
import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random, SystemRandom

from fastapi import FastAPI
from pydantic import BaseModel, Field

from camel_ext import __version__, rooms
from camel_ext.core import jobs, outbox, wakes
from camel_ext.core.clock import Clock, SystemClock
from camel_ext.core.database import Database
from camel_ext.core.datadir import DataDir
from camel_ext.core.http import Perimeter, handle_errors, problems
from camel_ext.core.migrate import migrate
from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes, Threads
from camel_ext.identity import bootstrap
from camel_ext.scheduling import SCHEDULES, Scheduler
from camel_ext.settings import Settings
from camel_ext.webapp import serve_web

OWNER_KEY = "owner.key"
SIGNALS = frozenset({jobs.JOBS, outbox.NUMBERED, SCHEDULES})  # what processes wake each other for


@dataclass
class Parts:
    """What a process gets from outside, so that tests and the simulator hand in their own."""

    clock: Clock = field(default_factory=SystemClock)
    rng: Random = field(default_factory=SystemRandom)
    threads: Threads = field(default_factory=ThreadLanes)


class Health(BaseModel):
    status: str = Field(description="`ok`, or what is wrong.")
    version: str = Field(description="Version of camel-extensions.")


def create_app(settings: Settings | None = None, parts: Parts | None = None) -> FastAPI:
    """Build the server; nothing is opened before its lifespan begins."""
    settings, parts = settings or Settings(), parts or Parts()
    rooms.import_models()
    rooms.import_events()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, parts) as runtime:
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
    _add_health(app)
    serve_web(app)
    app.add_middleware(
        Perimeter,
        rng=parts.rng,
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
            await parts.threads.run("work", migrate, runtime.database)
            await _found(runtime, data_dir)
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


@asynccontextmanager
async def open_runtime(settings: Settings, parts: Parts) -> AsyncIterator[Runtime]:
    """Open the database and the gate, hear of other processes' commits, and close all."""
    database = Database(settings.database_url, readers=settings.database.readers)
    runtime = Runtime(database, parts.clock, parts.rng, parts.threads)
    try:
        async with wakes.exchanged(runtime, SIGNALS):
            yield runtime
    finally:
        await runtime.close()


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
    return QueueWorker(
        runtime,
        name=f"{socket.gethostname()}/{os.getpid()}",
        concurrency=queue.concurrency,
        lease_s=queue.lease_s,
        heartbeat_s=queue.heartbeat_s,
        poll_s=queue.poll_s,
        max_takeovers=queue.max_takeovers,
        resources={"training": settings.training.slots},
        queues=None if queue.queues is None else frozenset(queue.queues),
        sole=sole,
        leaves=leaves,
    )


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


async def _found(runtime: Runtime, data_dir: DataDir) -> None:
    """Found the local organisation, and write the owner's key where only its owner reads it."""
    want_key = not (data_dir.path / OWNER_KEY).exists()
    founded = await runtime.write_system(
        "found the local organisation",
        lambda db: bootstrap(db, runtime.clock, runtime.new_id, want_key=want_key),
    )
    if founded.secret is not None:
        data_dir.write_private(OWNER_KEY, founded.secret + "\n")


def _add_health(app: FastAPI) -> None:
    @app.get("/health/live", tags=["health"], summary="Is the process there?")
    async def live() -> Health:
        return Health(status="ok", version=__version__)

    @app.get(
        "/health/ready",
        tags=["health"],
        summary="Does the database answer?",
        responses={503: problems(503)[503]},
    )
    async def ready() -> Health:
        runtime: Runtime = app.state.runtime
        await runtime.read_system("readiness", lambda db: db.connection())
        return Health(status="ok", version=__version__)
