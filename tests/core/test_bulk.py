"""Many rows by one statement on PostgreSQL: the same rows as one by one, and the same refusals."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Executable, event, insert, select
from sqlalchemy.exc import SQLAlchemyError

from camel_ext.core.bulk import FROM_ROWS
from camel_ext.core.journal import INSERT_OUTBOX, Append, journalled
from camel_ext.core.models import OutboxRow
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.core.tables import Shelf

Row = dict[str, Any]
SHELF = journalled(insert(Shelf))
WORDS = [
    "plain",
    "",
    'a "quote"',
    "back\\slash \\u0041",
    "line\nend\ttab",
    "émoji 🐫",
    "%s %(x)s",
    "'",
]
PAYLOADS: list[Any] = [
    {}, {"a": None}, {"deep": [{"b": [1, 2.5, -1e-9, True, None]}]}, {"é": "🐫\n\\"},
    {"big": 2**60, "text": "null"}, {"": ""}, {"long": "x" * 5_000}, {"nul": "\\u0000"},
]  # fmt: skip


def row(runtime: Runtime, tenant: Tenant, number: int) -> Row:
    return {
        "org_id": tenant.org_id,
        "project_id": tenant.project_id,
        "type": "test.thing.done",
        "subject": WORDS[number % len(WORDS)],
        "payload": PAYLOADS[number % len(PAYLOADS)],
        "trace_id": None if number % 2 else "a" * 32,
        "created_at": runtime.clock.now(),
    }


@contextmanager
def inserts(runtime: Runtime, table: str) -> Iterator[list[bool]]:
    """Collect, for each INSERT into a table, whether it was an executemany."""
    seen: list[bool] = []

    def note(_c: object, _cursor: object, sql: str, _p: object, _x: object, many: bool) -> None:
        if sql.startswith("INSERT") and table in sql:
            seen.append(many)

    engine = runtime.database.writer
    event.listen(engine, "before_cursor_execute", note)
    with pytest.MonkeyPatch.context() as patched:
        if not runtime.database.is_sqlite:  # the journal speaks to the driver itself
            _note_of_the_driver(patched, note)
        yield seen
    event.remove(engine, "before_cursor_execute", note)


def _note_of_the_driver(patched: pytest.MonkeyPatch, note: Callable[..., None]) -> None:
    from camel_ext.core.postgres import PatientCursor

    executemany = PatientCursor.executemany

    def noting(self: PatientCursor, sql: str, rows: list[Any], **how: Any) -> None:
        note(None, self, sql, rows, None, len(rows) > 1)
        executemany(self, sql, rows, **how)

    patched.setattr(PatientCursor, "executemany", noting)


def kept(db: Any) -> list[tuple[Any, ...]]:
    columns = (OutboxRow.subject, OutboxRow.payload, OutboxRow.trace_id, OutboxRow.created_at)
    return [tuple(each) for each in db.execute(select(*columns).order_by(OutboxRow.id))]


async def test_rows_are_the_same_however_many_come_at_once(core: Runtime, tenant: Tenant) -> None:
    rows = [row(core, tenant, number) for number in range(4 * len(WORDS))]
    with inserts(core, "outbox") as seen:
        await core.gate.append(Append(tenant, [(INSERT_OUTBOX, each) for each in rows]))
    together = await core.read(tenant, kept)
    assert len(seen) == 1
    if not core.database.is_sqlite:
        assert seen == [False], "one statement for all, not one message each"
    for each in rows:
        await core.gate.append(Append(tenant, [(INSERT_OUTBOX, each)]))
    everything = await core.read(tenant, kept)
    assert everything[len(rows) :] == together
    assert [each[:2] for each in together] == [(each["subject"], each["payload"]) for each in rows]


async def test_statements_do_not_grow_with_rows(core: Runtime, tenant: Tenant) -> None:
    for rows in (FROM_ROWS, 500):
        entries: list[tuple[Executable, Row]] = [
            (INSERT_OUTBOX, row(core, tenant, number)) for number in range(rows)
        ]
        with inserts(core, "outbox") as seen:
            await core.gate.append(Append(tenant, entries))
        assert len(seen) == 1


@pytest.mark.parametrize("name", ["a\0b", "x" * 41, "\ud800"], ids=["nul", "too long", "surrogate"])
async def test_what_cannot_be_stored_hurts_its_append_alone(
    core: Runtime, tenant: Tenant, name: str
) -> None:
    if core.database.is_sqlite and name != "\ud800":
        pytest.skip("SQLite stores it")

    def shelf(words: str) -> Append:
        values = {"org_id": tenant.org_id, "project_id": tenant.project_id}
        return Append(tenant, [(SHELF, {"id": core.new_id(), "name": words, **values})])

    batch = [shelf(f"good {number}") for number in range(FROM_ROWS)] + [shelf(name)]
    results = await asyncio.gather(
        *(core.gate.append(each) for each in batch), return_exceptions=True
    )
    assert results[:-1] == [None] * FROM_ROWS
    assert isinstance(results[-1], (SQLAlchemyError, ValueError))
    names = await core.read(tenant, lambda db: db.scalars(select(Shelf.name)).all())
    assert sorted(names) == sorted(f"good {number}" for number in range(FROM_ROWS))


async def test_another_tenants_row_is_refused_by_the_database_too(
    core: Runtime, tenant: Tenant
) -> None:
    """The statement stands behind row-level security as any other does."""
    if core.database.is_sqlite:
        pytest.skip("SQLite has no policies")
    other = Tenant(UUID(int=8), UUID(int=9))
    rows = [row(core, other, number) for number in range(FROM_ROWS)]

    def write(connection: Any, _signals: object) -> None:
        from camel_ext.core.bulk import insert_many

        assert insert_many(connection, INSERT_OUTBOX, rows)

    with pytest.raises(SQLAlchemyError, match="row-level security"):
        await core.gate.write(write, acting=tenant)
