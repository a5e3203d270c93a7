"""The provider engine against a provider that misbehaves in every way it can over real sockets."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from camel_ext.core.clock import SystemClock
from camel_ext.core.dependencies import Circuit, Policy
from camel_ext.core.errors import Invalid
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, Delta
from camel_ext.serving.engines.provider import ProviderEngine
from camel_ext.serving.engines.retry import RetryPolicy
from camel_ext.serving.errors import (
    AdapterUnknown,
    CircuitOpen,
    EngineBusy,
    EngineGarbled,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    ParamsReserved,
)
from tests.fakes.provider_server import DONE, USAGE, Act, FakeProvider, chunk, completion, stream_of

KEY = "sk-canary-5f2d"
PING = ChatRequest(messages=[{"role": "user", "content": "ping"}], model="m", params={"seed": 1})


class FastClock(SystemClock):
    """Real time, but pauses between tries are only noted, and count as time passed."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.skipped_s = 0.0

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.skipped_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.skipped_s += seconds
        await asyncio.sleep(0)


@asynccontextmanager
async def engine_on(
    provider: FakeProvider, *, tries: int = 4, **options: Any
) -> AsyncIterator[tuple[ProviderEngine, FastClock]]:
    clock = FastClock()
    engine = ProviderEngine(
        "acme",
        provider.base_url,
        clock=clock,
        rng=random.Random(7),
        api_key=SecretStr(KEY),
        retry=RetryPolicy(tries=tries),
        **options,
    )
    try:
        yield engine, clock
    finally:
        await engine.close()


async def everything(engine: ProviderEngine, timeout_s: float = 5) -> list[Delta | ChatReply]:
    async with aclosing(engine.stream(PING, timeout_s=timeout_s)) as items:
        return [item async for item in items]


async def take(engine: ProviderEngine, into: list[str]) -> None:
    """Keep the texts that came before a stream died."""
    async with aclosing(engine.stream(PING, timeout_s=5)) as items:
        async for item in items:
            assert isinstance(item, Delta)
            into.append(item.text)


class TestChat:
    async def test_gives_the_reply_with_what_was_sent(self) -> None:
        async with FakeProvider() as provider, engine_on(provider) as (engine, _):
            reply = await engine.chat(PING, timeout_s=5)
        (seen,) = provider.seen
        assert reply.text == "pong"
        assert reply.finish_reason == "stop"
        assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) == (7, 3, 5)
        assert (reply.model, reply.engine_build, reply.attempts) == ("fake-model", "fp_1", 1)
        assert reply.sent == seen.body
        assert reply.raw == completion()
        assert reply.ttft_ms is None
        assert reply.total_ms > 0
        assert seen.path == "/v1/chat/completions"
        assert seen.headers["authorization"] == f"Bearer {KEY}"
        assert seen.json == {"model": "m", "messages": list(PING.messages), "seed": 1}

    async def test_sends_every_field(self) -> None:
        tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
        request = ChatRequest(
            messages=PING.messages,
            model="m",
            params={"temperature": 0.5, "stop": ["x"]},
            tools=tools,
            response_format={"type": "json_object"},
            logprobs=True,
        )
        async with FakeProvider() as provider, engine_on(provider) as (engine, _):
            await engine.chat(request, timeout_s=5)
        body = provider.seen[0].json
        assert body["tools"] == tools
        assert body["response_format"] == {"type": "json_object"}
        assert body["logprobs"] is True
        assert (body["temperature"], body["stop"]) == (0.5, ["x"])

    async def test_keeps_its_connection(self) -> None:
        async with FakeProvider() as provider, engine_on(provider) as (engine, _):
            for _i in range(5):
                await engine.chat(PING, timeout_s=5)
        assert provider.connections == 1

    @pytest.mark.parametrize("params", [{"n": 2}, {"model": "x"}, {"stream": True}, {"lora": []}])
    async def test_refuses_reserved_parameters(self, params: dict[str, Any]) -> None:
        request = ChatRequest(messages=PING.messages, model="m", params=params)
        async with FakeProvider() as provider, engine_on(provider) as (engine, _):
            with pytest.raises(ParamsReserved):
                await engine.chat(request, timeout_s=5)
        assert provider.seen == []

    async def test_refuses_an_adapter(self) -> None:
        request = ChatRequest(messages=PING.messages, model="m", adapter_path=Path("a.gguf"))
        async with FakeProvider() as provider, engine_on(provider) as (engine, _):
            with pytest.raises(AdapterUnknown):
                await engine.chat(request, timeout_s=5)

    async def test_says_when_tokens_were_not_counted(self) -> None:
        body = {"choices": [{"message": {"role": "assistant", "content": "x"}}]}
        async with FakeProvider(Act(body=body)) as provider, engine_on(provider) as (engine, _):
            reply = await engine.chat(PING, timeout_s=5)
        assert (reply.usage_known, reply.prompt_tokens) == (False, 0)


class TestRetries:
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
    async def test_retries_what_may_pass(self, status: int) -> None:
        async with (
            FakeProvider(Act(status=status), Act(status=status)) as provider,
            engine_on(provider) as (engine, clock),
        ):
            reply = await engine.chat(PING, timeout_s=60)
        assert reply.attempts == 3
        assert len(provider.seen) == 3
        assert len(clock.slept) == 2
        assert 0 <= clock.slept[0] <= 0.25
        assert 0 <= clock.slept[1] <= 0.5
        assert len({seen.body for seen in provider.seen}) == 1

    @pytest.mark.parametrize("act", [Act(drop=True), Act(cut=True), Act(body=b"<html>")])
    async def test_retries_broken_answers(self, act: Act) -> None:
        async with FakeProvider(act) as provider, engine_on(provider) as (engine, _):
            reply = await engine.chat(PING, timeout_s=60)
        assert reply.attempts == 2

    async def test_gives_up_after_its_tries(self) -> None:
        bad = Act(status=500, body={"error": {"message": "boiler room on fire"}})
        async with (
            FakeProvider(default=bad) as provider,
            engine_on(provider, tries=3) as (engine, _),
        ):
            with pytest.raises(EngineUnavailable, match="boiler room on fire"):
                await engine.chat(PING, timeout_s=60)
        assert len(provider.seen) == 3

    async def test_waits_as_long_as_the_provider_asks(self) -> None:
        busy = Act(status=429, headers={"retry-after": "9"})
        async with FakeProvider(busy) as provider, engine_on(provider) as (engine, clock):
            await engine.chat(PING, timeout_s=60)
        assert 9 <= clock.slept[0] <= 9.25

    async def test_reads_a_date_in_retry_after(self) -> None:
        when = format_datetime(
            datetime.fromtimestamp(SystemClock().now().timestamp(), UTC) + timedelta(seconds=20),
            usegmt=True,
        )
        busy = Act(status=503, headers={"retry-after": when})
        async with FakeProvider(busy) as provider, engine_on(provider) as (engine, clock):
            await engine.chat(PING, timeout_s=60)
        assert 17 <= clock.slept[0] <= 20.5

    @pytest.mark.parametrize("value", ["soon", "-5", "nan", "Mon, 99 Foo"])
    async def test_survives_nonsense_in_retry_after(self, value: str) -> None:
        busy = Act(status=503, headers={"retry-after": value})
        async with FakeProvider(busy) as provider, engine_on(provider) as (engine, clock):
            await engine.chat(PING, timeout_s=60)
        assert clock.slept[0] <= 0.25

    async def test_does_not_wait_past_the_deadline(self) -> None:
        busy = Act(status=429, headers={"retry-after": "120"})
        async with FakeProvider(default=busy) as provider, engine_on(provider) as (engine, clock):
            with pytest.raises(EngineBusy) as caught:
                await engine.chat(PING, timeout_s=5)
        assert caught.value.retry_after_s == 120
        assert clock.slept == []
        assert len(provider.seen) == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
    async def test_does_not_retry_a_refusal(self, status: int) -> None:
        bad = Act(status=status, body={"error": {"message": f"no, {KEY} is bad"}})
        async with FakeProvider(bad) as provider, engine_on(provider) as (engine, _):
            with pytest.raises(EngineRefused) as caught:
                await engine.chat(PING, timeout_s=5)
        assert len(provider.seen) == 1
        assert KEY not in caught.value.detail
        assert "is bad" in caught.value.detail
        assert caught.value.fields["provider_status"] == status
        assert ("check its API key" in caught.value.detail) == (status in {401, 403})

    async def test_follows_no_redirect(self) -> None:
        away = Act(status=307, headers={"location": "http://127.0.0.1:1/"})
        async with FakeProvider(away) as provider, engine_on(provider) as (engine, _):
            with pytest.raises(EngineRefused, match="never followed"):
                await engine.chat(PING, timeout_s=5)

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"{}", b'{"choices":[]}', b"\xff\xfe", b'{"choices":[{"message":3}]}']
    )
    async def test_names_a_garbled_answer(self, body: bytes) -> None:
        async with (
            FakeProvider(default=Act(body=body)) as provider,
            engine_on(provider, tries=1) as (engine, _),
        ):
            with pytest.raises(EngineGarbled, match="no chat completion"):
                await engine.chat(PING, timeout_s=5)


class TestNothingHangs:
    @pytest.mark.parametrize(
        "act",
        [
            Act(hang=True),
            Act(events=[b" "] * 500, pause_s=0.02),  # one byte now and then
        ],
    )
    async def test_chat_ends_at_its_deadline(self, act: Act) -> None:
        async with FakeProvider(default=act) as provider, engine_on(provider) as (engine, _):
            start_s = asyncio.get_running_loop().time()
            with pytest.raises(EngineTimeout):
                await engine.chat(PING, timeout_s=0.2)
            assert asyncio.get_running_loop().time() - start_s < 0.6

    async def test_stream_ends_at_its_deadline(self) -> None:
        act = Act(events=[chunk({"content": "x"})] * 500, pause_s=0.02)
        async with FakeProvider(default=act) as provider, engine_on(provider) as (engine, _):
            start_s = asyncio.get_running_loop().time()
            with pytest.raises(EngineTimeout):
                await everything(engine, timeout_s=0.2)
            assert asyncio.get_running_loop().time() - start_s < 0.6

    async def test_nobody_there(self) -> None:
        async with FakeProvider() as provider:
            pass
        async with engine_on(provider, tries=2) as (engine, clock):
            with pytest.raises(EngineUnavailable, match="cannot be reached"):
                await engine.chat(PING, timeout_s=5)
            assert len(clock.slept) == 1
            assert not (await engine.health()).ok

    async def test_a_full_pool_waits_no_longer_than_its_deadline(self) -> None:
        async with (
            FakeProvider(default=Act(hang=True)) as provider,
            engine_on(provider, policy=Policy(at_once=1)) as (engine, _),
        ):
            calls = [engine.chat(PING, timeout_s=0.2) for _ in range(3)]
            ends = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(end) for end in ends] == [EngineTimeout] * 3

    async def test_a_cancelled_call_frees_its_connection(self) -> None:
        async with (
            FakeProvider(Act(hang=True)) as provider,
            engine_on(provider, policy=Policy(at_once=1)) as (engine, _),
        ):
            call = asyncio.create_task(engine.chat(PING, timeout_s=60))
            await provider.arrived(1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await engine.chat(PING, timeout_s=5)).text == "pong"


class TestStream:
    async def test_gives_the_pieces_then_the_reply(self) -> None:
        act = Act(events=stream_of("pon", "ies"))
        async with FakeProvider(act) as provider, engine_on(provider) as (engine, _):
            *deltas, reply = await everything(engine)
        assert isinstance(reply, ChatReply)
        assert [item.text for item in deltas if isinstance(item, Delta)] == ["", "pon", "ies"]
        assert reply.message == {"role": "assistant", "content": "ponies"}
        assert (reply.prompt_tokens, reply.completion_tokens) == (7, 3)
        assert reply.ttft_ms is not None
        assert reply.ttft_ms <= reply.total_ms
        assert reply.sent == provider.seen[0].body
        assert provider.seen[0].json["stream_options"] == {"include_usage": True}
        assert reply.raw["object"] == "chat.completion"
        assert reply.raw["usage"]["total_tokens"] == 10

    async def test_folds_tool_calls(self) -> None:
        def piece(index: int, **call: Any) -> bytes:
            return chunk({"tool_calls": [{"index": index, **call}]})

        events = [
            chunk({"role": "assistant", "content": None}),
            piece(0, id="a", type="function", function={"name": "add", "arguments": ""}),
            piece(0, function={"arguments": '{"x":'}),
            piece(1, id="b", type="function", function={"name": "neg", "arguments": "{}"}),
            piece(0, function={"arguments": "1}"}),
            chunk({}, "tool_calls"),
            DONE,
        ]
        async with FakeProvider(Act(events=events)) as provider, engine_on(provider) as (engine, _):
            *deltas, reply = await everything(engine)
        assert isinstance(reply, ChatReply)
        assert reply.finish_reason == "tool_calls"
        assert reply.text == ""
        assert reply.message["tool_calls"] == [
            {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"x":1}'}},
            {"id": "b", "type": "function", "function": {"name": "neg", "arguments": "{}"}},
        ]
        assert not reply.usage_known
        assert sum(1 for item in deltas if isinstance(item, Delta) and item.tool_calls) == 4

    async def test_reads_bytes_cut_anywhere_and_odd_line_ends(self) -> None:
        text = "naïve\u2028 café \x85 \U0001f42a"
        whole = b": ping\n\n" + b"".join(stream_of(text)).replace(b"\n", b"\r\n")
        events = [whole[index : index + 3] for index in range(0, len(whole), 3)]
        async with FakeProvider(Act(events=events)) as provider, engine_on(provider) as (engine, _):
            *_rest, reply = await everything(engine)
        assert isinstance(reply, ChatReply)
        assert reply.text == text

    async def test_retries_before_the_first_piece(self) -> None:
        acts = [Act(status=503), Act(events=[], cut=True), Act(events=stream_of("ok"))]
        async with FakeProvider(*acts) as provider, engine_on(provider) as (engine, _):
            *_rest, reply = await everything(engine)
        assert isinstance(reply, ChatReply)
        assert (reply.text, reply.attempts) == ("ok", 3)

    @pytest.mark.parametrize("cut", [True, False])
    async def test_a_stream_that_dies_half_way_is_not_retried(self, cut: bool) -> None:
        act = Act(events=stream_of("pon")[:2], cut=cut)
        got: list[str] = []
        async with FakeProvider(act) as provider, engine_on(provider) as (engine, clock):
            with pytest.raises(EngineUnavailable):
                await take(engine, got)
        assert got == ["", "pon"]
        assert len(provider.seen) == 1
        assert clock.slept == []

    async def test_a_refusal_is_named(self) -> None:
        act = Act(status=400, body={"error": {"message": "context too long"}})
        async with FakeProvider(act) as provider, engine_on(provider) as (engine, _):
            with pytest.raises(EngineRefused, match="context too long"):
                await everything(engine)

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            ({"code": 400, "message": "too long"}, EngineRefused),
            ({"code": 500, "message": "too long"}, EngineUnavailable),
            ("too long", EngineUnavailable),
        ],
    )
    async def test_an_error_inside_a_stream(self, error: Any, kind: type[Exception]) -> None:
        event = b"data: " + msgspec.json.encode({"error": error}) + b"\n\n"
        act = Act(events=[chunk({"content": "x"}), event])
        async with FakeProvider(act) as provider, engine_on(provider) as (engine, _):
            with pytest.raises(kind, match="too long"):
                await everything(engine)

    async def test_leaving_early_closes_the_connection(self) -> None:
        act = Act(events=stream_of(*"abcdef"), pause_s=0.05)
        async with (
            FakeProvider(act) as provider,
            engine_on(provider, policy=Policy(at_once=1)) as (engine, _),
        ):
            async with aclosing(engine.stream(PING, timeout_s=5)) as items:
                await anext(items)
            assert (await engine.chat(PING, timeout_s=5)).text == "pong"

    async def test_usage_after_the_last_piece_is_not_lost(self) -> None:
        act = Act(events=[chunk({"content": "x"}, "stop", **USAGE)])  # no [DONE], usage inside
        async with FakeProvider(act) as provider, engine_on(provider) as (engine, _):
            *_rest, reply = await everything(engine)
        assert isinstance(reply, ChatReply)
        assert (reply.text, reply.completion_tokens) == ("x", 3)


class TestBreaker:
    async def test_opens_probes_once_and_closes(self) -> None:
        bad = Act(status=500)
        policy = Policy(failures=3, open_s=10)
        async with (
            FakeProvider(*[bad] * 4) as provider,
            engine_on(provider, tries=1, policy=policy) as (engine, clock),
        ):
            for _i in range(3):
                with pytest.raises(EngineUnavailable):
                    await engine.chat(PING, timeout_s=5)
            assert engine.circuit == "open"
            assert not (await engine.health()).ok
            with pytest.raises(CircuitOpen) as caught:
                await engine.chat(PING, timeout_s=5)
            assert 9 < (caught.value.retry_after_s or 0) <= 10
            assert len(provider.seen) == 3

            clock.skipped_s += 10
            assert engine.circuit == "half-open"
            with pytest.raises(EngineUnavailable):  # the probe fails: open again
                await engine.chat(PING, timeout_s=5)
            assert engine.circuit == "open"

            clock.skipped_s += 10
            provider.then(Act(delay_s=0.1))
            ends = await asyncio.gather(
                *(engine.chat(PING, timeout_s=5) for _ in range(3)), return_exceptions=True
            )
            assert sorted(type(end).__name__ for end in ends) == [
                "ChatReply",
                "CircuitOpen",
                "CircuitOpen",
            ]
            assert engine.circuit == "closed"

    async def test_a_cancelled_probe_frees_its_place(self) -> None:
        policy = Policy(failures=1, open_s=10)
        async with (
            FakeProvider(Act(status=500), Act(hang=True)) as provider,
            engine_on(provider, tries=1, policy=policy) as (engine, clock),
        ):
            with pytest.raises(EngineUnavailable):
                await engine.chat(PING, timeout_s=5)
            clock.skipped_s += 10
            probe = asyncio.create_task(engine.chat(PING, timeout_s=60))
            await provider.arrived(2)
            probe.cancel()
            await asyncio.gather(probe, return_exceptions=True)
            assert (await engine.chat(PING, timeout_s=5)).text == "pong"

    async def test_refusals_and_limits_do_not_open_it(self) -> None:
        acts = [Act(status=429), Act(status=400)] * 5
        async with FakeProvider(*acts) as provider, engine_on(provider, tries=1) as (engine, _):
            for _i in range(10):
                with pytest.raises((EngineBusy, EngineRefused)):
                    await engine.chat(PING, timeout_s=5)
            assert engine.circuit == "closed"


class TestPolicy:
    async def test_retries_end_with_their_budget(self) -> None:
        policy = Policy(failures=1000, budget=3.0)
        async with (
            FakeProvider(default=Act(status=500)) as provider,
            engine_on(provider, tries=3, policy=policy) as (engine, _),
        ):
            for _i in range(5):
                with pytest.raises(EngineUnavailable):
                    await engine.chat(PING, timeout_s=5)
            assert len(provider.seen) == 5 + 3

    async def test_a_call_holds_a_place_and_others_wait_for_it(self) -> None:
        async with (
            FakeProvider(default=Act(delay_s=0.05)) as provider,
            engine_on(provider, policy=Policy(at_once=2)) as (engine, _),
        ):
            calls = [asyncio.create_task(engine.chat(PING, timeout_s=5)) for _ in range(6)]
            await provider.arrived(1)
            most = 0
            while not all(call.done() for call in calls):
                most = max(most, engine.dependency.in_use)
                await asyncio.sleep(0.005)
            assert [call.result().text for call in calls] == ["pong"] * 6
            assert most == 2
            assert provider.connections <= 2
            assert engine.dependency.seen().in_use == 0

    async def test_while_it_is_left_alone_nobody_waits_for_a_place(self) -> None:
        policy = Policy(failures=1, at_once=1, open_s=60)
        async with (
            FakeProvider(Act(hang=True), Act(status=500)) as provider,
            engine_on(provider, tries=1, policy=policy) as (engine, _),
        ):
            hanging = asyncio.create_task(engine.chat(PING, timeout_s=60))
            await provider.arrived(1)
            engine.dependency.failed(EngineUnavailable())
            assert engine.circuit is Circuit.OPEN
            with pytest.raises(CircuitOpen):
                await asyncio.wait_for(engine.chat(PING, timeout_s=60), 1)
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)


class TestSecrets:
    async def test_the_key_is_in_no_log_repr_or_error(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        bad = Act(status=401, body=f"who is {KEY}?".encode())
        async with FakeProvider(bad, Act(cut=True)) as provider, engine_on(provider) as (engine, _):
            with pytest.raises(EngineRefused) as caught:
                await engine.chat(PING, timeout_s=5)
            await engine.chat(PING, timeout_s=5)
            said = [repr(engine), repr(vars(engine)), repr(engine._client.headers)]
        said += [caught.value.detail, repr(caught.value), caplog.text]
        assert all(KEY not in text for text in said)
        assert "send_request_headers" in caplog.text  # the debug log was really on

    @pytest.mark.parametrize(
        "url", ["ftp://x/v1", "http:///v1", "api.example.com", "http://u:p@x/v1"]
    )
    def test_refuses_an_odd_address(self, url: str) -> None:
        with pytest.raises(Invalid, match="no usable address"):
            ProviderEngine("x", url, clock=SystemClock(), rng=random.Random(1))


class TestHealth:
    async def test_asks_for_the_models(self) -> None:
        async with FakeProvider() as provider, engine_on(provider) as (engine, _):
            assert (await engine.health()).ok
        assert (provider.seen[0].method, provider.seen[0].path) == ("GET", "/v1/models")
