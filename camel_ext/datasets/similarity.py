"""How alike texts are: word triples, their Jaccard index, and an exact search for all that are alike.

Nothing is estimated: where MinHash would miss some, the prefix filter finds every text above the
threshold and compares only those that share one of their rare triples.
Source: Chaudhuri, Ganti, Kaushik 2006 (ICDE), "A primitive operator for similarity joins"; Bayardo, Ma,
Srikant 2007 (WWW), "Scaling up all pairs similarity search".
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from math import ceil
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
Shingles = frozenset[str]
WORDS = 3  # of one shingle
EPSILON = 1e-9  # 0.7 * 10 is 7.000000000000001
# scripts without spaces between words: each sign stands for itself
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]"
    r"|[^\W\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+"
)


def shingles(text: str) -> Shingles:
    """Return a text's word triples, case and punctuation left aside; never none."""
    words = _WORD.findall(text.casefold())
    if not words:
        return frozenset({text.strip()})
    last = max(1, len(words) - WORDS + 1)
    return frozenset(" ".join(words[at : at + WORDS]) for at in range(last))


def jaccard(one: Shingles, other: Shingles) -> float:
    """Return the share of what both hold in what either holds, from 0 to 1; of two empty ones 1."""
    shared = len(one & other)
    every = len(one) + len(other) - shared
    return shared / every if every else 1.0


def alike(one: Shingles, other: Shingles, threshold: float) -> bool:
    """Tell whether two texts are at least so alike."""
    shorter, longer = sorted((len(one), len(other)))
    if shorter < longer * threshold - EPSILON:
        return False
    return jaccard(one, other) >= threshold - EPSILON


class NearIndex(Generic[K]):
    """Finds, among what was added, everything at least as alike as the threshold.

    Two sets that alike share one of the first `n - ceil(threshold * n) + 1` shingles of either, in any
    one order of all shingles; with the rare ones first, few others do.
    """

    def __init__(self, threshold: float, every: Iterable[Shingles]) -> None:
        self._threshold = threshold
        self._common = Counter(shingle for each in every for shingle in each)
        self._held: dict[K, tuple[int, Shingles]] = {}
        self._by_shingle: dict[str, list[K]] = defaultdict(list)

    def add(self, key: K, held: Shingles) -> None:
        """Let a set be found from now on."""
        self._held[key] = len(self._held), held
        for shingle in self._first(held):
            self._by_shingle[shingle].append(key)

    def find(self, wanted: Shingles, unless: Callable[[K], bool] | None = None) -> Iterator[K]:
        """Yield the keys of sets that are alike, in the order that they were added.

        Those that `unless` is true of, asked when their turn comes, are not even compared.
        """
        met = {key for shingle in self._first(wanted) for key in self._by_shingle.get(shingle, ())}
        for key in sorted(met, key=lambda key: self._held[key][0]):
            if unless is not None and unless(key):
                continue
            if alike(wanted, self._held[key][1], self._threshold):
                yield key

    def _first(self, held: Shingles) -> list[str]:
        rare_first = sorted(held, key=lambda shingle: (self._common[shingle], shingle))
        needed = ceil(self._threshold * len(held) - EPSILON)
        return rare_first[: len(held) - needed + 1]
