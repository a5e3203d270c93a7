"""Plays trainers in this process: each start plays the next act of a script in the training's folder.

An act writes the events that a trainer would, leaves a small but whole adapter, and ends with a code.
It computes nothing; how a real child is started and ended is tried with `LocalLauncher` itself.
"""

import asyncio
import hashlib
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from camel_ext.training.spec import EXIT_DONE, EXIT_FAILED, EXIT_STOPPED, read_pairs, read_spec
from tests.fakes.gguf import Tensor, gguf_bytes

Json = dict[str, Any]
LORA: dict[str, str | float | int] = {
    "general.architecture": "llama",
    "general.type": "adapter",
    "adapter.type": "lora",
    "adapter.lora.alpha": 4.0,
}


@dataclass
class Act:
    """What one trainer does: says events, writes a result or not, waits to be stopped or not."""

    events: list[Json] = field(default_factory=list)
    code: int = EXIT_DONE
    result: bool = True
    holds: bool = False  # after its events it works until it is stopped
    cut_to: int | None = None  # first it cuts the log back to so many lines, as who resumes does
    console: str = ""


def steps(first: int, last: int, of: int) -> list[Json]:
    """Step events as a trainer writes them."""
    return [
        {
            "kind": "step", "step": n, "steps": of, "epoch": n / of, "loss": 0.7 / n,
            "margin": 0.1 * n, "accuracy": min(1.0, 0.5 + 0.1 * n), "chosen_logps": -10.0,
            "rejected_logps": -10.0 - n, "grad_norm": 1.0, "learning_rate": 1e-4,
            "tokens_per_s": 100.0, "eta_s": float(of - n), "rss_bytes": 10**9,
        }
        for n in range(first, last + 1)
    ]  # fmt: skip


def failed(code: str, detail: str = "It broke.", advice: str = "Mend it.") -> Json:
    """The event of a trainer that cannot go on."""
    return {"kind": "failed", "code": code, "detail": detail, "advice": advice}


class FakeTrainer:
    """One act."""

    def __init__(self, job_dir: Path, act: Act, look: bool) -> None:
        self._job_dir, self._act, self._look = job_dir, act, look
        self._asked = asyncio.Event()
        self._playing = asyncio.create_task(self._play())
        self.stopped_with: float | None = None

    async def wait(self) -> int:
        return await asyncio.shield(self._playing)

    async def stop(self, grace_s: float) -> int:
        self.stopped_with = grace_s
        self._asked.set()
        return await asyncio.shield(self._playing)

    async def _play(self) -> int:
        act, path = self._act, self._job_dir / "events.jsonl"
        if act.cut_to is not None:
            kept = path.read_bytes().splitlines(keepends=True)[: act.cut_to]
            path.write_bytes(b"".join(kept))
        if act.console:
            (self._job_dir / "console.log").write_text(act.console)
        for event in act.events:
            self._say(**event)
            await asyncio.sleep(0)
        if act.holds:
            await self._asked.wait()
            self._say(kind="stopped", step=0)
            return EXIT_STOPPED
        if act.code == EXIT_DONE and act.result and not self._look:
            self._say(kind="result", **write_result(self._job_dir))
        return act.code

    def _say(self, **said: Any) -> None:
        with (self._job_dir / "events.jsonl").open("a") as file:
            file.write(json.dumps({"at": 1_750_000_000.0, **said}) + "\n")


class FakeLauncher:
    """Starts trainers that play; acts beyond the script repeat its last one."""

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts) or [Act(steps(1, 3, 3))]
        self.started: list[tuple[Path, bool, bool]] = []
        self.trainers: list[FakeTrainer] = []

    async def start(self, job_dir: Path, *, look: bool, look_first: bool) -> FakeTrainer:
        read_spec(job_dir), read_pairs(job_dir)  # a real one does so first
        act = self.acts[min(len(self.started), len(self.acts) - 1)]
        self.started.append((job_dir, look, look_first))
        trainer = FakeTrainer(job_dir, act, look)
        self.trainers.append(trainer)
        return trainer


def write_result(job_dir: Path, seed: int = 0) -> Json:
    """Leave a whole adapter in the folder and return what a `result` event says of it."""
    folder = job_dir / "result"
    folder.mkdir(exist_ok=True)
    tensor = {"blk.0.attn_q.weight.lora_a": Tensor((4, 1), [float(seed), 0.0, 0.0, 0.0])}
    (folder / "adapter.gguf").write_bytes(gguf_bytes(LORA, tensor))
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes(float(seed)))
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    files = {path.name: _facts(path) for path in sorted(folder.iterdir())}
    return {
        "files": files, "adapter_sha256": files["adapter.gguf"]["sha256"], "steps": 3, "pairs": 4,
        "held_out": 1, "parameters": 4, "dtype": "float32", "seconds": 1.5, "cpu_seconds": 2.5,
    }  # fmt: skip


def safetensors_bytes(value: float) -> bytes:
    """One F32 of that value."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + struct.pack("<f", value)


def _facts(path: Path) -> Json:
    return {
        "size_bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


__all__ = ["EXIT_FAILED", "Act", "FakeLauncher", "FakeTrainer", "failed", "steps", "write_result"]
