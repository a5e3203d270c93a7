"""Which preferences become pairs: one test for each way that people and checks can judge."""

from dataclasses import replace
from typing import Any

import pytest

from camel_ext.annotations import AnnotationKind, JudgeKind
from camel_ext.datasets import PairSource, Split
from camel_ext.datasets.pair import text_of
from camel_ext.datasets.preferences import CROWD, Candidate
from tests.datasets.makers import (
    ADA,
    BEN,
    answered,
    by,
    choice,
    correction,
    found_in,
    fresh_id,
    judged,
    made,
    ranking,
    texts,
    verdict,
)


def graded(**scores: float) -> list[Candidate]:
    return [answered(f"the answer {name}", score) for name, score in scores.items()]


def named(pairs: Any) -> set[tuple[str, str]]:
    """Pairs by the last letter of their texts."""
    return {(chosen[-1], rejected[-1]) for chosen, rejected in texts(pairs)}


class TestStrategies:
    def test_best_against_worst_is_one_pair(self) -> None:
        (pair,) = made(graded(a=0.9, b=0.5, c=0.1))
        assert (text_of(pair.chosen)[-1], text_of(pair.rejected)[-1]) == ("a", "c")
        assert (pair.margin, pair.chosen_score, pair.rejected_score) == (0.8, 0.9, 0.1)
        assert pair.source is PairSource.SCORES

    def test_best_against_the_rest(self) -> None:
        pairs = made(graded(a=0.9, b=0.5, c=0.1), strategy="best_vs_rest")
        assert named(pairs) == {("a", "b"), ("a", "c")}

    def test_all_that_differ_enough(self) -> None:
        pairs = made(graded(a=0.9, b=0.5, c=0.45, d=0.1), strategy="all", min_margin=0.1)
        assert named(pairs) == {
            ("a", "b"), ("a", "c"), ("a", "d"), ("b", "d"), ("c", "d"),
        }  # fmt: skip

    def test_the_widest_stay_where_a_prompt_has_too_many(self) -> None:
        pairs = made(graded(a=0.9, b=0.5, c=0.1), strategy="all", per_prompt_max=2)
        assert named(pairs)  # the margins of a-b and b-c are equal: their hashes decide
        assert ("a", "c") in named(pairs)
        assert len(pairs) == 2

    def test_answers_to_different_prompts_are_no_pair(self) -> None:
        assert made([answered("a", 1.0), answered("b", 0.0, prompt="another")]) == []

    def test_nor_are_those_that_were_offered_different_tools(self) -> None:
        tool = [{"type": "function", "function": {"name": "look"}}]
        assert made([answered("a", 1.0), answered("b", 0.0, tools=tool)]) == []


class TestMargins:
    def test_nine_tenths_less_eight_is_a_tenth(self) -> None:
        assert len(made(graded(a=0.9, b=0.8), min_margin=0.1)) == 1

    def test_less_is_too_little(self) -> None:
        found = found_in(graded(a=0.9, b=0.85), min_margin=0.1)
        assert found.dropped["min_margin"] == 1

    def test_the_better_one_must_be_good(self) -> None:
        found = found_in(graded(a=0.6, b=0.1), min_chosen_score=0.7)
        assert found.dropped["min_chosen_score"] == 1

    def test_ties_are_said_to_be_ties(self) -> None:
        found = found_in(graded(a=0.0, b=0.0, c=0.0), min_margin=0)
        assert (found.prompts_tied, found.ties, found.preferences) == (1, 3, 0)

    def test_a_single_judged_answer_is_one_sided(self) -> None:
        assert found_in([answered("a", 1.0)]).prompts_alone == 1


class TestTexts:
    def test_equal_answers_are_one(self) -> None:
        """Three said the same, and were judged the same: they are one answer, and its runs are all."""
        same = [answered("yes", 1.0, run_id=fresh_id()) for _ in range(3)]
        (pair,) = made([*same, answered("no", 0.0)])
        assert pair.chosen_interaction_id == same[0].interaction_id
        assert set(pair.run_ids) == {each.run_id for each in same}

    def test_only_spaces_apart_is_equal(self) -> None:
        found = found_in([answered("yes", 1.0), answered("yes \n", 0.0)])
        assert found.dropped["equal_texts"] == 1

    def test_a_cut_off_answer_is_not_chosen(self) -> None:
        cut = [answered("a long one", 1.0, cut=True), answered("no", 0.0)]
        assert found_in(cut).dropped["cut_chosen"] == 1
        assert len(made(cut, allow_cut_chosen=True)) == 1

    def test_but_may_be_rejected(self) -> None:
        assert len(made([answered("a long one", 0.0, cut=True), answered("no", 1.0)])) == 1

    def test_lengths_may_not_differ_too_much(self) -> None:
        long = [answered("x" * 100, 1.0), answered("y" * 10, 0.0)]
        assert found_in(long, length_ratio_max=5).dropped["length_ratio_max"] == 1
        assert len(made(long, length_ratio_max=10)) == 1

    def test_answers_that_share_most_words_teach_little(self) -> None:
        words = "one two three four five six seven eight nine ten"
        close = [answered(words, 1.0), answered(f"{words} eleven", 0.0)]
        assert found_in(close, overlap_max=0.8).dropped["overlap_max"] == 1
        assert len(made(close)) == 1

    def test_calls_of_tools_are_texts_too(self) -> None:
        def calling(name: str, score: float) -> Candidate:
            call = {"id": "1", "type": "function", "function": {"name": name, "arguments": "{}"}}
            candidate = answered("", score)
            candidate.message.update(content=None, tool_calls=[call])
            return candidate

        (pair,) = made([calling("good", 1.0), calling("bad", 0.0)])
        assert pair.chosen[0]["tool_calls"][0]["function"]["name"] == "good"


class TestRepetitions:
    def test_nearly_the_same_pair_stays_once(self) -> None:
        def asked(question: str) -> list[Candidate]:
            good = "the sky is blue because air scatters short waves of light"
            return [
                answered(f"{good} of the sun", 1.0, prompt=question),
                answered("it is painted by somebody every single morning", 0.0, prompt=question),
            ]

        question = "Tell me please why is the sky so very blue today"
        twice = [*asked(question), *asked(question + "!")]
        assert len(made(twice)) == 1
        assert found_in(twice).dropped["near_duplicates"] == 1
        assert len(made(twice, near_duplicates=None)) == 2

    def test_the_same_answers_to_different_questions_stay(self) -> None:
        def asked(question: str) -> list[Candidate]:
            return [answered("yes", 1.0, prompt=question), answered("no", 0.0, prompt=question)]

        assert len(made([*asked("is water wet"), *asked("do birds fly")])) == 2

    def test_a_run_has_a_part_in_so_many_at_most(self) -> None:
        run = fresh_id()
        many = [
            answered(f"{word} {text}", score, prompt=f"about {word}", run_id=run)
            for word in ("red", "green", "blue")
            for text, score in (("good", 1.0), ("bad", 0.0))
        ]
        assert len(made(many, per_source_max=2)) == 2

    def test_the_longer_answer_is_not_always_the_better(self) -> None:
        def pair_of(number: int, longer_is_better: bool) -> list[Candidate]:
            long, short = f"{number} " + "long " * 10, f"{number} short"
            good, bad = (long, short) if longer_is_better else (short, long)
            where = f"number {number}"
            return [answered(good, 1.0, prompt=where), answered(bad, 0.0, prompt=where)]

        many = [each for number in range(10) for each in pair_of(number, number < 8)]
        kept = made(many, length_balance=0.5)
        assert len(kept) == 4
        assert len(made(many, length_balance=0.8)) == 10


class TestJudges:
    def test_two_verifiers_are_averaged_or_the_worse_counts(self) -> None:
        def both(text: str, length: float, relevance: float) -> Candidate:
            candidate_id = fresh_id()
            said = [
                verdict(candidate_id, length, judge="length"),
                verdict(candidate_id, relevance, judge="relevance"),
            ]
            return answered(text, said=said, interaction_id=candidate_id)

        answers = [both("short nonsense", 1.0, 0.0), both("long and right", 0.4, 0.4)]
        assert texts(made(answers)) == {("short nonsense", "long and right")}
        assert texts(made(answers, combine="min")) == {("long and right", "short nonsense")}

    def test_answers_are_compared_by_what_the_same_judges_say(self) -> None:
        """One judge's half is not another's: where nobody judged both, nothing is known."""
        one, other = fresh_id(), fresh_id()
        answers = [
            answered("a", said=[verdict(one, 1.0, judge="kind")], interaction_id=one),
            answered("b", said=[verdict(other, 0.0, judge="strict")], interaction_id=other),
        ]
        found = found_in(answers)
        assert (found.preferences, found.prompts_alone) == (0, 1)

    def test_people_are_one_judge(self) -> None:
        one, other = fresh_id(), fresh_id()
        answers = [
            answered(
                "a", interaction_id=one,
                said=[judged(AnnotationKind.RATING, [one], score=1.0, **by("ada"))],
            ),
            answered(
                "b", interaction_id=other,
                said=[judged(AnnotationKind.THUMBS, [other], score=0.0, **by("ben", BEN))],
            ),
        ]  # fmt: skip
        (pair,) = made(answers)
        assert {judge.name for judge in pair.judges} == {"ada", "ben"}

    @pytest.mark.parametrize(
        ("wanted", "chosen"),
        [(None, "a"), (["length"], "a"), (["length@v1"], "a"), (["other"], "b")],
    )
    def test_only_those_named_count(self, wanted: list[str] | None, chosen: str) -> None:
        def two(text: str, mine: float, theirs: float) -> Candidate:
            candidate_id = fresh_id()
            said = [
                verdict(candidate_id, mine, version="v1-abc"),
                verdict(candidate_id, theirs, judge="other"),
            ]
            return answered(text, said=said, interaction_id=candidate_id)

        (pair,) = made([two("a", 1.0, 0.4), two("b", 0.0, 0.6)], judges=wanted)
        assert text_of(pair.chosen) == chosen

    def test_each_of_them_must_have_spoken(self) -> None:
        answers = [answered("a", 1.0), answered("b", 0.0)]
        assert made(answers, judges=["length", "relevance"]) == []

    def test_a_version_nobody_has_is_nobody(self) -> None:
        assert made(graded(a=1.0, b=0.0), judges=["length@v2"]) == []

    def test_only_kinds_that_were_asked_for(self) -> None:
        assert made(graded(a=1.0, b=0.0), judge_kinds=["person"]) == []

    def test_a_check_that_broke_says_nothing(self) -> None:
        one = fresh_id()
        broken = answered("a", said=[verdict(one, None)], interaction_id=one)
        assert made([broken, answered("b", 0.0)]) == []

    def test_of_a_crowd_the_best_and_the_worst_are_compared(self) -> None:
        crowd = [answered(f"answer {n}", n / 1000) for n in range(CROWD + 5)]
        (pair,) = made(crowd)
        assert texts([pair]) == {(f"answer {CROWD + 4}", "answer 0")}
        assert found_in(crowd).crowded == 5


class TestComparisons:
    def two(self, first: float = 0.5, second: float = 0.5) -> tuple[Candidate, Candidate]:
        return answered("a", first), answered("b", second)

    def with_said(self, two: tuple[Candidate, Candidate], *said: Any) -> list[Candidate]:
        return [replace(each, judgements=(*each.judgements, *said)) for each in two]

    def test_a_choice_makes_a_pair(self) -> None:
        one, other = two = self.two()
        said = choice(one.interaction_id, other.interaction_id, other.interaction_id)
        (pair,) = made(self.with_said(two, said))
        assert (texts([pair]), pair.source, pair.margin) == (
            {("b", "a")}, PairSource.COMPARISON, 1.0,
        )  # fmt: skip
        assert pair.annotation_ids == (said.id,)
        assert [judge.ref for judge in pair.judges] == [str(ADA)]

    def test_it_outranks_scores_and_that_is_counted(self) -> None:
        one, other = two = self.two(1.0, 0.0)
        said = choice(one.interaction_id, other.interaction_id, other.interaction_id)
        answers = self.with_said(two, said)
        assert texts(made(answers)) == {("b", "a")}
        assert found_in(answers).overruled == 1

    def test_a_tie_outranks_them_too(self) -> None:
        one, other = two = self.two(1.0, 0.0)
        answers = self.with_said(two, choice(one.interaction_id, other.interaction_id, None))
        assert made(answers) == []
        assert found_in(answers).ties == 1

    def test_several_people_vote(self) -> None:
        one, other = two = self.two()
        ids = one.interaction_id, other.interaction_id
        said = [
            choice(*ids, ids[0]), choice(*ids, ids[0], **by("ben", BEN)),
            choice(*ids, ids[1], **by("cem", fresh_id())),
        ]  # fmt: skip
        (pair,) = made(self.with_said(two, *said))
        assert texts([pair]) == {("a", "b")}
        assert pair.margin == pytest.approx(1 / 3)
        assert made(self.with_said(two, *said), min_margin=0.5) == []

    def test_a_model_that_follows_the_order_says_nothing(self) -> None:
        one, other = two = self.two()
        ids = one.interaction_id, other.interaction_id
        judge: dict[str, Any] = {"judge": "tiny", "judge_kind": JudgeKind.MODEL, "version": "1"}
        said = [choice(*ids, ids[0], **judge), choice(*ids[::-1], ids[1], **judge)]
        assert made(self.with_said(two, *said)) == []

    def test_a_ranking_makes_pairs_by_the_strategy(self) -> None:
        three = [answered(text) for text in "abc"]
        ids = [each.interaction_id for each in three]
        said = ranking([[ids[2]], [ids[0], ids[1]]])
        answers = self.with_said((three[0], three[1]), said) + self.with_said((three[2],), said)  # type: ignore[arg-type]
        assert named(made(answers, strategy="all")) == {("c", "a"), ("c", "b")}
        assert len(made(answers)) == 1

    def test_a_choice_of_what_is_not_here_is_nothing(self) -> None:
        one, other = two = self.two()
        said = choice(one.interaction_id, fresh_id(), one.interaction_id)
        assert made(self.with_said(two, said)) == []
        assert other.interaction_id not in said.interaction_ids


class TestCorrections:
    def test_the_better_text_is_chosen_over_what_it_corrects(self) -> None:
        one = fresh_id()
        said = correction(one, "Paris.")
        (pair,) = made([answered("London.", said=[said], interaction_id=one)])
        assert texts([pair]) == {("Paris.", "London.")}
        assert (pair.source, pair.margin) == (PairSource.CORRECTION, 1.0)
        assert (pair.chosen_interaction_id, pair.rejected_interaction_id) == (None, one)

    def test_it_stands_beside_the_graded_pair(self) -> None:
        one = fresh_id()
        said = [verdict(one, 0.0), correction(one, "Paris.")]
        answers = [answered("London.", said=said, interaction_id=one), answered("Rome?", 0.5)]
        assert texts(made(answers)) == {("Paris.", "London."), ("Rome?", "London.")}

    def test_the_same_one_by_two_people_is_one_pair(self) -> None:
        one = fresh_id()
        said = [correction(one, "Paris."), correction(one, "Paris.", **by("ben", BEN))]
        (pair,) = made([answered("London.", said=said, interaction_id=one)])
        assert {judge.name for judge in pair.judges} == {"ada", "ben"}

    def test_it_may_be_what_another_answer_says(self) -> None:
        one = fresh_id()
        said = [verdict(one, 0.0), correction(one, "Paris.")]
        answers = [answered("London.", said=said, interaction_id=one), answered("Paris.", 1.0)]
        (pair,) = made(answers)
        assert pair.source is PairSource.CORRECTION


class TestSplits:
    def topics(self, count: int, each: int = 2, **more: Any) -> list[Candidate]:
        return [
            answered(
                f"answer {topic} {number} {text}", score, topic=f"topic {topic}",
                prompt=f"question {number} about subject {topic}", **more,
            )
            for topic in range(count) for number in range(each)
            for text, score in (("good", 1.0), ("bad", 0.0))
        ]  # fmt: skip

    def test_whole_topics_are_held_out(self) -> None:
        pairs = made(self.topics(10), eval_ratio=0.2)
        held = {pair.topic for pair in pairs if pair.split is Split.EVAL}
        assert len(pairs) == 20
        assert len(held) == 2
        assert not held & {pair.topic for pair in pairs if pair.split is Split.TRAIN}

    def test_another_seed_holds_out_others(self) -> None:
        def held(seed: int) -> set[str]:
            pairs = made(self.topics(10), eval_ratio=0.2, seed=seed)
            return {pair.topic for pair in pairs if pair.split is Split.EVAL}

        assert len({frozenset(held(seed)) for seed in range(5)}) > 1

    def test_one_topic_holds_nothing_out(self) -> None:
        assert not [p for p in made(self.topics(1), eval_ratio=0.5) if p.split is Split.EVAL]

    def test_where_all_are_too_large_the_smallest_is_held_out(self) -> None:
        pairs = made([*self.topics(2, each=5)], eval_ratio=0.1)
        assert {p.topic for p in pairs if p.split is Split.EVAL} < {"topic 0", "topic 1"}
        assert len([p for p in pairs if p.split is Split.EVAL]) == 5

    def test_prompts_may_be_split_instead(self) -> None:
        pairs = made(self.topics(1, each=10), eval_ratio=0.2, split_by="prompt")
        assert len([p for p in pairs if p.split is Split.EVAL]) == 2

    def test_a_run_stands_on_one_side(self) -> None:
        one_run = self.topics(1, each=10, run_id=fresh_id())
        assert not [
            p for p in made(one_run, eval_ratio=0.5, split_by="prompt") if p.split is Split.EVAL
        ]

    def test_long_instructions_do_not_make_all_prompts_alike(self) -> None:
        rules = " ".join(f"rule number {n} says be kind" for n in range(60))
        many = [
            answered(f"{text} {word}", score, prompt=f"{rules} Now: what about {word} things?")
            for word in ("red", "green", "blue", "old", "new", "big", "small", "wet", "dry", "hot")
            for text, score in (("good", 1.0), ("bad", 0.0))
        ]
        assert [p for p in made(many, eval_ratio=0.2) if p.split is Split.EVAL]
