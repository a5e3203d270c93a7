"""The gate: scores of two evaluations in, a verdict with all that it rests on out. Pure, no table.

The interval that is drawn is the one that is decided on. A verdict never rests on what is missing: an
answer that could not be scored counts against each claim. What follows from a verdict is decided in
experiments.
"""

from dataclasses import replace
from typing import Any

from camel_ext.evaluation.crosschecks import bootstrap_interval, mcnemar_mid_p, tango_interval
from camel_ext.evaluation.findings import Finding, RailFinding, TopicFinding
from camel_ext.evaluation.guardrails import look_at_rails
from camel_ext.evaluation.models import Verdict
from camel_ext.evaluation.pairing import Measure, Pairs, Preferences, Scores, pair_up
from camel_ext.evaluation.planning import cases_missing
from camel_ext.evaluation.policy import GatePolicy
from camel_ext.evaluation.statistics import Spread, interval, p_above

METHOD = "paired, by topic: CR2 with Student's t, never narrower than the score interval"
PASSES = 0.5  # from this on a graded score counts as right where fixed and broken are counted
LUMPED = 0.25  # a topic with more of the cases than this weighs too much by itself
DRAWS = 4_000
MAX_DRAWN = 2_000_000  # topics drawn in all: some 100 MB
SEEN = 20  # draws that have to lie beyond a quantile for it to be seen


def compare(
    baseline: Scores,
    candidate: Scores,
    policy: GatePolicy,
    alpha: float | None = None,
    preferences: Preferences | None = None,
) -> Finding:
    """Return what can be said of the candidate, erring with at most `alpha` (the policy's level).

    `preferences` are of judges that saw both answers: 1 for the candidate, -1 for the baseline, by
    case. Raises: NothingToCompare, ScorerUnknown.
    """
    alpha = policy.level if alpha is None else alpha
    said = preferences or {}
    pairs = pair_up(baseline, candidate, Measure(policy.primary), said)
    rails = look_at_rails(baseline, candidate, policy, alpha, said)
    return _finding(pairs, rails, policy, alpha)


def _finding(pairs: Pairs, rails: list[RailFinding], policy: GatePolicy, alpha: float) -> Finding:
    careful, generous = pairs.topics.spread(pairs.careful), pairs.topics.spread(pairs.generous)
    low = float(interval(careful, alpha)[0])
    high = float(interval(generous, alpha)[1])
    verdict, reason, needed = _verdict(pairs, low, high, rails, policy)
    before, after = pairs.before >= PASSES, pairs.after >= PASSES
    return Finding(
        verdict=verdict,
        reason=reason,
        primary=policy.primary,
        effect=float(pairs.gain.mean()),
        low=low,
        high=high,
        needed=needed,
        level=1 - alpha,
        alpha=alpha,
        n=pairs.topics.n,
        topics=pairs.topics.count,
        method=METHOD,
        p=_two_sided(careful, generous),
        baseline=float(pairs.before.mean()),
        candidate=float(pairs.after.mean()),
        fixed=int((after & ~before).sum()),
        broken=int((before & ~after).sum()),
        kept=int((before & after).sum()),
        still_wrong=int((~before & ~after).sum()),
        unscored=pairs.unscored,
        guardrails=rails,
        about_n_more=_lacking(pairs, careful, rails, policy, alpha)
        if verdict == Verdict.INCONCLUSIVE
        else None,
        by_topic=_by_topic(pairs),
        checks=_checks(pairs, alpha),
        warnings=_warnings(pairs),
    )


def _verdict(
    pairs: Pairs, low: float, high: float, rails: list[RailFinding], policy: GatePolicy
) -> tuple[Verdict, str, float]:
    """Return verdict, why, and what the interval had to clear for it."""
    n, count = pairs.topics.n, pairs.topics.count
    if n < policy.min_cases or count < policy.min_topics:
        least = f"{policy.min_cases} cases in {policy.min_topics} topics"
        return (
            Verdict.INCONCLUSIVE,
            f"{n} cases in {count} topics: the policy asks for {least}",
            0.0,
        )
    if high < 0:
        return Verdict.WORSE, f"the loss of `{policy.primary}` is real", 0.0
    if lost := [rail.measure for rail in rails if rail.broken]:
        return Verdict.WORSE, f"past its margin: {', '.join(lost)}", 0.0
    open_rails = [rail.measure for rail in rails if not rail.held]
    needed = 0.0 if low > 0 or low <= -policy.margin else -policy.margin
    if open_rails:
        return Verdict.INCONCLUSIVE, f"not shown to have held: {', '.join(open_rails)}", needed
    if low > 0:
        return (
            Verdict.BETTER,
            f"the gain of `{policy.primary}` is real, and every guardrail held",
            0.0,
        )
    if low > -policy.margin:
        return (
            Verdict.NOT_WORSE,
            f"no gain is shown, and no loss beyond {100 * policy.margin:g} points",
            needed,
        )
    return (
        Verdict.INCONCLUSIVE,
        "the interval holds both a gain and a loss that would matter",
        needed,
    )


def _two_sided(careful: Spread, generous: Spread) -> float:
    """Return the p whose two-sided interval touches zero."""
    loss = replace(generous, total=-generous.total)
    return min(1.0, 2 * min(float(p_above(careful)), float(p_above(loss))))


def _lacking(
    pairs: Pairs, careful: Spread, rails: list[RailFinding], policy: GatePolicy, alpha: float
) -> int | None:
    """Return about how many more cases would lead to a verdict; None: not in sight."""
    short = policy.min_cases - pairs.topics.n
    if pairs.topics.count < policy.min_topics:
        each = pairs.topics.n / pairs.topics.count
        short = max(short, round((policy.min_topics - pairs.topics.count) * each))
    if short > 0:
        return short
    needs = [rail.about_n_more for rail in rails if not rail.held]
    if float(interval(careful, alpha)[0]) <= -policy.margin:
        effect, sure = float(careful.mean), (alpha / 2, policy.power)
        either = (
            cases_missing(careful, effect, *sure),  # to show a gain
            cases_missing(careful, effect + policy.margin, *sure),  # or that it is no loss
        )
        needs.append(min((each for each in either if each is not None), default=None))
    known = [each for each in needs if each is not None]
    return max(known) if needs and len(known) == len(needs) else None


def _by_topic(pairs: Pairs) -> list[TopicFinding]:
    places: dict[str, list[int]] = {}
    for place, topic in enumerate(pairs.labels):
        places.setdefault(topic, []).append(place)
    found = []
    for topic, of_it in places.items():
        before, after = float(pairs.before[of_it].mean()), float(pairs.after[of_it].mean())
        found.append(TopicFinding(topic, len(of_it), before, after, after - before))
    return found


def _checks(pairs: Pairs, alpha: float) -> dict[str, Any]:
    """Return what the usual methods say of the pairs that are known."""
    found: dict[str, Any] = {}
    draws = min(DRAWS, MAX_DRAWN // pairs.topics.count)
    if alpha / 2 * draws >= SEEN and not pairs.unscored:
        drawn = bootstrap_interval(pairs.topics, pairs.gain, alpha, draws=draws)
        found["bootstrap_by_topic"] = list(drawn)
    if set(pairs.before) | set(pairs.after) <= {0.0, 1.0}:
        fixed, broken = int((pairs.gain > 0).sum()), int((pairs.gain < 0).sum())
        found["mcnemar_mid_p"] = float(mcnemar_mid_p(fixed, broken))
        found["tango"] = list(tango_interval(fixed, broken, len(pairs.gain), alpha))
    return found


def _warnings(pairs: Pairs) -> list[str]:
    found = []
    largest = float(pairs.topics.sizes.max()) / pairs.topics.n
    if largest > LUMPED:
        name = pairs.topics.names[pairs.topics.sizes.argmax()]
        found.append(f"{100 * largest:.0f} % of the cases are of one topic, `{name}`: the interval "
                     "is wide because of it; even out the topics")  # fmt: skip
    if pairs.unscored:
        found.append(f"{pairs.unscored} answers could not be scored: they count against each claim")
    return found
