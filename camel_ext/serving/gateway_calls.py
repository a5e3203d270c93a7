"""What the gateway does with a call: ask, write the log, and only then let the answer end.

The log is written before the 200 of a whole answer and before the last chunk of a streamed one. A
client that leaves takes its call with it: the model is stopped, and what had come is recorded. The
forms of requests and answers are `gateway`'s.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from starlette.types import Receive

from camel_ext.core.errors import CamelExtError
from camel_ext.core.journal import Append, AppendRefused
from camel_ext.core.runtime import Runtime
from camel_ext.registry import ResolvedModel, resolve_shares
from camel_ext.serving.calls import Caller, Json, Served
from camel_ext.serving.completion import complete, stream
from camel_ext.serving.engines.protocol import Delta
from camel_ext.serving.errors import ExternalIdTaken, LogUnavailable
from camel_ext.serving.gateway import ChatAsked, Chunks, completion_body, encode_body
from camel_ext.serving.gateway_stream import ChatStream, while_there
from camel_ext.serving.process import serving_of
from camel_ext.serving.service import (
    Entry,
    Keyed,
    Replay,
    find_replay,
    keep_answer,
    resolve_call,
)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class GatewayCall:
    """One request of a client: `keyed` where it came with an Idempotency-Key."""

    runtime: Runtime
    caller: Caller
    wanted: ChatAsked
    keyed: Keyed | None
    receive: Receive
    interaction_id: UUID

    async def answer(self) -> Response:
        """Return the answer; a key that was answered before gets that answer from the log.

        Raises: AliasUnknown, IdempotencyKeyReused, LogUnavailable, ExternalIdTaken; what `complete`
        raises.
        """
        if self.keyed is None:
            return await self._answer()
        async with serving_of(self.runtime).turn_of((self.caller.tenant, self.keyed)):
            return await self._answer()

    async def _answer(self) -> Response:
        caller, now = self.caller, self.runtime.clock.now()
        sticky = caller.session or str(self.interaction_id)
        found = await self._resolved(sticky, now)
        if isinstance(found, ResolvedModel):
            replay = Replay(
                self.interaction_id, int(now.timestamp()), self.wanted.alias, found.target_id
            )
            ask = self._streamed if self.wanted.stream else self._whole
            return await ask(found, replay)
        return _shown(*found, again=True)

    async def _resolved(self, sticky: str, now: datetime) -> ResolvedModel | tuple[Replay, bytes]:
        """Return who is asked: by a key's first answer, or by the alias, which is remembered."""
        read, tenant, alias = self.runtime.read, self.caller.tenant, self.wanted.alias
        if self.keyed is not None:
            return await read(tenant, resolve_call, alias, sticky, self.keyed, now)
        aliases = serving_of(self.runtime).aliases
        resolved = await aliases.get((tenant, alias), lambda: read(tenant, resolve_shares, alias))
        return resolved.pick(sticky)

    async def _whole(self, model: ResolvedModel, replay: Replay) -> Response:
        try:
            served = await while_there(self.receive, self._served(model, replay))
        except AppendRefused as error:
            again = await self._answered_elsewhere()
            if again is None:
                raise ExternalIdTaken() from error
            return again
        return _shown(replay, served.reply.raw, remembered=served.remembered)

    async def _served(self, model: ResolvedModel, replay: Replay) -> Served:
        caller, asked = self.caller, self.wanted.asked
        beside: list[Entry] = []
        if self.keyed is not None:
            beside = keep_answer(caller.tenant, self.keyed, replay, self.runtime.clock.now())
        served = await complete(
            self.runtime, caller, model, asked, interaction_id=self.interaction_id
        )
        await self._commit(served, beside)
        return served

    async def _answered_elsewhere(self) -> Response | None:
        """Return what another process answered under this key while we asked."""
        if self.keyed is None:
            return None
        now = self.runtime.clock.now()
        found = await self.runtime.read(self.caller.tenant, find_replay, self.keyed, now)
        return None if found is None else _shown(*found, again=True)

    async def _streamed(self, model: ResolvedModel, replay: Replay) -> Response:
        """Return the stream once its first piece is there: what fails before has its own status."""
        items = self._pieces(model)
        first = await while_there(self.receive, anext(items))
        chunks = Chunks(_answer_id(replay), replay.created, replay.alias, self.wanted.include_usage)
        return ChatStream(first, items, chunks, _headers(replay))

    async def _pieces(self, model: ResolvedModel) -> AsyncGenerator[Delta | Served, None]:
        items = stream(
            self.runtime, self.caller, model, self.wanted.asked,
            interaction_id=self.interaction_id,
        )  # fmt: skip
        async with aclosing(items):
            async for item in items:
                if isinstance(item, Served):
                    await self._commit(item, [])
                yield item

    async def _commit(self, served: Served, beside: list[Entry]) -> None:
        append = Append(self.caller.tenant, [*served.entries, *beside])
        try:
            await self.runtime.gate.append(append)
        except AppendRefused as error:
            if self.keyed is not None:
                raise
            raise ExternalIdTaken() from error
        except (CamelExtError, SQLAlchemyError) as error:
            if serving_of(self.runtime).require_log:
                raise LogUnavailable(retry_after_s=1.0) from error
            log.error("the call %s was answered but not recorded: %s", self.interaction_id, error)
            return
        served.keep()


def _shown(
    replay: Replay, answer: Json | bytes, *, again: bool = False, remembered: bool = False
) -> Response:
    raw: Json = msgspec.json.decode(answer) if isinstance(answer, bytes) else answer
    body = completion_body(
        raw, answer_id=_answer_id(replay), created=replay.created, alias=replay.alias
    )
    headers = _headers(replay) | ({"Idempotent-Replay": "true"} if again else {})
    if remembered:
        headers["X-Camel-Remembered"] = "true"
    return Response(encode_body(body), 200, headers, media_type="application/json")


def _answer_id(replay: Replay) -> str:
    return f"chatcmpl-{replay.interaction_id.hex}"


def _headers(replay: Replay) -> dict[str, str]:
    return {
        "X-Camel-Interaction-Id": str(replay.interaction_id),
        "X-Camel-Model-Version": str(replay.version_id),
    }
