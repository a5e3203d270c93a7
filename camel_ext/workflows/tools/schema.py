"""From a typed Python function to what a model is told about it: description and JSON schema.

Sources are the signature, the type hints and a Google-style docstring. Not here: calling the
function, and judging whether the description is any good.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from camel_ext.workflows.tools.errors import ToolBroken

_SECTION = re.compile(r"^(Args|Arguments|Returns|Raises|Yields|Example|Examples|Note):\s*$")
_ARGUMENT = re.compile(r"^(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


def describe(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """Return the docstring's description and its sentence for each argument."""
    sections: dict[str, list[str]] = {"": []}
    name = ""
    for line in (inspect.getdoc(function) or "").splitlines():
        found = _SECTION.match(line)
        if found:
            name = found[1]
        sections.setdefault(name, []).append(line)
    lines = sections.get("Args", sections.get("Arguments", []))[1:]
    return "\n".join(sections[""]).strip(), _arguments(lines)


def _arguments(lines: list[str]) -> dict[str, str]:
    block = inspect.cleandoc("\n" + "\n".join(lines)).splitlines()
    said: dict[str, str] = {}
    name = ""
    for line in block:
        found = None if line.startswith(" ") else _ARGUMENT.match(line)
        if found:
            name, said[found[1]] = found[1], found[2]
        elif name and line.strip():
            said[name] = f"{said[name]} {line.strip()}".strip()
    return said


def arguments_model(
    function: Callable[..., Any], said: dict[str, str], injected: str | None
) -> type[BaseModel]:
    """Return a model of the function's parameters; `injected` is the one that no model fills in.

    Raises: ToolBroken when a parameter has no type hint or cannot be given by name.
    """
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if parameter.name == injected:
            continue
        _refuse_unusable(function, parameter)
        default = ... if parameter.default is parameter.empty else parameter.default
        told = Field(default, description=said.get(parameter.name))
        fields[parameter.name] = (parameter.annotation, told)
    return create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def _refuse_unusable(function: Callable[..., Any], parameter: inspect.Parameter) -> None:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise ToolBroken(
            f"The tool {function.__name__} takes {parameter}, but a model gives every argument by "
            "its name. Give each argument a name and a type of its own."
        )
    if parameter.annotation is parameter.empty:
        raise ToolBroken(
            f"The tool {function.__name__} does not say what type its argument {parameter.name} "
            f"has, so no model can be told. Write for example `{parameter.name}: str`."
        )


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the model's JSON schema without the titles, which only cost tokens."""
    schema = model.model_json_schema()
    bare: dict[str, Any] = _without_titles(schema)
    bare.setdefault("properties", {})
    return bare


def _without_titles(node: Any, names: bool = False) -> Any:
    """Drop `title` keywords; under `properties` and `$defs` the keys are names, not keywords."""
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_titles(value, names=not names and key in ("properties", "$defs"))
        for key, value in node.items()
        if names or key != "title"
    }
