"""The gateway as OpenAI's own client finds it, over real HTTP on loopback."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from camel_ext.core.errors import Unavailable
from camel_ext.serving import CircuitOpen, EngineRefused, serving_of
from tests.conftest import House
from tests.fakes.engine import FakeEngine
from tests.fakes.provider_server import DONE, Act, FakeProvider, chunk, stream_of
from tests.serving.conftest import Log, add_alias

MESSAGES: list[Any] = [{"role": "user", "content": "hello there"}]


@pytest.fixture
def key(house: House) -> str:
    return (Path(house.data_dir) / "owner.key").read_text().strip()


@pytest.fixture
async def client(base_url: str, key: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0) as made:
        yield made


async def _listen(stream: Any, heard: list[str]) -> None:
    async for each in stream:
        heard += [each.choices[0].delta.content or ""]


async def add_provider(house: House, provider: FakeProvider, **more: Any) -> None:
    entry = {"engine": "provider", "url": provider.base_url, "model": "big-1", "file": None}
    body = {"name": "big", **entry, **more}
    body.pop("file")
    made = await house.client.post("/api/v1/models", json=body)
    assert made.status_code == 201, made.text
    alias = {"name": "thinker", "targets": [{"target": "big"}]}
    assert (await house.client.post("/api/v1/aliases", json=alias)).status_code == 201


class TestClient:
    async def test_whole(self, client: AsyncOpenAI, engine: FakeEngine) -> None:
        answer = await client.chat.completions.create(model="thinker", messages=MESSAGES)
        assert answer.choices[0].message.content.endswith("hello there")  # type: ignore[union-attr]
        assert answer.usage is not None
        assert answer.usage.total_tokens > 0

    async def test_streaming_with_usage(self, client: AsyncOpenAI, engine: FakeEngine) -> None:
        stream = await client.chat.completions.create(
            model="thinker",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [each async for each in stream]
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert text.endswith("hello there")
        assert chunks[-1].usage is not None
        assert chunks[-2].choices[0].finish_reason == "stop"

    async def test_the_stream_helper_adds_up(self, client: AsyncOpenAI, engine: FakeEngine) -> None:
        async with client.chat.completions.stream(model="thinker", messages=MESSAGES) as stream:
            final = await stream.get_final_completion()
        assert final.choices[0].message.content.endswith("hello there")  # type: ignore[union-attr]

    async def test_the_sync_client_too(self, base_url: str, key: str, engine: FakeEngine) -> None:
        def talk() -> tuple[str, str, list[str]]:
            with OpenAI(base_url=base_url, api_key=key, max_retries=0) as client:
                whole = client.chat.completions.create(model="thinker", messages=MESSAGES)
                stream = client.chat.completions.create(
                    model="thinker", messages=MESSAGES, stream=True
                )
                text = "".join(each.choices[0].delta.content or "" for each in stream)
                names = [model.id for model in client.models.list()]
                return whole.choices[0].message.content or "", text, names

        whole, text, names = await asyncio.to_thread(talk)
        assert whole == text
        assert names == ["thinker"]

    async def test_headers_and_idempotency(
        self, client: AsyncOpenAI, engine: FakeEngine, log: Log
    ) -> None:
        headers = {"X-Camel-Session": "s1", "Idempotency-Key": "k"}
        ask = client.chat.completions.with_raw_response.create
        one, two = [
            await ask(model="thinker", messages=MESSAGES, extra_headers=headers) for _ in range(2)
        ]
        assert one.headers["x-camel-interaction-id"] == two.headers["x-camel-interaction-id"]
        assert one.content == two.content
        assert (await log.one())["session"] == "s1"

    async def test_errors_are_its_own(
        self, base_url: str, client: AsyncOpenAI, engine: FakeEngine
    ) -> None:
        ask = client.chat.completions.create
        with pytest.raises(openai.NotFoundError) as unknown:
            await ask(model="nobody", messages=MESSAGES)
        assert unknown.value.code == "registry.alias_unknown"
        with pytest.raises(openai.BadRequestError):
            await ask(model="thinker", messages=[])
        engine.then(EngineRefused("no"), CircuitOpen("away", retry_after_s=9))
        with pytest.raises(openai.BadRequestError):
            await ask(model="thinker", messages=MESSAGES)
        with pytest.raises(openai.InternalServerError) as away:
            await ask(model="thinker", messages=MESSAGES, stream=True)
        assert away.value.response.headers["retry-after"] == "9"
        async with AsyncOpenAI(base_url=base_url, api_key="cx_no", max_retries=0) as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.models.list()

    async def test_it_retries_what_may_be_retried(
        self, client: AsyncOpenAI, engine: FakeEngine
    ) -> None:
        engine.then(Unavailable("a moment"))
        again = client.with_options(max_retries=1)
        answer = await again.chat.completions.create(model="thinker", messages=MESSAGES)
        assert answer.choices[0].finish_reason == "stop"
        assert engine.count == 2


class TestProvider:
    async def test_a_failure_in_mid_stream_is_raised_and_recorded(
        self, house: House, client: AsyncOpenAI, log: Log
    ) -> None:
        events = [chunk({"role": "assistant", "content": "half"}), chunk({"content": " way"})]
        async with FakeProvider(Act(events=events, cut=True)) as provider:
            await add_provider(house, provider)
            stream = await client.chat.completions.create(
                model="thinker", messages=MESSAGES, stream=True
            )
            got: list[str] = []
            with pytest.raises(openai.APIError) as broken:
                await _listen(stream, got)
        assert "".join(got) == "half way"
        assert broken.value.code == "serving.engine_unavailable"
        row = await log.one()
        assert row["error_code"] == "serving.engine_unavailable"
        assert row["answer"]["content"] == "half way"

    async def test_who_leaves_in_mid_stream_stops_the_provider(
        self, house: House, client: AsyncOpenAI, log: Log
    ) -> None:
        events = [chunk({"role": "assistant", "content": "one"})]
        events += [chunk({"content": f" {number}"}) for number in range(500)]
        async with FakeProvider(Act(events=[*events, DONE], pause_s=0.02)) as provider:
            await add_provider(house, provider)
            stream = await client.chat.completions.create(
                model="thinker", messages=MESSAGES, stream=True
            )
            async for each in stream:
                if each.choices[0].delta.content == " 3":
                    break
            await stream.close()
            (row,) = await log.until(1)
        assert row["error_code"] == "serving.call_aborted"
        answer = (await log.whole(row["id"]))["answer"]["content"]
        assert answer.startswith("one 0 1 2 3")
        assert len(answer) < 200  # upstream was not read to its end

    @pytest.mark.parametrize("streaming", [False, True])
    async def test_who_leaves_before_the_first_word_stops_it_too(
        self, house: House, base_url: str, key: str, log: Log, streaming: bool
    ) -> None:
        async with FakeProvider(Act(hang=True)) as provider:
            await add_provider(house, provider)
            body = {"model": "thinker", "messages": MESSAGES, "stream": streaming}
            headers = {"Authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(timeout=0.2) as client:
                with pytest.raises(httpx.ReadTimeout):
                    await client.post(f"{base_url}/chat/completions", json=body, headers=headers)
            (row,) = await log.until(1)
        assert row["error_code"] == "serving.call_aborted"
        assert row["answer_preview"] == ""

    async def test_the_providers_key_goes_out_and_nowhere_else(
        self,
        house: House,
        client: AsyncOpenAI,
        log: Log,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        (tmp_path / "key").write_text("sk-very-secret\n")
        extra = {"api_key_file": str(tmp_path / "key"), "headers": {"X-Title": "ours"}}
        refusal = Act(status=401, body={"error": {"message": "bad key sk-very-secret"}})
        async with FakeProvider(Act(), refusal, Act(events=stream_of("a"))) as provider:
            await add_provider(house, provider, extra={"top_p": 0.5}, **extra)
            ask = client.chat.completions.create
            await ask(model="thinker", messages=MESSAGES, temperature=0)
            with pytest.raises(openai.BadRequestError) as refused:
                await ask(model="thinker", messages=MESSAGES)
            sent = provider.seen[0]
        assert sent.headers["authorization"] == "Bearer sk-very-secret"
        assert sent.headers["x-title"] == "ours"
        assert sent.json["model"] == "big-1"
        assert (sent.json["top_p"], sent.json["temperature"]) == (0.5, 0)
        rows = [await log.whole(row["id"]) for row in await log.rows()]
        assert "very-secret" not in str(rows) + str(refused.value) + caplog.text
        assert rows[1]["params"] == {"top_p": 0.5, "temperature": 0}

    async def test_a_key_that_is_not_there_is_said(
        self, house: House, client: AsyncOpenAI, tmp_path: Path
    ) -> None:
        async with FakeProvider() as provider:
            await add_provider(house, provider, api_key_file=str(tmp_path / "none"))
            with pytest.raises(openai.InternalServerError) as missing:
                await client.chat.completions.create(model="thinker", messages=MESSAGES)
            assert missing.value.code == "serving.key_missing"
            assert missing.value.response.headers["x-should-retry"] == "false"
            assert provider.seen == []

    async def test_one_engine_and_one_breaker_an_endpoint(
        self, house: House, client: AsyncOpenAI
    ) -> None:
        async with FakeProvider() as provider:
            await add_provider(house, provider)
            ask = client.chat.completions.create
            await asyncio.gather(*(ask(model="thinker", messages=MESSAGES) for _ in range(5)))
            shown = (await house.client.get("/api/v1/serving/engines")).json()["engines"]
        assert [(e["name"], e["circuit"], e["ok"]) for e in shown] == [("big", "closed", True)]


async def test_hundreds_wait_for_their_turn(house: House, client: AsyncOpenAI) -> None:
    await add_alias(house)
    fake = FakeEngine(delay_s=0.01)
    serving_of(house.runtime).use(fake)
    ask = client.chat.completions.create
    answers = await asyncio.gather(*(ask(model="thinker", messages=MESSAGES) for _ in range(64)))
    assert len({answer.id for answer in answers}) == 64
