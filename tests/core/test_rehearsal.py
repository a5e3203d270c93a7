"""Upgrades rehearsed: from each revision there ever was, with rows in every table, on both databases.

A database is brought to the old revision, each of its tables gets rows (made up from its columns, as
they were then), and then it is brought up as a start does it. No row may be lost or changed, and the
schema must be the models', whatever the way there.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    CHAR,
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    Table,
    Uuid,
    func,
    inspect,
    select,
)
from sqlalchemy.types import NullType

from camel_ext.core.database import Database
from camel_ext.core.migrate import (
    alembic_config,
    current_revision,
    migrate,
    migrations_dir,
    newest_revision,
)
from camel_ext.core.models import Base
from camel_ext.core.row_security import partitions, tenanted_tables
from camel_ext.core.tenancy import system_options
from tests.postgres import create_database, url_of

REVISIONS = sorted(path.name[:4] for path in (migrations_dir() / "versions").glob("[0-9]*.py"))
RENAMED = {"scheduler_leases": "leader_leases"}  # tables that go by another name since
ROWS = 3
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    else:
        server, name = request.getfixturevalue("postgres_server"), f"old_{uuid4().hex}"
        create_database(server, name)
        database = Database(url_of(server, name))
    yield database
    database.close()
    shutil.rmtree(tmp_path, ignore_errors=True)


def bring_to(database: Database, revision: str) -> None:
    with database.begin("test") as connection:
        config = alembic_config()
        config.attributes["connection"] = marked(connection)
        command.upgrade(config, revision)


def marked(connection: Connection) -> Connection:
    return connection.execution_options(**system_options("test"))


def tables_of(connection: Connection) -> list[Table]:
    """Every table but the parts of one."""
    found, parts = MetaData(), parts_of(connection)
    found.reflect(connection, only=lambda name, _: name not in parts)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def parts_of(connection: Connection) -> set[str]:
    return {part for parts in partitions(connection).values() for part in parts}


def fill(connection: Connection) -> Rows:
    """Put rows into every table there is."""
    made: Rows = {}
    for table in tables_of(connection):
        made[table.name] = [
            {c.name: value(c, number, made) for c in table.columns if wants_value(c)}
            for number in range(1, ROWS + 1)
        ]
        connection.execute(table.insert(), made[table.name])
    return made


def wants_value(column: Column[Any]) -> bool:
    """Every second column that may be empty is."""
    return not column.nullable or len(column.name) % 2 == 0


def value(column: Column[Any], number: int, made: Rows) -> Any:
    for key in column.foreign_keys:
        parent = made.get(key.column.table.name)
        if parent is None:  # of its own table
            return None
        return parent[number - 1][key.column.name]
    kind = column.type
    if isinstance(kind, Uuid):
        return uuid4()
    if isinstance(kind, CHAR) and kind.length == 32:  # how SQLite keeps one
        return uuid4().hex
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, JSON | NullType):
        return {"number": number, "words": ["ü", None]}
    if isinstance(kind, Integer):
        return number
    if isinstance(kind, Float):
        return number / 8
    return f"{number} of {column.name}"[: getattr(kind, "length", None) or 100]


def kept(connection: Connection, before: Rows) -> Rows:
    """Read the same columns of the same rows, as far as they are still there."""
    after: Rows = {}
    for table in tables_of(connection):
        if table.name in before:
            names = [name for name in before[table.name][0] if name in table.columns]
            found = connection.execute(select(*(table.c[name] for name in names))).mappings()
            after[table.name] = [dict(row) for row in found]
    return after


@pytest.mark.slow
@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_an_upgrade_keeps_every_row(empty: Database, revision: str) -> None:
    bring_to(empty, revision)
    assert current_revision(empty) == revision
    with empty.begin("test") as connection:
        filled = fill(marked(connection))
    before = {RENAMED.get(name, name): rows for name, rows in filled.items()}
    assert len(before) > 15
    migrate(empty)
    assert current_revision(empty) == newest_revision()
    with empty.begin("test") as connection:
        after = kept(marked(connection), before)
        assert before.keys() == after.keys()
        for name, rows in before.items():
            same = [{key: row[key] for key in after[name][0]} for row in rows]
            assert sorted(map(repr, after[name])) == sorted(map(repr, same)), name
        assert differences(connection) == []
    if not empty.is_sqlite:
        nothing_is_seen_without_a_tenant(empty)


def differences(connection: Connection) -> list[Any]:
    parts = parts_of(connection)
    opts = {
        "compare_type": True,
        "include_name": lambda name, kind, _: kind != "table" or name not in parts,
    }
    context = MigrationContext.configure(connection, opts=opts)
    return list(compare_metadata(context, Base.metadata))


def nothing_is_seen_without_a_tenant(database: Database) -> None:
    with database.begin() as connection:
        for table in tenanted_tables():
            assert marked(connection).scalar(select(func.count()).select_from(table)) == 0


def test_the_revisions_are_one_line() -> None:
    assert [f"{number:04}" for number in range(1, len(REVISIONS) + 1)] == REVISIONS


def test_every_table_of_the_newest_is_filled(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    migrate(database)
    with database.begin("test") as connection:
        made = fill(marked(connection))
        assert {"alembic_version", *made} == set(inspect(connection).get_table_names())
    database.close()
