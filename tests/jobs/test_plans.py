"""What each database reads for a look at the queue: little, also where a great many jobs have ended."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, event, insert
from sqlalchemy.orm import Session

from camel_ext.core.models import Job, State
from camel_ext.core.paging import Place
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.jobs import service

ENDED = 3_000  # PostgreSQL would read a table of a few rows whole
EVERY_S = 30
HOLDER = UUID(int=7)
Look = Callable[[Session], object]


@pytest.fixture
async def busy(runtime: Runtime, tenant: Tenant) -> Runtime:
    """A project of a day whose jobs have ended, all but the last four, which a worker holds."""
    now = runtime.clock.now()

    def row(n: int) -> dict[str, Any]:
        held = n < 4
        at = now - timedelta(seconds=n * EVERY_S)
        return {
            "id": runtime.new_id(), "kind": "shelf.fill", "args": {}, "run_at": at, "resources": {},
            "trace_id": "0" * 32, "created_at": at, "started_at": at,
            "state": State.RUNNING if held else State.SUCCEEDED,
            "worker_id": HOLDER if held else None, "finished_at": None if held else at,
        }  # fmt: skip

    await runtime.write(tenant, lambda db: db.execute(insert(Job), [row(n) for n in range(ENDED)]))
    if runtime.database.reader.dialect.name == "postgresql":
        with runtime.database.writer.connect() as connection:
            connection.exec_driver_sql("ANALYZE")  # as autovacuum would
            connection.commit()
    return runtime


@contextmanager
def planned(runtime: Runtime) -> Iterator[list[str]]:
    """Collect how the database would do what is read of the jobs meanwhile."""
    plans: list[str] = []
    engine = runtime.database.reader
    sqlite = engine.dialect.name == "sqlite"

    def explain(
        connection: Connection, _cursor: object, statement: str, values: Any, *_: object
    ) -> None:
        if "FROM jobs" not in statement or statement.startswith("EXPLAIN"):
            return
        how = "QUERY PLAN" if sqlite else "(FORMAT JSON)"
        cursor = connection.connection.cursor()
        cursor.execute(f"EXPLAIN {how} {statement}", values)
        rows = cursor.fetchall()
        plans.append("; ".join(row[3] for row in rows) if sqlite else json.dumps(rows[0][0]))

    event.listen(engine, "before_cursor_execute", explain)
    yield plans
    event.remove(engine, "before_cursor_execute", explain)


async def plans_of(runtime: Runtime, tenant: Tenant, look: Look) -> list[str]:
    """Return the plans of a look, after it was seen to be right."""
    with planned(runtime) as plans:
        await runtime.read(tenant, look)
    assert plans
    for plan in plans:
        assert "ix_jobs" in plan or "uq_jobs" in plan, plan
        assert "SCAN" not in plan, plan
        assert "Seq Scan" not in plan, plan
    return plans


async def test_what_a_worker_holds_is_found_without_what_has_ended(
    busy: Runtime, tenant: Tenant
) -> None:
    def look(db: Session) -> None:
        found, following = service.list_jobs(db, Place(2), worker=HOLDER)
        assert (len(found), following is None) == (2, False)

    for plan in await plans_of(busy, tenant, look):
        assert "ix_jobs_tenant_created" not in plan, plan
        assert "finished_at>" not in plan, plan


async def test_what_queues_show_is_read_from_what_is_open_or_has_just_ended(
    busy: Runtime, tenant: Tenant
) -> None:
    def look(db: Session) -> None:
        service.list_queues(db, busy.clock)

    plans = await plans_of(busy, tenant, look)
    assert (
        len(plans) == 4
    )  # open, ended in an hour, ended in some minutes, dead: however many there are
    lately = [plan for plan in plans if "finished_at >" in plan or "finished_at>" in plan]
    assert len(lately) == 2, plans
    for plan in lately:
        assert "ix_jobs_tenant_finished" in plan, plan
