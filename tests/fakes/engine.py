"""An engine without a model: scripted, or a deterministic function of the messages.

It is not a provider over HTTP (that is `provider_server`): no bytes cross a socket here.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from camel_ext.core.clock import Clock, SystemClock
from camel_ext.core.hashing import content_hash
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, Delta, Health, wire_body

Answer = str | dict[str, Any] | Exception
Answers = Callable[[ChatRequest], Answer]


def say_back(request: ChatRequest) -> Answer:
    """The default answer: depends on every byte of the messages, and on nothing else."""
    digest = content_hash(list(request.messages)).removeprefix("sha256:")[:8]
    last = str(request.messages[-1].get("content") or "")
    return f"reply {digest} to: {last[:60]}"


def tool_call(name: str, arguments: str, call_id: str = "call_0") -> dict[str, Any]:
    """An assistant message that calls one tool."""
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        ],
    }


@dataclass
class FakeEngine:
    """Answers from `script` first, in order, then by `answer`; an Exception in either is raised.

    `delay_s` is slept on `clock`; `pace`, given a number, is awaited before that word of a stream;
    `calls` keeps every request; `in_flight_max` is the most at once.
    """

    script: Iterable[Answer] = ()
    answer: Answers = say_back
    delay_s: float = 0.0
    pace: Callable[[int], Awaitable[None]] | None = None
    clock: Clock = field(default_factory=SystemClock)
    name: str = "fake"
    healthy: bool = True
    calls: list[ChatRequest] = field(default_factory=list)
    in_flight: int = 0
    in_flight_max: int = 0
    closed: bool = False

    def __post_init__(self) -> None:
        self._script = deque(self.script)

    @property
    def count(self) -> int:
        """How many calls came in, failed ones too."""
        return len(self.calls)

    def then(self, *answers: Answer) -> None:
        """Append to the script."""
        self._script.extend(answers)

    async def chat(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        self.calls.append(request)
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        try:
            if self.delay_s:
                await self.clock.sleep(self.delay_s)
            else:
                await asyncio.sleep(0)
            answer = self._script.popleft() if self._script else self.answer(request)
            if isinstance(answer, Exception):
                raise answer
            return self._reply(request, answer, stream=False)
        finally:
            self.in_flight -= 1

    async def stream(
        self, request: ChatRequest, *, timeout_s: float
    ) -> AsyncGenerator[Delta | ChatReply, None]:
        reply = await self.chat(request, timeout_s=timeout_s)
        for number, piece in enumerate(_pieces(reply.text)):
            if self.pace is not None:
                await self.pace(number)
            yield Delta(text=piece, raw={"content": piece})
        if calls := reply.message.get("tool_calls"):
            numbered = [{"index": index, **call} for index, call in enumerate(calls)]
            yield Delta(text="", raw={"tool_calls": numbered}, tool_calls=numbered)
        yield self._reply(request, reply.message, stream=True)

    async def health(self) -> Health:
        return Health(ok=self.healthy, detail="fake", engine_build="fake-1")

    async def close(self) -> None:
        self.closed = True

    def _reply(
        self, request: ChatRequest, answer: str | dict[str, Any], *, stream: bool
    ) -> ChatReply:
        message = {"role": "assistant", "content": answer} if isinstance(answer, str) else answer
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        prompt, completion = _words(request.messages), _words([message])
        total_ms = self.delay_s * 1000
        reply_id = "fake-" + content_hash([list(request.messages), message])[-12:]
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        return ChatReply(
            id=reply_id,
            message=message,
            finish_reason=finish,
            prompt_tokens=prompt,
            completion_tokens=completion,
            cached_tokens=None,
            ttft_ms=total_ms if stream else None,
            total_ms=total_ms,
            model=request.model,
            sent=wire_body(request, stream=stream),
            raw={
                "id": reply_id,
                "object": "chat.completion",
                "model": request.model,
                "choices": [{"index": 0, "message": message, "finish_reason": finish}],
                "usage": usage,
            },
            logprobs=None,
            engine_build="fake-1",
        )


def _words(messages: Sequence[dict[str, Any]]) -> int:
    """A stand-in for tokens: words of the contents."""
    return sum(len(str(message.get("content") or "").split()) for message in messages)


def _pieces(text: str) -> list[str]:
    """The text word by word, spaces kept, so that joining gives the text again."""
    words = text.split(" ")
    return [word if index == 0 else " " + word for index, word in enumerate(words) if text]
