"""Celery behind the queue, on a real RabbitMQ and a real Valkey: hints alone start jobs; without them, too.

The worker neither hears `NOTIFY` nor polls, unless a test says so: what begins was hinted at.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.app import Parts, open_runtime
from camel_ext.core import jobs
from camel_ext.core.models import Job, State
from camel_ext.core.queue import TASKS, TaskContext, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import bootstrap
from camel_ext.settings import Settings
from camel_ext.worker import run_worker
from tests.brokers.servers import Server
from tests.postgres import temporary_copy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("brokers")]
NEVER_S = 3600.0
RAN: list[str] = []


@pytest.fixture(autouse=True)
def _note() -> Iterator[None]:
    known = dict(TASKS)
    RAN.clear()

    @task("tests.note")
    async def note(context: TaskContext) -> None:
        RAN.append(str(context.job.id))

    yield
    TASKS.clear()
    TASKS.update(known)


@pytest.fixture
def database(postgres_server: str, postgres_template: str) -> Iterator[str]:
    with temporary_copy(postgres_server, postgres_template) as url:
        yield url


def settings_of(database: str, broker: Server, tmp_path: Path, **queue: Any) -> Settings:
    quiet = {"poll_s": NEVER_S, "lease_s": NEVER_S, "queues": ["tests"], "graceful_stop_s": 1.0}
    return Settings.model_validate(
        {
            "data_dir": tmp_path,
            "database": {"url": database, "notify": False},
            "broker": {"url": SecretStr(broker.url), "retry_max_s": 1.0},
            "queue": quiet | queue,
            "training": {"slots": 0},
        }
    )


class Asker:
    """A process that asks for jobs, as the server does."""

    def __init__(self, runtime: Runtime, tenant: Tenant) -> None:
        self.runtime, self.tenant = runtime, tenant

    async def ask(self, count: int = 1, priority: int = 0) -> list[UUID]:
        """Ask for jobs, each in a commit of its own."""

        async def one() -> UUID:
            job_id = self.runtime.new_id()

            def ask(db: Session) -> None:
                jobs.enqueue(db, self.runtime.clock, job_id, "tests.note", {}, priority=priority)

            await self.runtime.write(self.tenant, ask)
            return job_id

        return list(await asyncio.gather(*(one() for _ in range(count))))

    async def until_done(self, count: int, timeout_s: float = 20.0) -> None:
        """Wait until so many jobs have succeeded in all."""

        def read(db: Session) -> int:
            done = select(func.count()).select_from(Job).where(Job.state == State.SUCCEEDED)
            return db.scalar(done) or 0

        async with asyncio.timeout(timeout_s):
            while await self.runtime.read(self.tenant, read) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@asynccontextmanager
async def asking(settings: Settings) -> AsyncIterator[Asker]:
    async with open_runtime(settings, Parts(rng=Random(3))) as runtime:
        founded = await runtime.write_system(
            "test", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
        )
        yield Asker(runtime, founded.tenant)


@asynccontextmanager
async def worker_process(settings: Settings) -> AsyncIterator[None]:
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(run_worker(settings, stop, ready, Parts(rng=Random(4))))
    try:
        await asyncio.wait(
            {running, asyncio.ensure_future(ready.wait())}, return_when="FIRST_COMPLETED"
        )
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, 30)


@pytest.fixture
async def cluster(database: str, broker: Server, tmp_path: Path) -> AsyncIterator[Asker]:
    """A server that asks and a worker that hears hints alone."""
    settings = settings_of(database, broker, tmp_path)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(worker_process(settings))
        yield await stack.enter_async_context(asking(settings))


async def test_hints_alone_start_jobs(cluster: Asker) -> None:
    ids = await cluster.ask(50)
    ids += await cluster.ask(5, priority=9) + await cluster.ask(5, priority=-9)
    await cluster.until_done(60)
    assert sorted(RAN) == sorted(map(str, ids))


async def test_a_broker_that_dies_with_its_data_costs_only_time(
    database: str, broker: Server, tmp_path: Path
) -> None:
    settings = settings_of(database, broker, tmp_path, poll_s=0.2)
    async with worker_process(settings), asking(settings) as asker:
        await asker.ask(20)
        await asker.until_done(20)
        broker.kill(wipe=True)
        try:
            async with asyncio.timeout(20):
                ids = await asker.ask(100)  # nobody who asks waits for a broker
            assert len(ids) == 100
            await asker.until_done(120)
        finally:
            broker.start()
        await asker.ask(20)
        await asker.until_done(140)
    assert len(RAN) == len(set(RAN)) == 140


async def test_hints_flow_again_once_the_broker_is_back(cluster: Asker, broker: Server) -> None:
    await cluster.ask(5)
    await cluster.until_done(5)
    await asyncio.sleep(0.5)  # until the worker has looked whether more came meanwhile
    broker.kill(wipe=True)
    try:
        lost = await cluster.ask(5)
        await asyncio.sleep(0.5)
        assert len(RAN) == 5  # the worker does not poll: these wait in the database
    finally:
        broker.start()
    async with asyncio.timeout(40):
        while len(RAN) == 5:
            await cluster.ask(1)
            await asyncio.sleep(0.3)
    assert len(RAN) == len(set(RAN))
    async with asyncio.timeout(30):
        while not set(map(str, lost)) <= set(RAN):  # noqa: ASYNC110 - the next look finds them
            await asyncio.sleep(0.05)


async def test_celery_tells_of_workers_and_hints(cluster: Asker, broker: Server) -> None:
    from camel_ext.brokers.celery_app import make_app

    app = make_app(broker.url, [], timeout_s=3.0)
    heard: list[dict[str, Any]] = []
    wanted = {"task-received", "task-started", "task-succeeded", "worker-heartbeat"}
    deadline_s = time.monotonic() + 20.0

    def listen() -> None:
        with app.connection_for_read() as connection:
            receiver = app.events.Receiver(connection)

            def hear(event: dict[str, Any]) -> None:
                heard.append(event)
                kinds = {each["type"] for each in heard}
                receiver.should_stop = wanted <= kinds or time.monotonic() > deadline_s

            receiver.handlers = {"*": hear}  # a worker's heart beats every two seconds
            receiver.capture(limit=None, timeout=10.0, wakeup=False)

    listening = asyncio.create_task(asyncio.to_thread(listen))
    await asyncio.sleep(1.0)
    await cluster.ask(3)
    await asyncio.wait_for(listening, 30)
    assert wanted <= {each["type"] for each in heard}
    assert all(each["hostname"].startswith("camel-ext-") for each in heard)


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
async def test_nothing_is_declared_that_rabbitmq_4_refuses(
    database: str, broker: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transient queues are exclusive, others quorum queues; prefetch is each consumer's own."""
    from amqp import Channel

    queues: dict[str, tuple[bool, bool, str]] = {}
    prefetches: list[bool] = []
    declare, prefetch = Channel.queue_declare, Channel.basic_qos

    def note_queue(self: Channel, queue: str = "", *args: Any, **options: Any) -> Any:
        kind = (options.get("arguments") or {}).get("x-queue-type", "classic")
        queues[queue] = (bool(options.get("durable")), bool(options.get("exclusive")), kind)
        return declare(self, queue, *args, **options)

    def note_prefetch(self: Channel, size: int, count: int, a_global: bool, **more: Any) -> Any:
        prefetches.append(bool(a_global))
        return prefetch(self, size, count, a_global, **more)

    monkeypatch.setattr(Channel, "queue_declare", note_queue)
    monkeypatch.setattr(Channel, "basic_qos", note_prefetch)
    settings = settings_of(database, broker, tmp_path)
    async with worker_process(settings), asking(settings) as asker:
        await asker.ask(3)
        await asker.until_done(3)
    assert any(name.endswith(".celery.pidbox") for name in queues)
    for name, declared in queues.items():
        ours = name.startswith("camel-ext.tests.")
        assert declared == ((True, False, "quorum") if ours else (False, True, "classic")), name
    assert prefetches
    assert not any(prefetches)
