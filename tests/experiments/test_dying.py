"""A loop that dies after any of its writes goes on where it was, and does nothing twice."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.annotations import Batch
from camel_ext.core.jobs import Claimed
from camel_ext.core.models import Job, State, Worker
from camel_ext.core.queue import TaskContext, outcome_of
from camel_ext.core.tenancy import Tenant
from camel_ext.datasets import DatasetVersion
from camel_ext.evaluation import Comparison, Evaluation
from camel_ext.experiments.models import Certificate, Decision, ErrorBudget, Improvement
from camel_ext.experiments.tasks import improve
from camel_ext.registry.models import AliasMove
from camel_ext.training import TrainingJob
from camel_ext.workflows import Fork, Run
from tests.experiments.conftest import GOALS, Json, Loop

OFTEN = Random(5)
VOLATILE = {"id", "issued_at", "improvement_id", "wall_s", "stages", "content_hash", "decision",
            "decision_id", "live", "comparison_id", "hashes", "name", "number", "cycle", "alpha",
            "level", "interval", "budget", "p", "guardrails", "baseline", "candidate", "training",
            "checks"}  # fmt: skip


class Killed(BaseException):
    """The process is gone: what was committed is there, and nobody hears of it."""


@dataclass(eq=False)
class Dying(TaskContext):
    """Dies after so many writes, each of which is on disk."""

    left: int = 0

    async def write(self, fn: Any, *args: Any) -> Any:
        result = await super().write(fn, *args)
        self.left -= 1
        if self.left == 0:
            raise Killed
        return result


class Hand:
    """Drives an improvement's job by hand, so that it can die anywhere."""

    def __init__(self, loop: Loop) -> None:
        self.loop, self.runtime = loop, loop.house.runtime
        self.tenant: Tenant = loop.house.owner.tenant
        self.worker_id = self.runtime.new_id()
        self.deaths = 0

    async def start(self, seed: int) -> UUID:
        """An improvement that no worker takes."""
        from camel_ext.experiments.improvements import start_improvement
        from camel_ext.experiments.schemas import ImproveStart
        from camel_ext.workflows import Asker
        from tests.experiments.conftest import config

        runtime = self.runtime
        wanted = ImproveStart(workflow="answer", config=config(), seed=seed)
        who = self.loop.house.owner.principal_id
        asker = Asker(who, runtime.clock, runtime.new_id, lambda: 1, "0" * 32)

        def start(db: Session) -> UUID:
            made = start_improvement(db, asker, wanted)
            now = runtime.clock.now()
            db.get_one(Job, made.job_id).run_at = now + timedelta(days=1)
            if db.get(Worker, self.worker_id) is None:
                lease = now + timedelta(days=1)
                db.add(Worker(id=self.worker_id, name="hand", started_at=now, heartbeat_at=now,
                              lease_until=lease))  # fmt: skip
            return made.id

        found: UUID = await runtime.write(self.tenant, start)
        return found

    async def drive(self, improvement_id: UUID, left: int) -> bool:
        """Take the job up and drive it until it ends, or dies after so many writes."""

        def claim(db: Session) -> Claimed:
            job = db.get_one(Job, db.get_one(Improvement, improvement_id).job_id)
            job.state, job.worker_id, job.fence = State.RUNNING, self.worker_id, job.fence + 1
            return Claimed(job.id, self.tenant, job.kind, job.args, job.fence, 0, 5, 0, {},
                           job.trace_id, job.run_at, False, False)  # fmt: skip

        claimed = await self.runtime.write(self.tenant, claim)
        context = Dying(self.runtime, claimed, left=left)
        try:
            await improve(context, improvement_id=str(improvement_id))
        except Killed:
            self.deaths += 1
            return False
        return True

    async def count(self, *tables: type) -> list[int]:
        def count(db: Session) -> list[int]:
            return [len(db.scalars(select(table)).all()) for table in tables]

        found: list[int] = await self.runtime.read(self.tenant, count)
        return found


@pytest.fixture
def hand(loop: Loop) -> Hand:
    return Hand(loop)


async def certificate(loop: Loop, improvement_id: UUID) -> Json:
    shown = await loop.show(str(improvement_id))
    assert shown["state"] == "succeeded", (shown["error_code"], shown["error_detail"])
    return await loop.get(f"/api/v1/certificates/{shown['certificate_id']}")


@pytest.mark.slow
async def test_it_goes_on_after_every_death_and_repeats_nothing(loop: Loop, hand: Hand) -> None:
    improvement_id = await hand.start(seed=1)
    for _ in range(400):
        if await hand.drive(improvement_id, OFTEN.choice([2, 3, 3, 4, 5])):
            break
    assert hand.deaths > 10
    made = await hand.count(
        Fork, Batch, DatasetVersion, TrainingJob, Evaluation, Comparison, Certificate, Decision
    )
    assert made == [2 * GOALS, 1, 1, 1, 2, 1, 1, 1]
    (runs,) = await hand.count(Run)
    assert runs == 2 * GOALS + 2 * 30 + 1  # goals, both examinations, the live one
    moves, budgets = await hand.count(AliasMove, ErrorBudget)
    assert (moves, budgets) == (2 + 1, 1)  # two aliases were made, one moved
    found = await certificate(loop, improvement_id)
    assert found["cycle"] == 1
    assert len(loop.launcher.started) == 1


@pytest.mark.slow
async def test_the_certificate_is_the_same_as_without_a_death(loop: Loop, hand: Hand) -> None:
    spoilt = await hand.start(seed=1)
    for _ in range(400):
        if await hand.drive(spoilt, OFTEN.choice([2, 3, 4, 7])):
            break
    first = await certificate(loop, spoilt)
    await loop.do("/api/v1/decisions/rollback", {"alias": "brief"})
    whole = await hand.start(seed=1)
    assert await hand.drive(whole, 10**9)
    second = await certificate(loop, whole)
    for each in (first, second):
        del each["made_from"]["dataset"]  # counted up: answer-pairs@1, @2
    assert {key: first[key] for key in first.keys() - VOLATILE} == {
        key: second[key] for key in second.keys() - VOLATILE
    }
    assert first["hashes"]["dataset"] == second["hashes"]["dataset"]
    assert first["hashes"]["suite"] == second["hashes"]["suite"]


@pytest.mark.parametrize("writes", [1, 2, 3])
async def test_it_can_be_cancelled_while_nobody_drives_it(
    loop: Loop, hand: Hand, writes: int
) -> None:
    improvement_id = await hand.start(seed=1)
    await hand.drive(improvement_id, writes)

    def let_go(db: Session) -> None:
        job = db.get_one(Job, db.get_one(Improvement, improvement_id).job_id)
        job.state, job.worker_id = State.QUEUED, None

    await hand.runtime.write(hand.tenant, let_go)
    await loop.do(f"/api/v1/improvements/{improvement_id}/cancel")
    shown = await loop.ended(str(improvement_id))
    assert shown["state"] == "cancelled"
    (runs,) = await hand.count(Run)
    assert runs in (0, 2 * GOALS)


async def test_one_asked_to_stop_before_it_began_ends_cancelled(loop: Loop, hand: Hand) -> None:
    improvement_id = await hand.start(seed=1)

    def claim(db: Session) -> Claimed:
        job = db.get_one(Job, db.get_one(Improvement, improvement_id).job_id)
        job.state, job.worker_id, job.fence = State.RUNNING, hand.worker_id, job.fence + 1
        return Claimed(job.id, hand.tenant, job.kind, job.args, job.fence, 0, 5, 0, {},
                       job.trace_id, job.run_at, True, False)  # fmt: skip

    claimed = await hand.runtime.write(hand.tenant, claim)
    context = TaskContext(hand.runtime, claimed, cancel_requested=True)
    ended = await outcome_of(context, stopping=lambda: False)
    assert ended is not None
    assert ended["state"] == State.CANCELLED
    assert (await loop.show(str(improvement_id)))["state"] == "cancelled"
