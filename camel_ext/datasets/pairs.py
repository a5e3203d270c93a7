"""Pairs from judged answers, by rules: which preferences stand, which are too alike, who watches.

The same answers, judgements and rules give the same pairs with the same hashes, whatever their ids and
the order they come in. Pure functions; reading answers and keeping pairs is others' business.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import floor, inf

from camel_ext.core.hashing import canonical_json
from camel_ext.datasets.models import Split
from camel_ext.datasets.pair import Pair, pair_hash, text_of
from camel_ext.datasets.preferences import Candidate, Opinions, Preference, opinions_of
from camel_ext.datasets.schemas import PairRules, Strategy
from camel_ext.datasets.similarity import EPSILON, NearIndex, Shingles, alike, jaccard, shingles
from camel_ext.datasets.splits import Placed, assign_splits


@dataclass(slots=True)
class Found:
    """What was looked at, and what became of it: counts by stable name."""

    candidates: int = 0
    judged: int = 0
    prompts: int = 0
    prompts_unjudged: int = 0
    prompts_alone: int = 0
    prompts_tied: int = 0
    prompts_paired: int = 0
    preferences: int = 0
    ties: int = 0
    overruled: int = 0
    crowded: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Draft:
    """A pair that may still be dropped, and what decides that."""

    pair: Pair
    topics: frozenset[str]
    prompt_text: str
    chosen_text: str
    rejected_text: str
    is_explicit: bool

    @property
    def longer(self) -> int:
        """1 where the better answer is the longer one, -1 where it is the shorter, else 0."""
        more = len(self.chosen_text) - len(self.rejected_text)
        return (more > 0) - (more < 0)


def build_pairs(candidates: Iterable[Candidate], rules: PairRules) -> tuple[list[Pair], Found]:
    """Return the pairs in the order of their hashes, and what was found on the way."""
    found = Found()
    drafts: list[Draft] = []
    for group in _by_prompt(candidates):
        found.candidates += len(group)
        opinions = opinions_of(group, rules)
        _count(found, opinions)
        drafts += _of_prompt(opinions, rules, found.dropped)
    for name, keep in _KEEPS.items():
        kept = keep(sorted(drafts, key=_rank), rules)
        found.dropped[name] += len(drafts) - len(kept)
        drafts = kept
    return sorted(_split(drafts, rules), key=lambda pair: pair.pair_hash), found


def _of_prompt(opinions: Opinions, rules: PairRules, dropped: Counter[str]) -> list[Draft]:
    standing: list[Preference] = []
    for each in opinions.preferences:
        reason = _why_not(each, rules)
        if reason is None:
            standing.append(each)
        else:
            dropped[reason] += 1
    chosen = _by_strategy(sorted(standing, key=_widest_first), rules.strategy)
    dropped["strategy"] += len(standing) - len(chosen)
    drafts = sorted((_draft(opinions, each) for each in chosen), key=_rank)
    kept = drafts[: rules.per_prompt_max]
    dropped["per_prompt_max"] += len(drafts) - len(kept)
    return kept


def _by_prompt(candidates: Iterable[Candidate]) -> Iterable[list[Candidate]]:
    groups: dict[tuple[str, bytes], list[Candidate]] = defaultdict(list)
    for each in candidates:
        groups[each.prompt_hash, canonical_json(each.tools or None)].append(each)
    return [groups[key] for key in sorted(groups)]


def _count(found: Found, opinions: Opinions) -> None:
    found.prompts += 1
    found.judged += opinions.judged
    found.preferences += len(opinions.preferences)
    found.ties += opinions.ties
    found.overruled += opinions.overruled
    found.crowded += opinions.crowded
    if opinions.preferences:
        found.prompts_paired += 1
    elif opinions.ties:
        found.prompts_tied += 1
    elif opinions.judged:
        found.prompts_alone += 1
    else:
        found.prompts_unjudged += 1


def _draft(opinions: Opinions, preference: Preference) -> Draft:
    chosen, rejected = [preference.chosen.message], [preference.rejected.message]
    answers = preference.chosen, preference.rejected
    pair = Pair(
        pair_hash=pair_hash(opinions.prompt, opinions.tools, chosen, rejected),
        prompt_hash=opinions.prompt_hash,
        prompt=opinions.prompt,
        tools=opinions.tools or None,
        chosen=chosen,
        rejected=rejected,
        split=Split.TRAIN,
        topic=min(opinions.topics),
        source=preference.source,
        margin=preference.margin,
        chosen_score=preference.chosen_score,
        rejected_score=preference.rejected_score,
        chosen_interaction_id=next(iter(preference.chosen.interaction_ids), None),
        rejected_interaction_id=next(iter(preference.rejected.interaction_ids), None),
        run_ids=tuple(sorted({run_id for answer in answers for run_id in answer.run_ids})),
        annotation_ids=tuple(sorted({each.id for each in preference.evidence})),
        judges=preference.judges,
    )
    return Draft(
        pair,
        frozenset(opinions.topics),
        text_of(each for each in opinions.prompt if each.get("role") != "system"),
        preference.chosen.text,
        preference.rejected.text,
        preference.is_explicit,
    )


def _rank(draft: Draft) -> tuple[bool, float, str]:
    """Return its place where only some may stay: explicit ones first, then by margin."""
    return not draft.is_explicit, -(draft.pair.margin or 0.0), draft.pair.pair_hash


def _widest_first(preference: Preference) -> tuple[float, str, str]:
    return -preference.margin, preference.chosen.key, preference.rejected.key


def _why_not(preference: Preference, rules: PairRules) -> str | None:
    """Return the rule that a preference breaks by itself, None where it stands."""
    chosen, rejected = preference.chosen, preference.rejected
    score, least = preference.chosen_score, rules.min_chosen_score
    if preference.margin < rules.min_margin:
        return "min_margin"
    if chosen.text.strip() == rejected.text.strip():
        return "equal_texts"
    if least is not None and score is not None and score < least:
        return "min_chosen_score"
    if chosen.cut and not rules.allow_cut_chosen:
        return "cut_chosen"
    return _why_not_side_by_side(chosen.text, rejected.text, rules)


def _why_not_side_by_side(chosen: str, rejected: str, rules: PairRules) -> str | None:
    shorter, longer = sorted((len(chosen), len(rejected)))
    if rules.length_ratio_max is not None and longer > rules.length_ratio_max * max(1, shorter):
        return "length_ratio_max"
    if rules.overlap_max is not None:
        overlap = jaccard(shingles(chosen), shingles(rejected))
        return "overlap_max" if overlap >= rules.overlap_max else None
    return None


def _by_strategy(widest_first: Sequence[Preference], strategy: Strategy) -> list[Preference]:
    """Return what somebody said of two answers, and of the graded ones what the strategy takes."""
    explicit = [each for each in widest_first if each.is_explicit]
    graded = [each for each in widest_first if not each.is_explicit]
    if strategy is Strategy.BEST_VS_WORST:
        graded = graded[:1]
    elif strategy is Strategy.BEST_VS_REST:
        graded = [each for each in graded if each.chosen.key == graded[0].chosen.key]
    return [*explicit, *graded]


def _at_most(
    ranked: Iterable[Draft], limit: int | None, keys: Callable[[Draft], Iterable[Hashable]]
) -> list[Draft]:
    """Return the first ones, so that each key is in no more of them than the limit."""
    taken: Counter[Hashable] = Counter()
    kept = []
    for each in ranked:
        mine = list(keys(each))
        if limit is None or all(taken[key] < limit for key in mine):
            taken.update(mine)
            kept.append(each)
    return kept


def _once(ranked: Sequence[Draft], _rules: PairRules) -> list[Draft]:
    return _at_most(ranked, 1, lambda each: [each.pair.pair_hash])


def _unlike(ranked: Sequence[Draft], rules: PairRules) -> list[Draft]:
    """Return the pairs of which no earlier one is nearly the same in all of its three texts."""
    threshold = rules.near_duplicates
    if threshold is None:
        return list(ranked)
    prompts = {each.pair.prompt_hash: shingles(each.prompt_text) for each in ranked}
    parts = [
        (prompts[each.pair.prompt_hash], shingles(each.chosen_text), shingles(each.rejected_text))
        for each in ranked
    ]
    # where each of three parts is alike, so are the three as one set: their Jaccard is a mean of theirs
    whole = [_as_one(each) for each in parts]
    index: NearIndex[int] = NearIndex(threshold, whole)
    kept = []
    for place, draft in enumerate(ranked):
        near = index.find(whole[place])
        if any(_all_alike(parts[place], parts[other], threshold) for other in near):
            continue
        index.add(place, whole[place])
        kept.append(draft)
    return kept


def _as_one(parts: Sequence[Shingles]) -> Shingles:
    return frozenset(f"{place} {shingle}" for place, part in enumerate(parts) for shingle in part)


def _all_alike(one: Sequence[Shingles], other: Sequence[Shingles], threshold: float) -> bool:
    return all(alike(*two, threshold) for two in zip(one, other, strict=True))


def _per_source(ranked: Sequence[Draft], rules: PairRules) -> list[Draft]:
    return _at_most(ranked, rules.per_source_max, lambda each: each.pair.run_ids)


def _balanced(ranked: Sequence[Draft], rules: PairRules) -> list[Draft]:
    """Return so many of the pairs where the longer (or shorter) answer is better that both are there."""
    if rules.length_balance is None:
        return list(ranked)
    counts = Counter(each.longer for each in ranked)
    more, fewer = (1, -1) if counts[1] > counts[-1] else (-1, 1)
    share = rules.length_balance
    room = inf if share == 1 else floor(share / (1 - share) * counts[fewer] + EPSILON)
    kept = []
    for each in ranked:
        if each.longer == more:
            if room < 1:
                continue
            room -= 1
        kept.append(each)
    return kept


_KEEPS: dict[str, Callable[[Sequence[Draft], PairRules], list[Draft]]] = {
    "exact_duplicates": _once,
    "near_duplicates": _unlike,
    "per_source_max": _per_source,
    "length_balance": _balanced,
}


def _split(drafts: Sequence[Draft], rules: PairRules) -> list[Pair]:
    prompts: dict[str, list[Draft]] = defaultdict(list)
    for each in drafts:
        prompts[each.pair.prompt_hash].append(each)
    placed = [
        Placed(
            prompt_hash,
            frozenset(topic for each in mine for topic in each.topics),
            mine[0].prompt_text,
            frozenset(run_id for each in mine for run_id in each.pair.run_ids),
            len(mine),
        )
        for prompt_hash, mine in prompts.items()
    ]
    splits = assign_splits(placed, rules)
    return [replace(each.pair, split=splits[each.pair.prompt_hash]) for each in drafts]
