"""Repeated deterministic questions, answered from memory by those who asked for that; nobody else's."""

from typing import Any

import pytest
from httpx import AsyncClient

from camel_ext.serving import serving_of
from tests.conftest import House
from tests.fakes.engine import FakeEngine, tool_call
from tests.serving.conftest import Log, add_alias

MESSAGES = [{"role": "user", "content": "Name a river."}]
YES = {"X-Camel-Remember": "yes"}
Json = dict[str, Any]


async def ask(client: AsyncClient, headers: dict[str, str] = YES, **body: Any) -> Any:
    wanted = {"model": "thinker", "messages": MESSAGES, "temperature": 0, **body}
    return await client.post("/v1/chat/completions", json=wanted, headers=headers)


async def test_the_same_question_is_asked_once_and_both_are_in_the_log(
    house: House, engine: FakeEngine, log: Log
) -> None:
    first, second = [await ask(house.client) for _ in range(2)]
    assert engine.count == 1
    assert "x-camel-remembered" not in first.headers
    assert second.headers["x-camel-remembered"] == "true"
    assert first.json()["choices"] == second.json()["choices"]
    assert first.json()["usage"] == second.json()["usage"]
    newest, oldest = await log.rows()
    assert newest["tags"] == ["remembered"]
    assert (newest["prompt_tokens"], newest["completion_tokens"], newest["cost_usd_micros"]) == (
        0, 0, 0,
    )  # fmt: skip
    assert oldest["completion_tokens"] > 0
    said = [await log.said(row["id"]) for row in (newest, oldest)]
    assert said[0].response == said[1].response


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, {}),
        ({"X-Camel-Remember": "no"}, {}),
        (YES, {"temperature": 0.7}),
        (YES, {"temperature": None}),
        ({**YES, "X-Camel-Purpose": "eval"}, {}),
    ],
)
async def test_who_did_not_ask_for_it_or_for_chance_is_answered_anew(
    house: House, engine: FakeEngine, headers: dict[str, str], body: Json
) -> None:
    for _ in range(2):
        answer = await ask(house.client, headers, **body)
        assert answer.status_code == 200, answer.text
    assert engine.count == 2


async def test_any_difference_is_another_question(house: House, engine: FakeEngine) -> None:
    for body in ({}, {"seed": 1}, {"seed": 2}, {"max_tokens": 5}, {"temperature": 0.5, "seed": 1}):
        await ask(house.client, **body)
        await ask(house.client, **body)
    assert engine.count == 5


async def test_another_organisation_is_answered_by_the_model(
    house: House, engine: FakeEngine
) -> None:
    await ask(house.client)
    other = await house.as_role("owner", org="elsewhere")
    made = await other.post(
        "/api/v1/models", json={"name": "small", "engine": "local", "file": "bundled"}
    )
    assert made.status_code == 201, made.text
    await other.post("/api/v1/aliases", json={"name": "thinker", "targets": [{"target": "small"}]})
    assert "x-camel-remembered" not in (await ask(other)).headers
    assert engine.count == 2


async def test_a_stream_tells_it_too_tools_and_all(house: House, engine: FakeEngine) -> None:
    engine.then(tool_call("send", '{"what": "tea"}'))
    whole = await ask(house.client)
    streamed = await ask(house.client, stream=True)
    assert whole.json()["choices"][0]["finish_reason"] == "tool_calls"
    assert '"name":"send"' in streamed.text
    assert streamed.text.endswith("data: [DONE]\n\n")
    assert engine.count == 1  # whole or streamed, it is the same question


async def test_an_owner_drops_them_and_a_moved_alias_is_another_version(
    house: House, engine: FakeEngine
) -> None:
    await ask(house.client)
    editor = await house.as_role("editor")
    assert (await editor.delete("/api/v1/serving/answers")).status_code == 403
    assert (await house.client.delete("/api/v1/serving/answers")).status_code == 204
    await ask(house.client)
    assert engine.count == 2
    await add_alias(house, "second", name="other")
    alias = await house.client.get("/api/v1/aliases/thinker")
    moved = await house.client.put(
        "/api/v1/aliases/thinker",
        json={"targets": [{"target": "other"}]},
        headers={"If-Match": alias.headers["etag"]},
    )
    assert moved.status_code == 200, moved.text
    answer = await ask(house.client)
    assert "x-camel-remembered" not in answer.headers
    assert engine.count == 3


async def test_memory_is_bounded_and_ends(house: House, engine: FakeEngine) -> None:
    answers = serving_of(house.runtime).answers
    answers._max_bytes = 3000
    for number in range(20):
        await ask(house.client, seed=number)
    assert 0 < answers._bytes <= 3000
    assert len(answers._kept) < 20
    assert (answers.hits, answers.misses) == (0, 20)
