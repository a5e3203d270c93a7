"""Real schedulers in processes of their own on one PostgreSQL: killed at random, each tick fires once."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.models import Job, LeaderLease
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.scheduler import SchedulerNeedsPostgres, run_scheduler
from camel_ext.scheduling.models import Firing, Schedule
from camel_ext.scheduling.schedules import create_schedule, stored_ticks
from camel_ext.scheduling.ticking import FIRE
from camel_ext.settings import Settings
from tests.faults.trials import FIRST, TRIALS, report
from tests.postgres import temporary_copy
from tests.scheduling.conftest import TENANT, asking_on, wanted
from tests.web.conftest import WebServer

ROOT = Path(__file__).parents[2]
SCHEDULERS = 3
LEASE_S = 1.5


async def test_sqlite_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(SchedulerNeedsPostgres, match="CAMEL_EXT_DATABASE__URL"):
        await run_scheduler(Settings(data_dir=tmp_path / "data"), asyncio.Event())
    assert not (tmp_path / "data").exists()


@contextmanager
def schedulers(url: str, folder: Path) -> Iterator[Callable[[str, int], None]]:
    """Some processes `camel-ext scheduler`; yields a function that kills and starts one again.

    It kills the one that is named as a lease names its holder, or else the one of that place.
    """
    environment = os.environ | {
        "CAMEL_EXT_DATABASE__URL": url,
        "CAMEL_EXT_SCHEDULING__LEASE_S": str(LEASE_S),
        "CAMEL_EXT_SCHEDULING__POLL_S": "0.2",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients" / "python")]),
    }

    def start(place: int) -> "subprocess.Popen[bytes]":
        log = (folder / f"scheduler-{place}.log").open("ab")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", "camel_ext.cli", "scheduler", "--data-dir", str(folder)],
                env=environment, stdout=log, stderr=log,
            )  # fmt: skip

    running = {place: start(place) for place in range(SCHEDULERS)}

    def kill(holder: str, otherwise: int) -> None:
        named = [place for place, each in running.items() if holder.endswith(f"/{each.pid}")]
        place = (named or [otherwise])[0]
        running[place].send_signal(signal.SIGKILL)
        running[place].wait(10)
        running[place] = start(place)

    try:
        yield kill
    finally:
        for each in running.values():
            each.terminate()
        for each in running.values():
            assert each.wait(20) in (0, -signal.SIGTERM), "it did not stop in good order"


@pytest.mark.slow
async def test_killed_at_random_each_tick_fires_once(
    tmp_path: Path, postgres_server: str, postgres_template: str
) -> None:
    rng = Random(5 + FIRST)
    with temporary_copy(postgres_server, postgres_template) as url:
        runtime = Runtime(Database(url), SystemClock(), Random(3), ThreadLanes())
        with schedulers(url, tmp_path) as kill:
            made = []
            for name in ("one", "two"):
                given = wanted(name, timing={"kind": "every", "every_s": 1}, catch_up="all",
                               catch_up_limit=100)  # fmt: skip
                made.append(await runtime.write(TENANT, create_schedule, asking_on(runtime), given))
            await _until(runtime, lambda lease, firings: lease is not None and len(firings) > 4)
            for _ in range(TRIALS):
                await asyncio.sleep(rng.uniform(0.3, 2.0))
                lease, _ = await _seen(runtime)
                leader = lease.holder if lease and rng.random() < 0.5 else ""
                kill(leader, rng.randrange(SCHEDULERS))
            count = len((await _seen(runtime))[1])
            await _until(runtime, lambda _lease, firings: len(firings) > count + 8)
        lease, firings = await _seen(runtime)
        assert lease is not None
        for schedule in made:
            ticks = sorted(f.tick_at for f in firings if f.schedule_id == schedule.id)
            found = await runtime.read(TENANT, lambda db, s=schedule: db.get_one(Schedule, s.id))
            expected = stored_ticks(found).latest(found.created_at, ticks[-1], 10_000)
            assert ticks == expected, "a tick is lost or doubled"
        jobs = await runtime.read(TENANT, _jobs)
        assert jobs == Counter(str(firing.id) for firing in firings)
        assert max(firing.fence for firing in firings) > 1, "the lease never changed hands"
        report(trials=TRIALS, kills=TRIALS, ticks=len(firings))
        await runtime.close()


async def _seen(runtime: Runtime) -> tuple[LeaderLease | None, list[Firing]]:
    def look(db: Session) -> tuple[LeaderLease | None, list[Firing]]:
        return db.scalar(select(LeaderLease)), list(db.scalars(select(Firing)))

    return await runtime.read(TENANT, look)


def _jobs(db: Session) -> Counter[str]:
    return Counter(job.args["firing_id"] for job in db.scalars(select(Job).where(Job.kind == FIRE)))


async def _until(runtime: Runtime, there: Callable[[Any, list[Firing]], bool]) -> None:
    async with asyncio.timeout(60):
        while not there(*await _seen(runtime)):  # noqa: ASYNC110 - it is a row
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_a_server_killed_at_random_fires_each_tick_once(tmp_path: Path) -> None:
    """On SQLite the server is the scheduler: what passed while it was dead is caught up with."""
    rng = Random(6)
    server = WebServer(tmp_path / "data")
    server.start()
    try:
        body = {
            "name": "files",
            "task": "datasets.build_version",
            "arguments": {"name": "none", "filter": {}},
            "timing": {"kind": "every", "every_s": 1},
            "catch_up": "all",
            "catch_up_limit": 100,
            "overlap": "allow",
        }
        with server.client() as client:
            answer = client.post("/api/v1/schedules", json=body)
            assert answer.status_code == 201, answer.text
            path = f"/api/v1/schedules/{answer.json()['id']}/firings?limit=500"
        for _ in range(3):
            await asyncio.sleep(rng.uniform(0.5, 3))
            server.kill()
            await asyncio.sleep(rng.uniform(0, 2))
            server.start()
        await asyncio.sleep(2)
        with server.client() as client:
            items = client.get(path).json()["items"]
            versions = client.get("/api/v1/datasets/none/versions?limit=500").json()["items"]
    finally:
        server.stop()
    times = [datetime.fromisoformat(item["tick_at"]) for item in reversed(items)]
    assert len(times) > 8
    assert {(b - a).total_seconds() for a, b in pairwise(times)} == {1.0}
    started = {item["started_id"] for item in items if item["started_id"]}
    assert started <= {version["id"] for version in versions}
    assert len(versions) <= len(items), "a tick started its task twice"
