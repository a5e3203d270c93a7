"""What a version says of itself: numbers, and what a careful reader is warned of."""

from typing import Any

import pytest

from camel_ext.datasets import PairRules
from camel_ext.datasets.pairs import build_pairs
from camel_ext.datasets.preferences import Candidate
from camel_ext.datasets.statistics import Description, found_warnings
from tests.datasets.makers import answered, choice, fresh_id


def warned(candidates: list[Candidate], **rules: Any) -> set[str]:
    by = PairRules(**rules)
    pairs, found = build_pairs(candidates, by)
    description = Description()
    for pair in pairs:
        description.add(pair)
    warnings = [*description.warnings(by.eval_ratio), *found_warnings(found, len(pairs))]
    return {each["code"] for each in warnings}


def asked(count: int, *, topics: int = 20, good: str = "{} good", poor: str = "{} poor") -> Any:
    """Pairs of answers to as many prompts, all of them different."""
    return [
        answered(
            text.format(number), score, prompt=f"{number} is a number of {number} things",
            topic=f"topic {number % topics}",
        )
        for number in range(count) for text, score in ((good, 1.0), (poor, 0.0))
    ]  # fmt: skip


def test_a_version_in_good_order_warns_of_nothing() -> None:
    assert warned(asked(60)) == set()


@pytest.mark.parametrize(
    ("candidates", "code"),
    [
        (asked(20), "few_pairs"),
        (asked(60, topics=1), "nothing_held_out"),
        (asked(60, good="{} is long and longer", poor="{}"), "lopsided_length"),
        (asked(60, good="{}", poor="{} is long and longer"), "lopsided_length"),
        ([*asked(45, topics=1), *asked(60)[90:]], "dominant_topic"),
        ([*asked(40), *(answered(f"x{n}", 0.5, prompt=f"alone {n}") for n in range(50))], "silent_prompts"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(candidates: list[Candidate], code: str) -> None:
    assert code in warned(candidates)


def test_repetitions_are_named() -> None:
    question = "which of these many words are said here again and again and again"
    same = [
        answered(text, score, prompt=question + "!" * number, topic=f"t{number}")
        for number in range(20)
        for text, score in (("a good answer", 1.0), ("a poor answer", 0.0))
    ]
    assert "repetitive" in warned([*asked(40), *same])


def test_scores_that_people_contradict_are_named() -> None:
    one, other = fresh_id(), fresh_id()
    said = choice(one, other, other)
    both = [
        answered("a", 1.0, said=[said], interaction_id=one),
        answered("b", 0.0, said=[said], interaction_id=other),
    ]
    assert "overruled_scores" in warned([*asked(40), *both])


def test_spreads_are_of_characters_and_margins() -> None:
    description = Description()
    for pair in build_pairs(asked(3), PairRules(eval_ratio=0))[0]:
        description.add(pair)
    statistics = description.statistics()
    assert statistics["chosen_chars"] == {"min": 6, "median": 6, "mean": 6, "max": 6}
    assert statistics["margin"]["mean"] == 1
    assert (statistics["prompts"], statistics["topics"]) == (3, 3)
    assert statistics["chosen_longer_ratio"] is None
    assert statistics["judges"] == {"length": 3}
    assert Description().statistics()["margin"] is None
