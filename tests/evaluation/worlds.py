"""Simulated scores with known truth: topics whose cases are alike, paired answers, planted effects.

All of it is drawn at once for many repetitions, so that a simulation of thousands takes a second.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from camel_ext.evaluation.pairing import Scores
from camel_ext.evaluation.statistics import Topics

Floats = NDArray[np.float64]
Generator = np.random.Generator


def sizes(topics: int, shape: str) -> list[int]:
    """Sizes of topics: five cases each, from 1 to 12, or one."""
    if shape == "even":
        return [5] * topics
    if shape == "uneven":
        return [int(size) for size in np.linspace(1, 12, topics)]
    return [1] * topics


@dataclass(frozen=True)
class World:
    """A baseline and a candidate whose answers pass by chance.

    `rate` is the baseline's, `alike` how alike both answers to a case are, `hard` how much topics
    differ in difficulty, `mixed` how much the candidate's gain differs between topics (its mean stays
    what `gain` says), `gain` is on the probit scale; graded scores instead of right and wrong.
    """

    topics: int = 20
    shape: str = "even"
    rate: float = 0.5
    alike: float = 0.0
    hard: float = 0.5
    mixed: float = 0.0
    gain: float = 0.0
    graded: bool = False

    @property
    def labels(self) -> Topics:
        each = sizes(self.topics, self.shape)
        return Topics([f"t{topic:03}" for topic, size in enumerate(each) for _ in range(size)])

    def draw(self, rng: Generator, times: int) -> tuple[Topics, Floats, Floats]:
        """Return topics, and the scores of both sides, (times, cases)."""
        labels = self.labels
        of_case = labels.index
        shape = (times, labels.n)
        level = ndtri(self.rate) + rng.normal(0, self.hard, (times, labels.count))[:, of_case]
        shared = rng.normal(size=shape) * self.alike**0.5
        own = (1 - self.alike) ** 0.5
        turn = rng.normal(0, self.mixed, (times, labels.count))[:, of_case] / 2
        before = level + shared - turn + own * rng.normal(size=shape)
        after = level + shared + turn + self.gain + own * rng.normal(size=shape)
        if self.graded:
            return labels, ndtr(before), ndtr(after)
        return labels, (before > 0).astype(float), (after > 0).astype(float)


def losses(
    rng: Generator, times: int, labels: Topics, *, gain: float, loss: float, likeness: float
) -> Floats:
    """Return differences where each case is lost or gained with these probabilities.

    With a likeness the probability of a loss differs between topics (beta), its mean stays.
    """
    of_case = labels.index
    lost: Floats = np.full((times, labels.n), loss)
    if likeness:
        k = (1 - likeness) / likeness
        lost = rng.beta(loss * k, (1 - loss) * k, (times, labels.count))[:, of_case]
    drawn = rng.random((times, labels.n))
    return np.where(drawn < lost, -1.0, np.where(drawn > 1 - gain, 1.0, 0.0))


def scores(labels: Topics, **values: Floats) -> Scores:
    """Return what an evaluation with these values found."""
    names = labels.names[labels.index]
    cases = [f"c{number:04}" for number in range(labels.n)]
    return Scores(
        dict(zip(cases, names, strict=True)),
        {name: dict(zip(cases, each.tolist(), strict=True)) for name, each in values.items()},
    )
