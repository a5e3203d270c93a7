"""A request's body, watched as it comes: its bytes, and how many values its JSON holds.

Eight megabytes can hold a million mistakes, and whatever validates them does so in one go, while every
other request waits: what is too much is refused before it is parsed. It knows no route and no schema.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers

from camel_ext.core.errors import TooLarge

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ESCAPED = re.compile(rb"\\.", re.DOTALL)


class BodyTooLarge(TooLarge):
    """The body is larger than server.max_body_bytes."""


class TooManyValues(TooLarge):
    """The body's JSON holds more values than server.max_body_values."""


@dataclass(slots=True)
class Limits:
    """How much one body may hold."""

    max_bytes: int
    max_values: int

    def check_length(self, length: str) -> None:
        """Refuse what announces itself as too large.

        Raises: BodyTooLarge.
        """
        if length.isdecimal() and int(length) > self.max_bytes:
            raise self.too_large()

    def too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"the body is larger than {self.max_bytes} bytes (server.max_body_bytes): send less at once"
        )

    def too_many(self) -> TooManyValues:
        return TooManyValues(
            f"the body holds more than {self.max_values} values (server.max_body_values): "
            "send it in parts"
        )


class Values:
    """How many values a JSON text holds, seen piece by piece: all but one follow a `,`, `[` or `{`."""

    def __init__(self) -> None:
        self.seen = 0
        self._in_string = False
        self._half = b""  # a backslash whose letter is still to come

    def see(self, piece: bytes) -> None:
        plain = ESCAPED.sub(b"", self._half + piece)
        self._half = b"\\" if plain.endswith(b"\\") else b""
        parts = plain.split(b'"')
        # UTF-8 has no NUL; in UTF-16 a quote's byte may be a letter's half: there, count everything
        outside = plain if b"\0" in plain else b"".join(parts[self._in_string :: 2])
        self._in_string ^= len(parts) % 2 == 0
        self.seen += sum(map(outside.count, (b",", b"[", b"{")))


class Body:
    """A request's body, counted as it comes: a chunked one announces no length.

    FastAPI turns whatever is raised while it reads a body into a 400, so its answer is held back here
    and the Perimeter gives `refusal`.
    """

    def __init__(self, headers: Headers, receive: Receive, send: Send, limits: Limits) -> None:
        self._receive, self._send, self._limits = receive, send, limits
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        self._values = Values() if kind.endswith(("/json", "+json")) else None
        self._bytes = 0
        self._started = False
        self.refusal: TooLarge | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        error = self._too_much(message.get("body", b""))
        if error is not None:
            self.refusal = None if self._started else error
            raise error
        return message

    def _too_much(self, piece: bytes) -> TooLarge | None:
        self._bytes += len(piece)
        if self._bytes > self._limits.max_bytes:
            return self._limits.too_large()
        if self._values is not None:
            self._values.see(piece)
            if self._values.seen > self._limits.max_values:
                return self._limits.too_many()
        return None

    async def send(self, message: Message) -> None:
        self._started = True
        if self.refusal is None:
            await self._send(message)
