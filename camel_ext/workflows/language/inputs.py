"""The inputs of a run: checked against what the workflow declares, defaults filled in.

It says everything that is wrong at once. It does not start runs.
"""

from collections.abc import Mapping
from typing import Any

from camel_ext.core.errors import Invalid
from camel_ext.verifiers import SchemaWrong, schema_complaints
from camel_ext.workflows.language.problems import suggest
from camel_ext.workflows.language.schema import InputField, Workflow


class InputsWrong(Invalid):
    """The inputs do not fit what the workflow asks for; each is listed."""

    def __init__(self, complaints: list[str]) -> None:
        listed = "\n".join(f"- {complaint}" for complaint in complaints)
        super().__init__(f"The run was not started:\n{listed}", problems=complaints)


def field_schema(field: InputField) -> dict[str, Any]:
    """Return the JSON Schema of one input."""
    schema: dict[str, Any] = {"type": field.type}
    for key in ("enum", "items", "properties"):
        if (value := getattr(field, key)) is not None:
            schema[key] = value
    if field.description:
        schema["description"] = field.description
    if not field.required:
        schema["default"] = field.default
    return schema


def inputs_schema(workflow: Workflow) -> dict[str, Any]:
    """Return the JSON Schema of all inputs of a workflow, for forms and for the API's readers."""
    return {
        "type": "object",
        "properties": {name: field_schema(field) for name, field in workflow.inputs.items()},
        "required": sorted(name for name, field in workflow.inputs.items() if field.required),
        "additionalProperties": False,
    }


def fill_inputs(workflow: Workflow, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a run, defaults filled in, in the order the workflow declares them.

    Raises: InputsWrong with every input that is missing, unknown or does not fit.
    """
    complaints = [
        f"there is no input `{name}`. {suggest(name, workflow.inputs, 'input')}"
        for name in given
        if name not in workflow.inputs
    ]
    filled: dict[str, Any] = {}
    for name, field in workflow.inputs.items():
        if name not in given and field.required:
            about = f" ({field.description})" if field.description else ""
            complaints.append(f"the input `{name}`{about} is missing; it is a {field.type}.")
            continue
        filled[name] = given.get(name, field.default)
        if name in given:
            complaints += input_complaints(name, field, given[name])
    if complaints:
        raise InputsWrong(complaints)
    return filled


def input_complaints(name: str, field: InputField, value: Any) -> list[str]:
    """Return what about a value does not fit its input."""
    try:
        found = schema_complaints(field_schema(field), value)
    except (SchemaWrong, TimeoutError) as error:
        found = [str(error)]
    return [f"the input `{name}` does not fit: {complaint}" for complaint in found]
