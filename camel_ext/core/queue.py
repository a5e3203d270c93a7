"""The worker: claims jobs, executes them as asyncio tasks on one loop, keeps one lease for all.

It is the same in the server process (woken by the gate's signals) and in `camel-ext worker` (which
polls the same table on PostgreSQL). A task gets ids and a `TaskContext`; whatever happens to it ends
in one fenced update of its row, so a zombie's late word is refused. It is not a broker.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Executable
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.errors import CamelExtError, Unavailable
from camel_ext.core.gate import Signals
from camel_ext.core.ids import uuid7
from camel_ext.core.jobs import Claimed
from camel_ext.core.journal import Append, Fenced
from camel_ext.core.models import State, WaitingFor, Worker
from camel_ext.core.runtime import Runtime
from camel_ext.observability.trace import bind_trace_id

log = logging.getLogger(__name__)
T = TypeVar("T")
BACKOFF_S = 1.0
BACKOFF_MAX_S = 60.0

TaskFunction = Callable[..., Awaitable[None]]
FailedFunction = Callable[["TaskContext", str, str], Awaitable[None]]
TASKS: dict[str, TaskFunction] = {}
ON_FAILED: dict[str, FailedFunction] = {}


def task(name: str, failed: FailedFunction | None = None) -> Callable[[TaskFunction], TaskFunction]:
    """Register a coroutine as the task `room.verb_noun`; it takes a TaskContext and ids.

    `failed(context, code, detail)` is called, under the job's fence, before the job is written off,
    so that what the job worked for can say so, too.
    """

    def register(fn: TaskFunction) -> TaskFunction:
        TASKS[name] = fn
        if failed is not None:
            ON_FAILED[name] = failed
        return fn

    return register


class Wait(Exception):
    """Raised by a task that gives its place back until somebody, or some time, wakes it."""

    def __init__(self, waiting_for: WaitingFor, until: datetime | None = None, detail: str = ""):
        super().__init__(detail or f"waits for {waiting_for}")
        self.waiting_for = waiting_for
        self.until = until
        self.detail = detail


class Stopped(Exception):
    """Raised by a task that has done what a cancel asks for: its job ends cancelled."""


@dataclass(eq=False, slots=True)
class TaskContext:
    """What a task may use: its tenant, its fence, and the two ways to the database."""

    runtime: Runtime
    job: Claimed
    pause_requested: bool = False
    cancel_requested: bool = False
    wake_control: "asyncio.Event" = field(default_factory=asyncio.Event)

    async def append(
        self, entries: list[tuple[Executable, dict[str, Any]]], signals: Signals | None = None
    ) -> None:
        """Append to the journal under this job's fence.

        Raises: Fenced where another worker took the job over.
        """
        append = Append(self.job.tenant, entries, self.job.id, self.job.fence, signals or set())
        await self.runtime.gate.append(append)

    async def read(self, fn: Callable[..., T], *args: Any) -> T:
        """Call `fn(session, *args)` on a snapshot."""
        return await self.runtime.read(self.job.tenant, fn, *args)

    async def write(self, fn: Callable[..., T], *args: Any) -> T:
        """Call `fn(session, *args)` in one transaction that also checks the fence."""

        def fenced(session: Session, *inner: Any) -> T:
            jobs.check_fence(session.connection(), self.job.id, self.job.fence)
            return fn(session, *inner)

        return await self.runtime.write(self.job.tenant, fenced, *args)


class QueueWorker:
    """One per process. `run()` returns after `stop()`, when everything it held is given back."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        name: str,
        concurrency: int,
        lease_s: float = 30.0,
        heartbeat_s: float = 5.0,
        poll_s: float = 0.5,
        max_takeovers: int = 100,
        resources: dict[str, int] | None = None,
        sole: bool = False,
    ) -> None:
        self.runtime = runtime
        self.id = uuid7(runtime.clock, runtime.rng)
        self._name = name
        self._concurrency = concurrency
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        self._poll_s = poll_s
        self._max_takeovers = max_takeovers
        self._resources = resources or {}
        self._sole = sole  # holds the lock of the data directory: every other worker is dead
        self._held: dict[UUID, tuple[TaskContext, asyncio.Task[None]]] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._next_beat_s = 0.0

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def stop(self) -> None:
        """Give back what is held and return from `run()`."""
        self._stopping = True
        self._wake.set()

    @property
    def held(self) -> int:
        """How many jobs run here now."""
        return len(self._held)

    async def run(self) -> None:
        self.runtime.gate.listen(jobs.JOBS, self.wake)
        await self._register()
        try:
            while not self._stopping:
                self._wake.clear()
                await self._round()
                await self._pause()
        finally:
            await self._give_back()

    async def _round(self) -> None:
        try:
            await self._beat()
            wanted, any_due = await self._look()
            self._obey(wanted)
            if any_due and len(self._held) < self._concurrency:
                await self._claim()
        except Unavailable as error:  # the database is away: what runs goes on, the lease decides
            log.warning("the queue cannot reach the database: %s", error)

    async def _pause(self) -> None:
        if self._wake.is_set():
            return
        sleeper = asyncio.ensure_future(self.runtime.clock.sleep(self._poll_s))
        waker = asyncio.ensure_future(self._wake.wait())
        _, pending = await asyncio.wait({sleeper, waker}, return_when=asyncio.FIRST_COMPLETED)
        for future in pending:
            future.cancel()
            with suppress(asyncio.CancelledError):
                await future

    async def _register(self) -> None:
        def register(connection: Connection, _signals: Signals) -> int:
            now = self._now(connection)
            lost = 0
            if self._sole:
                lost = jobs.reoffer(connection, now, jobs.all_workers(connection))
            jobs.register(
                connection,
                Worker(
                    id=self.id,
                    name=self._name,
                    started_at=now,
                    heartbeat_at=now,
                    lease_until=now + timedelta(seconds=self._lease_s),
                ),
            )
            return lost

        taken = await self.runtime.gate.write(register)
        self._next_beat_s = self.runtime.clock.monotonic_s() + self._heartbeat_s
        if taken:
            log.info("took over %d jobs of a worker that died", taken)

    async def _beat(self) -> None:
        if self.runtime.clock.monotonic_s() < self._next_beat_s:
            return

        def beat(connection: Connection, _signals: Signals) -> bool:
            now = self._now(connection)
            alive = jobs.beat(connection, self.id, now, self._lease_s)
            jobs.sweep(connection, self.id, now)
            return alive

        alive = await self.runtime.gate.write(beat)
        self._next_beat_s = self.runtime.clock.monotonic_s() + self._heartbeat_s
        if not alive:
            log.error("this worker's lease ran out: its %d jobs are lost to it", len(self._held))
            for _, running in self._held.values():
                running.cancel()
            await self._register()

    async def _look(self) -> tuple[dict[UUID, str], bool]:
        def look(session: Session) -> tuple[dict[UUID, str], bool]:
            connection = session.connection()
            return jobs.requests_to(connection, self.id), jobs.due(
                connection, self._now(connection)
            )

        return await self.runtime.read_system("queue", look)

    def _obey(self, wanted: dict[UUID, str]) -> None:
        for job_id, request in wanted.items():
            if job_id not in self._held:
                continue
            context, running = self._held[job_id]
            if request == "cancel" and not context.cancel_requested:
                context.cancel_requested = True
                running.cancel()
            context.pause_requested = request == "pause"
            context.wake_control.set()

    async def _claim(self) -> None:
        used: Counter[str] = Counter()
        for context, _ in self._held.values():
            used.update(context.job.resources)
        free = {name: n - used[name] for name, n in self._resources.items()}

        def claim(connection: Connection, _signals: Signals) -> list[Claimed]:
            return jobs.claim(
                connection,
                self.id,
                self._now(connection),
                slots=self._concurrency - len(self._held),
                free=free,
                kinds=frozenset(TASKS),
            )

        for job in await self.runtime.gate.write(claim):
            context = TaskContext(self.runtime, job)
            running = asyncio.create_task(self._execute(context), name=f"{job.kind} {job.id}")
            self._held[job.id] = (context, running)
            running.add_done_callback(partial(self._release, job.id))

    def _release(self, job_id: UUID, _task: "asyncio.Task[None]") -> None:
        self._held.pop(job_id, None)
        self.wake()

    async def _execute(self, context: TaskContext) -> None:
        bind_trace_id(context.job.trace_id)
        values = await self._outcome(context)
        if values is None:
            return

        def settle(connection: Connection, _signals: Signals) -> None:
            jobs.settle(connection, context.job.id, context.job.fence, values)

        try:
            await self.runtime.gate.write(settle)
        except Fenced:
            log.warning("job %s was taken over: its late end was refused", context.job.id)

    async def _outcome(self, context: TaskContext) -> dict[str, Any] | None:
        if context.job.takeovers >= self._max_takeovers:
            died = f"{context.job.takeovers} workers in turn died while they held this job"
            now = self.runtime.clock.now()
            values: dict[str, Any] | None = {
                "state": State.FAILED,
                "finished_at": now,
                "dead_at": now,
                "error_code": "core.worker_lost",
                "error_detail": died,
            }
        else:
            values = await outcome_of(context, stopping=lambda: self._stopping)
        failed = ON_FAILED.get(context.job.kind)
        if failed is not None and values is not None and values["state"] == State.FAILED:
            with suppress(Fenced):
                await failed(context, values["error_code"], values["error_detail"])
        return values

    async def _give_back(self) -> None:
        tasks = [running for _, running in self._held.values()]
        for running in tasks:
            running.cancel()
        if tasks:
            await asyncio.wait(tasks)
        with suppress(Unavailable):
            await self.runtime.gate.write(lambda connection, _: jobs.forget(connection, self.id))

    def _now(self, connection: Connection) -> datetime:
        return self.runtime.database.now(connection, self.runtime.clock)


async def outcome_of(
    context: TaskContext, *, stopping: Callable[[], bool]
) -> dict[str, Any] | None:
    """Run the job's task to its end and return what its row shall say; None: say nothing."""
    clock, rng, job = context.runtime.clock, context.runtime.rng, context.job
    now = clock.now
    try:
        await TASKS[job.kind](context, **job.args)
    except Wait as wait:
        return _waiting(wait, now())
    except Stopped:
        return {"state": State.CANCELLED, "finished_at": now()}
    except Fenced:
        log.warning("job %s was taken over while it ran here", job.id)
        return None
    except asyncio.CancelledError:
        if context.cancel_requested:
            return {"state": State.CANCELLED, "finished_at": now()}
        if stopping():
            return {"state": State.QUEUED, "run_at": now()}
        return None  # the lease is lost: whoever holds the job now speaks for it
    except CamelExtError as error:
        return _failed(job, error.code, error.detail, error.retryable, now(), rng)
    except Exception as error:
        log.exception("job %s failed with a bug of ours", job.id)
        return _failed(job, "core.internal", f"{type(error).__name__}: {error}", False, now(), rng)
    return {"state": State.SUCCEEDED, "finished_at": now(), "error_code": None}


def _waiting(wait: Wait, now: datetime) -> dict[str, Any]:
    return {
        "state": State.WAITING,
        "waiting_for": wait.waiting_for,
        "run_at": wait.until or now,
        "attempts": 0,
        "takeovers": 0,
        "error_detail": wait.detail or None,
        "pause_requested_at": None,
    }


def _failed(
    job: Claimed, code: str, detail: str, retryable: bool, now: datetime, rng: Random
) -> dict[str, Any]:
    attempts = job.attempts + 1
    values = {"attempts": attempts, "error_code": code, "error_detail": detail[:2000]}
    if retryable and attempts < job.max_attempts:
        pause_s = rng.uniform(0, min(BACKOFF_MAX_S, BACKOFF_S * 2**attempts))  # full jitter
        return values | {"state": State.QUEUED, "run_at": now + timedelta(seconds=pause_s)}
    dead = {"dead_at": now} if retryable else {}
    return values | dead | {"state": State.FAILED, "finished_at": now}
