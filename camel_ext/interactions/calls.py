"""What the recorder is told of a call: who asked, what was asked, how it ended.

Plain values, so that whoever calls models (serving) needs no table of this room.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from camel_ext.core.tenancy import Tenant
from camel_ext.interactions.models import Purpose
from camel_ext.interactions.wording import Json


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, for what, and by which names it will be looked for."""

    tenant: Tenant
    principal_id: UUID
    source: str
    purpose: Purpose = Purpose.RUN
    session: str | None = None
    tags: Sequence[str] = ()
    agent_id: str | None = None
    agent_version: str | None = None
    run_id: UUID | None = None
    step_key: str | None = None
    forked_from_id: UUID | None = None
    external_id: str | None = None
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What was asked: `sent` is the request's body as it left, or would have left, the house.

    `messages`, `tools` and `response_format` are its parts before encoding. The first `shared`
    messages are those of the thread's last committed call; 0: not known.
    """

    messages: Sequence[Json]
    sent: bytes
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Json] | None = None
    response_format: Json | None = None
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended: `raw` is the chat completion as it came, or None and an error.

    Tokens are None where nobody counted them.
    """

    total_ms: float
    raw: Json | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    ttft_ms: float | None = None
    engine_build: str | None = None
    quantization: str | None = None
    template_hash: str | None = None
    token_ids: list[int] | None = None
    logprobs: Json | None = None
    error_code: str | None = None
    error_detail: str | None = None
