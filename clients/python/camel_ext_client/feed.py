"""The live feed: server-sent events as messages, over lost connections, by cursor.

A connection that breaks is opened again from the last cursor, so no event is missed and none comes
twice. Frames (text as it is made) have no cursor: after a reconnect some may be missing, their
offsets tell. It does not know what an event means.
"""

import json
from collections.abc import Generator, Iterator, Sequence
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
    patient: bool = True,
    silence_s: float = SILENCE_S,
) -> Generator[Message, None, None]:
    """Yield messages until the caller stops; `error` messages only move to another connection.

    `hello` comes once for each connection: what happened before it can be read now. Where `patient`,
    a server that is away is waited for; else the tries are bounded.
    Raises: ApiError where the server refuses for good, Unreachable.
    """
    cursor, failed = after, 0
    while True:
        try:
            params = {"topics": ",".join(topics) or None, "after": cursor}
            with transport.stream(PATH, params, silence_s=silence_s) as lines:
                for message in read_messages(lines):
                    failed = 0
                    cursor = message.get("cursor", cursor)
                    if message["type"] == "error":
                        break
                    yield message
            error: Exception = ConnectionError("the server ended the stream")
        except ApiError as refused:
            if refused.status != 503:
                raise
            error = refused
        except httpx.TransportError as lost:
            error = lost
        failed += 1
        if not patient and failed >= transport.patience.tries:
            raise _given_up(transport, error) from error
        transport.patience.wait(min(failed, 5))


def _given_up(transport: Transport, error: Exception) -> Exception:
    if isinstance(error, httpx.TransportError):
        return transport.unreachable(error)
    return error


def read_messages(lines: Iterator[str]) -> Iterator[Message]:
    """Read server-sent events: data is JSON, an id without data is a ping's cursor.

    Source: WHATWG HTML, section 9.2.6 (interpreting an event stream).
    """
    data: list[str] = []
    cursor: str | None = None
    for line in lines:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif line.startswith("id:"):
            cursor = line[3:].strip()
        elif not line:
            message = _message(data, cursor)
            if message is not None:
                yield message
            data, cursor = [], None


def _message(data: list[str], cursor: str | None) -> Message | None:
    if data:
        message: Message = json.loads("\n".join(data))
        return message
    return None if cursor is None else {"type": "ping", "cursor": cursor}
