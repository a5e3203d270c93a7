"""Routes of the log: every call of a model, what was sent and what came back."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

from camel_ext_client.pages import each
from camel_ext_client.shapes_interactions import (
    Imported,
    Interaction,
    InteractionPage,
    InteractionRow,
)
from camel_ext_client.transport import Json, Transport

PATH = "/api/v1/interactions"
PART_LINES = 500  # of one request, as the server takes them
PART_BYTES = 4 * 2**20


class Interactions:
    """`client.interactions`.

    Filters are as the server names them: run_id, session, agent_id, model_version_id,
    adapter_version_id, trace_id, forked_from_id, tag, failed, error_code, purpose, alias, source,
    step_key, engine, finish_reason, min_total_ms, max_total_ms, min_tokens, since, until, text;
    and one_of, none_of: lists of `field:value`, such as `none_of=["purpose:eval"]`.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
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
        found = self._transport.get(PATH, limit=limit, cursor=cursor, before=before, **filters)
        return cast(InteractionPage, found)

    def each(self, **filters: Any) -> Iterator[InteractionRow]:
        """Yield all interactions, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at, **filters))

    def count(self, **filters: Any) -> Json:
        """Return `count`, at most 10,000, and whether it is `exact`."""
        return cast(Json, self._transport.get(f"{PATH}/count", **filters))

    def facets(self, **filters: Any) -> Json:
        """Return the newest calls' counts by agent, version, purpose, failure, tag and more."""
        return cast(Json, self._transport.get(f"{PATH}/facets", **filters))

    def histogram(self, *, buckets: int = 60, **filters: Any) -> Json:
        """Return calls and failures over time, in so many parts from `since` to `until`."""
        return cast(Json, self._transport.get(f"{PATH}/histogram", buckets=buckets, **filters))

    def get(self, interaction_id: str) -> Interaction:
        """Return one interaction with its whole prompt and answer."""
        return cast(Interaction, self._transport.get(f"{PATH}/{interaction_id}"))

    def request(self, interaction_id: str) -> bytes:
        """Return the request, byte for byte as it was sent."""
        return self._transport.read(f"{PATH}/{interaction_id}/request")

    def export(
        self, *, bodies: bool = True, skip_missing: bool = False, **filters: Any
    ) -> Iterator[Json]:
        """Yield interactions newest first, with prompts and answers; nothing is held in memory.

        `skip_missing`: where an archive's file is away, its calls come without words and name it in
        `missing_archive`.
        """
        params = {"bodies": str(bodies).lower(), **filters}
        if skip_missing:
            params["skip_missing"] = "true"
        with self._transport.stream(f"{PATH}/export", params, silence_s=60.0) as lines:
            for line in lines:
                if line:
                    yield json.loads(line)

    def import_lines(self, raw: bytes) -> Imported:
        """Record up to 500 calls made elsewhere, JSON lines; nothing is recorded twice."""
        found = self._transport.post_raw(f"{PATH}/import", raw, "application/x-ndjson")
        return cast(Imported, found)

    def import_calls(self, lines: Iterable[bytes]) -> Iterator[Imported]:
        """Send any number of lines in parts; yield what became of each part."""
        for part in _parts(lines):
            yield self.import_lines(b"\n".join(part))


def _parts(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and (len(part) == PART_LINES or size + len(line) > PART_BYTES):
            yield part
            part, size = [], 0
        if line.strip():
            part.append(line.strip())
            size += len(part[-1])
    if part:
        yield part
