"""The log over HTTP: filters, pages, whole interactions, exports; nothing for strangers."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from camel_ext.interactions import Answer, service
from camel_ext.interactions.schemas import InteractionPage, InteractionShown
from tests.conftest import House
from tests.interactions.calls import FORM, TOOLS, Json, answer, failed, prompt, said, user
from tests.interactions.conftest import Record

HOME = "/api/v1/interactions"
NOBODY = UUID(int=0)
ROUTES = [HOME, f"{HOME}/export", f"{HOME}/count", f"{HOME}/facets", f"{HOME}/histogram", f"{HOME}/{NOBODY}",
          f"{HOME}/{NOBODY}/request"]  # fmt: skip


@pytest.mark.parametrize("path", ROUTES)
async def test_a_stranger_is_refused(house: House, path: str) -> None:
    assert (await house.as_key(None).get(path)).status_code == 401


async def test_another_organisation_sees_nothing(house: House, house_record: Record) -> None:
    mine = await house_record("a canary", session="s", tags=["t"], trace_id="c" * 32)
    other = await house.as_role("owner", org="other")
    for query in ({}, {"session": "s"}, {"tag": "t"}, {"text": "canary"}, {"trace_id": "c" * 32}):
        page = await other.get(HOME, params=query)
        assert page.json() == {
            "items": [], "next_cursor": None, "previous_cursor": None, "searched_until": None,
        }  # fmt: skip
        assert (await other.get(f"{HOME}/export", params=query)).text == ""
    for path in (f"{HOME}/{mine.id}", f"{HOME}/{mine.id}/request"):
        answered = await other.get(path)
        assert answered.status_code == 404
        assert "canary" not in answered.text
        assert answered.json()["code"] == "interactions.interaction_unknown"


async def test_a_viewer_reads_one_whole(house: House, house_record: Record) -> None:
    asked = prompt([user("one"), said("two"), user("three")], tools=TOOLS, response_format=FORM)
    recorded = await house_record(asked, answer("four", ttft_ms=1.5), session="s")
    viewer = await house.as_role("viewer")
    got = await viewer.get(f"{HOME}/{recorded.id}")
    assert got.status_code == 200
    shown = got.json()
    assert (shown["messages"], shown["tools"]) == (list(asked.messages), TOOLS)
    assert shown["response_format"] == FORM
    assert shown["answer"]["content"] == "four"
    assert shown["response"]["usage"]["total_tokens"] == 8
    assert (shown["cost_usd_micros"], shown["ttft_ms"]) == (13, 1.5)
    assert (await viewer.get(f"{HOME}/{recorded.id}/request")).content == asked.sent
    assert (await viewer.get(f"{HOME}/{NOBODY}")).status_code == 404


async def test_what_is_shown_is_what_is_declared(house: House, house_record: Record) -> None:
    """The routes do not run `response_model`: their JSON must be the one it would give."""
    run_id = UUID(int=9)
    rows = [
        await house_record("é", tags=["t"], run_id=run_id, step_key="a/call[0]", trace_id="d" * 32),
        await house_record("x", failed()),
    ]
    page = (await house.client.get(HOME)).text
    assert json.loads(InteractionPage.model_validate_json(page).model_dump_json()) == (
        json.loads(page)
    )
    assert set(json.loads(page)["items"][0]) == set(InteractionPage.model_fields["items"].
        annotation.__args__[0].model_fields)  # type: ignore[union-attr]  # fmt: skip
    for each in rows:
        one = (await house.client.get(f"{HOME}/{each.id}")).text
        assert json.loads(InteractionShown.model_validate_json(one).model_dump_json()) == (
            json.loads(one)
        )
        assert set(json.loads(one)) == set(InteractionShown.model_fields)


async def test_each_filter_finds_its_own(house: House, house_record: Record) -> None:
    run_id = UUID(int=9)
    await house_record("plain words")
    wanted = await house_record(
        "Where is 100% of the_Ship?",
        Answer(25_000.0, None, "length", 90, 10, error_code="x.lost"), session="s",
        source="elsewhere", step_key="a/call[0]", agent_id="ag", run_id=run_id,
        tags=["red", "blue"], trace_id="e" * 32, purpose="eval",
    )  # fmt: skip
    filters: list[Json] = [
        {"run_id": str(run_id)}, {"session": "s"}, {"agent_id": "ag"}, {"tag": "blue"},
        {"trace_id": "e" * 32}, {"failed": "true"}, {"error_code": "x.lost"}, {"purpose": "eval"},
        {"text": "100% of the_ship"}, {"tag": "red", "failed": "true", "text": "ship"},
        {"session": "s", "alias": "fast", "model_version_id": str(UUID(int=1))},
        {"agent_id": "ag", "tag": "red"}, {"source": "elsewhere"}, {"step_key": "a/call[0]"},
        {"finish_reason": "length"}, {"min_total_ms": 20_000, "max_total_ms": 30_000},
        {"min_tokens": 100}, {"failed": "true", "agent_id": "ag"},
    ]  # fmt: skip
    for each in filters:
        found = (await house.client.get(HOME, params=each)).json()["items"]
        assert [row["id"] for row in found] == [str(wanted.id)], each
        lines = (await house.client.get(f"{HOME}/export", params=each)).text.splitlines()
        assert [json.loads(line)["id"] for line in lines] == [str(wanted.id)], each
    for none in ({"text": "the0Ship"}, {"adapter_version_id": str(NOBODY)}, {"tag": "re"},
                 {"alias": "slow"}, {"error_code": "x.los"}, {"failed": "true", "tag": "green"}):  # fmt: skip
        assert (await house.client.get(HOME, params=none)).json()["items"] == [], none
    at = (await house.client.get(f"{HOME}/{wanted.id}")).json()["created_at"]
    newer = (await house.client.get(HOME, params={"since": at})).json()["items"]
    older = (await house.client.get(HOME, params={"until": at})).json()["items"]
    assert str(wanted.id) in {row["id"] for row in newer} - {row["id"] for row in older}


@pytest.mark.parametrize("query", [{}, {"tag": "t"}, {"purpose": "run"}, {"tag": "t", "text": "n"}])
async def test_pages_give_each_row_once(house: House, house_record: Record, query: Json) -> None:
    made = [str((await house_record(f"n {n}", tags=["t"])).id) for n in range(7)]
    seen, cursor = [], None
    while True:
        params = {**query, "limit": 3, **({"cursor": cursor} if cursor else {})}
        page = (await house.client.get(HOME, params=params)).json()
        seen += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


@pytest.mark.parametrize("query", [{"purpose": "eval"}, {"tag": "t", "purpose": "eval"}])
async def test_a_sparse_filter_looks_at_a_bounded_number_of_rows(
    house: House, house_record: Record, query: Json, small_scan: Callable[[int], None]
) -> None:
    first = await house_record("needle", purpose="eval", tags=["t"])
    for n in range(9):
        await house_record(f"hay {n}", tags=["t"])
    small_scan(4)
    pages: list[list[str]] = []
    cursor = None
    while not pages or cursor:
        params = {**query, **({"cursor": cursor} if cursor else {})}
        page = (await house.client.get(HOME, params=params)).json()
        pages.append([row["id"] for row in page["items"]])
        cursor = page["next_cursor"]
        assert (page["searched_until"] is None) == (cursor is None)
    assert pages == [[], [], [str(first.id)]]


@pytest.mark.parametrize("query", [{}, {"tag": "t"}, {"purpose": "run"}, {"tag": "t", "text": "n"}])
async def test_pages_lead_back_to_what_is_newer(
    house: House, house_record: Record, query: Json
) -> None:
    made = [str((await house_record(f"n {n}", tags=["t"])).id) for n in range(7)]

    async def page(**place: Any) -> Json:
        answered = await house.client.get(HOME, params={**query, "limit": 3, **place})
        found: Json = answered.json()
        return found

    first = await page()
    second = await page(cursor=first["next_cursor"])
    third = await page(cursor=second["next_cursor"])
    assert [row["id"] for row in third["items"]] == made[:1]
    back = await page(before=third["previous_cursor"])
    assert back["items"] == second["items"]
    assert (await page(cursor=back["next_cursor"]))["items"] == third["items"]
    top = await page(before=back["previous_cursor"])
    assert top["items"] == first["items"]
    nothing = await page(before=top["previous_cursor"])
    assert nothing["items"] == []
    assert (nothing["next_cursor"], nothing["searched_until"]) == (None, None)
    newest = str((await house_record("n 8", tags=["t"])).id)
    fresh = await page(before=nothing["previous_cursor"])
    assert [row["id"] for row in fresh["items"]] == [newest]


async def test_a_sparse_filter_looks_forth_at_a_bounded_number_of_rows(
    house: House, house_record: Record, small_scan: Callable[[int], None]
) -> None:
    await house_record("begin")
    start = (await house.client.get(HOME)).json()["previous_cursor"]
    for n in range(9):
        await house_record(f"hay {n}")
    last = await house_record("needle", purpose="eval")
    small_scan(4)
    pages: list[list[str]] = []
    before, more = start, True
    while more:
        page = (await house.client.get(HOME, params={"purpose": "eval", "before": before})).json()
        pages.append([row["id"] for row in page["items"]])
        before, more = page["previous_cursor"], page["searched_until"] is not None
    assert pages == [[], [], [str(last.id)]]


@pytest.fixture
def small_scan() -> Any:
    """Sets how many rows a page looks at."""
    before = service.SCAN_ROWS

    def set_to(rows: int) -> None:
        service.SCAN_ROWS = rows

    yield set_to
    service.SCAN_ROWS = before


async def test_an_export_is_whole_and_ends(house: House, house_record: Record) -> None:
    made = [str((await house_record(f"n {n}")).id) for n in range(120)]
    answered = await house.client.get(f"{HOME}/export")
    assert answered.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answered.text.splitlines()]
    assert [line["id"] for line in lines] == made[::-1]
    assert lines[0]["messages"] == [user("n 119")]
    bare = (await house.client.get(f"{HOME}/export", params={"bodies": "false"})).text
    assert "messages" not in json.loads(bare.splitlines()[0])


@pytest.mark.parametrize(
    "query",
    [
        {"run_id": "x"}, {"since": "2030-01-01T00:00"}, {"limit": 0}, {"limit": 501},
        {"cursor": "a", "before": "a"}, {"min_total_ms": -1}, {"session": "\0"}, {"sesion": "s"}, {"cursor": "%%"}, {"purpose": "fun"}, {"text": ""},
        {"one_of": "colour:red"}, {"none_of": "run_id:7"}, {"none_of": "purpose:fun"}, {"one_of": "text:x"}, {"one_of": "agent_id:"},
    ],
)  # fmt: skip
async def test_a_wrong_query_is_refused(house: House, query: Json) -> None:
    answered = await house.client.get(HOME, params=query)
    assert answered.status_code == 422
    assert answered.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "most"),
    [
        (HOME, 1),
        (f"{HOME}?tag=t", 1),
        (f"{HOME}?failed=true", 1),
        (f"{HOME}?tag=t&run_id={NOBODY}", 2),
        (f"{HOME}/count?agent_id=a", 1),
        (f"{HOME}/count?agent_id=a&text=b", 2),
        (f"{HOME}/facets", 2),
        (f"{HOME}/facets?agent_id=a&tag=t", 6),
        (f"{HOME}/histogram", 3),
        (f"{HOME}/histogram?text=b", 5),
        (f"{HOME}?text=a&purpose=run", 2),
        (f"{HOME}/{{id}}", 2),
        (f"{HOME}/{{id}}/request", 1),
        (f"{HOME}/export", 2),
        (f"{HOME}/export?failed=false", 3),
    ],
)
async def test_routes_take_a_fixed_number_of_statements(
    house: House, house_record: Record, house_statements: list[str], path: str, most: int
) -> None:
    made = [await house_record(prompt([user("a"), said("b"), user(str(n))])) for n in range(5)]
    house_statements.clear()
    answered = await house.client.get(path.format(id=made[-1].id))
    assert answered.status_code == 200
    assert len(house_statements) == most


async def test_several_values_and_not_in_the_query(house: House, house_record: Record) -> None:
    for agent in ("a", "b", "c"):
        await house_record(agent, agent_id=agent)
    either = {"one_of": ["agent_id:a", "agent_id:b"]}
    assert (await house.client.get(f"{HOME}/count", params=either)).json()["count"] == 2
    neither = {"none_of": ["agent_id:a", "agent_id:b"]}
    page = (await house.client.get(HOME, params=neither)).json()
    assert [row["agent_id"] for row in page["items"]] == ["c"]
