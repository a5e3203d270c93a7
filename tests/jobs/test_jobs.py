"""The queue as people see and steer it, on each database: counts, order, pauses, drains, second tries."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from camel_ext.core.models import Job, State
from camel_ext.core.paging import Place, decode_cursor
from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.jobs import service
from camel_ext.jobs.errors import (
    JobNotRepeatable,
    JobNotStoppable,
    JobStateUnfit,
    JobUnknown,
    QueueUnknown,
    WorkerUnknown,
)
from tests.jobs.shelf import KIND, PLAIN, WHO, Ran, door, ended, other_tenant, put
from tests.working import working


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is looked at is no event
            await asyncio.sleep(0.01)


async def seen(runtime: Runtime, tenant: Tenant) -> dict[str, service.QueueSeen]:
    found = await runtime.read(tenant, service.list_queues, runtime.clock)
    return {queue.name: queue for queue in found}


class TestQueues:
    async def test_each_is_counted_by_state_and_by_how_it_ended(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        later = runtime.clock.now() + timedelta(hours=1)
        await put(runtime, tenant, "later", run_at=later)
        async with working(runtime):
            well = await put(runtime, tenant, "well")
            held = await put(runtime, tenant, "hold")
            dead = await put(runtime, tenant, "fail", max_attempts=1)
            await ended(runtime, tenant, well)
            await ended(runtime, tenant, dead)
            await ended(runtime, tenant, held, State.RUNNING)
            queue = (await seen(runtime, tenant))["shelf"]
            assert (queue.queued, queue.running, queue.waiting) == (1, 1, 0)
            assert (queue.succeeded_last_hour, queue.failed_last_hour, queue.dead) == (1, 1, 1)
            assert queue.oldest_due_s is None  # what is not due yet does not wait
        assert (await seen(runtime, tenant))["attic"] == service.QueueSeen("attic")

    async def test_rates_are_of_what_was_taken_and_of_what_ended_in_five_minutes(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        now = runtime.clock.now()

        def row(state: State, began: float | None, ended: float | None = None) -> Job:
            def at(minutes: float | None) -> datetime | None:
                return None if minutes is None else now - timedelta(minutes=minutes)

            return Job(
                id=runtime.new_id(), kind=KIND, args={}, resources={}, trace_id="0" * 32, run_at=now,
                created_at=now, state=state, started_at=at(began), finished_at=at(ended),
            )  # fmt: skip

        made = [
            row(State.SUCCEEDED, 4, 1),
            row(State.FAILED, 4.9, 4.8),
            row(State.SUCCEEDED, 30, 2),  # ended lately, began long before
            row(State.CANCELLED, None, 1),  # never began
            row(State.SUCCEEDED, 7, 6),
            row(State.RUNNING, 1),
            row(State.RUNNING, 6),
            row(State.WAITING, 2),
            row(State.QUEUED, 3),  # its worker died, or it is to be tried again
            row(State.QUEUED, None),
        ]
        await runtime.write(tenant, lambda db: db.add_all(made))
        queue = (await seen(runtime, tenant))["shelf"]
        assert (queue.started_per_min, queue.finished_per_min) == (1.0, 0.8)  # 5 and 4
        assert (await seen(runtime, tenant))["attic"].started_per_min == 0.0
        theirs = (await seen(runtime, await other_tenant(runtime)))["shelf"]
        assert theirs.finished_per_min == 0.0

    async def test_the_longest_due_job_is_how_old_it_is(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        now = runtime.clock.now()
        for minutes in (3, 7, 5):
            await put(runtime, tenant, "x", run_at=now - timedelta(minutes=minutes))
        queue = (await seen(runtime, tenant))["shelf"]
        assert queue.oldest_due_s == pytest.approx(420, abs=30)

    async def test_another_organisation_sees_none_of_it(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        await put(runtime, tenant, "ours")
        await runtime.write(tenant, service.pause_queue, runtime.clock, WHO, "shelf")
        theirs = (await seen(runtime, await other_tenant(runtime)))["shelf"]
        assert theirs == service.QueueSeen("shelf")

    async def test_a_paused_one_is_left_alone_by_project_until_it_is_resumed(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        paused = await runtime.write(tenant, service.pause_queue, runtime.clock, WHO, "shelf")
        assert paused.paused_at is not None
        again = await runtime.write(tenant, service.pause_queue, runtime.clock, WHO, "shelf")
        assert again.paused_at == paused.paused_at
        waits = await put(runtime, tenant, "waits")
        async with working(runtime):
            await put(runtime, await other_tenant(runtime), "theirs")
            await put(runtime, tenant, "elsewhere", PLAIN)
            await until(lambda: len(ran) == 2)
            await asyncio.sleep(0.1)
            assert sorted(ran) == ["elsewhere", "theirs"]
            await runtime.write(tenant, service.resume_queue, runtime.clock, "shelf")
            assert (await ended(runtime, tenant, waits)).state == State.SUCCEEDED

    async def test_an_unknown_one_is_named(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        with pytest.raises(QueueUnknown, match=r"'shelves'.*attic.*shelf"):
            await runtime.write(tenant, service.pause_queue, runtime.clock, WHO, "shelves")


class TestJobs:
    async def test_pages_by_queue_state_and_death(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        async with working(runtime):
            dead = await put(runtime, tenant, "fail", max_attempts=1)
            tidied = await put(runtime, tenant, "tidy", PLAIN)
            await ended(runtime, tenant, dead)
            await ended(runtime, tenant, tidied)
        queued = await put(runtime, tenant, "x")

        async def ids(queue: str | None, state: State | None, dead: bool) -> list[UUID]:
            def look(db: Session) -> list[UUID]:
                found, _ = service.list_jobs(db, Place(), queue, state, dead=dead)
                return [job.id for job in found]

            return await runtime.read(tenant, look)

        assert await ids(None, None, False) == [queued, tidied, dead]
        assert await ids("shelf", None, False) == [queued, dead]
        assert await ids("shel_", None, False) == []  # no wildcard of LIKE
        assert await ids(None, State.FAILED, False) == [dead]
        assert await ids(None, None, True) == [dead]

    async def test_those_that_one_worker_holds(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        theirs = await other_tenant(runtime)
        async with working(runtime) as worker, working(runtime, queues=frozenset()) as idle:
            ended_well = await put(runtime, tenant, "well")
            await ended(runtime, tenant, ended_well)
            kinds = (KIND, PLAIN, KIND)
            held = [await put(runtime, tenant, "hold", kind) for kind in kinds]
            foreign = await put(runtime, theirs, "hold")
            for who, job_id in [(theirs, foreign), *((tenant, each) for each in held)]:
                await ended(runtime, who, job_id, State.RUNNING)
            later = runtime.clock.now() + timedelta(hours=1)
            await put(runtime, tenant, "later", run_at=later)

            async def pages(who: Tenant, holder: UUID, **wanted: Any) -> list[list[UUID]]:
                found, place = list[list[UUID]](), Place(2)
                while True:

                    def look(db: Session, place: Place = place) -> tuple[list[Job], str | None]:
                        return service.list_jobs(db, place, worker=holder, **wanted)

                    rows, following = await runtime.read(who, look)
                    found.append([job.id for job in rows])
                    if following is None:
                        return found
                    place = Place(2, decode_cursor(following))

            assert await pages(tenant, worker.id) == [held[:0:-1], held[:1]]  # newest first
            assert await pages(tenant, worker.id, queue="attic") == [[held[1]]]
            assert await pages(tenant, worker.id, state=State.QUEUED) == [[]]
            assert await pages(theirs, worker.id) == [[foreign]]
            assert await pages(tenant, idle.id) == [[]]
            assert await pages(tenant, UUID(int=9)) == [[]]

    async def test_a_higher_priority_is_taken_first(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        for word in ("first", "second", "third"):
            last = await put(runtime, tenant, word)
        await runtime.write(tenant, service.set_priority, last, 5)
        async with working(runtime, concurrency=1):
            await until(lambda: len(ran) == 3)
        assert ran == ["third", "first", "second"]
        with pytest.raises(JobStateUnfit, match="succeeded"):
            await runtime.write(tenant, service.set_priority, last, 0)

    async def test_cancel_stops_what_it_works_for(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        by = door(runtime, tenant)
        async with working(runtime):
            held = await put(runtime, tenant, "hold")
            await ended(runtime, tenant, held, State.RUNNING)
            told = await runtime.write(tenant, service.cancel_job, by, held)
            assert told.cancel_requested_at is not None
            assert (await ended(runtime, tenant, held)).state == State.CANCELLED
        waiting = await put(runtime, tenant, "x")
        stopped = await runtime.write(tenant, service.cancel_job, by, waiting)
        assert stopped.state == State.CANCELLED
        assert (await runtime.write(tenant, service.cancel_job, by, waiting)).id == waiting
        plain = await put(runtime, tenant, "x", PLAIN)
        with pytest.raises(JobNotStoppable, match=PLAIN):
            await runtime.write(tenant, service.cancel_job, by, plain)

    async def test_a_failed_one_is_queued_again_and_is_no_longer_dead(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        by = door(runtime, tenant)
        async with working(runtime):
            dead = await put(runtime, tenant, "fail", max_attempts=1)
            plain = await put(runtime, tenant, "fail", PLAIN, max_attempts=1)
            await ended(runtime, tenant, dead)
            await ended(runtime, tenant, plain)
            again = await runtime.write(tenant, service.repeat_job, by, dead)
            assert (await ended(runtime, tenant, again.id)).state == State.SUCCEEDED
        old = await runtime.read(tenant, service.get_job, dead)
        assert (old.state, old.dead_at) == (State.FAILED, None)
        assert ran[-1] == "fail again"
        with pytest.raises(JobNotRepeatable, match=PLAIN):
            await runtime.write(tenant, service.repeat_job, by, plain)
        with pytest.raises(JobStateUnfit, match="succeeded"):
            await runtime.write(tenant, service.repeat_job, by, again.id)

    async def test_another_organisations_is_unknown(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        ours, theirs = await put(runtime, tenant, "x"), await other_tenant(runtime)
        for fn, args in (
            (service.get_job, (ours,)),
            (service.set_priority, (ours, 1)),
            (service.cancel_job, (door(runtime, theirs), ours)),
            (service.repeat_job, (door(runtime, theirs), ours)),
        ):
            with pytest.raises(JobUnknown):
                await runtime.write(theirs, fn, *args)


class TestWorkers:
    async def test_a_drained_one_finishes_what_it_holds_takes_no_more_and_leaves(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        worker = QueueWorker(
            runtime, name="leaver", concurrency=8, poll_s=0.02, heartbeat_s=0.05, leaves=True
        )
        running = asyncio.create_task(worker.run())
        held = await put(runtime, tenant, "hold")
        await ended(runtime, tenant, held, State.RUNNING)

        def drain(db: Session) -> service.WorkerSeen:
            return service.drain_worker(db, runtime.clock, worker.id, drains=True)

        drained = await runtime.write(tenant, drain)
        assert (drained.name, drained.held, drained.concurrency) == ("leaver", 1, 8)
        await asyncio.sleep(0.2)  # a few heartbeats
        left = await put(runtime, tenant, "left")
        await asyncio.sleep(0.2)
        assert ran == ["hold"]
        assert not running.done()
        await runtime.write(tenant, service.cancel_job, door(runtime, tenant), held)
        await asyncio.wait_for(running, 10)
        assert await runtime.read(tenant, service.list_workers) == []
        assert (await runtime.read(tenant, service.get_job, left)).state == State.QUEUED

    async def test_a_draining_one_takes_jobs_again_when_told(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        async with working(runtime) as worker:
            await until(lambda: worker._registered)
            for drains in (True, False):

                def steer(db: Session, drains: bool = drains) -> service.WorkerSeen:
                    return service.drain_worker(db, runtime.clock, worker.id, drains=drains)

                await runtime.write(tenant, steer)
                await until(lambda drains=drains: worker.drained == drains)  # type: ignore[misc]
            await ended(runtime, tenant, await put(runtime, tenant, "back"))
        assert ran == ["back"]

    async def test_one_takes_only_from_its_queues(
        self, runtime: Runtime, tenant: Tenant, ran: Ran
    ) -> None:
        async with working(runtime, queues=frozenset({"attic"})):
            await put(runtime, tenant, "not mine")
            await ended(runtime, tenant, await put(runtime, tenant, "mine", PLAIN))
            await asyncio.sleep(0.1)
            (worker,) = await runtime.read(tenant, service.list_workers)
            assert worker.queues == ["attic"]
        assert ran == ["mine"]

    async def test_one_that_is_gone_is_unknown(self, runtime: Runtime, tenant: Tenant) -> None:
        with pytest.raises(WorkerUnknown):
            await runtime.write(
                tenant,
                lambda db: service.drain_worker(db, runtime.clock, UUID(int=9), drains=True),
            )
