"""Finding runs: each filter, pages of them, and what a text looks at."""

from collections.abc import Iterator

import pytest

from camel_ext.workflows import runs
from tests.statements import counted
from tests.workflows.conftest import Json, Stage

PATH = "/api/v1/runs"


async def found(stage: Stage, **query: str | int) -> list[str]:
    """Ids of all pages."""
    ids, cursor = list[str](), None
    while True:
        params = {**query, **({"cursor": cursor} if cursor else {})}
        page = (await stage.client.get(PATH, params=params)).json()
        ids += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return ids


@pytest.fixture
def small_scan() -> Iterator[None]:
    """A page looks at two runs."""
    before = runs.SCAN_ROWS
    runs.SCAN_ROWS = 2
    yield
    runs.SCAN_ROWS = before


@pytest.fixture
async def three(stage: Stage) -> list[Json]:
    """Runs, oldest first: of two workflows, with tags and a session."""
    stage.engine.free.clear()
    first = await stage.start("talk", input={"goal": "Größe_100%"}, tags=["topic:red", "x"])
    second = await stage.start("talk", input={"goal": "a Größe"}, session="s")
    third = await stage.start("best", purpose="sample")
    stage.engine.free.set()
    return [first, second, third]


async def test_each_filter_finds_its_own(stage: Stage, three: list[Json]) -> None:
    first, second, third = (each["id"] for each in three)
    expected: list[tuple[Json, list[str]]] = [
        ({}, [third, second, first]),
        ({"limit": 1}, [third, second, first]),
        ({"workflow": "talk"}, [second, first]),
        ({"purpose": "sample"}, [third]),
        ({"session": "s"}, [second]),
        ({"tag": "topic:red"}, [first]),
        ({"tag": "topic"}, []),
        ({"text": "größe"}, [second, first]),
        ({"text": "größe", "limit": 1}, [second, first]),
        ({"text": "_100%"}, [first]),
        ({"text": "größe", "session": "s"}, [second]),
        ({"since": three[1]["created_at"]}, [third, second]),
        ({"until": three[1]["created_at"]}, [first]),
        ({"parent_run_id": first}, []),
    ]
    for query, ids in expected:
        assert await found(stage, **query) == ids, query


@pytest.mark.usefixtures("small_scan")
async def test_a_text_looks_at_a_bounded_number_of_runs(stage: Stage, three: list[Json]) -> None:
    page = (await stage.client.get(PATH, params={"text": "100"})).json()
    assert page["items"] == []
    assert page["next_cursor"] is not None
    assert await found(stage, text="100") == [three[0]["id"]]


async def test_a_page_takes_one_statement_and_a_text_two(stage: Stage, three: list[Json]) -> None:
    for query, most in (({}, 1), ({"text": "a"}, 2)):
        with counted(stage.house.runtime, ("FROM runs",)) as seen:
            assert (await stage.client.get(PATH, params=query)).status_code == 200
        assert len([each for each in seen if "ORDER BY runs.created_at DESC" in each]) == most


async def test_a_wrong_query_is_refused(stage: Stage) -> None:
    for query in ({"stat": "x"}, {"state": "x"}, {"text": ""}, {"since": "x"}, {"limit": 0}):
        assert (await stage.client.get(PATH, params=query)).status_code == 422, query
