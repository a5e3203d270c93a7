"""Wall clocks that jump an hour, on real PostgreSQL: no lease ends early, nothing is lost, nothing twice.

Three workers and who asks them, each with a clock of its own. Leases are measured by the database's
clock: as nobody dies here, no job may ever be taken over. A job that is asked for at once begins at once,
also where the clock of who asks is an hour ahead.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from camel_ext.app import Parts, open_runtime
from camel_ext.core import jobs
from camel_ext.core.clock import Clock, SystemClock
from camel_ext.core.database import Database
from camel_ext.core.models import Job, State, WaitingFor
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import bootstrap
from camel_ext.settings import Settings
from camel_ext.worker import run_worker
from tests.brokers.asking import ask, not_once, until_over
from tests.brokers.effects import RIGHT, TABLE
from tests.faults.trials import FIRST, SEEDS, TRIALS, report
from tests.postgres import seeing_all, temporary_copy

pytestmark = pytest.mark.slow
WORKERS, JOBS, HOUR_S = 3, 15, 3600.0


class JumpingClock(SystemClock):
    """A machine's wall clock that somebody sets."""

    offset_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.offset_s)


class Scene:
    """Machines whose clocks are set, on one database."""

    def __init__(self, database: str, clocks: list[JumpingClock]) -> None:
        self.database, self._clocks = database, clocks
        self.asker_clock = JumpingClock()
        self.jumps = 0
        self.runtime: Runtime
        self.tenant: Tenant

    async def trial(self, seed: int) -> None:
        """Ask for jobs while clocks jump, and wait until they are over."""
        rng = Random(seed)
        jumping = asyncio.create_task(self._jump(rng))
        for _ in range(JOBS):
            await asyncio.sleep(rng.uniform(0.0, 0.02))
            await ask(self.runtime, self.tenant, rng.randint(0, 60))
        await jumping
        await until_over(self.runtime, self.tenant)

    async def _jump(self, rng: Random) -> None:
        for _ in range(3):
            await asyncio.sleep(rng.uniform(0.0, 0.15))
            clock = rng.choice([*self._clocks, self.asker_clock])
            clock.offset_s = rng.choice([-HOUR_S, 0.0, HOUR_S])
            self.jumps += 1


@pytest.fixture
async def scene(
    postgres_server: str, postgres_template: str, tmp_path: Path
) -> AsyncIterator[Scene]:
    with temporary_copy(postgres_server, postgres_template) as database:
        with seeing_all(database) as connection:
            connection.execute(TABLE)
        clocks = [JumpingClock() for _ in range(WORKERS)]
        scene = Scene(database, clocks)
        async with AsyncExitStack() as stack:
            for number, clock in enumerate(clocks):
                settings = settings_of(database, tmp_path / f"worker-{number}")
                await stack.enter_async_context(working(settings, clock))
            asking = settings_of(database, tmp_path / "asker")
            parts = Parts(clock=scene.asker_clock, rng=Random(FIRST))
            scene.runtime = await stack.enter_async_context(open_runtime(asking, parts))
            founded = await scene.runtime.write_system(
                "test", lambda db: bootstrap(db, scene.runtime.clock, scene.runtime.new_id)
            )
            scene.tenant = founded.tenant
            yield scene


def settings_of(database: str, folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": folder,
            "database": {"url": database},
            "queue": {"lease_s": 20.0, "heartbeat_s": 0.3, "poll_s": 0.2, "queues": ["tests"]},
            "training": {"slots": 0},
        }
    )


@asynccontextmanager
async def working(settings: Settings, clock: Clock) -> AsyncIterator[None]:
    """The program `camel-ext worker`, on a machine with that clock."""
    stop, ready = asyncio.Event(), asyncio.Event()
    parts = Parts(clock=clock, rng=Random(FIRST))
    running = asyncio.create_task(run_worker(settings, stop, ready, parts))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        waiting.cancel()
        stop.set()
        await asyncio.wait_for(running, 30)


async def test_no_lease_ends_early_and_each_job_runs_once(scene: Scene) -> None:
    for seed in SEEDS:
        await scene.trial(seed)
    assert not_once(scene.database) == []
    assert scene.jumps == 3 * TRIALS
    report(trials=TRIALS, jumps=scene.jumps, jobs=TRIALS * JOBS)


async def test_at_once_is_at_once_by_a_clock_that_is_ahead_and_later_stays_later(
    scene: Scene,
) -> None:
    runtime = scene.runtime
    scene.asker_clock.offset_s = HOUR_S
    later = runtime.clock.now() + timedelta(seconds=HOUR_S)

    def ask(db: Session) -> tuple[UUID, UUID]:
        now, chosen = (
            jobs.enqueue(db, runtime.clock, runtime.new_id(), RIGHT, {"pause_ms": 0}, run_at=at)
            for at in (None, later)
        )
        return now.id, chosen.id

    def wake(db: Session) -> datetime:
        job = db.get_one(Job, at_once, populate_existing=True)
        job.state, job.waiting_for, job.finished_at = State.WAITING, WaitingFor.PERSON, None
        db.flush()
        jobs.wake(db, runtime.clock, at_once)
        db.flush()
        db.refresh(job)
        return job.run_at

    at_once, chosen = await runtime.write(scene.tenant, ask)
    async with asyncio.timeout(20):
        while not await runtime.read(scene.tenant, is_over, at_once):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert await runtime.write(scene.tenant, wake) <= SystemClock().now()
    assert (await runtime.read(scene.tenant, lambda db: db.get_one(Job, chosen).run_at)) == later


def is_over(db: Session, job_id: UUID) -> bool:
    return db.get_one(Job, job_id).state.is_final


def _by_the_wall(_self: Database, _connection: Connection, clock: Clock) -> datetime:
    return clock.now()


async def test_leases_by_the_wall_clock_are_found(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug: each worker measures leases by its own machine's clock."""
    monkeypatch.setattr(Database, "lease_now", _by_the_wall)
    for seed in range(8):
        await scene.trial(seed)
        if not_once(scene.database):
            return
    pytest.fail("leases by the wall clock went unseen")
