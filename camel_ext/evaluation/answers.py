"""Answers of cases: what is taken over from earlier ones, what a run gave, and writing them down.

All of it is SQL in the task's transactions; asking is `asking`'s, scoring is `scoring`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.models import State, WaitingFor
from camel_ext.evaluation.errors import TargetChanged
from camel_ext.evaluation.evaluations import case_seed, get_evaluation, tally, target_of
from camel_ext.evaluation.models import Evaluation, EvaluationCase
from camel_ext.evaluation.targets import Target
from camel_ext.workflows import Asker, Run, RunStart, Turn, TurnKind, cancel_run, start_run

Json = dict[str, Any]
SESSION = "evaluation"
NOBODY_TO_ASK = (WaitingFor.PERSON, WaitingFor.BUDGET, WaitingFor.PAUSE)
DETAIL_CHARS = 2_000


@dataclass(slots=True)
class Answered:
    """How one case ended: its answer and what it took, or why there is none."""

    position: int
    answer: Any = None
    run_id: UUID | None = None
    interaction_id: UUID | None = None
    latency_ms: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd_micros: int | None = None
    reused_from_id: UUID | None = None
    error: tuple[str, str] | None = None
    known: dict[str, Json] = field(default_factory=dict)
    scores: dict[str, Json] = field(default_factory=dict)
    judging_usd_micros: int | None = None


def read_open(db: Session, evaluation_id: UUID) -> tuple[list[int], dict[int, UUID]]:
    """Return the positions that wait, and those under way by runs."""
    row = EvaluationCase
    query = (
        select(row.position, row.state, row.run_id)
        .where(row.evaluation_id == evaluation_id, row.finished_at.is_(None))
        .order_by(row.position)
    )
    rows = db.execute(query).all()
    queued = [each.position for each in rows if each.state == State.QUEUED]
    return queued, {each.position: each.run_id for each in rows if each.run_id is not None}


def count_cases(db: Session, evaluation_id: UUID) -> int:
    """Return how many cases have a row."""
    row = EvaluationCase
    query = select(row.position).where(row.evaluation_id == evaluation_id)
    last = db.scalar(query.order_by(row.position.desc()).limit(1))
    return 0 if last is None else last + 1


def find_equal(db: Session, evaluation: Evaluation, positions: Sequence[int]) -> list[Answered]:
    """Return the answers of these cases that earlier evaluations hold already, newest ones."""
    row = EvaluationCase
    wanted = select(row.answer_hash, row.position).where(
        row.evaluation_id == evaluation.id, row.position.in_(positions)
    )
    mine: dict[str, int] = {found.answer_hash: found.position for found in db.execute(wanted)}
    query = (
        select(row)
        .where(
            row.answer_hash.in_(mine),
            row.state == State.SUCCEEDED,
            row.finished_at.is_not(None),
            row.evaluation_id != evaluation.id,
        )
        .order_by(row.finished_at)
    )
    return list(
        {
            mine[old.answer_hash]: Answered(
                mine[old.answer_hash], old.answer, old.run_id, old.interaction_id, old.latency_ms,
                old.prompt_tokens, old.completion_tokens, old.cost_usd_micros,
                old.reused_from_id or old.evaluation_id, known=old.scores,
            )
            for old in db.scalars(query)
        }.values()
    )  # fmt: skip


# -- runs ------------------------------------------------------------------------------------------


def start_runs(
    db: Session, asker: Asker, evaluation: Evaluation, cases: dict[int, Json]
) -> dict[int, UUID]:
    """Start the runs that answer these cases, and write down which, in one transaction.

    Raises: TargetChanged.
    """
    target, started = target_of(evaluation), dict[int, UUID]()
    query = select(EvaluationCase).where(
        EvaluationCase.evaluation_id == evaluation.id, EvaluationCase.position.in_(cases)
    )
    for row in db.scalars(query).all():
        case = cases[row.position]
        wanted = RunStart(
            workflow=target.name,
            input=case["input"],
            seed=case_seed(evaluation.seed, case["id"]),
            priority=evaluation.priority,
            session=f"{SESSION}:{evaluation.id}",
            tags=[f"topic:{case['topic']}"],
            purpose="eval",
            models=target.models,
        )
        run = start_run(db, asker, wanted)
        _check_same(run, target)
        row.state, row.run_id = State.RUNNING, run.id
        started[row.position] = run.id
    db.flush()
    return started


def _check_same(run: Run, target: Target) -> None:
    """Make sure that a run has the versions that were pinned. Raises: TargetChanged."""
    again = "while it was evaluated: evaluate it anew"
    if run.workflow_version_id != target.workflow_version_id:
        raise TargetChanged(f"the workflow {target.name!r} was changed {again}")
    for name, agent in target.pinned["agents"].items():
        if run.resolved["agents"].get(name, {}).get("version_id") != agent["version_id"]:
            raise TargetChanged(f"the agent {name!r} of {target.name!r} was changed {again}")


def read_ended(db: Session, under_way: dict[int, UUID]) -> list[Answered]:
    """Return the cases whose runs are over, or wait for somebody whom an evaluation does not have."""
    places = {run_id: position for position, run_id in under_way.items()}
    found = []
    for run in db.scalars(select(Run).where(Run.id.in_(places))):
        stuck = run.state == State.WAITING and run.waiting_for in NOBODY_TO_ASK
        if run.state.is_final or stuck:
            found.append(_of_run(places[run.id], run))
    _add_interactions(db, found)
    return found


def _of_run(position: int, run: Run) -> Answered:
    answered = Answered(
        position, run.output, run.id, None, float(run.running_ms), run.prompt_tokens,
        run.completion_tokens, run.cost_usd_micros,
    )  # fmt: skip
    if run.state == State.FAILED:
        answered.error = (run.error_code or "core.internal", run.error_detail or "")
    elif run.state == State.CANCELLED:
        answered.error = ("evaluation.run_cancelled", "somebody cancelled the run")
    elif run.state == State.WAITING:
        why = f"the run waits for {run.waiting_for}: {run.waiting_detail or 'nobody is there'}"
        answered.error = ("evaluation.run_waits", why)
    return answered


def _add_interactions(db: Session, found: list[Answered]) -> None:
    """Say which call gave each answer: the last one of its run."""
    runs = {each.run_id: each for each in found}
    query = (
        select(Turn.run_id, Turn.interaction_id)
        .where(Turn.run_id.in_(runs), Turn.kind == TurnKind.MODEL)
        .order_by(Turn.run_id, Turn.seq)
    )
    for run_id, interaction_id in db.execute(query):
        runs[run_id].interaction_id = interaction_id


# -- writing ---------------------------------------------------------------------------------------


def write_answers(
    db: Session, clock: Clock, evaluation_id: UUID, answered: Sequence[Answered]
) -> Evaluation:
    """Write how cases ended, each once, and count how far the evaluation is."""
    places = {each.position: each for each in answered}
    query = select(EvaluationCase).where(
        EvaluationCase.evaluation_id == evaluation_id,
        EvaluationCase.position.in_(places),
        EvaluationCase.finished_at.is_(None),
    )
    for row in db.scalars(query).all():
        _write(row, places[row.position])
        row.finished_at = clock.now()
        if row.error_code == "evaluation.run_waits" and row.run_id is not None:
            cancel_run(db, clock, row.run_id, None)
    evaluation = get_evaluation(db, evaluation_id, lock=True)
    tally(db, evaluation)
    return evaluation


def _write(row: EvaluationCase, said: Answered) -> None:
    row.state = State.SUCCEEDED if said.error is None else State.FAILED
    row.answer = said.answer
    row.run_id, row.interaction_id = said.run_id, said.interaction_id
    row.latency_ms, row.reused_from_id = said.latency_ms, said.reused_from_id
    row.prompt_tokens, row.completion_tokens = said.prompt_tokens, said.completion_tokens
    row.cost_usd_micros, row.judging_usd_micros = said.cost_usd_micros, said.judging_usd_micros
    row.scores = said.scores
    if said.error is not None:
        row.error_code, row.error_detail = said.error[0][:120], said.error[1][:DETAIL_CHARS]
