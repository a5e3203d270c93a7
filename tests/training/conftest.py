"""A yard where trainers play, with a base and pairs, on a runtime of each database and in the app."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from camel_ext.core.models import State
from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.datasets import Split
from camel_ext.training import TrainingJob, cancel_training, get_training, list_metrics
from camel_ext.training.models import MetricKind
from camel_ext.training.process import EXTRA, Yard
from camel_ext.training.service import RESOURCE
from tests.conftest import House
from tests.fakes.launcher import Act, FakeLauncher
from tests.training.makers import (
    actor_of,
    add_base,
    add_dataset,
    add_training,
    make_pair,
    write_base,
)

if find_spec("torch") is None:
    collect_ignore = ["trainer"]  # what needs PyTorch is tried where it is installed
LONG_S = 30.0  # the machine may be busy: a wait that ends by time is a failure, not a measure


@dataclass(slots=True)
class Shop:
    """Short ways to do what the services do, each in a transaction of its own."""

    runtime: Runtime
    tenant: Tenant
    yard: Yard
    launcher: FakeLauncher

    async def write(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.runtime.write(self.tenant, fn, *args)

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.runtime.read(self.tenant, fn, *args)

    async def start(self, **wanted: Any) -> TrainingJob:
        made: TrainingJob = await self.write(lambda db: add_training(db, self.runtime, **wanted))
        return made

    async def get(self, training_id: UUID) -> TrainingJob:
        found: TrainingJob = await self.read(get_training, training_id)
        return found

    async def cancel(self, training_id: UUID) -> TrainingJob:
        found: TrainingJob = await self.write(cancel_training, self.runtime.clock, training_id)
        return found

    async def points(self, training_id: UUID, kind: MetricKind = MetricKind.STEP) -> list[int]:
        return [point.step for point in await self.read(list_metrics, training_id, kind)]

    def plays(self, *acts: Act) -> None:
        """Let the next trainers play these acts."""
        self.launcher.acts, self.launcher.started = list(acts), []

    @asynccontextmanager
    async def working(self, slots: int = 1) -> AsyncIterator[QueueWorker]:
        """A worker that has so many slots for trainings."""
        worker = QueueWorker(
            self.runtime, name="w", concurrency=8, poll_s=0.02, heartbeat_s=0.1,
            resources={RESOURCE: slots}, sole=True,
        )  # fmt: skip
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running

    async def ended(self, training_id: UUID) -> TrainingJob:
        return await self.until(training_id, lambda training: training.state.is_final)

    async def until(self, training_id: UUID, holds: Callable[[TrainingJob], bool]) -> TrainingJob:
        """The training, once that holds of it."""
        async with asyncio.timeout(LONG_S):
            while True:
                training = await self.get(training_id)
                if holds(training):
                    return training
                await asyncio.sleep(0.02)


def yard_in(data_dir: Path, launcher: FakeLauncher) -> Yard:
    """A yard that lets trainers play."""
    return Yard(launcher, data_dir, python=None, slots=1, threads=1, stop_s=5.0, restarts=2)


@pytest.fixture
async def shop(runtime: Runtime, tenant: Tenant, tmp_path: Path) -> Shop:
    """A base, six pairs, and a launcher that plays."""
    launcher = FakeLauncher()
    yard = runtime.extras[EXTRA] = yard_in(tmp_path / "data", launcher)
    write_base(yard.models_dir)

    def make(db: Session) -> None:
        add_base(db, runtime, actor_of(runtime, tenant))
        splits = [Split.TRAIN] * 5 + [Split.EVAL]
        add_dataset(db, runtime, [make_pair(n, split) for n, split in enumerate(splits)])

    await runtime.write(tenant, make)
    return Shop(runtime, tenant, yard, launcher)


@pytest.fixture
async def playing(house: House) -> FakeLauncher:
    """The running app with a base and pairs, where trainers play."""
    launcher = FakeLauncher()
    yard: Yard = house.runtime.extras[EXTRA]
    yard.launcher = launcher
    write_base(yard.models_dir)
    runtime, tenant = house.runtime, house.owner.tenant

    def make(db: Session) -> None:
        add_base(db, runtime, actor_of(runtime, tenant))
        add_dataset(db, runtime, [make_pair(n) for n in range(4)])

    await runtime.write(tenant, make)
    return launcher


async def wait_ended(house: House, training_id: str) -> dict[str, Any]:
    """The training as the API shows it, once it has ended."""
    async with asyncio.timeout(LONG_S):
        while True:
            shown: dict[str, Any] = (
                await house.client.get(f"/api/v1/trainings/{training_id}")
            ).json()
            if State(shown["state"]).is_final:
                return shown
            await asyncio.sleep(0.02)
