"""An OpenAI-compatible provider on loopback that misbehaves on command.

Real sockets, real HTTP/1.1, no model: each request takes the next act of the script, then `default`.
"""

import asyncio
import contextlib
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self


def completion(text: str = "pong", **extra: Any) -> dict[str, Any]:
    """A whole answer."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "fake-model",
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 7,
            "completion_tokens": 3,
            "total_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 5},
        },
        **extra,
    }


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **extra: Any) -> bytes:
    """One event of a stream; `delta` None is the usage chunk, which has no choices."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "fake-model",
        "choices": choices,
        **extra,
    }
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
USAGE: dict[str, Any] = {"usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}


def stream_of(*words: str) -> list[bytes]:
    """A good stream of these words."""
    return [
        chunk({"role": "assistant", "content": None}),
        *(chunk({"content": word}) for word in words),
        chunk({}, "stop"),
        chunk(None, **USAGE),
        DONE,
    ]


@dataclass
class Act:
    """What one request gets. `events` makes it a stream; `cut` ends the connection there."""

    status: int = 200
    body: dict[str, Any] | bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    events: list[bytes] | None = None
    delay_s: float = 0.0
    pause_s: float = 0.0
    cut: bool = False
    hang: bool = False
    drop: bool = False


@dataclass
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FakeProvider:
    """`async with FakeProvider(Act(status=503), Act()) as provider:` - then `provider.base_url`."""

    def __init__(self, *script: Act, default: Act | None = None) -> None:
        self._script = deque(script)
        self._default = default or Act()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self.seen: list[Seen] = []
        self.connections = 0
        self.port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def then(self, *acts: Act) -> None:
        self._script.extend(acts)

    async def arrived(self, count: int) -> None:
        """Wait until so many requests came in."""
        while len(self.seen) < count:
            self._news.clear()
            await self._news.wait()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections += 1
        try:
            while (seen := await _request(reader)) is not None:
                self.seen.append(seen)
                self._news.set()
                act = self._script.popleft() if self._script else self._default
                if not await self._play(act, writer):
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _play(self, act: Act, writer: asyncio.StreamWriter) -> bool:
        """Return whether the connection stays."""
        await asyncio.sleep(act.delay_s)
        if act.hang:
            await asyncio.sleep(3600)
        if act.drop:
            return False
        if act.events is not None:
            return await self._play_stream(act, act.events, writer)
        body = completion() if act.body is None else act.body
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        length = len(raw) + (10 if act.cut else 0)
        writer.write(_head(act, {"content-length": str(length)}) + raw)
        await writer.drain()
        return not act.cut

    async def _play_stream(
        self, act: Act, events: list[bytes], writer: asyncio.StreamWriter
    ) -> bool:
        kind = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
        writer.write(_head(act, kind))
        for event in events:
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
            await asyncio.sleep(act.pause_s)
        if not act.cut:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return not act.cut


async def _request(reader: asyncio.StreamReader) -> Seen | None:
    """Read one request; None when the other side is done."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (ln.partition(":") for ln in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, path, headers, body)


def _head(act: Act, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **act.headers}.items())
    return f"HTTP/1.1 {act.status} Whatever\r\n{lines}\r\n".encode()
