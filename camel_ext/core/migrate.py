"""The schema's version: where the database stands, and how it gets to where this code is.

Revisions are numbered files, `0001_...`, one linear history, so that a start that finds the newest
needs no Alembic import (0.2 s). What the tables are, is each room's.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table, func, inspect, select

import camel_ext
from camel_ext.core.database import Database
from camel_ext.core.errors import Conflict
from camel_ext.core.tenancy import system_options

if TYPE_CHECKING:
    from alembic.config import Config


class SchemaNewer(Conflict):
    """A newer camel-ext made this database: upgrade this one; nothing was touched."""


class SchemaOlder(Conflict):
    """An older camel-ext made this database: a server (`camel-ext up` or `api`) brings it up to date."""


class SchemaMissing(SchemaOlder):
    """This database is empty: start a server (`camel-ext up` or `api`) once, it makes the tables."""


_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32)))


FOUNDING_LOCK = 0x63616D656C65


def one_at_a_time(connection: Connection) -> None:
    """Let one process at a time lay the foundation, until its transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")  # who is before us may migrate
        connection.execute(select(func.pg_advisory_xact_lock(FOUNDING_LOCK)))
        connection.exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")


def migrations_dir() -> Path:
    """Return the folder of the revisions, in the package or (a clone) beside it."""
    package = Path(camel_ext.__file__).parent
    inside = package / "_migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def newest_revision() -> str:
    """Return the number of the newest revision this code knows."""
    return max(path.name[:4] for path in (migrations_dir() / "versions").glob("[0-9]*.py"))


def current_revision(database: Database) -> str | None:
    """Return the database's revision, or None where it is empty."""
    with database.reader.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.scalar(select(_VERSION.c.version_num))


def require_current(database: Database) -> None:
    """Refuse a database of another age.

    Raises: SchemaNewer, SchemaOlder, SchemaMissing.
    """
    current, newest = current_revision(database), newest_revision()
    server = "`camel-ext up`" if database.is_sqlite else "`camel-ext up` or `camel-ext api`"
    if current is None:
        raise SchemaMissing(
            f"the database is empty: start a server on it once, {server}, which makes its tables, "
            "and then this again"
        )
    if current < newest:
        raise SchemaOlder(
            f"the database is at revision {current}, this camel-ext needs {newest}: start a server on "
            f"it once, {server}, which brings it up to date, and then this again"
        )
    _refuse_newer(current, newest)


def migrate(database: Database) -> None:
    """Bring the database to the newest revision; a SQLite file is copied aside before.

    Raises: SchemaNewer.
    """
    current, newest = current_revision(database), newest_revision()
    if current == newest:
        return
    if current is not None:
        _refuse_newer(current, newest)
        if database.is_sqlite:
            _keep_copy(database, current)
        else:
            _prepare(database, current)
    with database.begin_long("migration") as connection:
        one_at_a_time(connection)  # who waited finds the newest, and does nothing
        upgrade(connection)


def _prepare(database: Database, current: str) -> None:
    """Let revisions to come do ahead what takes long, in transactions of their own, while others work.

    What a revision has for that is its `prepare(database)`, which may begin anew at any instant.
    """
    from alembic.script import ScriptDirectory

    ahead = ScriptDirectory.from_config(alembic_config()).iterate_revisions("head", current)
    for revision in reversed(list(ahead)):
        prepare = getattr(revision.module, "prepare", None)
        if prepare is not None:
            prepare(database)


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest revision, in the connection's own transaction."""
    from alembic import command

    config = alembic_config()
    config.attributes["connection"] = connection.execution_options(**system_options("migration"))
    command.upgrade(config, "head")


def alembic_config() -> "Config":
    """Return Alembic's configuration for our revisions."""
    from alembic.config import Config  # here, so that an ordinary start does not pay for it

    config = Config()
    config.set_main_option("script_location", str(migrations_dir()))
    return config


def _refuse_newer(current: str, newest: str) -> None:
    if current > newest:
        raise SchemaNewer(
            f"the database is at revision {current}, this camel-ext knows {newest}: it was made by a "
            "newer one; upgrade camel-extensions. Nothing was touched"
        )


def _keep_copy(database: Database, current: str) -> None:
    source = Path(str(database.url.database))
    with database.writer.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")  # a checkpoint needs no transaction open
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy2(source, source.with_name(f"{source.name}.before-{current}"))
