"""What another machine needs of a training: its adapter, and its last checkpoint while it is under way.

A checkpoint goes to the blob store in the background, as it is written; whoever takes a training over and
has none in its folder fetches it, whole or not at all: beside its place, then moved there. Whether it is of
this very training, the trainer looks itself.
Without a blob store nothing of this happens. An adapter waits for the store; a checkpoint does not.
"""

import asyncio
import logging
import os
import shutil
from functools import partial
from pathlib import Path
from uuid import UUID

from camel_ext.core.blobs import Blobs
from camel_ext.core.disk import Disk
from camel_ext.core.errors import Unavailable
from camel_ext.serving import MODELS
from camel_ext.training.adapters import CARD, FILES, Kept
from camel_ext.training.spec import CHECKPOINTS

log = logging.getLogger(__name__)
COMING = f".{CHECKPOINTS}"  # beside their place, until all of them have come


async def hand_over(blobs: Blobs, models_dir: Path, kept: Kept) -> None:
    """Store an adapter with its card under its name in the models folder, however long that takes."""
    place = Path(kept.file).parent
    for name in (*FILES, CARD):
        put = partial(blobs.put, f"{MODELS}/{place}/{name}", models_dir / place / name)
        await blobs.until_done(put)


class Checkpoints:
    """The checkpoints of one training, in its folder and in the blob store."""

    def __init__(self, blobs: Blobs, disk: Disk, training_id: UUID, job_dir: Path) -> None:
        self._blobs, self._disk, self._job_dir = blobs, disk, job_dir
        self._prefix = f"trainings/{training_id}"
        self._sending: asyncio.Task[None] | None = None

    async def bring(self) -> None:
        """Fetch what there is, where the folder has none; a store that is away is waited for."""
        if not await self._disk.run(_names_in, self._job_dir / CHECKPOINTS):
            await self._blobs.until_done(self._bring)

    async def _bring(self) -> None:
        there = f"{self._prefix}/{CHECKPOINTS}"
        coming = self._job_dir / COMING
        await self._disk.run(_drop, coming)  # what a fetch that was cut off left
        for key in await self._blobs.keys(there):
            await self._blobs.fetch(key, coming / key.removeprefix(f"{there}/"))
        await self._disk.run(_move, coming, self._job_dir / CHECKPOINTS)

    def send(self, path: str) -> None:
        """Store a checkpoint of the folder in the background; while one is on its way, not the next."""
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(path))

    async def drop(self) -> None:
        """Drop them from the store: the adapter is kept."""
        await self.stop()
        try:
            for key in await self._blobs.keys(self._prefix):
                await self._blobs.drop(key)
        except Unavailable as error:
            log.warning("checkpoints stay in the blob store: %s", error)

    async def stop(self) -> None:
        """Leave off sending."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self, path: str) -> None:
        """A checkpoint that is dropped meanwhile, or a store that is away, is no loss: another one follows."""
        try:
            before = await self._blobs.keys(f"{self._prefix}/{CHECKPOINTS}")
            for name in await self._disk.run(_names_in, self._job_dir / path):
                key = f"{self._prefix}/{path}/{name}"
                await self._blobs.put(key, self._job_dir / path / name)
            for key in before:
                if not key.startswith(f"{self._prefix}/{path}/"):
                    await self._blobs.drop(key)
        except (Unavailable, OSError) as error:
            log.warning("checkpoint %s was not stored: %s", path, error)


def _names_in(folder: Path) -> list[str]:
    """Return what stands in a folder; what is still being written there begins with a dot."""
    if not folder.is_dir():
        return []
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))


def _drop(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _move(coming: Path, place: Path) -> None:
    """Put what came where the trainer looks, on the disk and in one step; the files are synced."""
    if not coming.is_dir():
        return  # there was none
    for folder in (*(each for each in coming.iterdir() if each.is_dir()), coming):
        _sync(folder)
    _drop(place)  # it holds no checkpoint, at most one that a trainer was killed at
    coming.rename(place)
    _sync(place.parent)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
