"""P9: many adapters on one base, asked in mixed order, against load-merge-unload by PEFT.

Goal: >= 5 times the tokens/s of the peer, memory <= the base's + 1.5 times the adapters' bytes, and
each greedy answer equal to the one its adapter gives alone. All calls are there at once, in mixed order.
Ours is the local engine with all adapters loaded, which lets calls of one adapter share batches. The peer
takes one request after another: load the adapter, merge it, generate, unmerge, drop it; `sorted` is the
same for a user who sorts the requests by adapter first and merges each once. The adapters are random, rank 8,
F16, on all linear layers.

Whether it is that adapter who answers is seen at the first word of each answer: in the mixed batch its
log-probs equal those of the adapter alone to the last bit, and those of a wrong adapter do not (both are
counted). Later words are computed beside others, in sums of another order, and the base rounds each
activation to 8 bits, which makes much of little: so a greedy answer may turn where two words are nearly as
likely. How near is measured, not set: the smallest change an adapter can take (its alpha, one float32 step
up), answered alone, moves the gap between the two likeliest words by so much at most.

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

import numpy as np
from gguf import GGUFReader

from bench.method import abba, about, busy, cpu_s, interval, pss_mb, ratios, report, shown
from camel_ext.core.clock import SystemClock
from camel_ext.core.threads import ThreadLanes
from camel_ext.serving import ChatRequest, LocalEngine, LocalOptions, pull_bundled
from camel_ext.serving.engines.protocol import Json

ROOT = Path(__file__).parents[1]
TOKENS, SLOTS, RANK = 32, 8, 8
PARAMS = {"max_tokens": TOKENS, "temperature": 0.0, "ignore_eos": True, "cache_prompt": False,
          "top_logprobs": 20}  # fmt: skip
FLOOR, MEMORY_SHARE = 5.0, 1.5
NUDGED = 4  # adapters that are asked again with their alpha one float32 step up
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


@dataclass(frozen=True)
class Answer:
    """A text, and for each of its tokens the likeliest with their log-probs."""

    text: str
    places: list[Json]

    def begins_as(self, other: "Answer") -> bool:
        """Tell whether the log-probs of the first token are the other's, to the last bit."""
        return self.places[0] == other.places[0]

    def parts_beyond(self, other: "Answer", rounding_nats: float) -> bool:
        """Tell whether this greedy answer leaves the other where rounding does not explain it."""
        for mine, theirs in zip(self.places, other.places, strict=True):
            if mine["bytes"] != theirs["bytes"]:
                known = {bytes(each["bytes"]): each["logprob"] for each in theirs["top_logprobs"]}
                word = bytes(mine["bytes"])
                return word not in known or theirs["logprob"] - known[word] > rounding_nats
        return False


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

    async def ask(self, adapter: Path | None, prompt: str) -> Answer:
        request = ChatRequest(
            [{"role": "user", "content": prompt}], "m", PARAMS, adapter_path=adapter, logprobs=True
        )
        reply = await self._engine.chat(request, timeout_s=300)
        assert reply.completion_tokens == TOKENS, reply
        assert reply.logprobs is not None
        return Answer(reply.text, reply.logprobs["content"])

    async def block(
        self, calls: Sequence[Call], paths: Sequence[Path]
    ) -> tuple[float, list[Answer]]:
        """Ask all at once; return tokens/s and the answers."""
        start_s = time.perf_counter()
        answers = await asyncio.gather(
            *(self.ask(paths[call.adapter], call.prompt) for call in calls)
        )
        return TOKENS * len(calls) / (time.perf_counter() - start_s), list(answers)

    async def moved_nats(self, adapter: Path, nudged: Path, prompt: str) -> float:
        """Return how far a nudge moves the gap between the two likeliest words, at most.

        It is looked at as far as both answers have the same words before.
        """
        most = 0.0
        answers = await self.ask(adapter, prompt), await self.ask(nudged, prompt)
        for one, other in zip(*(answer.places for answer in answers), strict=True):
            first, second = one["top_logprobs"][:2]
            there = {place["token"]: place["logprob"] for place in other["top_logprobs"]}
            if first["token"] in there and second["token"] in there:
                gap = there[first["token"]] - there[second["token"]]
                most = max(most, abs(first["logprob"] - second["logprob"] - gap))
            if one["token"] != other["token"]:
                break
        return most

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


def nudge(path: Path) -> Path:
    """Copy an adapter with its alpha one float32 step up: the smallest change it can take."""
    copy = path.with_name("nudged.gguf")
    copy.write_bytes(path.read_bytes())
    alpha = GGUFReader(copy, "r+").fields["adapter.lora.alpha"].parts[-1]
    alpha[0] = np.nextafter(alpha[0], np.float32(np.inf))
    alpha.base.flush()
    return copy


async def rounding(model: Path, folder: Path, paths: Sequence[Path], threads: int) -> float:
    """Return how far the smallest change of an adapter moves the gap of two words, in nats."""
    ours = Ours(model, folder, threads)
    pairs = [(path, nudge(path)) for path in paths[:NUDGED]]
    await asyncio.gather(*(ours.ask(path, "Warm up.") for pair in pairs for path in pair))
    prompts = [call.prompt for call in calls_of(4, -1, 1)]
    moved = [
        await ours.moved_nats(path, nudged, prompt) for path, nudged in pairs for prompt in prompts
    ]
    await ours.close()
    return max(moved)


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
    turned = beyond = swapped = wrong_seen = 0
    rounding_nats = await rounding(model, folder, paths, threads)
    for block in range(blocks):
        calls = calls_of(count, block, each)
        for side in abba(SIDES, 1):
            pids = ours._children() if side == "ours" else [peer.pid]
            before_s = sum(map(cpu_s, pids))
            if side == "ours":
                rate, answers = await ours.block(calls, paths)
            else:
                rate = await peer.block(calls, by_adapter=side == "sorted")
            rates[side].append(rate)
            cpus[side].append(1000 * (sum(map(cpu_s, pids)) - before_s) / (TOKENS * len(calls)))
        for call, answer in zip(calls, answers, strict=True):
            alone = await ours.ask(paths[call.adapter], call.prompt)
            swapped += not answer.begins_as(alone)
            turned += answer.text != alone.text
            beyond += answer.parts_beyond(alone, rounding_nats)
            if block == 0:
                wrong = await ours.ask(paths[(call.adapter + 1) % count], call.prompt)
                wrong_seen += not answer.begins_as(wrong)
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
    print(f"answers that do not begin as the adapter's alone: {swapped} of {each * count * blocks} (as a "
          f"wrong adapter's: {each * count - wrong_seen} of {each * count})")  # fmt: skip
    print(f"greedy answers that turn later: {turned}; {beyond} of them by more than rounding moves "
          f"({rounding_nats:.2f} nats)")  # fmt: skip
    report(
        about("adapters", load, ("xllamacpp", "peft", "transformers", "torch")),
        ratio=[round(x, 3) for x in interval(ratios(rates["ours"], rates["peft"]))],
        memory_share=round(extra, 3),
        sorted_ratio=[round(x, 3) for x in interval(ratios(rates["ours"], rates["sorted"]))],
        swapped=swapped,
        wrong_seen=wrong_seen,
        turned=turned,
        beyond=beyond,
        rounding_nats=round(rounding_nats, 3),
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
