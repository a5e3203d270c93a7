"""Checks what a run is given against what its workflow asks for.

It fills in defaults and says, field by field, what was wrong and what would be right. It is not the
language's own check, which looks at files.
"""

from difflib import get_close_matches
from typing import Any

from camel_ext.workflows.errors import InputInvalid
from camel_ext.workflows.language.schema import InputField, Workflow

Json = dict[str, Any]


def checked_input(workflow: Workflow, given: Json) -> Json:
    """Return the input with defaults filled in.

    Raises: InputInvalid with every problem, by field.
    """
    problems = [_unknown(name, workflow) for name in given if name not in workflow.inputs]
    filled: Json = {}
    for name, field in workflow.inputs.items():
        if name in given:
            filled[name] = given[name]
            problems += _misfits(name, given[name], field)
        elif field.required:
            problems.append({"field": f"input.{name}", "wrong": f"missing: give {_asked(field)}"})
        else:
            filled[name] = field.default
    if problems:
        told = "; ".join(f"{each['field']}: {each['wrong']}" for each in problems)
        raise InputInvalid(told, errors=problems)
    return filled


def _unknown(name: str, workflow: Workflow) -> Json:
    near = get_close_matches(name, workflow.inputs, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"it takes {sorted(workflow.inputs)}"
    return {"field": f"input.{name}", "wrong": f"the workflow has no such input; {hint}"}


def _asked(field: InputField) -> str:
    about = f" ({field.description})" if field.description else ""
    return f"a value of type {field.type}{about}"


def _misfits(name: str, value: Any, field: InputField) -> list[Json]:
    from jsonschema import Draft202012Validator  # 0.1 s to import: paid by the first run

    schema = field.model_dump(exclude_none=True, include={"type", "enum", "items", "properties"})
    return [
        {
            "field": ".".join(["input", name, *map(str, error.absolute_path)]),
            "wrong": error.message[:300],
        }
        for error in Draft202012Validator(schema).iter_errors(value)
    ]
