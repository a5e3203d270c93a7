"""The task of an export: read a version some pairs at a time, write the file, and put it in its place whole.

The file lies in the operator's folder, in one folder a project. It is written aside, synced and renamed,
so that whoever copies it from there never sees half of one; the same version gives the same bytes again.
"""

import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.blobs import blobs_of
from camel_ext.core.door import TenantDoor
from camel_ext.core.models import State
from camel_ext.core.queue import TaskContext, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import Threads
from camel_ext.datasets import exports, reading
from camel_ext.datasets.errors import ExportFolderUnusable
from camel_ext.datasets.files import lines_of
from camel_ext.datasets.models import FileFormat, Split
from camel_ext.datasets.schemas_exports import ExportStart

FOLDER = "datasets.exports"  # where the process keeps the folder's path, among its extras
Read = Callable[..., Awaitable[Any]]


async def pieces_of(
    read: Read, threads: Threads, version_id: UUID, split: Split | None, file_format: FileFormat
) -> AsyncIterator[bytes]:
    """Yield a frozen version's file in pieces; no session is open between two of them."""
    pages = _lines(read, version_id, split)
    if file_format is FileFormat.JSONL:
        async for lines in pages:
            yield lines
        return
    from camel_ext.datasets.parquet import ParquetWriter  # pyarrow comes with the first file

    writer = await threads.run("work", ParquetWriter)
    async for lines in pages:
        yield await threads.run("work", writer.piece, lines)
    yield await threads.run("work", writer.end)


async def _lines(read: Read, version_id: UUID, split: Split | None) -> AsyncIterator[bytes]:
    def some(db: Session, after: int) -> tuple[bytes, int | None]:
        rows = reading.list_pairs(db, version_id, after, reading.READ_ROWS, split)
        last = rows[-1].position if len(rows) == reading.READ_ROWS else None
        return lines_of(map(reading.as_pair, rows)), last

    after: int | None = -1
    while after is not None:
        lines, after = await read(some, after)
        yield lines


def folder_of(root: Path, tenant: Tenant) -> Path:
    """Return the folder of a project's exports."""
    return root / str(tenant.org_id) / str(tenant.project_id)


class WholeFile:
    """A file that is there as a whole, or not at all."""

    def __init__(self, folder: Path, name: str, key: UUID) -> None:
        self._target, self._aside = folder / name, folder / f".{name}.{key}"
        self._hash = hashlib.sha256()
        self._size = 0
        with _usable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._aside.open("wb")

    def write(self, piece: bytes) -> None:
        """Add the next bytes."""
        with _usable(self._target.parent):
            self._file.write(piece)
        self._hash.update(piece)
        self._size += len(piece)

    def finish(self) -> tuple[int, str]:
        """Put it in its place; return its size in bytes and its SHA-256."""
        with _usable(self._target.parent):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._aside.replace(self._target)
        return self._size, self._hash.hexdigest()

    def drop(self) -> None:
        """Leave nothing of it."""
        with suppress(OSError):  # what is still to be written may not fit
            self._file.close()
        self._aside.unlink(missing_ok=True)


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExportFolderUnusable(
            f"{folder} cannot be written ({error.strerror}): mend it, or set "
            "CAMEL_EXT_DATASETS__EXPORT_DIR to a folder that can"
        ) from error


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the export what its job failed of."""
    await _end(context, State.FAILED, None, (code, detail))


def cancel(db: Session, door: TenantDoor, *, export_id: str) -> None:
    """Stop an export by its job."""
    exports.cancel_export(db, door.runtime.clock, UUID(export_id))


def again(db: Session, door: TenantDoor, *, export_id: str) -> UUID:
    """Write the same version anew; return the new job."""
    runtime = door.runtime
    old = exports.get_export(db, UUID(export_id))
    wanted = ExportStart(version=str(old.version_id), split=old.split, format=old.format)
    made = exports.start_export(db, runtime.clock, runtime.new_id, door.principal_id, wanted)
    return made.job_id


@task(exports.EXPORT, failed=mark_failed, cancel=cancel, again=again)
async def export_version(context: TaskContext, *, export_id: str) -> None:
    """Write an export to its end."""
    runtime, threads, disk = context.runtime, context.runtime.threads, context.runtime.disk
    export = await context.write(exports.begin_export, runtime.clock.now(), UUID(export_id))
    if export.state.is_final:
        return
    folder = folder_of(runtime.extras[FOLDER], context.job.tenant)
    file = await disk.run(WholeFile, folder, export.file, export.id)
    async with context.until_cancelled(partial(_end, context, State.CANCELLED)):
        try:
            async for piece in pieces_of(
                context.read, threads, export.version_id, export.split, export.format
            ):
                await disk.run(file.write, piece)
            written = await disk.run(file.finish)
            await _hand_over(runtime, folder, export.file)
        except BaseException:
            file.drop()
            raise
    context.ended = True
    await _end(context, State.SUCCEEDED, written)


async def _hand_over(runtime: Runtime, folder: Path, name: str) -> None:
    """Store the file where other machines find it, too; a store that is away is waited for."""
    blobs = blobs_of(runtime)
    if blobs is not None:
        key = f"exports/{folder.parent.name}/{folder.name}/{name}"
        await blobs.until_done(partial(blobs.put, key, folder / name))


async def _end(
    context: TaskContext,
    state: State,
    written: tuple[int, str] | None = None,
    error: tuple[str, str] | None = None,
) -> None:
    export_id = UUID(context.job.args["export_id"])
    clock = context.runtime.clock
    await context.write(exports.end_export, clock, export_id, state, written, error)
