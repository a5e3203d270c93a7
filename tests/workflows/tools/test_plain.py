"""The short way around the validator never lets anything through that the validator refuses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from camel_ext.workflows.tools import Tool

KINDS = ["string", "integer", "number", "boolean", "null"]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3),
    st.lists(st.integers(), max_size=1),
)  # fmt: skip
NAMES = st.sampled_from("abc")
SCHEMAS = st.fixed_dictionaries(
    {
        "type": st.just("object"),
        "properties": st.dictionaries(
            NAMES, st.fixed_dictionaries({"type": st.sampled_from(KINDS)}), max_size=3
        ),
        "required": st.lists(NAMES, unique=True, max_size=2),
    },
    optional={"additionalProperties": st.booleans()},
)


async def _nothing(_given: dict[str, Any], _context: Any) -> str:
    return ""


@given(SCHEMAS, st.dictionaries(NAMES, VALUES, max_size=3))
def test_what_surely_fits_does(schema: dict[str, Any], given: dict[str, Any]) -> None:
    tool = Tool("t", "T.", schema, True, _nothing)
    assert tool._plain is not None
    if tool._plain.surely_fits(given):
        assert Draft202012Validator(schema).is_valid(given)


@pytest.mark.parametrize(
    "asks_more",
    [
        {"type": "string", "minLength": 1},
        {"type": "string", "enum": ["x"]},
        {"type": ["string", "null"]},
        {"$ref": "#"},
        {},
        True,
    ],
)
def test_a_schema_that_asks_for_more_than_types_goes_to_the_validator(asks_more: Any) -> None:
    schema = {"type": "object", "properties": {"a": asks_more}}
    assert Tool("t", "T.", schema, True, _nothing)._plain is None
    assert Tool("t", "T.", {"type": "object", "minProperties": 1}, True, _nothing)._plain is None
