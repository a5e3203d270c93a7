"""Judgings: a judge that sees the answers of two evaluations side by side, as a job of its own.

What it prefers is stored by case and read by comparisons whose policy names the judge.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.annotations import annotate_many
from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.concurrency import MODEL
from camel_ext.core.models import State
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.evaluation.errors import (
    EvaluationUnfinished,
    JudgingUnknown,
    NotComparable,
    NotJudged,
    ScorerUnknown,
)
from camel_ext.evaluation.evaluations import NewId, get_evaluation
from camel_ext.evaluation.events import JudgingFinished
from camel_ext.evaluation.judges import Bench, Opinion, bias_of
from camel_ext.evaluation.models import Evaluation, EvaluationCase, Judging, SuiteVersion
from camel_ext.evaluation.schemas import JudgingStart
from camel_ext.evaluation.scoring import Check, check_of, text_of
from camel_ext.evaluation.suites import get_suite_version, scorers_of
from camel_ext.evaluation.targets import resolve_model
from camel_ext.registry import get_version, resolve_version
from camel_ext.workflows import Asker

JUDGE_PAIRS = "evaluation.judge_pairs"
MAX_CASES = 2_000
PAGE = 8  # pairs in one commit: so much is asked again after a crash
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """One evaluation's answer to a case; no text: there is none."""

    text: str
    interaction_id: UUID | None


@dataclass(frozen=True, slots=True)
class Docket:
    """What a judging has still to do: the judge, and the cases with both answers."""

    bench: Bench
    cases: list[tuple[Json, Side, Side]]


def start_judging(db: Session, asker: Asker, wanted: JudgingStart) -> Judging:
    """Queue a judge over the answers of two evaluations.

    Raises: EvaluationUnknown, EvaluationUnfinished, NotComparable, ScorerUnknown, and what an unknown
    model raises.
    """
    baseline, candidate, version = two_sides(db, wanted.baseline_id, wanted.candidate_id)
    check = judge_check(db, version, wanted.scorer)
    assert check.scorer.judge is not None, "a scorer that sees both is a judge"
    model = resolve_model(db, check.scorer.judge.model)
    if version.case_count > MAX_CASES:
        raise NotComparable(f"a judge sees at most {MAX_CASES:,} cases, the suite has more")
    judging = Judging(
        id=asker.new_id(),
        baseline_id=baseline.id,
        candidate_id=candidate.id,
        scorer=wanted.scorer,
        scorer_hash=check.hash,
        model_version_id=model.target_id,
        seed=wanted.seed,
        state=State.QUEUED,
        total=version.case_count,
        done=0, found={}, bias={}, cost_usd_micros=0,
        principal_id=asker.principal_id,
        job_id=asker.new_id(),
        created_at=asker.clock.now(),
    )  # fmt: skip
    db.add(judging)
    args = {"judging_id": str(judging.id)}
    uses = {f"{MODEL}:{model.name}"}
    jobs.enqueue(db, asker.clock, judging.job_id, JUDGE_PAIRS, args, uses=uses)
    db.flush()
    return judging


def two_sides(
    db: Session, baseline_id: UUID, candidate_id: UUID
) -> tuple[Evaluation, Evaluation, SuiteVersion]:
    """Return two evaluations that can be compared, and their suite's version.

    Raises: EvaluationUnknown, EvaluationUnfinished, NotComparable.
    """
    baseline, candidate = get_evaluation(db, baseline_id), get_evaluation(db, candidate_id)
    for each in (baseline, candidate):
        if each.state != State.SUCCEEDED:
            raise EvaluationUnfinished(
                f"the evaluation {each.id} is {each.state}: wait for its end"
            )
    if baseline.id == candidate.id:
        raise NotComparable("it is one and the same evaluation: name two")
    if baseline.suite_version_id != candidate.suite_version_id:
        raise NotComparable(
            f"one answered another version of a suite ({baseline.suite!r}, {candidate.suite!r}): "
            "evaluate both on the same version, `suite: NAME@NUMBER`"
        )
    return baseline, candidate, get_suite_version(db, baseline.suite_version_id)


def judge_check(db: Session, version: SuiteVersion, name: str) -> Check:
    """Return a judge of a suite that sees both answers, with its model's version in its hash.

    Raises: ScorerUnknown, and what an unknown model raises.
    """
    scorer = scorers_of(version).get(name)
    if scorer is None or scorer.judge is None or not scorer.sees_both:
        judges = [key for key, each in scorers_of(version).items() if each.sees_both]
        there = ", ".join(f"`{each}`" for each in judges) or "none"
        raise ScorerUnknown(
            f"{name!r} is no judge that sees both answers; of those there is {there}"
        )
    model = resolve_model(db, scorer.judge.model)
    return check_of(name, scorer, get_version(db, model.target_id).content_hash)


def get_judging(db: Session, judging_id: UUID, *, lock: bool = False) -> Judging:
    """Return a judging. Raises: JudgingUnknown."""
    query = select(Judging).where(Judging.id == judging_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    judging = db.scalar(query)
    if judging is None:
        raise JudgingUnknown(f"there is no judging {judging_id}")
    return judging


def list_judgings(db: Session, where: Place) -> tuple[list[Judging], str | None]:
    """Return a page of judgings, newest first."""
    return fetch_page(db, select(Judging), Judging.created_at, Judging.id, where)


def cancel_judging(db: Session, clock: Clock, judging_id: UUID) -> Judging:
    """Stop a judging; a finished one stays as it is. Raises: JudgingUnknown."""
    job = jobs.request_cancel(db, clock, get_judging(db, judging_id).job_id)
    judging = get_judging(db, judging_id, lock=True)
    if job.state.is_final:
        end_judging(db, clock, judging, State.CANCELLED)
    db.flush()
    return judging


def end_judging(
    db: Session, clock: Clock, judging: Judging, state: State, error: tuple[str, str] | None = None
) -> None:
    """Write a judging's end, once."""
    if judging.state.is_final:
        return
    judging.state, judging.finished_at = state, clock.now()
    judging.error_code, judging.error_detail = error or (None, None)
    publish(db, clock, JudgingFinished(str(judging.id), state, judging.error_code))
    db.flush()


def find_preferences(
    db: Session, version: SuiteVersion, baseline_id: UUID, candidate_id: UUID, named: set[str]
) -> dict[str, dict[str, float | None]]:
    """Return by scorer and case what judges that see both preferred.

    Raises: NotJudged where one that is named was not asked yet.
    """
    found = {}
    for name, scorer in scorers_of(version).items():
        if name not in named or not scorer.sees_both:
            continue
        query = select(Judging).where(
            Judging.baseline_id == baseline_id,
            Judging.candidate_id == candidate_id,
            Judging.scorer == name,
            Judging.state == State.SUCCEEDED,
        )
        judging = db.scalar(query.order_by(Judging.created_at.desc(), Judging.id.desc()).limit(1))
        if judging is None:
            raise NotJudged(
                f"the judge `{name}` has not seen these two yet: start it, POST /api/v1/judgings"
            )
        found[name] = {case: each["preference"] for case, each in judging.found.items()}
    return found


# -- what the task does ------------------------------------------------------------------------------


def read_docket(db: Session, judging_id: UUID) -> Docket:
    """Return the judge and what it has not seen yet, in the suite's order."""
    judging = get_judging(db, judging_id)
    baseline, _, version = two_sides(db, judging.baseline_id, judging.candidate_id)
    scorer = scorers_of(version)[judging.scorer]
    assert scorer.judge is not None, "it was one when the judging was asked for"
    model = resolve_version(db, judging.model_version_id, alias=scorer.judge.model)
    check = Check(judging.scorer, scorer, judging.scorer_hash)
    bench = Bench(check, scorer.judge, model, judging.principal_id, judging.id, judging.seed)
    old, new = (_sides(db, each, scorer.of) for each in (baseline.id, judging.candidate_id))
    open_cases = [case for case in version.cases if case["id"] not in judging.found]
    return Docket(bench, [(case, old[case["id"]], new[case["id"]]) for case in open_cases])


def _sides(db: Session, evaluation_id: UUID, path: str | None) -> dict[str, Side]:
    row = EvaluationCase
    query = select(row.case_id, row.answer, row.interaction_id, row.state).where(
        row.evaluation_id == evaluation_id
    )
    return {
        each.case_id: Side(
            text_of(each.answer, path) if each.state == State.SUCCEEDED else "",
            each.interaction_id,
        )
        for each in db.execute(query)
    }


def begin_judging(db: Session, clock: Clock, judging_id: UUID) -> Judging:
    """Say that a judging is being executed."""
    judging = get_judging(db, judging_id, lock=True)
    if not judging.state.is_final:
        judging.state, judging.started_at = State.RUNNING, judging.started_at or clock.now()
        db.flush()
    return judging


def write_opinions(
    db: Session, clock: Clock, new_id: NewId, bench: Bench, opinions: dict[str, Opinion]
) -> Judging:
    """Write what a judge said of some cases, with its annotations, in one transaction."""
    judging = get_judging(db, bench.subject, lock=True)
    annotations = [each for opinion in opinions.values() for each in opinion.annotations]
    if annotations:
        annotate_many(db, clock, new_id, bench.signed, annotations)
    judging.found = {**judging.found, **{case: each.found for case, each in opinions.items()}}
    judging.bias = bias_of(judging.found)
    judging.cost_usd_micros += sum(each.cost_usd_micros for each in opinions.values())
    judging.done = len(judging.found)
    db.flush()
    return judging
