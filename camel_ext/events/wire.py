"""What goes over the wire: JSON bodies, framed once per event and format, shared by every client.

Framing per client was most of the cost of a delivery (46-67 µs a client, measured on a plain
broadcast), so a body is framed at its first use and everybody gets the same bytes. When and to whom
is the hub's.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from camel_ext.core.errors import CamelExtError
from camel_ext.core.outbox import Numbered
from camel_ext.events.cursors import encode_cursor

RETRY_MS = 2000  # how long a browser's EventSource waits before it reconnects
_encode = msgspec.json.Encoder().encode


class Body:
    """One message, encoded once per format."""

    __slots__ = ("_sse", "_ws", "cursor", "json")

    def __init__(self, content: dict[str, Any], cursor: str | None = None) -> None:
        self.json = _encode(content)
        self.cursor = cursor
        self._ws: bytes | None = None
        self._sse: bytes | None = None

    @property
    def ws(self) -> bytes:
        """The message as one unmasked, uncompressed WebSocket text frame (RFC 6455, 5.2)."""
        if self._ws is None:
            self._ws = _frame(self.json)
        return self._ws

    @property
    def sse(self) -> bytes:
        """The message as one server-sent event; its id is the cursor, where it moves it."""
        if self._sse is None:
            head = b"" if self.cursor is None else b"id: %b\n" % self.cursor.encode()
            self._sse = b"%bdata: %b\n\n" % (head, self.json)
        return self._sse


class Ping(Body):
    """The heartbeat: a message on a socket, a comment in an event stream.

    Its cursor moves on who hears no events of their topics, so that they never fall behind what is
    kept; an EventSource takes the id of an event without data, and fires nothing.
    """

    def __init__(self, seq: int) -> None:
        cursor = encode_cursor(seq)
        super().__init__({"type": "ping", "cursor": cursor}, cursor)
        self._sse = b": ping\nid: %b\n\n" % cursor.encode()


class Hello(Body):
    """The first message: where the stream begins; to a browser also how soon to come back."""

    def __init__(self, seq: int) -> None:
        cursor = encode_cursor(seq)
        super().__init__({"type": "hello", "cursor": cursor}, cursor)
        self._sse = b"retry: %d\n" % RETRY_MS + super().sse


class Chunk:
    """Messages that go out together, for all clients with the same topics.

    `seq` is the number of the last event in it; None where it holds no event.
    """

    __slots__ = ("_sse", "_ws", "bodies", "seq")

    def __init__(self, bodies: Sequence[Body], seq: int | None = None) -> None:
        self.bodies = bodies
        self.seq = seq
        self._ws: bytes | None = None
        self._sse: bytes | None = None

    @property
    def ws(self) -> bytes:
        """All messages as WebSocket frames, one after the other."""
        if self._ws is None:
            bodies = self.bodies
            self._ws = bodies[0].ws if len(bodies) == 1 else b"".join(body.ws for body in bodies)
        return self._ws

    @property
    def sse(self) -> bytes:
        """All messages as server-sent events, one after the other."""
        if self._sse is None:
            bodies = self.bodies
            self._sse = bodies[0].sse if len(bodies) == 1 else b"".join(b.sse for b in bodies)
        return self._sse


def event_body(event: Numbered) -> Body:
    """Return the message of a state change."""
    cursor = encode_cursor(event.seq)
    content = {
        "type": "event",
        "cursor": cursor,
        "event": event.type,
        "subject": event.subject,
        "payload": event.payload,
        "trace_id": event.trace_id,
        "at": event.created_at,
    }
    return Body(content, cursor)


def reset_body(seq: int) -> Body:
    """Return the message that says: what you missed is gone, read your things anew."""
    cursor = encode_cursor(seq)
    return Body({"type": "reset", "cursor": cursor}, cursor)


def error_body(error: CamelExtError) -> Body:
    """Return the last message before the server closes."""
    return Body({"type": "error", "code": error.code, "detail": error.detail})


def _frame(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return b"\x81%c" % size + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload
