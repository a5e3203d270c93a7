"""Counts, facets and histograms of the log, on both databases, and what they look at."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from camel_ext.core.database import Database
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.interactions import InteractionFilter, counting
from camel_ext.interactions.counting import (
    Settled,
    count_facets,
    count_interactions,
    count_over_time,
)
from camel_ext.interactions.schemas import FacetsShown, HistogramQuery, HistogramShown
from tests.conftest import House
from tests.fakes.clock import FakeClock
from tests.interactions.calls import Json, answer, failed
from tests.interactions.conftest import Record, recording
from tests.interactions.test_listing import NOBODY, plans_of
from tests.statements import counted

HOME = "/api/v1/interactions"


@pytest.fixture
async def six(record: Record) -> None:
    """Two agents, three tags, two failures."""
    for n in range(4):
        await record(f"word {n}", agent_id="a", tags=["all", f"n:{n % 2}"], session="s")
    await record("other", failed(), agent_id="b", tags=["all"])
    await record("none", failed("x.gone"), source="elsewhere")


@pytest.fixture
def look_at() -> Iterator[Callable[..., None]]:
    """Sets how many rows are looked at."""
    before = counting.COUNT_ROWS, counting.COUNT_MOST, counting.FACET_ROWS

    def set_to(rows: int, most: int) -> None:
        counting.COUNT_ROWS, counting.COUNT_MOST, counting.FACET_ROWS = rows, most, rows

    yield set_to
    counting.COUNT_ROWS, counting.COUNT_MOST, counting.FACET_ROWS = before


def told(found: FacetsShown, name: str) -> dict[str | None, int]:
    return {each.value: each.count for each in getattr(found, name)}


@pytest.mark.usefixtures("six")
class TestCount:
    @pytest.mark.parametrize(
        ("wanted", "count"),
        [({}, 6), ({"agent_id": "a"}, 4), ({"failed": True}, 2), ({"failed": False}, 4),
         ({"tag": "n:0"}, 2), ({"text": "word"}, 4), ({"agent_id": "a", "tag": "n:1"}, 2),
         ({"failed": True, "agent_id": "b"}, 1), ({"session": "x"}, 0),
         ({"one_of": ["agent_id:a", "agent_id:b"]}, 5), ({"none_of": ["agent_id:a"]}, 2),
         ({"one_of": ["tag:n:0", "tag:n:1"]}, 4), ({"none_of": ["tag:all"]}, 1),
         ({"tag": "all", "none_of": ["tag:n:1"]}, 3),
         ({"one_of": ["agent_id:a", "source:tests"], "none_of": ["tag:n:0"]}, 2),
         ({"one_of": [f"model_version_id:{UUID(int=1)}", f"model_version_id:{UUID(int=2)}"]}, 6)],
    )  # fmt: skip
    async def test_is_exact_where_it_looked_at_all(
        self, runtime: Runtime, tenant: Tenant, wanted: Json, count: int
    ) -> None:
        found = await runtime.read(tenant, count_interactions, InteractionFilter(**wanted))
        assert (found.count, found.exact, found.searched_until) == (count, True, None)

    async def test_says_at_least(
        self, runtime: Runtime, tenant: Tenant, look_at: Callable[..., None]
    ) -> None:
        look_at(3, 5)
        many = await runtime.read(tenant, count_interactions, InteractionFilter())
        assert (many.count, many.exact, many.searched_until) == (5, False, None)
        some = await runtime.read(tenant, count_interactions, InteractionFilter(text="word"))
        assert (some.count, some.exact) == (1, False)
        assert some.searched_until is not None


@pytest.mark.usefixtures("six")
class TestFacets:
    async def test_each_value_is_counted(self, runtime: Runtime, tenant: Tenant) -> None:
        found = await runtime.read(tenant, count_facets, InteractionFilter())
        assert told(found, "agent_id") == {"a": 4, "b": 1, None: 1}
        assert told(found, "tag") == {"all": 5, "n:0": 2, "n:1": 2, None: 1}
        assert told(found, "error_code") == {
            None: 4, "serving.engine_timeout": 1, "x.gone": 1,
        }  # fmt: skip
        assert told(found, "model_version_id") == {str(UUID(int=1)): 6}
        assert told(found, "source") == {"tests": 5, "elsewhere": 1}
        assert told(found, "finish_reason") == {"stop": 4, None: 2}
        assert found.agent_id[0].value == "a"
        assert found.searched_until is None

    async def test_a_facet_shows_what_else_there_is(self, runtime: Runtime, tenant: Tenant) -> None:
        wanted = InteractionFilter(agent_id="a", tag="n:0")
        found = await runtime.read(tenant, count_facets, wanted)
        assert told(found, "agent_id") == {"a": 2}  # of those with the tag
        assert told(found, "tag") == {"all": 4, "n:0": 2, "n:1": 2}  # of those by the agent
        assert told(found, "purpose") == {"run": 2}
        lost = await runtime.read(tenant, count_facets, InteractionFilter(failed=True))
        assert told(lost, "error_code")[None] == 4
        assert told(lost, "agent_id") == {"b": 1, None: 1}

    async def test_a_facet_shows_what_else_could_be_chosen_or_left_out(
        self, runtime: Runtime, tenant: Tenant
    ) -> None:
        wanted = InteractionFilter(one_of=["agent_id:b"], none_of=["source:tests"])
        found = await runtime.read(tenant, count_facets, wanted)
        assert told(found, "agent_id") == {None: 1}  # whoever, but not from the tests
        assert told(found, "source") == {"tests": 1}  # from wherever, but by b
        assert told(found, "purpose") == {}

    async def test_the_newest_are_looked_at(
        self, runtime: Runtime, tenant: Tenant, look_at: Callable[..., None]
    ) -> None:
        look_at(2, 5)
        found = await runtime.read(tenant, count_facets, InteractionFilter())
        assert told(found, "agent_id") == {"b": 1, None: 1}
        assert (found.rows, found.searched_until is None) == (2, False)

    async def test_at_most_fifty_values(
        self, record: Record, runtime: Runtime, tenant: Tenant
    ) -> None:
        for n in range(60):
            await record("x", agent_id=f"agent {n}")
        found = await runtime.read(tenant, count_facets, InteractionFilter())
        assert len(found.agent_id) == 50


@pytest.mark.usefixtures("six")
class TestHistogram:
    async def ask(self, runtime: Runtime, tenant: Tenant, **wanted: Any) -> HistogramShown:
        query = HistogramQuery(**wanted)
        found: HistogramShown = await runtime.read(
            tenant, count_over_time, runtime.clock, Settled(), query
        )
        return found

    @pytest.mark.parametrize(
        ("wanted", "count", "errors"),
        [({}, 6, 2), ({"agent_id": "a"}, 4, 0), ({"agent_id": "b"}, 1, 1), ({"tag": "all"}, 5, 1),
         ({"text": "o"}, 6, 2), ({"failed": True}, 2, 2), ({"failed": False}, 4, 0),
         ({"session": "x"}, 0, 0)],
    )  # fmt: skip
    async def test_parts_hold_each_call_once(
        self, runtime: Runtime, tenant: Tenant, wanted: Json, count: int, errors: int
    ) -> None:
        found = await self.ask(runtime, tenant, buckets=7, **wanted)
        assert sum(each.count or 0 for each in found.buckets) == count
        assert sum(each.errors or 0 for each in found.buckets) == errors
        assert len(found.buckets) <= 7
        assert bool(found.buckets) == bool(count)
        assert found.searched_until is None

    async def test_a_range_is_divided_as_asked(
        self, record: Record, runtime: Runtime, tenant: Tenant
    ) -> None:
        until = runtime.clock.now() + timedelta(hours=1)
        since = until - timedelta(hours=4)
        found = await self.ask(runtime, tenant, since=since, until=until, buckets=4)
        assert [each.count for each in found.buckets] == [0, 0, 6, 0] or (
            [each.count for each in found.buckets] == [0, 0, 0, 6]
        )
        assert [each.since for each in found.buckets] == [
            since + n * timedelta(hours=1) for n in range(4)
        ]
        assert (await self.ask(runtime, tenant, since=until, until=since)).buckets == []

    async def test_what_was_not_looked_at_is_not_zero(
        self, runtime: Runtime, tenant: Tenant, look_at: Callable[..., None]
    ) -> None:
        look_at(2, 5)
        now = runtime.clock.now()
        found = await self.ask(
            runtime, tenant, text="o", since=now - timedelta(hours=1), until=now, buckets=500
        )
        assert found.searched_until is not None
        assert found.buckets[0].count is None
        assert {each.count for each in found.buckets} <= {None, 0, 1, 2}


class TestWhatHasSettled:
    """Three hours of calls, one each ten minutes, the newest now."""

    @pytest.fixture
    async def desk(self, sqlite_url: str) -> AsyncIterator[tuple[Runtime, FakeClock]]:
        clock = FakeClock()
        runtime = Runtime(Database(sqlite_url), clock, Random(7), ThreadLanes())
        record = recording(runtime, NOBODY)
        for n in range(18):
            await record("x", failed() if n % 6 == 0 else "yes", agent_id=f"a{n % 2}")
            clock.advance(600)
        yield runtime, clock
        await runtime.close()

    async def test_is_counted_once(self, desk: tuple[Runtime, FakeClock]) -> None:
        runtime, clock = desk
        settled, record = Settled(), recording(runtime, NOBODY)

        async def ask(memory: Settled = settled, **wanted: Any) -> HistogramShown:
            query = HistogramQuery(buckets=20, **wanted)
            found: HistogramShown = await runtime.read(
                NOBODY, count_over_time, clock, memory, query
            )
            return found

        for step in range(40):
            clock.advance(37)
            await record("new", failed() if step % 5 == 0 else "yes", agent_id="a1")
            for wanted in ({}, {"agent_id": "a1"}, {"since": clock.now() - timedelta(hours=1)}):
                found = await ask(**wanted)
                assert found == await ask(Settled(), **wanted), (step, wanted)
            assert sum(each.count or 0 for each in (await ask()).buckets) == 19 + step
        with counted(runtime, ("WITH parts",)) as seen:
            await ask()
        assert len(seen) == 2
        assert all(each.count("(CAST(? AS INTEGER)") + each.count("(?, ?, ?)") < 8 for each in seen)

    async def test_is_of_one_tenant_and_one_filter(self, desk: tuple[Runtime, FakeClock]) -> None:
        runtime, clock = desk
        settled = Settled()
        counts = []
        for tenant, wanted in (
            (NOBODY, {}), (NOBODY, {"agent_id": "a0"}), (Tenant(UUID(int=5), UUID(int=6)), {}),
        ):  # fmt: skip
            query = HistogramQuery(since=clock.now() - timedelta(hours=4), **wanted)
            found = await runtime.read(tenant, count_over_time, clock, settled, query)
            counts.append(sum(each.count or 0 for each in found.buckets))
        assert counts == [18, 9, 0]

    async def test_what_is_remembered_is_bounded(self) -> None:
        settled, start = Settled(remember=2), datetime(2030, 1, 1, tzinfo=UTC)
        for n in range(4):
            at = start + timedelta(hours=n)
            settled.add({(NOBODY, "{}", at, at): n})
        keys = [(NOBODY, "{}", start + timedelta(hours=n), start + timedelta(hours=n)) for n in
                range(4)]  # fmt: skip
        assert sorted(settled.find(keys).values()) == [2, 3]


COVERED: list[tuple[str, Callable[[Any], object]]] = [
    ("ix_interactions_created", lambda db: count_interactions(db, InteractionFilter())),
    ("ix_interactions_agent", lambda db: count_interactions(db, InteractionFilter(agent_id="a"))),
    ("ix_interactions_error", lambda db: count_interactions(db, InteractionFilter(failed=True))),
]


@pytest.mark.parametrize(("index", "read"), COVERED, ids=[each[0] for each in COVERED])
async def test_counts_read_the_index_alone(
    sqlite_runtime: Runtime, index: str, read: Callable[[Any], object]
) -> None:
    plans = await plans_of(sqlite_runtime, read)
    assert [plan for plan in plans if f"COVERING INDEX {index}" in plan], plans


async def test_a_histogram_reads_the_indexes_alone(sqlite_runtime: Runtime) -> None:
    now = sqlite_runtime.clock.now()
    query = HistogramQuery(since=now - timedelta(days=1), until=now)
    plans = await plans_of(
        sqlite_runtime, lambda db: count_over_time(db, sqlite_runtime.clock, Settled(), query)
    )
    for index in ("ix_interactions_created", "ix_interactions_failed"):
        assert [plan for plan in plans if f"COVERING INDEX {index}" in plan], plans


async def test_they_are_told_over_http(house: House, house_record: Record) -> None:
    await house_record("é", answer("x"), agent_id="a", tags=["t"])
    viewer = await house.as_role("viewer")
    assert (await viewer.get(f"{HOME}/count", params={"agent_id": "a"})).json() == {
        "count": 1, "exact": True, "searched_until": None,
    }  # fmt: skip
    facets = (await viewer.get(f"{HOME}/facets")).json()
    assert facets["tag"] == [{"value": "t", "count": 1}]
    buckets = (await viewer.get(f"{HOME}/histogram", params={"buckets": 3})).json()["buckets"]
    assert sum(each["count"] for each in buckets) == 1
    other = await house.as_role("owner", org="other")
    assert (await other.get(f"{HOME}/count")).json()["count"] == 0
    assert (await other.get(f"{HOME}/facets")).json()["agent_id"] == []
    assert (await other.get(f"{HOME}/histogram")).json()["buckets"] == []
    for path in ("count", "facets", "histogram"):
        assert (await viewer.get(f"{HOME}/{path}", params={"nonsense": "1"})).status_code == 422


@pytest.mark.parametrize("path", ["", "/count", "/facets", "/histogram"])
async def test_a_number_that_no_column_holds_is_refused(house: House, path: str) -> None:
    answer = await house.client.get(f"{HOME}{path}", params={"min_tokens": 2**63})
    assert answer.status_code == 422
    assert "min_tokens" in answer.json()["detail"]
