"""Routes of exports: dataset versions as files in the server's own folder.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.

Written by `make client` from `exports.py`: change that one.
"""

from collections.abc import AsyncIterator
from typing import Literal, cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.exports import PATH, Export
from camel_ext_client.shapes import Page
from camel_ext_client.transport import Json


class Exports:
    """`client.exports`; `client.datasets.export` brings a file here instead."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def start(
        self,
        version: str,
        *,
        format: Literal["jsonl", "parquet"] = "jsonl",
        split: Literal["train", "eval"] | None = None,
    ) -> Export:
        """Write a frozen version, as `name`, `name@3` or its id, to a file on the server."""
        body: Json = {"version": version, "format": format, "split": split}
        return cast(Export, await self._transport.create(PATH, body))

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Export]:
        """Return a page of exports, newest first."""
        return cast(Page[Export], await self._transport.get(PATH, limit=limit, cursor=cursor))

    def each(self) -> AsyncIterator[Export]:
        """Yield all exports, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    async def get(self, export_id: str) -> Export:
        """Return one export."""
        return cast(Export, await self._transport.get(f"{PATH}/{export_id}"))

    async def cancel(self, export_id: str) -> Export:
        """Stop an export; a file that is there stays."""
        return cast(Export, await self._transport.send("POST", f"{PATH}/{export_id}/cancel"))
