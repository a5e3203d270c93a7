"""Evaluations: asking for one, reading it and its scores, stopping it.

Each function works in the door's transaction. How cases are answered and scored is the task's.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import case as sql_case
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.concurrency import MODEL
from camel_ext.core.hashing import content_hash, sha256_hex
from camel_ext.core.models import State
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.evaluation.errors import EvaluationUnfinished, EvaluationUnknown
from camel_ext.evaluation.events import EvaluationFinished, EvaluationStarted
from camel_ext.evaluation.models import Evaluation, EvaluationCase, SuiteVersion, TargetKind
from camel_ext.evaluation.pairing import Scores
from camel_ext.evaluation.schemas import EvaluationStart
from camel_ext.evaluation.suites import find_version, get_suite_version, scorers_of
from camel_ext.evaluation.targets import Target, check_inputs, pin_target
from camel_ext.workflows import Asker, cancel_run

RUN_SUITE = "evaluation.run_suite"
ASKED = (
    "suite", "suite_version_id", "target_kind", "target", "workflow_version_id", "pinned", "engines",
    "target_hash", "seed", "parallel", "reuse", "priority", "total",
)  # fmt: skip
Json = dict[str, Any]
NewId = Callable[[], UUID]


def start_evaluation(db: Session, asker: Asker, wanted: EvaluationStart) -> Evaluation:
    """Queue an evaluation; every version of its target is pinned now, once.

    Raises: SuiteUnknown, SuiteInvalid where a case does not fit the target, TargetInvalid, and what an
    unknown workflow, alias or model raises.
    """
    suite, version = find_version(db, wanted.suite)
    target = pin_target(db, wanted)
    check_inputs(db, target, version)
    evaluation_id, job_id = asker.new_id(), asker.new_id()
    evaluation = Evaluation(
        id=evaluation_id,
        suite=suite.name,
        suite_version_id=version.id,
        target_kind=target.kind,
        target=target.name,
        workflow_version_id=target.workflow_version_id,
        pinned=target.pinned,
        engines=target.engines,
        target_hash=target.hash,
        seed=wanted.seed,
        parallel=wanted.parallel,
        reuse=wanted.reuse,
        priority=wanted.priority,
        state=State.QUEUED,
        total=version.case_count,
        done=0, reused=0, failed=0, means={},
        prompt_tokens=0, completion_tokens=0, cost_usd_micros=0,
        principal_id=asker.principal_id,
        job_id=job_id,
        trace_id=asker.trace_id,
        created_at=asker.clock.now(),
    )  # fmt: skip
    return _queue(db, asker, evaluation)


def repeat_evaluation(db: Session, asker: Asker, evaluation_id: UUID) -> Evaluation:
    """Queue another one of the same suite, of what one pinned: what names stand for now is not asked.

    Raises: EvaluationUnknown.
    """
    old = get_evaluation(db, evaluation_id)
    evaluation = Evaluation(
        **{name: getattr(old, name) for name in ASKED},
        id=asker.new_id(),
        state=State.QUEUED,
        done=0, reused=0, failed=0, means={},
        prompt_tokens=0, completion_tokens=0, cost_usd_micros=0,
        principal_id=asker.principal_id,
        job_id=asker.new_id(),
        trace_id=asker.trace_id,
        created_at=asker.clock.now(),
    )  # fmt: skip
    return _queue(db, asker, evaluation)


def _queue(db: Session, asker: Asker, evaluation: Evaluation) -> Evaluation:
    db.add(evaluation)
    args = {"evaluation_id": str(evaluation.id)}
    # one of a workflow holds nothing while its runs do: they would wait for each other
    by_itself = evaluation.target_kind == TargetKind.MODEL
    uses = [f"{MODEL}:{each['base']}" for each in evaluation.engines if by_itself]
    jobs.enqueue(
        db, asker.clock, evaluation.job_id, RUN_SUITE, args, priority=evaluation.priority, uses=uses
    )
    started = EvaluationStarted(str(evaluation.id), evaluation.suite, evaluation.total)
    publish(db, asker.clock, started)
    db.flush()
    return evaluation


def get_evaluation(db: Session, evaluation_id: UUID, *, lock: bool = False) -> Evaluation:
    """Return an evaluation. Raises: EvaluationUnknown."""
    query = select(Evaluation).where(Evaluation.id == evaluation_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    evaluation = db.scalar(query)
    if evaluation is None:
        raise EvaluationUnknown(f"there is no evaluation {evaluation_id}")
    return evaluation


def list_evaluations(
    db: Session, where: Place, suite: str | None = None
) -> tuple[list[Evaluation], str | None]:
    """Return a page of evaluations, newest first."""
    query = select(Evaluation)
    if suite is not None:
        query = query.where(Evaluation.suite == suite)
    return fetch_page(db, query, Evaluation.created_at, Evaluation.id, where)


def list_cases(db: Session, evaluation_id: UUID, after: int, limit: int) -> list[EvaluationCase]:
    """Return cases in the suite's order. Raises: EvaluationUnknown."""
    get_evaluation(db, evaluation_id)
    query = select(EvaluationCase).where(
        EvaluationCase.evaluation_id == evaluation_id, EvaluationCase.position > after
    )
    return list(db.scalars(query.order_by(EvaluationCase.position).limit(limit)))


def cancel_evaluation(db: Session, clock: Clock, evaluation_id: UUID) -> Evaluation:
    """Stop an evaluation; what it found so far stays, and a finished one stays as it is.

    Raises: EvaluationUnknown.
    """
    job_id = get_evaluation(db, evaluation_id).job_id
    job = jobs.request_cancel(db, clock, job_id)  # the job first, as its worker takes them
    evaluation = get_evaluation(db, evaluation_id, lock=True)
    if job.state.is_final and not evaluation.state.is_final:  # nobody is executing it
        cancel_runs(db, clock, evaluation_id)
        end_evaluation(db, clock, evaluation, State.CANCELLED)
    db.flush()
    return evaluation


def end_evaluation(
    db: Session,
    clock: Clock,
    evaluation: Evaluation,
    state: State,
    error: tuple[str, str] | None = None,
) -> None:
    """Write an evaluation's end, once."""
    if evaluation.state.is_final:
        return
    tally(db, evaluation)
    evaluation.state = state
    evaluation.finished_at = clock.now()
    evaluation.error_code, evaluation.error_detail = error or (None, None)
    subject, code = str(evaluation.id), evaluation.error_code
    publish(db, clock, EvaluationFinished(subject, evaluation.suite, state, code))


def cancel_runs(db: Session, clock: Clock, evaluation_id: UUID) -> None:
    """Stop every run of an evaluation that is not over."""
    row = EvaluationCase
    query = select(row.run_id).where(
        row.evaluation_id == evaluation_id, row.finished_at.is_(None), row.run_id.is_not(None)
    )
    for run_id in db.scalars(query).all():
        assert run_id is not None, "the query asks for runs"
        cancel_run(db, clock, run_id, None)


# -- cases -----------------------------------------------------------------------------------------


def case_seed(seed: int, case_id: str) -> int:
    """Return the seed of one case: the same for baseline and candidate (31 bits)."""
    return int(sha256_hex(f"{seed}/{case_id}".encode())[:8], 16) & 0x7FFFFFFF


def answer_hash(target_hash: str, given: Json, seed: int) -> str:
    """Return what names an answer: equal target, input and seed, equal answer."""
    return content_hash([target_hash, given, seed])


def add_cases(db: Session, evaluation_id: UUID, cases: list[Json], first: int) -> None:
    """Write rows of cases that are there to be answered, from position `first` on."""
    evaluation = get_evaluation(db, evaluation_id)
    rows = [
        {
            "evaluation_id": evaluation_id,
            "position": position,
            "case_id": case["id"],
            "topic": case["topic"],
            "answer_hash": answer_hash(
                evaluation.target_hash, case["input"], case_seed(evaluation.seed, case["id"])
            ),
            "state": State.QUEUED,
            "scores": {},
        }
        for position, case in enumerate(cases, first)
    ]
    db.execute(insert(EvaluationCase), rows)


def tally(db: Session, evaluation: Evaluation) -> None:
    """Count from its cases how far an evaluation is."""
    row = EvaluationCase
    mine = row.reused_from_id.is_(None)

    def own(column: Any) -> Any:
        return func.coalesce(func.sum(sql_case((mine, column), else_=0)), 0)

    done = db.execute(
        select(
            func.count(),
            func.count(row.reused_from_id),
            func.coalesce(func.sum(sql_case((row.state == State.FAILED, 1), else_=0)), 0),
            own(row.prompt_tokens),
            own(row.completion_tokens),
            func.coalesce(func.sum(row.judging_usd_micros), 0) + own(row.cost_usd_micros),
        ).where(row.evaluation_id == evaluation.id, row.finished_at.is_not(None))
    ).one()
    evaluation.done, evaluation.reused, evaluation.failed = int(done[0]), int(done[1]), int(done[2])
    evaluation.prompt_tokens, evaluation.completion_tokens = int(done[3]), int(done[4])
    evaluation.cost_usd_micros = int(done[5])
    db.flush()


# -- scores ----------------------------------------------------------------------------------------


def read_scores(db: Session, evaluation_id: UUID) -> Scores:
    """Return what an evaluation found, by measure and case.

    A case without an answer has 0 of every scorer and 1 of `error`; what a scorer could not find out
    is None. Raises: EvaluationUnknown, EvaluationUnfinished.
    """
    evaluation = get_evaluation(db, evaluation_id)
    if evaluation.state != State.SUCCEEDED:
        raise EvaluationUnfinished(
            f"the evaluation {evaluation_id} is {evaluation.state}: only one that succeeded has scores"
        )
    version = get_suite_version(db, evaluation.suite_version_id)
    return scores_so_far(db, evaluation_id, version)


def scores_so_far(db: Session, evaluation_id: UUID, version: SuiteVersion) -> Scores:
    """Return what was found until now, as `read_scores` does."""
    row = EvaluationCase
    query = (
        select(row.case_id, row.topic, row.state, row.scores, row.latency_ms,
               row.completion_tokens, row.cost_usd_micros)
        .where(row.evaluation_id == evaluation_id, row.finished_at.is_not(None))
        .order_by(row.position)
    )  # fmt: skip
    rows = db.execute(query).all()
    values: dict[str, dict[str, float | None]] = {
        name: {each.case_id: _value(each, name, scorer.take_score) for each in rows}
        for name, scorer in scorers_of(version).items()
        if not scorer.sees_both
    }
    failed = State.FAILED
    values["error"] = {each.case_id: float(each.state == failed) for each in rows}
    for measure in ("latency_ms", "completion_tokens", "cost_usd_micros"):
        values[measure] = {
            each.case_id: None if each.state == failed else getattr(each, measure) for each in rows
        }
    return Scores({each.case_id: each.topic for each in rows}, values)


def _value(row: Any, scorer: str, take_score: bool) -> float | None:
    if row.state == State.FAILED:
        return 0.0
    found = row.scores.get(scorer) or {}
    score: float | None = found.get("score")
    if score is None or take_score:
        return score
    return float(found["state"] == "passed")


def means_of(scores: Scores) -> dict[str, float]:
    """Return the mean of each measure over what was found."""
    means = {}
    for name, values in scores.values.items():
        known = [value for value in values.values() if value is not None]
        if known:
            means[name] = sum(known) / len(known)
    return means


def target_of(evaluation: Evaluation) -> Target:
    """Return what an evaluation examines, as it was pinned."""
    return Target(
        evaluation.target_kind, evaluation.target, evaluation.workflow_version_id,
        evaluation.pinned, evaluation.engines, evaluation.target_hash,
    )  # fmt: skip
