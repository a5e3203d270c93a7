"""The house keeps its shape: faces, sizes, seams, start-up. Floors are import-linter's.

An AST walk over the package, well under a second, and two fresh processes.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Table

from camel_ext.rooms import ROOMS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "camel_ext"
TOOLBOXES = {"core", "observability"}
FILES = sorted(PACKAGE.rglob("*.py"))
ENVIRONMENT_READERS = {  # camel reads switches from the environment: they are set before its import
    "camel_ext/workflows/agents/environment.py",
}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, []


def test_another_room_is_entered_by_its_face() -> None:
    wrong = []
    for path in FILES:
        parts = path.relative_to(PACKAGE).parts
        if len(parts) == 1:  # the doors know everybody
            continue
        for module, _ in imports(path):
            names = module.split(".")
            if names[0] != "camel_ext" or len(names) < 3 or names[1] in TOOLBOXES | {parts[0]}:
                continue
            wrong.append(f"{relative(path)} enters {module} past its face")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", [room for room in ROOMS if (PACKAGE / room).is_dir()])
def test_every_name_on_a_face_says_what_it_does(room: str) -> None:
    module = __import__(f"camel_ext.{room}", fromlist=["*"])
    silent = [
        name
        for name in getattr(module, "__all__", [])
        if callable(getattr(module, name)) and not (getattr(module, name).__doc__ or "").strip()
    ]
    assert not silent, f"camel_ext.{room}: {silent} have no docstring"


@pytest.mark.parametrize(
    ("folder", "limit"),
    [("camel_ext", 400), ("clients", 400), ("gui", 400), ("migrations", 600), ("tests", 600)],
)
def test_files_stay_short(folder: str, limit: int) -> None:
    long = {
        relative(path): lines
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > limit
        and "migrations/versions" not in str(path)
    }
    assert not long, f"longer than {limit} lines: {long}"


@pytest.mark.parametrize("folder", ["clients", "gui"])
def test_clients_and_gui_know_the_server_by_http_alone(folder: str) -> None:
    found = [
        f"{relative(path)} imports {module}"
        for path in (ROOT / folder).rglob("*.py")
        for module, _ in imports(path)
        if module.split(".")[0] in {"camel_ext", "sqlalchemy", "sqlite3"}
    ]
    assert not found, "\n".join(found)


def test_untrusted_text_is_never_markup_in_the_gui() -> None:
    banned = {"unsafe_allow_html", "unsafe_allow_javascript", "html", "components", "markdown"}
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in (ROOT / "gui").rglob("*.py")
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.keyword) and node.arg in banned)
        or (
            isinstance(node, ast.Attribute)
            and node.attr in banned
            and ast.unparse(node.value) == "st"
        )
    ]
    assert not found, "\n".join(found)


def test_sql_past_the_tenancy_hook_stays_in_core() -> None:
    banned = {"__table__", "from_statement", "literal_column", "exec_driver_sql"}
    found = [
        f"{relative(path)}:{node.lineno} {name}"
        for path in FILES
        if path.relative_to(PACKAGE).parts[0] != "core"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute | ast.Name)
        and (name := node.attr if isinstance(node, ast.Attribute) else node.id) in banned
    ]
    assert not found, "\n".join(found)


def test_one_seam_to_threads_and_one_loop() -> None:
    banned = {"to_thread", "run_in_executor"}
    found = [
        f"{relative(path)}:{node.lineno} {node.attr}"
        for path in FILES
        if path.name != "threads.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in banned
    ]
    assert not found, "\n".join(found)


def test_only_settings_read_the_environment() -> None:
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in FILES
        if path.name != "settings.py" and relative(path) not in ENVIRONMENT_READERS
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "putenv"}
    ]
    assert not found, "\n".join(found)


def test_tenanted_indexes_begin_with_the_tenant() -> None:
    from camel_ext.core.models import Base, OrgScoped, Tenanted

    wrong = []
    for mapper in Base.registry.mappers:
        if not issubclass(mapper.class_, OrgScoped):
            continue
        lead = ["org_id", "project_id"] if issubclass(mapper.class_, Tenanted) else ["org_id"]
        table = cast(Table, mapper.local_table)
        for index in table.indexes:
            columns = [column.name for column in index.columns]
            if not index.info.get("system") and columns[: len(lead)] != lead:
                wrong.append(f"{table.name}.{index.name}: {columns}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("module", ["camel_ext.app", "camel_ext.cli", "camel_ext.worker"])
def test_a_start_loads_neither_torch_nor_camel(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('torch', 'camel', 'transformers', 'alembic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_start_makes_no_route_whole() -> None:
    code = """
from camel_ext.app import create_app
from camel_ext.core.routes import DeferredRoute
routes = [each for each in create_app().routes if isinstance(each, DeferredRoute)]
assert len(routes) > 100
print([each.path for each in routes if "dependant" in vars(each)])
"""  # in a process of its own: here other tests have used the routes
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
