"""The docs say what is: errors, settings, rooms, routes and their errors."""

import importlib
import importlib.util
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

import camel_ext
from camel_ext.core.errors import CamelExtError, error_code
from camel_ext.core.http import Problem, problems
from camel_ext.rooms import ROOMS, routers

ROOT = Path(__file__).parent.parent


def writer() -> Any:
    """The script that writes the reference pages; docs/ is no package."""
    spec = importlib.util.spec_from_file_location("writer", ROOT / "docs" / "write_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def all_errors() -> dict[str, type[CamelExtError]]:
    for found in pkgutil.walk_packages(camel_ext.__path__, "camel_ext."):
        if re.search(r"\.(errors|http|door|paging|migrate|datadir|database|journal)$", found.name):
            importlib.import_module(found.name)
    todo, seen = [CamelExtError], {}
    while todo:
        cls = todo.pop()
        seen[error_code(cls)] = cls
        todo += cls.__subclasses__()
    return {code: cls for code, cls in seen.items() if cls.__module__.startswith("camel_ext.")}


def test_every_error_is_explained() -> None:
    text = (ROOT / "docs" / "errors.md").read_text()
    missing = [code for code in all_errors() if f"`{code}`" not in text]
    assert not missing, f"run `make docs`: {missing}"


def test_every_error_says_what_happened() -> None:
    silent = [code for code, cls in all_errors().items() if not (cls.__doc__ or "").strip()]
    assert not silent


def test_every_setting_is_explained() -> None:
    page = writer().settings_page()
    assert (ROOT / "docs" / "settings.md").read_text() == page, "run `make docs`"


def test_every_event_is_explained_with_its_payload() -> None:
    written, schemas = writer(), json.loads((ROOT / "docs" / "event-types.json").read_text())
    assert written.event_schemas() == schemas, "run `make docs`"
    assert (ROOT / "docs" / "event-types.md").read_text() == written.events_page(), (
        "run `make docs`"
    )
    assert schemas["workflows.run.finished"]["properties"].keys() == {
        "workflow", "state", "error_code", "turns",
    }  # fmt: skip


def test_the_guide_names_real_events() -> None:
    """What other systems are told to bind to."""
    named = re.findall(
        r"workflows\.run\.[a-z]+", (ROOT / "docs" / "guide" / "brokers.md").read_text()
    )
    assert named
    assert set(named) <= set(writer().event_schemas())


def test_the_openapi_document_is_the_committed_one() -> None:
    text = writer().openapi_text()
    assert (ROOT / "docs" / "openapi.json").read_text() == text, "run `make docs`"


@pytest.mark.parametrize("room", [*ROOMS, "core", "observability"])
def test_every_room_stands_in_the_picture(room: str) -> None:
    assert room in (ROOT / "ARCHITECTURE.md").read_text()


def test_every_route_declares_its_errors_and_its_words() -> None:
    wrong = []
    for route in [route for router in routers() for route in router.routes]:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        if not route.summary:
            wrong.append(f"{route.path}: no summary")
        if not {401, 403} <= set(route.responses):
            wrong.append(f"{route.path}: does not declare 401 and 403")
        if "{" in route.path and 404 not in route.responses:
            wrong.append(f"{route.path}: does not declare 404")
    assert not wrong, "\n".join(wrong)


def bodies() -> dict[str, APIRoute]:
    """Each route that takes a body, by what it is."""
    every = [route for router in routers() for route in router.routes]
    taking = [route for route in every if isinstance(route, APIRoute) and route.body_field]
    return {f"{min(route.methods or {''})} {route.path}": route for route in taking}


@pytest.mark.parametrize("name", bodies())
def test_a_body_has_an_example_that_is_accepted(name: str) -> None:
    route = bodies()[name]
    assert route.body_field is not None
    field = route.body_field.field_info
    adapter: TypeAdapter[Any] = TypeAdapter(field.annotation)
    given = getattr(field, "openapi_examples", None) or {}
    examples = [each["value"] for each in given.values()] or adapter.json_schema().get("examples")
    assert examples
    for example in examples:
        adapter.validate_json(json.dumps(example))


def test_each_error_has_an_example() -> None:
    for status, told in problems(404, 409, 412, 428, 503).items():
        example = told["content"]["application/problem+json"]["example"]
        assert Problem.model_validate(example).status == status


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_every_reference_in_the_openapi_document_leads_somewhere() -> None:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())

    def follow(pointer: str) -> None:
        found = document
        for part in pointer.removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(ref := node.get("$ref"), str):
                follow(ref)
            node = list(node.values())
        for each in node if isinstance(node, list) else ():
            walk(each)

    walk(document)
