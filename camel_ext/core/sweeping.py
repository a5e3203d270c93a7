"""Folders named by ids whose time is over: found on this disk, asked about, removed.

What an id stands for, and when it is over, is told by the room that keeps the folders. What nothing
is known of is not touched.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.errors import CamelExtError
from camel_ext.core.runtime import Runtime

log = logging.getLogger(__name__)
FIRST_S = 60.0  # a start has better things to do
EVERY_S = 3_600.0
IDS_A_QUERY = 500  # SQLite takes 32,766 parameters, PostgreSQL 65,535
GONE = ".gone-"  # begins the name of a folder that is being removed


class ListOver(Protocol):
    """Return those of these ids that were over before a time; across tenants."""

    def __call__(self, db: Session, ids: Collection[UUID], before: datetime, /) -> list[UUID]: ...


class FolderSweeper:
    """Removes what nobody needs any more, now and then. Several processes may sweep one disk."""

    def __init__(
        self,
        runtime: Runtime,
        root: Path,
        keep_s: float,
        *,
        what: str,
        list_over: ListOver,
        remove: Callable[[Path], None],
    ) -> None:
        self._runtime, self._root, self._what = runtime, root, what
        self._keep = timedelta(seconds=keep_s)
        self._list_over, self._remove_tree = list_over, remove

    async def run(self) -> None:
        """Sweep until cancelled."""
        await self._runtime.clock.sleep(FIRST_S)
        while True:
            try:
                await self.sweep()
            except (CamelExtError, OSError) as error:
                log.warning(
                    "old files of %s could not be removed, which is tried again: %s",
                    self._what,
                    error,
                )
            await self._runtime.clock.sleep(EVERY_S)

    async def sweep(self) -> int:
        """Remove the folder of everything that is over for long enough; return of how many."""
        threads, count = self._runtime.threads, 0
        found = await threads.run("work", self._find)
        before = self._runtime.clock.now() - self._keep
        for start in range(0, len(found), IDS_A_QUERY):
            some = found[start : start + IDS_A_QUERY]
            over = await self._runtime.read_system(
                f"files of {self._what}", self._list_over, some, before
            )
            for each in over:
                await threads.run("work", self._remove, each)
            count += len(over)
        return count

    @asynccontextmanager
    async def sweeping(self) -> AsyncIterator[None]:
        """Sweep while the block lasts."""
        task = asyncio.create_task(self.run(), name=f"sweeper of {self._what}")
        task.add_done_callback(_report)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    def _find(self) -> list[UUID]:
        """Return the ids that have folders here; remove what a killed removal left."""
        if not self._root.exists():
            return []
        found = []
        for folder in self._root.iterdir():
            if folder.name.startswith(GONE):
                self._drop(folder)
                continue
            with suppress(ValueError):
                found.append(UUID(folder.name))
        return found

    def _remove(self, one: UUID) -> None:
        """Remove a folder: at once for whoever looks for it, then file by file."""
        gone = self._root / f"{GONE}{one}"
        with suppress(FileNotFoundError):  # another process was quicker
            (self._root / str(one)).rename(gone)
            self._drop(gone)

    def _drop(self, folder: Path) -> None:
        with suppress(FileNotFoundError):  # another process is at it, too
            self._remove_tree(folder)


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("%s ended with a bug of ours", task.get_name(), exc_info=task.exception())
