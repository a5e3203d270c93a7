"""The worker: claims jobs, executes them as asyncio tasks on one loop, keeps one lease for all.

It is the same in the server process (woken by the gate's signals) and in `camel-ext worker` (which
polls the same table on PostgreSQL). A task gets ids and a `TaskContext`; whatever happens to it ends
in one fenced update of its row, so a zombie's late word is refused. It is not a broker.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from camel_ext.core import jobs, leases
from camel_ext.core.claiming import Moment
from camel_ext.core.clock import wait_at_most
from camel_ext.core.endings import AWAY, ending_of, settle
from camel_ext.core.gate import Signals
from camel_ext.core.ids import uuid7
from camel_ext.core.jobs import Claimed, Holding
from camel_ext.core.models import State, Worker
from camel_ext.core.runtime import Runtime
from camel_ext.core.tasks import (
    ON_FAILED,
    TASKS,
    Stopped,
    TaskContext,
    Wait,
    outcome_of,
    task,
)
from camel_ext.observability.measures import Histogram
from camel_ext.observability.trace import bind_trace_id

__all__ = [
    "ON_FAILED",
    "TASKS",
    "WORKER",
    "QueueWorker",
    "Stopped",
    "TaskContext",
    "Wait",
    "outcome_of",
    "task",
]
log = logging.getLogger(__name__)
WORKER = "worker"  # where a process keeps its own, among the runtime's extras
LOOK_PAUSE_S = 0.01  # between two looks, the first of which found nothing to take


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
        queues: frozenset[str] | None = None,
        device: str | None = None,
        sole: bool = False,
        leaves: bool = False,
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
        self._queues = queues  # None: all
        self._device = device  # of trainings here, by name
        self._sole = sole  # holds the lock of the data directory: every other worker is dead
        self._leaves = leaves  # ends once it is drained: nothing else keeps its process
        self._held: dict[Holding, tuple[TaskContext, asyncio.Task[None]]] = {}
        self.took: dict[tuple[str, str], Histogram] = defaultdict(Histogram)  # by kind and end
        self._wake = asyncio.Event()
        self._looks = True  # the next round looks for any due job, not only for the hinted
        self._hears = True  # the next round looks what was asked of the jobs in hand
        self._left = False  # the last claim filled all places: more may be due
        self._look_at_s = 0.0  # not before
        self._hints: list[tuple[frozenset[UUID], asyncio.Future[None]]] = []
        self._stopping = False
        self._leaving = False
        self._draining = False
        self._registered = False
        self._next_beat_s = 0.0
        self._last_now: datetime | None = None

    def wake(self) -> None:
        """Look for work now, or as soon as there is a place for it."""
        self._looks = True
        self._wake.set()

    def hear(self) -> None:
        """Look what was asked of the jobs in hand now."""
        self._hears = True
        self._wake.set()

    async def take(self, ids: Collection[UUID]) -> int:
        """Claim those of these jobs that are due and fit in here now; return how many are in hand.

        What cannot be taken is left where it is: a later round, here or elsewhere, finds it. So it
        does no harm to be told of a job twice, late, or never.
        """
        unknown = frozenset(ids) - self._held_ids()
        if unknown and self._takes:
            answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._hints.append((unknown, answered))
            self._wake.set()
            await answered
        return len(self._held_ids().intersection(ids))

    def leave(self) -> None:
        """Take no more jobs; what is in hand goes on until `stop()`."""
        self._leaving = True

    async def emptied(self, within_s: float) -> None:
        """Wait for what is in hand, for so long at most."""
        if self._held:
            await asyncio.wait([each for _, each in self._held.values()], timeout=within_s)

    def stop(self) -> None:
        """Give back what is held and return from `run()`."""
        self._stopping = True
        self._wake.set()

    @property
    def held(self) -> int:
        """How many jobs run here now."""
        return len(self._held)

    def _held_ids(self) -> frozenset[UUID]:
        return frozenset(job_id for job_id, _ in self._held)

    @property
    def _takes(self) -> bool:
        """Whether it may take a job now, one that needs no more than a place."""
        ended = self._stopping or self._leaving or self._draining
        return self._registered and not ended and len(self._held) < self._concurrency

    @property
    def drained(self) -> bool:
        """Whether it was asked to take no more jobs, and holds none any more."""
        return self._draining and not self._held

    async def run(self) -> None:
        self.runtime.gate.listen(jobs.JOBS, self.wake)
        self.runtime.gate.listen(jobs.ASKED, self.hear)
        try:
            while not (self._stopping or (self._leaves and self.drained)):
                self._wake.clear()
                await self._round()
                await self._pause()
        finally:
            self._stopping = True
            self._answer_hints()
            await self._give_back()

    async def _round(self) -> None:
        try:
            if not self._registered:
                await self._register()
            await self._take_hinted()
            await self._beat()
            if self._left and self._takes:
                await self._claim()
            if self._hears or self._may_look:
                await self._look()
        except AWAY as error:  # what runs goes on, the lease decides
            log.warning("the queue cannot reach the database: %s", error)
        except Exception:  # a server whose worker died would answer, and do nothing
            log.exception("a bug of ours in the queue")

    async def _take_hinted(self) -> None:
        """Claim what was hinted at; a look first, as what another one took costs no commit then."""
        wanted = frozenset[UUID]().union(*(ids for ids, _ in self._hints)) - self._held_ids()
        answered = len(self._hints)
        try:
            if wanted and self._takes and await self._any_due(wanted):
                await self._claim(wanted)
        finally:
            self._answer_hints(answered)

    def _answer_hints(self, count: int | None = None) -> None:
        for _, answered in self._hints[:count]:
            if not answered.done():
                answered.set_result(None)
        del self._hints[:count]

    async def _any_due(self, only: frozenset[UUID]) -> bool:
        now = self._sql_now()

        def look(session: Session) -> bool:
            return jobs.due(session.connection(), now, self._kinds(), only)

        return await self.runtime.read_system("queue", look)

    @property
    def _may_look(self) -> bool:
        """Whether to look for work now: where none can be taken, or none was there just now, later."""
        return self._looks and self._takes and self._rests_s <= 0

    @property
    def _rests_s(self) -> float:
        return self._look_at_s - self.runtime.clock.monotonic_s()

    async def _pause(self) -> None:
        if self._looks and self._takes and self._rests_s > 0:  # many wakes are one look
            await wait_at_most(self.runtime.clock, self._wake, self._rests_s)
            return
        ran_out = await wait_at_most(self.runtime.clock, self._wake, self._poll_s)
        self._looks |= ran_out  # read only now: others set it meanwhile
        self._hears |= ran_out

    async def _register(self) -> None:
        def register(connection: Connection, _signals: Signals) -> int:
            now, lease_now = self._now(connection), self._lease_now(connection)
            lost = 0
            if self._sole:
                lost = leases.reoffer(connection, now, leases.all_workers(connection))
            leases.register(
                connection,
                Worker(
                    id=self.id,
                    name=self._name,
                    started_at=now,
                    heartbeat_at=now,
                    lease_until=lease_now + timedelta(seconds=self._lease_s),
                    concurrency=self._concurrency,
                    queues=None if self._queues is None else sorted(self._queues),
                ),
            )
            return lost

        taken = await self.runtime.gate.write(register, acting="queue")
        self._registered = True
        self._next_beat_s = self.runtime.clock.monotonic_s() + self._heartbeat_s
        if taken:
            log.info("took over %d jobs of a worker that died", taken)

    async def _beat(self) -> None:
        if self.runtime.clock.monotonic_s() < self._next_beat_s:
            return
        held = frozenset(self._held)

        def beat(connection: Connection, _signals: Signals) -> leases.Beat:
            now, lease_now = self._now(connection), self._lease_now(connection)
            heard = leases.beat(
                connection, self.id, now, lease_now + timedelta(seconds=self._lease_s)
            )
            leases.sweep(connection, self.id, now, lease_now)
            leases.offer_stray(connection, self.id, now, held)
            if self._last_now is not None and now < self._last_now:
                leases.follow_clock(connection, now, self._last_now)
            self._last_now = now
            return heard

        heard = await self.runtime.gate.write(beat, acting="queue")
        self._next_beat_s = self.runtime.clock.monotonic_s() + self._heartbeat_s
        self._draining = heard.draining
        if not heard.alive:
            log.error("this worker's lease ran out: its %d jobs are lost to it", len(self._held))
            self._registered = False
            self._cancel_held()
            await self._register()

    def _cancel_held(self) -> None:
        for context, running in self._held.values():
            if not context.ended:
                running.cancel()

    async def _look(self) -> None:
        """Obey what was asked of the jobs in hand, and claim what is due, where there is a place."""
        kinds = self._kinds() if self._takes else frozenset[str]()
        self._looks &= not kinds
        self._hears = False
        now = self._sql_now()

        def look(session: Session) -> tuple[dict[Holding, str], bool]:
            return jobs.look(session.connection(), self.id, now, kinds)

        wanted, any_due = await self.runtime.read_system("queue", look)
        self._obey(wanted)
        taken = await self._claim() if any_due and self._takes else 0
        if kinds and not taken:
            self._look_at_s = self.runtime.clock.monotonic_s() + LOOK_PAUSE_S

    def _obey(self, wanted: dict[Holding, str]) -> None:
        for holding, (context, running) in self._held.items():
            request = wanted.get(holding)
            context.pause_requested = request == "pause"
            if request == "cancel" and not context.cancel_requested and not context.ended:
                context.cancel_requested = True
                running.cancel()
            if request is not None:
                context.wake_control.set()

    async def _claim(self, only: frozenset[UUID] | None = None) -> int:
        """Take due jobs, of the named ones where some are, and begin them; return how many."""
        used: Counter[str] = Counter()
        for context, _ in self._held.values():
            used.update(context.job.resources)
        free = {name: n - used[name] for name, n in self._resources.items()}
        slots, now = self._concurrency - len(self._held), self._sql_now()

        def claim(connection: Connection, _signals: Signals) -> list[Claimed]:
            return jobs.claim(
                connection,
                self.id,
                now,
                slots=slots,
                free=free,
                kinds=self._kinds(),
                only=only,
                device=self._device,
            )

        taken = await self.runtime.gate.write(claim, acting="queue")
        if only is None:
            self._left = len(taken) == slots
        for job in taken:
            context = TaskContext(
                self.runtime,
                job,
                cancel_requested=job.cancel_requested,
                pause_requested=job.pause_requested,
            )
            running = asyncio.create_task(self._execute(context), name=f"{job.kind} {job.id}")
            holding = (job.id, job.fence)
            self._held[holding] = (context, running)
            running.add_done_callback(partial(self._release, holding))
        return len(taken)

    def _kinds(self) -> frozenset[str]:
        """Return the kinds of jobs that it takes."""
        return frozenset(
            kind for kind in TASKS if self._queues is None or jobs.queue_of(kind) in self._queues
        )

    def _release(self, holding: Holding, _task: "asyncio.Task[None]") -> None:
        self._held.pop(holding, None)
        if self._left:
            self._wake.set()  # what is left is claimed without a look
        else:
            self.wake()

    async def _execute(self, context: TaskContext) -> None:
        bind_trace_id(context.job.trace_id)
        began_s = self.runtime.clock.monotonic_s()
        values = await ending_of(context, self._max_takeovers, stopping=lambda: self._stopping)
        how = "lost" if values is None else str(values["state"])
        how = str(State.SUCCEEDED) if context.settled else how
        self.took[context.job.kind, how].note(self.runtime.clock.monotonic_s() - began_s)
        if values is not None:
            context.ended = True
            await settle(context, values, self._poll_s, stopping=lambda: self._stopping)

    async def _give_back(self) -> None:
        await asyncio.sleep(0)  # a task that was just claimed begins, so that it can end
        self._cancel_held()
        tasks = [running for _, running in self._held.values()]
        if tasks:
            await asyncio.wait(tasks)

        def forget(connection: Connection, _signals: Signals) -> None:
            leases.forget(connection, self.id, self._now(connection))

        with suppress(*AWAY):
            await self.runtime.gate.write(forget, acting="queue")

    def _lease_now(self, connection: Connection) -> datetime:
        return self.runtime.database.lease_now(connection, self.runtime.clock)

    def _now(self, connection: Connection) -> datetime:
        return self.runtime.database.now(connection, self.runtime.clock)

    def _sql_now(self) -> Moment:
        return self.runtime.database.sql_now(self.runtime.clock)
