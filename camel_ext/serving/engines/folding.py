"""Reading what an OpenAI-compatible server says: whole answers, server-sent events, folded chunks.

Pure functions and one accumulator over bytes and dictionaries: no socket is opened here, and nothing
is retried.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec

from camel_ext.serving.engines.protocol import ChatReply, Delta, Json
from camel_ext.serving.errors import EngineGarbled

REPLY_BYTES_MAX = 32 * 1024 * 1024  # a reply of 1M tokens is about 5 MB; more is not a reply


async def read_events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Give the data of each server-sent event.

    Lines end at LF or CRLF only: `str.splitlines` (and so httpx's `aiter_lines`) also cuts at U+2028,
    which JSON text may hold as it is.
    Raises: EngineGarbled on more than REPLY_BYTES_MAX.
    """
    rest, data, seen = b"", [], 0
    async for piece in pieces:
        seen += len(piece)
        if seen > REPLY_BYTES_MAX:
            raise too_long()
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line and data:
                yield b"\n".join(data)
                data = []
    if data:  # a last event without its blank line
        yield b"\n".join(data)


def decode(raw: bytes) -> Json:
    """Return the JSON object in `raw`.

    Raises: EngineGarbled, with the first bytes, when it is none.
    """
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise garbled(f"not JSON ({error})", raw) from None
    if not isinstance(body, dict):
        raise garbled("JSON, but no object", raw)
    return body


def garbled(what: str, raw: bytes) -> EngineGarbled:
    """Return the error for an answer that cannot be read."""
    start = raw[:120].decode("utf-8", "replace")
    return EngineGarbled(
        f"The model's server answered with something that is no chat completion: {what}; it starts "
        f"with {start!r}. Check that the address is that of an OpenAI-compatible API."
    )


def too_long() -> EngineGarbled:
    """Return the error for an answer without end."""
    return EngineGarbled(
        f"The model's server sent more than {REPLY_BYTES_MAX} bytes for one reply; it was cut off. "
        "Set max_tokens, or check what is behind this address."
    )


def read_reply(
    raw: bytes, *, sent: bytes, ttft_ms: float | None, total_ms: float, build: str | None
) -> ChatReply:
    """Return the reply in a whole answer.

    Raises: EngineGarbled when it has no choice with a message.
    """
    body = decode(raw)
    return reply_of(body, raw, sent=sent, ttft_ms=ttft_ms, total_ms=total_ms, build=build)


def reply_of(
    body: Json,
    raw: bytes,
    *,
    sent: bytes,
    ttft_ms: float | None,
    total_ms: float,
    build: str | None,
) -> ChatReply:
    """Return the reply in a `chat.completion` object; `raw` is only for the error's words."""
    try:
        choice = body["choices"][0]
        message = dict(choice["message"])
    except (KeyError, IndexError, TypeError, ValueError):
        raise garbled("no choices[0].message", raw) from None
    usage = body.get("usage") or {}
    return ChatReply(
        id=str(body.get("id") or ""),
        message=message,
        finish_reason=str(choice.get("finish_reason") or "stop"),
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        cached_tokens=_cached(usage),
        ttft_ms=ttft_ms,
        total_ms=total_ms,
        model=str(body.get("model") or ""),
        sent=sent,
        raw=body,
        logprobs=choice.get("logprobs"),
        engine_build=build or str(body.get("system_fingerprint") or "unknown"),
        usage_known=bool(usage),
    )


def _count(usage: Json, name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value >= 0 else 0


def _cached(usage: Json) -> int | None:
    details = usage.get("prompt_tokens_details")
    value = details.get("cached_tokens") if isinstance(details, dict) else None
    return value if isinstance(value, int) else None


class Folder:
    """Folds the chunks of a stream into the `chat.completion` object they stand for.

    Only the first choice is followed. Texts are joined, tool calls are joined by their index, other
    fields keep their last value.
    """

    def __init__(self) -> None:
        self._body: Json = {"object": "chat.completion"}
        self._message: Json = {"role": "assistant", "content": None}
        self._tool_calls: dict[int, Json] = {}
        self._logprobs: list[Any] = []
        self.finish_reason: str | None = None

    def add(self, chunk: Json) -> Delta | None:
        """Take one chunk; return its delta, or None if it only carries usage or an end."""
        self._body.update(
            (key, value)
            for key, value in chunk.items()
            if key not in {"choices", "object"} and value is not None
        )
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict) or choice.get("index", 0) != 0:
            return None
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict):
            self._logprobs.extend(logprobs.get("content") or ())
        delta = choice.get("delta")
        return self._fold(delta) if isinstance(delta, dict) and delta else None

    def _fold(self, delta: Json) -> Delta:
        for key, value in delta.items():
            if key == "tool_calls":
                for call in value or ():
                    self._fold_call(call)
            elif key != "role" and isinstance(value, str):
                self._message[key] = (self._message.get(key) or "") + value
            elif value is not None:
                self._message[key] = value
        text = delta.get("content")
        return Delta(
            text=text if isinstance(text, str) else "",
            raw=delta,
            role=delta.get("role"),
            tool_calls=delta.get("tool_calls"),
        )

    def _fold_call(self, piece: Json) -> None:
        """Join one piece of a tool call: only the arguments come in parts."""
        index = piece.get("index", len(self._tool_calls))
        call = self._tool_calls.setdefault(
            index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] = call["id"] or piece.get("id") or ""
        function = piece.get("function") or {}
        call["function"]["name"] = call["function"]["name"] or function.get("name") or ""
        call["function"]["arguments"] += function.get("arguments") or ""

    def body(self) -> Json:
        """Return the folded object."""
        message = dict(self._message)
        if self._tool_calls:
            message["tool_calls"] = [self._tool_calls[key] for key in sorted(self._tool_calls)]
        choice: Json = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        if self._logprobs:
            choice["logprobs"] = {"content": self._logprobs}
        return {**self._body, "choices": [choice]}
