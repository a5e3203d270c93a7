"""Pages of the log, on both databases: every filter with every place, and the indexes that serve."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from camel_ext.core.paging import Place, decode_cursor
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import InteractionFilter, list_candidates, list_interactions, list_trace
from tests.interactions.calls import failed
from tests.interactions.conftest import Record, recording

RUN = UUID(int=9)
NOBODY = Tenant(UUID(int=1), UUID(int=2))
FULL: dict[str, Any] = {
    "session": "s", "agent_id": "ag", "run_id": RUN, "tags": ["t"], "trace_id": "f" * 32,
    "forked_from_id": UUID(int=4),
}  # fmt: skip
FILTERS: list[dict[str, Any]] = [
    {}, {"run_id": RUN}, {"session": "s"}, {"agent_id": "ag"}, {"tag": "t"},
    {"trace_id": "f" * 32}, {"model_version_id": UUID(int=1)}, {"purpose": "run"},
    {"alias": "fast", "failed": False}, {"text": "WORD"}, {"tag": "t", "text": "word"},
    {"run_id": RUN, "session": "s", "tag": "t", "failed": False}, {"forked_from_id": UUID(int=4)},
    {"one_of": ["agent_id:ag", "agent_id:other"]}, {"tag": "t", "none_of": ["tag:u", "agent_id:x"]},
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
    ({"failed": True}, "ix_interactions_failed"),
    ({"forked_from_id": UUID(int=4)}, "ix_interactions_forked_from_id"),
    ({"tag": "t"}, "USING PRIMARY KEY"),
]


async def plans_of(runtime: Runtime, read: Callable[[Session], object]) -> list[str]:
    """How SQLite would do what is read."""
    plans: list[str] = []

    def explain(_c: object, cursor: Any, statement: str, parameters: Any, *_rest: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in cursor.fetchall())

    event.listen(runtime.database.reader, "before_cursor_execute", explain)
    await runtime.read(NOBODY, read)
    return plans


@pytest.mark.parametrize(("wanted", "index"), SERVED_BY, ids=lambda each: str(each)[:30])
async def test_an_index_serves_filter_order_and_place(
    sqlite_runtime: Runtime, wanted: dict[str, Any], index: str
) -> None:
    """No sorting and no scan, at any depth: page 10,000 costs what page 1 costs."""
    place = Place(2, (sqlite_runtime.clock.now(), UUID(int=3)))
    wish = InteractionFilter(**wanted)
    plans = await plans_of(sqlite_runtime, lambda db: list_interactions(db, wish, place))
    assert index in plans[0], plans
    assert not [plan for plan in plans if "SCAN" in plan or "TEMP B-TREE" in plan], plans


async def test_indexes_find_a_family(sqlite_runtime: Runtime) -> None:
    record = recording(sqlite_runtime, NOBODY)
    first = await record()
    await record(forked_from_id=first.id)
    plans = await plans_of(sqlite_runtime, lambda db: list_candidates(db, first.id))
    assert [plan for plan in plans if "ix_interactions_forked_from_id" in plan], plans
    slow = ("SCAN", "TEMP B-TREE", "ix_interactions_created")
    assert not [plan for plan in plans for word in slow if word in plan], plans
