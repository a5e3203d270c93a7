"""Tokens per second of the local model: llama.cpp's server used bare, and through our arms.

Goal: each arm keeps >= 90 % of the bare server's tokens/s, at 1 and at 8 requests at once.
Both sides run their own server process with the same model, threads, slots and context, and get the
same prompts in the same order; only one of them computes at a time. Interleaved ABBA; every reply is
checked (token count, and the same greedy text on both sides). To add an arm, write a class like
`EngineArm` and put it into ARMS. It is not a quality benchmark: the texts do not matter.

    python bench/engine.py [--quick] [--threads N] [--arm engine]
"""

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.method import interval  # noqa: E402
from camel_ext.core.clock import SystemClock  # noqa: E402
from camel_ext.core.threads import ThreadLanes  # noqa: E402
from camel_ext.serving.bundled import bundled_path, pull_bundled  # noqa: E402
from camel_ext.serving.engines.local import LocalEngine  # noqa: E402
from camel_ext.serving.engines.model_server import LocalOptions  # noqa: E402
from camel_ext.serving.engines.protocol import ChatRequest  # noqa: E402

TOKENS, SLOTS, CONTEXT_TOKENS = 64, 8, 2048
BAR = 0.90
PARAMS = {"max_tokens": TOKENS, "temperature": 0.0, "ignore_eos": True, "cache_prompt": False}
BARE_SCRIPT = """
import sys, xllamacpp
model, threads, slots, context = sys.argv[1], *map(int, sys.argv[2:5])
params = xllamacpp.CommonParams()
params.model.path, params.port, params.hostnames = model, 0, ["127.0.0.1"]
params.n_parallel, params.n_ctx, params.verbosity = slots, slots * context, 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Answer:
    text: str
    tokens: int


class Arm(Protocol):
    """One way to reach the model."""

    async def start(self) -> None: ...
    async def ask(self, prompt: str) -> Answer: ...
    async def stop(self) -> None: ...


class BareArm:
    """xllamacpp's own server, its defaults, and a plain httpx client: the peer."""

    def __init__(self, model: Path, threads: int, _folder: Path) -> None:
        self._model, self._threads = model, threads

    async def start(self) -> None:
        words = [str(self._model), str(self._threads), str(SLOTS), str(CONTEXT_TOKENS)]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", BARE_SCRIPT, *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        address = ""
        while not address.startswith("http"):
            address = (await self._process.stdout.readline()).decode().strip()
        self._client = httpx.AsyncClient(base_url=address, timeout=300, trust_env=False)

    async def ask(self, prompt: str) -> Answer:
        body = {"model": "m", "messages": [{"role": "user", "content": prompt}], **PARAMS}
        answer = (await self._client.post("/v1/chat/completions", json=body)).json()
        text = answer["choices"][0]["message"]["content"]
        return Answer(text, answer["usage"]["completion_tokens"])

    async def stop(self) -> None:
        await self._client.aclose()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.kill()
        await self._process.wait()


class EngineArm:
    """Our local engine, as the gateway calls it."""

    def __init__(self, model: Path, threads: int, folder: Path) -> None:
        self._lanes = ThreadLanes()
        self._engine = LocalEngine(
            "local",
            LocalOptions(model, folder / "engine.log", SLOTS, CONTEXT_TOKENS, threads),
            clock=SystemClock(),
            rng=random.Random(1),
            threads=self._lanes,
        )

    async def start(self) -> None:
        await self._engine.start()

    async def ask(self, prompt: str) -> Answer:
        messages = [{"role": "user", "content": prompt}]
        reply = await self._engine.chat(ChatRequest(messages, "m", PARAMS), timeout_s=300)
        return Answer(reply.text, reply.completion_tokens)

    async def stop(self) -> None:
        await self._engine.close()
        self._lanes.close()


class GatewayArm:
    """The whole path: `camel-ext up` in a process of its own, asked over loopback HTTP.

    Each call proves its key, resolves its alias, and is on disk in the log before it is answered.
    """

    streamed = False

    def __init__(self, model: Path, threads: int, folder: Path) -> None:
        self._model, self._threads = model, threads
        self._data = folder / f"data-{type(self).__name__}"

    async def start(self) -> None:
        path = bundled_path(self._data)
        path.parent.mkdir(parents=True)
        path.symlink_to(self._model)
        settings = {
            "CAMEL_EXT_DATA_DIR": str(self._data),
            "CAMEL_EXT_SERVER__PORT": "0",
            "CAMEL_EXT_SERVING__ENGINE_THREADS": str(self._threads),
            "CAMEL_EXT_SERVING__ENGINE_SLOTS": str(SLOTS),
        }
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "camel_ext.cli", "up"),
            env={**os.environ, **settings},
            stdout=asyncio.subprocess.DEVNULL,
        )
        address, key = self._data / "server.url", self._data / "owner.key"
        while not (address.exists() and key.exists()):
            assert self._process.returncode is None, "camel-ext up did not start"
            await asyncio.sleep(0.05)
        headers = {"Authorization": f"Bearer {key.read_text().strip()}"}
        url = address.read_text().strip()
        self._client = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=300, trust_env=False
        )
        entry = {"name": "m", "engine": "local", "file": "bundled"}
        entry["context_tokens"] = CONTEXT_TOKENS  # type: ignore[assignment]
        for path_, body in (
            ("/api/v1/models", entry),
            ("/api/v1/aliases", {"name": "m", "targets": [{"target": "m"}]}),
        ):
            (await self._client.post(path_, json=body)).raise_for_status()

    async def ask(self, prompt: str) -> Answer:
        body = {"model": "m", "messages": [{"role": "user", "content": prompt}], **PARAMS}
        if not self.streamed:
            answer = (await self._client.post("/v1/chat/completions", json=body)).json()
            text = answer["choices"][0]["message"]["content"]
            return Answer(text, answer["usage"]["completion_tokens"])
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        texts, tokens = [], 0
        async with self._client.stream("POST", "/v1/chat/completions", json=body) as reply:
            async for line in reply.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                chunk = json.loads(line[6:])
                tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
                texts += [c["delta"].get("content") or "" for c in chunk["choices"]]
        return Answer("".join(texts), tokens)

    async def stop(self) -> None:
        await self._client.aclose()
        self._process.terminate()
        await self._process.wait()


class GatewayStreamArm(GatewayArm):
    """The whole path, streamed: one event a token, parsed, sent on and parsed again."""

    streamed = True


class EngineStreamArm(EngineArm):
    """Our local engine, streaming: one event a token comes through our parser."""

    async def ask(self, prompt: str) -> Answer:
        messages = [{"role": "user", "content": prompt}]
        request = ChatRequest(messages, "m", PARAMS)
        *_, reply = [item async for item in self._engine.stream(request, timeout_s=300)]
        return Answer(reply.text, reply.completion_tokens)


ARMS: dict[str, Callable[[Path, int, Path], Arm]] = {
    "engine": EngineArm,
    "engine-stream": EngineStreamArm,
    "gateway": GatewayArm,
    "gateway-stream": GatewayStreamArm,
}


@dataclass(frozen=True)
class Block:
    """One measured block of calls on one arm."""

    tokens_per_s: float
    client_cpu_ms_per_call: float
    texts: list[str]


async def run_block(arm: Arm, prompts: list[str], at_once: int) -> Block:
    """Ask all prompts, so many at a time; check every reply."""
    gate = asyncio.Semaphore(at_once)

    async def one(prompt: str) -> Answer:
        async with gate:
            return await arm.ask(prompt)

    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    answers = await asyncio.gather(*(one(prompt) for prompt in prompts))
    took_s, cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
    assert all(answer.tokens == TOKENS and answer.text for answer in answers), answers
    tokens = sum(answer.tokens for answer in answers)
    return Block(tokens / took_s, cpu_s / len(prompts) * 1000, [answer.text for answer in answers])


async def compare(bare: Arm, ours: Arm, at_once: int, repeats: int, calls: int) -> dict[str, float]:
    """Run ABBA blocks and return medians, the ratio and its 95 % bootstrap interval."""
    ratios, rates, cpu = [], ([], []), ([], [])
    for repeat in range(repeats):
        prompts = [f"Block {repeat}, call {n}: tell me about the number {n}." for n in range(calls)]
        blocks = [await run_block(arm, prompts, at_once) for arm in (bare, ours, ours, bare)]
        same = [block.texts == blocks[0].texts for block in blocks]
        assert all(same), f"greedy texts differ at {at_once} at once: {same}"
        for side, pair in enumerate(((blocks[0], blocks[3]), (blocks[1], blocks[2]))):
            rates[side].extend(block.tokens_per_s for block in pair)
            cpu[side].extend(block.client_cpu_ms_per_call for block in pair)
        pairs = ((blocks[1], blocks[0]), (blocks[2], blocks[3]))
        ratios.extend(mine.tokens_per_s / theirs.tokens_per_s for mine, theirs in pairs)
    _, low, high = interval(ratios)
    return {
        "bare_tokens_per_s": round(statistics.median(rates[0]), 1),
        "ours_tokens_per_s": round(statistics.median(rates[1]), 1),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_low": round(low, 3),
        "ratio_high": round(high, 3),
        "bare_client_cpu_ms": round(statistics.median(cpu[0]), 2),
        "ours_client_cpu_ms": round(statistics.median(cpu[1]), 2),
    }


async def main() -> None:
    """Run every arm at 1 and 8 at once; print one table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--arm", choices=ARMS, action="append")
    options = parser.parse_args()
    repeats = 2 if options.quick else 5
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"the host was not idle before the start: load {load:.2f}")
    model = pull_bundled(ROOT / "var")
    results: dict[str, dict[str, float]] = {}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bare = BareArm(model, options.threads, folder)
        await bare.start()
        stack.push_async_callback(bare.stop)
        for name in options.arm or ARMS:
            ours = ARMS[name](model, options.threads, folder)
            await ours.start()
            stack.push_async_callback(ours.stop)
            for arm in (bare, ours):  # warm up both
                await run_block(arm, ["Warm up."] * SLOTS, SLOTS)
            for at_once, calls in ((1, 4), (8, 16)):
                results[f"{name}@{at_once}"] = await compare(bare, ours, at_once, repeats, calls)
    report(results, options.threads, load)


def report(results: dict[str, dict[str, float]], threads: int, load: float) -> None:
    """Print the table and the JSON line."""
    head = f"{'arm@at once':<18}{'bare tok/s':>12}{'ours tok/s':>12}{'ratio':>8}{'95 %':>17}"
    print(head + f"{'cpu ms/call':>16}  >= {BAR:.0%}")
    for name, row in results.items():
        interval = f"[{row['ratio_low']:.3f}, {row['ratio_high']:.3f}]"
        cpu = f"{row['bare_client_cpu_ms']:.1f} / {row['ours_client_cpu_ms']:.1f}"
        met = "met" if row["ratio_low"] >= BAR else "NOT met"
        print(
            f"{name:<18}{row['bare_tokens_per_s']:>12}{row['ours_tokens_per_s']:>12}"
            f"{row['ratio']:>8}{interval:>17}{cpu:>16}  {met}"
        )
    from importlib.metadata import version

    about = {
        "bench": "engine",
        "threads": threads,
        "tokens_per_call": TOKENS,
        "load_before": round(load, 2),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "xllamacpp": version("xllamacpp"),
        "results": results,
    }
    print(json.dumps(about))


if __name__ == "__main__":
    asyncio.run(main())
