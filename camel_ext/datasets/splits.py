"""Which pairs learn and which only watch: whole groups that hang together, drawn by a seed.

Prompts hang together where they are of one topic, of one run, or nearly the same text; a group stands on
one side as a whole, so that nothing of what watches was learnt from. Pure functions.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from camel_ext.core.hashing import sha256_hex
from camel_ext.datasets.models import Split
from camel_ext.datasets.schemas import PairRules, SplitBy
from camel_ext.datasets.similarity import EPSILON, NearIndex, Shingles, shingles

TEMPLATE_PROMPTS = 8  # of fewer prompts nothing can be called their common template
TEMPLATE_SHARE = 0.5
NOTHING: Shingles = frozenset({""})  # prompts that are nothing but template are alike


@dataclass(frozen=True, slots=True)
class Placed:
    """What decides on which side a prompt may stand, and how many pairs go with it."""

    prompt_hash: str
    topics: frozenset[str]
    text: str
    run_ids: frozenset[UUID]
    pairs: int


class Groups:
    """What hangs together: a disjoint-set forest."""

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def root(self, key: Hashable) -> Hashable:
        """Return what stands for the whole group of a key."""
        path = []
        while (above := self._above.setdefault(key, key)) != key:
            path.append(key)
            key = above
        for each in path:
            self._above[each] = key
        return key

    def join(self, one: Hashable, other: Hashable) -> None:
        """Let two hang together."""
        self._above[self.root(one)] = self.root(other)


def assign_splits(prompts: Sequence[Placed], rules: PairRules) -> dict[str, Split]:
    """Return the split of each prompt by its hash.

    Groups are held out in an order drawn by the seed while they fit into `eval_ratio`; where none does,
    the smallest is. One group always learns, so that with a single one nothing is held out.
    """
    groups = _hanging_together(prompts, rules)
    sized = sorted(
        (sum(each.pairs for each in members), _drawn(rules.seed, members), members)
        for members in groups
    )
    wanted = rules.eval_ratio * sum(size for size, _, _ in sized)
    held: list[list[Placed]] = []
    taken = 0
    for size, _, members in sorted(sized, key=lambda group: group[1]):
        if taken + size <= wanted + EPSILON and len(held) + 1 < len(sized):
            held.append(members)
            taken += size
    if not held and wanted > 0 and len(sized) > 1:
        held.append(sized[0][2])
    watching = {each.prompt_hash for members in held for each in members}
    return {
        each.prompt_hash: Split.EVAL if each.prompt_hash in watching else Split.TRAIN
        for each in prompts
    }


def _drawn(seed: int, members: Iterable[Placed]) -> str:
    """Return a group's place in the draw: of its prompts, so that ids and order do not matter."""
    return sha256_hex(f"{seed} {min(each.prompt_hash for each in members)}".encode())


def _hanging_together(prompts: Sequence[Placed], rules: PairRules) -> list[list[Placed]]:
    groups = Groups()
    for each in prompts:
        here = ("prompt", each.prompt_hash)
        groups.root(here)
        if rules.split_by is SplitBy.TOPIC:
            for topic in each.topics:
                groups.join(here, ("topic", topic))
        for run_id in each.run_ids:
            groups.join(here, ("run", run_id))
    if rules.near_duplicates is not None:
        _join_alike(prompts, rules.near_duplicates, groups)
    members: dict[Hashable, list[Placed]] = defaultdict(list)
    for each in sorted(prompts, key=lambda prompt: prompt.prompt_hash):
        members[groups.root(("prompt", each.prompt_hash))].append(each)
    return list(members.values())


def _join_alike(prompts: Sequence[Placed], threshold: float, groups: Groups) -> None:
    held = own_words({each.prompt_hash: each.text for each in prompts})
    index: NearIndex[str] = NearIndex(threshold, held.values())
    for prompt_hash, words in held.items():
        here = ("prompt", prompt_hash)

        def joined(other: str, here: Hashable = here) -> bool:
            return groups.root(("prompt", other)) == groups.root(here)

        for other in index.find(words, unless=joined):
            groups.join(here, ("prompt", other))
        index.add(prompt_hash, words)


def own_words(texts: Mapping[str, str]) -> dict[str, Shingles]:
    """Return each prompt's shingles without those of a template that more than half of them share.

    Otherwise every prompt of an agent with long instructions would be nearly the same as the others.
    """
    held = {key: shingles(text) for key, text in texts.items()}
    if len(held) < TEMPLATE_PROMPTS:
        return held
    common = Counter(shingle for each in held.values() for shingle in each)
    template = {each for each, count in common.items() if count > TEMPLATE_SHARE * len(held)}
    return {key: each - template or NOTHING for key, each in held.items()}
