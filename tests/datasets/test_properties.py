"""What holds of pairs whatever was answered and judged, and by whatever rules."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camel_ext.datasets import Pair, PairRules, Split
from camel_ext.datasets.pair import ContentHasher, text_of
from camel_ext.datasets.pairs import build_pairs
from camel_ext.datasets.preferences import Candidate
from camel_ext.datasets.similarity import NearIndex, alike, jaccard, shingles
from camel_ext.datasets.splits import own_words
from tests.datasets.makers import answers, fresh_id, rules, sentences

FEW = settings(max_examples=20, deadline=None)
MANY = settings(max_examples=200, deadline=None)


def hash_of(pairs: list[Pair]) -> str:
    hasher = ContentHasher()
    for pair in pairs:
        hasher.add(pair)
    return hasher.content_hash


def check_rules(given_answers: list[Candidate], by: PairRules) -> None:
    pairs, found = build_pairs(given_answers, by)
    per_prompt, per_run = Counter[str](), Counter[object]()
    for pair in pairs:
        chosen, rejected = text_of(pair.chosen), text_of(pair.rejected)
        assert chosen.strip() != rejected.strip()
        assert pair.margin is not None
        assert 0 < pair.margin <= 1
        assert pair.margin >= by.min_margin
        if by.min_chosen_score is not None and pair.chosen_score is not None:
            assert pair.chosen_score >= by.min_chosen_score
        if by.length_ratio_max is not None:
            assert max(len(chosen), len(rejected)) <= by.length_ratio_max * min(
                len(chosen), len(rejected)
            )
        if by.overlap_max is not None:
            assert jaccard(shingles(chosen), shingles(rejected)) < by.overlap_max
        assert pair.annotation_ids
        assert pair.judges
        per_prompt[pair.prompt_hash] += 1
        per_run.update(pair.run_ids)
    assert len({pair.pair_hash for pair in pairs}) == len(pairs)
    if by.per_prompt_max is not None:
        assert max(per_prompt.values(), default=0) <= by.per_prompt_max
    if by.per_source_max is not None:
        assert max(per_run.values(), default=0) <= by.per_source_max
    if by.length_balance is not None:
        longer = Counter(
            (len(text_of(p.chosen)) > len(text_of(p.rejected)))
            - (len(text_of(p.chosen)) < len(text_of(p.rejected)))
            for p in pairs
        )
        unequal = longer[1] + longer[-1]
        assert max(longer[1], longer[-1]) <= by.length_balance * unequal + 1e-9
    assert found.preferences == len(pairs) + found.dropped.total()


def check_sides(given_answers: list[Candidate], by: PairRules) -> None:
    pairs, _ = build_pairs(given_answers, by)
    sides = {split: [pair for pair in pairs if pair.split is split] for split in Split}
    learn, watch = sides[Split.TRAIN], sides[Split.EVAL]
    assert learn or not watch
    if by.eval_ratio == 0:
        assert not watch
    assert not {p.prompt_hash for p in learn} & {p.prompt_hash for p in watch}
    assert not {run for p in learn for run in p.run_ids} & {run for p in watch for run in p.run_ids}
    if by.split_by == "topic":
        tagged = {each.prompt_hash: set[str]() for each in given_answers}
        for each in given_answers:
            tagged[each.prompt_hash] |= {each.topic} if each.topic else set()
        assert not {t for p in learn for t in tagged[p.prompt_hash]} & {
            t for p in watch for t in tagged[p.prompt_hash]
        }
    if by.near_duplicates is not None:
        own = own_words({p.prompt_hash: text_of(p.prompt) for p in pairs})
        for one in {p.prompt_hash for p in learn}:
            for other in {p.prompt_hash for p in watch}:
                assert not alike(own[one], own[other], by.near_duplicates)


def check_unlike(given_answers: list[Candidate], by: PairRules) -> None:
    if by.near_duplicates is None:
        return
    pairs, _ = build_pairs(given_answers, by)
    parts = [[shingles(text_of(part)) for part in (p.prompt, p.chosen, p.rejected)] for p in pairs]
    for place, one in enumerate(parts):
        for other in parts[:place]:
            same = [alike(*two, by.near_duplicates) for two in zip(one, other, strict=True)]
            assert not all(same)


@given(answers(), rules)
@FEW
def test_every_pair_keeps_every_rule(given_answers: list[Candidate], by: PairRules) -> None:
    check_rules(given_answers, by)


@given(answers(), rules)
@FEW
def test_nothing_that_watches_was_learnt_from(
    given_answers: list[Candidate], by: PairRules
) -> None:
    check_sides(given_answers, by)


@given(answers(), rules)
@FEW
def test_no_two_pairs_are_nearly_the_same(given_answers: list[Candidate], by: PairRules) -> None:
    check_unlike(given_answers, by)


@pytest.mark.slow
@given(answers(), rules)
@MANY
def test_all_of_it_holds_of_many(given_answers: list[Candidate], by: PairRules) -> None:
    check_rules(given_answers, by)
    check_sides(given_answers, by)
    check_unlike(given_answers, by)


@given(answers(), rules, st.randoms(use_true_random=False))
@FEW
def test_the_order_of_what_comes_in_changes_nothing(
    given_answers: list[Candidate], by: PairRules, rng: Random
) -> None:
    shuffled = list(given_answers)
    rng.shuffle(shuffled)
    assert build_pairs(shuffled, by)[0] == build_pairs(given_answers, by)[0]


@given(answers(), rules)
@FEW
def test_the_same_said_under_other_ids_has_the_same_hash(
    given_answers: list[Candidate], by: PairRules
) -> None:
    """Two installations that were told the same hold the same version, by name."""
    again = []
    for each in given_answers:
        new = fresh_id()
        said = tuple(
            replace(judgement, id=fresh_id(), interaction_ids=(new,))
            for judgement in each.judgements
        )
        again.append(replace(each, interaction_id=new, judgements=said))
    assert hash_of(build_pairs(again, by)[0]) == hash_of(build_pairs(given_answers, by)[0])


@given(st.lists(sentences, max_size=40), st.sampled_from([0.3, 0.5, 0.7, 0.9, 1.0]))
@FEW
def test_the_index_finds_all_that_are_alike_and_no_other(said: list[str], threshold: float) -> None:
    held = [shingles(text) for text in said]
    index: NearIndex[int] = NearIndex(threshold, held)
    for place, one in enumerate(held):
        expected = [p for p in range(place) if jaccard(held[p], one) >= threshold - 1e-9]
        assert list(index.find(one)) == expected
        index.add(place, one)
