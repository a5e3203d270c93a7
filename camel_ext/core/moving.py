"""Moving an installation from one database to another: every row, all or nothing, and compared.

Tables, rows and numbers are written in one transaction of the target, which is committed only after
both sides were read and found equal: whatever dies on the way leaves the target as empty as it was, and
the move is simply said again. A move that resumed would have to trust a half of another day's source.
The source is read on one snapshot, as a stream; nothing is changed there.

A row travels as SQLite keeps it (ids as 32 hex digits, times as microseconds, JSON as its text), so
nothing is decoded and both sides are hashed over the same values. Files are not this module's.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import JSON, Boolean, Column, Connection, Table, Uuid, func, inspect, select
from sqlalchemy.exc import DBAPIError

from camel_ext.core.database import Database, DatabaseUnreachable, lift_limits, mapped_errors
from camel_ext.core.errors import CamelExtError, Conflict
from camel_ext.core.journal import JOURNAL_LOCK
from camel_ext.core.migrate import current_revision, require_current, upgrade
from camel_ext.core.models import Base, Worker
from camel_ext.core.row_security import acting_as, force, tenanted_tables
from camel_ext.core.tenancy import system_options

BATCH_ROWS = 500  # at a time in memory: some 50 MB of the longest prompts
MARK = system_options("move to another database")
Row = tuple[Any, ...]
Progress = Callable[[str, int, int], None]


class TargetNotEmpty(Conflict):
    """The database to move to holds something already: name an empty one; nothing was touched."""


class SourceInUse(Conflict):
    """A process works on the database to move from: stop it first; nothing was moved."""


class RowNotTaken(Conflict):
    """The target refuses a row of the source: nothing was moved."""


class MoveUnequal(CamelExtError):
    """What arrived is not what left: nothing was moved."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One table: how many rows, and the sum of their SHA-256, equal on both sides."""

    table: str
    rows: int
    digest: str


def move(source: Database, target: Database, progress: Progress) -> list[Moved]:
    """Copy every row to an empty database, and compare; `progress(table, rows done, rows in all)`.

    Raises: SchemaOlder, SchemaNewer, SourceInUse, TargetNotEmpty, RowNotTaken, MoveUnequal.
    """
    require_current(source)
    is_bare = _require_empty(target)
    with (
        mapped_errors(),
        acting_as("move"),
        source.reader.connect() as reading,
        target.begin_long("move") as writing,
    ):
        reading.execution_options(**MARK)
        writing.execution_options(**MARK)
        _hold_still(reading)
        _take(writing)
        if is_bare:
            upgrade(writing)
        tables = Base.metadata.sorted_tables
        _require_no_rows(writing, tables)
        _force(writing, on=False)
        moved = [_move_table(reading, writing, table, progress) for table in tables]
        for table in tables:
            _go_on_numbering(reading, writing, table)
        _compare(writing, moved)
        _force(writing, on=True)
        if not target.is_sqlite:
            writing.exec_driver_sql("ANALYZE")
    return moved


def _require_empty(target: Database) -> bool:
    """Tell whether the target has no tables at all. Raises: TargetNotEmpty, SchemaOlder, SchemaNewer."""
    with mapped_errors():
        if current_revision(target) is not None:
            require_current(target)
            return False
        with target.reader.connect() as connection:
            found = inspect(connection).get_table_names()
    if found:
        raise TargetNotEmpty(f"the target holds tables of something else, one is {found[0]!r}")
    return True


def _require_no_rows(connection: Connection, tables: Sequence[Table]) -> None:
    for table in tables:
        if connection.execute(select(*table.primary_key).limit(1)).first() is not None:
            raise TargetNotEmpty(
                f"the target's table {table.name} has rows: name an empty database"
            )


def _hold_still(connection: Connection) -> None:
    """Begin one snapshot, and make sure that nobody works on it. Raises: SourceInUse."""
    if connection.dialect.name == "sqlite":
        return  # whoever moves it holds the lock of its folder
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    lift_limits(connection)
    now = connection.scalar(select(func.clock_timestamp()))
    alive = connection.scalar(select(Worker.name).where(Worker.lease_until > now).limit(1))
    if alive is not None:
        raise SourceInUse(
            f"{alive} works on the source: stop it; if it died, its lease ends within half a minute"
        )


def _take(connection: Connection) -> None:
    """Keep a second move out of the target. Raises: TargetNotEmpty."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    elif not connection.scalar(select(func.pg_try_advisory_xact_lock(JOURNAL_LOCK))):
        raise TargetNotEmpty("somebody writes to the target: another move, or a server")


def _force(connection: Connection, *, on: bool) -> None:
    """COPY is refused where the target's owner is held to policies; they are in the way of none else."""
    if connection.dialect.name != "sqlite":
        for table in tenanted_tables():
            force(connection, table.name, on=on)


def _move_table(
    reading: Connection, writing: Connection, table: Table, progress: Progress
) -> Moved:
    total = reading.scalar(select(func.count()).select_from(table)) or 0
    progress(table.name, 0, total)
    seen = _Sum()

    def batches() -> Iterator[list[Row]]:
        for batch in _read(reading, table):
            seen.add(batch)
            yield batch
            progress(table.name, seen.rows, total)

    with _refusals(writing, table):
        _write(writing, table, batches())
    return Moved(table.name, seen.rows, seen.digest)


def _compare(connection: Connection, moved: Sequence[Moved]) -> None:
    """Read back what arrived. Raises: MoveUnequal."""
    for left in moved:
        arrived = _Sum()
        for batch in _read(connection, Base.metadata.tables[left.table]):
            arrived.add(batch)
        if (arrived.rows, arrived.digest) != (left.rows, left.digest):
            raise MoveUnequal(
                f"{left.table}: {left.rows} rows left and {arrived.rows} arrived, or some differ"
            )


class _Sum:
    """A count and a sum of hashes: the same in whatever order a database gives its rows."""

    def __init__(self) -> None:
        self.rows, self._sum = 0, 0

    def add(self, batch: Sequence[Row]) -> None:
        encode = msgspec.msgpack.encode
        self._sum += sum(int.from_bytes(sha256(encode(row)).digest()) for row in batch)
        self.rows += len(batch)

    @property
    def digest(self) -> str:
        return f"{self._sum % 2**256:064x}"


def _read(connection: Connection, table: Table) -> Iterator[list[Row]]:
    """Stream a table's rows, each as SQLite keeps it."""
    is_sqlite = connection.dialect.name == "sqlite"
    columns = ", ".join(_kept(column, is_sqlite=is_sqlite) for column in table.columns)
    driver: Any = connection.connection.driver_connection
    with closing(driver.cursor() if is_sqlite else driver.cursor(name="moving")) as cursor:
        cursor.execute(f'SELECT {columns} FROM "{table.name}"')  # noqa: S608 - names of our own
        while batch := cursor.fetchmany(BATCH_ROWS):
            yield batch


def _kept(column: Column[Any], *, is_sqlite: bool) -> str:
    """Return the expression that gives a column's value as SQLite keeps it."""
    name = f'"{column.name}"'
    if isinstance(column.type, JSON):
        return f"CAST({name} AS TEXT)"  # a bare number is one to SQLite
    if not is_sqlite and isinstance(column.type, Uuid):
        return f"replace({name}::text, '-', '')"
    if not is_sqlite and isinstance(column.type, Boolean):
        return f"{name}::int"
    return name


def _write(connection: Connection, table: Table, batches: Iterator[list[Row]]) -> None:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    into = f'"{table.name}" ({names})'
    driver: Any = connection.connection.driver_connection
    with closing(driver.cursor()) as cursor:
        if connection.dialect.name == "sqlite":
            places = ", ".join("?" * len(table.columns))
            for batch in batches:
                cursor.executemany(f"INSERT INTO {into} VALUES ({places})", batch)  # noqa: S608
            return
        with cursor.copy(f"COPY {into} FROM STDIN") as copy:
            for batch in batches:
                for row in batch:
                    copy.write_row(row)


@contextmanager
def _refusals(connection: Connection, table: Table) -> Iterator[None]:
    """Say which table the target's driver speaks of: it was called past SQLAlchemy."""
    driver: Any = connection.dialect.dbapi
    try:
        yield
    except DBAPIError:
        raise
    except driver.OperationalError as error:
        raise DatabaseUnreachable(f"{table.name}: {error}") from error
    except driver.Error as error:
        raise RowNotTaken(f"the target refuses a row of {table.name}: {error}") from error


def _go_on_numbering(reading: Connection, writing: Connection, table: Table) -> None:
    """Let the target's next number follow the last that the source ever gave."""
    column = table.autoincrement_column
    if column is None or writing.dialect.name == "sqlite":  # which follows its rows by itself
        return
    last = reading.scalar(select(func.max(column))) or 0
    if reading.dialect.name == "sqlite":  # it remembers numbers of rows that are gone
        query = "SELECT seq FROM sqlite_sequence WHERE name = ?"
        last = max(last, reading.exec_driver_sql(query, (table.name,)).scalar() or 0)
    sequence = writing.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
    if sequence is not None and last:
        writing.execute(select(func.setval(sequence, last)))
