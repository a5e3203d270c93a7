"""Each verifier on right, wrong and hostile outcomes; errors and timeouts are never failures."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from camel_ext.core.threads import ThreadLanes
from camel_ext.verifiers import (
    Outcome,
    UnknownVerifier,
    Verdict,
    VerifierParamsWrong,
    list_verifiers,
    verify,
)
from camel_ext.verifiers.registry import Params, verifier
from camel_ext.verifiers.texts import numbers_in

PASSED, FAILED, ERROR, TIMEOUT = "passed", "failed", "error", "timeout"
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "id": {"pattern": "^[a-z]+$"}},
    "required": ["n"],
}


@pytest.mark.parametrize(
    ("name", "params", "text", "state"),
    [
        ("exact", {"expected": "Paris"}, " Paris\n", PASSED),
        ("exact", {"expected": "paris"}, "Paris", FAILED),
        ("exact", {"expected": "paris", "normalise": ["case", "punctuation"]}, "Paris!", PASSED),
        ("exact", {"expected": "a b", "normalise": ["spaces"]}, "a \n b ", PASSED),
        ("exact", {"expected": "uber", "normalise": ["accents"]}, "\u00fcber", PASSED),
        ("exact", {"expected": ["yes", "no"]}, "no", PASSED),
        ("exact", {"expected": 42}, "42", PASSED),
        ("exact", {"expected": True}, "true", PASSED),
        ("exact", {"expected": "x", "normalise": []}, "x ", FAILED),
        ("exact", {"expected": "x", "normalise": ["quotes"]}, '"x"', PASSED),
        ("contains", {"all": ["Paris", "France"]}, "paris, FRANCE", PASSED),
        ("contains", {"all": ["Paris"], "normalise": []}, "paris", FAILED),
        ("contains", {"any": ["x", "y"], "none": ["z"]}, "y", PASSED),
        ("contains", {"any": ["x", "y"], "none": ["z"]}, "yz", FAILED),
        ("contains", {"none": ["z"]}, "", PASSED),
        ("regex", {"pattern": r"\d+"}, "a 12", PASSED),
        ("regex", {"pattern": r"\d+", "whole": True}, "a 12", FAILED),
        ("regex", {"pattern": "A$", "flags": "im"}, "a\nb", PASSED),
        ("regex", {"pattern": "TODO", "absent": True}, "done", PASSED),
        ("regex", {"pattern": "TODO", "absent": True}, "TODO", FAILED),
        ("numeric", {"expected": 42}, "so 6 x 7 = 42.", PASSED),
        ("numeric", {"expected": 42}, "42, or 43", FAILED),
        ("numeric", {"expected": 42, "take": "first"}, "42, or 43", PASSED),
        ("numeric", {"expected": 42, "take": "only"}, "42, or 43", FAILED),
        ("numeric", {"expected": 3.14, "tolerance": 0.01}, "about 3.141", PASSED),
        ("numeric", {"expected": 100, "relative": 0.02}, "98.5", PASSED),
        ("numeric", {"expected": "1,234.5"}, "$1,234.50", PASSED),
        ("numeric", {"expected": 1}, "none", FAILED),
        ("json_schema", {"schema": SCHEMA}, '{"n": 1}', PASSED),
        ("json_schema", {"schema": SCHEMA}, 'Here:\n```json\n{"n": 1}\n```\nDone.', PASSED),
        ("json_schema", {"schema": SCHEMA}, 'I say {not} {"n": 1} so', PASSED),
        ("json_schema", {"schema": SCHEMA}, '{"n": "1"}', FAILED),
        ("json_schema", {"schema": SCHEMA}, '{"n": 1, "id": "A"}', FAILED),
        ("json_schema", {"schema": SCHEMA}, "no json", FAILED),
        ("json_schema", {"schema": SCHEMA}, "NaN", FAILED),
        ("json_schema", {"schema": {"uniqueItems": True}}, '[{"a": 1}, {"a": 1}]', FAILED),
        (
            "json_schema",
            {"schema": {"patternProperties": {"^n": {"type": "null"}}}},
            '{"no": 1}',
            FAILED,
        ),
        (
            "json_schema",
            {"schema": {"patternProperties": {"^n": {"type": "null"}}}},
            '{"x": 1}',
            PASSED,
        ),
        ("length", {"max": 3}, "one two three", PASSED),
        ("length", {"max": 2}, "one two three", FAILED),
        ("length", {"min": 4}, "one two three", FAILED),
        ("length", {"unit": "sentences", "min": 2, "max": 2}, "One 1.5. Two! ", PASSED),
        ("length", {"unit": "characters", "max": 3}, "abcd", FAILED),
        ("length", {"unit": "lines", "max": 2}, "a\n\nb\n", PASSED),
    ],
)
async def test_what_passes_and_what_fails(
    name: str, params: dict[str, Any], text: str, state: str
) -> None:
    verdict = await verify(name, params, Outcome(text))
    assert verdict.state == state
    assert verdict.passed is (state == PASSED)
    assert 0 <= verdict.score <= 1
    assert verdict.reason


async def test_reasons_are_for_people() -> None:
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("exact", {"expected": ["a", "b"]}, "c " * 80),
        ("contains", {"all": ["x"], "any": ["y"], "none": ["a"]}, "abc"),
        ("regex", {"pattern": "x"}, "abc"),
        ("numeric", {"expected": 5}, "4"),
        ("json_schema", {"schema": SCHEMA}, '{"n": "1", "id": "A"}'),
        ("length", {"max": 1}, "a b c"),
    ]
    reasons = [(await verify(name, params, Outcome(text))).reason for name, params, text in asked]
    assert reasons == snapshot(
        [
            "expected “a” or another, got “c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c…”",
            "missing: “x”; none of these: “y”; not wanted: “a”",
            "the pattern does not match",
            "got 4, expected 5",
            "`n`: '1' is not of type 'integer'; `id`: 'A' does not match '^[a-z]+$'",
            "3 words, at most 1 wanted",
        ]
    )


async def test_scores_are_finer_than_passed() -> None:
    some = await verify("contains", {"all": ["a", "b", "c", "d"]}, Outcome("a b c"))
    assert (some.passed, some.score) == (False, 0.75)
    long = await verify("length", {"max": 10}, Outcome("w " * 20))
    assert (long.passed, long.score) == (False, 0.5)


async def test_a_value_that_is_read_already_is_not_read_again() -> None:
    verdict = await verify("json_schema", {"schema": SCHEMA}, Outcome("free words", {"n": 1}))
    assert verdict.passed


def part(name: str, weight: float = 1.0, **params: Any) -> dict[str, Any]:
    return {"verify": name, "params": params, "weight": weight}


SLOW = part("regex", pattern="(a+)+$")
GOOD = part("contains", all=["a"])
BAD = part("contains", all=["z"])


@pytest.mark.parametrize(
    ("name", "checks", "state", "score"),
    [
        ("all_of", [GOOD, GOOD], PASSED, 1.0),
        ("all_of", [GOOD, part("contains", 3.0, all=["z"])], FAILED, 0.25),
        ("all_of", [SLOW, BAD], FAILED, 0.0),
        ("all_of", [SLOW, GOOD], TIMEOUT, 0.0),
        ("any_of", [BAD, GOOD], PASSED, 1.0),
        ("any_of", [BAD, BAD], FAILED, 0.0),
        ("any_of", [SLOW, GOOD], PASSED, 1.0),
        ("any_of", [SLOW, BAD], TIMEOUT, 0.0),
        ("all_of", [part("any_of", checks=[BAD, GOOD]), GOOD], PASSED, 1.0),
        ("all_of", [part("camel", verifier="math", expected="1")], ERROR, 0.0),
    ],
)
async def test_compositions_keep_undecided_apart_from_failed(
    name: str, checks: list[dict[str, Any]], state: str, score: float
) -> None:
    verdict = await verify(name, {"checks": checks}, Outcome("a" * 5_000 + "!"))
    assert (verdict.state, verdict.score) == (state, score)
    assert verdict.passed is {PASSED: True, FAILED: False}.get(state)


EXPONENTIAL = {
    "$defs": {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(30)
    }
    | {"d30": {}},
    "$ref": "#/$defs/d0",
}
HOSTILE: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "backtracking": ("regex", {"pattern": "(a+)+$"}, "a" * 5000 + "!", TIMEOUT),
    "alternatives": ("regex", {"pattern": "(a|aa)+$"}, "a" * 900_000 + "!", TIMEOUT),
    "pattern in schema": (
        "json_schema", {"schema": {"pattern": "(a+)+$"}}, '"' + "a" * 5000 + '!"', TIMEOUT,
    ),
    "references": ("json_schema", {"schema": EXPONENTIAL}, "1", TIMEOUT),
    "endless reference": ("json_schema", {"schema": {"$ref": "#"}}, "1", ERROR),
    "remote reference": ("json_schema", {"schema": {"$ref": "http://127.0.0.1:9/x"}}, "1", ERROR),
    "file reference": ("json_schema", {"schema": {"$ref": "file:///etc/passwd"}}, "1", ERROR),
    "deep json": ("json_schema", {"schema": {}}, "[" * 100_000, FAILED),
    "many openings": ("json_schema", {"schema": {}}, "{" * 300_000, FAILED),
    "many entries": (
        "json_schema",
        {"schema": {"uniqueItems": True}},
        "[" + ",".join(f'{{"a": {n}}}' for n in range(20_000)) + "]",
        PASSED,
    ),
    "long text": ("length", {"max": 3}, "a" * 1_000_001, ERROR),
    "digits": ("numeric", {"expected": 1}, "9" * 900_000, FAILED),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_outcomes_end_soon_and_are_not_called_failed(name: str) -> None:
    kind, params, text, state = HOSTILE[name]
    began = time.perf_counter()
    assert (await verify(kind, params, Outcome(text))).state == state
    assert time.perf_counter() - began < 4


async def test_wrong_parameters_in_words() -> None:
    deep: dict[str, Any] = GOOD
    for _ in range(6):
        deep = part("all_of", checks=[deep])
    asked: list[tuple[str, dict[str, Any]]] = [
        ("exact", {}),
        ("exact", {"expectation": "x", "expected": "y"}),
        ("exact", {"expected": "x", "normalise": ["upper"]}),
        ("contains", {}),
        ("regex", {"pattern": "("}),
        ("regex", {"pattern": "(((a{1000}){1000}){1000})"}),
        ("regex", {"pattern": "(a(?R)?)+"}),
        ("regex", {"pattern": "a", "flags": "q"}),
        ("numeric", {"expected": "many"}),
        ("length", {"min": 3, "max": 2}),
        ("json_schema", {"schema": {"type": "objects"}}),
        ("json_schema", {"schema": {"pattern": "("}}),
        ("all_of", {"checks": []}),
        ("all_of", {"checks": [part("exact")]}),
        ("all_of", deep["params"]),
        ("camel", {"verifier": "python", "expected": "1"}),
    ]
    said = []
    for name, params in asked:
        with pytest.raises(VerifierParamsWrong) as caught:
            await verify(name, params, Outcome(""))
        said.append(str(caught.value))
    assert said == snapshot(
        [
            "The verifier `exact` cannot work so: `expected` is missing. It takes: expected, normalise.",
            "The verifier `exact` cannot work so: `expectation` is not a parameter. It takes: expected, normalise.",
            "The verifier `exact` cannot work so: `normalise.0`: must be 'trim', 'spaces', 'case', 'punctuation', 'accents' or 'quotes'. It takes: expected, normalise.",
            "The verifier `contains` cannot work so: `parameters`: give `all`, `any` or `none`. It takes: all, any, none, normalise.",
            "The verifier `regex` cannot work so: `parameters`: not a regular expression: missing ) at position 1. It takes: pattern, flags, whole, absent.",
            "The verifier `regex` cannot work so: `parameters`: its counted repeats multiply to more than 1,000. It takes: pattern, flags, whole, absent.",
            "The verifier `regex` cannot work so: `parameters`: a pattern cannot call itself or a group. It takes: pattern, flags, whole, absent.",
            "The verifier `regex` cannot work so: `parameters`: `q` is not a flag: there are i, m and s. It takes: pattern, flags, whole, absent.",
            "The verifier `numeric` cannot work so: `parameters`: `expected` is not one number: many. It takes: expected, tolerance, relative, take.",
            "The verifier `length` cannot work so: `parameters`: `max` is less than `min`. It takes: unit, min, max.",
            "The verifier `json_schema` cannot work so: `parameters`: type: 'objects' is not valid under any of the given schemas. It takes: schema.",
            "The verifier `json_schema` cannot work so: `parameters`: pattern: '(' is not a 'regex'. It takes: schema.",
            "The verifier `all_of` cannot work so: `checks`: list should have at least 1 item after validation, not 0. It takes: checks.",
            "The verifier `exact` cannot work so: `expected` is missing. It takes: expected, normalise.",
            "The verifier `all_of` cannot work so: `parameters`: checks are nested more than 4 deep. It takes: checks.",
            "The verifier `camel` cannot work so: `verifier`: must be 'math'. It takes: verifier, expected, timeout_s.",
        ]
    )


async def test_an_unknown_verifier_names_those_there_are() -> None:
    with pytest.raises(UnknownVerifier, match="There are: all_of, any_of, camel, contains, exact"):
        await verify("exakt", {}, Outcome(""))


async def test_pure_checks_run_on_a_thread_when_there_are_threads() -> None:
    threads = ThreadLanes({"work": 1})
    try:
        verdict = await verify("exact", {"expected": "a"}, Outcome("a"), threads=threads)
    finally:
        threads.close()
    assert verdict == Verdict("passed", 1.0, "the text is as expected")


def test_every_verifier_describes_itself_and_its_parameters() -> None:
    for kind in list_verifiers():
        assert kind.description.endswith(".")
        described = kind.params_schema["properties"].values()
        assert all("description" in field for field in described)


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="two verifiers are called 'exact'"):
        verifier("exact", Params)(lambda params, outcome: Verdict("passed", 1.0, ""))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,234.5 and -3e2", [1234.5, -300.0]),
        ("50% of x2 v1.2.3", [0.5]),
        ("10-12", [10.0, 12.0]),
        ("$5, \\boxed{7}, .5.", [5.0, 7.0, 0.5]),
        ("a\u22121 b \u22122", [1.0, -2.0]),
        ("1e999", []),
    ],
)
def test_numbers_are_found_as_people_write_them(text: str, numbers: list[float]) -> None:
    assert numbers_in(text) == numbers


@given(st.integers(-(10**12), 10**12))
def test_any_integer_is_found_plain_and_with_commas(number: int) -> None:
    assert numbers_in(f"it is {number}.") == [float(number)]
    assert numbers_in(f"it is {number:,}.") == [float(number)]


def test_an_exponent_alone_is_no_number() -> None:
    assert numbers_in("E0, e5 and .5e1, 2E3") == [5.0, 2000.0]


@given(st.text(max_size=60))
def test_any_text_has_numbers_or_none(text: str) -> None:
    assert all(isinstance(number, float) for number in numbers_in(text))
