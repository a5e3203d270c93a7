"""Three schedulers on virtual time, killed, held up, cut off, on clocks that jump: a tick fires once.

The database of these trials has no unique index on ticks, so that lease, fence and cursor hold alone. What
real processes do on PostgreSQL is in `test_processes`.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from camel_ext.core.database import Database, DatabaseUnreachable
from camel_ext.core.models import Base, Job
from camel_ext.scheduling import Scheduler, ticking
from camel_ext.scheduling.models import Cause, Firing, Schedule
from camel_ext.scheduling.schedules import create_schedule, stored_ticks
from tests.scheduling.conftest import TENANT, asking_on, register_thing, wanted
from tests.simulator.loop import simulate
from tests.simulator.process import Process, SimClock

TABLES = ("schedule_firings", "schedules", "leader_leases", "jobs", "outbox", "workers")
SCHEDULERS = 3
TIMINGS: list[dict[str, Any]] = [
    {"kind": "every", "every_s": 1},
    {"kind": "every", "every_s": 7},
    {"kind": "cron", "cron": "* * * * *"},
]


class Trial:
    """One history: what takes part, what is done to it, and what must hold at the end."""

    current: "Trial"

    def __init__(self, seed: int, database: Database, *, jumps: bool) -> None:
        Trial.current = self
        self.rng = Random(seed)
        self.database = database
        self.clock = SimClock()
        self.jumps = jumps
        self.away = False
        self.processes: list[Process] = []
        self.running: dict[int, tuple[Process, Scheduler]] = {}
        self.violations: list[str] = []
        self.jumped = False

    def process(self, name: str) -> Process:
        made = Process(name, self.database, self.clock, self.rng, lambda *_: None)
        self.processes.append(made)
        return made

    def start(self, place: int) -> None:
        process = self.process(f"scheduler {place}")
        scheduler = Scheduler(process.runtime, name=process.name, lease_s=3.0, poll_s=0.5)
        self.running[place] = (process, scheduler)
        asyncio.get_running_loop().create_task(scheduler.run(), name=process.name)

    async def run(self) -> None:
        runtime = self.process("client").runtime
        for number, timing in enumerate(TIMINGS):
            given = wanted(f"s{number}", timing=timing, catch_up="all", catch_up_limit=100)
            await runtime.write(TENANT, create_schedule, asking_on(runtime), given)
        for place in range(SCHEDULERS):
            self.start(place)
        await self.faults()
        await asyncio.sleep(8)  # longer than a lease: whoever is left has caught up
        self.database.read_system("test", self.check)
        await self.end()

    async def faults(self) -> None:
        for _ in range(self.rng.randint(3, 7)):
            await asyncio.sleep(self.rng.expovariate(0.5))
            kinds = [self.kill, self.kill, self.stall, self.cut, *([self.jump] * self.jumps * 2)]
            await self.rng.choice(kinds)()

    async def kill(self) -> None:
        place = self.rng.randrange(SCHEDULERS)
        self.running[place][0].kill()
        await asyncio.sleep(self.rng.uniform(0, 3))
        self.start(place)

    async def stall(self) -> None:
        process, _ = self.running[self.rng.randrange(SCHEDULERS)]
        process.stalled_until_s = asyncio.get_running_loop().time() + self.rng.uniform(3, 9)

    async def cut(self) -> None:
        self.away = True
        await asyncio.sleep(self.rng.uniform(0.1, 4))
        self.away = False

    async def jump(self) -> None:
        self.jumped = True
        self.clock.offset_s += self.rng.choice([20, -20, 45, -45])

    def check(self, db: Session) -> None:
        now = self.clock.now()
        firings = list(db.scalars(select(Firing).where(Firing.cause == Cause.TICK)))
        counted = Counter((firing.schedule_id, firing.tick_at) for firing in firings)
        for (schedule_id, tick), times in counted.items():
            if times > 1:
                self.violations.append(f"{schedule_id} fired {tick} {times} times")
        jobs = Counter(job.args["firing_id"] for job in db.scalars(select(Job)))
        if jobs != Counter(str(firing.id) for firing in firings if firing.job_id):
            self.violations.append("firings and jobs differ")
        for schedule in db.scalars(select(Schedule)):
            self._check_one(
                schedule, {f.tick_at for f in firings if f.schedule_id == schedule.id}, now
            )

    def _check_one(self, schedule: Schedule, fired: set[datetime], now: datetime) -> None:
        real = set()
        for tick in stored_ticks(schedule).following(schedule.created_at - timedelta(minutes=5)):
            if tick > now + timedelta(minutes=5):
                break
            real.add(tick)
        if fired - real:
            self.violations.append(f"{schedule.name} fired what is no tick: {fired - real}")
        owed = {tick for tick in real if schedule.created_at < tick <= now - timedelta(seconds=5)}
        if not self.jumped and owed - fired:
            self.violations.append(f"{schedule.name} lost {sorted(owed - fired)}")
        if schedule.next_tick_at is None or schedule.next_tick_at > now + timedelta(seconds=61):
            self.violations.append(f"{schedule.name} is stuck until {schedule.next_tick_at}")

    async def end(self) -> None:
        for process in self.processes:
            process.end()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        while rest:
            for each in rest:
                each.cancel()
            await asyncio.wait(rest, timeout=1)
            rest = {each for each in rest if not each.done()}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One file for all seeds, without the last wall and without fsync."""
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('schedulers') / 'world.db'}")

    @event.listens_for(made.writer, "connect")
    def _fast(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    with made.begin() as connection:
        marked = connection.execution_options(tenant_system="ddl")
        Base.metadata.create_all(marked)
        marked.exec_driver_sql("DROP INDEX uq_schedule_firings_tick")

    def refuse(_connection: Any) -> None:
        if Trial.current.away:
            raise DatabaseUnreachable("cut off")

    event.listen(made.writer, "begin", refuse, insert=True)
    event.listen(made.reader, "begin", refuse, insert=True)
    yield made
    made.close()


def violations_of(seed: int, database: Database, *, jumps: bool) -> list[str]:
    register_thing()
    trial = Trial(seed, database, jumps=jumps)
    with database.begin() as connection:
        marked = connection.execution_options(tenant_system="test")
        for table in TABLES:
            marked.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
    simulate(Random(seed), trial.run())
    return trial.violations


@pytest.mark.parametrize("seed", [0])
@pytest.mark.parametrize("jumps", [False, True])
def test_a_history(database: Database, seed: int, jumps: bool) -> None:
    assert violations_of(seed, database, jumps=jumps) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1000, 1084, 1140])
def test_a_seed_that_failed_once(database: Database, seed: int) -> None:
    """The clock stood before the schedules were made, and intervals waited for their own beginning."""
    assert violations_of(seed, database, jumps=True) == []


@pytest.mark.slow
def test_many_histories(database: Database) -> None:
    failed = {
        seed: found
        for seed in range(100, 160)
        if (found := violations_of(seed, database, jumps=seed % 2 == 0))
    }
    assert failed == {}, f"failing seeds: {sorted(failed)}"


@pytest.mark.slow
def test_a_planted_bug_is_caught(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that forgets, when the clock is set back, what fired already."""
    monkeypatch.setattr(ticking, "_known", lambda *_: set())
    found = [line for seed in range(8) for line in violations_of(seed, database, jumps=True)]
    assert any("times" in line for line in found)
