"""Each formula beside another implementation of it, or beside what can be computed by hand."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import t as student
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from camel_ext.evaluation.crosschecks import (
    bootstrap_interval,
    mcnemar_mid_p,
    tango_interval,
)
from camel_ext.evaluation.planning import (
    Assumed,
    assumed_from,
    cases_missing,
    power,
    smallest_gain,
)
from camel_ext.evaluation.statistics import (
    Kind,
    Topics,
    alpha_of_cycle,
    bound,
    holm,
    holm_levels,
    interval,
    p_above,
)

UNEVEN = Topics([t for t, size in enumerate((1, 3, 8, 2, 5, 7, 4, 9)) for _ in range(size)])
EVEN = Topics([t for t in range(12) for _ in range(4)])
differences = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=39, max_size=39)


def some(topics: Topics, seed: int = 0) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.random.default_rng(seed).choice([-1.0, 0.0, 1.0], topics.n, p=[0.2, 0.5, 0.3])


class TestBudget:
    def test_the_pieces_of_a_life_sum_to_its_level(self) -> None:
        pieces = [alpha_of_cycle(k, 0.05) for k in range(1, 20_001)]
        assert sum(pieces) < 0.05
        assert sum(pieces) == pytest.approx(0.05, rel=1e-4)
        assert pieces[0] == pytest.approx(0.0304, abs=1e-4)

    @pytest.mark.parametrize(("cycle", "level"), [(0, 0.05), (1, 0.0), (1, 1.0)])
    def test_nonsense_is_refused(self, cycle: int, level: float) -> None:
        with pytest.raises(ValueError, match="cycle"):
            alpha_of_cycle(cycle, level)


class TestClusterRobust:
    def test_even_topics_give_the_textbook(self) -> None:
        """With topics of one size CR2 is the t of the topics' means, on topics - 1 degrees."""
        d = some(EVEN)
        means = EVEN.sums(d) / EVEN.sizes
        error = means.std(ddof=1) / math.sqrt(EVEN.count)
        spread = EVEN.spread(d)
        assert EVEN.df == pytest.approx(EVEN.count - 1)
        assert math.sqrt(spread.by_topic) / EVEN.n == pytest.approx(error)
        low = means.mean() - student.ppf(0.975, EVEN.count - 1) * error
        assert interval(spread, 0.05, Kind.OPEN)[0] == pytest.approx(low)

    def test_uneven_topics_agree_with_statsmodels(self) -> None:
        """CR2 lies between statsmodels' CR1 without and with the usual stretch to CR3."""
        d = some(UNEVEN)
        groups = UNEVEN.index
        fitted = sm.OLS(d, np.ones((UNEVEN.n, 1))).fit(
            cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
        )
        plain = float(fitted.bse[0]) ** 2 * UNEVEN.n**2
        residuals = UNEVEN.sums(d) - UNEVEN.sizes * d.mean()
        assert plain == pytest.approx((residuals**2).sum())
        jackknife = (residuals**2 / (1 - UNEVEN.sizes / UNEVEN.n) ** 2).sum()
        assert plain < UNEVEN.spread(d).by_topic < jackknife

    def test_cr2_is_unbiased_where_cases_are_independent(self) -> None:
        d = np.random.default_rng(2).normal(size=(20_000, UNEVEN.n))
        assert UNEVEN.spread(d).by_topic.mean() == pytest.approx(UNEVEN.n, rel=0.02)

    def test_uneven_topics_have_fewer_degrees_of_freedom(self) -> None:
        assert 2 < UNEVEN.df < UNEVEN.count - 1

    def test_degrees_of_freedom_are_those_of_the_matrices(self) -> None:
        """The closed form beside tr(B)^2 / tr(B^2), with B written out."""
        sizes = UNEVEN.sizes
        shares = sizes / sizes.sum()
        adjusted = (np.diag(sizes) - np.outer(sizes, shares)) / np.sqrt(1 - shares)[:, None]
        found = []
        for working in (np.diag(1 / sizes), np.eye(len(sizes))):
            b = adjusted @ working @ adjusted.T
            found.append(np.trace(b) ** 2 / (b**2).sum())
        assert UNEVEN.df == pytest.approx(min(found))

    def test_without_a_difference_it_is_tangos_bound(self) -> None:
        topics = Topics(range(100))
        low, high = interval(topics.spread(np.zeros(100)), 0.05)
        z2 = 1.959964**2
        assert high == pytest.approx(z2 / (100 + z2), rel=1e-5)
        assert low == -high
        assert tango_interval(0, 0, 100, 0.05)[1] == pytest.approx(high, rel=1e-3)

    @settings(max_examples=40, deadline=None)
    @given(differences, st.floats(0.001, 0.4))
    def test_an_interval_holds_its_estimate_and_grows_with_its_level(
        self, drawn: list[float], alpha: float
    ) -> None:
        spread = UNEVEN.spread(np.array(drawn))
        low, high = interval(spread, alpha)
        wider_low, wider_high = interval(spread, alpha / 2)
        assert -1 <= wider_low <= low <= spread.mean + 1e-9
        assert spread.mean - 1e-9 <= high <= wider_high <= 1

    @settings(max_examples=40, deadline=None)
    @given(differences)
    def test_turning_every_sign_turns_the_interval(self, drawn: list[float]) -> None:
        d = np.array(drawn)
        low, high = interval(UNEVEN.spread(d), 0.05)
        turned_low, turned_high = interval(UNEVEN.spread(-d), 0.05)
        assert float(turned_low) == pytest.approx(-float(high))
        assert float(turned_high) == pytest.approx(-float(low))

    @settings(max_examples=40, deadline=None)
    @given(differences, st.sampled_from(list(Kind)), st.sampled_from([0.0, -0.05, -0.2]))
    def test_p_and_bound_say_the_same(self, drawn: list[float], kind: Kind, floor: float) -> None:
        spread = UNEVEN.spread(np.array(drawn))
        p = float(p_above(spread, floor, kind))
        assert 0 <= p <= 1
        for alpha in (0.3, 0.05, 0.003):
            if abs(p - alpha) > 1e-6:
                assert (bound(spread, alpha, kind) > floor) == (p < alpha)


class TestCrosschecks:
    @pytest.mark.parametrize(("fixed", "broken"), [(9, 2), (1, 0), (30, 12), (5, 5), (0, 8)])
    def test_mid_p_is_the_exact_p_less_half_its_last_piece(self, fixed: int, broken: int) -> None:
        exact = mcnemar([[0, fixed], [broken, 0]], exact=True).pvalue
        piece = math.comb(fixed + broken, min(fixed, broken)) / 2 ** (fixed + broken)
        expected = 1.0 if fixed == broken else exact - piece
        assert mcnemar_mid_p(fixed, broken) == pytest.approx(expected)

    @pytest.mark.parametrize(("fixed", "broken", "n"), [(12, 2, 50), (9, 2, 40), (21, 9, 100)])
    def test_tango_is_the_score_under_the_constrained_likelihood(
        self, fixed: int, broken: int, n: int
    ) -> None:
        """His closed form beside the likelihood maximised by search."""

        def score(delta: float) -> float:
            def unlikely(q: float) -> float:
                same = (n - fixed - broken) * math.log(1 - 2 * q - delta)
                return -(fixed * math.log(q + delta) + broken * math.log(q) + same)

            inside = (max(0.0, -delta) + 1e-12, (1 - delta) / 2 - 1e-12)
            q = minimize_scalar(unlikely, bounds=inside, method="bounded").x
            return float(
                (fixed - broken - n * delta) / math.sqrt(n * (2 * q + delta * (1 - delta)))
            )

        low, high = tango_interval(fixed, broken, n, 0.05)
        assert score(low) == pytest.approx(1.96, abs=1e-3)
        assert score(high) == pytest.approx(-1.96, abs=1e-3)

    def test_the_bootstrap_agrees_where_nothing_is_odd(self) -> None:
        topics = Topics([t for t in range(60) for _ in range(5)])
        d = some(topics)
        low, high = interval(topics.spread(d), 0.05, Kind.OPEN)
        drawn = bootstrap_interval(topics, d, 0.05, draws=6_000)
        assert list(drawn) == pytest.approx([float(low), float(high)], abs=0.012)
        assert drawn == bootstrap_interval(topics, d, 0.05, draws=6_000)

    def test_the_bootstrap_of_equal_answers_is_a_point(self) -> None:
        assert bootstrap_interval(EVEN, np.zeros(EVEN.n), 0.05) == (0.0, 0.0)


class TestHolm:
    @pytest.mark.parametrize("many", [1, 2, 3, 8])
    def test_it_is_statsmodels(self, many: int) -> None:
        p_values = np.random.default_rng(many).random(many).tolist()
        expected = multipletests(p_values, method="holm")[1]
        assert holm(p_values) == pytest.approx(list(expected))

    def test_levels_grow_with_the_p(self) -> None:
        assert holm_levels([0.2, 0.001, 0.03], 0.06) == pytest.approx([0.06, 0.02, 0.03])
        assert holm([]) == []


class TestPlanning:
    def test_more_cases_find_smaller_gains(self) -> None:
        small, large = (Topics([t for t in range(n) for _ in range(5)]) for n in (20, 80))
        usual = Assumed(0.25)
        assert smallest_gain(large, usual, 0.05, 0.8) < smallest_gain(small, usual, 0.05, 0.8)
        assert power(small, usual, 0.0, 0.025) == pytest.approx(0.012, abs=0.015)

    def test_the_smallest_gain_has_the_power_that_was_asked_for(self) -> None:
        gain = smallest_gain(EVEN, Assumed(0.25, 0.1), 0.05, 0.8)
        assert power(EVEN, Assumed(0.25, 0.1), gain, 0.025) == pytest.approx(0.8, abs=1e-3)

    def test_likeness_within_topics_is_seen(self) -> None:
        rng = np.random.default_rng(3)
        of_topic = rng.normal(size=200)
        topics = Topics([t for t in range(200) for _ in range(6)])
        d = of_topic[topics.index] * 0.5 + rng.normal(size=topics.n)
        assert assumed_from(topics, d).likeness == pytest.approx(0.2, abs=0.05)
        assert assumed_from(topics, rng.normal(size=topics.n)).likeness < 0.03
        assert assumed_from(Topics(range(5)), np.ones(5)).likeness == 0

    def test_about_so_many_more_cases_decide(self) -> None:
        """With the cases that it names, the planned power is what was asked for."""
        d = np.tile([1.0, 0, 0, 0, -1.0, 1.0, 0, 0, 0, 0], 4)
        topics = Topics([t for t in range(8) for _ in range(5)])
        spread = topics.spread(d)
        more = cases_missing(spread, float(spread.mean), 0.025, 0.8)
        assert more is not None
        enlarged = Topics([t for t in range((topics.n + more) // 5) for _ in range(5)])
        reached = power(enlarged, Assumed(float((d**2).mean())), float(spread.mean), 0.025)
        assert 0.7 < reached < 0.99

    def test_out_of_sight_is_said(self) -> None:
        spread = EVEN.spread(some(EVEN))
        assert cases_missing(spread, -0.1, 0.05, 0.8) is None
        assert cases_missing(spread, 1e-4, 0.05, 0.8) is None
