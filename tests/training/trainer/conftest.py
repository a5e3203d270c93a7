"""Fixtures of the trainer's tests: a tiny base, folders with jobs, and one thread."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

if find_spec("torch") is None:  # `make setup-train` brings it
    collect_ignore_glob = ["*"]
else:
    import torch

    from camel_ext.training.spec import Base, Hyper, PairRow, Split, TrainingSpec, write_job
    from tests.training.trainer.tiny import write_tiny

    torch.set_num_threads(1)

    QUESTIONS = ("what is it", "tell me 12 of them", "why", "how the thing", "in all", "or not")
    SMALL: dict[str, Any] = {
        "learning_rate": 5e-3,
        "warmup_ratio": 0.0,
        "max_steps": 4,
        "pairs_per_step": 2,
        "max_length": 128,
        "max_prompt_length": 96,
        "lora_r": 4,
        "lora_alpha": 8,
        "last_layers": 2,
        "dtype": "fp32",
        "save_every_steps": 2,
        "eval_every_steps": 2,
    }

    def pair(number: int, split: Split = Split.TRAIN, **changed: Any) -> PairRow:
        said = {"chosen": f"short {number}", "rejected": f"a much longer one, number {number}"}
        said.update(changed)
        return PairRow(
            pair_hash=f"pair-{number}",
            prompt=[{"role": "user", "content": f"{QUESTIONS[number % 6]}? {number}"}],
            chosen=[{"role": "assistant", "content": said["chosen"]}],
            rejected=[{"role": "assistant", "content": said["rejected"]}],
            split=split,
        )

    def pairs(train: int = 6, held_out: int = 2) -> list[PairRow]:
        rows = [pair(number) for number in range(train)]
        return rows + [pair(train + number, Split.EVAL) for number in range(held_out)]

    @dataclass
    class Jobs:
        """Makes folders with jobs on the tiny base."""

        base: Base
        cache_dir: Path
        folder: Path

        def make(self, name: str = "job", rows: list[PairRow] | None = None, **hyper: Any) -> Path:
            job_dir = self.folder / name
            write_job(job_dir, self.spec(**hyper), pairs() if rows is None else rows)
            return job_dir

        def spec(self, **hyper: Any) -> TrainingSpec:
            return TrainingSpec(
                base=self.base,
                hyper=msgspec.convert({**SMALL, **hyper}, Hyper),
                adapter_name="brief",
                cache_dir=str(self.cache_dir),
                threads=1,
            )

    @pytest.fixture(scope="session")
    def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Base:
        return write_tiny(tmp_path_factory.mktemp("base") / "tiny.gguf")

    @pytest.fixture
    def jobs(tiny_base: Base, tmp_path: Path) -> Jobs:
        return Jobs(tiny_base, tmp_path / "cache", tmp_path)

    @pytest.fixture
    def events() -> Callable[[Path], list[dict[str, Any]]]:
        def read(job_dir: Path) -> list[dict[str, Any]]:
            lines = (job_dir / "events.jsonl").read_bytes().splitlines()
            return [msgspec.json.decode(line) for line in lines]

        return read
