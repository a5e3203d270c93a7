"""Tasks: what a job executes, what it is handed, and what each of its ends means for its row.

A task is a coroutine under a name. Nothing here talks to the queue's tables: the worker
(`core.queue`) claims jobs and writes the values that `outcome_of` returns.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Executable
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.database import DatabaseUnreachable
from camel_ext.core.dependencies import DependencyDown
from camel_ext.core.errors import CamelExtError, InsufficientStorage
from camel_ext.core.gate import Signals
from camel_ext.core.jobs import Claimed
from camel_ext.core.journal import Append, Fenced
from camel_ext.core.models import State, WaitingFor
from camel_ext.core.runtime import Runtime

log = logging.getLogger(__name__)
T = TypeVar("T")
OURS_TO_MEND = (DatabaseUnreachable, DependencyDown, InsufficientStorage)
BACKOFF_S = 1.0
BACKOFF_MAX_S = 60.0

TaskFunction = Callable[..., Awaitable[None]]
FailedFunction = Callable[["TaskContext", str, str], Awaitable[None]]
CancelFunction = Callable[..., object]  # (db, door, **args of the job)
AgainFunction = Callable[..., UUID]  # the same; it returns the new job's id
TASKS: dict[str, TaskFunction] = {}
ON_FAILED: dict[str, FailedFunction] = {}
CANCEL: dict[str, CancelFunction] = {}
AGAIN: dict[str, AgainFunction] = {}


def task(
    name: str,
    failed: FailedFunction | None = None,
    cancel: CancelFunction | None = None,
    again: AgainFunction | None = None,
) -> Callable[[TaskFunction], TaskFunction]:
    """Register a coroutine as the task `room.verb_noun`; it takes a TaskContext and ids.

    `failed(context, code, detail)` is called, under the job's fence, before the job is written off,
    so that what the job worked for can say so, too. `cancel(db, door, **ids)` stops what a job works
    for, and `again(db, door, **ids)` queues it again after a failure, where people do so by the job.
    """

    def register(fn: TaskFunction) -> TaskFunction:
        TASKS[name] = fn
        hooks: list[tuple[dict[str, Any], Any]] = [
            (ON_FAILED, failed), (CANCEL, cancel), (AGAIN, again),
        ]  # fmt: skip
        for known, hook in hooks:
            if hook is not None:
                known[name] = hook
        return fn

    return register


def known_queues() -> frozenset[str]:
    """Return the queues that there are: the rooms of the registered tasks."""
    return frozenset(jobs.queue_of(kind) for kind in TASKS)


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
    ended: bool = False  # only the word about its end is left to write: nothing interrupts that
    settled: bool = False  # that word is written
    wake_control: "asyncio.Event" = field(default_factory=asyncio.Event)

    async def append(
        self,
        entries: list[tuple[Executable, dict[str, Any]]],
        signals: Signals | None = None,
        *,
        ends_job: bool = False,
    ) -> None:
        """Append to the journal under this job's fence.

        `ends_job`: with these entries the job has done what it should, and ends in the same commit.
        Raises: Fenced where another worker took the job over.
        """
        job = self.job
        if ends_job:
            self.ended = True
            entries = [*entries, *jobs.success(job, self.runtime.clock.now()).entries]
        await self.runtime.gate.append(
            Append(job.tenant, entries, job.id, job.fence, signals or set())
        )
        self.settled |= ends_job

    @asynccontextmanager
    async def until_cancelled(self, end: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
        """Work in the block; where somebody cancels the job, write by `end` what that means, and stop.

        A worker that stops, or lost its lease, interrupts the block, too: that passes through, and
        the work goes on elsewhere. Nothing interrupts `end`.
        Raises: Stopped.
        """
        try:
            yield
        except asyncio.CancelledError:
            if not self.cancel_requested:
                raise
            self.ended = True
            await end()
            raise Stopped from None

    async def read(self, fn: Callable[..., T], *args: Any) -> T:
        """Call `fn(session, *args)` on a snapshot."""
        return await self.runtime.read(self.job.tenant, fn, *args)

    async def write(self, fn: Callable[..., T], *args: Any) -> T:
        """Call `fn(session, *args)` in one transaction that also checks the fence."""

        def fenced(session: Session, *inner: Any) -> T:
            jobs.check_fence(session.connection(), self.job.id, self.job.fence)
            return fn(session, *inner)

        return await self.runtime.write(self.job.tenant, fenced, *args)


async def outcome_of(
    context: TaskContext, *, stopping: Callable[[], bool]
) -> dict[str, Any] | None:
    """Run the job's task to its end and return what its row shall say; None: say nothing."""
    clock, rng, job = context.runtime.clock, context.runtime.rng, context.job
    now = clock.now
    try:
        await _begin(context)
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
    except OURS_TO_MEND as error:  # not the job's fault
        pause_s = rng.uniform(0, BACKOFF_MAX_S / 10)
        later = {"state": State.QUEUED, "run_at": now() + timedelta(seconds=pause_s)}
        return later | {"error_code": error.code, "error_detail": error.detail[:2000]}
    except CamelExtError as error:
        return _failed(job, error.code, error.detail, error.retryable, now(), rng)
    except Exception as error:
        log.exception("job %s failed with a bug of ours", job.id)
        return _failed(job, "core.internal", f"{type(error).__name__}: {error}", False, now(), rng)
    return {"state": State.SUCCEEDED, "finished_at": now(), "error_code": None}


def _waiting(wait: Wait, now: datetime) -> dict[str, Any]:
    # what goes on by itself still has to stop for whoever asked for a pause meanwhile
    heard = {} if wait.waiting_for in jobs.WAKES_BY_ITSELF else {"pause_requested_at": None}
    return {
        **heard,
        "state": State.WAITING,
        "waiting_for": wait.waiting_for,
        "run_at": wait.until or now,
        "attempts": 0,
        "takeovers": 0,
        "error_detail": wait.detail or None,
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


async def _begin(context: TaskContext) -> None:
    current = asyncio.current_task()
    if context.cancel_requested and current is not None:
        current.cancel()  # asked before it began here: it hears of it at its first await
    await TASKS[context.job.kind](context, **context.job.args)
