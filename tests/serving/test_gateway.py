"""The gateway in process: what it accepts, answers, refuses and writes down."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from httpx import Response

from camel_ext.core.database import DatabaseUnreachable
from camel_ext.core.gate import WriteGate
from camel_ext.serving import (
    Delta,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    Served,
    gateway_stream,
    serving_of,
)
from camel_ext.serving.gateway import Chunks
from tests.conftest import House
from tests.fakes.engine import FakeEngine, tool_call
from tests.serving.conftest import Log, add_alias

CHAT = "/v1/chat/completions"
HELLO = {"model": "thinker", "messages": [{"role": "user", "content": "hello there"}]}


def events_of(answer: Response) -> list[Any]:
    """The events of a stream, decoded; [DONE] as text."""
    datas = [line[6:] for line in answer.text.split("\n") if line.startswith("data: ")]
    return [data if data == "[DONE]" else json.loads(data) for data in datas]


def text_of(events: list[Any]) -> str:
    deltas = [e["choices"][0]["delta"] for e in events if e != "[DONE]" and e.get("choices")]
    return "".join(delta.get("content") or "" for delta in deltas)


class TestWhole:
    async def test_it_answers_as_openai_does(self, house: House, engine: FakeEngine) -> None:
        answer = await house.client.post(CHAT, json=HELLO)
        assert answer.status_code == 200
        body = answer.json()
        interaction_id = answer.headers["x-camel-interaction-id"]
        assert body["object"] == "chat.completion"
        assert body["id"] == f"chatcmpl-{interaction_id.replace('-', '')}"
        assert body["model"] == "thinker"
        assert body["choices"][0]["message"]["content"].endswith("hello there")
        assert body["choices"][0]["finish_reason"] == "stop"
        assert body["usage"]["total_tokens"] == (
            body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
        )

    async def test_it_is_in_the_log_with_everything(
        self, house: House, engine: FakeEngine, log: Log
    ) -> None:
        labels = {
            "X-Camel-Session": "s1",
            "X-Camel-Tags": "blue, green",
            "X-Camel-Agent": "helper",
            "X-Camel-External-Id": "order-7",
            "X-Camel-Purpose": "sample",
            "X-Request-Id": "ab" * 16,
        }
        body = {**HELLO, "temperature": 0.5, "seed": 4, "max_tokens": 9}
        answer = await house.client.post(CHAT, json=body, headers=labels)
        assert answer.status_code == 200, answer.text
        row = await log.one()
        assert row["id"] == answer.headers["x-camel-interaction-id"]
        assert row["model_version_id"] == answer.headers["x-camel-model-version"]
        assert (row["source"], row["purpose"], row["session"]) == ("gateway", "sample", "s1")
        assert (row["tags"], row["agent_id"]) == (["blue", "green"], "helper")
        assert (row["external_id"], row["alias"]) == ("order-7", "thinker")
        assert row["trace_id"] == "ab" * 16
        assert row["params"] == {"temperature": 0.5, "seed": 4, "max_tokens": 9}
        assert row["seed"] == 4
        assert row["cost_usd_micros"] == round(row["prompt_tokens"] + 2 * row["completion_tokens"])
        assert row["messages"] == HELLO["messages"]
        assert row["answer"] == answer.json()["choices"][0]["message"]

    async def test_images_and_unknown_message_fields_pass_untouched(
        self, house: House, engine: FakeEngine, log: Log
    ) -> None:
        parts = [
            {"type": "text", "text": "what is it?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]
        message = {"role": "user", "content": parts, "name": "zoe", "weight": 0}
        answer = await house.client.post(CHAT, json={**HELLO, "messages": [message]})
        assert answer.status_code == 200, answer.text
        assert list(engine.calls[0].messages) == [message]
        said = await log.said(answer.headers["x-camel-interaction-id"])
        assert json.loads(said.sent)["messages"] == [message]

    async def test_tools_and_formats_reach_the_engine(
        self, house: House, engine: FakeEngine
    ) -> None:
        engine.then(tool_call("add", '{"a": 1}'))
        tools = [{"type": "function", "function": {"name": "add", "parameters": {}}}]
        extra = {"tools": tools, "tool_choice": "auto", "response_format": {"type": "text"}}
        answer = await house.client.post(CHAT, json={**HELLO, **extra, "logprobs": True})
        choice = answer.json()["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["tool_calls"][0]["function"]["name"] == "add"
        call = engine.calls[0]
        assert call.tools == tools
        assert call.response_format == {"type": "text"}
        assert call.logprobs
        assert call.params == {"tool_choice": "auto", "max_tokens": 1024}

    async def test_a_conversation_hangs_on_its_first_part(
        self, house: House, engine: FakeEngine, log: Log
    ) -> None:
        first = await house.client.post(CHAT, json=HELLO)
        said = first.json()["choices"][0]["message"]
        longer = [*HELLO["messages"], said, {"role": "user", "content": "and then?"}]
        second = await house.client.post(CHAT, json={**HELLO, "messages": longer})
        row = await log.whole(second.headers["x-camel-interaction-id"])
        assert row["parent_id"] == first.headers["x-camel-interaction-id"]
        assert row["messages"] == longer

    async def test_a_session_stays_with_its_version(self, house: House, engine: FakeEngine) -> None:
        await add_alias(house, "other", name="other", context_tokens=512)
        targets = [{"target": "small"}, {"target": "other"}]
        made = await house.client.post(
            "/api/v1/aliases", json={"name": "split", "targets": targets}
        )
        assert made.status_code == 201
        seen: dict[str, set[str]] = {}
        for number in range(12):
            session = f"s{number % 6}"
            answer = await house.client.post(
                CHAT, json={**HELLO, "model": "split"}, headers={"X-Camel-Session": session}
            )
            seen.setdefault(session, set()).add(answer.headers["x-camel-model-version"])
        assert all(len(versions) == 1 for versions in seen.values())
        assert len(set.union(*seen.values())) == 2


class TestRefusals:
    async def test_a_bad_request_is_400_in_openais_words(
        self, house: House, engine: FakeEngine
    ) -> None:
        bad_header = {"X-Camel-Purpose": "fun"}
        long_key = {"Idempotency-Key": "k" * 201}
        for answer in (
            await house.client.post(CHAT, json={**HELLO, "nonsense": 1}),
            await house.client.post(CHAT, content=b"{"),
            await house.client.post(CHAT, json=HELLO, headers=bad_header),
            await house.client.post(CHAT, json=HELLO, headers=long_key),
        ):
            assert answer.status_code == 400
            error = answer.json()["error"]
            assert error["code"] == "serving.request_unfit"
            assert error["type"] == "invalid_request_error"
            assert error["trace_id"] == answer.headers["x-trace-id"]
            assert answer.headers["x-should-retry"] == "false"
        assert engine.count == 0

    async def test_labels_may_be_utf8(self, house: House, engine: FakeEngine, log: Log) -> None:
        headers = {b"X-Camel-Session": "Zoë".encode()}
        assert (await house.client.post(CHAT, json=HELLO, headers=headers)).status_code == 200
        assert (await log.one())["session"] == "Zoë"

    async def test_an_unknown_alias_is_404(self, house: House, engine: FakeEngine) -> None:
        answer = await house.client.post(CHAT, json={**HELLO, "model": "gpt-9"})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "registry.alias_unknown"

    async def test_a_body_too_large_is_413(self, house: House, engine: FakeEngine) -> None:
        big = {**HELLO, "messages": [{"role": "user", "content": "x" * (9 * 2**20)}]}
        assert (await house.client.post(CHAT, json=big)).status_code == 413

    async def test_an_external_id_is_used_once(self, house: House, engine: FakeEngine) -> None:
        headers = {"X-Camel-External-Id": "order-7"}
        engine.then(EngineUnavailable("down"))  # a failure does not use it up
        codes = [
            (await house.client.post(CHAT, json=HELLO, headers=headers)).status_code
            for _ in range(3)
        ]
        assert codes == [503, 200, 409]
        streamed = await house.client.post(CHAT, json={**HELLO, "stream": True}, headers=headers)
        assert events_of(streamed)[-1]["error"]["code"] == "serving.external_id_taken"
        keyed = {**headers, "Idempotency-Key": "k"}
        taken = await house.client.post(CHAT, json=HELLO, headers=keyed)
        assert taken.json()["error"]["code"] == "serving.external_id_taken"


class TestFailures:
    @pytest.mark.parametrize(
        ("error", "status", "retry"),
        [
            (EngineUnavailable("down", retry_after_s=3), 503, "true"),
            (EngineTimeout("slow"), 503, "true"),
            (EngineRefused("bad prompt"), 400, "false"),
        ],
    )
    async def test_a_failure_is_an_error_and_an_interaction(
        self,
        house: House,
        engine: FakeEngine,
        log: Log,
        error: Exception,
        status: int,
        retry: str,
    ) -> None:
        engine.then(error, error)
        for body in (HELLO, {**HELLO, "stream": True}):
            answer = await house.client.post(CHAT, json=body)
            assert answer.status_code == status
            assert answer.json()["error"]["message"] == str(error)
            assert answer.headers["x-should-retry"] == retry
        rows = await log.rows()
        assert [row["error_code"] for row in rows] == [error.code] * 2  # type: ignore[attr-defined]
        whole = await log.whole(rows[0]["id"])
        assert whole["messages"] == HELLO["messages"]
        assert whole["answer"] is None

    async def test_without_a_log_there_is_no_answer(
        self, house: House, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def refuse(_gate: WriteGate, _work: Any) -> None:
            raise DatabaseUnreachable("the disk is gone")

        monkeypatch.setattr(WriteGate, "append", refuse)
        answer = await house.client.post(CHAT, json=HELLO)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "serving.log_unavailable"
        streamed = events_of(await house.client.post(CHAT, json={**HELLO, "stream": True}))
        assert streamed[-1]["error"]["code"] == "serving.log_unavailable"
        assert "[DONE]" not in streamed
        serving_of(house.runtime).require_log = False
        assert (await house.client.post(CHAT, json=HELLO)).status_code == 200
        streamed = events_of(await house.client.post(CHAT, json={**HELLO, "stream": True}))
        assert streamed[-1] == "[DONE]"


class TestIdempotency:
    async def test_a_repetition_comes_from_the_log(
        self, house: House, engine: FakeEngine, log: Log
    ) -> None:
        engine.answer = lambda _request: f"answer {engine.count}"
        key = {"Idempotency-Key": "k1"}
        first = await house.client.post(CHAT, json=HELLO, headers=key)
        again = await house.client.post(CHAT, json=HELLO, headers=key)
        assert first.status_code == 200, first.text
        assert again.content == first.content
        assert again.headers["idempotent-replay"] == "true"
        for name in ("x-camel-interaction-id", "x-camel-model-version"):
            assert again.headers[name] == first.headers[name]
        assert engine.count == 1
        assert len(await log.rows()) == 1
        other = {**HELLO, "temperature": 0}
        assert (await house.client.post(CHAT, json=other, headers=key)).status_code == 409

    async def test_two_at_once_ask_once(self, house: House, engine: FakeEngine) -> None:
        engine.delay_s = 0.05
        key = {"Idempotency-Key": "k2"}
        calls = (house.client.post(CHAT, json=HELLO, headers=key) for _ in range(5))
        answers = await asyncio.gather(*calls)
        assert {answer.content for answer in answers} == {answers[0].content}
        assert engine.count == 1

    async def test_a_key_is_its_owners(self, house: House, engine: FakeEngine) -> None:
        key = {"Idempotency-Key": "k3"}
        await house.client.post(CHAT, json=HELLO, headers=key)
        another = await house.as_role("editor")
        answer = await another.post(CHAT, json=HELLO, headers=key)
        assert "idempotent-replay" not in answer.headers
        assert engine.count == 2

    async def test_a_failure_may_be_repeated(self, house: House, engine: FakeEngine) -> None:
        engine.then(EngineUnavailable("down"))
        key = {"Idempotency-Key": "k4"}
        codes = [
            (await house.client.post(CHAT, json=HELLO, headers=key)).status_code for _ in range(2)
        ]
        assert codes == [503, 200]


class TestStream:
    async def test_chunks_usage_and_done(self, house: House, engine: FakeEngine, log: Log) -> None:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        answer = await house.client.post(CHAT, json={**HELLO, **options})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = events_of(answer)
        assert events[-1] == "[DONE]"
        assert events[0]["choices"][0]["delta"]["role"] == "assistant"
        assert all(event["usage"] is None for event in events[:-2])
        assert events[-2]["choices"] == []
        assert events[-2]["usage"]["total_tokens"] > 0
        assert events[-3]["choices"][0]["finish_reason"] == "stop"
        assert {event["object"] for event in events[:-1]} == {"chat.completion.chunk"}
        row = await log.one()
        assert row["id"] == answer.headers["x-camel-interaction-id"]
        assert row["answer"]["content"] == text_of(events)
        assert row["ttft_ms"] is not None

    async def test_no_usage_unless_asked(self, house: House, engine: FakeEngine) -> None:
        events = events_of(await house.client.post(CHAT, json={**HELLO, "stream": True}))
        assert all("usage" not in event for event in events[:-1])
        assert all(event["choices"] for event in events[:-1])

    async def test_a_stream_of_tool_calls(self, house: House, engine: FakeEngine) -> None:
        engine.then(tool_call("add", "{}"))
        events = events_of(await house.client.post(CHAT, json={**HELLO, "stream": True}))
        calls = [e["choices"][0]["delta"].get("tool_calls") for e in events[:-1]]
        assert next(call for call in calls if call)[0]["function"]["name"] == "add"
        assert events[-2]["choices"][0]["finish_reason"] == "tool_calls"

    async def test_who_reads_nothing_is_let_go(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gateway_stream, "SEND_S", 0.02)
        closed = asyncio.Event()

        async def pieces() -> AsyncGenerator[Delta | Served, None]:
            try:
                while True:
                    yield Delta(text="a", raw={"content": "a"})
            finally:
                closed.set()

        async def receive() -> Any:
            await asyncio.sleep(3600)

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.sleep(3600)

        items = pieces()
        chunks = Chunks("id", 1, "thinker", include_usage=False)
        await gateway_stream.ChatStream(await anext(items), items, chunks, {})({}, receive, send)
        assert closed.is_set()
