"""How late a tick starts its task, and how fast many schedules that are due together are fired.

A scheduler and a worker as the server has them, on SQLite (WAL, FULL) and on a private PostgreSQL (`fsync`
on); the task that is started is a row. `late` is from the tick, by the wall clock, to the transaction that
starts the task: a firing, a hop through the queue, two commits. `burst` gives many schedules the same
tick and takes the time from it to the last of their tasks started, and this process's CPU for each (the
database's own, on PostgreSQL, is not in it). It checks that each fired once.

    python -m bench.ticks [--ticks 40] [--schedules 1000]
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.method import about, busy, report
from camel_ext.app import SIGNALS
from camel_ext.core import wakes
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.migrate import migrate
from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.rooms import import_models, import_tasks
from camel_ext.scheduling import Scheduler
from camel_ext.scheduling.models import Firing, Schedule
from camel_ext.scheduling.schedules import create_schedule
from tests.postgres import create_database, private_postgres, url_of
from tests.scheduling.conftest import TENANT, asking_on, register_thing, wanted

Json = dict[str, Any]
AHEAD_S = 2.0


async def finished(runtime: Runtime, prefix: str, count: int) -> list[Firing]:
    """Return the firings of schedules whose names begin so, once so many have started their task."""
    ours = select(Schedule.id).where(Schedule.name.startswith(prefix))
    which = (Firing.started_id.is_not(None), Firing.schedule_id.in_(ours))

    def counted(db: Session) -> int:
        return db.scalar(select(func.count()).select_from(Firing).where(*which)) or 0

    async with asyncio.timeout(300):
        while await runtime.read(TENANT, counted) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    query = select(Firing).where(*which)
    found: list[Firing] = await runtime.read(TENANT, lambda db: list(db.scalars(query)))
    return found


async def late(runtime: Runtime, ticks: int) -> Json:
    """Measure one schedule of every second."""
    given = wanted("every", timing={"kind": "every", "every_s": 1}, overlap="allow")
    await runtime.write(TENANT, create_schedule, asking_on(runtime), given)
    found = await finished(runtime, "every", ticks)
    late_ms = [_ms(each.finished_at, each.tick_at) for each in found]
    cuts = statistics.quantiles(late_ms, n=20)
    return {"p50_ms": round(statistics.median(late_ms), 1), "p95_ms": round(cuts[-1], 1)}


async def burst(runtime: Runtime, schedules: int) -> Json:
    """Measure many schedules of one moment."""
    made = 0
    at = runtime.clock.now() + timedelta(seconds=AHEAD_S + schedules / 15)
    for number in range(schedules):
        timing = {"kind": "once", "at": at.isoformat()}
        given = wanted(f"once-{number}", timing=timing)
        await runtime.write(TENANT, create_schedule, asking_on(runtime), given)
        made += 1
    await asyncio.sleep(max(0.0, (at - runtime.clock.now()).total_seconds() - 0.5))
    before_s = time.process_time()
    found = await finished(runtime, "once", schedules)
    cpu_us = (time.process_time() - before_s) / schedules * 1e6
    assert len({each.schedule_id for each in found}) == made
    took_s = max(_ms(each.finished_at, at) for each in found) / 1000
    return {"last_s": round(took_s, 2), "per_s": round(schedules / took_s), "cpu_us": round(cpu_us)}


def _ms(end: datetime | None, begin: datetime) -> float:
    assert end is not None
    return (end - begin).total_seconds() * 1000


async def measure(url: str, ticks: int, schedules: int) -> Json:
    """Measure on one database, each on a scheduler and a worker of its own."""
    database = Database(url)
    await asyncio.to_thread(migrate, database)
    runtime = Runtime(database, SystemClock(), Random(1), ThreadLanes())
    results = {}
    async with wakes.exchanged(runtime, SIGNALS):
        for name, work in (("burst", burst(runtime, schedules)), ("late", late(runtime, ticks))):
            scheduler = Scheduler(runtime, name="bench")
            worker = QueueWorker(runtime, name="bench", concurrency=64)
            running = [asyncio.create_task(scheduler.run()), asyncio.create_task(worker.run())]
            results[name] = await work
            scheduler.stop()
            worker.stop()
            await asyncio.gather(*running)
    await runtime.close()
    return results


def main() -> None:
    """Measure; print a table and one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ticks", type=int, default=40)
    parser.add_argument("--schedules", type=int, default=1000)
    asked = parser.parse_args()
    load = busy()
    import_models()
    import_tasks()
    register_thing()
    results = {}
    with tempfile.TemporaryDirectory() as folder, private_postgres() as server:
        create_database(server, "ticks")
        urls = {"sqlite": f"sqlite:///{folder}/ticks.db", "postgresql": url_of(server, "ticks")}
        for name, url in urls.items():
            results[name] = asyncio.run(measure(url, asked.ticks, asked.schedules))
            print(f"{name:>10}  {json.dumps(results[name])}")
    head = about("ticks", load, ("cronsim", "sqlalchemy", "psycopg"))
    report(head, ticks=asked.ticks, schedules=asked.schedules, results=results)


if __name__ == "__main__":
    main()
