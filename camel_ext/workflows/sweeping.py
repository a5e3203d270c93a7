"""Files of runs that ended long ago: found on this disk, asked about, removed.

A retry starts from what the retried run's tools left, so a run's files stay for a time after its end,
and as long as a retry of it is not over for that time. What no run is known of is not touched.
"""

import logging
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from camel_ext.core.errors import CamelExtError
from camel_ext.core.runtime import Runtime
from camel_ext.workflows.models import Run
from camel_ext.workflows.tools import remove_tree

log = logging.getLogger(__name__)
FIRST_S = 60.0  # a start has better things to do
EVERY_S = 3_600.0
IDS_A_QUERY = 500  # SQLite takes 32,766 parameters, PostgreSQL 65,535
GONE = ".gone-"  # begins the name of a folder that is being removed


class Sweeper:
    """Removes what nobody needs any more, now and then. Several processes may sweep one disk."""

    def __init__(self, runtime: Runtime, root: Path, keep_s: float) -> None:
        self._runtime, self._root = runtime, root
        self._keep = timedelta(seconds=keep_s)

    async def run(self) -> None:
        """Sweep until cancelled."""
        await self._runtime.clock.sleep(FIRST_S)
        while True:
            try:
                await self.sweep()
            except (CamelExtError, OSError) as error:
                log.warning(
                    "old files of runs could not be removed, which is tried again: %s", error
                )
            await self._runtime.clock.sleep(EVERY_S)

    async def sweep(self) -> int:
        """Remove the files of every run that is over for long enough; return of how many."""
        threads, count = self._runtime.threads, 0
        found = await threads.run("work", find_folders, self._root)
        before = self._runtime.clock.now() - self._keep
        for start in range(0, len(found), IDS_A_QUERY):
            some = found[start : start + IDS_A_QUERY]
            over = await self._runtime.read_system("files of runs", list_over, some, before)
            for run_id in over:
                await threads.run("work", remove_folder, self._root, run_id)
            count += len(over)
        return count


def list_over(db: Session, run_ids: Collection[UUID], before: datetime) -> list[UUID]:
    """Return those of these runs that ended before a time, as did all retries of them."""
    begin = select(Run.id.label("root"), Run.id.label("id")).where(Run.id.in_(run_ids))
    family = begin.cte("family", recursive=True)
    retry = aliased(Run)
    family = family.union_all(
        select(family.c.root, retry.id).join(retry, retry.parent_run_id == family.c.id)
    )
    needed = (
        select(family.c.root)
        .join(Run, Run.id == family.c.id)
        .where(or_(Run.finished_at.is_(None), Run.finished_at >= before))
    )
    known = aliased(Run)
    return list(db.scalars(select(known.id).where(known.id.in_(run_ids), known.id.not_in(needed))))


def find_folders(root: Path) -> list[UUID]:
    """Return the runs that have files here; remove what a killed removal left."""
    if not root.exists():
        return []
    found = []
    for folder in root.iterdir():
        if folder.name.startswith(GONE):
            _remove(folder)
            continue
        with suppress(ValueError):
            found.append(UUID(folder.name))
    return found


def remove_folder(root: Path, run_id: UUID) -> None:
    """Remove a run's files: at once for whoever looks for them, then one by one."""
    gone = root / f"{GONE}{run_id}"
    with suppress(FileNotFoundError):  # another process was quicker
        (root / str(run_id)).rename(gone)
        _remove(gone)


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):  # another process is at it, too
        remove_tree(folder)
