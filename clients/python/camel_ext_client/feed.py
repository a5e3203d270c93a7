"""The live feed: server-sent events as messages, over lost connections, by cursor.

A connection that breaks is opened again from the last cursor, so no event is missed and none comes
twice. Frames (text as it is made) have no cursor: after a reconnect some may be missing, their
offsets tell. It does not know what an event means.
"""

import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Literal, TypedDict

import httpx

from camel_ext_client.errors import ApiError
from camel_ext_client.transport import Transport

PATH = "/api/v1/events/stream"
SILENCE_S = 45.0  # the server pings every 15 s: three missing pings are a lost connection


class Message(TypedDict, total=False):
    """One message; which fields it has depends on its type, as the guide of events says."""

    type: Literal["hello", "event", "frame", "reset", "ping", "error"]
    cursor: str
    event: str
    subject: str
    payload: dict[str, Any]
    trace_id: str | None
    at: str
    kind: str
    stream: str
    offset: int
    text: str
    done: bool
    code: str
    detail: str


def watch(
    transport: Transport,
    topics: Sequence[str],
    after: str | None,
    *,
    give_up_s: float | None = None,
    silence_s: float = SILENCE_S,
    on_lost: Callable[[Exception], None] | None = None,
) -> Generator[Message, None, None]:
    """Yield messages until the caller stops; a server that is away is waited for.

    `hello` comes once for each connection: what happened before it can be read now. A server that
    ends the stream with an `error` message is connected to anew. `on_lost` hears of each lost
    connection, before the wait.
    Raises: ApiError where the server refuses for good; Unreachable after `give_up_s` without it.
    """
    cursor, tried, lost_s = after, 0, None
    while True:
        error: Exception = ConnectionError("the server ended the stream")
        try:
            params = {"topics": ",".join(topics) or None, "after": cursor}
            with transport.stream(PATH, params, silence_s=silence_s) as lines:
                for message in read_messages(lines):
                    tried, lost_s = 0, None
                    cursor = message.get("cursor", cursor)
                    if message["type"] == "error":
                        break
                    yield message
        except ApiError as refused:
            if refused.status != 503:
                raise
            error = refused
        except httpx.TransportError as lost:
            error = lost
        tried += 1
        if on_lost is not None:
            on_lost(error)
        lost_s = lost_s or time.monotonic()
        if give_up_s is not None and time.monotonic() - lost_s >= give_up_s:
            raise transport.unreachable(error) from error
        transport.patience.wait(min(tried, 5))


class Reader:
    """Puts lines of server-sent events together: data is JSON, an id without data is a ping's cursor.

    Source: WHATWG HTML, section 9.2.6 (interpreting an event stream).
    """

    def __init__(self) -> None:
        self._data: list[str] = []
        self._cursor: str | None = None

    def take(self, line: str) -> Message | None:
        """Take a line; return the message that it ends."""
        if line.startswith("data:"):
            self._data.append(line[5:].removeprefix(" "))
        elif line.startswith("id:"):
            self._cursor = line[3:].strip()
        elif not line:
            data, cursor = self._data, self._cursor
            self._data, self._cursor = [], None
            if data:
                message: Message = json.loads("\n".join(data))
                return message
            return None if cursor is None else {"type": "ping", "cursor": cursor}
        return None


def read_messages(lines: Iterator[str]) -> Iterator[Message]:
    """Read server-sent events as messages."""
    reader = Reader()
    for line in lines:
        message = reader.take(line)
        if message is not None:
            yield message
