"""The schema's age: up to date, older, newer, empty; nothing is touched that is not ours to touch."""

from pathlib import Path

import pytest
from sqlalchemy import inspect

from camel_ext.core.database import Database
from camel_ext.core.migrate import (
    SchemaMissing,
    SchemaNewer,
    SchemaOlder,
    _keep_copy,
    current_revision,
    migrate,
    newest_revision,
    require_current,
)


@pytest.fixture
def empty(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'empty.db'}")


def say_revision(database: Database, revision: str) -> None:
    with database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (revision,))


def test_an_empty_database_is_brought_up(empty: Database) -> None:
    assert current_revision(empty) is None
    with pytest.raises(SchemaMissing, match="the database is empty: start a server on it once"):
        require_current(empty)
    migrate(empty)
    require_current(empty)
    assert current_revision(empty) == newest_revision()


def test_a_newer_database_is_left_alone(empty: Database) -> None:
    migrate(empty)
    say_revision(empty, "9999")
    for attempt in (migrate, require_current):
        with pytest.raises(SchemaNewer, match="upgrade"):
            attempt(empty)
    assert current_revision(empty) == "9999"


def test_an_older_database_is_refused_by_who_may_not_change_it(empty: Database) -> None:
    migrate(empty)
    say_revision(empty, "0000")
    with pytest.raises(SchemaOlder, match="revision 0000"):
        require_current(empty)


def test_the_copy_made_before_a_change_is_whole(empty: Database, tmp_path: Path) -> None:
    migrate(empty)
    say_revision(empty, "0000")  # in the write-ahead log, not yet in the file
    _keep_copy(empty, "0000")
    copy = Database(f"sqlite:///{tmp_path / 'empty.db.before-0000'}")
    assert current_revision(copy) == "0000"
    with copy.reader.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_two_servers_that_start_at_once_bring_it_up_once(empty: Database, tmp_path: Path) -> None:
    migrate(empty)
    twin = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    migrate(twin)
    with twin.reader.connect() as connection:
        assert "runs" in inspect(connection).get_table_names()
