"""Many rows into PostgreSQL by one statement: they travel as one JSON text, which the server unfolds.

`executemany` sends a message for each row and the server plans, executes and answers each; this way it
does so once (bench/ingest.py has the numbers, docs/adr/0020 what else was tried). COPY FROM would be
refused: PostgreSQL knows no policies there. What a row of JSON cannot hold exactly, bytes or a number
that is none, is left to the driver.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any, cast

import msgspec
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Dialect,
    Executable,
    Float,
    Insert,
    LargeBinary,
    Table,
)

FROM_ROWS = 8  # below it is not worth its plan
Value = Callable[[Any], Any]
_encode = msgspec.json.Encoder().encode


def insert_many(
    connection: Connection, statement: Executable, rows: Sequence[dict[str, Any]]
) -> bool:
    """Insert the rows by one statement of PostgreSQL where that can be done; tell whether it was.

    All rows have the same keys, each a column of the statement's table.
    """
    whole = as_one(statement, rows, connection.dialect)
    if whole is None:
        return False
    sql, text = whole
    connection.exec_driver_sql(sql, (text,), execution_options=statement.get_execution_options())
    return True


def as_one(
    statement: Executable, rows: Sequence[dict[str, Any]], dialect: Dialect
) -> tuple[str, str] | None:
    """Return the one statement that inserts the rows, and their text; None where it cannot be done."""
    if len(rows) < FROM_ROWS:
        return None
    plan = _plan(statement, tuple(rows[0]), dialect)
    if plan is None:
        return None
    try:
        return plan.sql, _encode([plan.fill(row) for row in rows]).decode()
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError):
        return None  # the driver says what is wrong with a value


@dataclass(frozen=True, slots=True)
class _Plan:
    sql: str
    values: list[tuple[str, Value | None]]

    def fill(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            name: row[name] if value is None or row[name] is None else value(row[name])
            for name, value in self.values
        }


@lru_cache(maxsize=256)
def _plan(statement: Executable, keys: tuple[str, ...], dialect: Dialect) -> _Plan | None:
    """Return how such rows are inserted, or None where the statement is more than its rows."""
    if not isinstance(statement, Insert) or _says_more(statement):
        return None
    table = cast(Table, statement.table)
    columns = [table.c.get(key) for key in keys]
    left_out = [column for column in table.c if column.name not in keys]
    if not all(map(_travels, columns)) or any(map(_is_worked_out, left_out)):
        return None
    quote = dialect.identifier_preparer
    named, name = ", ".join(map(quote.quote, keys)), quote.format_table(table)
    return _Plan(
        f"INSERT INTO {name} ({named}) SELECT {named} "  # noqa: S608 - names of our own
        f"FROM json_populate_recordset(NULL::{name}, %s::json)",
        [(column.name, _value(column, dialect)) for column in columns if column is not None],
    )


def _says_more(statement: Any) -> bool:
    more = (statement._values, statement._multi_values, statement._returning)
    clauses = (statement.select, statement._post_values_clause)
    return any(more) or any(clause is not None for clause in clauses)


def _travels(column: Column[Any] | None) -> bool:
    """Tell whether JSON holds the column's values, null apart from JSON's null."""
    if column is None or isinstance(column.type, LargeBinary):
        return False
    return not isinstance(column.type, JSON) or column.type.none_as_null


def _is_worked_out(column: Column[Any]) -> bool:
    """Tell whether SQLAlchemy gives the column a value, row by row."""
    return column.default is not None and not column.default.is_sequence


def _value(column: Column[Any], dialect: Dialect) -> Value | None:
    """Return what makes of a value that is not null what JSON holds of it."""
    if isinstance(column.type, JSON):
        return lambda value: msgspec.Raw(json.dumps(value).encode())
    if isinstance(column.type, Float):
        return _finite
    return column.type.dialect_impl(dialect).bind_processor(dialect)


def _finite(value: float) -> float:
    """Return a number that JSON knows. Raises: ValueError."""
    if not isfinite(value):
        raise ValueError("JSON has no such number")
    return value
