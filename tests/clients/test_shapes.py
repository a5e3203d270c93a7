"""The shapes of the Python client say what the OpenAPI document says, field by field."""

import importlib
import json
import types
import typing
from pathlib import Path
from typing import Any, NotRequired, get_args, get_origin, get_type_hints

import pytest

Json = dict[str, Any]
DOCUMENT: Json = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
SCHEMAS: Json = DOCUMENT["components"]["schemas"]
MODULES = ("jobs", "shapes", "shapes_annotations", "shapes_datasets", "shapes_evaluation",
           "shapes_health",
           "shapes_interactions", "training", "experiments", "schedules", "exports", "archives",
           "notifications")  # fmt: skip
NAMED = {  # where a shape is not its schema's name without Shown
    "Budgets": "BudgetsGiven",
    "Channel": "ChannelMade",
    "DatasetVersion": "camel_ext__datasets__schemas__VersionShown",
    "DependencySeen": "DependencyShown",
    "EvaluationCase": "CaseShown",
    "EvaluationCases": "CasesShown",
    "Events": "FeedPageShown",
    "InteractionRow": "InteractionListed",
    "Judge": "JudgeGiven",
    "JudgedBy": "JudgeShown",
    "Listed": "CertificateListed",
    "ListedItem": "ItemListed",
    "ModelVersion": "camel_ext__registry__schemas__VersionShown",
    "NextItem": "NextShown",
    "QueueItem": "ItemShown",
    "QueuePerson": "PersonShown",
    "Share": "TargetShown",
    "SignInCode": "SignInCodeMade",
    "SuiteVersion": "SuiteVersionListed",
    "Target": "TargetEntry",
    "Warned": "WarningShown",
    "WholeSuiteVersion": "SuiteVersionShown",
}
OURS = {"Page"}  # generic here, one for each row there


def shapes() -> dict[str, Any]:
    found = {}
    for name in MODULES:
        module = importlib.import_module(f"camel_ext_client.{name}")
        for cls in vars(module).values():
            if typing.is_typeddict(cls) and cls.__module__ == module.__name__:
                found[cls.__name__] = cls
    return {name: cls for name, cls in found.items() if name not in OURS}


def schema_of(name: str) -> Json:
    for wanted in (NAMED.get(name), f"{name}Shown", name):
        if wanted and wanted in SCHEMAS:
            found: Json = SCHEMAS[wanted]
            return found
    raise AssertionError(f"{name} is no schema of the OpenAPI document: name it in NAMED")


@pytest.mark.parametrize("name", shapes())
def test_a_shape_has_the_fields_and_kinds_of_its_schema(name: str) -> None:
    shape, properties = shapes()[name], schema_of(name)["properties"]
    hints = get_type_hints(shape)
    unsent = set() if shape.__total__ else {"null"}  # what we send is left out where it is null
    assert set(hints) == set(properties), "fields"
    wrong = {
        field: f"{hints[field]} is not {properties[field]}"
        for field in hints
        if not kinds_of_hint(hints[field]) >= kinds_of_schema(properties[field]) - unsent
    }
    assert not wrong


def kinds_of_hint(hint: Any) -> set[str]:
    """The JSON kinds that a type takes."""
    origin = get_origin(hint)
    if hint is Any:
        return {"object", "array", "string", "number", "integer", "boolean", "null"}
    if origin is NotRequired:
        return kinds_of_hint(get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return set().union(*(kinds_of_hint(each) for each in get_args(hint)))
    if origin is typing.Literal:
        return {"string"}
    if typing.is_typeddict(hint) or origin is dict:
        return {"object"}
    if origin is list:
        return {"array"}
    plain = {str: {"string"}, int: {"integer"}, float: {"number", "integer"}, bool: {"boolean"}}
    return {**plain, type(None): {"null"}}[hint]


def kinds_of_schema(schema: Json) -> set[str]:
    """The JSON kinds that the server may send."""
    if "$ref" in schema:
        return kinds_of_schema(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return set().union(*(kinds_of_schema(each) for each in schema["anyOf"]))
    return {schema["type"]} if "type" in schema else set()


def test_the_choices_of_a_word_are_those_of_its_schema() -> None:
    from camel_ext_client import shapes as base
    from camel_ext_client import shapes_evaluation as evaluation

    assert set(get_args(base.State)) == set(SCHEMAS["State"]["enum"])
    assert set(get_args(evaluation.Verdict)) == set(SCHEMAS["Verdict"]["enum"])
