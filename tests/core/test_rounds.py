"""How often a worker looks for jobs, and by how many statements: no more than there is to find."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import SystemClock
from camel_ext.core.queue import LOOK_PAUSE_S, TASKS, QueueWorker, TaskContext, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.statements import counted
from tests.working import working

NEVER_S = 3600.0  # it polls once, as it begins
KIND = "tests.work"


class Workplace:
    """Jobs that end when told to, and how often a worker looked for them."""

    def __init__(self, runtime: Runtime, tenant: Tenant) -> None:
        self.runtime, self.tenant = runtime, tenant
        self.looks = self.begun = self.cancelled = 0
        self.may_end = asyncio.Event()

    async def ask(self, count: int) -> list[UUID]:
        """Ask for jobs, each in a commit of its own that wakes the worker."""
        ids = [self.runtime.new_id() for _ in range(count)]
        for job_id in ids:
            await self.runtime.write(self.tenant, self._enqueue, job_id)
        return ids

    def _enqueue(self, db: Session, job_id: UUID) -> None:
        jobs.enqueue(db, self.runtime.clock, job_id, KIND, {})


@pytest.fixture
def place(core: Runtime, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    core.clock = SystemClock()
    known, place, look = dict(TASKS), Workplace(core, tenant), jobs.look

    @task(KIND)
    async def work(_context: TaskContext) -> None:
        place.begun += 1
        try:
            await place.may_end.wait()
        except asyncio.CancelledError:
            place.cancelled += 1
            raise

    def counting(*args: Any) -> Any:
        place.looks += 1
        return look(*args)

    monkeypatch.setattr(jobs, "look", counting)
    yield place
    TASKS.clear()
    TASKS.update(known)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what is looked at is no event
            await asyncio.sleep(0.002)


async def rested(place: Workplace, worker: QueueWorker) -> None:
    """Wait until it has looked and waits to be woken."""
    await until(lambda: place.looks > 0 and not worker._looks)
    await asyncio.sleep(3 * LOOK_PAUSE_S)


async def test_a_look_is_one_statement(place: Workplace) -> None:
    def look(db: Session) -> Any:
        kinds, now = frozenset({KIND}), place.runtime.database.sql_now(place.runtime.clock)
        return jobs.look(db.connection(), place.runtime.new_id(), now, kinds)

    with counted(place.runtime) as seen:
        assert await place.runtime.read_system("test", look) == ({}, False)
        await place.ask(1)
        before = len(seen)
        assert await place.runtime.read_system("test", look) == ({}, True)
    assert len(seen) - before == 1, seen


async def test_many_wakes_are_few_looks(place: Workplace) -> None:
    async with working(place.runtime, poll_s=NEVER_S) as worker:
        await rested(place, worker)
        before = place.looks
        for _ in range(100):
            worker.wake()
            await asyncio.sleep(LOOK_PAUSE_S / 50)
        await until(lambda: not worker._looks)
        took_s = 100 * LOOK_PAUSE_S / 50
        assert 1 <= place.looks - before < 50, took_s


async def test_who_has_no_place_looks_for_nothing_and_takes_it_when_there_is(
    place: Workplace,
) -> None:
    async with working(place.runtime, poll_s=NEVER_S, concurrency=1) as worker:
        await place.ask(1)
        await until(lambda: place.begun == 1)
        before = place.looks
        await place.ask(5)
        await asyncio.sleep(5 * LOOK_PAUSE_S)
        assert place.looks == before
        place.may_end.set()
        await until(lambda: place.begun == 6 and worker.held == 0)
        assert (
            place.looks - before <= 3
        )  # what is left is claimed; that nothing is left is looked at


async def test_who_has_no_place_hears_a_cancel_all_the_same(place: Workplace) -> None:
    async with working(place.runtime, poll_s=NEVER_S, concurrency=1):
        [job_id] = await place.ask(1)
        await until(lambda: place.begun == 1)
        runtime = place.runtime
        await runtime.write(place.tenant, jobs.request_cancel, runtime.clock, job_id)
        await until(lambda: place.cancelled == 1)
