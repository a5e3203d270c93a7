"""Routes of forks: one logged call, asked again from the identical prompt.

Written by `make client` from `forks.py`: change that one.
"""

from collections.abc import AsyncIterator, Sequence
from typing import cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.forks import PATH
from camel_ext_client.shapes import Fork, Page, Variant
from camel_ext_client.transport import Json


class Forks:
    """`client.forks`.

    The answers of a fork are interactions: `client.interactions.each(forked_from_id=...)`.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def start(
        self,
        interaction_id: str,
        *,
        samples: int = 4,
        variants: Sequence[Variant] | None = None,
        seed: int | None = None,
        priority: int = 0,
    ) -> Fork:
        """Ask a logged call again, so often for each variant; none: as it was asked."""
        body: Json = {
            "interaction_id": interaction_id,
            "samples": samples,
            "variants": [{}] if variants is None else list(variants),
            "seed": seed,
            "priority": priority,
        }
        return cast(Fork, await self._transport.create(PATH, body))

    async def list(
        self, *, interaction_id: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Fork]:
        """Return a page of forks, newest first."""
        found = await self._transport.get(
            PATH, interaction_id=interaction_id, limit=limit, cursor=cursor
        )
        return cast(Page[Fork], found)

    def each(self, *, interaction_id: str | None = None) -> AsyncIterator[Fork]:
        """Yield all forks, newest first."""
        return each(lambda at: self.list(interaction_id=interaction_id, limit=200, cursor=at))

    async def get(self, fork_id: str) -> Fork:
        """Return one fork, and how far it is."""
        return cast(Fork, await self._transport.get(f"{PATH}/{fork_id}"))

    async def cancel(self, fork_id: str) -> Fork:
        """Stop a fork for good; its answers until now stay."""
        return cast(Fork, await self._transport.send("POST", f"{PATH}/{fork_id}/cancel"))
