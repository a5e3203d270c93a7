"""JSON in a text and JSON Schema, safely: nothing is fetched, patterns and references are bounded.

It holds the `json_schema` verifier and the few functions by which other rooms read an agent's
structured answer. It is not a code generator for schemas.
"""

import json
import re
from collections.abc import Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from pydantic import Field, JsonValue, model_validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from camel_ext.verifiers.patterns import PatternWrong, compile_pattern, search
from camel_ext.verifiers.registry import Params, verifier
from camel_ext.verifiers.verdicts import Outcome, Verdict, broken, excerpt, found, late

MAX_SCHEMA_CHARS = 64_000
MAX_REFERENCES = 2_000  # followed in one check: a small schema can nest them exponentially
MAX_COMPLAINTS = 20
_FENCE = re.compile(r"```[ \t]*(?:json|JSON)?[ \t]*\n(.*?)```", re.DOTALL)
_LEFT: ContextVar[list[int]] = ContextVar("references_left")


class NoJson(ValueError):
    """There is no JSON value in the text."""


class SchemaWrong(ValueError):
    """The schema itself cannot be used."""


def read_json(text: str) -> Any:
    """Return the JSON value in a model's answer: the whole text, a fenced block, or a part of it.

    Raises: NoJson.
    """
    candidates = [text, *(match[1] for match in _FENCE.finditer(text))]
    for candidate in candidates:
        try:
            return _loads(candidate)
        except ValueError:
            continue
    for start in _openings(text):
        try:
            return _DECODER.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            continue
    raise NoJson(f"there is no JSON in “{excerpt(text)}”")


def _openings(text: str) -> Iterator[int]:
    for count, match in enumerate(re.finditer(r"[{\[]", text)):
        if count == 50:  # each try reads on to its end: more would be quadratic
            return
        yield match.start()


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _loads(text: str) -> Any:
    try:
        return _DECODER.decode(text.strip())
    except RecursionError:
        raise ValueError("nested too deep") from None


def check_schema(schema: Any) -> None:
    """Check that a JSON Schema (draft 2020-12) can be used.

    Raises: SchemaWrong, which says where it is wrong.
    """
    try:
        text = json.dumps(schema)
    except (RecursionError, ValueError, TypeError) as error:
        raise SchemaWrong(f"the schema is not JSON: {error}") from None
    if len(text) > MAX_SCHEMA_CHARS:
        raise SchemaWrong(f"a schema has at most {MAX_SCHEMA_CHARS:,} characters")
    _check_text(text)


@lru_cache(maxsize=256)
def _check_text(text: str) -> None:
    """Check a schema that is JSON; one that was found sound is not looked at again."""
    schema = json.loads(text)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path)
        raise SchemaWrong(f"{place + ': ' if place else ''}{excerpt(error.message, 200)}") from None
    except RecursionError:
        raise SchemaWrong("the schema is nested too deep") from None
    for pattern in _patterns(schema):
        try:
            compile_pattern(pattern)
        except PatternWrong as error:
            raise SchemaWrong(f"the pattern {excerpt(pattern)!r} is wrong: {error}") from None


def schema_complaints(schema: Any, value: Any) -> list[str]:
    """Return what in a value does not fit a schema, each with its place; nothing when it fits.

    Raises: SchemaWrong; TimeoutError when a pattern or the references take too long.
    """
    check_schema(schema)
    token = _LEFT.set([MAX_REFERENCES])
    try:
        errors = []
        for error in _Bounded(schema, registry=Registry()).iter_errors(value):
            errors.append(_complaint(error))
            if len(errors) == MAX_COMPLAINTS:
                break
        return errors
    except Unresolvable as error:
        raise SchemaWrong(f"the reference {error.ref!r} leads nowhere; none is fetched") from None
    except RecursionError:
        raise SchemaWrong("the schema refers to itself without end") from None
    finally:
        _LEFT.reset(token)


def _complaint(error: ValidationError) -> str:
    place = error.json_path.removeprefix("$").removeprefix(".")
    return (f"`{place}`: " if place else "") + excerpt(error.message, 200)


def _patterns(schema: Any) -> Iterator[str]:
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if isinstance(node.get("pattern"), str):
                yield node["pattern"]
            if isinstance(node.get("patternProperties"), dict):
                yield from node["patternProperties"]
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not search(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Any, value: Any, _: Any
) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for pattern, schema in patterns.items():
            for key, entry in value.items():
                if search(pattern, key):
                    yield from validator.descend(entry, schema, path=key, schema_path=pattern)


def _counted(keyword: str) -> Any:
    follow = Draft202012Validator.VALIDATORS[keyword]

    def check(validator: Any, ref: Any, value: Any, schema: Any) -> Any:
        left = _LEFT.get()
        left[0] -= 1
        if left[0] < 0:
            raise TimeoutError(f"more than {MAX_REFERENCES:,} references were followed")
        return follow(validator, ref, value, schema)

    return check


def _unique_items(_: Any, wanted: bool, value: Any, __: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(value, list):
        distinct = {json.dumps(entry, sort_keys=True) for entry in value}  # linear, theirs is not
        if len(distinct) < len(value):
            yield ValidationError("it has an entry twice")


_Bounded: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "uniqueItems": _unique_items,
        "$ref": _counted("$ref"),
        "$dynamicRef": _counted("$dynamicRef"),
    },
)


class JsonSchemaParams(Params):
    """The schema the value must fit."""

    schema_: dict[str, JsonValue] = Field(
        alias="schema", description="JSON Schema, draft 2020-12; nothing is fetched."
    )

    @model_validator(mode="after")
    def _usable(self) -> "JsonSchemaParams":
        check_schema(self.schema_)
        return self


@verifier("json_schema", JsonSchemaParams)
def json_schema(params: JsonSchemaParams, outcome: Outcome) -> Verdict:
    """The JSON in the text (alone, in a fenced block or amid words) fits a JSON Schema."""
    try:
        value = read_json(outcome.text) if outcome.parsed is None else outcome.parsed
        complaints = schema_complaints(params.schema_, value)
    except NoJson as error:
        return found(False, str(error))
    except SchemaWrong as error:
        return broken(str(error))
    except TimeoutError as error:
        return late(f"the check took too long: {error}")
    if not complaints:
        return found(True, "the JSON fits the schema")
    return found(False, "; ".join(complaints[:5]))
