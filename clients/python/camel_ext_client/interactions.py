"""Routes of the log: every call of a model, what was sent and what came back."""

from collections.abc import Iterator
from typing import Any, cast

from camel_ext_client.pages import each
from camel_ext_client.shapes import Page
from camel_ext_client.transport import Json, Transport

PATH = "/api/v1/interactions"


class Interactions:
    """`client.interactions`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int = 50, cursor: str | None = None, **filters: Any) -> Page[Json]:
        """Return a page of interactions, newest first; filters are as the server names them."""
        found = self._transport.get(PATH, limit=limit, cursor=cursor, **filters)
        return cast(Page[Json], found)

    def each(self, **filters: Any) -> Iterator[Json]:
        """Yield all interactions, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at, **filters))

    def get(self, interaction_id: str) -> Json:
        """Return one interaction with its whole prompt and answer."""
        return cast(Json, self._transport.get(f"{PATH}/{interaction_id}"))
