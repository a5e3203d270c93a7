"""The seam between the room and its trainer: a folder with what to train and what came of it.

    JOB_DIR/spec.json       in: TrainingSpec, below
            pairs.jsonl     in: one PairRow a line
            events.jsonl    out: one event a line, appended as it happens (`EVENT_KINDS`)
            console.log     out: everything the libraries printed
            checkpoints/    out: step-<n>/, whole or not there; safetensors and JSON, never a pickle
            result/         out: adapter_model.safetensors, adapter_config.json, adapter.gguf

It imports neither torch nor pydantic, so that both sides can: the trainer's process starts with it.
It says nothing of jobs, rows or who asked.
"""

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

SPEC_FILE: Final = "spec.json"
PAIRS_FILE: Final = "pairs.jsonl"
EVENTS_FILE: Final = "events.jsonl"
CONSOLE_FILE: Final = "console.log"
CHECKPOINTS: Final = "checkpoints"
RESULT: Final = "result"

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1  # the last event is `failed` and says why
EXIT_STOPPED: Final = 3  # asked to stop: a checkpoint holds what was reached

EVENT_KINDS: Final = {
    "phase": "name: convert, tokenize, load, reference, train, export; cpu_seconds so far",
    "preflight": "pairs, tokens, memory_bytes, seconds, first_batch, warnings",
    "step": "step, steps, epoch, loss, margin, accuracy, chosen_logps, rejected_logps, grad_norm, "
    "learning_rate, tokens_per_s, eta_s, rss_bytes",
    "eval": "step, split, loss, accuracy, margin, best and worst: [{pair_hash, margin}]",
    "alarm": "code, words, step",
    "checkpoint": "step, path (below JOB_DIR), size_bytes",
    "result": "files: {name: {size_bytes, sha256}}, adapter_sha256, steps, seconds, cpu_seconds, ...",
    "stopped": "step: the checkpoint that holds what was reached",
    "failed": "code, detail, advice, step",
}


class Loss(StrEnum):
    """What is optimised: DPO's sigmoid, IPO, or KTO (which takes each answer by itself)."""

    SIGMOID = "sigmoid"
    IPO = "ipo"
    KTO = "kto"


class Precision(StrEnum):
    """In what the model computes; the adapter's weights, optimizer and losses are always fp32.

    `auto` is bf16 where the CPU multiplies tiles of it (AMX) and fp32 elsewhere: without AMX, bf16
    took 1.8 times as long as fp32 (oneDNN 3.12, AVX-512, measured).
    """

    AUTO = "auto"
    BF16 = "bf16"
    FP32 = "fp32"


class Schedule(StrEnum):
    """How the learning rate goes on after the warm-up."""

    COSINE = "cosine"
    LINEAR = "linear"
    CONSTANT = "constant"


class Split(StrEnum):
    """What a pair is for; both are of the dataset version, so nothing leaks between them."""

    TRAIN = "train"
    EVAL = "eval"


LINEAR_LAYERS: Final = (
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "gate_proj",
    "up_proj",
    "down_proj",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The base model: a GGUF of the llama architecture, and the only content that is accepted."""

    gguf_path: str
    sha256: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyper:
    """Everything that changes the numbers; meaning and paper of each are in `hyper.py`.

    `pairs_per_step` are the pairs behind one update, taken in `grad_accum` equal parts. `max_steps`
    wins over `epochs`. `last_layers` None puts LoRA on all layers; fewer leave the lower ones frozen,
    whose activations are then computed once per pair. `length_bucketing` puts pairs of like length
    into one update; nothing is padded here, so it evens out the memory and saves no time.
    `eval_every_steps` and `save_every_steps` 0 mean at the end only.
    """

    loss: Loss = Loss.SIGMOID
    beta: float = 0.1
    learning_rate: float = 2e-4
    lr_schedule: Schedule = Schedule.COSINE
    warmup_ratio: float = 0.1
    epochs: float = 3.0
    max_steps: int | None = None
    pairs_per_step: int = 4
    grad_accum: int = 1
    max_length: int = 1024
    max_prompt_length: int = 768
    lora_r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    target_modules: tuple[str, ...] = LINEAR_LAYERS
    last_layers: int | None = None
    dtype: Precision = Precision.AUTO
    seed: int = 0
    eval_every_steps: int = 0
    save_every_steps: int = 25
    length_bucketing: bool = False
    reference_cache: bool = True
    max_grad_norm: float = 1.0
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSpec:
    """One training: on what base, how, with how many threads, and where caches may be kept.

    `cache_dir` is shared by all trainings of a machine: bases converted once (by sha256) and
    reference log-probabilities (by base and pair). Losing it costs time, nothing else. `threads` 0
    takes the cores.
    """

    base: Base
    hyper: Hyper
    adapter_name: str
    cache_dir: str
    threads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRow:
    """One preference, in TRL's conversational form; `pair_hash` addresses exactly this content."""

    pair_hash: str
    prompt: list[dict[str, Any]]
    chosen: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    split: Split = Split.TRAIN
    tools: list[dict[str, Any]] | None = None


class SpecWrong(ValueError):
    """The folder does not hold what a trainer can read."""


def write_job(job_dir: Path, spec: TrainingSpec, pairs: list[PairRow]) -> None:
    """Write the two input files, each whole or not at all, the spec last."""
    job_dir.mkdir(parents=True, exist_ok=True)
    lines = b"".join(msgspec.json.encode(pair) + b"\n" for pair in pairs)
    _replace(job_dir / PAIRS_FILE, lines)
    _replace(job_dir / SPEC_FILE, msgspec.json.format(msgspec.json.encode(spec)) + b"\n")


def read_spec(job_dir: Path) -> TrainingSpec:
    """Return the spec of a folder.

    Raises: SpecWrong when it is missing, no JSON, or has a value of the wrong type.
    """
    path = job_dir / SPEC_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainingSpec)
    except FileNotFoundError:
        raise SpecWrong(f"There is no {path}, so there is nothing to train.") from None
    except msgspec.DecodeError as error:
        raise SpecWrong(f"{path} cannot be read: {error}.") from None


def read_pairs(job_dir: Path) -> list[PairRow]:
    """Return the pairs of a folder in their order.

    Raises: SpecWrong with the line's number.
    """
    path = job_dir / PAIRS_FILE
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        raise SpecWrong(f"There is no {path}, so there is nothing to train on.") from None
    pairs = []
    for number, line in enumerate(lines, 1):
        try:
            pairs.append(msgspec.json.decode(line, type=PairRow))
        except msgspec.DecodeError as error:
            raise SpecWrong(f"{path}, line {number}, is no pair: {error}.") from None
    return pairs


def plain(spec: TrainingSpec) -> dict[str, Any]:
    """Return the spec as plain values, for hashing and for rows."""
    found: dict[str, Any] = msgspec.to_builtins(spec)
    return found


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
