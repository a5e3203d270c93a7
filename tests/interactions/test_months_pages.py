"""What PostgreSQL reads for a page of the log: the months of its time, and no others."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.paging import Place
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.interactions import InteractionFilter, list_interactions
from tests.interactions.months import MONTHS, as_owner, ask
from tests.postgres import temporary_copy

TENANT = Tenant(UUID(int=1), UUID(int=2))
AHEAD = 13  # months that are there: with a page's own and its neighbours, a good part is left out
WISHES: list[dict[str, object]] = [{}, {"agent_id": "a"}, {"failed": True}, {"session": "s"}]


@pytest.fixture
async def divided(postgres_server: str, postgres_template: str) -> AsyncIterator[Runtime]:
    """A runtime on a log of many months, all of them empty."""
    with temporary_copy(postgres_server, postgres_template) as url:
        runtime = Runtime(Database(url), SystemClock(), Random(), ThreadLanes())
        made = "SELECT camel_ext_add_month('interactions', 12)"
        while ask(runtime, made) != [None]:
            pass
        yield runtime
        await runtime.close()


@contextmanager
def asked(runtime: Runtime) -> Iterator[list[tuple[str, Any]]]:
    """Collect what the runtime's readers ask of the log, with its values."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        if "FROM interactions" in statement:
            seen.append((statement, values))

    engine = runtime.database.reader
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def read_parts(runtime: Runtime, statement: str, values: Any) -> set[str]:
    """Return which parts of the log PostgreSQL would look into."""
    with as_owner(runtime) as connection:
        row = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}", values).fetchone()
    assert row is not None
    return {name for name in _relations(row[0]) if name.startswith("interactions_")}


def _relations(plan: Any) -> Iterator[str]:
    if isinstance(plan, list):
        for each in plan:
            yield from _relations(each)
    elif isinstance(plan, dict):
        if "Relation Name" in plan:
            yield plan["Relation Name"]
        for each in plan.values():
            yield from _relations(each)


def middle_of(ahead: int) -> datetime:
    """A time 15 days into the month that is so many ahead, on the server's clock as it names months."""
    now = SystemClock().now()
    year, month = divmod(now.year * 12 + now.month - 1 + ahead, 12)
    return datetime(year, month + 1, 15, tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.parametrize("wish", WISHES, ids=json.dumps)
async def test_a_page_of_a_time_reads_its_months_alone(
    divided: Runtime, wish: dict[str, object]
) -> None:
    parts = set(ask(divided, MONTHS))
    assert len(parts) >= AHEAD
    at = middle_of(6)
    day = InteractionFilter.model_validate({"since": at, "until": at + timedelta(days=1), **wish})
    with asked(divided) as seen:
        await divided.read(TENANT, list_interactions, day, Place())
    assert seen
    named = {f"interactions_{at.year}_{at.month:02}"}
    for statement, values in seen:
        assert read_parts(divided, statement, values) - {"interactions_default"} == named


@pytest.mark.slow
async def test_a_page_since_a_time_leaves_out_what_is_older(divided: Runtime) -> None:
    since = InteractionFilter(since=middle_of(6))
    with asked(divided) as seen:
        await divided.read(TENANT, list_interactions, since, Place())
    ((statement, values),) = seen
    read = read_parts(divided, statement, values)
    assert "interactions_first" not in read
    assert len(read) < len(ask(divided, MONTHS)) - 5


@pytest.mark.slow
async def test_a_page_of_no_time_may_read_all(divided: Runtime) -> None:
    """What the others are worth: the same statement without a time looks into every part."""
    with asked(divided) as seen:
        await divided.read(TENANT, list_interactions, InteractionFilter(), Place())
    ((statement, values),) = seen
    assert read_parts(divided, statement, values) == set(ask(divided, MONTHS))
