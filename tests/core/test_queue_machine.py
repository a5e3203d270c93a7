"""Goal R10: random operations on queue and leases, compared with a model in plain Python."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from camel_ext.core import jobs, leases
from camel_ext.core.database import Database
from camel_ext.core.jobs import Claimed
from camel_ext.core.journal import Fenced
from camel_ext.core.models import Base, Job, State, WaitingFor
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.core.test_jobs import Bench
from tests.fakes.clock import FakeClock
from tests.fakes.threads import InlineThreads

TENANT = Tenant(UUID(int=1), UUID(int=2))


@dataclass
class Model:
    """What we believe of a job."""

    order: int
    priority: int
    gpu: int
    state: str = "queued"
    fence: int = 0
    worker: UUID | None = None
    takeovers: int = 0
    cancel: bool = False
    woken: bool = False
    waiting_for: str | None = None


class QueueMachine(RuleBasedStateMachine):
    """Jobs and workers; `database` is set by the test."""

    database: Database
    claims: Bundle[tuple[Claimed, UUID]] = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        with self.database.begin("test") as connection:
            marked = connection.execution_options(tenant_system="test")
            for table in ("jobs", "workers"):
                marked.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
        self.clock = FakeClock()
        runtime = Runtime(self.database, self.clock, Random(1), InlineThreads())
        self.bench = Bench(runtime, TENANT)
        self.jobs: dict[UUID, Model] = {}
        self.workers: list[UUID] = [self.bench.worker() for _ in range(2)]

    def _pick(self, number: int) -> UUID | None:
        return list(self.jobs)[number % len(self.jobs)] if self.jobs else None

    @rule(priority=st.integers(0, 2), gpu=st.integers(0, 2))
    def enqueue(self, priority: int, gpu: int) -> None:
        self.clock.advance(0.001)
        job_id = self.bench.enqueue(priority=priority, resources={"gpu": gpu} if gpu else {})
        self.jobs[job_id] = Model(len(self.jobs), priority, gpu)

    @rule(number=st.integers(0, 9))
    def new_worker(self, number: int) -> None:
        if len(self.workers) < 4:
            self.workers.append(self.bench.worker())

    @rule(target=claims, which=st.integers(0, 9), gpu=st.integers(0, 2))
    def claim(self, which: int, gpu: int) -> Any:
        self.clock.advance(0.001)
        worker = self.workers[which % len(self.workers)]
        fitting = [
            job_id for job_id, job in self.jobs.items() if job.state == "queued" and job.gpu <= gpu
        ]
        got = self.bench.claim(worker, slots=1, gpu=gpu)
        assert bool(got) == bool(fitting)
        if not got:
            return None, worker
        model = self.jobs[got[0].id]
        assert got[0].id in fitting
        assert model.priority == max(self.jobs[job_id].priority for job_id in fitting)
        model.state, model.worker, model.woken = "running", worker, False
        model.fence += 1
        assert (got[0].fence, got[0].takeovers) == (model.fence, model.takeovers)
        assert got[0].cancel_requested == model.cancel
        return got[0], worker

    @rule(
        claim=consumes(claims),
        end=st.sampled_from(["succeeded", "failed", "queued", "person", "pause"]),
    )
    def settle(self, claim: Any, end: str) -> None:
        job, _ = claim
        if job is None:
            return
        model = self.jobs[job.id]
        holds = model.state == "running" and model.fence == job.fence
        waits = end in ("person", "pause")
        values: dict[str, Any] = {"waiting_for": WaitingFor(end)} if waits else {}
        state = State.WAITING if waits else State(end)
        if state.is_final:
            values["finished_at"] = self.clock.now()
        try:
            self.bench.settle(job, state, **values)
        except Fenced:
            assert not holds
            return
        assert holds
        again = not state.is_final and (model.cancel or (waits and model.woken))
        model.state = "queued" if again else str(state)
        model.waiting_for = end if waits and not again else None
        model.worker = None

    @rule(number=st.integers(0, 99))
    def cancel(self, number: int) -> None:
        job_id = self._pick(number)
        if job_id is None:
            return
        self.bench.session(jobs.request_cancel, self.clock, job_id)
        model = self.jobs[job_id]
        if model.state in ("queued", "waiting"):
            model.state, model.waiting_for = "cancelled", None
        elif model.state == "running":
            model.cancel = True

    @rule(number=st.integers(0, 99))
    def wake(self, number: int) -> None:
        job_id = self._pick(number)
        if job_id is None:
            return
        self.bench.session(jobs.wake, self.clock, job_id)
        model = self.jobs[job_id]
        if model.state == "waiting":
            model.state, model.waiting_for = "queued", None
        elif model.state == "running":
            model.woken = True

    @rule(dead=st.integers(0, 9), by=st.integers(0, 9))
    def sweep(self, dead: int, by: int) -> None:
        gone, alive = (self.workers[n % len(self.workers)] for n in (dead, by))
        if gone == alive or len(self.workers) < 2:
            return
        self.bench.expire(gone)
        self.bench.sweep(alive)
        self.workers.remove(gone)
        assert not self.bench.beat(gone)
        assert self.bench.claim(gone) == []
        self._lost(gone, died=1)

    @rule(which=st.integers(0, 9))
    def stop(self, which: int) -> None:
        if len(self.workers) < 2:
            return
        worker = self.workers.pop(which % len(self.workers))
        with self.database.begin("test") as connection:
            leases.forget(connection, worker, self.clock.now())
        self._lost(worker, died=0)

    def _lost(self, worker: UUID, died: int) -> None:
        for model in self.jobs.values():
            if model.worker == worker:
                model.state, model.worker = "queued", None
                model.takeovers += died

    @rule(seconds=st.sampled_from([0, 1, 29, 3600, -3600]))
    def jump(self, seconds: int) -> None:
        """No jump of the wall clock takes a job from a worker that lives."""
        before = self.clock.now()
        self.clock.jump(seconds)
        with self.database.begin("test") as connection:
            leases.follow_clock(connection, self.clock.now(), before)
        assert self.bench.sweep(self.workers[0]) == 0  # leases run on another clock

    @invariant()
    def they_agree(self) -> None:
        def stored(db: Any) -> dict[UUID, Any]:
            return {row.id: row for row in db.scalars(select(Job))}

        rows = self.bench.session(stored)
        assert rows.keys() == self.jobs.keys()
        for job_id, model in self.jobs.items():
            row = rows[job_id]
            assert (row.state, row.fence, row.worker_id, row.takeovers, row.waiting_for) == (
                model.state, model.fence, model.worker, model.takeovers, model.waiting_for,
            )  # fmt: skip
            # PostgreSQL has its own clock; on SQLite no jump makes a job wait that was due
            if row.state == State.QUEUED and self.database.is_sqlite:
                assert row.run_at <= self.clock.now() + timedelta(milliseconds=1)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'machine.db'}")
    with made.begin() as connection:
        connection.exec_driver_sql("SELECT 1")
        Base.metadata.create_all(connection.execution_options(tenant_system="ddl"))
    yield made
    made.close()


def _run(database: Database, examples: int, steps: int) -> None:
    QueueMachine.database = database
    run_state_machine_as_test(
        QueueMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )


def test_a_few_histories_on_sqlite(on_sqlite: Database) -> None:
    _run(on_sqlite, 5, 20)


@pytest.mark.slow
def test_queue_and_leases_agree_with_the_model(database_url: str) -> None:
    database = Database(database_url)
    _run(database, 60 if database.is_sqlite else 25, 40)
    database.close()
