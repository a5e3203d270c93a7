"""P8: a DPO training on the CPU against TRL's DPOTrainer with its defaults, same model, pairs and losses.

Goal: >= 1.3 times the pairs/s on a first training, >= 2 on a retrain (aim 2 and 4); step losses equal
within 1e-3 in fp32. Pairs have prompt and answers in the ratio 4:1 or 1:1. Both sides put the same
LoRA on the same layers, take the same pairs in the same order, and are measured from loaded weights to
trained ones: ours with its pass over the reference in it, TRL's with the one it makes in every step.

TRL's defaults are bf16 and gradient checkpointing; on a CPU without AMX fp32 is faster, so its fp32 is
measured, too, and is the arm that the losses are compared with.

    python -m bench.training [--pairs 16] [--epochs 1] [--last-layers 12] [--blocks 2] [--threads 2]
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.method import abba, about, busy, interval, ratios, report, shown
from camel_ext.serving import BUNDLED, pull_bundled
from camel_ext.training.spec import (
    EVENTS_FILE,
    Base,
    Hyper,
    PairRow,
    Precision,
    TrainingSpec,
    read_pairs,
    read_spec,
    write_job,
)

ROOT = Path(__file__).parents[1]
SHAPES = {"4:1": (128, 32), "1:1": (80, 80)}  # tokens of prompt and of each answer, about
ARMS = ("ours", "trl-bf16", "trl-fp32")
FIRST_FLOOR, AGAIN_FLOOR, LOSS_GAP = 1.3, 2.0, 1e-3
ENVIRONMENT = {**os.environ, "GOMP_SPINCOUNT": "10000"}  # as our launcher says it; for both sides
WORDS = [
    "time",
    "year",
    "people",
    "way",
    "day",
    "man",
    "thing",
    "woman",
    "life",
    "child",
    "world",
    "school",
    "state",
    "family",
    "student",
    "group",
    "country",
    "problem",
    "hand",
    "part",
    "place",
    "case",
    "week",
    "company",
    "system",
    "program",
    "question",
    "work",
    "number",
    "night",
    "point",
    "home",
    "water",
    "room",
    "mother",
    "area",
    "money",
    "story",
    "fact",
    "month",
    "lot",
    "right",
    "study",
    "book",
    "eye",
    "job",
    "word",
]


@dataclass(frozen=True)
class Outcome:
    """What one training took, from loaded weights on, and its losses."""

    pairs_per_s: float
    pairs_per_cpu_s: float
    losses: list[float]


def pairs_of(count: int, prompt: int, answer: int) -> list[PairRow]:
    """Return pairs of about so many tokens; a common word is one token."""
    rng = random.Random(7)

    def text(words: int) -> str:
        return " ".join(rng.choices(WORDS, k=words))

    return [
        PairRow(
            pair_hash=f"pair-{number}",
            prompt=[{"role": "user", "content": text(prompt - 36)}],  # 36: what the template adds
            chosen=[{"role": "assistant", "content": text(answer - 2)}],
            rejected=[{"role": "assistant", "content": text(answer - 2)}],
        )
        for number in range(count)
    ]


def write(
    job_dir: Path, options: argparse.Namespace, shape: str, cache: Path, **hyper: Any
) -> Path:
    """Write a job's folder and return it."""
    spec = TrainingSpec(
        base=Base(
            gguf_path=str(pull_bundled(ROOT / "var")), sha256=BUNDLED.sha256, name="smollm2-135m"
        ),
        hyper=Hyper(
            learning_rate=2e-4,
            warmup_ratio=0.0,
            epochs=options.epochs,
            pairs_per_step=4,
            last_layers=options.last_layers or None,
            save_every_steps=0,
            dtype=Precision.FP32,
            **hyper,
        ),
        adapter_name="bench",
        cache_dir=str(cache),
        threads=options.threads,
    )
    write_job(job_dir, spec, pairs_of(options.pairs, *SHAPES[shape]))
    return job_dir


def run_ours(job_dir: Path) -> Outcome:
    """Train by our trainer, in its own process, and read what it took from its events."""
    command = [sys.executable, "-m", "camel_ext.training.trainer", str(job_dir)]
    subprocess.run(command, check=True, env=ENVIRONMENT)
    events = [json.loads(line) for line in (job_dir / EVENTS_FILE).read_text().splitlines()]
    phases = {event["name"]: event for event in events if event["kind"] == "phase"}
    losses = [event["loss"] for event in events if event["kind"] == "step"]
    loaded = phases["reference"]
    pairs = len(losses) * read_spec(job_dir).hyper.pairs_per_step
    return Outcome(
        pairs / (phases["export"]["at"] - loaded["at"]),
        pairs / (phases["export"]["cpu_seconds"] - loaded["cpu_seconds"]),
        losses,
    )


def run_trl(job_dir: Path, bf16: bool) -> Outcome:
    """Train by TRL as its users do, in a process of its own."""
    command = [sys.executable, "-m", "bench.training", "--peer", str(job_dir)]
    done = subprocess.run(
        [*command, *(["--bf16"] if bf16 else [])],
        check=True,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def peer(job_dir: Path, bf16: bool) -> None:
    """TRL's side: everything but what both must share is left as TRL has it."""
    import torch
    from datasets import Dataset
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
    from trl import DPOConfig, DPOTrainer

    from camel_ext.training.trainer.convert import converted_base
    from camel_ext.training.trainer.run import lora_config
    from camel_ext.training.trainer.sampling import PairOrder

    spec, rows = read_spec(job_dir), read_pairs(job_dir)
    torch.set_num_threads(spec.threads)
    folder = converted_base(spec.base, Path(spec.cache_dir))
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    order = PairOrder([0] * len(rows), seed=spec.hyper.seed, pairs_per_step=4)
    ordered = []
    for epoch in range(int(spec.hyper.epochs)):
        order.set_epoch(epoch)
        ordered += [rows[number] for number in order]
    trainer = DPOTrainer(
        model,
        args=DPOConfig(
            output_dir=str(job_dir / "trl"),
            per_device_train_batch_size=spec.hyper.pairs_per_step,
            num_train_epochs=1,
            learning_rate=spec.hyper.learning_rate,
            lr_scheduler_type="cosine",
            beta=spec.hyper.beta,
            seed=spec.hyper.seed,
            train_sampling_strategy="sequential",
            bf16=bf16,
            use_cpu=True,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(
            [
                {"prompt": row.prompt, "chosen": row.chosen, "rejected": row.rejected}
                for row in ordered
            ]
        ),
        processing_class=PreTrainedTokenizerFast.from_pretrained(folder),
        peft_config=lora_config(spec.hyper, model.config.to_dict()),
    )
    began, cpu_began = time.perf_counter(), time.process_time()
    trainer.train()
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    pairs = len(losses) * spec.hyper.pairs_per_step
    print(
        json.dumps({"pairs_per_s": pairs / wall, "pairs_per_cpu_s": pairs / cpu, "losses": losses})
    )


def measure(options: argparse.Namespace, shape: str, folder: Path) -> dict[str, list[Outcome]]:
    """Run all arms in turn; a block of ours is a first training and one with a warm cache."""
    found: dict[str, list[Outcome]] = {name: [] for name in ("first", "again", *ARMS[1:])}
    converted = folder / "converted"
    run_ours(write(folder / f"warm-{shape}", options, shape, converted, max_steps=1))
    for number, arm in enumerate(abba(ARMS, options.blocks)):
        job = folder / f"{shape}-{number}"
        if arm == "ours":
            cache = folder / f"cache-{shape}-{number}"
            cache.mkdir()
            (cache / "bases").symlink_to(converted / "bases")
            found["first"].append(run_ours(write(job, options, shape, cache)))
            found["again"].append(run_ours(write(Path(f"{job}-again"), options, shape, cache)))
        else:
            write(job, options, shape, converted)
            found[arm].append(run_trl(job, bf16=arm == "trl-bf16"))
        print(f"  {shape} {arm}: done", file=sys.stderr, flush=True)
    return found


def judge(shape: str, found: dict[str, list[Outcome]]) -> dict[str, Any]:
    """Print the table of one shape and return its numbers."""
    said: dict[str, Any] = {}
    print(f"\nprompt : answer = {shape}")
    for name, outcomes in found.items():
        wall = [outcome.pairs_per_s for outcome in outcomes]
        cpu = [outcome.pairs_per_cpu_s for outcome in outcomes]
        print(f"  {name:9} {shown(wall)} pairs/s   {shown(cpu)} pairs/CPU-s")
        said[name] = {"pairs_per_s": interval(wall), "pairs_per_cpu_s": interval(cpu)}
    for ours, floor in (("first", FIRST_FLOOR), ("again", AGAIN_FLOOR)):
        for theirs in ARMS[1:]:
            by_cpu = ratios(
                [outcome.pairs_per_cpu_s for outcome in found[ours]],
                [outcome.pairs_per_cpu_s for outcome in found[theirs]],
            )
            by_wall = ratios(
                [outcome.pairs_per_s for outcome in found[ours]],
                [outcome.pairs_per_s for outcome in found[theirs]],
            )
            met = "met" if interval(by_wall)[1] >= floor else "NOT met"
            print(
                f"  {ours} / {theirs}: {shown(by_wall, 2)} (CPU {shown(by_cpu, 2)}), "
                f"floor {floor}: {met}"
            )
            said[f"{ours}/{theirs}"] = {"wall": interval(by_wall), "cpu": interval(by_cpu)}
    one, other = found["first"][0].losses, found["trl-fp32"][0].losses
    gap = max(abs(a - b) for a, b in zip(one, other, strict=True))
    print(f"  step losses: {one[0]:.4f} -> {one[-1]:.4f}, widest gap {gap:.1e} (fp32)")
    assert gap < LOSS_GAP, (one, other)
    return {**said, "loss_gap": gap, "losses": one}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--last-layers", type=int, default=12, help="0: all")
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--bf16", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        peer(options.peer, options.bf16)
        return
    head = about("P8 training", busy(), ["torch", "trl", "peft", "transformers"])
    with tempfile.TemporaryDirectory(prefix="bench-training-") as name:
        found = {shape: measure(options, shape, Path(name)) for shape in options.shapes}
    results = {shape: judge(shape, outcomes) for shape, outcomes in found.items()}
    sizes = {key: getattr(options, key) for key in ("pairs", "epochs", "last_layers", "threads")}
    report(head, **sizes, results=results)


if __name__ == "__main__":
    main()
