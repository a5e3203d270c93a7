"""Pydantic's complaints about a file in words of its reader: place, what is wrong, what is right.

It knows the format's types only; whether names exist elsewhere is judged by checks.
"""

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, ForwardRef, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError

from camel_ext.registry import NAME_PATTERN, EngineKind
from camel_ext.workflows.language.problems import Path, Problem, suggest
from camel_ext.workflows.language.schema import (
    IDENTIFIER_PATTERN,
    KINDS_TO_COME,
    STEP_KINDS,
    AnyStep,
)
from camel_ext.workflows.language.yaml_source import Source, is_old_boolean

_PATTERNS = {
    NAME_PATTERN: "a name: lower-case letters, digits, `-` and `_`, a letter first",
    IDENTIFIER_PATTERN: "an identifier: lower-case letters, digits and `_`, a letter first",
}
_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping (`name: ...`)",
    "model_type": "a mapping of fields (`name: ...`)",
}
_REWORDED = (
    ("^(Input|List|String|Dictionary) should", "this must"),
    (" after validation, not .*$", ""),
    (r"\b1 items?\b", "1 entry"),
    (r"\bitems\b", "entries"),
)
_MISSING = {
    "max_rounds": "A loop needs a bound: say `max_rounds: 5`, or how many rounds are enough.",
    "steps": "Give it a list of steps: `- name: ...`.",
    "name": "Every step needs a name, by which later steps read its result.",
}


def structural_problems(
    source: Source, error: ValidationError, file_type: type[BaseModel]
) -> list[Problem]:
    """Return a validation error as problems with places in the source."""
    return [_problem(source, entry, file_type) for entry in error.errors(include_url=False)]


def _problem(source: Source, entry: Any, file_type: type[BaseModel]) -> Problem:
    loc = entry["loc"]
    path: Path = tuple(p for p in loc if not _is_tag(p) and p != "[key]")
    kind, given = entry["type"], entry["input"]
    if kind == "extra_forbidden":
        return _unknown_field(source, path, _fields_at(file_type, loc[:-1]))
    if kind == "missing":
        return _missing_field(source, path, _fields_at(file_type, loc[:-1]))
    if kind == "step_kind":
        return _no_step(source, path, given)
    if kind == "engine":
        return _no_engine(source, path, given)
    message, fix = _value_complaint(kind, given, entry)
    return source.problem(path, message, fix, key="[key]" in loc)


def _unknown_field(source: Source, path: Path, fields: Mapping[str, Any]) -> Problem:
    name = str(path[-1])
    fix = suggest(name, fields, "field")
    return source.problem(path, f"there is no field `{name}` here.", fix, key=True)


def _missing_field(source: Source, path: Path, fields: Mapping[str, Any]) -> Problem:
    name = str(path[-1])
    about = getattr(fields.get(name), "description", None) or ""
    fix = _MISSING.get(name) or (f"Add `{name}:` ({about.rstrip('.')})." if about else "")
    return source.problem(path, f"`{name}` is missing.", fix)


def _no_step(source: Source, path: Path, given: Any) -> Problem:
    example = "Write `- name: draft`, then `agent: writer` and its prompt."
    if not isinstance(given, dict):
        return source.problem(path, f"a step is a mapping, not {_kind(given)}.", example)
    kinds = [kind for kind in (*STEP_KINDS, *KINDS_TO_COME) if kind in given]
    listed = ", ".join(f"`{kind}`" for kind in STEP_KINDS)
    if len(kinds) > 1:
        both = " and ".join(f"`{kind}`" for kind in kinds)
        return source.problem(path, f"a step has one kind, this has {both}.", "Make it two steps.")
    if kinds:
        message = f"`{kinds[0]}` steps are not in this version."
        return source.problem((*path, kinds[0]), message, f"There are {listed}.", key=True)
    near = [suggest(str(key), STEP_KINDS, "kind") for key in given if key not in _COMMON]
    meant = next((hint for hint in near if hint.startswith("Did")), f"Add one of {listed}.")
    return source.problem(path, "this step does not say what it does.", meant)


_COMMON = frozenset({"name", "description"})


def _no_engine(source: Source, path: Path, given: Any) -> Problem:
    if not isinstance(given, dict):
        return source.problem(path, f"a model is a mapping of fields, not {_kind(given)}.")
    if "engine" not in given:
        fix = "Add `engine: local` (a GGUF file) or `engine: provider` (an address)."
        return source.problem((*path, "engine"), "`engine` is missing.", fix)
    wrong = str(given["engine"])
    fix = suggest(wrong, EngineKind, "engine")
    return source.problem((*path, "engine"), f"there is no engine `{wrong}`.", fix)


def _value_complaint(kind: str, given: Any, entry: Any) -> tuple[str, str]:
    context = entry.get("ctx", {})
    if kind in _WANTED:
        return f"this must be {_WANTED[kind]}, not {_kind(given)}.", _type_fix(kind, given)
    if kind == "string_pattern_mismatch" and context.get("pattern") in _PATTERNS:
        return f"`{given}` is not {_PATTERNS[context['pattern']]}.", ""
    if kind == "literal_error":
        allowed = str(context.get("expected", "")).replace("'", "`")
        return f"`{given}` is not possible here.", f"It can be {allowed}."
    if kind == "string_pattern_mismatch":
        return f"`{given}` does not have the right form.", _form_fix(str(context.get("pattern")))
    said = str(entry["msg"])
    for theirs, ours in _REWORDED:
        said = re.sub(theirs, ours, said)
    return f"{said}.", ""


def _type_fix(kind: str, given: Any) -> str:
    if kind == "string_type" and isinstance(given, bool | int | float):
        return "Put it in quotes."
    if kind == "bool_type" and is_old_boolean(given):
        return "Write `true` or `false`: YAML 1.2 has no yes and no."
    if kind in {"int_type", "float_type"} and isinstance(given, str):
        return "Write it without quotes." if given.replace(".", "", 1).isdigit() else ""
    if kind == "list_type" and isinstance(given, str):
        return f"Write `[{given}]`."
    return ""


def _form_fix(pattern: str) -> str:
    if "https?" in pattern:
        return "It begins with http:// or https:// and holds no user name or password."
    if "@" in pattern:
        return "Write `model`, `model/adapter`, or either with `@version`."
    if "0-9a-f" in pattern:
        return "A sha256 has 64 hexadecimal digits in lower case."
    return ""


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text `{value[:40]}`"
    return "a list" if isinstance(value, list) else "a mapping"


# -- from a place in the data to the type that stands there --------------------------------------


def _is_tag(part: Any) -> bool:
    return isinstance(part, str) and part.startswith("<") and part.endswith(">")


def _fields_at(file_type: type[BaseModel], loc: tuple[str | int, ...]) -> Mapping[str, Any]:
    """Return the fields of the type at a place, none where there is no such type."""
    annotation: Any = file_type
    for part in loc:
        annotation = _inside(_bare(annotation), part)
    found = _bare(annotation)
    return found.model_fields if isinstance(found, type) and issubclass(found, BaseModel) else {}


def _inside(annotation: Any, part: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return field.annotation if field else None
    arguments = get_args(annotation)
    if _is_tag(part):
        return next((arm for arm in arguments if _tag(arm) == part), None)
    origin = get_origin(annotation)
    return arguments[-1] if origin in (list, dict) and arguments else None


def _bare(annotation: Any) -> Any:
    """Return an annotation without its extras: no Annotated around, no `| None`."""
    if isinstance(annotation, ForwardRef | str):
        annotation = AnyStep
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        arms = [arm for arm in get_args(annotation) if arm is not type(None)]
        if len(arms) == 1:
            return _bare(arms[0])
    return annotation


def _tag(arm: Any) -> str | None:
    extras = get_args(arm)[1:] if get_origin(arm) is Annotated else ()
    return next((extra.tag for extra in extras if isinstance(extra, Tag)), None)
