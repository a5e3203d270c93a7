"""Archives in the blob store, where there is one: stored before bodies leave, fetched by who lacks the file.

Without a blob store every process that reads the log must see the same folder. What a file holds is not
known here.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from camel_ext.core.blobs import blobs_of
from camel_ext.core.runtime import Runtime

Bring = Callable[[Path], None]


def key_of(path: Path) -> str:
    """Return an archive's key: its file lies in one folder a project."""
    return "/".join(("archive", path.parent.parent.name, path.parent.name, path.name))


async def hand_over(runtime: Runtime, path: Path) -> None:
    """Store an archive's file; a store that is away is waited for."""
    blobs = blobs_of(runtime)
    if blobs is not None:
        await blobs.until_done(partial(blobs.put, key_of(path), path))


async def bring(runtime: Runtime, path: Path) -> None:
    """Fetch an archive's file, where it is not here.

    Raises: BlobStoreAway.
    """
    blobs = blobs_of(runtime)
    if blobs is not None and not await runtime.disk.run(path.exists):
        await blobs.fetch(key_of(path), path)


async def forget(runtime: Runtime, path: Path) -> None:
    """Drop a file from the store that nothing names any more."""
    blobs = blobs_of(runtime)
    if blobs is not None:
        await blobs.until_done(partial(blobs.drop, key_of(path)))


def bringer(runtime: Runtime) -> Bring | None:
    """Return how a thread that reads fetches a file; None where there is no blob store."""
    if blobs_of(runtime) is None:
        return None
    loop = asyncio.get_running_loop()
    return lambda path: asyncio.run_coroutine_threadsafe(bring(runtime, path), loop).result()
