"""Routes of retention: how long calls are kept, sweeps that let old ones leave, the archive's files.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.

Written by `make client` from `archives.py`: change that one.
"""

from collections.abc import AsyncIterator
from typing import cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.archives import ARCHIVES, POLICY, SWEEPS, Archive, Retention, Sweep
from camel_ext_client.shapes import Page
from camel_ext_client.transport import Json


class Archives:
    """`client.archives`: old calls leave the log, stay readable, and come back."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def retention(self) -> Retention:
        """Return how long this project keeps its calls; ApiError 404 where it is for ever."""
        return cast(Retention, await self._transport.get(POLICY))

    async def keep(self, days: int, *, archive: bool = True) -> Retention:
        """Have calls older than this archived, or erased for good, by the next sweep."""
        body: Json = {"keep_days": days, "archive": archive}
        return cast(Retention, await self._transport.send("PUT", POLICY, body=body))

    async def keep_for_ever(self) -> Retention:
        """End the retention, and return what it was; ApiError 404 where there is none."""
        return cast(Retention, await self._transport.send("DELETE", POLICY))

    async def sweep(
        self, *, older_than_days: int | None = None, archive: bool | None = None
    ) -> Sweep:
        """Let old calls leave, as the retention says or as said here."""
        body: Json = {"older_than_days": older_than_days, "archive": archive}
        return cast(Sweep, await self._transport.create(SWEEPS, body))

    async def sweeps(self, *, limit: int = 50, cursor: str | None = None) -> Page[Sweep]:
        """Return a page of sweeps, newest first."""
        return cast(Page[Sweep], await self._transport.get(SWEEPS, limit=limit, cursor=cursor))

    async def get_sweep(self, sweep_id: str) -> Sweep:
        """Return one sweep."""
        return cast(Sweep, await self._transport.get(f"{SWEEPS}/{sweep_id}"))

    async def cancel_sweep(self, sweep_id: str) -> Sweep:
        """Stop a sweep; what left until then stays where it is."""
        return cast(Sweep, await self._transport.send("POST", f"{SWEEPS}/{sweep_id}/cancel"))

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Archive]:
        """Return a page of archives, newest first."""
        return cast(Page[Archive], await self._transport.get(ARCHIVES, limit=limit, cursor=cursor))

    def each(self) -> AsyncIterator[Archive]:
        """Yield all archives, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    async def get(self, archive_id: str) -> Archive:
        """Return one archive."""
        return cast(Archive, await self._transport.get(f"{ARCHIVES}/{archive_id}"))

    async def restore(self, archive_id: str) -> Archive:
        """Bring an archive's calls back into the log."""
        return cast(Archive, await self._transport.send("POST", f"{ARCHIVES}/{archive_id}/restore"))
