"""How soon a job that one process queues begins in another, on PostgreSQL: woken, and by polling alone.

Goal: p50 <= 20 ms by LISTEN/NOTIFY alone, `fsync` on. A worker process of ours, as `camel-ext worker`
runs it, notes when each job begins; the clock is the machine's monotonic one, which processes share.
The time counts from before the commit that queues the job, so the fsync is in it. Jobs come one at a
time, in pauses that no poll keeps step with.

    python -m bench.pickup [--jobs 200] [--poll-s 0.5]
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from pathlib import Path

from sqlalchemy.orm import Session

from bench.method import about, busy, report
from camel_ext.app import Parts, open_runtime
from camel_ext.core import jobs
from camel_ext.core.database import Database
from camel_ext.core.migrate import migrate
from camel_ext.core.queue import QueueWorker, TaskContext, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import bootstrap
from camel_ext.rooms import import_models
from camel_ext.settings import Settings
from tests.postgres import create_database, private_postgres, url_of

ROOT = Path(__file__).parents[1]
BAR_MS = 20.0
KIND = "bench.note_start"


@task(KIND)
async def note_start(_context: TaskContext, *, asked_ns: int) -> None:
    """Say how long ago this job was asked for."""
    print((time.monotonic_ns() - asked_ns) / 1e6, flush=True)


def settings_of(url: str) -> Settings:
    settings = Settings()
    database = settings.database.model_copy(update={"url": url})
    return settings.model_copy(update={"database": database})


async def work(url: str, poll_s: float, *, woken: bool) -> None:
    """Execute jobs until killed: the worker process."""
    import_models()
    async with open_runtime(settings_of(url), Parts()) as runtime:
        if not woken:
            runtime.gate.signal_from_elsewhere = lambda _signals: None  # type: ignore[method-assign]
        worker = QueueWorker(runtime, name="bench", concurrency=64, poll_s=poll_s)
        running = asyncio.create_task(worker.run())
        while not worker._registered:  # noqa: ASYNC110 - it is no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)  # its ears are open
        print("ready", flush=True)
        await running


async def queue_jobs(runtime: Runtime, tenant: Tenant, count: int) -> None:
    """Queue jobs one at a time."""
    rng = random.Random(1)
    for _ in range(count):
        await asyncio.sleep(rng.uniform(0.02, 0.06))
        asked_ns = time.monotonic_ns()

        def ask(db: Session, asked_ns: int = asked_ns) -> None:
            jobs.enqueue(db, runtime.clock, runtime.new_id(), KIND, {"asked_ns": asked_ns})

        await runtime.write(tenant, ask)


async def measure(url: str, count: int, poll_s: float, *, woken: bool) -> list[float]:
    """Return milliseconds until each job began."""
    words = [str(poll_s), "woken" if woken else "polling"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.pickup", "--work", url, *words,
        stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert (await process.stdout.readline()).strip() == b"ready"
        async with open_runtime(settings_of(url), Parts()) as runtime:
            founded = await runtime.write_system(
                "bench", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
            )
            await queue_jobs(runtime, founded.tenant, count)
            async with asyncio.timeout(60):
                return [float(await process.stdout.readline()) for _ in range(count)]
    finally:
        process.kill()
        await process.wait()


def found(took_ms: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(took_ms, n=20)
    return {
        "p50_ms": round(statistics.median(took_ms), 2),
        "p95_ms": round(cuts[-1], 2),
        "max_ms": round(max(took_ms), 2),
    }


def main() -> None:
    """Measure; print a table and one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--poll-s", type=float, default=0.5)
    parser.add_argument("--work", nargs=3, metavar=("URL", "POLL_S", "HOW"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        url, poll_s, how = asked.work
        asyncio.run(work(url, float(poll_s), woken=how == "woken"))
        return
    load = busy()
    results = {}
    with private_postgres() as server:
        create_database(server, "pickup")
        url = url_of(server, "pickup")
        database = Database(url)
        import_models()
        migrate(database)
        database.close()
        for how in ("polling", "woken"):
            took = asyncio.run(measure(url, asked.jobs, asked.poll_s, woken=how == "woken"))
            results[how] = found(took)
            print(f"{how:>8}  {json.dumps(results[how])}")
    met = results["woken"]["p50_ms"] <= BAR_MS
    print(f"bar: p50 <= {BAR_MS:.0f} ms: {'met' if met else 'NOT met'}")
    head = about("pickup", load, ("psycopg", "sqlalchemy"))
    report(head, jobs=asked.jobs, poll_s=asked.poll_s, results=results)


if __name__ == "__main__":
    main()
