"""The order in which pairs are trained on: a function of the seed and the epoch, and nothing else.

So a resumed training goes on with the very pairs it would have seen.
"""

from collections.abc import Iterator, Sequence
from random import Random

from torch.utils.data import Sampler

STEPS_SORTED = 8  # pairs of so many steps are sorted together; more would order the whole epoch


class PairOrder(Sampler[int]):
    """Yields row numbers, the rows of a pair together.

    With `bucketing`, pairs of like length share a step.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        seed: int,
        pairs_per_step: int,
        rows_per_pair: int = 1,
        bucketing: bool = False,
    ) -> None:
        self._lengths, self._seed = lengths, seed
        self._step, self._rows, self._bucketing = pairs_per_step, rows_per_pair, bucketing
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths) * self._rows

    def __iter__(self) -> Iterator[int]:
        for pair in self._pairs():
            yield from range(pair * self._rows, (pair + 1) * self._rows)

    def _pairs(self) -> list[int]:
        rng = Random(f"{self._seed}/{self._epoch}")  # noqa: S311 - an order, not a secret
        order = list(range(len(self._lengths)))
        rng.shuffle(order)
        if not self._bucketing:
            return order
        size = self._step * STEPS_SORTED
        steps = []
        for start in range(0, len(order), size):
            alike = sorted(order[start : start + size], key=lambda pair: self._lengths[pair])
            steps += [alike[at : at + self._step] for at in range(0, len(alike), self._step)]
        whole = [step for step in steps if len(step) == self._step]
        rng.shuffle(whole)
        rest = [pair for step in steps if len(step) < self._step for pair in step]
        return [pair for step in whole for pair in step] + rest
