"""The local engine: its errors without a model, and the real bundled model with real kills."""

import asyncio
import os
import random
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from camel_ext.core.clock import SystemClock
from camel_ext.core.threads import ThreadLanes
from camel_ext.serving.engines.local import LocalEngine
from camel_ext.serving.engines.model_server import SCRIPT, LocalOptions
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, Delta
from camel_ext.serving.engines.retry import RetryPolicy
from camel_ext.serving.errors import (
    AdapterUnknown,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    ModelFileMissing,
    ModelFileWrong,
)
from tests.fakes.gguf import gguf_bytes, write_random_lora

SLOW_S = 90.0  # a contended machine starts the model in 10 s instead of 1


@pytest.fixture
def lanes() -> Iterator[ThreadLanes]:
    lanes = ThreadLanes()
    yield lanes
    lanes.close()


@asynccontextmanager
async def engine_for(
    model: Path, lanes: ThreadLanes, log: Path, *, tries: int = 4, **options: Any
) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(
        "local",
        LocalOptions(model_path=model, log_path=log, **{"threads": 1, **options}),
        clock=SystemClock(),
        rng=random.Random(3),
        threads=lanes,
        retry=RetryPolicy(tries=tries),
    )
    try:
        yield engine
    finally:
        await engine.close()


def ask(words: str, *, adapter: Path | None = None, **params: Any) -> ChatRequest:
    return ChatRequest(
        messages=[{"role": "user", "content": words}],
        model="local",
        params={"max_tokens": 24, "temperature": 0.0, "seed": 1, **params},
        adapter_path=adapter,
    )


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while is_running(pid):  # noqa: ASYNC110 - another process gives no event
            await asyncio.sleep(0.02)


async def everything(engine: LocalEngine, request: ChatRequest) -> list[Delta | ChatReply]:
    async with aclosing(engine.stream(request, timeout_s=SLOW_S)) as items:
        return [item async for item in items]


class TestWithoutModel:
    async def test_names_a_missing_file(self, lanes: ThreadLanes, tmp_path: Path) -> None:
        async with engine_for(tmp_path / "no.gguf", lanes, tmp_path / "log") as engine:
            with pytest.raises(ModelFileMissing, match="camel-ext models pull"):
                await engine.chat(ask("hi"), timeout_s=5)
            assert engine.pid is None
            health = await engine.health()
            assert not health.ok
            assert "no model file" in health.detail

    async def test_names_a_file_that_is_no_model(self, lanes: ThreadLanes, tmp_path: Path) -> None:
        (tmp_path / "m.gguf").write_bytes(b"<html>")
        async with engine_for(tmp_path / "m.gguf", lanes, tmp_path / "log") as engine:
            with pytest.raises(ModelFileWrong, match="does not begin with GGUF"):
                await engine.chat(ask("hi"), timeout_s=5)

    async def test_a_closed_engine_says_so(self, lanes: ThreadLanes, tmp_path: Path) -> None:
        async with engine_for(tmp_path / "no.gguf", lanes, tmp_path / "log", tries=1) as engine:
            await engine.close()
            with pytest.raises(EngineUnavailable, match="closed"):
                await engine.chat(ask("hi"), timeout_s=5)


@pytest.mark.slow
class TestChat:
    async def test_answers_streams_and_repeats(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        request = ask("Name three colours.", temperature=0.9, seed=11)
        async with engine_for(bundled_model, lanes, tmp_path / "engine.log") as engine:
            assert not (await engine.health()).ok
            first = await engine.chat(request, timeout_s=SLOW_S)
            again = await engine.chat(request, timeout_s=SLOW_S)
            other = await engine.chat(
                ask("Name three colours.", temperature=0.9, seed=12), timeout_s=SLOW_S
            )
            *deltas, streamed = await everything(engine, request)
            health = await engine.health()
            counters = await engine.metrics()
        assert first.text
        assert again.text == first.text
        assert other.text != first.text
        assert isinstance(streamed, ChatReply)
        assert streamed.text == first.text
        assert "".join(item.text for item in deltas if isinstance(item, Delta)) == first.text
        assert streamed.ttft_ms is not None
        assert (first.prompt_tokens, first.completion_tokens) == (
            streamed.prompt_tokens,
            streamed.completion_tokens,
        )
        assert first.prompt_tokens > 0
        assert first.model == "SmolLM2-135M-Instruct.Q4_1"
        assert first.engine_build.startswith("xllamacpp 20")
        assert health.ok
        assert health.quantization == "Q4_1"
        assert health.model_sha256 is not None
        assert health.model_sha256.startswith("b179c9523d0e6a0f")
        assert health.template_sha256 is not None
        assert "llamacpp:tokens_predicted_total" in counters

    async def test_eight_at_once_say_what_each_says_alone(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        requests = [ask(f"Write about the number {n}.", temperature=0.8, seed=n) for n in range(8)]
        async with engine_for(bundled_model, lanes, tmp_path / "engine.log") as engine:
            together = await asyncio.gather(
                *(engine.chat(request, timeout_s=SLOW_S) for request in requests)
            )
            alone = [await engine.chat(request, timeout_s=SLOW_S) for request in requests]
        assert [reply.text for reply in together] == [reply.text for reply in alone]

    async def test_more_calls_than_slots_all_end(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        async with engine_for(bundled_model, lanes, tmp_path / "engine.log", slots=2) as engine:
            replies = await asyncio.gather(
                *(engine.chat(ask(f"Say {n}.", max_tokens=4), timeout_s=SLOW_S) for n in range(20))
            )
            assert (await engine.health()).ok
        assert len(replies) == 20

    async def test_schema_logprobs_and_refusals(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        shaped = ChatRequest(
            messages=[{"role": "user", "content": "Give a number as JSON."}],
            model="local",
            params={"max_tokens": 40, "temperature": 0.0},
            response_format={"type": "json_schema", "json_schema": {"schema": schema}},
            logprobs=True,
        )
        async with engine_for(
            bundled_model, lanes, tmp_path / "log", slots=1, context_tokens=256
        ) as engine:
            reply = await engine.chat(shaped, timeout_s=SLOW_S)
            with pytest.raises(EngineRefused, match="exceed"):
                await engine.chat(ask("long " * 400), timeout_s=SLOW_S)
            with pytest.raises(EngineTimeout):
                await engine.chat(ask("Count.", max_tokens=200), timeout_s=0.05)
            after = await engine.chat(ask("Hello"), timeout_s=SLOW_S)
        assert reply.text.startswith("{")
        assert reply.logprobs is not None
        assert len(reply.logprobs["content"]) == reply.completion_tokens
        assert after.text


@pytest.mark.slow
class TestDying:
    async def test_kill_9_under_load(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        async with engine_for(bundled_model, lanes, tmp_path / "engine.log") as engine:
            before = await engine.chat(ask("Tell me about rivers."), timeout_s=SLOW_S)
            pids = [engine.pid]
            for _round in range(2):
                calls = [
                    asyncio.create_task(
                        engine.chat(ask("Tell me about rivers.", max_tokens=200), timeout_s=SLOW_S)
                    )
                    for _ in range(3)
                ]
                await asyncio.sleep(0.3)
                assert pids[-1] is not None
                os.kill(pids[-1], signal.SIGKILL)
                replies = await asyncio.gather(*calls)
                assert {reply.attempts for reply in replies} == {2}
                pids.append(engine.pid)
            health = await engine.health()
            after = await engine.chat(ask("Tell me about rivers."), timeout_s=SLOW_S)
        assert len(set(pids)) == 3
        assert (health.ok, health.restarts) == (True, 2)
        assert after.text == before.text

    async def test_a_stream_that_was_cut_is_an_error_and_not_a_silent_retry(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        async with engine_for(bundled_model, lanes, tmp_path / "engine.log") as engine:
            await engine.start(timeout_s=SLOW_S)
            request = ask("Tell me about rivers.", max_tokens=500, ignore_eos=True)
            async with aclosing(engine.stream(request, timeout_s=SLOW_S)) as items:
                while not (item := await anext(items), isinstance(item, Delta) and item.text)[1]:
                    pass
                assert engine.pid is not None
                os.kill(engine.pid, signal.SIGKILL)
                with pytest.raises(EngineUnavailable):
                    [item async for item in items]
            assert (await engine.chat(ask("Hello"), timeout_s=SLOW_S)).text

    async def test_restarts_by_itself_without_a_call(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        async with engine_for(bundled_model, lanes, tmp_path / "engine.log") as engine:
            await engine.start(timeout_s=SLOW_S)
            assert engine.pid is not None
            first = engine.pid
            os.kill(first, signal.SIGKILL)
            async with asyncio.timeout(SLOW_S):
                while engine.pid in {None, first}:  # noqa: ASYNC110 - nobody calls it here
                    await asyncio.sleep(0.02)
            assert (await engine.health()).ok

    async def test_a_stuck_one_is_killed_and_a_slow_one_is_not(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        async with engine_for(
            bundled_model, lanes, tmp_path / "engine.log", stuck_after_s=3
        ) as engine:
            await engine.chat(ask("Hello"), timeout_s=SLOW_S)
            first = engine.pid
            assert first is not None
            with pytest.raises(EngineTimeout):  # only slow
                await engine.chat(ask("Count.", max_tokens=500, ignore_eos=True), timeout_s=0.3)
            await engine.chat(ask("Hello"), timeout_s=SLOW_S)
            assert engine.pid == first
            os.kill(first, signal.SIGSTOP)
            with pytest.raises(EngineTimeout):
                await engine.chat(ask("Hello"), timeout_s=0.5)
            assert (await engine.chat(ask("Hello"), timeout_s=SLOW_S)).text
            assert engine.pid != first

    async def test_close_leaves_no_process(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        async with engine_for(bundled_model, lanes, tmp_path / "engine.log") as engine:
            await engine.start(timeout_s=SLOW_S)
            assert engine.pid is not None
            pid = engine.pid
        await until_gone(pid)
        async with engine_for(bundled_model, lanes, tmp_path / "engine.log") as engine:
            start = asyncio.create_task(engine.start(timeout_s=SLOW_S))
            await asyncio.sleep(0.4)  # somewhere in the middle of its start
        await asyncio.gather(start, return_exceptions=True)
        assert not running_children()

    @pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
    async def test_the_child_dies_with_its_parent(
        self, bundled_model: Path, tmp_path: Path, sig: signal.Signals
    ) -> None:
        parent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PARENT, str(bundled_model), str(tmp_path / "log")),
            stdout=asyncio.subprocess.PIPE,
        )
        assert parent.stdout is not None
        pid = int(await parent.stdout.readline())
        assert is_running(pid)
        parent.send_signal(sig)
        await parent.wait()
        await until_gone(pid)

    async def test_says_why_it_does_not_start(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        # A header that is fine, and no model behind it: only the engine can tell.
        fields: dict[str, str | float | int] = {
            "general.architecture": "llama",
            "llama.block_count": 1,
        }
        (tmp_path / "m.gguf").write_bytes(gguf_bytes(fields))
        async with engine_for(tmp_path / "m.gguf", lanes, tmp_path / "log", tries=2) as engine:
            with pytest.raises(EngineUnavailable, match="did not start") as caught:
                await engine.chat(ask("hi"), timeout_s=SLOW_S)
            assert "error loading model" in caught.value.detail
            assert engine.pid is None


@pytest.mark.slow
class TestAdapters:
    async def test_chosen_per_call_and_off_otherwise(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        red = write_random_lora(tmp_path / "red.gguf", seed=1, strength=0.3)
        blue = write_random_lora(tmp_path / "blue.gguf", seed=2, strength=0.3)
        sea = "Write about the sea."
        async with engine_for(bundled_model, lanes, tmp_path / "engine.log") as engine:
            base = await engine.chat(ask(sea), timeout_s=SLOW_S)
            first_pid = engine.pid
            with_red = await engine.chat(ask(sea, adapter=red), timeout_s=SLOW_S)
            assert engine.pid != first_pid
            with_blue = await engine.chat(ask(sea, adapter=blue), timeout_s=SLOW_S)
            third_pid = engine.pid
            mixed = await asyncio.gather(
                *(
                    engine.chat(ask(sea, adapter=adapter), timeout_s=SLOW_S)
                    for adapter in (None, red, blue) * 4
                )
            )
            assert engine.pid == third_pid
            assert first_pid is not None
            await until_gone(first_pid)
        texts = [base.text, with_red.text, with_blue.text]
        assert len(set(texts)) == 3
        # A base call must not go on with a prompt that an adapter computed in its slot.
        assert [reply.text for reply in mixed[::3]] == [base.text] * 4
        # Adapters are compared by their first words: in F32 the order of a batch's sums shows later.
        assert [reply.text[:36] for reply in mixed] == [words[:36] for words in texts] * 4
        assert b'"lora"' not in base.sent
        assert b'"lora":[{"id":0,"scale":0.0}]' in mixed[0].sent
        assert b'"lora":[{"id":1,"scale":1.0}]' in with_blue.sent

    async def test_calls_on_the_old_process_end_in_peace(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        red = write_random_lora(tmp_path / "red.gguf", seed=1, strength=0.3)
        async with engine_for(bundled_model, lanes, tmp_path / "engine.log") as engine:
            await engine.start(timeout_s=SLOW_S)
            old_pid = engine.pid
            long = asyncio.create_task(
                engine.chat(ask("Tell a tale.", max_tokens=400, ignore_eos=True), timeout_s=SLOW_S)
            )
            await asyncio.sleep(0.2)
            await engine.chat(ask("Hi", adapter=red), timeout_s=SLOW_S)
            assert engine.pid != old_pid
            reply = await long
            assert (reply.attempts, reply.completion_tokens) == (1, 400)
            assert old_pid is not None
            await until_gone(old_pid)

    async def test_two_servers_never_fight_for_the_cores(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        red = write_random_lora(tmp_path / "red.gguf", seed=1, strength=0.3)
        log, all_cores = tmp_path / "engine.log", os.cpu_count() or 1
        async with engine_for(bundled_model, lanes, log, threads=all_cores) as engine:
            await engine.start(timeout_s=SLOW_S)
            tale = ask("Tell a tale.", max_tokens=100, ignore_eos=True)
            long = asyncio.create_task(engine.chat(tale, timeout_s=SLOW_S))
            await asyncio.sleep(0.2)
            await engine.chat(ask("Hi", adapter=red), timeout_s=SLOW_S)
            assert long.done()  # the server that drains came first
            assert (await long).completion_tokens == 100

    async def test_what_is_no_adapter_is_refused_and_harms_nobody(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        alien = tmp_path / "alien.gguf"
        alien.write_bytes(gguf_bytes({"general.architecture": "qwen2", "general.type": "adapter"}))
        hollow = tmp_path / "hollow.gguf"  # right by its header, but the engine cannot load it
        hollow.write_bytes(gguf_bytes({"general.architecture": "llama", "general.type": "adapter"}))
        red = write_random_lora(tmp_path / "red.gguf", seed=1, strength=0.3)
        async with engine_for(bundled_model, lanes, tmp_path / "log", tries=1) as engine:
            await engine.start(timeout_s=SLOW_S)
            pid = engine.pid
            with pytest.raises(AdapterUnknown, match="qwen2"):
                await engine.chat(ask("Hi", adapter=alien), timeout_s=SLOW_S)
            with pytest.raises(AdapterUnknown, match="is a model"):
                await engine.chat(ask("Hi", adapter=bundled_model), timeout_s=SLOW_S)
            with pytest.raises(ModelFileMissing):
                await engine.chat(ask("Hi", adapter=tmp_path / "no.gguf"), timeout_s=SLOW_S)
            with pytest.raises(EngineUnavailable, match="did not start"):
                await engine.chat(ask("Hi", adapter=hollow), timeout_s=SLOW_S)
            assert engine.pid == pid
            assert (await engine.chat(ask("Hi"), timeout_s=SLOW_S)).text
            assert (await engine.chat(ask("Hi", adapter=red), timeout_s=SLOW_S)).text

    async def test_the_longest_unused_one_makes_room(
        self, bundled_model: Path, lanes: ThreadLanes, tmp_path: Path
    ) -> None:
        paths = [write_random_lora(tmp_path / f"{n}.gguf", seed=n, strength=0.3) for n in range(3)]
        async with engine_for(bundled_model, lanes, tmp_path / "log", adapters_max=2) as engine:
            said = [
                (await engine.chat(ask("Hi", adapter=path), timeout_s=SLOW_S)).text
                for path in paths
            ]
            assert "2 adapters" in (await engine.health()).detail
            again = await engine.chat(ask("Hi", adapter=paths[0]), timeout_s=SLOW_S)
        assert again.text == said[0]


def running_children() -> list[int]:
    """The model processes that this process still has."""
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in mine if is_running(int(pid)) and str(SCRIPT) in _command(pid)]


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


PARENT = textwrap.dedent(
    """
    import asyncio, random, sys
    from pathlib import Path
    from camel_ext.core.clock import SystemClock
    from camel_ext.core.threads import ThreadLanes
    from camel_ext.serving.engines.local import LocalEngine
    from camel_ext.serving.engines.model_server import LocalOptions

    async def main():
        options = LocalOptions(Path(sys.argv[1]), Path(sys.argv[2]), threads=1)
        engine = LocalEngine(
            "x", options, clock=SystemClock(), rng=random.Random(1), threads=ThreadLanes()
        )
        await engine.start()
        print(engine.pid, flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())
    """
)
