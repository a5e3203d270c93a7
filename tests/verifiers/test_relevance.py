"""Relevance by rule: what keeps to a question passes, and each way of saying nothing fails."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camel_ext.verifiers import Outcome, VerifierParamsWrong, verify
from camel_ext.verifiers.relevance import stem_of, words_of

SKY, FLY = "Why is the sky blue?", "How do birds fly?"


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (SKY, "The sky is blue because air scatters short light waves."),
        (SKY, "Blueness comes from scattered sunlight."),
        (FLY, "Birds fly by flapping their wings to create lift."),
        (FLY, "A bird flaps its wings."),
        ("What is a volcano?", "Volcanic mountains spit out hot lava and ash."),
        ("What is the capital of France?", "It is Paris, France's largest city."),
        ("What happened in 1969?", "In 1969 people walked on the Moon."),
        ("Was ist ein Fluß?", "Ein Fluss ist fließendes Wasser in einem Bett."),
        ("What is this?", "Nobody can tell from here, sadly."),  # nothing there to share
    ],
)
async def test_an_answer_passes(asked: str, text: str) -> None:
    verdict = await verify("relevance", {"to": asked}, Outcome(text))
    assert verdict.passed, verdict.reason
    assert verdict.score == 1.0


@pytest.mark.parametrize(
    ("asked", "text", "why"),
    [
        (SKY, "", "of words there are 0"),
        (SKY, "Yes.", "of words there are 1"),
        (SKY, "Blue blue blue blue blue", "times in a row"),
        (SKY, "blue sky blue air blue cloud blue", "is 4 of 7 words"),
        (SKY, "The sky is blue, a blue sky.", "nothing that was not in the question"),
        (SKY, "I cannot answer questions about the sky.", "it declines"),
        (SKY, "I\u2019m sorry, the sky is not something to talk of.", "it declines"),
        (SKY, "xkcd qwrtz pfff sky bluuue", "words are none"),
        (SKY, "sky " + "x" * 40 + " wq3r9t " + "zz0z0z0z", "words are none"),
        (SKY, "Bananas are a great source of potassium.", "shares no word"),
        (FLY, ("the birds fly high and " * 20), "it repeats itself"),
    ],
)
async def test_nonsense_fails(asked: str, text: str, why: str) -> None:
    verdict = await verify("relevance", {"to": asked}, Outcome(text))
    assert verdict.passed is False
    assert verdict.score == 0.0
    assert why in verdict.reason


async def test_other_words_may_show_that_it_keeps_to_the_subject() -> None:
    asked, text = "Where do rivers begin?", "They start as springs, high up in the mountains."
    assert not (await verify("relevance", {"to": asked}, Outcome(text))).passed
    params = {"to": asked, "also": ["mountain", "spring"]}
    assert (await verify("relevance", params, Outcome(text))).passed
    assert not (await verify("relevance", {**params, "min_shared": 3}, Outcome(text))).passed


@pytest.mark.parametrize(
    ("one", "other"),
    [("rivers", "river"), ("running", "run"), ("salty", "salt"), ("waves", "wave"),
     ("largest", "large"), ("bird's", "birds"), ("classes", "class")],
)  # fmt: skip
def test_endings_do_not_matter(one: str, other: str) -> None:
    assert stem_of(one) == stem_of(other)


async def test_parameters_are_checked() -> None:
    with pytest.raises(VerifierParamsWrong, match="`to` is missing"):
        await verify("relevance", {}, Outcome("x"))
    with pytest.raises(VerifierParamsWrong, match="`min_words`"):
        await verify("relevance", {"to": "x", "min_words": 0}, Outcome("x"))


@given(st.text(max_size=300), st.text(min_size=1, max_size=100))
async def test_any_text_gets_the_same_verdict_twice(text: str, asked: str) -> None:
    first = await verify("relevance", {"to": asked}, Outcome(text))
    assert first == await verify("relevance", {"to": asked}, Outcome(text))
    assert first.state in ("passed", "failed")
    assert all(word == word.casefold() for word in words_of(text))


async def test_a_hostile_text_takes_no_time() -> None:
    began = time.process_time()
    for text in ("a" * 900_000, "ab " * 300_000, "'-" * 400_000, "\u0301" * 900_000):
        await verify("relevance", {"to": text[:20_000]}, Outcome(text))
    assert time.process_time() - began < 2.0
