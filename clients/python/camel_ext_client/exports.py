"""Routes of exports: dataset versions as files in the server's own folder.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.
"""

from collections.abc import Iterator
from typing import Literal, TypedDict, cast

from camel_ext_client.pages import each
from camel_ext_client.shapes import Page, State
from camel_ext_client.transport import Json, Transport

PATH = "/api/v1/dataset-exports"


class Export(TypedDict):
    """A frozen version as a file on the server."""

    id: str
    version_id: str
    dataset: str
    number: int
    split: Literal["train", "eval"] | None
    format: Literal["jsonl", "parquet"]
    file: str
    state: State
    size_bytes: int | None
    sha256: str | None
    principal_id: str
    error_code: str | None
    error_detail: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class Exports:
    """`client.exports`; `client.datasets.export` brings a file here instead."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def start(
        self,
        version: str,
        *,
        format: Literal["jsonl", "parquet"] = "jsonl",
        split: Literal["train", "eval"] | None = None,
    ) -> Export:
        """Write a frozen version, as `name`, `name@3` or its id, to a file on the server."""
        body: Json = {"version": version, "format": format, "split": split}
        return cast(Export, self._transport.create(PATH, body))

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Export]:
        """Return a page of exports, newest first."""
        return cast(Page[Export], self._transport.get(PATH, limit=limit, cursor=cursor))

    def each(self) -> Iterator[Export]:
        """Yield all exports, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    def get(self, export_id: str) -> Export:
        """Return one export."""
        return cast(Export, self._transport.get(f"{PATH}/{export_id}"))

    def cancel(self, export_id: str) -> Export:
        """Stop an export; a file that is there stays."""
        return cast(Export, self._transport.send("POST", f"{PATH}/{export_id}/cancel"))
