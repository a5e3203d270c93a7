"""The statistics of a paired comparison whose cases come in topics. Pure functions on numbers.

Cases of one topic resemble each other, so the topics are what is counted, not the cases. Which method
decides and why stands in docs/adr/0011; tests/evaluation/test_calibration.py holds its error rates. Nothing
here knows a policy, a score's name or a table. numpy and scipy are imported with the first call: a server
starts without them.

In all of it, `d` are differences, candidate minus baseline, one for each case; more axes in front are
repetitions, which simulations use.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SPAN = 1.0  # scores lie between 0 and 1: one difference is at most this large


def alpha_of_cycle(cycle: int, level: float) -> float:
    """Return the error that look number `cycle` (from 1) may make, of `level` over a whole life.

    The pieces sum to the level, however many looks are taken: sum 1/k^2 = pi^2/6.
    Source: alpha spending over a sequence of hypotheses (Foster and Stine 2008, JRSS B 70:429), with
    weights 6/(pi k)^2.
    """
    if cycle < 1 or not 0 < level < 1:
        raise ValueError("a cycle counts from 1, and a level lies between 0 and 1")
    return level * 6 / (math.pi * cycle) ** 2


# -- topics ----------------------------------------------------------------------------------------


class Topics:
    """Which case belongs to which topic, and what follows from their sizes alone."""

    def __init__(self, labels: Sequence[Any]) -> None:
        import numpy as np

        self.names, self.index = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
        self._order = np.argsort(self.index, kind="stable")
        counts = np.bincount(self.index)
        self._starts = np.cumsum(counts) - counts
        self.sizes: Floats = counts.astype(np.float64)
        self.n = len(self.index)
        self.count = len(self.names)
        self.df = _degrees_of_freedom(self.sizes) if self.count > 1 else 0.0

    def sums(self, d: "Floats") -> "Floats":
        """Return the sum of each topic. Shapes: (..., cases) to (..., topics)."""
        import numpy as np

        return np.add.reduceat(d[..., self._order], self._starts, axis=-1)

    def spread(self, d: "Floats") -> "Spread":
        """Return mean, and its variance by topics (CR2) and by cases.

        CR2 is unbiased where cases are independent, and nearly so where those of a topic are alike.
        Source: Bell and McCaffrey 2002, Survey Methodology 28:169; for a mean the adjustment of each
        topic's residual is 1/sqrt(1 - its share of the cases).
        """
        import numpy as np

        d = np.asarray(d, dtype=np.float64)
        total, squares = d.sum(axis=-1), (d**2).sum(axis=-1)
        residuals = self.sums(d) - self.sizes * (total / self.n)[..., None]
        return Spread(
            n=self.n,
            total=total,
            by_topic=(residuals**2 / (1 - self.sizes / self.n)).sum(axis=-1),
            by_case=np.maximum(squares - total**2 / self.n, 0.0),
            squares=squares,
            differing=(d != 0).sum(axis=-1),
            df=self.df,
        )


def _degrees_of_freedom(sizes: "Floats") -> float:
    """Return the degrees of freedom of CR2's variance of a mean: topics - 1 where all are equal.

    The smaller one of two is taken: cases of a topic independent, and all alike.
    Source: Bell and McCaffrey 2002; Imbens and Kolesar 2016 (Rev. Econ. Stat. 98:701), who match two
    moments under a working covariance.
    """
    shares = sizes / sizes.sum()
    # tr(B)^2 / tr(B^2), where B_gh is the covariance of two topics' adjusted residuals; without G x G
    apart = sizes * shares / (1 - shares)
    independent = sizes.sum() ** 2 / ((sizes**2).sum() + apart.sum() ** 2 - (apart**2).sum())
    weight, squared = sizes**2 / (1 - shares), (shares**2).sum()
    own = weight * (1 - 2 * shares + squared)
    first, second = (weight * shares).sum(), (weight * shares**2).sum()
    whole = weight.sum()
    crossed = (
        squared**2 * whole**2 + 2 * second * whole - 4 * squared * first * whole + 2 * first**2
    )
    diagonal = (weight**2 * (1 + 2 * (squared - 2 * shares))).sum()
    alike = own.sum() ** 2 / (crossed + diagonal)
    return float(min(independent, alike))


@dataclass(frozen=True, slots=True)
class Spread:
    """A sum of differences and what is known about how far it may be off."""

    n: int
    total: Any
    by_topic: Any  # variance of the sum, topics drawn anew
    by_case: Any  # the same as if cases were independent
    squares: Any
    differing: Any
    df: float

    @property
    def mean(self) -> Any:
        """The estimate."""
        return self.total / self.n

    @property
    def typical(self) -> Any:
        """How large a difference is where there is one (root mean square); 1 where there is none."""
        import numpy as np

        there = np.maximum(self.differing, 1)
        return np.where(self.differing > 0, np.sqrt(self.squares / there), SPAN)


# -- the interval that decides -----------------------------------------------------------------------


class Kind(StrEnum):
    """Which bound is meant: they differ in how few differences are believed."""

    SCORE = "score"  # from 0 to 1: what shall improve
    GUARD = "guard"  # from 0 to 1: what may not get worse, where losses may be rare and lumped
    OPEN = "open"  # without bounds: milliseconds, tokens, money


def bound(spread: Spread, alpha: float, kind: Kind = Kind.SCORE, *, upper: bool = False) -> Any:
    """Return a one-sided bound of the mean that is missed with probability `alpha`.

    It is the more cautious one of two. By topics: Student's t with CR2's variance. By cases: after
    q^2/2 cases with a typical difference were added on each side, so that few differences never look
    certain; without a single one it is Tango's score bound, q^2 / (n + q^2). There q is normal for what
    shall improve; for guardrails it is Student's t, and n the number of independent cases that would
    tell as much (Kish). What has no bounds takes the first alone.
    Source: Bell and McCaffrey 2002 for the t; Agresti and Coull 1998 (Am. Stat. 52:119) and Bonett and
    Price 2012 (J. Educ. Behav. Stat. 37:479) for the added cases; Tango 1998 (Stat. Med. 17:891); Kish
    1965, Survey Sampling, and Korn and Graubard 1998 (Survey Methodology 24:193) for the effective n.
    """
    import numpy as np
    from scipy.special import ndtri, stdtrit

    side, t = (1 if upper else -1), float(stdtrit(spread.df, 1 - alpha))
    by_topic = (spread.total + side * t * np.sqrt(spread.by_topic)) / spread.n
    if kind == Kind.OPEN:
        return by_topic
    q = t if kind == Kind.GUARD else float(ndtri(1 - alpha))
    total, variance, n = _by_case(spread, kind)
    by_case = (total + side * q * np.sqrt(variance + (q * spread.typical) ** 2)) / (n + q**2)
    cautious = np.maximum if upper else np.minimum
    return np.clip(cautious(by_topic, by_case), -SPAN, SPAN)


def _by_case(spread: Spread, kind: Kind) -> tuple[Any, Any, Any]:
    """Return sum, variance and number of independent cases that tell as much as these."""
    import numpy as np

    if kind == Kind.SCORE:
        return spread.total, spread.by_case, spread.n
    some = np.asarray(spread.by_case) > 0
    alike = np.where(some, spread.by_topic / np.where(some, spread.by_case, 1.0), 1.0)
    effect = np.maximum(alike, 1.0)
    return spread.total / effect, spread.by_case / effect, spread.n / effect


def interval(spread: Spread, alpha: float, kind: Kind = Kind.SCORE) -> tuple[Any, Any]:
    """Return the two-sided interval of level 1 - alpha: two bounds of alpha / 2."""
    return bound(spread, alpha / 2, kind), bound(spread, alpha / 2, kind, upper=True)


def p_above(spread: Spread, floor: float = 0.0, kind: Kind = Kind.SCORE) -> Any:
    """Return the one-sided p of "the mean is at most `floor`": the alpha whose bound touches it."""
    import numpy as np
    from scipy.special import ndtr, stdtr

    ahead = np.asarray(spread.total - floor * spread.n, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(ahead == 0, 0.0, ahead / np.sqrt(spread.by_topic))
    by_topic = stdtr(spread.df, -t)
    if kind == Kind.OPEN:
        return by_topic
    # q^2 solves (ahead - floor q^2)^2 = q^2 (variance + typical^2 q^2)
    total, variance, n = _by_case(spread, kind)
    ahead = np.asarray(total - floor * n, dtype=np.float64)
    a, b = spread.typical**2 - floor**2, variance + 2 * ahead * floor
    root = np.sqrt(np.maximum(b**2 + 4 * a * ahead**2, 0.0)) + b
    with np.errstate(divide="ignore", invalid="ignore"):
        square = np.where(ahead == 0, 0.0, 2 * ahead**2 / root)  # stable where a is near 0
    q = -np.sign(ahead) * np.sqrt(np.maximum(square, 0.0))
    return np.maximum(by_topic, stdtr(spread.df, q) if kind == Kind.GUARD else ndtr(q))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for how many they are: none of them errs with more than its own.

    Source: Holm 1979 (Scand. J. Stat. 6:65).
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(order), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, p_values[place] * (len(order) - rank)))
        adjusted[place] = largest
    return adjusted


def holm_levels(p_values: Sequence[float], alpha: float) -> list[float]:
    """Return the level at which Holm's procedure looks at each: alpha over those still to come."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    levels = [0.0] * len(order)
    for rank, place in enumerate(order):
        levels[place] = alpha / (len(order) - rank)
    return levels
