"""What an examination of this size can show: power, the smallest gain that is found, cases that lack.

Approximations, from the variance that differences are assumed to have; they promise nothing and decide
nothing. Simulations in tests/evaluation/test_calibration.py hold them to what the gate then does.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from camel_ext.evaluation.statistics import SPAN, Kind, Spread, Topics, bound

if TYPE_CHECKING:
    from camel_ext.evaluation.statistics import Floats

MAX_TIMES_MORE = 100  # beyond so many times the cases, "about n more" says nothing to anybody


@dataclass(frozen=True, slots=True)
class Assumed:
    """What differences are assumed to be like.

    `squares` is the mean of their squares: of right and wrong answers, the share that differs. The
    likeness of cases of one topic is their intra-class correlation.
    """

    squares: float
    likeness: float = 0.0


def power(
    topics: Topics,
    assumed: Assumed,
    gain: float,
    alpha: float,
    *,
    floor: float = 0.0,
    kind: Kind = Kind.SCORE,
) -> float:
    """Return how surely the bound of one-sided `alpha` lies above `floor` if `gain` is the truth.

    Normal approximation of the estimate, at the variance that is assumed; clustering inflates it by
    1 + likeness * (size of a case's topic, on average, - 1).
    Source: Donner and Klar 2000, Design and Analysis of Cluster Randomization Trials, section 5.2.
    """
    from scipy.special import ndtr

    expected = expected_spread(topics, assumed, gain)
    deviation = float(expected.by_topic) ** 0.5
    behind = floor - float(bound(expected, alpha, kind))  # how far a bound of the truth falls short
    if deviation == 0:
        return float(behind < 0)
    return float(ndtr(-behind * topics.n / deviation))


def expected_spread(topics: Topics, assumed: Assumed, gain: float) -> Spread:
    """Return the spread that such differences are expected to show."""
    n = topics.n
    squares = max(assumed.squares, gain**2) * n
    by_case = squares - gain**2 * n
    alike = float((topics.sizes**2).sum() / n) - 1
    by_topic = by_case * (1 + assumed.likeness * alike)
    # of size 1 where they are rare: what a case of a score between 0 and 1 does at most
    return Spread(n, gain * n, by_topic, by_case, squares, squares, topics.df)


def smallest_gain(topics: Topics, assumed: Assumed, alpha: float, wanted: float) -> float:
    """Return the smallest true gain whose two-sided interval excludes zero so surely; 1: none."""
    low, high = 0.0, SPAN
    for _ in range(40):
        middle = (low + high) / 2
        if power(topics, assumed, middle, alpha / 2) < wanted:
            low = middle
        else:
            high = middle
    return high


def assumed_from(topics: Topics, d: "Floats") -> Assumed:
    """Return size and intra-topic likeness of differences (ANOVA estimator, not below 0).

    Source: Donner 1986 (Int. Stat. Rev. 54:67).
    """
    import numpy as np

    mean = d.mean()
    within_sum = float(((d - (topics.sums(d) / topics.sizes)[topics.index]) ** 2).sum())
    between_sum = float((topics.sizes * (topics.sums(d) / topics.sizes - mean) ** 2).sum())
    squares = float(np.mean(d**2))
    if topics.n == topics.count or topics.count < 2:
        return Assumed(squares, 0.0)
    between = between_sum / (topics.count - 1)
    within = within_sum / (topics.n - topics.count)
    size = (topics.n - float((topics.sizes**2).sum()) / topics.n) / (topics.count - 1)
    whole = between + (size - 1) * within
    likeness = (between - within) / whole if whole > 0 else 0.0
    return Assumed(squares, min(max(likeness, 0.0), 1.0))


def cases_missing(spread: Spread, ahead: float, alpha: float, wanted: float) -> int | None:
    """Return about how many more cases, of new topics like these, would decide; None: not in sight.

    `ahead` is how far the estimate lies beyond what is to be excluded; it is taken for the truth.
    """
    from scipy.special import ndtri, stdtrit

    if ahead <= 0:
        return None
    t = float(stdtrit(spread.df, 1 - alpha))
    added = (t * float(spread.typical)) ** 2 / spread.n
    variance = max(float(spread.by_topic), float(spread.by_case)) / spread.n + added
    needed = variance * ((t + float(ndtri(wanted))) / ahead) ** 2
    if needed > MAX_TIMES_MORE * spread.n:
        return None
    return max(1, math.ceil(needed - spread.n))
