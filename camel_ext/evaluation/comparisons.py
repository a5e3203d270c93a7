"""Comparisons: two evaluations before the gate, and the verdict written down once."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.hashing import content_hash
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.evaluation.errors import ComparisonUnknown
from camel_ext.evaluation.evaluations import NewId, scores_so_far
from camel_ext.evaluation.events import ComparisonMade
from camel_ext.evaluation.findings import Finding
from camel_ext.evaluation.gate import compare
from camel_ext.evaluation.judgings import find_preferences, two_sides
from camel_ext.evaluation.models import Comparison, Evaluation
from camel_ext.evaluation.pairing import Preferences, Scores
from camel_ext.evaluation.policy import GatePolicy

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Comparable:
    """What a comparison reads: scores of both sides, what judges preferred, and what is odd."""

    suite_version_id: UUID
    baseline_id: UUID
    candidate_id: UUID
    baseline: Scores
    candidate: Scores
    preferences: Preferences
    warnings: list[str]


def compare_evaluations(
    db: Session,
    clock: Clock,
    new_id: NewId,
    principal_id: UUID,
    baseline_id: UUID,
    candidate_id: UUID,
    policy: GatePolicy,
    alpha: float | None = None,
) -> Comparison:
    """Compare a candidate with its baseline and write the verdict down.

    The first comparison of a process imports numpy and scipy: call `load_statistics` on a thread before,
    so that no transaction waits for them.
    Raises: EvaluationUnknown, EvaluationUnfinished, NotComparable, ScorerUnknown, NothingToCompare,
    NotJudged.
    """
    both = read_comparable(db, baseline_id, candidate_id, policy)
    return write_comparison(
        db, clock, new_id, principal_id, both, policy, decide(both, policy, alpha)
    )


def load_statistics() -> None:
    """Import what comparisons compute with; half a second, once a process."""
    import numpy  # noqa: F401
    import scipy.special
    import scipy.stats  # noqa: F401


def read_comparable(
    db: Session, baseline_id: UUID, candidate_id: UUID, policy: GatePolicy
) -> Comparable:
    """Return what a comparison rests on.

    Raises: EvaluationUnknown, EvaluationUnfinished, NotComparable, NotJudged.
    """
    baseline, candidate, version = two_sides(db, baseline_id, candidate_id)
    named = {policy.primary, *(rail.measure for rail in policy.guardrails)}
    return Comparable(
        version.id,
        baseline.id,
        candidate.id,
        scores_so_far(db, baseline.id, version),
        scores_so_far(db, candidate.id, version),
        find_preferences(db, version, baseline.id, candidate.id, named),
        _odd(baseline, candidate, policy),
    )


def _odd(baseline: Evaluation, candidate: Evaluation, policy: GatePolicy) -> list[str]:
    """Return what may make a difference besides what is meant to."""
    found = []
    engines = {each["alias"]: each for each in baseline.engines}
    for each in candidate.engines:
        twin = engines.get(each["alias"])
        if twin is not None and (twin["engine"], twin["format"]) != (
            each["engine"],
            each["format"],
        ):
            found.append(
                f"`{each['alias']}` was answered by different base models or formats, {twin['base']} "
                f"and {each['base']}: answers may differ for that alone"
            )
    if baseline.target_hash == candidate.target_hash:
        found.append("both sides are the same versions: any difference is chance")
    if baseline.seed != candidate.seed:
        found.append(f"the seeds differ, {baseline.seed} and {candidate.seed}: sampling adds noise")
    if baseline.workflow_version_id != candidate.workflow_version_id:
        found.append("the workflow's versions differ, too")
    timed = any(rail.measure == "latency_ms" for rail in policy.guardrails)
    if timed and (baseline.reused or candidate.reused):
        found.append("some answers are of earlier evaluations, and so are their latencies")
    if timed and baseline.parallel != candidate.parallel:
        found.append("latencies were measured with different numbers of cases at a time")
    return found


def decide(both: Comparable, policy: GatePolicy, alpha: float | None) -> Finding:
    """Return the gate's finding. Raises: ScorerUnknown, NothingToCompare."""
    finding = compare(both.baseline, both.candidate, policy, alpha, both.preferences)
    finding.warnings.extend(both.warnings)
    return finding


def write_comparison(
    db: Session,
    clock: Clock,
    new_id: NewId,
    principal_id: UUID,
    both: Comparable,
    policy: GatePolicy,
    finding: Finding,
) -> Comparison:
    """Write a verdict down, once and for all."""
    result: Json = finding.as_dict()
    said = {
        "baseline": [dict(both.baseline.topics), _plain(both.baseline)],
        "candidate": [dict(both.candidate.topics), _plain(both.candidate)],
        "policy": policy.policy_hash,
        "result": result,
    }
    comparison = Comparison(
        id=new_id(),
        suite_version_id=both.suite_version_id,
        baseline_id=both.baseline_id,
        candidate_id=both.candidate_id,
        policy=policy.model_dump(mode="json"),
        policy_hash=policy.policy_hash,
        alpha=finding.alpha,
        verdict=finding.verdict,
        effect=finding.effect,
        low=finding.low,
        high=finding.high,
        level=finding.level,
        n=finding.n,
        topics=finding.topics,
        result=result,
        result_hash=content_hash(said),
        principal_id=principal_id,
        created_at=clock.now(),
    )
    db.add(comparison)
    subject = str(comparison.id)
    sides = (str(both.baseline_id), str(both.candidate_id))
    publish(db, clock, ComparisonMade(subject, finding.verdict, *sides))
    db.flush()
    return comparison


def _plain(scores: Scores) -> Json:
    return {name: dict(values) for name, values in scores.values.items()}


def get_comparison(db: Session, comparison_id: UUID) -> Comparison:
    """Return a comparison. Raises: ComparisonUnknown."""
    comparison = db.scalar(select(Comparison).where(Comparison.id == comparison_id))
    if comparison is None:
        raise ComparisonUnknown(f"there is no comparison {comparison_id}")
    return comparison


def list_comparisons(
    db: Session, where: Place, candidate_id: UUID | None = None
) -> tuple[list[Comparison], str | None]:
    """Return a page of comparisons, newest first."""
    query = select(Comparison)
    if candidate_id is not None:
        query = query.where(Comparison.candidate_id == candidate_id)
    return fetch_page(db, query, Comparison.created_at, Comparison.id, where)
