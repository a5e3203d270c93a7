"""Pages of the log, on both databases: every filter with every place, and the indexes that serve."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from camel_ext.core.paging import Place, decode_cursor
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import InteractionFilter, list_interactions, list_trace
from tests.interactions.calls import failed
from tests.interactions.conftest import Record

RUN = UUID(int=9)
FULL: dict[str, Any] = {
    "session": "s", "agent_id": "ag", "run_id": RUN, "tags": ["t"], "trace_id": "f" * 32,
}  # fmt: skip
FILTERS: list[dict[str, Any]] = [
    {}, {"run_id": RUN}, {"session": "s"}, {"agent_id": "ag"}, {"tag": "t"},
    {"trace_id": "f" * 32}, {"model_version_id": UUID(int=1)}, {"purpose": "run"},
    {"alias": "fast", "failed": False}, {"text": "WORD"}, {"tag": "t", "text": "word"},
    {"run_id": RUN, "session": "s", "tag": "t", "failed": False},
]  # fmt: skip


@pytest.mark.parametrize("wanted", FILTERS, ids=lambda each: "+".join(each) or "all")
async def test_pages_follow_one_another(
    record: Record, runtime: Runtime, tenant: Tenant, wanted: dict[str, Any]
) -> None:
    made = [(await record(f"word {n}", **FULL)).id for n in range(5)]
    seen, place = [], Place(2)
    while True:
        page = await runtime.read(tenant, list_interactions, InteractionFilter(**wanted), place)
        seen += [row["id"] for row in page.items]
        if page.next_cursor is None:
            break
        place = Place(2, decode_cursor(page.next_cursor))
    assert seen == made[::-1]


async def test_a_trace_is_told_from_its_beginning(
    record: Record, runtime: Runtime, tenant: Tenant
) -> None:
    made = [(await record(f"{n}", **FULL)).id for n in range(3)]
    await record("another", failed())
    told = await runtime.read(tenant, list_trace, "f" * 32)
    assert [row["id"] for row in told] == made


SERVED_BY = [
    ({}, "ix_interactions_created"),
    ({"run_id": RUN}, "ix_interactions_run"),
    ({"session": "s"}, "ix_interactions_session"),
    ({"agent_id": "ag"}, "ix_interactions_agent"),
    ({"trace_id": "f" * 32}, "ix_interactions_trace"),
    ({"model_version_id": UUID(int=1)}, "ix_interactions_model"),
    ({"adapter_version_id": UUID(int=2)}, "ix_interactions_adapter"),
    ({"error_code": "x"}, "ix_interactions_error"),
    ({"tag": "t"}, "USING PRIMARY KEY"),
]


@pytest.mark.parametrize(("wanted", "index"), SERVED_BY, ids=lambda each: str(each)[:30])
async def test_an_index_serves_filter_order_and_place(
    sqlite_runtime: Runtime, wanted: dict[str, Any], index: str
) -> None:
    """No sorting and no scan, at any depth: page 10,000 costs what page 1 costs."""
    runtime, tenant = sqlite_runtime, Tenant(UUID(int=1), UUID(int=2))
    place = Place(2, (runtime.clock.now(), UUID(int=3)))
    plans: list[str] = []

    def explain(_c: object, cursor: Any, statement: str, parameters: Any, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in cursor.fetchall())

    def read(db: Session) -> None:
        list_interactions(db, InteractionFilter(**wanted), place)

    event.listen(runtime.database.reader, "before_cursor_execute", explain)
    await runtime.read(tenant, read)
    assert index in plans[0], plans
    assert not [plan for plan in plans if "SCAN" in plan or "TEMP B-TREE" in plan], plans
