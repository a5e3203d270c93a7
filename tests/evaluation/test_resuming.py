"""An evaluation whose worker dies goes on where its rows are, and does nothing twice."""

from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.core.models import Job, State
from camel_ext.evaluation import answers
from camel_ext.evaluation.evaluations import add_cases, get_evaluation
from camel_ext.evaluation.models import EvaluationCase
from camel_ext.workflows import Run
from tests.evaluation.conftest import Hall, eventually


async def rows(hall: Hall, evaluation_id: str) -> tuple[int, int]:
    """How many runs and how many cases with a run there are."""

    def count(db: Session) -> tuple[int, int]:
        cases = select(func.count()).select_from(EvaluationCase).where(
            EvaluationCase.evaluation_id == UUID(evaluation_id), EvaluationCase.run_id.is_not(None)
        )  # fmt: skip
        runs = select(func.count()).select_from(Run)
        return db.scalar(runs) or 0, db.scalar(cases) or 0

    return await hall.house.runtime.read(hall.house.owner.tenant, count)


async def test_a_takeover_waits_for_the_runs_that_are_there(hall: Hall) -> None:
    """The job is taken away in the middle, as if its worker had died; another worker goes on."""
    hall.engine.free.clear()
    evaluation_id = await hall.start(parallel=8)

    async def begun() -> bool | None:
        return True if (await rows(hall, evaluation_id))[1] == 8 else None

    await eventually(begun)
    await take_away(hall, evaluation_id)
    hall.engine.free.set()
    ended = await hall.until(f"/evaluations/{evaluation_id}", "succeeded", "failed")
    assert (ended["state"], ended["done"], ended["failed"]) == ("succeeded", 36, 0)
    assert await rows(hall, evaluation_id) == (36, 36)
    asked = [str(call.messages[-1]["content"]) for call in hall.engine.calls]
    assert len(asked) == len(set(asked)) == 36, "no case was asked for twice"


async def take_away(hall: Hall, evaluation_id: str) -> None:
    """Offer the evaluation's job again under a higher fence, as a sweep does."""
    runtime, tenant = hall.house.runtime, hall.house.owner.tenant

    def offer(db: Session) -> None:
        job = db.get_one(Job, get_evaluation(db, UUID(evaluation_id)).job_id)
        assert job.state == State.RUNNING
        job.fence += 1
        job.state, job.worker_id = State.QUEUED, None

    await runtime.write(tenant, offer)


async def test_rows_of_cases_are_made_once(hall: Hall) -> None:
    evaluation_id = await hall.start()
    await hall.until(f"/evaluations/{evaluation_id}", "succeeded")
    runtime, tenant = hall.house.runtime, hall.house.owner.tenant
    assert await runtime.read(tenant, answers.count_cases, UUID(evaluation_id)) == 36
    cases = [{"id": "x", "topic": "a", "input": {}}]
    with pytest.raises(Exception, match=r"UNIQUE|already there|duplicate"):
        await runtime.write(tenant, add_cases, UUID(evaluation_id), cases, 0)


async def test_an_end_is_written_once(hall: Hall) -> None:
    ended = await hall.evaluated()
    first = await hall.cases(ended["id"])
    runtime, tenant = hall.house.runtime, hall.house.owner.tenant
    said = answers.Answered(0, answer="another answer", latency_ms=1.0)

    def again(db: Session) -> None:
        answers.write_answers(db, runtime.clock, UUID(ended["id"]), [said])

    await runtime.write(tenant, again)
    assert await hall.cases(ended["id"]) == first
