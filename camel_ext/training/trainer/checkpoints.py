"""Checkpoints that are whole or not there, and hold no pickle.

    step-<n>/adapter.safetensors     the adapter as PEFT names it
             optimizer.safetensors   moments and step counts, by the number of their parameter
             rng.safetensors         torch's generator
             trainer_state.json      transformers' own account of where it is
             state.json              learning rate schedule, other generators, what it belongs to

It saves and loads; when to do so is the trainer's business.
"""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from camel_ext.training.files import FileRefused, check_safetensors
from camel_ext.training.trainer.failures import disk_full_named

PREFIX = "step-"
KEPT = 2  # the last one, and the one before it in case the last was damaged
ADAPTER, OPTIMIZER, RNG = "adapter.safetensors", "optimizer.safetensors", "rng.safetensors"
STATE, TRAINER_STATE = "state.json", "trainer_state.json"


def path_of(folder: Path, step: int) -> Path:
    """Return where the checkpoint of a step is or would be."""
    return folder / f"{PREFIX}{step}"


def step_of(path: Path) -> int:
    """Return the step of a checkpoint."""
    return int(path.name.removeprefix(PREFIX))


def last_whole(folder: Path, belongs_to: str) -> Path | None:
    """Return the latest checkpoint that is undamaged and of this very training."""
    for path in _newest_first(folder):
        try:
            for name in (ADAPTER, OPTIMIZER, RNG):
                check_safetensors(path / name)
            json.loads((path / TRAINER_STATE).read_bytes())
            if json.loads((path / STATE).read_bytes())["belongs_to"] == belongs_to:
                return path
        except (FileRefused, OSError, ValueError, KeyError):
            continue
    return None


class Checkpoint:
    """What is put into a checkpoint and taken out of it again."""

    def __init__(self, model: PeftModel, optimizer: Optimizer, schedule: LRScheduler) -> None:
        self._model, self._optimizer, self._schedule = model, optimizer, schedule

    def save(
        self,
        folder: Path,
        step: int,
        *,
        write_trainer_state: Callable[[str], None],
        belongs_to: str,
    ) -> Path:
        """Write a checkpoint beside its place, then move it there; drop those before the last two.

        Raises: TrainingFailed when the disk is full; what was there before is still there.
        """
        part, path = folder / f".{PREFIX}{step}", path_of(folder, step)
        shutil.rmtree(part, ignore_errors=True)
        try:
            with disk_full_named(f"the checkpoint of step {step}", folder):
                part.mkdir(parents=True)
                self._write(part, belongs_to)
                write_trainer_state(str(part / TRAINER_STATE))
                _sync(part)
                shutil.rmtree(path, ignore_errors=True)
                part.rename(path)
                _sync_folder(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        for old in list(_newest_first(folder))[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
        return path

    def _write(self, part: Path, belongs_to: str) -> None:
        _save(get_peft_model_state_dict(self._model), part / ADAPTER)
        found = self._optimizer.state_dict()
        _save(dict(_flat(found["state"])), part / OPTIMIZER)
        _save({"torch": torch.get_rng_state()}, part / RNG)
        state = {
            "belongs_to": belongs_to,
            "groups": found["param_groups"],
            "schedule": self._schedule.state_dict(),
            "python": random.getstate(),
            "numpy": _plain(np.random.get_state(legacy=False)),
        }
        (part / STATE).write_text(json.dumps(state))

    def load_optimizer(self, path: Path) -> None:
        """Take over moments, learning rates and where the schedule is."""
        state = json.loads((path / STATE).read_bytes())
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in load_file(path / OPTIMIZER).items():
            number, _, key = name.partition(".")
            moments.setdefault(int(number), {})[key] = tensor
        self._optimizer.load_state_dict({"state": moments, "param_groups": state["groups"]})
        self._schedule.load_state_dict(state["schedule"])


def load_adapter(model: PeftModel, path: Path) -> None:
    """Put the checkpoint's adapter into the model."""
    set_peft_model_state_dict(model, load_file(path / ADAPTER))


def load_generators(path: Path) -> None:
    """Let every random generator go on where it was."""
    state = json.loads((path / STATE).read_bytes())
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    numpy_state = state["numpy"]
    numpy_state["state"]["key"] = np.array(numpy_state["state"]["key"], dtype=np.uint32)
    np.random.set_state(numpy_state)
    torch.set_rng_state(load_file(path / RNG)["torch"])


def _flat(state: dict[int, dict[str, Any]]) -> Iterator[tuple[str, torch.Tensor]]:
    for number, entries in state.items():
        for key, value in entries.items():
            yield f"{number}.{key}", torch.as_tensor(value)


def _plain(state: Any) -> dict[str, Any]:
    return {**state, "state": {**state["state"], "key": state["state"]["key"].tolist()}}


def _save(tensors: dict[str, torch.Tensor], path: Path) -> None:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def _newest_first(folder: Path) -> list[Path]:
    found = [path for path in folder.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdigit()]
    return sorted(found, key=step_of, reverse=True)


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
