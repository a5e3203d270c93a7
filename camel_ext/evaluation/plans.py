"""Plans: what an evaluation of both sides could show and would take, before anything is started.

It assumes differences to be as they were between the last two targets that answered the suite; where there
were none, as experience says. It promises nothing and writes nothing.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.core.models import State
from camel_ext.evaluation.errors import ScorerUnknown
from camel_ext.evaluation.evaluations import answer_hash, case_seed, scores_so_far
from camel_ext.evaluation.models import Evaluation, EvaluationCase, Suite, SuiteVersion, TargetKind
from camel_ext.evaluation.pairing import Measure, Scores, pair_up
from camel_ext.evaluation.planning import Assumed, assumed_from, power, smallest_gain
from camel_ext.evaluation.policy import MEASURES, GatePolicy, Guardrail
from camel_ext.evaluation.schemas import PlanAsked, PlanShown, RailPlanned
from camel_ext.evaluation.statistics import Kind, Topics
from camel_ext.evaluation.suites import find_version
from camel_ext.evaluation.targets import Target, check_inputs, pin_target
from camel_ext.interactions import Purpose
from camel_ext.workflows import Run

GAINS = (0.05, 0.1, 0.2, 0.3)
USUAL = Assumed(squares=0.25, likeness=0.05)  # a quarter of the answers differ (QUALITY.md, part 5)
SELDOM = Assumed(squares=0.08, likeness=0.05)  # what guards: most answers pass on both sides
SURE = 0.8
RECENT = 50  # runs that tell how long one takes
AT_ONCE = 16  # cases at a time where nothing else is said: the default of EvaluationStart


@dataclass(frozen=True, slots=True)
class Known:
    """What earlier evaluations tell: differences by measure, and what a case takes."""

    scores: tuple[Scores, Scores] | None
    seconds_each: float | None
    cost_each: float | None


def plan(db: Session, asked: PlanAsked) -> PlanShown:
    """Return what comparing a target with another one on this suite could show.

    Raises: SuiteUnknown, SuiteInvalid, TargetInvalid, ScorerUnknown, and what unknown names raise.
    """
    suite, version = find_version(db, asked.suite)
    target = pin_target(db, asked)
    check_inputs(db, target, version)
    policy = asked.policy or GatePolicy(primary=version.primary)
    _check_named(policy, version)
    alpha = asked.alpha or policy.level
    known = _known(db, suite, version, target)
    topics = Topics([case["topic"] for case in version.cases])
    primary, source = _assumed(known, Measure(policy.primary), USUAL)
    rails = _rails(policy.guardrails, topics, known, alpha)
    reusable = _reusable(db, version, target, asked.seed)
    fresh = version.case_count - reusable
    smallest = smallest_gain(topics, primary, alpha, policy.power) if topics.count > 1 else 1.0
    return PlanShown(
        n=topics.n,
        topics=topics.count,
        alpha=alpha,
        smallest_gain=smallest,
        power=policy.power,
        power_at={f"{gain:g}": _power(topics, primary, gain, alpha / 2) for gain in GAINS},
        assumed={"squares": primary.squares, "likeness": primary.likeness},
        assumed_from=source,
        not_worse_equal=_power(topics, primary, 0.0, alpha / 2, floor=-policy.margin),
        guardrails=rails,
        reusable=reusable,
        seconds=None if known.seconds_each is None else fresh * known.seconds_each,
        cost_usd_micros=None if known.cost_each is None else round(fresh * known.cost_each),
        warnings=_warnings(policy, topics, rails, smallest),
    )


def _check_named(policy: GatePolicy, version: SuiteVersion) -> None:
    there = [each["name"] for each in version.scorers] + list(MEASURES)
    for name in (policy.primary, *(rail.measure for rail in policy.guardrails)):
        if name not in there:
            listed = ", ".join(f"`{each}`" for each in there)
            raise ScorerUnknown(f"nothing called `{name}` is measured: there is {listed}")


def _power(topics: Topics, assumed: Assumed, gain: float, alpha: float, **more: Any) -> float:
    return power(topics, assumed, gain, alpha, **more) if topics.count > 1 else 0.0


def _rails(
    guardrails: list[Guardrail], topics: Topics, known: Known, alpha: float
) -> list[RailPlanned]:
    """Return how surely each passes if nothing changed; Holm looks at the hardest with all of alpha."""
    assumed = [_assumed(known, Measure(rail.measure, rail.sign), SELDOM)[0] for rail in guardrails]

    def sure(place: int, level: float) -> float | None:
        margin = guardrails[place].margin
        if not guardrails[place].bounded or margin is None:
            return None
        return _power(topics, assumed[place], 0.0, level, floor=-margin, kind=Kind.GUARD)

    each = alpha / max(len(guardrails), 1)
    hardest_first = sorted(range(len(guardrails)), key=lambda place: sure(place, each) or 0.0)
    levels = {place: alpha / rank for rank, place in enumerate(hardest_first, 1)}
    return [
        RailPlanned(measure=rail.measure, passes_equal=sure(place, levels[place]))
        for place, rail in enumerate(guardrails)
    ]


def _assumed(known: Known, measure: Measure, otherwise: Assumed) -> tuple[Assumed, str]:
    if known.scores is not None and all(measure.name in each.values for each in known.scores):
        pairs = pair_up(*known.scores, measure, {})
        if len(pairs.gain) == pairs.topics.n:
            return assumed_from(pairs.topics, pairs.gain), "the last two targets on this suite"
    return otherwise, "experience: no two targets have answered this version of the suite yet"


def _known(db: Session, suite: Suite, version: SuiteVersion, target: Target) -> Known:
    query = (
        select(Evaluation)
        .where(
            Evaluation.suite == suite.name,
            Evaluation.suite_version_id == version.id,
            Evaluation.state == State.SUCCEEDED,
        )
        .order_by(Evaluation.created_at.desc(), Evaluation.id.desc())
        .limit(RECENT)
    )
    earlier = list(db.scalars(query))
    others = [each for each in earlier if each.target_hash != earlier[0].target_hash]
    scores = None
    if others:
        old, new = others[0], earlier[0]
        scores = (scores_so_far(db, old.id, version), scores_so_far(db, new.id, version))
    seconds, cost = _taken(earlier) or _taken_by_runs(db, target) or (None, None)
    return Known(scores, seconds, cost)


def _taken(earlier: list[Evaluation]) -> tuple[float, float] | None:
    """Return seconds and cost of one case, as the newest evaluation that asked for most of them says."""
    for each in earlier:
        asked = each.total - each.reused
        if asked * 2 >= each.total and each.started_at and each.finished_at:
            seconds = (each.finished_at - each.started_at).total_seconds()
            return seconds / asked, each.cost_usd_micros / asked
    return None


def _taken_by_runs(db: Session, target: Target) -> tuple[float, float] | None:
    """Return the same from the workflow's newest runs, as if so many ran at once without slowing."""
    if target.kind != TargetKind.WORKFLOW:
        return None
    query = (
        select(Run.running_ms, Run.cost_usd_micros)
        .where(Run.workflow == target.name, Run.state == State.SUCCEEDED,
               Run.purpose != Purpose.SAMPLE)
        .order_by(Run.created_at.desc(), Run.id.desc())
        .limit(RECENT)
    )  # fmt: skip
    rows = db.execute(query).all()
    if not rows:
        return None
    seconds = sum(row.running_ms for row in rows) / len(rows) / 1000 / AT_ONCE
    return seconds, sum(row.cost_usd_micros for row in rows) / len(rows)


def _reusable(db: Session, version: SuiteVersion, target: Target, seed: int) -> int:
    """Return how many cases this very target has answered already."""
    hashes = [
        answer_hash(target.hash, case["input"], case_seed(seed, case["id"]))
        for case in version.cases
    ]
    row, found = EvaluationCase, 0
    for first in range(0, len(hashes), 500):
        query = select(func.count(row.answer_hash.distinct())).where(
            row.answer_hash.in_(hashes[first : first + 500]),
            row.state == State.SUCCEEDED,
            row.finished_at.is_not(None),
        )
        found += db.scalar(query) or 0
    return found


def _warnings(
    policy: GatePolicy, topics: Topics, rails: list[RailPlanned], smallest: float
) -> list[str]:
    found = []
    if topics.n < policy.min_cases:
        found.append(f"{topics.n} cases: below `min_cases` ({policy.min_cases}) nothing is decided")
    if topics.count < policy.min_topics:
        found.append(
            f"{topics.count} topics: below `min_topics` ({policy.min_topics}) nothing is decided"
        )
    if smallest >= 0.5:
        found.append("only a gain of half the cases or more would be found: add cases and topics")
    found += [
        f"a candidate that changes nothing passes `{rail.measure}` in "
        f"{100 * rail.passes_equal:.0f} % only: widen its margin, or add cases and topics"
        for rail in rails
        if rail.passes_equal is not None and rail.passes_equal < SURE
    ]
    return found
