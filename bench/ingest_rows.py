"""The rows of recorded calls, written to our tables in several ways: one connection, batches of 500.

It makes what `bench.ingest` measures and measures nothing itself.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Self
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy import Executable

from camel_ext import rooms
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.ids import uuid7
from camel_ext.core.journal import INSERT_OUTBOX, Append, apply_appends
from camel_ext.core.migrate import migrate
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import Recorder
from camel_ext.interactions.ingesting import read_lines, record_all
from camel_ext.registry import EngineKind, ResolvedModel
from camel_ext.registry.resolve import Price

BATCH = 500
TENANT = Tenant(UUID(int=1), UUID(int=2))
MODEL = ResolvedModel(UUID(int=1), "small", EngineKind.LOCAL, {"file": "b"}, Price(1, 2), None)
WAYS = ("rows", "uncompressed", "executemany", "copy")
Entries = list[tuple[Executable, dict[str, Any]]]


class Rows:
    """A migrated database, and the entries of so many calls, made ahead."""

    def __init__(self, url: str, calls: list[dict[str, Any]], superuser: str) -> None:
        rooms.import_models()
        self._database, self._superuser = Database(url), superuser
        migrate(self._database)
        clock, rng = SystemClock(), Random(1)
        recorder = Recorder(clock, lambda: uuid7(clock, rng))
        lines = [msgspec.json.encode(each) for each in calls]
        self._entries: list[Entries] = []
        for start in range(0, len(lines), BATCH):
            told = read_lines(b"\n".join(lines[start : start + BATCH]))
            made = record_all(recorder, TENANT, UUID(int=3), told, {"small": MODEL})
            self._entries += [
                [entry for entry in recorded.entries if entry[0] is not INSERT_OUTBOX]
                for _, recorded in made
            ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def write(self, way: str, first: int, last: int) -> None:
        """Write these calls, a commit for each batch."""
        ways: dict[str, Callable[[Entries], None]] = {
            "rows": self._as_the_journal,
            "uncompressed": self._as_the_journal,
            "executemany": self._one_by_one,
            "copy": self._copied,
        }
        for start in range(first, last, BATCH):
            entries = [entry for each in self._entries[start : start + BATCH] for entry in each]
            ways[way](entries)

    def _as_the_journal(self, entries: Entries) -> None:
        with self._database.begin(TENANT) as connection:
            ((_, failure),) = apply_appends(connection, [Append(TENANT, entries)], set())
            assert failure is None, failure

    def _one_by_one(self, entries: Entries) -> None:
        with self._database.begin(TENANT) as connection:
            for statement, rows in _by_statement(entries):
                connection.execute(statement, rows)

    def _copied(self, entries: Entries) -> None:
        with psycopg.connect(self._superuser) as connection:
            for statement, rows in _by_statement(entries):
                table: Any = statement.table  # type: ignore[attr-defined]
                names = list(rows[0])
                columns = ", ".join(f'"{name}"' for name in names)
                with connection.cursor().copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row([_plain(row[name]) for name in names])


def _by_statement(entries: Entries) -> list[tuple[Executable, list[dict[str, Any]]]]:
    grouped: dict[int, tuple[Executable, list[dict[str, Any]]]] = {}
    for statement, row in entries:
        grouped.setdefault(id(statement), (statement, []))[1].append(row)
    return list(grouped.values())


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    if hasattr(value, "timestamp"):
        return round(value.timestamp() * 1e6)
    return value
