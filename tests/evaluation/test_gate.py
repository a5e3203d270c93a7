"""The gate: verdicts on planted truths, what is missing, what is wrong; whole comparisons, many times."""

from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from camel_ext.evaluation import (
    GatePolicy,
    Guardrail,
    NothingToCompare,
    ScorerUnknown,
    Scores,
    Verdict,
    alpha_of_cycle,
    compare,
)
from camel_ext.evaluation.findings import Finding
from camel_ext.evaluation.statistics import Topics
from tests.evaluation.conftest import Json
from tests.evaluation.worlds import Generator, scores

POLICY = GatePolicy(
    primary="brief",
    guardrails=[
        Guardrail(measure="relevant", margin=0.1),
        Guardrail(measure="error", margin=0.1),
        Guardrail(measure="latency_ms", margin_ratio=0.3),
    ],
)
FIRST = alpha_of_cycle(1, POLICY.level)


def labels(topics: int = 24, each: int = 5) -> Topics:
    return Topics([f"t{topic:02}" for topic in range(topics) for _ in range(each)])


def passing(rng: Generator, n: int, rate: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return (rng.random(n) < rate).astype(float)


def side(
    rng: Generator,
    brief: float,
    relevant: float = 0.95,
    ms: float = 900,
    topics: Topics | None = None,
) -> Scores:
    there = labels() if topics is None else topics
    return scores(
        there,
        brief=passing(rng, there.n, brief),
        relevant=passing(rng, there.n, relevant),
        error=np.zeros(there.n),
        latency_ms=rng.normal(ms, 150, there.n),
    )


def verdicts(times: int, before: Json, after: Json) -> Counter[Verdict]:
    rng = np.random.default_rng(1)
    return Counter(
        compare(side(rng, **before), side(rng, **after), POLICY, FIRST).verdict
        for _ in range(times)
    )


def one(before: Json, after: Json, seed: int = 1) -> Finding:
    rng = np.random.default_rng(seed)
    return compare(side(rng, **before), side(rng, **after), POLICY, FIRST)


class TestVerdicts:
    """Whole comparisons, guardrails and all."""

    def test_a_real_gain_that_harms_nothing_passes(self) -> None:
        found = verdicts(40, {"brief": 0.2}, {"brief": 0.75})
        assert found[Verdict.BETTER] >= 32

    def test_one_that_games_its_verifier_with_short_nonsense_does_not(self) -> None:
        """Every answer is brief now, and a good part of them keeps to no question."""
        found = verdicts(30, {"brief": 0.2}, {"brief": 1.0, "relevant": 0.6})
        assert found[Verdict.BETTER] == found[Verdict.NOT_WORSE] == 0
        assert found[Verdict.WORSE] >= 28

    def test_a_loss_just_at_the_margin_does_not_pass_either(self) -> None:
        found = verdicts(60, {"brief": 0.2}, {"brief": 0.9, "relevant": 0.85})
        assert found[Verdict.BETTER] <= 6

    def test_an_equal_one_is_neither_promoted_nor_called_worse(self) -> None:
        found = verdicts(80, {"brief": 0.5}, {"brief": 0.5})
        assert found[Verdict.BETTER] <= 5
        assert found[Verdict.WORSE] <= 5

    def test_a_regression_is_refused(self) -> None:
        found = verdicts(20, {"brief": 0.7}, {"brief": 0.3})
        assert found[Verdict.WORSE] >= 19

    def test_slower_answers_are_refused(self) -> None:
        finding = one({"brief": 0.2}, {"brief": 0.8, "ms": 1500})
        assert finding.verdict == Verdict.WORSE
        assert "latency_ms" in finding.reason

    def test_the_very_same_answers_are_not_worse(self) -> None:
        there = side(np.random.default_rng(1), 0.5, topics=labels(60))
        finding = compare(there, there, POLICY, FIRST)
        assert finding.verdict == Verdict.NOT_WORSE
        assert (finding.effect, finding.fixed, finding.broken, finding.p) == (0, 0, 0, 1)
        assert finding.needed == -POLICY.margin

    def test_what_is_drawn_is_what_is_decided_on(self) -> None:
        for seed in range(40):
            finding = one({"brief": 0.3}, {"brief": 0.45}, seed)
            assert (finding.p < finding.alpha) == (finding.low > 0 or finding.high < 0)
            assert finding.low <= finding.effect <= finding.high
            assert finding.level == 1 - FIRST
            if finding.verdict == Verdict.BETTER:
                assert finding.low > finding.needed == 0
                assert all(rail.held for rail in finding.guardrails)
            for rail in finding.guardrails:
                loss = rail.worst if rail.better == "lower" else -rail.worst
                assert rail.held <= (loss < rail.margin)
                assert not (rail.held and rail.broken)

    def test_every_case_is_counted_once(self) -> None:
        finding = one({"brief": 0.4}, {"brief": 0.6})
        counted = finding.fixed + finding.broken + finding.kept + finding.still_wrong
        assert counted == finding.n == sum(topic.n for topic in finding.by_topic) == 120
        assert finding.effect == pytest.approx((finding.fixed - finding.broken) / 120)
        assert finding.candidate == pytest.approx((finding.kept + finding.fixed) / 120)
        assert set(finding.checks) == {"bootstrap_by_topic", "mcnemar_mid_p", "tango"}


class TestUndecided:
    def test_it_says_about_how_many_more(self) -> None:
        found = [one({"brief": 0.4}, {"brief": 0.5}, seed) for seed in range(12)]
        open_ones = [each for each in found if each.verdict == Verdict.INCONCLUSIVE]
        assert open_ones
        assert all(each.about_n_more is None or each.about_n_more > 0 for each in open_ones)
        assert any(each.about_n_more for each in open_ones)

    def test_too_few_cases_decide_nothing(self) -> None:
        few = labels(8, 5)
        rng = np.random.default_rng(2)
        finding = compare(side(rng, 0.0, topics=few), side(rng, 1.0, topics=few), POLICY)
        assert finding.verdict == Verdict.INCONCLUSIVE
        assert finding.about_n_more == 10
        assert "the policy asks for 50 cases in 10 topics" in finding.reason

    def test_a_guardrail_that_is_open_keeps_a_gain_from_passing(self) -> None:
        rng = np.random.default_rng(3)
        before = side(rng, 0.1, relevant=0.7)
        finding = compare(before, side(rng, 0.9, relevant=0.66), POLICY, FIRST)
        assert finding.low > 0
        assert finding.verdict == Verdict.INCONCLUSIVE
        assert "not shown to have held: relevant" in finding.reason


class TestMissing:
    """What could not be scored counts against each claim."""

    def with_gaps(self, scored: Scores, every: int) -> Scores:
        brief = scored.values["brief"]
        gaps = {case: None if i % every == 0 else v for i, (case, v) in enumerate(brief.items())}
        return Scores(scored.topics, {**scored.values, "brief": gaps})

    def test_a_candidate_gains_nothing_by_breaking_its_scorer(self) -> None:
        rng = np.random.default_rng(4)
        before, after = side(rng, 0.5), side(rng, 0.5)
        whole = compare(before, after, POLICY, FIRST)
        gaps = compare(before, self.with_gaps(after, 4), POLICY, FIRST)
        assert gaps.low < whole.low
        assert gaps.high > whole.high
        assert gaps.unscored == 30
        assert any("could not be scored" in warning for warning in gaps.warnings)

    def test_a_few_gaps_do_not_hide_a_large_gain(self) -> None:
        rng = np.random.default_rng(5)
        finding = compare(side(rng, 0.1), self.with_gaps(side(rng, 0.9), 40), POLICY, FIRST)
        assert finding.verdict == Verdict.BETTER

    def test_a_candidate_that_never_answers_is_worse_and_not_an_error(self) -> None:
        """Nothing has a latency then; the guardrail did not hold, and the verdict stands."""
        rng = np.random.default_rng(10)
        before, after = side(rng, 0.5), side(rng, 0.0, relevant=0.0)
        silent: dict[str, float | None] = dict.fromkeys(after.topics)
        failed: dict[str, float | None] = dict.fromkeys(after.topics, 1.0)
        values = {**after.values, "latency_ms": silent, "error": failed}
        finding = compare(before, Scores(after.topics, values), POLICY, FIRST)
        assert finding.verdict == Verdict.WORSE
        (rail,) = [rail for rail in finding.guardrails if rail.measure == "latency_ms"]
        assert (rail.held, rail.broken, rail.n) == (False, False, 0)

    def test_nothing_to_compare_is_an_error(self) -> None:
        there = side(np.random.default_rng(6), 0.5)
        empty = Scores(there.topics, {**there.values, "brief": {}})
        with pytest.raises(NothingToCompare, match="0 values of `brief`"):
            compare(there, empty, POLICY)
        with pytest.raises(NothingToCompare):
            compare(there, Scores({}, there.values), POLICY)

    def test_what_was_not_measured_is_named(self) -> None:
        there = side(np.random.default_rng(7), 0.5)
        with pytest.raises(ScorerUnknown, match="`brief`, `error`, `latency_ms`, `relevant`"):
            compare(there, there, GatePolicy(primary="brevity"))


class TestPreferences:
    """A judge that saw both answers."""

    def test_wins_and_losses_are_the_effect(self) -> None:
        there = side(np.random.default_rng(8), 0.5)
        said: dict[str, float | None] = {
            case: (1.0, 1.0, 0.0, -1.0, 1.0)[i % 5] for i, case in enumerate(there.topics)
        }
        finding = compare(there, there, GatePolicy(primary="judge"), FIRST, {"judge": said})
        assert finding.verdict == Verdict.BETTER
        assert finding.effect == pytest.approx(0.4)
        assert (finding.fixed, finding.broken, finding.kept) == (72, 24, 24)


def test_a_topic_that_holds_too_much_is_pointed_at() -> None:
    lumped = Topics(["big"] * 60 + [f"t{i}" for i in range(20) for _ in range(3)])
    rng = np.random.default_rng(9)
    finding = compare(side(rng, 0.5, topics=lumped), side(rng, 0.5, topics=lumped), POLICY, FIRST)
    assert any("50 % of the cases are of one topic, `big`" in each for each in finding.warnings)


def test_ten_thousand_topics_take_no_room() -> None:
    many = Topics([f"t{i}" for i in range(10_000)])
    rng = np.random.default_rng(11)
    policy = GatePolicy(primary="brief")
    finding = compare(side(rng, 0.5, topics=many), side(rng, 0.6, topics=many), policy, FIRST)
    assert finding.verdict == Verdict.BETTER
    assert len(finding.by_topic) == 10_000


class TestPolicy:
    @pytest.mark.parametrize(
        ("written", "complaint"),
        [
            ({"primary": "error"}, "not something measured besides"),
            ({"primary": "a", "guardrails": [{"measure": "a", "margin": 0.1}]}, "no guardrail"),
            ({"primary": "a", "guardrails": [{"measure": "b"}]}, "either"),
            ({"primary": "a", "guardrails": [{"measure": "b", "margin": 1}]}, "guards nothing"),
            ({"primary": "a", "guardrails": [{"measure": "b", "margin": 0.1}] * 2}, "twice"),
            ({"primary": "a", "level": 0.7}, "less than 0.5"),
            ({"primary": "a", "surprise": 1}, "Extra inputs"),
        ],
    )
    def test_nonsense_is_refused(self, written: dict[str, object], complaint: str) -> None:
        with pytest.raises(ValidationError, match=complaint):
            GatePolicy.model_validate(written)

    def test_defaults_filled_in_name_the_same_policy(self) -> None:
        assert (
            GatePolicy(primary="a").policy_hash == GatePolicy(primary="a", level=0.05).policy_hash
        )
        assert GatePolicy(primary="a").policy_hash != GatePolicy(primary="a", level=0.1).policy_hash
        assert Guardrail(measure="latency_ms", margin=100).sign == -1
        assert Guardrail(measure="length", margin=0.1, better="lower").sign == -1
