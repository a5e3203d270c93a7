"""`make docs`: writes the reference pages from the code, so that they cannot be untrue."""

import importlib
import json
import pkgutil
import sys
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import camel_ext
from camel_ext.core.errors import CamelExtError, error_code
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


def openapi_text() -> str:
    """Return docs/openapi.json."""
    from camel_ext.app import create_app

    return json.dumps(create_app().openapi(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    (HERE / "settings.md").write_text(settings_page())
    (HERE / "errors.md").write_text(errors_page())
    (HERE / "openapi.json").write_text(openapi_text())
    sys.exit(0)
