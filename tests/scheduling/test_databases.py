"""The same on each database with its own clock: a scheduler, a worker, real seconds; and who asks how much."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from camel_ext.core.models import Job, State
from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.scheduling import Scheduler
from camel_ext.scheduling.firings import run_now
from camel_ext.scheduling.models import Cause, Firing, Schedule
from camel_ext.scheduling.schedules import create_schedule, stored_ticks
from tests.scheduling.conftest import ADA, MADE, TENANT, asking_on, wanted
from tests.statements import counted


async def _firings(runtime: Runtime) -> list[Firing]:
    query = select(Firing).order_by(Firing.tick_at)
    found: list[Firing] = await runtime.read(TENANT, lambda db: list(db.scalars(query)))
    return found


async def _until(runtime: Runtime, there: Callable[[list[Firing]], bool]) -> list[Firing]:
    async with asyncio.timeout(30):
        while not there(found := await _firings(runtime)):  # noqa: ASYNC110 - it is a row
            await asyncio.sleep(0.05)
    return found


@pytest.mark.slow
async def test_two_schedulers_and_a_worker_start_each_tick_once(runtime: Runtime) -> None:
    given = wanted("second", timing={"kind": "every", "every_s": 1}, overlap="allow")
    schedule: Schedule = await runtime.write(TENANT, create_schedule, asking_on(runtime), given)
    schedulers = [
        Scheduler(runtime, name=name, lease_s=2.0, poll_s=0.05) for name in ("one", "two")
    ]
    worker = QueueWorker(runtime, name="test", concurrency=4, poll_s=0.05)
    running = [asyncio.create_task(each.run()) for each in schedulers]
    running.append(asyncio.create_task(worker.run()))
    found = await _until(runtime, lambda all_: sum(f.started_id is not None for f in all_) >= 3)
    for each in schedulers:
        each.stop()
    worker.stop()
    await asyncio.gather(*running)
    ticks = [firing.tick_at for firing in found]
    assert ticks == stored_ticks(schedule).latest(schedule.created_at, ticks[-1], 99)
    query = select(Job.id).where(Job.kind == MADE)
    things: set[Any] = await runtime.read(TENANT, lambda db: set(db.scalars(query)))
    assert {f.started_id for f in found if f.started_id} <= things
    late_s = [(f.created_at - f.tick_at).total_seconds() for f in found]
    assert all(late >= 0 for late in late_s), "fired before its time"


@pytest.mark.slow
async def test_it_waits_its_turn_by_the_databases_own_clock(runtime: Runtime) -> None:
    given = wanted("second", timing={"kind": "every", "every_s": 1}, overlap="queue")
    await runtime.write(TENANT, create_schedule, asking_on(runtime), given)
    scheduler = Scheduler(runtime, name="one", poll_s=0.05)
    worker = QueueWorker(runtime, name="test", concurrency=4, poll_s=0.05, heartbeat_s=0.2)
    running = [asyncio.create_task(each.run()) for each in (scheduler, worker)]
    await _until(runtime, lambda all_: any(f.state is State.WAITING for f in all_))
    scheduler.stop()

    def end(db: Session) -> None:
        ended = {"state": State.SUCCEEDED, "finished_at": runtime.clock.now()}
        db.execute(update(Job).where(Job.kind == MADE).values(**ended))

    await runtime.write(TENANT, end)
    await _until(runtime, lambda all_: sum(f.started_id is not None for f in all_) == 2)
    worker.stop()
    await asyncio.gather(*running)


@pytest.mark.slow
@pytest.mark.parametrize("overlap", ["skip", "cancel_other"])
async def test_many_at_once_keep_to_the_policy(runtime: Runtime, overlap: str) -> None:
    """Twelve firings, two workers that execute sixteen jobs abreast: one is under way at a time."""
    given = wanted("rare", timing={"kind": "every", "every_s": 86_400}, overlap=overlap)
    schedule: Schedule = await runtime.write(TENANT, create_schedule, asking_on(runtime), given)
    for _ in range(12):
        await runtime.write(TENANT, run_now, runtime, ADA, schedule.id)
    workers = [
        QueueWorker(runtime, name=name, concurrency=8, poll_s=0.02, heartbeat_s=0.2)
        for name in ("one", "two")
    ]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    found = await _until(runtime, lambda all_: all(f.state.is_final for f in all_))
    for worker in workers:
        worker.stop()
    await asyncio.gather(*running)
    ends = Counter(str(firing.state) for firing in found)
    if overlap == "skip":
        assert ends == {"succeeded": 1, "cancelled": 11}
    query = select(Job).where(Job.kind == MADE)
    things: list[Job] = await runtime.read(TENANT, lambda db: list(db.scalars(query)))
    assert len(things) == ends["succeeded"]
    open_things = [thing for thing in things if not thing.state.is_final]
    assert len(open_things) == 1, "two are under way"


async def test_a_look_costs_the_same_however_many_there_are(runtime: Runtime) -> None:
    scheduler = Scheduler(runtime, name="one")
    await scheduler.turn()  # it tidies first
    counts = []
    for count in (1, 20):
        for number in range(count):
            given = wanted(f"s{count}-{number}", timing={"kind": "every", "every_s": 3600})
            await runtime.write(TENANT, create_schedule, asking_on(runtime), given)
        with counted(runtime) as seen:
            assert await scheduler.turn() == 1.0
        counts.append(sum("schedules" in statement for statement in seen))
    assert counts == [2, 2]
    assert [f for f in await _firings(runtime) if f.cause is Cause.TICK] == []
