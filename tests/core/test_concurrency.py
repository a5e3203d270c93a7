"""Limits on how many jobs at once use a thing: never exceeded, nobody starved, given back by the dead."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import Connection, event, func, select
from sqlalchemy.orm import Session

from camel_ext.core import concurrency, jobs, leases
from camel_ext.core.claiming import CANDIDATES
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.gate import Signals
from camel_ext.core.jobs import Claimed
from camel_ext.core.models import ConcurrencyLimit, Job, State, Worker
from camel_ext.core.queue import TASKS, TaskContext
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from tests.working import working

MINE, OTHER = Tenant(UUID(int=1), UUID(int=2)), Tenant(UUID(int=3), UUID(int=4))
KINDS = frozenset({"test.work"})
SOLVE, BIG = "workflow:solve", "model:big"


class Floor:
    """A database with limits, jobs, and workers that claim."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.statements = 0

    async def limit(self, name: str, at_once: int, tenant: Tenant = MINE) -> None:
        def write(db: Session) -> None:
            now = self.runtime.clock.now()
            db.merge(
                ConcurrencyLimit(
                    org_id=tenant.org_id, project_id=tenant.project_id, name=name,
                    at_once=at_once, principal_id=UUID(int=9), updated_at=now,
                )
            )  # fmt: skip

        await self.runtime.write(tenant, write)

    async def ask(
        self, count: int, *uses: str, tenant: Tenant = MINE, priority: int = 0
    ) -> list[UUID]:
        ids = [self.runtime.new_id() for _ in range(count)]

        def ask(db: Session) -> None:
            for job_id in ids:
                jobs.enqueue(
                    db, self.runtime.clock, job_id, "test.work", {}, uses=uses, priority=priority
                )

        await self.runtime.write(tenant, ask)
        return ids

    async def worker(self) -> UUID:
        worker_id = self.runtime.new_id()

        def register(connection: Connection, _signals: Signals) -> None:
            now = self.runtime.database.now(connection, self.runtime.clock)
            row = Worker(id=worker_id, name="w", started_at=now, heartbeat_at=now, lease_until=now)
            leases.register(connection, row)

        await self.runtime.gate.write(register, acting="test")
        return worker_id

    async def claim(
        self,
        worker: UUID,
        slots: int = 100,
        device: str | None = None,
        only: frozenset[UUID] | None = None,
    ) -> list[Claimed]:
        def claim(connection: Connection, _signals: Signals) -> list[Claimed]:
            self.statements = 0

            def count(*_args: object) -> None:
                self.statements += 1

            event.listen(connection, "before_cursor_execute", count)
            try:
                now = self.runtime.database.now(connection, self.runtime.clock)
                return jobs.claim(
                    connection, worker, now, slots=slots, free={}, kinds=KINDS, device=device,
                    only=only,
                )  # fmt: skip
            finally:
                event.remove(connection, "before_cursor_execute", count)

        return await self.runtime.gate.write(claim, acting="test")

    async def end(self, job: Claimed) -> None:
        def settle(connection: Connection, _signals: Signals) -> None:
            now = self.runtime.database.now(connection, self.runtime.clock)
            jobs.settle(connection, job, {"state": State.SUCCEEDED, "finished_at": now}, now)

        await self.runtime.gate.write(settle, acting="test")

    async def running(self) -> Counter[str]:
        def read(db: Session) -> Counter[str]:
            query = select(Job.uses, func.count()).where(Job.state == State.RUNNING)
            found: Counter[str] = Counter()
            for uses, count in db.execute(query.group_by(Job.uses)):
                for name in concurrency.read_uses(uses):
                    found[name] += count
            return found

        return await self.runtime.read_system("test", read)


@pytest.fixture
def floor(core: Runtime) -> Floor:
    core.clock = SystemClock()
    return Floor(core)


async def test_no_more_run_than_the_limit_and_an_end_lets_the_next_in(floor: Floor) -> None:
    await floor.limit(SOLVE, 2)
    ids = await floor.ask(5, SOLVE, BIG)
    one, two = await floor.worker(), await floor.worker()
    first = await floor.claim(one)
    assert [job.id for job in first] == ids[:2]  # the longest due, as ever
    assert await floor.claim(two) == []
    await floor.end(first[0])
    assert len(await floor.claim(two)) == 1
    assert await floor.claim(one) == []


async def test_of_several_limits_the_narrowest_decides(floor: Floor) -> None:
    await floor.limit(SOLVE, 3)
    await floor.limit(BIG, 1)
    await floor.ask(4, SOLVE, BIG)
    small = await floor.ask(4, SOLVE, "model:small")
    held = await floor.claim(await floor.worker())
    assert len(held) == 3
    assert len({job.id for job in held} & set(small)) == 2
    assert (await floor.running())[BIG] == 1


async def test_what_waits_hides_nobody_behind_it(floor: Floor) -> None:
    """Thousands before them, of a higher priority, and in a few statements."""
    await floor.limit(SOLVE, 1)
    await floor.ask(CANDIDATES * 10, SOLVE, priority=100)
    others = await floor.ask(3, "workflow:write")
    plain = await floor.ask(2)
    held = await floor.claim(await floor.worker(), slots=50)
    assert {job.id for job in held} >= {*others, *plain}
    assert len(held) == 1 + len(others) + len(plain)
    assert floor.statements <= 10


async def test_a_full_thing_costs_an_organisation_no_turn(floor: Floor) -> None:
    """Its jobs that could run are not counted behind those that could not."""
    await floor.limit(SOLVE, 0)
    await floor.ask(CANDIDATES * 2, SOLVE)
    free = await floor.ask(2, "workflow:write")
    await floor.ask(CANDIDATES * 2, tenant=OTHER)
    held = await floor.claim(await floor.worker(), slots=4)
    assert {job.id for job in held} >= set(free)
    assert Counter(job.tenant for job in held) == {MINE: 2, OTHER: 2}


async def test_a_limit_is_of_one_project(floor: Floor) -> None:
    await floor.limit(SOLVE, 1)
    await floor.ask(3, SOLVE)
    await floor.ask(3, SOLVE, tenant=OTHER)
    held = await floor.claim(await floor.worker())
    assert Counter(job.tenant for job in held) == {MINE: 1, OTHER: 3}


async def test_a_device_is_of_all_tenants_and_known_with_the_claim(floor: Floor) -> None:
    await floor.limit("device:gpu-0", 1)
    await floor.ask(2, concurrency.ITS_DEVICE)
    await floor.ask(2, concurrency.ITS_DEVICE, tenant=OTHER)
    one, two = await floor.worker(), await floor.worker()
    (first,) = await floor.claim(one, device="gpu-0")
    assert await floor.claim(two, device="gpu-0") == []  # another process on the same device
    assert len(await floor.claim(two, device="gpu-1")) == 3  # which has no limit
    assert await floor.running() == {"device:gpu-0": 1, "device:gpu-1": 3}
    await floor.end(first)
    (again,) = await floor.ask(1, concurrency.ITS_DEVICE)
    assert [job.id for job in await floor.claim(one, device="gpu-0")] == [again]


async def test_a_hint_does_not_pass_a_limit_by(floor: Floor) -> None:
    await floor.limit(SOLVE, 1)
    ids = await floor.ask(3, SOLVE)
    worker = await floor.worker()
    assert len(await floor.claim(worker, only=frozenset(ids[1:]))) == 1
    assert await floor.claim(worker, only=frozenset(ids)) == []


async def test_without_limits_a_claim_costs_one_statement_more(floor: Floor) -> None:
    worker = await floor.worker()
    await floor.ask(4)
    await floor.claim(worker)
    plain = floor.statements
    await floor.ask(4, SOLVE)
    await floor.claim(worker)
    assert floor.statements == plain + 1


async def test_a_worker_that_died_gives_its_place_back(floor: Floor) -> None:
    await floor.limit(SOLVE, 1)
    ids = await floor.ask(2, SOLVE)
    dead, alive = await floor.worker(), await floor.worker()
    assert [job.id for job in await floor.claim(dead)] == ids[:1]
    assert await floor.claim(alive) == []

    def sweep(connection: Connection, _signals: Signals) -> int:
        now = floor.runtime.database.now(connection, floor.runtime.clock)
        return leases.reoffer(connection, now, [dead])

    assert await floor.runtime.gate.write(sweep, acting="test") == 1
    assert len(await floor.claim(alive)) == 1


async def test_people_see_what_is_used_and_why_a_job_waits(floor: Floor) -> None:
    await floor.limit(SOLVE, 2)
    await floor.limit("device:gpu-0", 1)
    await floor.ask(3, SOLVE)
    await floor.ask(1, concurrency.ITS_DEVICE, tenant=OTHER)
    await floor.ask(1, concurrency.ITS_DEVICE)
    worker = await floor.worker()
    await floor.claim(worker, device="gpu-0")
    now = floor.runtime.clock.now()
    seen = await floor.runtime.read_system("test", concurrency.list_limits, MINE, now)
    shown = {each.name: (each.running, each.at_once, each.waiting) for each in seen}
    assert shown == {SOLVE: (2, 2, 1), "device:gpu-0": (1, 1, 1)}  # the other tenant asked first
    held_up = concurrency.waits_for(concurrency.write_uses([SOLVE, BIG]), seen)
    assert held_up is not None
    assert held_up.name == SOLVE
    assert concurrency.waits_for(concurrency.write_uses([BIG]), seen) is None
    assert concurrency.waits_for(concurrency.write_uses([concurrency.ITS_DEVICE]), seen)


async def test_what_waits_for_a_provider_goes_on_where_it_uses_that_one(floor: Floor) -> None:
    far = await floor.ask(1, "model:far")
    await floor.ask(1, "model:other")
    hour = floor.runtime.clock.now().replace(year=2100)

    def park(db: Session) -> None:
        for job in db.scalars(select(Job)):
            job.state, job.waiting_for, job.run_at = State.WAITING, "provider", hour  # type: ignore[assignment]

    await floor.runtime.write(MINE, park)

    def resume(connection: Connection, _signals: Signals) -> int:
        now = floor.runtime.database.now(connection, floor.runtime.clock)
        return jobs.resume_waiting(connection, now, "model:far")

    assert await floor.runtime.gate.write(resume, acting="test") == 1
    assert [job.id for job in await floor.claim(await floor.worker())] == far


class TestTogether:
    """Claimers that run at the same time, each with a pool of its own where the database allows it."""

    @pytest.fixture
    async def processes(self, database_url: str) -> AsyncIterator[list[Floor]]:
        count = 1 if database_url.startswith("sqlite") else 4
        made = [
            Floor(Runtime(Database(database_url), SystemClock(), Random(n), ThreadLanes()))
            for n in range(count)
        ]
        yield made
        for each in made:
            await each.runtime.close()

    async def test_no_instant_shows_more_than_the_limit(self, processes: list[Floor]) -> None:
        first = processes[0]
        await first.limit(SOLVE, 3)
        await first.limit(BIG, 2)
        wanted = {
            *await first.ask(20, SOLVE),
            *await first.ask(20, SOLVE, BIG),
            *await first.ask(20, BIG),
            *await first.ask(20),
        }
        done: list[UUID] = []
        most: Counter[str] = Counter()

        async def work(floor: Floor, rng: Random) -> None:
            worker = await floor.worker()
            while len(done) < len(wanted):
                held = await floor.claim(worker, slots=rng.randint(1, 4))
                await asyncio.sleep(rng.uniform(0, 0.01))
                for job in held:
                    await floor.end(job)
                    done.append(job.id)

        async def watch() -> None:
            while len(done) < len(wanted):
                for name, count in (await first.running()).items():
                    most[name] = max(most[name], count)
                await asyncio.sleep(0.002)

        async with asyncio.timeout(60):
            await asyncio.gather(
                watch(),
                *(work(floor, Random(n)) for n, floor in enumerate(processes * 3)),
            )
        assert sorted(done) == sorted(wanted)  # each once, and nobody starved
        assert most[SOLVE] <= 3
        assert most[BIG] <= 2
        assert most[SOLVE] + most[BIG] > 0


@pytest.fixture
def holding() -> Iterator[None]:
    known = dict(TASKS)

    async def hold(_context: TaskContext) -> None:
        return None

    TASKS["test.hold"] = hold
    yield
    TASKS.clear()
    TASKS.update(known)


@pytest.mark.slow
async def test_kill_9_of_a_holder_gives_the_place_back(
    postgres_server: str, postgres_template: str, holding: None
) -> None:
    from tests.postgres import temporary_copy

    with temporary_copy(postgres_server, postgres_template) as url:
        runtime = Runtime(Database(url), SystemClock(), Random(7), ThreadLanes())
        floor = Floor(runtime)
        await floor.limit(SOLVE, 1)
        ids = [runtime.new_id() for _ in range(2)]

        def ask(db: Session) -> None:
            for job_id in ids:
                jobs.enqueue(db, runtime.clock, job_id, "test.hold", {}, uses=[SOLVE])

        await runtime.write(MINE, ask)
        script = Path(__file__).with_name("holder_process.py")
        holder = await asyncio.create_subprocess_exec(
            sys.executable, script, url, "gpu-0", stdout=asyncio.subprocess.PIPE
        )
        try:
            assert holder.stdout is not None
            assert await holder.stdout.readline() == b"held\n"
            quick = {"poll_s": 0.05, "heartbeat_s": 0.2, "lease_s": 1.5}
            async with working(runtime, **quick, queues=frozenset({"test"})) as worker:
                await asyncio.sleep(0.5)
                assert (worker.held, await floor.running()) == (0, {SOLVE: 1})
                holder.kill()  # -9: nothing says goodbye
                async with asyncio.timeout(30):
                    while True:
                        states = await runtime.read(
                            MINE, lambda db: list(db.scalars(select(Job.state)))
                        )
                        if states == [State.SUCCEEDED] * 2:
                            break
                        assert (await floor.running())[SOLVE] <= 1
                        await asyncio.sleep(0.05)
        finally:
            with suppress(ProcessLookupError):
                holder.kill()
            await holder.wait()
            await runtime.close()
