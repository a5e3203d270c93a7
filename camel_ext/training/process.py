"""What the training room keeps for the life of a process: its launcher, and where folders are.

Opened by the server and the worker alike; folders of trainings that ended long ago are swept. It
starts no trainer by itself (tasks).
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

from camel_ext.core.runtime import Runtime
from camel_ext.core.sweeping import FolderSweeper
from camel_ext.serving import MODELS
from camel_ext.settings import Settings
from camel_ext.training.environment import require_python
from camel_ext.training.launcher import Launcher, LocalLauncher
from camel_ext.training.service import list_over

EXTRA = "training"


@dataclass
class Yard:
    """Where trainings take place; tests put a launcher of their own in."""

    launcher: Launcher
    data_dir: Path
    python: Path | None
    slots: int
    threads: int
    stop_s: float
    restarts: int

    def folder(self, training_id: UUID) -> Path:
        """Return the folder of one training."""
        return self.data_dir / "trainings" / str(training_id)

    @property
    def cache_dir(self) -> Path:
        """Where converted bases and the base's words on pairs are kept for all trainings."""
        return self.data_dir / "trainings" / "cache"

    @property
    def models_dir(self) -> Path:
        """Where the registry's files are named from."""
        return self.data_dir / MODELS


def yard_of(runtime: Runtime) -> Yard:
    """Return this process's yard."""
    yard: Yard = runtime.extras[EXTRA]
    return yard


@asynccontextmanager
async def opened(runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Open the yard; a trainer in it is ended by its task."""
    wanted, data_dir = settings.training, settings.data_dir
    launcher = LocalLauncher(
        find_python=partial(require_python, data_dir, wanted.python),
        slots_dir=data_dir / "trainings" / "slots",
        slots=wanted.slots,
        threads=wanted.threads,
        clock=runtime.clock,
    )
    runtime.extras[EXTRA] = Yard(
        launcher=launcher,
        data_dir=data_dir,
        python=wanted.python,
        slots=wanted.slots,
        threads=wanted.threads,
        stop_s=wanted.stop_s,
        restarts=wanted.restarts,
    )
    sweeper = FolderSweeper(
        runtime,
        data_dir / "trainings",
        wanted.keep_s,
        what="trainings",
        list_over=list_over,
        remove=shutil.rmtree,
    )
    try:
        async with sweeper.sweeping():
            yield
    finally:
        del runtime.extras[EXTRA]
