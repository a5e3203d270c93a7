"""JSON in a text and JSON Schema, safely: nothing is fetched, patterns and references are bounded.

It holds the `json_schema` verifier and the few functions by which other rooms read an agent's
structured answer. It is not a code generator for schemas.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import Field, JsonValue, model_validator

from camel_ext.verifiers.registry import Params, example, verifier
from camel_ext.verifiers.verdicts import (
    Outcome,
    SchemaWrong,
    Verdict,
    broken,
    excerpt,
    found,
    late,
)

MAX_SCHEMA_CHARS = 64_000
_FENCE = re.compile(r"```[ \t]*(?:json|JSON)?[ \t]*\n(.*?)```", re.DOTALL)


class NoJson(ValueError):
    """There is no JSON value in the text."""


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
    from camel_ext.verifiers.json_schemas import check_text  # 0.1 s: with the first schema

    check_text(text)


def schema_complaints(schema: Any, value: Any) -> list[str]:
    """Return what in a value does not fit a schema, each with its place; nothing when it fits.

    Raises: SchemaWrong; TimeoutError when a pattern or the references take too long.
    """
    check_schema(schema)
    from camel_ext.verifiers.json_schemas import complaints

    return complaints(schema, value)


class JsonSchemaParams(Params):
    """The schema the value must fit."""

    model_config = example(schema={"type": "object"})

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
