"""JSON Schema, draft 2020-12, bounded: how many references are followed, how long a pattern takes.

Imported with the first schema that is used, because the library behind it costs a start 0.1 s. Its
face is `json_values`, which also reads JSON in texts.
"""

import json
from collections.abc import Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from camel_ext.verifiers.patterns import PatternWrong, compile_pattern, search
from camel_ext.verifiers.verdicts import SchemaWrong, excerpt

MAX_REFERENCES = 2_000  # followed in one check: a small schema can nest them exponentially
MAX_COMPLAINTS = 20
_LEFT: ContextVar[list[int]] = ContextVar("references_left")


@lru_cache(maxsize=256)
def check_text(text: str) -> None:
    """Check a schema that is JSON; one that was found sound is not looked at again.

    Raises: SchemaWrong.
    """
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


def complaints(schema: Any, value: Any) -> list[str]:
    """Return what in a value does not fit a sound schema, each with its place.

    Raises: SchemaWrong; TimeoutError when a pattern or the references take too long.
    """
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
