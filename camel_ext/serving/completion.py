"""Completions: ask the version that was chosen, whole or piece by piece, and give what to commit.

It is the way from everything above to an engine. It does not choose versions (registry), commits no
success (its caller does, with the turn or alone), and is not HTTP (gateway).
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from camel_ext.core.runtime import Runtime
from camel_ext.events import Streams, frame_kind
from camel_ext.registry import ResolvedModel
from camel_ext.serving.calls import Asked, Caller, Served
from camel_ext.serving.engines.protocol import Delta
from camel_ext.serving.exchange import Exchange

TEXT = frame_kind("serving.text")
FEED = "events"


async def complete(
    runtime: Runtime,
    caller: Caller,
    model: ResolvedModel,
    asked: Asked,
    *,
    interaction_id: UUID | None = None,
) -> Served:
    """Ask a model and return its whole answer with the entries to be appended.

    A failure is recorded by an append of its own, then raised; a cancelled call is recorded in the
    background.
    Raises: EngineUnavailable, EngineTimeout, CircuitOpen (after the engine's own tries);
    EngineRefused, ParamsReserved, AdapterUnknown, ModelFileMissing, ModelFileWrong, KeyMissing.
    """
    call = Exchange(runtime, caller, model, asked, interaction_id or runtime.new_id())
    feed = None if caller.stream_id is None else runtime.extras.get(FEED)
    if feed is None:
        return await call.whole()
    return await _told(call, caller, feed.frames)


async def stream(
    runtime: Runtime,
    caller: Caller,
    model: ResolvedModel,
    asked: Asked,
    *,
    interaction_id: UUID | None = None,
) -> AsyncGenerator[Delta | Served, None]:
    """Ask a model and give its answer piece by piece; the last item is the Served.

    Close it when you leave early: the model is stopped, and what had come is recorded as aborted.
    Raises: as `complete`.
    """
    call = Exchange(runtime, caller, model, asked, interaction_id or runtime.new_id())
    async with aclosing(call.pieces()) as items:
        async for item in items:
            yield item


async def _told(call: Exchange, caller: Caller, frames: Streams) -> Served:
    """Return the answer, and show it while it is made to whoever watches."""
    parts = (caller.stream_id, caller.step_key, str(call.id))
    stream_id = "/".join(part for part in parts if part)
    try:
        async with aclosing(call.pieces()) as items:
            async for item in items:
                if isinstance(item, Served):
                    return item
                if item.text:
                    frames.emit(caller.tenant, stream_id, TEXT, item.text, subject=caller.stream_id)
    finally:
        frames.end(caller.tenant, stream_id)
    raise AssertionError("a stream of serving ends with a Served, or raises")
