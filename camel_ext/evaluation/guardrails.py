"""Guardrails: what may not get worse by more than a margin that was fixed beforehand.

Each is a test of non-inferiority, Holm's procedure over all. It holds where the worst that is credible
lies within the margin, and is broken where even the best that is credible lies past it; between the two
nothing is said.
"""

from dataclasses import dataclass

from camel_ext.evaluation.errors import NothingToCompare
from camel_ext.evaluation.findings import RailFinding
from camel_ext.evaluation.pairing import Measure, Pairs, Preferences, Scores, pair_up
from camel_ext.evaluation.planning import cases_missing
from camel_ext.evaluation.policy import GatePolicy, Guardrail
from camel_ext.evaluation.statistics import Kind, Spread, bound, holm, holm_levels, p_above


@dataclass(frozen=True, slots=True)
class _Test:
    """One guardrail's question: does the mean of `spread` lie above `floor`?"""

    rail: Guardrail
    pairs: Pairs
    spread: Spread
    floor: float
    margin: float

    @property
    def kind(self) -> Kind:
        return Kind.GUARD if self.rail.bounded else Kind.OPEN

    @property
    def p(self) -> float:
        return float(p_above(self.spread, self.floor, self.kind))


def look_at_rails(
    baseline: Scores,
    candidate: Scores,
    policy: GatePolicy,
    alpha: float,
    preferences: Preferences,
) -> list[RailFinding]:
    """Return how each guardrail of a policy fared, in its order."""
    tests = [_look(baseline, candidate, rail, preferences) for rail in policy.guardrails]
    p_values = [1.0 if test is None else test.p for test in tests]
    looked = zip(
        policy.guardrails, tests, holm(p_values), holm_levels(p_values, alpha), strict=True
    )
    return [
        _unmeasured(rail, level)
        if test is None
        else _finding(test, adjusted, level, alpha, len(tests), policy)
        for rail, test, adjusted, level in looked
    ]


def _look(
    baseline: Scores, candidate: Scores, rail: Guardrail, preferences: Preferences
) -> "_Test | None":
    """Return what is to be tested; None where no pair is known, as when every run failed."""
    try:
        return _test(rail, pair_up(baseline, candidate, _measure(rail), preferences))
    except NothingToCompare:
        return None


def _unmeasured(rail: Guardrail, level: float) -> RailFinding:
    """Return what is said of a guardrail without data: it did not hold."""
    return RailFinding(
        measure=rail.measure, better="higher" if rail.sign > 0 else "lower",
        baseline=0.0, candidate=0.0, change=0.0, worst=0.0,
        margin=rail.margin or 0.0, margin_ratio=rail.margin_ratio, level=1 - level,
        p=1.0, p_adjusted=1.0, held=False, broken=False, n=0, unscored=0, about_n_more=None,
    )  # fmt: skip


def _measure(rail: Guardrail) -> Measure:
    return Measure(rail.measure, rail.sign, rail.bounded)


def _test(rail: Guardrail, pairs: Pairs) -> _Test:
    if rail.margin is not None:
        return _Test(rail, pairs, pairs.topics.spread(pairs.careful), -rail.margin, rail.margin)
    assert rail.margin_ratio is not None, "one margin is given"
    # a share of the baseline's mean, which is itself only estimated: tested as one contrast
    allowed = rail.margin_ratio * pairs.careful_before
    spread = pairs.topics.spread(pairs.careful + allowed)
    return _Test(rail, pairs, spread, 0.0, float(allowed.mean()))


def _finding(
    test: _Test, adjusted: float, level: float, alpha: float, rails: int, policy: GatePolicy
) -> RailFinding:
    rail, pairs, spread = test.rail, test.pairs, test.spread
    allowed = test.margin + test.floor  # what a contrast holds already
    worst = float(bound(spread, level, test.kind)) - allowed
    generous = pairs.topics.spread(pairs.generous)
    best = float(bound(generous, alpha / rails, test.kind, upper=True))
    held = adjusted <= alpha
    ahead = float(spread.mean) - test.floor
    return RailFinding(
        measure=rail.measure,
        better="higher" if rail.sign > 0 else "lower",
        baseline=float(pairs.before.mean()),
        candidate=float(pairs.after.mean()),
        change=float((pairs.after - pairs.before).mean()),
        worst=rail.sign * worst,
        margin=test.margin,
        margin_ratio=rail.margin_ratio,
        level=1 - level,
        p=test.p,
        p_adjusted=adjusted,
        held=held,
        broken=best < -test.margin,
        n=len(pairs.gain),
        unscored=pairs.unscored,
        about_n_more=None if held else cases_missing(spread, ahead, level, policy.power),
    )
