"""A hint names jobs to take: whatever comes of it, late, twice or in another order, each runs once."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import SystemClock
from camel_ext.core.models import Job, State
from camel_ext.core.queue import TASKS, QueueWorker, TaskContext, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.working import working

NEVER_S = 3600.0  # it polls once, as it begins


class Ran:
    """Which jobs began, under which fence; they end when told to."""

    def __init__(self) -> None:
        self.begun: list[tuple[UUID, int]] = []
        self.may_end = asyncio.Event()

    @property
    def ids(self) -> list[UUID]:
        return [job_id for job_id, _ in self.begun]


@pytest.fixture
def ran() -> Iterator[Ran]:
    known, ran = dict(TASKS), Ran()

    @task("tests.note")
    async def note(context: TaskContext) -> None:
        ran.begun.append((context.job.id, context.job.fence))
        await ran.may_end.wait()

    @task("other.note")
    async def other(context: TaskContext) -> None:
        ran.begun.append((context.job.id, context.job.fence))

    yield ran
    TASKS.clear()
    TASKS.update(known)


@pytest.fixture
def live(core: Runtime) -> Runtime:
    core.clock = SystemClock()
    return core


class Deaf:
    """Asks for jobs without a wake: what begins was hinted at."""

    def __init__(self, runtime: Runtime, tenant: Tenant) -> None:
        self.runtime, self.tenant = runtime, tenant

    async def ask(self, count: int, kind: str = "tests.note", **options: Any) -> list[UUID]:
        ids = [self.runtime.new_id() for _ in range(count)]

        def ask(db: Session) -> None:
            for job_id in ids:
                jobs.enqueue(db, self.runtime.clock, job_id, kind, {}, **options)
            db.info["signals"].discard(jobs.JOBS)

        await self.runtime.write(self.tenant, ask)
        return ids

    async def states(self) -> dict[UUID, State]:
        def read(db: Session) -> dict[UUID, State]:
            return {job.id: job.state for job in db.scalars(select(Job))}

        return await self.runtime.read(self.tenant, read)


@pytest.fixture
def deaf(live: Runtime, tenant: Tenant) -> Deaf:
    return Deaf(live, tenant)


async def settled(worker: QueueWorker) -> None:
    """Wait until it has registered and looked once, and now waits."""
    async with asyncio.timeout(30):
        while not (worker._registered and not worker._looks):  # noqa: ASYNC110 - it is no event
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)


async def test_exactly_the_named_jobs_are_taken(live: Runtime, deaf: Deaf, ran: Ran) -> None:
    async with working(live, poll_s=NEVER_S) as worker:
        await settled(worker)
        first, second, third = await deaf.ask(3)
        assert await worker.take([third, first]) == 2
        assert sorted(ran.ids) == sorted([first, third])
        assert (await deaf.states())[second] == State.QUEUED


async def test_a_hint_that_comes_twice_or_late_does_nothing(
    live: Runtime, deaf: Deaf, ran: Ran
) -> None:
    never = dict.fromkeys(("poll_s", "heartbeat_s", "lease_s"), NEVER_S)  # a beat is a commit, too
    async with working(live, **never) as worker:
        await settled(worker)
        [job_id] = await deaf.ask(1)
        assert await asyncio.gather(*(worker.take([job_id]) for _ in range(5))) == [1] * 5
        ran.may_end.set()
        async with asyncio.timeout(30):
            while worker.held:  # noqa: ASYNC110 - what is looked at is no event
                await asyncio.sleep(0.005)
        commits = live.gate.commits
        assert await worker.take([job_id]) == 0
        assert ran.begun == [(job_id, 1)]
        assert live.gate.commits == commits  # what is over costs a look, no commit


async def test_two_workers_with_one_hint_run_it_once(live: Runtime, deaf: Deaf, ran: Ran) -> None:
    async with working(live, poll_s=NEVER_S) as one, working(live, poll_s=NEVER_S) as two:
        await settled(one)
        await settled(two)
        ids = await deaf.ask(20)
        taken = await asyncio.gather(one.take(ids), two.take(list(reversed(ids))))
        assert sum(taken) == len(ran.begun) == len(set(ran.ids))
        assert (
            8 <= sum(taken) <= 16
        )  # 8 places each; on PostgreSQL one passes by what another looks at
        assert {fence for _, fence in ran.begun} == {1}


async def test_what_cannot_be_taken_is_left(live: Runtime, deaf: Deaf, ran: Ran) -> None:
    later = live.clock.now() + timedelta(hours=1)
    async with working(
        live, poll_s=NEVER_S, concurrency=2, queues=frozenset({"tests"}), resources={"gpu": 1}
    ) as worker:
        await settled(worker)
        unknown = live.new_id()
        [future] = await deaf.ask(1, run_at=later)
        [foreign] = await deaf.ask(1, "other.note")
        [heavy] = await deaf.ask(1, resources={"gpu": 2})
        assert await worker.take([unknown, future, foreign, heavy]) == 0
        ids = await deaf.ask(3)
        assert await worker.take(ids) == 2  # its places
        assert await worker.take(ids) == 2
        assert len(ran.begun) == 2
        ran.may_end.set()
        async with asyncio.timeout(30):
            while len(ran.begun) < 3:  # noqa: ASYNC110 - a free place looks for what was left
                await asyncio.sleep(0.005)


async def test_who_leaves_takes_no_more_and_lets_what_runs_finish(
    live: Runtime, deaf: Deaf, ran: Ran
) -> None:
    async with working(live, poll_s=NEVER_S) as worker:
        await settled(worker)
        first, second = await deaf.ask(2)
        assert await worker.take([first]) == 1
        worker.leave()
        assert await worker.take([second]) == 0
        asyncio.get_running_loop().call_later(0.05, ran.may_end.set)
        await worker.emptied(5.0)
    states = await deaf.states()
    assert (states[first], states[second]) == (State.SUCCEEDED, State.QUEUED)


async def test_what_does_not_finish_in_time_is_given_back(
    live: Runtime, deaf: Deaf, ran: Ran
) -> None:
    async with working(live, poll_s=NEVER_S) as worker:
        await settled(worker)
        [job_id] = await deaf.ask(1)
        assert await worker.take([job_id]) == 1
        worker.leave()
        await worker.emptied(0.05)
    assert await deaf.states() == {job_id: State.QUEUED}


async def test_only_what_committed_and_can_be_taken_now_is_named(
    live: Runtime, deaf: Deaf, tenant: Tenant
) -> None:
    heard: list[str] = []
    live.gate.read_words(jobs.HINT, heard.append)
    [due] = await deaf.ask(1, priority=3)
    await deaf.ask(1, run_at=live.clock.now() + timedelta(hours=1))

    def fail(db: Session) -> None:
        jobs.enqueue(db, live.clock, live.new_id(), "tests.note", {})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await live.write(tenant, fail)
    assert heard == [f"tests.note 3 {due}"]
