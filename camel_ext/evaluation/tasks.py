"""Tasks: run an evaluation, let a judge look at two. Each goes on from where its rows say it is.

Who watches gets a frame of kind `evaluation.progress` after each step: one JSON object a line, `{done,
total, failed}`.
"""

import asyncio
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.door import TenantDoor
from camel_ext.core.models import State
from camel_ext.core.queue import TaskContext, task
from camel_ext.evaluation import judgings
from camel_ext.evaluation.evaluations import (
    RUN_SUITE,
    cancel_evaluation,
    cancel_runs,
    end_evaluation,
    get_evaluation,
    repeat_evaluation,
)
from camel_ext.evaluation.judges import Opinion, prefer
from camel_ext.evaluation.judgings import JUDGE_PAIRS, Side, cancel_judging
from camel_ext.evaluation.models import Evaluation, Judging
from camel_ext.evaluation.running import Json, open_examination, question_of, write_means
from camel_ext.evaluation.schemas import JudgingStart
from camel_ext.events import frame_kind, show, show_end
from camel_ext.workflows import asker_of

PROGRESS = frame_kind("evaluation.progress")


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the evaluation what its job failed of, and stop its runs."""
    await _end(context, State.FAILED, (code, detail))


def cancel(db: Session, door: TenantDoor, *, evaluation_id: str) -> None:
    """Stop the evaluation of a job."""
    cancel_evaluation(db, door.runtime.clock, UUID(evaluation_id))


def again(db: Session, door: TenantDoor, *, evaluation_id: str) -> UUID:
    """Examine the same versions anew, with what was answered where it may be; return the new job."""
    return repeat_evaluation(db, asker_of(door), UUID(evaluation_id)).job_id


@task(RUN_SUITE, failed=mark_failed, cancel=cancel, again=again)
async def run_suite(context: TaskContext, *, evaluation_id: str) -> None:
    """Answer and score an evaluation's cases, to their end."""
    try:
        async with context.until_cancelled(partial(_end, context, State.CANCELLED)):
            await _run(context, UUID(evaluation_id))
    finally:
        show_end(context.runtime, context.job.tenant, evaluation_id)


async def _run(context: TaskContext, evaluation_id: UUID) -> None:
    evaluation = await context.write(_begin, context, evaluation_id)
    if evaluation.state.is_final:
        return
    examination = await context.read(
        open_examination, context, evaluation_id, lambda now: _tell(context, now)
    )
    await examination.run()
    context.ended = True  # an end that is being written is not cancelled any more
    await context.write(write_means, evaluation_id)
    await _end(context, State.SUCCEEDED)


def _begin(db: Session, context: TaskContext, evaluation_id: UUID) -> Evaluation:
    evaluation = get_evaluation(db, evaluation_id, lock=True)
    if not evaluation.state.is_final:
        evaluation.state = State.RUNNING
        evaluation.started_at = evaluation.started_at or context.runtime.clock.now()
        db.flush()
    return evaluation


async def _end(context: TaskContext, state: State, error: tuple[str, str] | None = None) -> None:
    clock, evaluation_id = context.runtime.clock, UUID(context.job.args["evaluation_id"])

    def end(db: Session) -> None:
        evaluation = get_evaluation(db, evaluation_id, lock=True)
        if state != State.SUCCEEDED and not evaluation.state.is_final:
            cancel_runs(db, clock, evaluation_id)
        end_evaluation(db, clock, evaluation, state, error)

    await context.write(end)


# -- judges that see both --------------------------------------------------------------------------


async def mark_judging_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the judging what its job failed of."""
    await _end_judging(context, State.FAILED, (code, detail))


def stop_judging(db: Session, door: TenantDoor, *, judging_id: str) -> None:
    """Stop the judging of a job."""
    cancel_judging(db, door.runtime.clock, UUID(judging_id))


def judge_again(db: Session, door: TenantDoor, *, judging_id: str) -> UUID:
    """Let the same judge see the same two, as a new judging; return its job."""
    old = judgings.get_judging(db, UUID(judging_id))
    wanted = JudgingStart(
        baseline_id=old.baseline_id,
        candidate_id=old.candidate_id,
        scorer=old.scorer,
        seed=old.seed,
    )
    return judgings.start_judging(db, asker_of(door), wanted).job_id


@task(JUDGE_PAIRS, failed=mark_judging_failed, cancel=stop_judging, again=judge_again)
async def judge_pairs(context: TaskContext, *, judging_id: str) -> None:
    """Let a judge see the answers of two evaluations, some at a time."""
    try:
        async with context.until_cancelled(partial(_end_judging, context, State.CANCELLED)):
            await _judge(context, UUID(judging_id))
    finally:
        show_end(context.runtime, context.job.tenant, judging_id)


async def _judge(context: TaskContext, judging_id: UUID) -> None:
    runtime = context.runtime
    judging = await context.write(judgings.begin_judging, runtime.clock, judging_id)
    if judging.state.is_final:
        return
    docket = await context.read(judgings.read_docket, judging_id)
    for first in range(0, len(docket.cases), judgings.PAGE):
        page = docket.cases[first : first + judgings.PAGE]
        async with asyncio.TaskGroup() as group:
            asked = {
                case["id"]: group.create_task(_opinion(context, docket, case, old, new))
                for case, old, new in page
            }
        opinions = {case: one.result() for case, one in asked.items()}
        judging = await context.write(
            judgings.write_opinions, runtime.clock, runtime.new_id, docket.bench, opinions
        )
        _tell(context, judging)
    context.ended = True
    await _end_judging(context, State.SUCCEEDED)


async def _opinion(
    context: TaskContext, docket: judgings.Docket, case: Json, old: Side, new: Side
) -> Opinion:
    """Ask only where there is something to ask: an answer beats none, and equal ones tie."""
    if not old.text.strip() or not new.text.strip() or old.text == new.text:
        worth = bool(new.text.strip()) - bool(old.text.strip())
        why = "the answers are equal" if worth == 0 else "the other side has no answer"
        return Opinion({"preference": worth, "orders": [], "reason": why}, [])
    return await prefer(
        context, docket.bench, case["id"], question_of(case), (old.text, new.text),
        (old.interaction_id, new.interaction_id),
    )  # fmt: skip


async def _end_judging(
    context: TaskContext, state: State, error: tuple[str, str] | None = None
) -> None:
    clock, judging_id = context.runtime.clock, UUID(context.job.args["judging_id"])

    def end(db: Session) -> None:
        judging = judgings.get_judging(db, judging_id, lock=True)
        judgings.end_judging(db, clock, judging, state, error)

    await context.write(end)


# -- who watches -----------------------------------------------------------------------------------


def _tell(context: TaskContext, row: Evaluation | Judging) -> None:
    said = {"done": row.done, "total": row.total, "failed": getattr(row, "failed", 0)}
    show(context.runtime, context.job.tenant, row.id, PROGRESS, said)
