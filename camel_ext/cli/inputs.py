"""What a person types as inputs and budgets, turned into what the API takes.

A value's type is the workflow's to say: a text stays a text, anything else is read as JSON. Whether
the whole fits the workflow, the server judges.
"""

import json
import sys
from pathlib import Path
from typing import Any, cast

from camel_ext_client.shapes import Budgets, Definition

from camel_ext.cli.exits import Exit, Stop

BUDGETS: dict[str, type[int] | type[float]] = {
    "max_turns": int,
    "max_tokens": int,
    "max_seconds": float,
    "max_cost_usd": float,
}


def budgets(given: list[str]) -> Budgets:
    """Read `NAME=VALUE` limits.

    Raises: Stop.
    """
    read: dict[str, float] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or name not in BUDGETS:
            listed = ", ".join(BUDGETS)
            raise Stop(
                Exit.USAGE,
                f"--budget {each}: there is no such limit.",
                f"Write NAME=VALUE, with one of {listed}.",
            )
        try:
            read[name] = BUDGETS[name](value)
        except ValueError:
            kind = "a whole number" if BUDGETS[name] is int else "a number"
            raise Stop(Exit.USAGE, f"--budget {each}: {value!r} is not {kind}.") from None
    return cast(Budgets, read)


def targets(given: list[str]) -> dict[str, str]:
    """Read `ALIAS=TARGET`s.

    Raises: Stop.
    """
    read: dict[str, str] = {}
    for each in given:
        alias, _, target = each.partition("=")
        if not alias or not target:
            raise Stop(
                Exit.USAGE,
                f"--model {each}: that is no ALIAS=TARGET.",
                "Example: --model thinker=bundled/brief@2",
            )
        read[alias] = target
    return read


def inputs(
    workflow: Definition | None, text: str | None, given: list[str], file: Path | None
) -> dict[str, Any]:
    """Read a run's inputs from the file, from `NAME=VALUE`s and from the lone text, in this order.

    Raises: Stop.
    """
    fields = _fields(workflow)
    read = {} if file is None else from_file(file)
    for each in given:
        name, value = _pair(each)
        read[name] = _typed(name, value, fields)
    if text is not None:
        name = _lone_input(fields, read)
        read[name] = _typed(name, text, fields)
    return read


def _fields(workflow: Definition | None) -> dict[str, dict[str, Any]]:
    return {} if workflow is None else dict(workflow["content"].get("inputs", {}))


def _pair(each: str) -> tuple[str, str]:
    name, sign, value = each.partition("=")
    if not sign or not name:
        raise Stop(
            Exit.USAGE, f"--input {each}: that is no NAME=VALUE.", "Example: --input goal='Rest.'"
        )
    if not value.startswith("@"):
        return name, value
    return name, _read(Path(value[1:]), f"--input {name}")


def text_of(value: str, option: str) -> str:
    """Return a text as it was typed; `@FILE` is the file's, `-` is standard input's.

    Raises: Stop.
    """
    if value == "-":
        return _read(Path("-"), option)
    return _read(Path(value[1:]), option) if value.startswith("@") else value


def _read(path: Path, option: str) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except OSError as error:
        raise Stop(Exit.USAGE, f"{option}: cannot read {path} ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise Stop(Exit.USAGE, f"{option}: {path} is not UTF-8 text.") from error


def _typed(name: str, value: str, fields: dict[str, dict[str, Any]]) -> Any:
    kind = fields.get(name, {}).get("type", "string")
    if kind == "string":
        return value
    try:
        return json.loads(value)
    except ValueError:
        example = {"array": '["a", "b"]', "object": '{"a": 1}', "boolean": "true"}.get(kind, "3")
        raise Stop(
            Exit.USAGE,
            f"The input {name} takes {'an' if kind[0] in 'aio' else 'a'} {kind}, and {value!r} is "
            "none.",
            f"Example: --input {name}='{example}'",
        ) from None


def _lone_input(fields: dict[str, dict[str, Any]], read: dict[str, Any]) -> str:
    """Return the one input that a bare text can mean."""
    open_ = [name for name in fields if name not in read]
    needed = [name for name in open_ if fields[name].get("default") is None] or open_
    if len(needed) == 1:
        return needed[0]
    listed = ", ".join(fields) or "none"
    raise Stop(
        Exit.USAGE,
        "It is not clear which input the text is meant for.",
        f"Say --input NAME=VALUE. This workflow takes: {listed}.",
    )


def from_file(path: Path) -> dict[str, Any]:
    """Read inputs from a YAML or JSON file.

    Raises: Stop, with the place where the file is wrong.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    text = _read(path, "--input-file")
    try:
        value = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise Stop(Exit.USAGE, f"{place}: {error.problem or 'this is not YAML'}.") from error
    except YAMLError as error:
        raise Stop(Exit.USAGE, f"{path}: this is not YAML ({error}).") from error
    if not isinstance(value, dict):
        raise Stop(
            Exit.USAGE, f"{path}: inputs are a mapping of names to values.", "Example: goal: Rest."
        )
    return {str(name): each for name, each in value.items()}
