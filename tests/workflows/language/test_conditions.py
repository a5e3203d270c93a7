"""Conditions, scores, outputs: what they give, what they refuse, and that none runs away."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from camel_ext.workflows.language.conditions import (
    ConditionWrong,
    compile_condition,
    evaluate,
    is_true,
    score,
)

CONTEXT: dict[str, Any] = {
    "input": {"goal": "x", "n": 3},
    "steps": {
        "review": {
            "text": "APPROVED yes",
            "score": 0.5,
            "passed": None,
            "parsed": {"approved": True},
        }
    },
    "round": 2,
    "rounds": [{"a": {"score": 1}}, {"a": {"score": 2}}],
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("steps.review.parsed.approved", True),
        ("steps['review'].text", "APPROVED yes"),
        ("round >= 2 && size(rounds) == 2", True),
        ("steps.review.text.contains('APPROVED')", True),
        ("steps.review.text.matches('^APP.*s$')", True),
        ("has(steps.review.nothing)", False),
        ("steps.review.passed == null", True),
        ("rounds.map(r, r.a.score)", [1, 2]),
        ("rounds.exists(r, r.a.score == 2)", True),
        ("rounds[size(rounds) - 1].a.score", 2),
        ("{'answer': steps.review.text, 'n': input.n}", {"answer": "APPROVED yes", "n": 3}),
        ("steps.review.passed != null && steps.review.passed.yes", False),
        ("input.n > 2 ? 'many' : 'few'", "many"),
        ("double(input.n) * 1.5", 4.5),
    ],
)
def test_expressions_give(expression: str, value: object) -> None:
    assert evaluate(expression, CONTEXT) == value


def test_conditions_give_bools_and_scores_numbers() -> None:
    assert is_true("round > 1", CONTEXT) is True
    assert score("steps.review.score", CONTEXT) == 0.5
    assert score("steps.review.parsed.approved", CONTEXT) == 1.0


WRONG = [
    "1 +",
    "",
    "a.b[",
    "'open",
    "steps.reviews.text",
    "nope == 1",
    "steps.review.passed.approved",
    "steps.review.text.words == 1",
    "steps.review.text.lowerAscii()",
    "matches(steps.review.text, 'A')",
    "round + 1.5",
    "input.goal && true",
    "rounds[5]",
    "1 / 0",
    "9223372036854775807 + 1",
    "timestamp('2020-01-01T00:00:00Z')",
    "b'abc'",
    "double('NaN')",
    "{1: 2}",
    "(" * 500 + "1" + ")" * 500,
    "steps.review.text.matches(input.goal)",
    "steps.review.text.matches('(((a{100}){100}){100})')",
    "__import__('os')",
]


def test_wrong_expressions_say_what_is_wrong() -> None:
    assert {shown(e): complaint(e, evaluate) for e in WRONG} == snapshot(
        {
            "1 +": "1:4 not a CEL expression: it ends too early.",
            "": "1:1 not a CEL expression: it ends too early.",
            "a.b[": "1:1 not a CEL expression: it is incomplete.",
            "'open": "1:1 not a CEL expression: `'open` cannot be read.",
            "steps.reviews.text": "1:1 there is no `reviews` here. Did you mean `review`?",
            "nope == 1": "1:1 `nope` is not defined here. Known names: `input`, `round`, `rounds`, `steps`.",
            "steps.review.passed.approved": "1:1 `steps.review.passed` is null here, so it has no `approved`. Ask first: `steps.review.passed != null && ...`.",
            "steps.review.text.words == 1": "1:1 `steps.review.text` is a text here, so it has no `words`.",
            "steps.review.text.lowerAscii()": "1:1 `lowerAscii` is not defined here. Known names: `input`, `round`, `rounds`, `steps`.",
            "matches(steps.review.text, 'A')": "1:1 `matches` does not fit here. Call it on a value: `x.matches(...)`.",
            "round + 1.5": "1:1 the types do not fit: CEL mixes no text, number, true/false and null, and adds no integer to a decimal. Convert with double(x), int(x) or string(x); ask `x == null`.",
            "input.goal && true": "1:1 the types do not fit: CEL mixes no text, number, true/false and null, and adds no integer to a decimal. Convert with double(x), int(x) or string(x); ask `x == null`.",
            "rounds[5]": "1:1 there is no such entry: index out of bounds: 5. Ask size(x) first.",
            "1 / 0": "1:1 division by zero.",
            "9223372036854775807 + 1": "1:1 this cannot be computed: Arithmetic overflow in 'add' on 9223372036854775807 and 1.",
            "timestamp('2020-01-01T00:00:00Z')": "1:1 the result is a datetime, which JSON cannot say; use string(x).",
            "b'abc'": "1:1 the result is bytes, which JSON cannot say; use string(x).",
            "double('NaN')": "1:1 the result is not a finite number.",
            "{1: 2}": "1:1 a mapping in the result needs texts as keys.",
            "((((((((((((((((((((...": "1:1 it is nested too deep.",
            "steps.review.text.matches(input.goal)": "1:19 the pattern of matches() must be written out, as `x.matches('^yes')`; use a `verify: regex` step for a computed one.",
            "steps.review.text.matches('(((a{100}){100}){100})')": "1:19 the pattern is too large: at most 300 characters and 1000 repeats.",
            "__import__('os')": "1:1 `__import__` is not defined here. Known names: `input`, `round`, `rounds`, `steps`.",
        }
    )


def test_values_of_the_wrong_kind_say_so() -> None:
    assert [
        complaint("steps.review.text", is_true),
        complaint("steps.review.passed", is_true),
        complaint("steps.review.passed", score),
        complaint("rounds", score),
    ] == snapshot(
        [
            "1:1 a condition must give true or false, this one gave a text. Compare it: `x == ...`, `x != null`, `size(x) > 0`.",
            "1:1 a condition must give true or false, this one gave null. Compare it: `x == ...`, `x != null`, `size(x) > 0`.",
            "1:1 a score must be a number, this one is null. Give what has none a value: `x == null ? 0.0 : x`.",
            "1:1 a score must be a number, this one is a list. Give what has none a value: `x == null ? 0.0 : x`.",
        ]
    )


def shown(expression: str) -> str:
    return expression if len(expression) < 60 else expression[:20] + "..."


def complaint(expression: str, function: Any) -> str:
    with pytest.raises(ConditionWrong) as caught:
        function(expression, CONTEXT)
    return f"{caught.value.line}:{caught.value.column} {caught.value}"


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BIG = {"input": {"l": list(range(2_000)), "t": "x" * 5_000_000, "deep": deep(60_000)}}
HOSTILE = {
    "nested": "input.l.all(a, input.l.all(b, a + b >= 0))",
    "nested far": "input.l.all(a, input.l.all(b, input.l.all(c, true)))",
    "spaced": "input.l . all ( a , input.l . all ( b , true ) )",
    "commented": "input.l.all //(\n(a, input.l.all(b, true))",
    "chained": "[1].map(a, [a, a])" + ".map(a, [a, a])" * 80,
    "lists double": "[input.l]" + ".map(a, a + a)" * 100,
    "own list": "[" + ",".join("1" * 400) + "].map(a, [1,1,1,1].map(b, [1,1,1,1].map(c, [a,b,c])))",
    "text": "input.l.all(a, input.t.contains('y'))",
    "copies": "[" + "input.t," * 200 + "1]",
    "too deep": "input.deep == input.deep",
    "regex": "input.l.all(a, 'x'.matches('((a{90}){90})'))",
    "length": "1" + " + 1" * 600,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_expressions_end_soon(name: str) -> None:
    given = BIG if name == "too deep" else {"input": {**BIG["input"], "deep": 1}}
    began = time.thread_time()
    with pytest.raises(ConditionWrong):
        evaluate(HOSTILE[name], given)
    assert time.thread_time() - began < 2


def test_the_largest_expression_that_is_allowed_ends_soon() -> None:
    began = time.thread_time()
    assert evaluate("l.all(a, l.all(b, a >= 0 || b < 0))".replace("l.", "input.l."),
                    {"input": {"l": list(range(440))}}) is True  # fmt: skip
    assert time.thread_time() - began < 1


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["input", "steps", ".goal", ".n", "[", "]", "(", ")", "'a'", "1", "+",
                                 " && ", "!", "?", ":", ".map(x, ", "size(", "{", "}", ",", "rounds",
                                 " in ", "==", "-", "\n", "\"", "null", ".1"]), max_size=12))  # fmt: skip
def test_any_expression_is_a_value_or_an_expression_error(parts: list[str]) -> None:
    try:
        evaluate("".join(parts), CONTEXT)
    except ConditionWrong:
        return


def test_references_are_found_and_bound_names_are_not() -> None:
    found = compile_condition(
        "rounds.exists(r, r.x == steps.a['text']) && has(input.z)\n"
        "&& rounds[size(rounds) - 1].b.text == \"steps.q\" && {'input': input.goal}.input == ''"
    ).references
    assert [(r.chain, r.line, r.optional) for r in found] == [
        (("rounds",), 1, False),
        (("steps", "a", "text"), 1, False),
        (("input", "z"), 1, True),
        (("rounds", None, "b", "text"), 2, False),
        (("rounds",), 2, False),
        (("input", "goal"), 2, False),
    ]
