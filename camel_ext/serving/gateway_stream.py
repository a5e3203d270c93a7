"""A streamed answer on its way to a client, and noticing that the client left.

It sends what it is given, in OpenAI's chunks. What is asked and logged is `gateway_calls`.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import TypeVar

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from camel_ext.core.errors import CamelExtError
from camel_ext.serving.calls import Served
from camel_ext.serving.engines.protocol import Delta
from camel_ext.serving.errors import CallAborted
from camel_ext.serving.gateway import DONE, Chunks, error_event

T = TypeVar("T")
SEND_S = 30.0  # who reads nothing for so long has left: it would hold one of the model's few slots


async def while_there(receive: Receive, work: Awaitable[T]) -> T:
    """Return what the work gives; cancel it when the client leaves.

    Raises: CallAborted, which nobody is there to read.
    """
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise CallAborted()
        return task.result()
    finally:
        task.cancel()
        leaving.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _out(send: Send, message: Message) -> None:
    try:
        async with asyncio.timeout(SEND_S):
            await send(message)
    except TimeoutError:
        raise CallAborted() from None


class ChatStream(Response):
    """The events of one answer, until it ends or the client leaves."""

    media_type = "text/event-stream"

    def __init__(
        self,
        first: Delta | Served,
        items: AsyncGenerator[Delta | Served, None],
        chunks: Chunks,
        headers: dict[str, str],
    ) -> None:
        self._first, self._items, self._chunks = first, items, chunks
        self.status_code = 200
        self.background = None
        # x-accel-buffering: nginx would hold events back
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no", **headers})

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_there(receive, self._send(send))
        except CallAborted:
            pass
        finally:
            await self._items.aclose()

    async def _send(self, send: Send) -> None:
        head: Message = {"type": "http.response.start", "status": 200}
        await _out(send, {**head, "headers": self.raw_headers})
        async with aclosing(self._events()) as events:
            async for event in events:
                await _out(send, {"type": "http.response.body", "body": event, "more_body": True})
        await _out(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _events(self) -> AsyncGenerator[bytes, None]:
        if not (isinstance(self._first, Delta) and self._first.role):
            yield self._chunks.delta({"role": "assistant", "content": ""})
        yield self._event(self._first)
        try:
            async for item in self._items:
                yield self._event(item)
        except CamelExtError as error:  # too late for a status: it goes into the stream
            yield error_event(error)

    def _event(self, item: Delta | Served) -> bytes:
        """Return a piece, or the end: with the finish reason, the counts where asked for, [DONE]."""
        if isinstance(item, Delta):
            return self._chunks.delta(item.raw)
        end = self._chunks.end(item.finish_reason, item.reply.logprobs)
        return end + self._chunks.usage(item.reply.raw.get("usage")) + DONE
