"""The worker on a real database and threads: what it runs, gives back, retries and survives."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from camel_ext.core import jobs, leases
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import DatabaseUnreachable
from camel_ext.core.errors import InsufficientStorage, Invalid, Unavailable
from camel_ext.core.journal import Fenced
from camel_ext.core.models import FINAL_STATES, Job, State, WaitingFor, Worker
from camel_ext.core.queue import TASKS, QueueWorker, Stopped, TaskContext, Wait, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.tasks import ON_FAILED
from camel_ext.core.tenancy import Tenant
from tests.working import working

Script = Callable[[TaskContext], Any]


@pytest.fixture
def script() -> Iterator[dict[str, Script]]:
    """What each task of this test does, by the name in its arguments."""
    scripts: dict[str, Script] = {}
    known = dict(TASKS)

    @task("test.script", failed=None)
    async def run(context: TaskContext, *, name: str) -> None:
        await scripts[name](context)

    yield scripts
    TASKS.clear()
    TASKS.update(known)
    ON_FAILED.pop("test.script", None)


async def enqueue(runtime: Runtime, tenant: Tenant, name: str, **options: Any) -> UUID:
    def ask(db: Session) -> UUID:
        args = {"name": name}
        job: Job = jobs.enqueue(db, runtime.clock, runtime.new_id(), "test.script", args, **options)
        return job.id

    return await runtime.write(tenant, ask)


async def job_of(runtime: Runtime, tenant: Tenant, job_id: UUID) -> Job:
    found: Job = await runtime.read(tenant, lambda db: db.get_one(Job, job_id))
    return found


async def until(
    runtime: Runtime, tenant: Tenant, job_id: UUID, *states: State, timeout_s: float = 5.0
) -> Job:
    """Wait for one of the states; final ones where none is named."""
    async with asyncio.timeout(timeout_s):
        while True:
            job = await job_of(runtime, tenant, job_id)
            if job.state in (states or FINAL_STATES):
                return job
            await asyncio.sleep(0.005)


async def eventually(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110 - what is looked at is no event
            await asyncio.sleep(0.005)


@pytest.fixture
def live(core: Runtime) -> Runtime:
    core.clock = SystemClock()
    return core


def raising(error: BaseException) -> Script:
    async def run(_context: TaskContext) -> None:
        raise error

    return run


async def forever(_context: TaskContext) -> None:
    await asyncio.Event().wait()


async def nothing(_context: TaskContext) -> None:
    return None


class TestEnds:
    @pytest.mark.parametrize(
        ("error", "state", "code"),
        [
            (None, State.SUCCEEDED, None),
            (Invalid("no"), State.FAILED, "core.invalid"),
            (RuntimeError("a bug"), State.FAILED, "core.internal"),
            (Stopped(), State.CANCELLED, None),
        ],
    )
    async def test_each_is_a_row(
        self,
        live: Runtime,
        tenant: Tenant,
        script: dict[str, Script],
        error: Exception | None,
        state: State,
        code: str | None,
    ) -> None:
        script["go"] = nothing if error is None else raising(error)
        async with working(live):
            job_id = await enqueue(live, tenant, "go")
            job = await until(live, tenant, job_id)
        assert (job.state, job.error_code, job.worker_id) == (state, code, None)
        assert job.finished_at is not None

    async def test_a_retryable_error_is_tried_again_then_dead(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        script["go"] = raising(Unavailable("the provider is away"))
        async with working(live):
            job_id = await enqueue(live, tenant, "go", max_attempts=2)
            job = await until(live, tenant, job_id, State.FAILED)
        assert (job.attempts, job.error_code) == (2, "core.unavailable")
        assert job.dead_at is not None

    @pytest.mark.parametrize("error", [InsufficientStorage(), DatabaseUnreachable("away")])
    async def test_our_own_outage_costs_no_attempt(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script], error: Exception
    ) -> None:
        tried = asyncio.Event()

        async def outage(_context: TaskContext) -> None:
            tried.set()
            raise error

        script["go"] = outage
        async with working(live):
            job_id = await enqueue(live, tenant, "go", max_attempts=1)
            await eventually(tried.is_set)
            job = await until(live, tenant, job_id, State.QUEUED)
        assert (job.state, job.attempts) == (State.QUEUED, 0)

    async def test_waiting_and_waking(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        answered = asyncio.Event()

        async def ask(_context: TaskContext) -> None:
            if not answered.is_set():
                raise Wait(WaitingFor.PERSON, detail="may I?")

        script["go"] = ask
        async with working(live):
            job_id = await enqueue(live, tenant, "go")
            job = await until(live, tenant, job_id, State.WAITING)
            assert (job.waiting_for, job.error_detail) == (WaitingFor.PERSON, "may I?")
            answered.set()
            await live.write(tenant, jobs.wake, live.clock, job_id)
            assert (await until(live, tenant, job_id)).state == State.SUCCEEDED

    async def test_too_many_dead_workers_end_it_and_its_room_hears(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        heard: list[str] = []

        async def failed(_context: TaskContext, code: str, _detail: str) -> None:
            heard.append(code)

        ON_FAILED["test.script"] = failed
        script["go"] = nothing
        job_id = await enqueue(live, tenant, "go")
        await live.write(tenant, lambda db: db.execute(update(Job).values(takeovers=3)) and None)
        async with working(live, max_takeovers=3):
            job = await until(live, tenant, job_id)
        assert (job.state, job.error_code, heard) == (
            State.FAILED, "core.worker_lost", ["core.worker_lost"],
        )  # fmt: skip


class TestControl:
    async def test_cancel_reaches_a_running_task(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        script["go"] = forever
        async with working(live):
            job_id = await enqueue(live, tenant, "go")
            await until(live, tenant, job_id, State.RUNNING)
            await live.write(tenant, jobs.request_cancel, live.clock, job_id)
            assert (await until(live, tenant, job_id)).state == State.CANCELLED

    async def test_pause_is_seen_and_a_quick_wake_undoes_it(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        seen: list[bool] = []

        async def watch(context: TaskContext) -> None:
            while len(seen) < 2:
                if context.pause_requested != (len(seen) == 1):
                    seen.append(context.pause_requested)
                await asyncio.sleep(0.005)

        script["go"] = watch
        async with working(live):
            job_id = await enqueue(live, tenant, "go")
            await until(live, tenant, job_id, State.RUNNING)
            await live.write(tenant, jobs.request_pause, live.clock, job_id)
            await eventually(lambda: bool(seen))
            await live.write(tenant, jobs.wake, live.clock, job_id)
            assert (await until(live, tenant, job_id)).state == State.SUCCEEDED
        assert seen == [True, False]

    async def test_one_asked_to_stop_before_it_began_here_hears_it_at_its_first_await(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        told: list[bool] = []

        async def careful(context: TaskContext) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                told.append(context.cancel_requested)
                raise

        script["go"] = careful
        job_id = await enqueue(live, tenant, "go")
        await live.write(
            tenant,
            lambda db: (
                db.execute(update(Job).values(cancel_requested_at=live.clock.now())) and None
            ),
        )
        async with working(live):
            assert (await until(live, tenant, job_id)).state == State.CANCELLED
        assert told == [True]


class TestStopping:
    async def test_gives_back_what_it_held(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        script["go"] = forever
        async with working(live):
            job_id = await enqueue(live, tenant, "go")
            await until(live, tenant, job_id, State.RUNNING)
        job = await job_of(live, tenant, job_id)
        assert (job.state, job.worker_id, job.takeovers) == (State.QUEUED, None, 0)
        assert await live.read_system("test", lambda db: db.scalars(select(Worker.id)).all()) == []

    async def test_right_after_a_claim_loses_nothing(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        """A task cancelled before its first step never runs: its row must not stay running."""
        script["go"] = forever
        job_id = await enqueue(live, tenant, "go")
        worker = QueueWorker(live, name="test", concurrency=8)
        claim = worker._claim

        async def claim_and_stop(only: frozenset[UUID] | None = None) -> int:
            taken = await claim(only)
            worker.stop()
            return taken

        worker._claim = claim_and_stop  # type: ignore[method-assign]
        await asyncio.wait_for(worker.run(), 5)
        assert (await job_of(live, tenant, job_id)).state == State.QUEUED

    async def test_a_cancelled_worker_leaves_nothing_running(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        script["go"] = forever
        worker = QueueWorker(live, name="test", concurrency=8, poll_s=0.02)
        running = asyncio.create_task(worker.run())
        job_id = await enqueue(live, tenant, "go")
        await until(live, tenant, job_id, State.RUNNING)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await job_of(live, tenant, job_id)).state == State.QUEUED


class TestAdversity:
    async def test_a_sole_worker_takes_its_predecessors_jobs_at_once(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        script["go"] = nothing
        job_id = await enqueue(live, tenant, "go")
        dead = QueueWorker(live, name="dead", concurrency=1, lease_s=3600)
        await dead._register()
        dead._held = {}
        with live.database.begin("test") as connection:
            now = live.database.now(connection, live.clock)
            jobs.claim(connection, dead.id, now, slots=1, free={}, kinds=frozenset({"test.script"}))
        async with working(live, sole=True):
            job = await until(live, tenant, job_id)
        assert (job.state, job.takeovers, job.fence) == (State.SUCCEEDED, 1, 2)

    async def test_a_swept_worker_says_nothing_and_starts_over(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        fences: list[int] = []
        late: list[type[BaseException]] = []

        async def run(context: TaskContext) -> None:
            fences.append(context.job.fence)
            if len(fences) > 1:
                return
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                try:
                    await context.append([])
                except Fenced as error:
                    late.append(type(error))
                raise

        script["go"] = run
        async with working(live) as worker:
            job_id = await enqueue(live, tenant, "go")
            await until(live, tenant, job_id, State.RUNNING)
            with live.database.begin("test") as connection:
                leases.reoffer(connection, live.clock.now(), [worker.id])
            job = await until(live, tenant, job_id)
        assert (job.state, fences, late) == (State.SUCCEEDED, [1, 2], [Fenced])

    @pytest.mark.parametrize("full", [True, False])
    async def test_a_worker_outlives_a_database_that_is_away(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script], full: bool
    ) -> None:
        """Neither its loop nor the end of a job that came during the outage is lost."""
        away, finish = asyncio.Event(), asyncio.Event()

        def refuse(_connection: Any) -> None:
            if away.is_set():
                raise InsufficientStorage() if full else DatabaseUnreachable("away")

        async def run(_context: TaskContext) -> None:
            await finish.wait()

        script["go"] = run
        event.listen(live.database.writer, "commit", refuse)
        async with working(live):
            job_id = await enqueue(live, tenant, "go")
            await until(live, tenant, job_id, State.RUNNING)
            away.set()
            finish.set()
            await asyncio.sleep(0.2)
            away.clear()
            job = await until(live, tenant, job_id)
            assert (job.state, job.fence) == (State.SUCCEEDED, 1)
            assert (await until(live, tenant, await enqueue(live, tenant, "go"))).fence == 1

    async def test_a_worker_whose_registration_was_answered_by_nobody_registers_again(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        script["go"] = nothing
        write = live.gate.write
        lost: list[bool] = []

        async def losing(fn: Any, *args: Any, **how: Any) -> Any:
            answer = await write(fn, *args, **how)
            if fn.__name__ == "register" and not lost:
                lost.append(True)
                raise DatabaseUnreachable("the answer got lost")
            return answer

        live.gate.write = losing  # type: ignore[method-assign]
        async with working(live):
            job = await until(live, tenant, await enqueue(live, tenant, "go"))
        assert (job.state, lost) == (State.SUCCEEDED, [True])

    async def test_a_claim_whose_answer_was_lost_is_offered_again(
        self, live: Runtime, tenant: Tenant, script: dict[str, Script]
    ) -> None:
        script["go"] = nothing
        async with working(live) as worker:
            write = live.gate.write
            lost: list[bool] = []

            async def losing(fn: Any, *args: Any, **how: Any) -> Any:
                answer = await write(fn, *args, **how)
                if fn.__name__ == "claim" and answer and not lost:
                    lost.append(True)
                    raise DatabaseUnreachable("the answer got lost")
                return answer

            live.gate.write = losing  # type: ignore[method-assign]
            job_id = await enqueue(live, tenant, "go")
            job = await until(live, tenant, job_id)
            async with asyncio.timeout(30):
                while worker.held:  # noqa: ASYNC110 - its end is committed before its place is free
                    await asyncio.sleep(0.01)
        assert (job.state, job.fence, lost) == (State.SUCCEEDED, 2, [True])
