"""A client of the feed that writes down what it got, and reads only when it is told to."""

import asyncio
import json
from typing import Any

from camel_ext.core.errors import CamelExtError
from camel_ext.events.subscriber import Gone
from camel_ext.events.wire import Chunk


class FakeSink:
    """`direct`: takes what is written at once, as a transport with room does."""

    def __init__(self, *, direct: bool = True) -> None:
        self.direct = direct
        self.messages: list[dict[str, Any]] = []
        self.frames: list[bytes] = []
        self.closed: CamelExtError | str | None = "open"
        self.aborted = False
        self.gone = False
        self._reading = asyncio.Event()
        self._reading.set()

    def stop_reading(self) -> None:
        self._reading.clear()

    def read_on(self) -> None:
        self._reading.set()

    def try_write(self, chunk: Chunk) -> bool:
        if not self.direct or not self._reading.is_set() or self.gone:
            return False
        self._take(chunk)
        return True

    async def send(self, chunk: Chunk) -> None:
        await self._reading.wait()
        if self.gone:
            raise Gone()
        self._take(chunk)

    async def close(self, error: CamelExtError | None) -> None:
        await self._reading.wait()
        self.closed = error

    def abort(self) -> None:
        self.aborted = True

    def kinds(self) -> list[str]:
        return [message["type"] for message in self.messages]

    def numbers(self) -> list[int]:
        """The `n` of each event, in order."""
        return [m["payload"]["n"] for m in self.messages if m["type"] == "event"]

    @property
    def cursor(self) -> str:
        """The last cursor it was told."""
        return [str(m["cursor"]) for m in self.messages if m.get("cursor")][-1]

    def _take(self, chunk: Chunk) -> None:
        assert chunk.sse.count(b"\n\n") == len(chunk.bodies)
        self.frames.append(chunk.ws)
        self.messages += [json.loads(body.json) for body in chunk.bodies]
