"""The real trainer, on the real model: a look, an adapter, and a crash that changes nothing."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from camel_ext.datasets import Split
from camel_ext.registry import LocalEntry, register_model
from camel_ext.serving import read_gguf_header
from camel_ext.training.environment import find_environment
from camel_ext.training.launcher import LocalLauncher, LocalTrainer
from camel_ext.training.process import EXTRA, Yard
from tests.conftest import House
from tests.training.makers import actor_of, add_dataset, make_pair

TRAININGS = "/api/v1/trainings"
LONG_S = 600.0
HYPER = {
    "max_steps": 6, "last_layers": 2, "max_length": 128, "max_prompt_length": 96,
    "pairs_per_step": 2, "eval_every_steps": 3, "save_every_steps": 2,
}  # fmt: skip
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_environment(Path("/nowhere")) is None, reason="PyTorch is not installed here"
    ),
]


class NotedLauncher:
    """The real launcher; notes the processes that it started."""

    def __init__(self, launcher: LocalLauncher) -> None:
        self._launcher = launcher
        self.started: list[LocalTrainer] = []

    async def start(self, job_dir: Path, *, look: bool, look_first: bool) -> LocalTrainer:
        trainer = await self._launcher.start(job_dir, look=look, look_first=look_first)
        self.started.append(trainer)
        return trainer


@pytest.fixture
async def launcher(house: House, bundled_model: Path) -> NotedLauncher:
    runtime, tenant = house.runtime, house.owner.tenant
    yard: Yard = runtime.extras[EXTRA]
    assert isinstance(yard.launcher, LocalLauncher)
    noted = NotedLauncher(yard.launcher)
    yard.launcher = noted

    def make(db: Session) -> None:
        entry = LocalEntry(engine="local", file=str(bundled_model))
        register_model(
            db, runtime.clock, runtime.new_id, actor_of(runtime, tenant), "smollm2", entry
        )
        splits = [Split.TRAIN] * 8 + [Split.EVAL] * 2
        add_dataset(db, runtime, [make_pair(n, split) for n, split in enumerate(splits)])

    await runtime.write(tenant, make)
    return noted


async def start(house: House, **wanted: Any) -> str:
    body = {"name": "brief", "base": "smollm2", "dataset": "brevity-pairs", "preset": "quick"}
    made = await house.client.post(TRAININGS, json={**body, "hyper": HYPER, **wanted})
    assert made.status_code == 202, made.text
    found: str = made.json()["id"]
    return found


async def ended(house: House, training_id: str) -> dict[str, Any]:
    async with asyncio.timeout(LONG_S):
        while True:
            found: dict[str, Any] = (await house.client.get(f"{TRAININGS}/{training_id}")).json()
            if found["state"] in ("succeeded", "failed", "cancelled"):
                return found
            await asyncio.sleep(0.1)


async def steps_of(house: House, training_id: str, kind: str = "step") -> dict[int, Any]:
    path = f"{TRAININGS}/{training_id}/metrics"
    items = (await house.client.get(path, params={"kind": kind})).json()["items"]
    return {each["step"]: each["values"] for each in items}


async def test_a_look_says_what_it_takes(house: House, launcher: NotedLauncher) -> None:
    found = await ended(house, await start(house, dry_run=True))
    assert found["state"] == "succeeded", (found["error_detail"], found["console_tail"])
    look = found["preflight"]
    assert (look["pairs"], look["held_out"], look["steps"]) == (8, 2, 6)
    assert look["memory_bytes"] > 3e8
    assert "<|im_start|>user" in look["first_batch"][0]["prompt"]
    assert found["adapter_version_id"] is None


async def test_a_training_that_is_killed_ends_in_the_very_same_adapter(
    house: House, launcher: NotedLauncher
) -> None:
    calm_id = await start(house)
    calm = await ended(house, calm_id)
    assert calm["state"] == "succeeded", (calm["error_detail"], calm["console_tail"])
    curve = await steps_of(house, calm_id)
    assert list(curve) == [1, 2, 3, 4, 5, 6]
    assert list(await steps_of(house, calm_id, "eval")) == [3, 6]
    assert calm["preflight"]["steps"] == 6
    kept = house.data_dir / "models" / calm["result"]["file"]
    assert read_gguf_header(kept).kind == "adapter"
    assert "<unknown>" not in calm["card"]

    killed_id = await start(house)
    async with asyncio.timeout(LONG_S):
        while True:
            if max(await steps_of(house, killed_id), default=0) >= 3:
                break
            await asyncio.sleep(0.02)
    os.kill(launcher.started[-1].pid, signal.SIGKILL)
    killed = await ended(house, killed_id)
    assert killed["state"] == "succeeded", (killed["error_detail"], killed["console_tail"])
    assert len(launcher.started) == 3
    again = await steps_of(house, killed_id)
    assert {n: each["loss"] for n, each in again.items()} == {
        n: each["loss"] for n, each in curve.items()
    }
    assert killed["adapter_version_id"] == calm["adapter_version_id"]
