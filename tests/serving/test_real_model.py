"""The bundled model through the whole path: OpenAI's client, gateway, engine, log."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from camel_ext.serving.bundled import bundled_path
from camel_ext.settings import Settings
from tests.conftest import House
from tests.serving.conftest import Log, add_alias

pytestmark = pytest.mark.slow
MESSAGES: list[Any] = [{"role": "user", "content": "Name three colours."}]


@pytest.fixture
def settings(tmp_path: Path, bundled_model: Path) -> Settings:
    data_dir = tmp_path / "data"
    path = bundled_path(data_dir)
    path.parent.mkdir(parents=True)
    path.symlink_to(bundled_model)
    return Settings(data_dir=data_dir)


@pytest.fixture
async def client(house: House, base_url: str) -> AsyncIterator[AsyncOpenAI]:
    await add_alias(house, context_tokens=1024)
    key = (house.data_dir / "owner.key").read_text().strip()
    async with AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0) as made:
        yield made


async def test_whole_streamed_and_many_at_once(house: House, client: AsyncOpenAI, log: Log) -> None:
    ask = client.chat.completions.create
    same: dict[str, Any] = {"model": "thinker", "messages": MESSAGES, "temperature": 0, "seed": 1}
    whole = await ask(**same, max_completion_tokens=24)
    text = whole.choices[0].message.content
    assert text
    assert whole.usage is not None
    assert 0 < whole.usage.completion_tokens <= 24
    assert whole.choices[0].finish_reason in {"stop", "length"}

    stream = await ask(
        **same, max_tokens=24, stream=True, stream_options={"include_usage": True}, logprobs=True
    )
    chunks = [each async for each in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == text
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert chunks[-2].choices[0].logprobs is not None

    many = await asyncio.gather(*(ask(**same, max_tokens=8) for _ in range(20)))
    assert all(answer.choices[0].message.content for answer in many)

    rows = await log.rows()
    assert len(rows) == 22
    first = await log.whole(rows[-1]["id"])
    assert first["quantization"] == "Q4_1"
    assert first["template_hash"]
    assert first["engine_build"].startswith("xllamacpp")
    assert first["prompt_tokens"] == whole.usage.prompt_tokens
    said = await log.said(first["id"])
    assert b'"max_completion_tokens":24' in said.sent
    (shown,) = (await house.client.get("/api/v1/serving/engines")).json()["engines"]
    assert (shown["ok"], shown["quantization"], shown["restarts"]) == (True, "Q4_1", 0)


async def test_who_leaves_frees_the_model(client: AsyncOpenAI, log: Log) -> None:
    ask = client.chat.completions.create
    stream = await ask(
        model="thinker",
        messages=MESSAGES,
        max_tokens=900,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    count = 0
    async for _ in stream:
        count += 1
        if count == 5:
            break
    await stream.close()
    (row,) = await log.until(1)
    assert row["error_code"] == "serving.call_aborted"
    assert row["answer_preview"]
    answer = await asyncio.wait_for(ask(model="thinker", messages=MESSAGES, max_tokens=4), 30)
    assert answer.choices[0].message.content


async def test_a_prompt_too_long_is_refused_in_words(client: AsyncOpenAI, log: Log) -> None:
    long: list[Any] = [{"role": "user", "content": "word " * 3000}]
    with pytest.raises(Exception, match="context") as caught:
        await client.chat.completions.create(model="thinker", messages=long)
    assert getattr(caught.value, "status_code", None) == 400
    assert (await log.one())["error_code"] == "serving.engine_refused"
