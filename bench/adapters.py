"""P9: many adapters on one base, asked in mixed order, against load-merge-unload by PEFT.

Goal: >= 5 times the tokens/s of the peer, memory <= the base's + 1.5 times the adapters' bytes, and
each greedy answer equal to the one its adapter gives alone. All calls are there at once, in mixed order.
Ours is the local engine with all adapters loaded, which lets calls of one adapter share batches. The peer
takes one request after another: load the adapter, merge it, generate, unmerge, drop it; `sorted` is the
same for a user who sorts the requests by adapter first and merges each once. The adapters are random, rank 8,
F16, on all linear layers.

Answers of a batch are rounded otherwise than those of one call, so where two words are as likely, a
greedy answer may turn: each that differs is looked at, and counts as equal only where the answer alone
gave the two words probabilities within `TIE` of each other at that place.

    python -m bench.adapters [--adapters 20] [--calls 4] [--blocks 3]
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.method import abba, about, busy, cpu_s, interval, pss_mb, ratios, report, shown
from camel_ext.core.clock import SystemClock
from camel_ext.core.threads import ThreadLanes
from camel_ext.serving import ChatRequest, LocalEngine, LocalOptions, pull_bundled

ROOT = Path(__file__).parents[1]
TOKENS, SLOTS, RANK = 32, 8, 8
PARAMS = {"max_tokens": TOKENS, "temperature": 0.0, "ignore_eos": True, "cache_prompt": False}
FLOOR, MEMORY_SHARE = 5.0, 1.5
TIE = 0.05  # nats between the two words at the place where answers part
SIDES = ("ours", "peft", "sorted")


@dataclass(frozen=True)
class Call:
    """One request: which adapter, and what it is asked."""

    adapter: int
    prompt: str


def calls_of(adapters: int, block: int, each: int) -> list[Call]:
    """Return so many calls of each adapter, in mixed order; the same block, the same calls."""
    calls = [
        Call(n, f"Block {block}, call {i}: tell me about the number {n}.")
        for n in range(adapters)
        for i in range(each)
    ]
    random.Random(block).shuffle(calls)
    return calls


class Ours:
    """The local engine, with every adapter loaded."""

    def __init__(self, model: Path, folder: Path, threads: int) -> None:
        self._lanes = ThreadLanes()
        options = LocalOptions(model, folder / "engine.log", SLOTS, 1024, threads)
        self._engine = LocalEngine(
            "local", options, clock=SystemClock(), rng=random.Random(1), threads=self._lanes
        )

    async def memory_mb(self, adapters: Sequence[Path | None]) -> float:
        """Bring these adapters in, ask each once, and return the memory of the model's process."""
        await asyncio.gather(*(self.ask(path, "Warm up.") for path in adapters))
        while len(self._children()) > 1:  # noqa: ASYNC110  # the server before drains, and says nothing
            await asyncio.sleep(0.1)
        return sum(pss_mb(pid) for pid in self._children())

    def _children(self) -> list[int]:
        return [
            int(pid)
            for task in Path("/proc/self/task").glob("*/children")
            for pid in task.read_text().split()
            if b"local_process" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    async def ask(self, adapter: Path | None, prompt: str) -> str:
        request = ChatRequest(
            [{"role": "user", "content": prompt}], "m", PARAMS, adapter_path=adapter
        )
        reply = await self._engine.chat(request, timeout_s=300)
        assert reply.completion_tokens == TOKENS, reply
        return reply.text

    async def block(self, calls: Sequence[Call], paths: Sequence[Path]) -> tuple[float, list[str]]:
        """Ask all at once; return tokens/s and the texts."""
        start_s = time.perf_counter()
        texts = await asyncio.gather(
            *(self.ask(paths[call.adapter], call.prompt) for call in calls)
        )
        return TOKENS * len(calls) / (time.perf_counter() - start_s), list(texts)

    async def parts(self, adapter: Path, prompt: str, text: str) -> bool:
        """Tell whether an answer differs from the one alone by more than a tie between two words."""
        params = {**PARAMS, "top_logprobs": 5}
        messages = [{"role": "user", "content": prompt}]
        request = ChatRequest(messages, "m", params, adapter_path=adapter, logprobs=True)
        alone = await self._engine.chat(request, timeout_s=300)
        if alone.text == text:
            return False
        assert alone.logprobs is not None
        said = ""
        for place in alone.logprobs["content"]:
            if not text.startswith(said + place["token"]):
                rest = text[len(said) :]
                others = [
                    o["logprob"] for o in place["top_logprobs"] if rest.startswith(o["token"])
                ]
                return not others or place["logprob"] - max(others) > TIE
            said += place["token"]
        return True

    async def close(self) -> None:
        await self._engine.close()
        self._lanes.close()


class Peer:
    """PEFT in a process of its own: `bench/peers/peft_merge.py`."""

    async def start(self, base: Path, folders: Sequence[Path], threads: int) -> None:
        script = ROOT / "bench" / "peers" / "peft_merge.py"
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(script), str(base), str(threads), str(TOKENS)),
            *map(str, folders),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"},
        )
        assert (await self._line()) == {"ready": True}

    @property
    def pid(self) -> int:
        return self._process.pid

    async def _line(self) -> object:
        assert self._process.stdout is not None
        return json.loads(await self._process.stdout.readline())

    async def block(self, calls: Sequence[Call], *, by_adapter: bool) -> float:
        """Answer the calls one by one, or sorted by adapter and each merged once; return tokens/s."""
        assert self._process.stdin is not None
        start_s = time.perf_counter()
        for call in sorted(calls, key=lambda call: call.adapter) if by_adapter else calls:
            line = json.dumps([call.adapter, call.prompt, by_adapter])
            self._process.stdin.write(line.encode() + b"\n")
            assert (await self._line()) == {"tokens": TOKENS}
        return TOKENS * len(calls) / (time.perf_counter() - start_s)

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


def make_adapters(model: Path, folder: Path, count: int) -> tuple[Path, list[Path]]:
    """Convert the base for torch and write random adapters in both forms; return the folders.

    It runs in a process of its own, so that torch is not in ours.
    """
    import hashlib

    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from camel_ext.training.spec import LINEAR_LAYERS, Base
    from camel_ext.training.trainer.convert import converted_base
    from camel_ext.training.trainer.export import export_gguf, save_adapter

    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    base = converted_base(Base(gguf_path=str(model), sha256=digest, name="bundled"), folder)
    config = json.loads((base / "config.json").read_bytes())
    lora = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=list(LINEAR_LAYERS))
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora)
    import torch

    folders = []
    for number in range(count):
        torch.manual_seed(number)
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(weight, std=0.02)
        folders.append(folder / f"adapter-{number}")
        save_adapter(adapted, lora, "bundled", folders[-1])
        export_gguf(folders[-1], config, f"adapter-{number}")
    return base, folders


async def _made(folder: Path, count: int) -> tuple[Path, list[Path]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.adapters", "--make", str(folder), "--adapters", str(count)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, "the adapters could not be made"
    base, *folders = map(Path, json.loads(out.splitlines()[-1]))
    return base, folders


async def measure(
    model: Path, folder: Path, count: int, each: int, blocks: int, threads: int
) -> None:
    """Run both sides in turn and print the table and the JSON line."""
    load = busy()
    base, folders = await _made(folder, count)
    paths = [each / "adapter.gguf" for each in folders]
    ours, peer = Ours(model, folder, threads), Peer()
    base_mb = await ours.memory_mb([None] * SLOTS)
    full_mb = await ours.memory_mb(paths)
    adapters_mb = sum(path.stat().st_size for path in paths) / 1e6
    await peer.start(base, folders, threads)
    rates: dict[str, list[float]] = {side: [] for side in SIDES}
    cpus: dict[str, list[float]] = {side: [] for side in SIDES}
    differing = ties = 0
    for block in range(blocks):
        calls = calls_of(count, block, each)
        for side in abba(SIDES, 1):
            pids = ours._children() if side == "ours" else [peer.pid]
            before_s = sum(map(cpu_s, pids))
            if side == "ours":
                rate, texts = await ours.block(calls, paths)
            else:
                rate = await peer.block(calls, by_adapter=side == "sorted")
            rates[side].append(rate)
            cpus[side].append(1000 * (sum(map(cpu_s, pids)) - before_s) / (TOKENS * len(calls)))
        alone = [await ours.ask(paths[call.adapter], call.prompt) for call in calls]
        for call, text, by_itself in zip(calls, texts, alone, strict=True):
            if text != by_itself:
                parted = await ours.parts(paths[call.adapter], call.prompt, text)
                differing, ties = differing + parted, ties + (not parted)
    peer_mb = pss_mb(peer.pid)
    await ours.close()
    await peer.close()
    _, low, high = interval(ratios(rates["ours"], rates["peft"]))
    extra = (full_mb - base_mb) / adapters_mb
    print(f"{'':<22}{'ours':>24}{'PEFT':>24}{'PEFT, sorted':>24}")
    for name, values in (("tokens/s", rates), ("CPU-ms a token", cpus)):
        print(f"{name:<22}" + "".join(f"{shown(values[side], 2):>24}" for side in SIDES))
    print(f"{'memory, MB':<22}{full_mb:>24.0f}{peer_mb:>24.0f}")
    print(f"against the sorted peer: {shown(ratios(rates['ours'], rates['sorted']), 2)}")
    print(f"ratio {shown(ratios(rates['ours'], rates['peft']), 2)}, floor {FLOOR}: "
          f"{'met' if low >= FLOOR else 'NOT met'}")  # fmt: skip
    print(f"memory: base {base_mb:.0f} MB, with {count} adapters {full_mb:.0f} MB: "
          f"{extra:.2f} times their {adapters_mb:.0f} MB, bar {MEMORY_SHARE}: "
          f"{'met' if extra <= MEMORY_SHARE else 'NOT met'}")  # fmt: skip
    print(f"greedy answers that differ from the adapter alone: {differing} of {each * count * blocks}, "
          f"and {ties} that turn at a tie")  # fmt: skip
    report(
        about("adapters", load, ("xllamacpp", "peft", "transformers", "torch")),
        ratio=[round(x, 3) for x in interval(ratios(rates["ours"], rates["peft"]))],
        memory_share=round(extra, 3),
        sorted_ratio=[round(x, 3) for x in interval(ratios(rates["ours"], rates["sorted"]))],
        differing=differing,
        ties=ties,
        high=round(high, 3),
    )


def main() -> None:
    """Measure, or make the adapters for the process that measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adapters", type=int, default=20)
    parser.add_argument("--calls", type=int, default=4, help="Calls of each adapter a block.")
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    model = pull_bundled(ROOT / "var")
    if options.make is not None:
        base, folders = make_adapters(model, options.make, options.adapters)
        print(json.dumps([str(base), *map(str, folders)]))
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(
            measure(
                model,
                Path(folder),
                options.adapters,
                options.calls,
                options.blocks,
                options.threads,
            )
        )


if __name__ == "__main__":
    main()
