"""A broker in front of the queue: how soon a hint starts a job, and no-op jobs a second beside stock Celery.

Goals: p50 <= 20 ms from before the commit to the job's first line, through RabbitMQ's hints alone (no
`NOTIFY`, no poll in time); and >= 2 times the no-op jobs a second of stock Celery with `acks_late` on the
same RabbitMQ (quorum queues, publisher confirms), while ours are durable rows on PostgreSQL, `fsync` on.

Each side has one process that asks and one worker process. A job is asked for in a commit (ours) or a
confirmed message (Celery's) of its own, by 32 at a time; the time goes from the first ask until the last
job is over and acknowledged. Celery's worker is the prefork one, as it comes, with a child for each core.

    python -m bench.brokers [--blocks 2] [--jobs 2000] [--pickups 200]
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
from kombu import Queue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.method import abba, about, busy, interval, ratios, report, shown
from bench.pickup import found
from camel_ext.app import Parts, build_worker, open_runtime
from camel_ext.brokers import hinted
from camel_ext.core import jobs
from camel_ext.core.database import Database
from camel_ext.core.migrate import migrate
from camel_ext.core.models import Job, State
from camel_ext.core.queue import TaskContext, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import bootstrap
from camel_ext.rooms import import_models
from camel_ext.settings import Settings
from tests.brokers.servers import RabbitMQ
from tests.postgres import create_database, private_postgres, url_of

ROOT = Path(__file__).parents[1]
BAR_MS, BAR_TIMES, ASKERS = 20.0, 2.0, 32
NOTE, NOOP = "bench.note_start", "bench.noop"


@task(NOTE)
async def note_start(_context: TaskContext, *, asked_ns: int) -> None:
    """Say how long ago this job was asked for."""
    print((time.monotonic_ns() - asked_ns) / 1e6, flush=True)


@task(NOOP)
async def noop(_context: TaskContext) -> None:
    """Do nothing."""


def settings_of(database: str, broker: str, poll_s: float) -> Settings:
    return Settings.model_validate(
        {
            "database": {"url": database, "notify": False},
            "broker": {"url": broker},
            "queue": {"poll_s": poll_s, "lease_s": 3600.0, "queues": ["bench"]},
        }
    )


async def work(database: str, broker: str, poll_s: float) -> None:
    """Execute jobs until killed: our worker process."""
    import_models()
    settings = settings_of(database, broker, poll_s)
    async with open_runtime(settings, Parts()) as runtime:
        worker = build_worker(runtime, settings)
        running = asyncio.create_task(worker.run())
        async with hinted(worker, runtime, settings):
            await asyncio.sleep(3.0)  # its consumer is there, its first look is over
            print("ready", flush=True)
            await running


def stock(broker: str, name: str, done: str) -> Any:
    """Return a plain Celery application, as its documentation makes one for quorum queues."""
    from celery import Celery

    app = Celery("stock", broker=broker)
    app.conf.update(
        task_acks_late=True,
        task_ignore_result=True,
        task_default_queue=name,
        task_queues=[Queue(name, queue_arguments={"x-queue-type": "quorum"})],
        worker_detect_quorum_queues=True,
        broker_transport_options={"confirm_publish": True},
    )
    ends = os.open(done, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @app.task(name="stock.noop", shared=False)
    def noop() -> None:
        os.write(ends, b".")

    return app


async def ask_ours(runtime: Runtime, tenant: Tenant, count: int) -> float:
    """Ask for no-op jobs, wait until all are over; return jobs a second."""

    def done(db: Session) -> int:
        query = select(func.count()).select_from(Job)
        return db.scalar(query.where(Job.kind == NOOP, Job.state == State.SUCCEEDED)) or 0

    def ask(db: Session) -> None:
        jobs.enqueue(db, runtime.clock, runtime.new_id(), NOOP, {})

    async def some(share: int) -> None:
        for _ in range(share):
            await runtime.write(tenant, ask)

    before = await runtime.read(tenant, done)
    began_s = time.monotonic()
    await asyncio.gather(*(some(count // ASKERS) for _ in range(ASKERS)))
    async with asyncio.timeout(300):
        while await runtime.read(tenant, done) < before + count // ASKERS * ASKERS:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return count // ASKERS * ASKERS / (time.monotonic() - began_s)


def analyze(database: str) -> None:
    """Let PostgreSQL count its rows, as autovacuum does after a minute: until then it plans as for none."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ANALYZE jobs")


def ask_stock(app: Any, name: str, done: Path, count: int) -> float:
    """Ask stock Celery for no-op tasks, wait until all are over; return tasks a second."""
    before, began_s = done.stat().st_size, time.monotonic()

    def some(share: int) -> None:
        for _ in range(share):
            app.tasks["stock.noop"].apply_async(queue=name)

    with ThreadPoolExecutor(ASKERS) as pool:
        list(pool.map(some, [count // ASKERS] * ASKERS))
    while done.stat().st_size < before + count // ASKERS * ASKERS:
        assert time.monotonic() - began_s < 300, "stock Celery does not end"
        time.sleep(0.02)
    return count // ASKERS * ASKERS / (time.monotonic() - began_s)


async def ours(database: str, broker: str, count: int, pickups: int, poll_s: float) -> Any:
    """Start our worker; return milliseconds of pick-ups, or jobs a second."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.brokers", "--work", database, broker, str(poll_s),
        stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert (await process.stdout.readline()).strip() == b"ready"
        async with open_runtime(settings_of(database, broker, poll_s), Parts()) as runtime:
            founded = await runtime.write_system(
                "bench", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
            )
            if not pickups:
                await ask_ours(runtime, founded.tenant, count // 4)  # warm
                await asyncio.to_thread(analyze, database)
                return await ask_ours(runtime, founded.tenant, count)
            await _pick_up(runtime, founded.tenant, pickups + 20)
            lines = [float(await process.stdout.readline()) for _ in range(pickups + 20)]
            return lines[20:]
    finally:
        process.kill()
        await process.wait()


async def _pick_up(runtime: Runtime, tenant: Tenant, count: int) -> None:
    rng = random.Random(1)
    for _ in range(count):
        await asyncio.sleep(rng.uniform(0.02, 0.06))
        asked_ns = time.monotonic_ns()

        def ask(db: Session, asked_ns: int = asked_ns) -> None:
            jobs.enqueue(db, runtime.clock, runtime.new_id(), NOTE, {"asked_ns": asked_ns})

        await runtime.write(tenant, ask)


def celery(broker: str, count: int, folder: Path, number: int) -> float:
    """Start stock Celery's worker; return tasks a second."""
    name, done = f"stock-{number}", folder / f"done-{number}"
    done.touch()
    words = [sys.executable, "-m", "bench.brokers", "--stock", broker, name, str(done)]
    process = subprocess.Popen(
        words, cwd=ROOT, env={**os.environ, "C_FORCE_ROOT": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        app = stock(broker, name, str(done))
        ask_stock(app, name, done, count // 4)  # warm, and ready
        return ask_stock(app, name, done, count)
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Measure; print a table and one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--pickups", type=int, default=200)
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--stock", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        asyncio.run(work(asked.work[0], asked.work[1], float(asked.work[2])))
        return
    if asked.stock:
        stock(*asked.stock).worker_main(["worker", "--loglevel", "error"])
        return
    measure(asked.blocks, asked.jobs, asked.pickups)


def measure(blocks: int, count: int, pickups: int) -> None:
    """Run both goals on one PostgreSQL and one RabbitMQ."""
    load, rabbit = busy(), RabbitMQ()
    rabbit.start()
    rates: dict[str, list[float]] = {"ours": [], "celery": []}
    try:
        with private_postgres() as server, tempfile.TemporaryDirectory() as folder:
            create_database(server, "brokers")
            url = url_of(server, "brokers")
            database = Database(url)
            import_models()
            migrate(database)
            database.close()
            took = asyncio.run(ours(url, rabbit.url, 0, pickups, 3600.0))
            for number, arm in enumerate(abba(("ours", "celery"), blocks)):
                if arm == "ours":
                    rates[arm].append(asyncio.run(ours(url, rabbit.url, count, 0, 0.5)))
                else:
                    rates[arm].append(celery(rabbit.url, count, Path(folder), number))
                print(f"{arm:>8}  {rates[arm][-1]:.0f} jobs/s", flush=True)
    finally:
        rabbit.close()
    times = ratios(rates["ours"], rates["celery"])
    picked = found(took)
    for arm, each in rates.items():
        print(f"{arm:>8}  {shown(each, 0)} jobs/s")
    met = interval(times)[1] >= BAR_TIMES
    print(f"   times  {shown(times, 2)}; bar {BAR_TIMES}: {'met' if met else 'NOT met'}")
    is_soon = picked["p50_ms"] <= BAR_MS
    print(f" pick-up  {json.dumps(picked)}; bar {BAR_MS} ms: {'met' if is_soon else 'NOT met'}")
    head = about("brokers", load, ("celery", "kombu", "psycopg", "sqlalchemy"))
    report(head, blocks=blocks, jobs=count, pickup=picked, jobs_s=rates, times=times)


if __name__ == "__main__":
    main()
