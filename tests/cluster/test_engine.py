"""`camel-ext engine`: a model of another machine, asked as if it were here, adapters and all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from camel_ext.app import Parts
from camel_ext.core.clock import SystemClock
from camel_ext.core.threads import ThreadLanes
from camel_ext.engine import create_engine, engine_key
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, Delta
from camel_ext.serving.engines.retry import RetryPolicy
from camel_ext.serving.engines.shared import SharedEngine, SharedModel
from camel_ext.serving.errors import AdapterUnknown, EngineRefused
from camel_ext.settings import Settings
from tests.fakes.engine import FakeEngine
from tests.fakes.gguf import write_random_lora

KEY = SecretStr("eng_test")
SLOW_S = 90.0


@dataclass
class Elsewhere:
    """A running engine process (in this one), and the folder of its machine."""

    url: str
    settings: Settings
    fake: FakeEngine

    @asynccontextmanager
    async def asked(
        self, *, key: SecretStr = KEY, file: str = "bundled"
    ) -> AsyncIterator[SharedEngine]:
        threads = ThreadLanes()
        engine = SharedEngine(
            "small", self.url, SharedModel(file, None, None), clock=SystemClock(), rng=Random(1),
            threads=threads, api_key=key, retry=RetryPolicy(tries=2, base_s=0.01),
        )  # fmt: skip
        try:
            yield engine
        finally:
            await engine.close()
            threads.close()


@asynccontextmanager
async def engine_at(settings: Settings, fake: FakeEngine | None = None) -> AsyncIterator[str]:
    app = create_engine(settings, KEY, Parts(rng=Random(1)))
    if fake is not None:
        app.state.engines._engines[("bundled", None)] = fake
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[Elsewhere]:
    settings, fake = Settings(data_dir=tmp_path / "gpu"), FakeEngine()
    async with engine_at(settings, fake) as url:
        yield Elsewhere(url, settings, fake)


def ask(words: str, adapter: Path | None = None, digest: str | None = None) -> ChatRequest:
    return ChatRequest(
        [{"role": "user", "content": words}], "small", {"max_tokens": 8, "temperature": 0.0},
        adapter_path=adapter, adapter_sha256=digest,
    )  # fmt: skip


async def streamed(engine: SharedEngine, request: ChatRequest) -> tuple[str, ChatReply]:
    text, reply = "", None
    async with aclosing(engine.stream(request, timeout_s=SLOW_S)) as items:
        async for item in items:
            if isinstance(item, Delta):
                text += item.text
            else:
                reply = item
    assert reply is not None
    return text, reply


async def test_an_answer_is_the_engines_whole_and_streamed(elsewhere: Elsewhere) -> None:
    async with elsewhere.asked() as engine:
        whole = await engine.chat(ask("three rivers"), timeout_s=10)
        text, reply = await streamed(engine, ask("three rivers"))
    here = await FakeEngine().chat(ask("three rivers"), timeout_s=10)
    assert whole.text == text == reply.text == here.text
    assert whole.engine_build == reply.engine_build == here.engine_build
    assert (whole.prompt_tokens, whole.completion_tokens) == (
        here.prompt_tokens,
        here.completion_tokens,
    )
    assert "camel_ext" not in whole.raw
    assert "camel_ext" not in reply.raw
    assert elsewhere.fake.calls[0].params["max_tokens"] == 8


async def test_an_adapter_is_sent_once_and_known_by_its_hash(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    path = tmp_path / "worker" / "adapter.gguf"
    path.parent.mkdir()
    path.write_bytes(b"GGUF" + bytes(100_000))
    digest = sha256(path.read_bytes()).hexdigest()
    async with elsewhere.asked() as engine:
        await engine.chat(ask("hi", path), timeout_s=10)
    arrived = elsewhere.settings.data_dir / "models" / "sent" / f"{digest}.gguf"
    assert arrived.read_bytes() == path.read_bytes()
    assert elsewhere.fake.calls[-1].adapter_path == arrived
    path.unlink()  # another machine, which has only the registry's word
    async with elsewhere.asked() as engine:
        text, _ = await streamed(engine, ask("hi", path, digest))
    assert text
    assert elsewhere.fake.calls[-1].adapter_path == arrived


async def test_an_adapter_that_nobody_has_is_named(elsewhere: Elsewhere, tmp_path: Path) -> None:
    async with elsewhere.asked() as engine:
        with pytest.raises(AdapterUnknown, match="neither the engine"):
            await engine.chat(ask("hi", tmp_path / "gone.gguf", "0" * 64), timeout_s=10)


async def test_what_came_damaged_is_not_kept(elsewhere: Elsewhere) -> None:
    async with httpx.AsyncClient(headers={"Authorization": "Bearer eng_test"}) as client:
        place = f"{elsewhere.url}/v1/adapters/"
        answer = await client.put(place + "0" * 64, content=b"other")
        assert answer.status_code == 422
        assert (await client.put(place + "..%2Fx", content=b"x")).status_code in (404, 422)
    sent = elsewhere.settings.data_dir / "models" / "sent"
    assert list(sent.iterdir()) == []


async def test_without_the_key_nothing_is_served(elsewhere: Elsewhere) -> None:
    async with elsewhere.asked(key=SecretStr("wrong")) as engine:
        with pytest.raises(EngineRefused, match="check its API key"):
            await engine.chat(ask("hi"), timeout_s=10)
    async with httpx.AsyncClient() as client:
        for method, path in (
            ("GET", "/v1/models"),
            ("POST", "/v1/chat/completions"),
            ("PUT", f"/v1/adapters/{'0' * 64}"),
        ):
            assert (await client.request(method, elsewhere.url + path)).status_code == 401
        assert (await client.get(elsewhere.url + "/health/live")).status_code == 200
    assert elsewhere.fake.calls == []


async def test_a_path_is_no_model_of_it(elsewhere: Elsewhere) -> None:
    async with elsewhere.asked(file="/etc/passwd") as engine:
        with pytest.raises(EngineRefused, match="a path is not served"):
            await engine.chat(ask("hi"), timeout_s=10)


def test_the_key_is_written_once_where_only_its_owner_reads(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    key = engine_key(settings)
    path = tmp_path / "data" / "engine.key"
    assert path.stat().st_mode & 0o077 == 0
    assert engine_key(settings) == key == SecretStr(path.read_text().strip())


@pytest.mark.slow
async def test_the_real_model_answers_elsewhere_with_a_real_adapter(
    bundled_model: Path, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path / "gpu")
    place = settings.data_dir / "models" / bundled_model.name
    place.parent.mkdir(parents=True)
    place.symlink_to(bundled_model)
    told = settings.serving.model_copy(update={"engine_threads": 1})
    settings = settings.model_copy(update={"serving": told})
    adapter = tmp_path / "adapter.gguf"
    write_random_lora(adapter, seed=1, strength=0.4)
    async with engine_at(settings) as url:
        elsewhere = Elsewhere(url, settings, FakeEngine())
        async with elsewhere.asked() as engine:
            plain = await engine.chat(ask("Name three rivers."), timeout_s=SLOW_S)
            with_adapter = await engine.chat(ask("Name three rivers.", adapter), timeout_s=SLOW_S)
            text, reply = await streamed(engine, ask("Name three rivers."))
            assert plain.text
            assert text == reply.text
            assert plain.text != with_adapter.text
            assert engine.facts is not None
            assert engine.facts.quantization
