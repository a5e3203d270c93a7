"""What every engine takes and gives: one chat call, whole or streamed, and how the engine is.

The words are OpenAI's wire format, untouched, because that is what is logged and what other clients
send. An engine knows nothing of aliases, projects, prices or the log: the gateway above adds those.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from camel_ext.serving.errors import ParamsReserved

RESERVED = frozenset(
    {
        "model",
        "messages",
        "tools",
        "response_format",
        "logprobs",
        "stream",
        "stream_options",
        "lora",
    }
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat call in OpenAI's words; `model` is the engine's own name for the model.

    `params` goes over the wire as given (temperature, top_p, max_tokens, seed, stop, ...) and may not
    name what has a field of its own here. `adapter_path` is a LoRA in GGUF; None means the base model.
    `adapter_sha256`, where known, is by what an engine elsewhere knows it.
    """

    messages: Sequence[Json]
    model: str
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Json] | None = None
    response_format: Json | None = None
    adapter_path: Path | None = None
    logprobs: bool = False
    adapter_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed reply: `raw` is the wire's delta object, to be sent on unchanged."""

    text: str
    raw: Json
    role: str | None = None
    tool_calls: Sequence[Json] | None = None


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A finished reply with what was really sent (`sent`, exact bytes) and returned (`raw`).

    `raw` is the answer as received; for a stream it is the same object folded from the chunks.
    `usage_known` is False when the server did not count tokens: the counts are then 0, not the truth.
    Units: `ttft_ms` is None when nothing was streamed.
    """

    id: str
    message: Json
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None
    ttft_ms: float | None
    total_ms: float
    model: str
    sent: bytes
    raw: Json
    logprobs: Json | None
    engine_build: str
    attempts: int = 1
    usage_known: bool = True

    @property
    def text(self) -> str:
        """The assistant's text; "" when it only called tools."""
        return self.message.get("content") or ""


@dataclass(frozen=True, slots=True)
class Health:
    """How an engine is: `ok` means that it answers now; the rest is what an interaction records."""

    ok: bool
    detail: str
    engine_build: str = "unknown"
    model_sha256: str | None = None
    quantization: str | None = None
    template_sha256: str | None = None
    restarts: int = 0


class Engine(Protocol):
    """Something that answers chat calls; every call ends, by an answer or by an error of serving."""

    @property
    def name(self) -> str:
        """Return the engine's name, as it stands in logs."""
        ...

    async def chat(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        """Return the whole reply, or raise within `timeout_s`.

        Raises: EngineUnavailable, EngineTimeout, CircuitOpen (retryable), EngineRefused.
        """
        ...

    def stream(
        self, request: ChatRequest, *, timeout_s: float
    ) -> AsyncGenerator[Delta | ChatReply, None]:
        """Give the reply piece by piece; the last item is the ChatReply. Close it if you leave early."""
        ...

    async def health(self) -> Health:
        """Say how the engine is; never raises because the engine is down."""
        ...

    async def close(self) -> None:
        """Free connections and processes; idempotent."""
        ...


def wire_body(
    request: ChatRequest, *, stream: bool = False, extra: Mapping[str, Any] | None = None
) -> bytes:
    """Serialise a request once: these bytes are sent, and the same bytes are logged.

    Raises: ParamsReserved if `params` names what has a field of its own, or asks for n > 1.
    """
    if taken := RESERVED.intersection(request.params):
        raise ParamsReserved(
            f"The parameters may not hold {sorted(taken)}: each has its own field."
        )
    if request.params.get("n", 1) != 1:
        raise ParamsReserved("One call gives one reply (n = 1); ask several times for several.")
    body: Json = {"model": request.model, "messages": request.messages}
    body.update(request.params)
    if request.tools:
        body["tools"] = request.tools
    if request.response_format is not None:
        body["response_format"] = request.response_format
    if request.logprobs:
        body["logprobs"] = True
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    if extra:
        body.update(extra)
    return msgspec.json.encode(body)
