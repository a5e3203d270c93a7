"""The two wires to a client: a WebSocket, and server-sent events over plain HTTP.

Both carry the same messages. What to send and when is the subscriber's.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from camel_ext.core.errors import CamelExtError, Unavailable
from camel_ext.core.http import problem_response
from camel_ext.core.tenancy import Tenant
from camel_ext.events.errors import Stopping
from camel_ext.events.hub import Hub, Recheck
from camel_ext.events.subscriber import Gone
from camel_ext.events.topics import Topics
from camel_ext.events.wire import Chunk, error_body

FRAMED = "camel_ext.framed"  # sockets.EXTENSION, without importing uvicorn here
POLICY, INTERNAL, RESTART, LATER = 1008, 1011, 1012, 1013
Message = MutableMapping[str, Any]


class FramedTransport(Protocol):
    """What the server's own WebSocket protocol adds to the scope (`events.sockets`)."""

    @property
    def is_open(self) -> bool: ...

    def write_framed(self, frames: bytes) -> bool: ...

    async def drained(self) -> None: ...

    def abort(self) -> None: ...


class SocketSink:
    """An accepted WebSocket; with the server's help frames go straight to its transport."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._framed: FramedTransport | None = socket.scope.get("extensions", {}).get(FRAMED)

    def try_write(self, chunk: Chunk) -> bool:
        framed = self._framed
        return framed is not None and framed.write_framed(chunk.ws)

    async def send(self, chunk: Chunk) -> None:
        if self._framed is None:
            await self._send_plain(chunk)
            return
        while not self._framed.write_framed(chunk.ws):
            if not self._framed.is_open:
                raise Gone()
            await self._framed.drained()

    async def close(self, error: CamelExtError | None) -> None:
        if error is not None:
            await self.send(Chunk([error_body(error)]))
        await self._plain(self._socket.close(close_code(error), error.code if error else None))

    def abort(self) -> None:
        if self._framed is not None:
            self._framed.abort()

    async def _send_plain(self, chunk: Chunk) -> None:
        for body in chunk.bodies:
            await self._plain(self._socket.send_text(body.json.decode()))

    async def _plain(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except (WebSocketDisconnect, RuntimeError) as error:  # RuntimeError: after the close
            raise Gone() from error


def close_code(error: CamelExtError | None) -> int:
    """Return the WebSocket close code that goes with an error (RFC 6455, 7.4.1, and IANA's list)."""
    if error is None:
        return 1000
    if isinstance(error, Stopping):
        return RESTART
    if isinstance(error, Unavailable):
        return LATER
    return POLICY if error.status < 500 else INTERNAL


async def deny(socket: WebSocket, error: CamelExtError) -> None:
    """Refuse a socket before it is accepted: with the HTTP answer where the server can give it."""
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(problem_response(error))
    else:
        await socket.close(close_code(error), error.code)


class EventStream(Response):
    """A response that goes on until the client leaves or the server ends it."""

    media_type = "text/event-stream"

    def __init__(
        self, hub: Hub, tenant: Tenant, topics: Topics, after: int | None, recheck: Recheck
    ) -> None:
        self._hub = hub
        self._tenant = tenant
        self._topics = topics
        self._after = after
        self._recheck = recheck
        self.status_code = 200
        self.background = None
        # x-accel-buffering: nginx would hold events back
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no"})

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        sink = _StreamSink(send)
        async with self._hub.subscribed(
            self._tenant, self._topics, self._after, sink, self._recheck
        ) as subscriber:
            head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(head)
            subscriber.start()
            await _first(_disconnected(receive), sink.over.wait())


class _StreamSink:
    def __init__(self, send: Send) -> None:
        self._send = send
        self.over = asyncio.Event()

    def try_write(self, _chunk: Chunk) -> bool:
        return False

    async def send(self, chunk: Chunk) -> None:
        await self._body(chunk.sse, more=True)

    async def close(self, error: CamelExtError | None) -> None:
        last = b"" if error is None else error_body(error).sse
        await self._body(last, more=False)
        self.over.set()

    def abort(self) -> None:
        self.over.set()

    async def _body(self, data: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})


async def _disconnected(receive: Callable[[], Awaitable[Message]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first(*awaitables: Awaitable[Any]) -> None:
    """Wait for the first; the others end."""
    futures = [asyncio.ensure_future(each) for each in awaitables]
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in futures:
            future.cancel()
        await asyncio.wait(futures)
