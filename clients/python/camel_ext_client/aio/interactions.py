"""Routes of the log: every call of a model, what was sent and what came back.

Written by `make client` from `interactions.py`: change that one.
"""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.interactions import PATH, _parts
from camel_ext_client.shapes_interactions import (
    Imported,
    Interaction,
    InteractionPage,
    InteractionRow,
)
from camel_ext_client.transport import Json


class Interactions:
    """`client.interactions`.

    Filters are as the server names them: run_id, session, agent_id, model_version_id,
    adapter_version_id, trace_id, forked_from_id, tag, failed, error_code, purpose, alias, source,
    step_key, engine, finish_reason, min_total_ms, max_total_ms, min_tokens, since, until, text;
    and one_of, none_of: lists of `field:value`, such as `none_of=["purpose:eval"]`.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        before: str | None = None,
        **filters: Any,
    ) -> InteractionPage:
        """Return a page of interactions, newest first; it may hold fewer than there are.

        `cursor` is a page's `next_cursor` (older), `before` its `previous_cursor` (newer).
        """
        found = await self._transport.get(
            PATH, limit=limit, cursor=cursor, before=before, **filters
        )
        return cast(InteractionPage, found)

    def each(self, **filters: Any) -> AsyncIterator[InteractionRow]:
        """Yield all interactions, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at, **filters))

    async def count(self, **filters: Any) -> Json:
        """Return `count`, at most 10,000, and whether it is `exact`."""
        return cast(Json, await self._transport.get(f"{PATH}/count", **filters))

    async def facets(self, **filters: Any) -> Json:
        """Return the newest calls' counts by agent, version, purpose, failure, tag and more."""
        return cast(Json, await self._transport.get(f"{PATH}/facets", **filters))

    async def histogram(self, *, buckets: int = 60, **filters: Any) -> Json:
        """Return calls and failures over time, in so many parts from `since` to `until`."""
        return cast(
            Json, await self._transport.get(f"{PATH}/histogram", buckets=buckets, **filters)
        )

    async def get(self, interaction_id: str) -> Interaction:
        """Return one interaction with its whole prompt and answer."""
        return cast(Interaction, await self._transport.get(f"{PATH}/{interaction_id}"))

    async def request(self, interaction_id: str) -> bytes:
        """Return the request, byte for byte as it was sent."""
        return await self._transport.read(f"{PATH}/{interaction_id}/request")

    async def export(
        self, *, bodies: bool = True, skip_missing: bool = False, **filters: Any
    ) -> AsyncIterator[Json]:
        """Yield interactions newest first, with prompts and answers; nothing is held in memory.

        `skip_missing`: where an archive's file is away, its calls come without words and name it in
        `missing_archive`.
        """
        params = {"bodies": str(bodies).lower(), **filters}
        if skip_missing:
            params["skip_missing"] = "true"
        async with self._transport.stream(f"{PATH}/export", params, silence_s=60.0) as lines:
            async for line in lines:
                if line:
                    yield json.loads(line)

    async def import_lines(self, raw: bytes) -> Imported:
        """Record up to 500 calls made elsewhere, JSON lines; nothing is recorded twice."""
        found = await self._transport.post_raw(f"{PATH}/import", raw, "application/x-ndjson")
        return cast(Imported, found)

    async def import_calls(self, lines: Iterable[bytes]) -> AsyncIterator[Imported]:
        """Send any number of lines in parts; yield what became of each part."""
        for part in _parts(lines):
            yield (await self.import_lines(b"\n".join(part)))
