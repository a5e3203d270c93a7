"""Methods that do not decide: the usual ones, shown beside the verdict so that everybody can look.

The first two take cases for independent, which those of a topic are not: docs/adr/0011 says how far off
they are then.
"""

from typing import TYPE_CHECKING, Any

from camel_ext.evaluation.statistics import Topics

if TYPE_CHECKING:
    from camel_ext.evaluation.statistics import Floats


def mcnemar_mid_p(fixed: Any, broken: Any) -> Any:
    """Return the two-sided mid-p of McNemar's test: as many fixed as broken, cases independent.

    Source: Fagerland, Lydersen and Laake 2013 (BMC Med. Res. Methodol. 13:91).
    """
    import numpy as np
    from scipy.stats import binom

    fixed, broken = np.asarray(fixed), np.asarray(broken)
    n, fewer = fixed + broken, np.minimum(fixed, broken)
    p = 2 * binom.cdf(fewer, n, 0.5) - binom.pmf(fewer, n, 0.5)
    return np.where(fixed == broken, 1.0, np.minimum(p, 1.0))


def tango_interval(fixed: int, broken: int, n: int, alpha: float) -> tuple[float, float]:
    """Return the score interval of a paired difference of rates, cases independent.

    Source: Tango 1998 (Stat. Med. 17:891), solved by bisection on the score.
    """
    from scipy.special import ndtri

    z = float(ndtri(1 - alpha / 2))
    estimate = (fixed - broken) / n

    def score(delta: float) -> float:
        a, b = 2 * n, -fixed - broken + (2 * n - fixed + broken) * delta
        rate = ((b * b - 4 * a * (-broken * delta * (1 - delta))) ** 0.5 - b) / (2 * a)
        variance = n * (2 * rate + delta * (1 - delta))
        ahead = fixed - broken - n * delta
        return 0.0 if ahead == 0 else ahead / max(variance, 1e-300) ** 0.5

    def solve(inside: float, outside: float, side: float) -> float:
        for _ in range(60):
            middle = (inside + outside) / 2
            if side * score(middle) < z:
                inside = middle
            else:
                outside = middle
        return inside

    return solve(estimate, -1.0, 1.0), solve(estimate, 1.0, -1.0)


def bootstrap_interval(
    topics: Topics, d: "Floats", alpha: float, *, draws: int = 2_000, seed: int = 0
) -> tuple[float, float]:
    """Return the bootstrap-t interval that draws whole topics; both ends the estimate if all agree.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 12.5; Cameron,
    Gelbach and Miller 2008 (Rev. Econ. Stat. 90:414) for clusters.
    """
    import numpy as np

    sums, sizes = topics.sums(d), topics.sizes
    mean, variance = d.mean(), float(topics.spread(d).by_topic)
    if variance == 0:
        return float(mean), float(mean)
    drawn = np.random.default_rng(seed).integers(topics.count, size=(draws, topics.count))
    n = sizes[drawn].sum(axis=1)
    means = sums[drawn].sum(axis=1) / n
    residuals = sums[drawn] - sizes[drawn] * means[:, None]
    errors = (
        np.sqrt((residuals**2 / np.maximum(1 - sizes[drawn] / n[:, None], 1e-9)).sum(axis=1)) / n
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(errors > 0, (means - mean) / errors, 0.0)
    above, below = np.quantile(t, [1 - alpha / 2, alpha / 2])
    error = variance**0.5 / topics.n
    return float(mean - above * error), float(mean - below * error)
