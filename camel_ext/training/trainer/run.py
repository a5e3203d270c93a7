"""One training from a folder's spec to its result: the phases in their order.

Everything it leaves is in the folder and in the cache; a second call in the same folder goes on where
the first one ended.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import torch
from peft import LoraConfig

from camel_ext.training.spec import (
    CHECKPOINTS,
    PAIRS_FILE,
    RESULT,
    Hyper,
    Loss,
    Split,
    read_pairs,
    read_spec,
)
from camel_ext.training.trainer import checkpoints
from camel_ext.training.trainer.bases import Opened, compute_dtype, load_weights, open_base
from camel_ext.training.trainer.encoding import Encoded, Encoding, encode
from camel_ext.training.trainer.events import EventLog
from camel_ext.training.trainer.export import export_gguf, save_adapter
from camel_ext.training.trainer.forward import ACTIVATIONS_BYTES_MAX, PairForward
from camel_ext.training.trainer.memory import peak_rss_bytes
from camel_ext.training.trainer.plan import adapted_layers, check_hyper, planned_steps
from camel_ext.training.trainer.progress import Progress
from camel_ext.training.trainer.reference import ReferenceCache, reference_file
from camel_ext.training.trainer.stopping import Stopped, StopSwitch
from camel_ext.training.trainer.trainers import (
    PreferenceTrainer,
    Referenced,
    Work,
    build_trainer,
)


class Run:
    """A training in its folder."""

    def __init__(self, job_dir: Path, switch: StopSwitch) -> None:
        self._job_dir, self._switch = job_dir, switch
        self._began, self._reached = time.monotonic(), 0
        self._spec, self._events = read_spec(job_dir), EventLog(job_dir)
        self._hyper = self._spec.hyper
        check_hyper(self._hyper)
        torch.set_num_threads(self._spec.threads or os.cpu_count() or 1)

    def train(self) -> None:
        """Train until the result stands.

        Raises: TrainingFailed; Stopped when the switch was thrown, with all that was reached saved.
        """
        rows = read_pairs(self._job_dir)
        belongs_to = self._fingerprint()
        checkpoint = checkpoints.last_whole(self._job_dir / CHECKPOINTS, belongs_to)
        self._reached = checkpoints.step_of(checkpoint) if checkpoint else 0
        self._events.rewind(self._reached)
        self._phase("convert")
        opened = open_base(self._spec)
        self._phase("tokenize")
        encoding = encode(rows, opened.tokenizer, self._hyper)
        self._say_what_is_left_out(encoding)
        steps = planned_steps(self._hyper, len(encoding.of(Split.TRAIN)))
        lora = lora_config(self._hyper, opened.config)
        trainer, cache = self._trainer(opened, lora, encoding.pairs, steps, belongs_to)
        if checkpoint and self._reached >= steps:
            checkpoints.load_adapter(trainer.model, checkpoint)
        else:
            self._phase("train")
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            self._reached = trainer.state.global_step
            if self._reached < steps:
                raise Stopped(self._reached)
        self._phase("export")
        files = self._export(opened, trainer, lora)
        self._events.emit(
            "result",
            files=files,
            adapter_sha256=files["adapter.gguf"]["sha256"],
            steps=steps,
            pairs=len(encoding.of(Split.TRAIN)),
            held_out=len(encoding.of(Split.EVAL)),
            parameters=sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
            dtype=str(compute_dtype(self._hyper.dtype)).removeprefix("torch."),
            reference_hits=cache.hits,
            reference_misses=cache.misses,
            seconds=time.monotonic() - self._began,
            cpu_seconds=time.process_time(),
            peak_rss_bytes=peak_rss_bytes(),
        )

    def _phase(self, name: str) -> None:
        self._switch.check(self._reached)
        self._events.emit("phase", name=name, cpu_seconds=time.process_time())

    def _fingerprint(self) -> str:
        """Return the hash of all that a checkpoint depends on."""
        digest = hashlib.sha256((self._job_dir / PAIRS_FILE).read_bytes())
        digest.update(msgspec.json.encode([self._spec.base.sha256, self._hyper]))
        return digest.hexdigest()

    def _say_what_is_left_out(self, encoding: Encoding) -> None:
        for reason, count in encoding.dropped.items():
            self._events.emit("alarm", code=reason, words=f"{count} pairs are left out: {reason}.")

    def _trainer(
        self,
        opened: Opened,
        lora: LoraConfig,
        pairs: list[Encoded],
        steps: int,
        belongs_to: str,
    ) -> tuple[PreferenceTrainer, ReferenceCache]:
        """Return a trainer that has its pairs and what the base says of them."""
        self._phase("load")
        dtype = compute_dtype(self._hyper.dtype)
        bf16 = dtype == torch.bfloat16
        base = load_weights(opened, dtype)
        path = reference_file(Path(self._spec.cache_dir), self._spec.base.sha256, dtype)
        cache = ReferenceCache(path if self._hyper.reference_cache else None)
        first = min(lora.layers_to_transform)
        forward = PairForward(base, first, ACTIVATIONS_BYTES_MAX)
        work = Work(self._hyper, steps, [], [], self._job_dir / CHECKPOINTS, belongs_to)
        self._phase("reference")
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            for each in self._referenced(pairs, forward, cache):
                (work.train if each.pair.split is Split.TRAIN else work.held_out).append(each)
        progress = Progress(self._events, self._hyper, self._switch)
        trainer = build_trainer(base, opened.tokenizer, lora, work, bf16=bf16, callback=progress)
        trainer.take(forward, work)
        progress.trainer = trainer
        return trainer, cache

    def _referenced(
        self, pairs: list[Encoded], forward: PairForward, cache: ReferenceCache
    ) -> Iterator[Referenced]:
        """Yield each pair with its reference; the activations below the adapter are kept, too."""
        for number, pair in enumerate(pairs):
            self._switch.check(self._reached)
            chosen, rejected = scored(forward, cache, pair.prompt, (pair.chosen, pair.rejected))
            shifted: tuple[tuple[tuple[int, ...], float], ...] = ()
            if self._hyper.loss is Loss.KTO:
                others = pairs[number - 1].chosen, pairs[number - 1].rejected
                logps = scored(forward, cache, pair.prompt, others)
                shifted = tuple(zip(others, logps, strict=True))
            yield Referenced(number, pair, chosen, rejected, shifted)

    def _export(
        self, opened: Opened, trainer: PreferenceTrainer, lora: LoraConfig
    ) -> dict[str, dict[str, Any]]:
        folder = self._job_dir / RESULT
        save_adapter(trainer.model, lora, self._spec.base.name, folder)
        export_gguf(folder, opened.config, self._spec.adapter_name)
        return {
            path.name: {
                "size_bytes": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for path in sorted(folder.iterdir())
        }


def scored(
    forward: PairForward,
    cache: ReferenceCache,
    prompt: tuple[int, ...],
    replies: tuple[tuple[int, ...], ...],
) -> list[float]:
    """Return what the base says of the replies, from the cache or by computing it now.

    What leaves the frozen layers is computed either way, so that it is the same to the last bit
    whether or not the cache knew the pair.
    """
    forward.prepare(prompt, replies)
    return cache.logps(prompt, replies, lambda: forward.score(prompt, replies))


def lora_config(hyper: Hyper, config: dict[str, Any]) -> LoraConfig:
    """Return PEFT's configuration of the adapter."""
    return LoraConfig(
        r=hyper.lora_r,
        lora_alpha=hyper.lora_alpha,
        lora_dropout=hyper.lora_dropout,
        target_modules=list(hyper.target_modules),
        layers_to_transform=list(adapted_layers(hyper, config["num_hidden_layers"])),
        task_type="CAUSAL_LM",
    )
