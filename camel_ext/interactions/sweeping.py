"""A sweep: write old calls to files of the archive, or erase their words.

What dies on the way loses nothing: a file is named in the database before it is written, synced and read
back before the first body leaves, and bodies leave in batches that can be taken away twice. Whoever
goes on first settles what was left: a file that was not whole goes, one that was is emptied to its end.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.errors import CamelExtError
from camel_ext.core.models import State
from camel_ext.core.queue import TaskContext
from camel_ext.interactions import elsewhere, leaving, months, retention
from camel_ext.interactions.archive_files import ArchiveFile, hash_of, read_ids
from camel_ext.interactions.archived import archive_folder
from camel_ext.interactions.errors import ArchiveUnreadable
from camel_ext.interactions.models import Archive, ArchiveState, Sweep
from camel_ext.interactions.queries import Row

FILE_ROWS = 20_000  # some 15 MB of short calls
MOVE_ROWS = 200  # in one commit: some 15 ms of SQLite's one writer


async def sweep(context: TaskContext, sweep_id: UUID) -> None:
    """Do a sweep to its end."""
    async with context.until_cancelled(partial(end, context, State.CANCELLED)):
        await _sweep(context, sweep_id)


async def _sweep(context: TaskContext, sweep_id: UUID) -> None:
    found = await context.write(retention.begin_sweep, context.runtime.clock.now(), sweep_id)
    if found.state.is_final:
        return
    await _settle(context, sweep_id)
    place, is_last = None, False
    while not is_last:
        if found.archive:
            place = await _one_file(context, found, place)
        else:
            place = await _erase_some(context, found, place)
        is_last = place is None
    context.ended = True
    await end(context, State.SUCCEEDED)
    if not context.runtime.database.is_sqlite:
        with suppress(CamelExtError):  # upkeep frees what is left
            await months.free_emptied(context.runtime)


async def _settle(context: TaskContext, sweep_id: UUID) -> None:
    """Bring to an end what a sweep before left in the middle.

    Raises: ArchiveUnreadable where a file that bodies left for is not what was written.
    """
    threads = context.runtime.threads
    folder = await context.read(archive_folder)
    for archive in await context.read(_unsettled):
        path = folder / archive.file
        if archive.state == ArchiveState.WRITING:
            await threads.run("work", path.unlink, True)
            await threads.run("work", path.with_name(f".{path.name}.part").unlink, True)
            await elsewhere.forget(context.runtime, path)
            await context.write(_forget, archive.id)
            continue
        await elsewhere.bring(context.runtime, path)
        sha256, _ = await threads.run("work", hash_of, path)
        if sha256 != archive.sha256:
            raise ArchiveUnreadable(f"{path} is not the file that was written: nothing was deleted")
        ids = await threads.run("work", read_ids, path)
        await _empty(context, sweep_id, archive.id, ids)


def _unsettled(db: Session) -> list[Archive]:
    states = (ArchiveState.WRITING, ArchiveState.MOVING)
    return list(db.scalars(select(Archive).where(Archive.state.in_(states)).order_by(Archive.id)))


def _forget(db: Session, archive_id: UUID) -> None:
    db.delete(db.get_one(Archive, archive_id))


async def _one_file(context: TaskContext, found: Sweep, place: Row | None) -> Row | None:
    """Archive as many old calls as one file takes; return from where to go on."""
    runtime, threads = context.runtime, context.runtime.threads
    file: ArchiveFile | None = None
    archive_id, gone, is_last = runtime.new_id(), dict[UUID, None](), False
    try:
        while not is_last and len(gone) < FILE_ROWS:
            looked = await context.read(leaving.look, found, place, gone.keys())
            place, is_last = looked.place, looked.place is None
            await context.write(_count, found.id, len(looked.leaving) + looked.kept, looked.kept)
            if not looked.leaving:
                continue
            if file is None:
                name = f"{runtime.clock.now():%Y%m%d}-{archive_id}.parquet"
                now = runtime.clock.now()
                await context.write(leaving.open_archive, now, archive_id, found.id, name)
                folder = await context.read(archive_folder)
                file = await threads.run("work", ArchiveFile, folder, name, leaving.COLUMNS)
            rows = await context.read(leaving.read_rows, looked.leaving)
            await threads.run("work", file.add, rows)
            gone |= dict.fromkeys(looked.leaving)
        if file is None:
            return place
        written = await threads.run("work", file.finish)
        await elsewhere.hand_over(runtime, folder / name)
    except BaseException:
        if file is not None:
            file.drop()
        raise
    await context.write(leaving.close_archive, archive_id, written)
    await _empty(context, found.id, archive_id, list(gone))
    return place


async def _empty(
    context: TaskContext, sweep_id: UUID, archive_id: UUID, ids: Sequence[UUID]
) -> None:
    """Let the bodies of a whole file leave the log."""
    for start in range(0, len(ids), MOVE_ROWS):
        some = ids[start : start + MOVE_ROWS]
        await context.write(leaving.take_away, sweep_id, archive_id, some)
    await context.write(_say, archive_id, ArchiveState.ARCHIVED)


async def _erase_some(context: TaskContext, found: Sweep, place: Row | None) -> Row | None:
    looked = await context.read(leaving.look, found, place, frozenset())
    await context.write(_count, found.id, len(looked.leaving) + looked.kept, looked.kept)
    if looked.leaving:
        now = context.runtime.clock.now()
        await context.write(leaving.erase, now, found.id, looked.leaving)
    return looked.place


def _count(db: Session, sweep_id: UUID, looked_at: int, kept: int) -> None:
    found = db.get_one(Sweep, sweep_id)
    found.looked_at += looked_at
    found.kept += kept
    db.flush()


def _say(db: Session, archive_id: UUID, state: ArchiveState) -> None:
    db.get_one(Archive, archive_id).state = state
    db.flush()


async def end(context: TaskContext, state: State, error: tuple[str, str] | None = None) -> None:
    """Write the sweep's end; of a file that it was emptying into, what left is there to be read."""
    sweep_id = UUID(context.job.args["sweep_id"])
    clock = context.runtime.clock

    def write(db: Session) -> None:
        for archive in _unsettled(db):
            if archive.sweep_id == sweep_id and archive.state == ArchiveState.MOVING:
                archive.state = ArchiveState.ARCHIVED
        retention.end_sweep(db, clock, sweep_id, state, error)

    await context.write(write)
