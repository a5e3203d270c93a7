"""What all engines share: the protocol itself, the request's bytes, and the fake that tests use."""

import json
from contextlib import aclosing
from pathlib import Path

import pytest

from camel_ext.serving.engines.local import LocalEngine
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, Delta, Engine, wire_body
from camel_ext.serving.engines.provider import ProviderEngine
from camel_ext.serving.errors import EngineUnavailable, ParamsReserved
from tests.fakes.engine import FakeEngine, tool_call

PING = ChatRequest(messages=[{"role": "user", "content": "ping"}], model="m")


def test_every_engine_is_one() -> None:
    kinds: list[type[Engine]] = [LocalEngine, ProviderEngine, FakeEngine]  # mypy holds this
    assert len(kinds) == 3


class TestWireBody:
    def test_sends_nothing_that_was_not_asked_for(self) -> None:
        assert wire_body(PING) == b'{"model":"m","messages":[{"role":"user","content":"ping"}]}'

    def test_asks_a_stream_for_its_usage(self) -> None:
        body = json.loads(wire_body(PING, stream=True))
        assert body["stream_options"] == {"include_usage": True}

    def test_equal_requests_give_equal_bytes(self) -> None:
        assert wire_body(PING) == wire_body(ChatRequest(list(PING.messages), "m", {}))

    @pytest.mark.parametrize("name", ["messages", "model", "tools", "logprobs", "lora"])
    def test_keeps_its_own_fields(self, name: str) -> None:
        with pytest.raises(ParamsReserved, match=name):
            wire_body(ChatRequest(PING.messages, "m", {name: 1}))


class TestFakeEngine:
    async def test_says_the_same_to_the_same(self) -> None:
        engine = FakeEngine()
        first = await engine.chat(PING, timeout_s=1)
        assert (await engine.chat(PING, timeout_s=1)).text == first.text
        other = ChatRequest(messages=[{"role": "user", "content": "pong"}], model="m")
        assert (await engine.chat(other, timeout_s=1)).text != first.text
        assert engine.count == 3

    async def test_follows_its_script_then_answers(self) -> None:
        engine = FakeEngine(script=["one", EngineUnavailable("down"), tool_call("add", "{}")])
        assert (await engine.chat(PING, timeout_s=1)).text == "one"
        with pytest.raises(EngineUnavailable):
            await engine.chat(PING, timeout_s=1)
        assert (await engine.chat(PING, timeout_s=1)).finish_reason == "tool_calls"
        assert (await engine.chat(PING, timeout_s=1)).text.startswith("reply ")

    async def test_streams_what_it_would_say(self) -> None:
        engine = FakeEngine(script=["a  b c"])
        async with aclosing(engine.stream(PING, timeout_s=1)) as items:
            *deltas, reply = [item async for item in items]
        assert isinstance(reply, ChatReply)
        assert (
            "".join(item.text for item in deltas if isinstance(item, Delta))
            == reply.text
            == "a  b c"
        )
        assert json.loads(reply.sent)["stream"] is True

    async def test_keeps_what_was_asked(self) -> None:
        engine = FakeEngine()
        request = ChatRequest(PING.messages, "m", {"seed": 1}, adapter_path=Path("a.gguf"))
        await engine.chat(request, timeout_s=1)
        assert engine.calls == [request]
        await engine.close()
        assert engine.closed
