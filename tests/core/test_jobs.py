"""Job rows: claim, fence, lease, sweep, and every word about them that could come too late."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core import jobs, leases
from camel_ext.core.errors import NotFound
from camel_ext.core.jobs import Claimed
from camel_ext.core.journal import Fenced
from camel_ext.core.models import Job, State, WaitingFor, Worker
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.fakes.clock import FakeClock

LEASE = timedelta(seconds=30)
KINDS = frozenset({"test.work"})


class Bench:
    """The queue's SQL, one transaction a call."""

    def __init__(self, runtime: Runtime, tenant: Tenant) -> None:
        self.runtime, self.tenant = runtime, tenant
        self.database, self.clock = runtime.database, runtime.clock

    def _times(self, connection: Any) -> tuple[Any, Any]:
        return (
            self.database.now(connection, self.clock),
            self.database.lease_now(connection, self.clock),
        )

    def worker(self) -> UUID:
        worker_id = self.runtime.new_id()
        with self.database.begin("test") as connection:
            now, lease_now = self._times(connection)
            row = Worker(
                id=worker_id,
                name="w",
                started_at=now,
                heartbeat_at=now,
                lease_until=lease_now + LEASE,
            )
            leases.register(connection, row)
        return worker_id

    def session(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with (
            self.database.begin(self.tenant) as connection,
            self.database.session_on(connection, self.tenant) as db,
        ):
            result = fn(db, *args, **kwargs)
            db.commit()
            return result

    def enqueue(self, **options: Any) -> UUID:
        job_id = self.runtime.new_id()
        job: Job = self.session(jobs.enqueue, self.clock, job_id, "test.work", {}, **options)
        return job.id

    def claim(self, worker: UUID, slots: int = 10, **free: int) -> list[Claimed]:
        with self.database.begin("test") as connection:
            now, _ = self._times(connection)
            return jobs.claim(connection, worker, now, slots=slots, free=free, kinds=KINDS)

    def settle(self, job: Claimed, state: State, **values: Any) -> None:
        with self.database.begin("test") as connection:
            now, _ = self._times(connection)
            values.setdefault("run_at", now)
            jobs.settle(connection, job, {"state": state, **values}, now)

    def beat(self, worker: UUID) -> bool:
        with self.database.begin("test") as connection:
            now, lease_now = self._times(connection)
            return leases.beat(connection, worker, now, lease_now + LEASE).alive

    def expire(self, worker: UUID) -> None:
        """Let the lease run out, on whichever clock it is."""
        with self.database.begin("test") as connection:
            now, lease_now = self._times(connection)
            leases.beat(connection, worker, now, lease_now - timedelta(seconds=1))

    def sweep(self, mine: UUID) -> int:
        with self.database.begin("test") as connection:
            return leases.sweep(connection, mine, *self._times(connection))

    def job(self, job_id: UUID) -> Job:
        found: Job = self.session(lambda db: db.get(Job, job_id))
        return found


@pytest.fixture
def bench(core: Runtime, tenant: Tenant) -> Bench:
    return Bench(core, tenant)


class TestClaim:
    def test_takes_by_priority_then_age(self, bench: Bench, clock: FakeClock) -> None:
        old = bench.enqueue()
        clock.advance(1)
        young = bench.enqueue()
        urgent = bench.enqueue(priority=5)
        claimed = bench.claim(bench.worker(), slots=2)
        assert [job.id for job in claimed] == [urgent, old]
        assert bench.job(young).state == State.QUEUED

    def test_raises_the_fence_and_gives_a_job_once(self, bench: Bench) -> None:
        job_id = bench.enqueue()
        first, second = bench.worker(), bench.worker()
        (job,) = bench.claim(first)
        assert (job.id, job.fence) == (job_id, 1)
        assert bench.claim(second) == []

    def test_leaves_what_is_not_due_or_not_known(self, bench: Bench) -> None:
        later = bench.clock.now() + timedelta(days=3650)
        bench.enqueue(run_at=later)
        bench.session(jobs.enqueue, bench.clock, bench.runtime.new_id(), "test.unknown", {})
        assert bench.claim(bench.worker()) == []

    def test_minds_resources(self, bench: Bench) -> None:
        big = bench.enqueue(resources={"gpu": 2}, priority=1)
        small = [bench.enqueue(resources={"gpu": 1}) for _ in range(2)]
        plain = bench.enqueue()
        worker = bench.worker()
        assert {job.id for job in bench.claim(worker, gpu=1)} == {small[0], plain}
        assert {job.id for job in bench.claim(worker, gpu=2)} == {big}

    def test_what_does_not_fit_hides_nothing(self, bench: Bench) -> None:
        """600 trainings that wait for a device, before the one job that needs none."""
        for _ in range(600):
            bench.enqueue(resources={"gpu": 1}, priority=1)
        for _ in range(100):
            bench.enqueue(resources={"gpu": 2, "tpu": 1}, priority=1)
        plain = bench.enqueue()
        worker = bench.worker()
        assert [job.id for job in bench.claim(worker, slots=512)] == [plain]
        some = bench.claim(worker, slots=512, gpu=3)
        assert [job.resources for job in some] == [{"gpu": 1}] * 3

    def test_a_swept_worker_takes_nothing_until_it_registers(self, bench: Bench) -> None:
        zombie, other = bench.worker(), bench.worker()
        bench.expire(zombie)
        bench.sweep(other)
        bench.enqueue()
        assert bench.claim(zombie) == []
        assert not bench.beat(zombie)


class TestLease:
    def test_what_a_dead_worker_held_is_offered_again(self, bench: Bench) -> None:
        job_id = bench.enqueue()
        dead, alive = bench.worker(), bench.worker()
        (old,) = bench.claim(dead)
        assert bench.sweep(alive) == 0
        bench.expire(dead)
        assert bench.sweep(alive) == 1
        (new,) = bench.claim(alive)
        assert (new.id, new.fence, new.takeovers) == (job_id, 2, 1)
        with pytest.raises(Fenced):
            bench.settle(old, State.SUCCEEDED)
        bench.settle(new, State.SUCCEEDED)
        assert bench.job(job_id).state == State.SUCCEEDED

    @pytest.mark.parametrize("jump_s", [3600, -3600])
    def test_a_jump_of_the_wall_clock_expires_nothing(
        self, bench: Bench, clock: FakeClock, jump_s: int
    ) -> None:
        bench.enqueue()
        busy, other = bench.worker(), bench.worker()
        assert len(bench.claim(busy)) == 1
        clock.jump(jump_s)
        assert bench.sweep(other) == 0
        clock.advance(31)
        if bench.database.is_sqlite:
            assert bench.sweep(other) == 1

    def test_work_that_was_due_stays_due_when_the_clock_goes_back(
        self, bench: Bench, clock: FakeClock
    ) -> None:
        job_id = bench.enqueue()
        later = bench.enqueue(run_at=clock.now() + timedelta(hours=2))
        before = clock.now()
        clock.jump(-3600)
        with bench.database.begin("test") as connection:
            leases.follow_clock(connection, clock.now(), before)
        assert bench.job(job_id).run_at == clock.now()
        assert bench.job(later).run_at == before + timedelta(hours=2)

    def test_a_job_of_nobody_is_offered_again(self, bench: Bench) -> None:
        job_id = bench.enqueue()
        gone, alive = bench.worker(), bench.worker()
        bench.claim(gone)
        with bench.database.begin("test") as connection:
            connection.execute(Worker.__table__.delete().where(Worker.id == gone))  # type: ignore[attr-defined]
        assert bench.sweep(alive) == 1
        assert bench.job(job_id).state == State.QUEUED

    def test_a_stopping_worker_leaves_nothing_behind(self, bench: Bench) -> None:
        job_id = bench.enqueue()
        worker = bench.worker()
        bench.claim(worker)
        with bench.database.begin("test") as connection:
            leases.forget(connection, worker, bench.clock.now())
        job = bench.job(job_id)
        assert (job.state, job.takeovers) == (State.QUEUED, 0)

    def test_what_is_on_its_name_but_not_in_its_hands_is_offered_again(self, bench: Bench) -> None:
        lost, kept = bench.enqueue(), bench.enqueue()
        worker = bench.worker()
        held = frozenset((job.id, job.fence) for job in bench.claim(worker) if job.id == kept)
        with bench.database.begin("test") as connection:
            assert leases.offer_stray(connection, worker, bench.clock.now(), held) == 1
        assert bench.job(lost).state == State.QUEUED
        assert bench.job(kept).state == State.RUNNING


class TestDedupe:
    def test_an_open_twin_is_returned(self, bench: Bench) -> None:
        first = bench.enqueue(dedupe_key="k")
        assert bench.enqueue(dedupe_key="k") == first
        (job,) = bench.claim(bench.worker())
        assert bench.enqueue(dedupe_key="k") == first
        bench.settle(job, State.SUCCEEDED, finished_at=bench.clock.now())
        assert bench.enqueue(dedupe_key="k") != first

    def test_another_tenant_has_keys_of_its_own(self, bench: Bench) -> None:
        first = bench.enqueue(dedupe_key="k")
        bench.tenant = Tenant(bench.runtime.new_id(), bench.runtime.new_id())
        assert bench.enqueue(dedupe_key="k") != first


class TestRequests:
    def test_cancel_ends_what_does_not_run(self, bench: Bench) -> None:
        job_id = bench.enqueue()
        bench.session(jobs.request_cancel, bench.clock, job_id)
        assert bench.job(job_id).state == State.CANCELLED
        assert bench.claim(bench.worker()) == []

    def test_cancel_of_a_running_one_is_a_request(self, bench: Bench) -> None:
        job_id = bench.enqueue()
        worker = bench.worker()
        (job,) = bench.claim(worker)
        bench.session(jobs.request_pause, bench.clock, job_id)
        with bench.database.begin("test") as connection:
            assert jobs.requests_to(connection, worker) == {(job_id, job.fence): "pause"}
        bench.session(jobs.request_cancel, bench.clock, job_id)
        with bench.database.begin("test") as connection:
            assert jobs.requests_to(connection, worker) == {(job_id, job.fence): "cancel"}
        assert bench.job(job_id).state == State.RUNNING

    @pytest.mark.parametrize("state", [State.WAITING, State.QUEUED])
    def test_a_cancel_just_before_it_waits_is_not_lost(self, bench: Bench, state: State) -> None:
        job_id = bench.enqueue()
        worker = bench.worker()
        (job,) = bench.claim(worker)
        bench.session(jobs.request_cancel, bench.clock, job_id)
        later = bench.clock.now() + timedelta(days=1)
        bench.settle(job, state, run_at=later, waiting_for=WaitingFor.PERSON)
        (again,) = bench.claim(worker)
        assert (again.id, again.cancel_requested) == (job_id, True)

    def test_a_wake_just_before_it_waits_is_not_lost(self, bench: Bench) -> None:
        job_id = bench.enqueue()
        worker = bench.worker()
        (job,) = bench.claim(worker)
        bench.session(jobs.wake, bench.clock, job_id)
        bench.settle(job, State.WAITING, waiting_for=WaitingFor.PERSON)
        stored = bench.job(job_id)
        assert (stored.state, stored.waiting_for) == (State.QUEUED, None)
        (job,) = bench.claim(worker)
        bench.settle(job, State.WAITING, waiting_for=WaitingFor.PERSON)
        assert bench.job(job_id).state == State.WAITING

    def test_wake_offers_what_waits(self, bench: Bench) -> None:
        job_id = bench.enqueue()
        worker = bench.worker()
        (job,) = bench.claim(worker)
        bench.settle(job, State.WAITING, waiting_for=WaitingFor.PERSON)
        assert bench.sweep(worker) == 0
        assert bench.claim(worker) == []
        bench.session(jobs.wake, bench.clock, job_id)
        assert [job.id for job in bench.claim(worker)] == [job_id]

    @pytest.mark.parametrize("waiting_for", list(WaitingFor))
    def test_some_waits_end_by_themselves(self, bench: Bench, waiting_for: WaitingFor) -> None:
        job_id = bench.enqueue()
        worker = bench.worker()
        (job,) = bench.claim(worker)
        bench.settle(job, State.WAITING, waiting_for=waiting_for)
        bench.sweep(worker)
        by_itself = waiting_for in (WaitingFor.PROVIDER, WaitingFor.SCHEDULE)
        assert (bench.job(job_id).state == State.QUEUED) == by_itself

    @pytest.mark.parametrize("request_", [jobs.request_cancel, jobs.request_pause, jobs.wake])
    def test_a_final_state_stays(self, bench: Bench, request_: Any) -> None:
        job_id = bench.enqueue()
        (job,) = bench.claim(bench.worker())
        bench.settle(job, State.SUCCEEDED, finished_at=bench.clock.now())
        bench.session(request_, bench.clock, job_id)
        assert bench.job(job_id).state == State.SUCCEEDED

    @pytest.mark.parametrize("request_", [jobs.request_cancel, jobs.request_pause, jobs.wake])
    def test_another_tenants_job_is_not_found(self, bench: Bench, request_: Any) -> None:
        job_id = bench.enqueue()
        bench.tenant = Tenant(bench.runtime.new_id(), bench.runtime.new_id())
        with pytest.raises(NotFound):
            bench.session(request_, bench.clock, job_id)


def test_a_rolled_back_enqueue_is_forgotten(bench: Bench) -> None:
    def fails(db: Session) -> None:
        jobs.enqueue(db, bench.clock, bench.runtime.new_id(), "test.work", {})
        raise RuntimeError

    with pytest.raises(RuntimeError):
        bench.session(fails)
    assert bench.session(lambda db: db.scalars(select(Job.id)).all()) == []
