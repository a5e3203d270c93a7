"""`make docs`: writes the reference pages from the code, so that they cannot be untrue."""

import dataclasses
import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import camel_ext
from camel_ext.core.errors import CamelExtError, error_code
from camel_ext.core.outbox import EVENT_TYPES
from camel_ext.rooms import import_events
from camel_ext.settings import Settings

HERE = Path(__file__).parent


def settings_page() -> str:
    """Return docs/settings.md: every setting, its default, its sentence."""
    lines = ["# Settings", "", "Each is an environment variable. Written by `make docs`.", ""]
    lines += ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            for inner, each in group.model_fields.items():
                lines.append(_row(f"CAMEL_EXT_{name}__{inner}".upper(), each))
        else:
            lines.append(_row(f"CAMEL_EXT_{name}".upper(), field))
    return "\n".join(lines) + "\n"


def _row(variable: str, field: FieldInfo) -> str:
    default = field.default
    shown = "`~/.local/share/camel-ext`" if default is PydanticUndefined else f"`{default}`"
    return f"| `{variable}` | {shown} | {field.description} |"


def errors_page() -> str:
    """Return docs/errors.md: every error code, its status, what it means."""
    for found in pkgutil.walk_packages(camel_ext.__path__, "camel_ext."):
        if "_migrations" not in found.name and not found.name.endswith(("chat", "local_process")):
            importlib.import_module(found.name)
    todo, seen = [CamelExtError], {}
    while todo:
        cls = todo.pop()
        seen[error_code(cls)] = cls
        todo += cls.__subclasses__()
    lines = ["# Errors", "", "Every error is answered as RFC 9457. Written by `make docs`.", ""]
    lines += ["| code | status | meaning |", "|---|---|---|"]
    for code, cls in sorted(seen.items()):
        if cls.__module__.startswith("camel_ext."):
            meaning = " ".join((cls.__doc__ or "").split())
            lines.append(f"| `{code}` | {cls.status} | {meaning} |")
    return "\n".join(lines) + "\n"


def event_schemas() -> dict[str, Any]:
    """Return the JSON Schema of each event's payload, which is `data` of a CloudEvent, by its type."""
    import_events()
    found = {}
    for name, cls in sorted(EVENT_TYPES.items()):
        if cls.__module__.startswith("camel_ext."):  # and not of a test
            types = get_type_hints(cls)
            fields: dict[str, Any] = {
                each.name: (types[each.name], ...) for each in dataclasses.fields(cls)
            }
            del fields["subject"]
            schema = create_model(cls.__name__, **fields).model_json_schema()
            words = " ".join((cls.__doc__ or "").split())
            told = {} if words.startswith(f"{cls.__name__}(") else {"description": words}
            found[name] = schema | told
    return found


def events_page() -> str:
    """Return docs/event-types.md: every event, what it carries, what its subject is."""
    lines = [
        "# Event types", "",
        "What the [feed](guide/events.md) and the [exchange](guide/brokers.md#events-for-your-systems) tell of; the payload"
        " (of a CloudEvent: `data`) as JSON Schema: [event-types.json](event-types.json). Readers must bear fields that are"
        " added; none is dropped or changed without a line in the changelog. Written by `make docs`.",
        "", "| type | payload | meaning |", "|---|---|---|",
    ]  # fmt: skip
    for name, schema in event_schemas().items():
        fields = [f"`{field}` {_kind(each)}" for field, each in schema["properties"].items()]
        words = schema.get("description") or f"The subject is the {name.split('.')[1]}."
        lines.append(f"| `{name}` | {', '.join(fields)} | {words} |")
    return "\n".join(lines) + "\n"


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return "string" if "$ref" in schema else str(schema["type"])  # a state: one of a few words


def openapi_text() -> str:
    """Return docs/openapi.json."""
    from camel_ext.app import create_app

    return json.dumps(create_app().openapi(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    (HERE / "settings.md").write_text(settings_page())
    (HERE / "errors.md").write_text(errors_page())
    (HERE / "event-types.md").write_text(events_page())
    (HERE / "event-types.json").write_text(json.dumps(event_schemas(), indent=1) + "\n")
    (HERE / "openapi.json").write_text(openapi_text())
    sys.exit(0)
