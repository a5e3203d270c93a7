"""Files that other machines need, too: in an object store or a shared folder, by key.

What lies in the data folder is what a process works with; the store holds a copy of what somebody else may
ask for, under the same relative name. It is S3, Google's, Azure's or a folder, by the library `obstore`,
which reads credentials from the usual variables (`AWS_ACCESS_KEY_ID`, ...).
"""

import logging
import os
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final, Protocol, TypeVar

from camel_ext.core.clock import Clock
from camel_ext.core.dependencies import Dependency, DependencyDown, DependencyRefused, Policy
from camel_ext.core.disk import Disk
from camel_ext.core.errors import Invalid, Unavailable
from camel_ext.core.runtime import Runtime

if TYPE_CHECKING:
    from obstore.store import ObjectStore

T = TypeVar("T")
log = logging.getLogger(__name__)
BLOBS: Final = "blob store"
EXTRA: Final = "blobs"
PIECE_BYTES: Final = 8 * 2**20
# Liveness is the client's, a request at a time: a large file may take long, silence may not.
REQUEST_S: Final = 20.0
POLICY: Final = Policy(timeout_s=3600.0, tries=1, failures=3, open_s=5.0, at_once=4)
AGAIN_MAX_S: Final = 60.0
# What the library's words say of an answer that the same call would get again. It tells 401 and 403 by a
# class of its own, but not of a listing; without credentials it asks the cloud's own machine for some.
CREDENTIALS: Final = "169.254.169.254"
REFUSED: Final = re.compile(rf"status code: 40[13]|NoSuchBucket|ContainerNotFound|{CREDENTIALS}")
SAID: Final = re.compile(r"<Code>(\w+)</Code>")


class BlobKnobs(Protocol):
    """The settings of a blob store."""

    url: str | None
    allow_http: bool


class BlobStoreUnfit(Invalid):
    """The blob store's URL is none that is known: `s3://`, `gs://`, `az://` or `file://`."""


class BlobStoreAway(Unavailable):
    """The blob store does not answer, or fails."""


class BlobStoreRefused(DependencyRefused):
    """The blob store refuses our credentials, or has no such bucket: set what is right, start again."""

    advice = (
        "until the credentials are right that the store takes (AWS_ACCESS_KEY_ID, "
        "AWS_SECRET_ACCESS_KEY, ...), and the bucket in blobs.url (CAMEL_EXT_BLOBS__URL)"
    )
    meanwhile = "files that are here are used; trainings and exports that are done fail until then"


class Blobs:
    """One blob store. It belongs to the event loop."""

    def __init__(
        self,
        clock: Clock,
        disk: Disk,
        url: str,
        *,
        allow_http: bool = False,
        policy: Policy = POLICY,
    ) -> None:
        self.dependency = Dependency(
            clock,
            BLOBS,
            policy,
            lost="adapters, models and checkpoints that only another machine has are not fetched",
            meanwhile="files that are here are used; trainings wait to hand theirs over",
        )
        self._clock, self._disk = clock, disk
        self._store = _opened(url, allow_http)

    async def put(self, key: str, path: Path) -> None:
        """Store a file under a key, in place of what was there.

        Raises: BlobStoreAway, BlobStoreRefused.
        """
        import obstore

        async def send() -> None:
            await obstore.put_async(self._store, _checked(key), path, chunk_size=PIECE_BYTES)

        await self._call(send, f"{path.name} was not stored")

    async def until_done(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do work with the store, again while it is away; a cancellation ends the waiting.

        Raises: BlobStoreRefused, which no waiting mends.
        """
        pause_s = 1.0
        while True:
            try:
                return await work()
            except (BlobStoreAway, DependencyDown) as error:
                log.warning("%s; tried again in %.0f s", error, pause_s)
                await self._clock.sleep(pause_s)
                pause_s = min(AGAIN_MAX_S, 2 * pause_s)

    async def fetch(self, key: str, path: Path) -> bool:
        """Bring a file to a path, whole or not at all; return whether there is one of that key.

        Raises: BlobStoreAway, BlobStoreRefused.
        """
        return await self._call(lambda: self._fetch(_checked(key), path), f"{key} did not come")

    async def keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix, in order.

        Raises: BlobStoreAway, BlobStoreRefused.
        """
        import obstore

        async def look() -> list[str]:
            pages = obstore.list(self._store, _checked(prefix))
            return sorted([each["path"] async for page in pages for each in page])

        return await self._call(look, "the keys did not come")

    async def drop(self, key: str) -> None:
        """Remove a file, if there is one.

        Raises: BlobStoreAway, BlobStoreRefused.
        """
        import obstore

        async def remove() -> None:
            with suppress(FileNotFoundError):
                await obstore.delete_async(self._store, _checked(key))

        await self._call(remove, f"{key} was not removed")

    async def _fetch(self, key: str, path: Path) -> bool:
        import obstore

        try:
            answer = await obstore.get_async(self._store, key)
        except FileNotFoundError as error:
            if REFUSED.search(str(error)):
                raise
            return False
        part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
        try:
            file = await self._disk.run(_begun, part)
            with file:
                async for piece in answer.stream(min_chunk_size=PIECE_BYTES):
                    await self._disk.run(file.write, piece)
                await self._disk.run(_synced, file)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return True

    async def _call(self, work: Callable[[], Awaitable[T]], failed: str) -> T:
        from obstore.exceptions import BaseError

        async def tell_refusals() -> T:
            try:
                return await work()
            except (BaseError, PermissionError, FileNotFoundError) as error:
                if (refusal := _refusal_in(error, failed)) is None:
                    raise
                raise refusal from error

        try:
            return await self.dependency.call(tell_refusals, (BaseError, PermissionError))
        except (DependencyDown, BlobStoreRefused):
            raise
        except (TimeoutError, BaseError, PermissionError) as error:
            kind = type(error).__name__
            raise BlobStoreAway(f"{failed}: the blob store failed ({kind})") from error


def open_blobs(knobs: BlobKnobs, clock: Clock, disk: Disk) -> Blobs | None:
    """Return the store that is set, where one is.

    Raises: BlobStoreUnfit.
    """
    return None if knobs.url is None else Blobs(clock, disk, knobs.url, allow_http=knobs.allow_http)


def blobs_of(runtime: Runtime) -> Blobs | None:
    """Return this process's blob store, where one is set."""
    found: Blobs | None = runtime.extras.get(EXTRA)
    return found


def use_blobs(runtime: Runtime, knobs: BlobKnobs) -> None:
    """Open the blob store for this process, where one is set.

    Raises: BlobStoreUnfit.
    """
    blobs = open_blobs(knobs, runtime.clock, runtime.disk)
    if blobs is not None:
        runtime.extras[EXTRA] = blobs
        runtime.dependencies[BLOBS] = blobs.dependency


def _opened(url: str, allow_http: bool) -> "ObjectStore":
    try:
        import obstore.store
        from obstore.exceptions import BaseError
    except ModuleNotFoundError:
        raise BlobStoreUnfit(
            "blobs.url needs a library that is not here: pip install 'camel-extensions[objects]'"
        ) from None
    try:
        if url.startswith("file://"):
            return obstore.store.from_url(url, mkdir=True)
        return obstore.store.from_url(
            url,
            client_options={
                "timeout": timedelta(seconds=REQUEST_S),
                "allow_http": allow_http,
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=REQUEST_S)},
        )
    except (BaseError, ValueError) as error:
        words = str(error).partition("\n")[0]
        raise BlobStoreUnfit(
            f"blobs.url cannot be used ({words}): give s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, "
            "az://CONTAINER/PREFIX or file:///FOLDER"
        ) from error


def _checked(key: str) -> str:
    """Return the key, if it is a name below the store and nowhere else."""
    parts = PurePosixPath(key).parts
    if not parts or key.startswith("/") or ".." in parts:
        raise BlobStoreUnfit(f"{key!r} is no name of a file in the blob store")
    return key


def _begun(part: Path) -> IO[bytes]:
    part.parent.mkdir(parents=True, exist_ok=True)
    return part.open("wb")


def _synced(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _refusal_in(error: Exception, failed: str) -> BlobStoreRefused | None:
    """Return what an error of the library means where it is a refusal; it tells no address and no key."""
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    words = str(error)
    is_theirs = not isinstance(error, OSError) or error.filename is None  # not of a folder of ours
    refusals = (PermissionError, PermissionDeniedError, UnauthenticatedError)
    if not is_theirs or not (isinstance(error, refusals) or REFUSED.search(words)):
        return None
    said = SAID.search(words)
    how = "there are none" if CREDENTIALS in words else said[1] if said else type(error).__name__
    return BlobStoreRefused(
        f"{failed}: the blob store refuses what it is told ({how}). Set its credentials "
        "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or those of Google or Azure) and the bucket in "
        "CAMEL_EXT_BLOBS__URL right, start this process again, then repeat what failed"
    )
