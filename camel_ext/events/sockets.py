"""uvicorn's WebSocket protocol with one more way out: bytes that are framed already.

A plain `send` frames, masks the state machine and wakes a task for each client; here the hub hands
the same frame to every transport. It changes nothing of the handshake, the keepalive or the close,
and an application that does not know the extension is served as by uvicorn's own class. Give it to
uvicorn as `ws="camel_ext.events.sockets:FramedSockets"`; without it the feed works, but slower.
"""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "camel_ext.framed"


class FramedSockets(WebSocketsSansIOProtocol):
    """Puts itself into the scope's extensions, under `EXTENSION`."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:  # none where the handshake was refused
            scope["extensions"][EXTENSION] = self

    @property
    def is_open(self) -> bool:
        """Whether frames may still be written."""
        return not (self.close_sent or self.disconnected or self.transport.is_closing())

    def write_framed(self, frames: bytes) -> bool:
        """Write whole, uncompressed frames unless the peer is behind with reading.

        A message without the compression bit is legal on a connection that negotiated compression
        (RFC 7692, section 6).
        """
        transport = self.transport
        if self.close_sent or not self.writable.is_set() or transport.is_closing():
            return False
        transport.write(frames)
        return True

    async def drained(self) -> None:
        """Wait until the peer has read enough."""
        await self.writable.wait()

    def abort(self) -> None:
        """Drop the connection, with whatever was not read."""
        self.transport.abort()
