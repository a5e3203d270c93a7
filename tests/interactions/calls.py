"""Calls of a model as tests make them: requests laid out as serving does, answers as engines do."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec

from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import Answer, Asker, Prompt, Purpose, Recorded, Recorder, Thread
from camel_ext.interactions.rebuilding import Library, Piece
from camel_ext.interactions.recording import INSERT_BODY, Entry
from camel_ext.interactions.wording import raw_messages
from camel_ext.registry import EngineKind, Price, ResolvedModel

Json = dict[str, Any]
encode = msgspec.json.encode
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
MODEL = ResolvedModel(
    version_id=UUID(int=1),
    name="small",
    engine=EngineKind.LOCAL,
    config={"file": "bundled"},
    price=Price(1_000_000, 2_000_000),
    alias="fast",
)


def user(text: str) -> Json:
    """What a user says."""
    return {"role": "user", "content": text}


def said(text: str) -> Json:
    """What a model says, as the next prompt repeats it."""
    return {"role": "assistant", "content": text}


def wire(
    messages: list[Json],
    *,
    tools: list[Json] | None = None,
    response_format: Json | None = None,
    **params: Any,
) -> bytes:
    """A request, laid out as serving's `wire_body` does."""
    body: Json = {"model": 'the "messages":[ model', "messages": messages, **params}
    if tools:
        body["tools"] = tools
    if response_format is not None:
        body["response_format"] = response_format
    return encode(body)


def prompt(messages: list[Json], shared: int = 0, **parts: Any) -> Prompt:
    """What was asked."""
    tools, form = parts.pop("tools", None), parts.pop("response_format", None)
    sent = wire(messages, tools=tools, response_format=form, **parts)
    return Prompt(messages, sent, parts, tools, form, shared)


def answer(text: str | None = "yes", **fields: Any) -> Answer:
    """An answer that counted its tokens."""
    message = fields.pop("message", {"content": text, "role": "assistant", "refusal": None})
    raw = {
        "id": "chatcmpl-1",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "model": "small",
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }
    counted = {"prompt_tokens": 3, "completion_tokens": 5, "finish_reason": "stop"}
    return Answer(12.5, raw, **{**counted, **fields})


def failed(code: str = "serving.engine_timeout") -> Answer:
    """A call that nobody answered."""
    return Answer(30_000.0, error_code=code, error_detail="nobody answered")


def asker(tenant: Tenant, principal_id: UUID | None = None, **fields: Any) -> Asker:
    """Somebody who asks."""
    who = principal_id or UUID(int=7)
    return Asker(tenant, who, **{"source": "tests", "purpose": Purpose.RUN, **fields})


class Shelf:
    """Bodies in memory instead of a table: what was appended, put together again."""

    def __init__(self) -> None:
        self.pieces: dict[UUID, Piece] = {}

    def put(self, entries: list[Entry]) -> None:
        for statement, row in entries:
            if statement is INSERT_BODY:
                texts = raw_messages(b'{"messages":[' + row["messages"].encode() + b"]}")
                self.pieces[row["id"]] = Piece(
                    row["id"], row["parent_id"], row["keep_messages"], texts, row["envelope"],
                    row["cuts"], row["fixed"], row["response"],
                )  # fmt: skip

    @property
    def library(self) -> Library:
        return Library(self.pieces)


def recorder(runtime: Runtime | None = None) -> Recorder:
    """A recorder on the runtime's clock and ids, or on real ones."""
    from camel_ext.core.clock import SystemClock

    if runtime is None:
        return Recorder(SystemClock(), uuid4)
    return Recorder(runtime.clock, runtime.new_id)


Record = Callable[[Asker, Prompt, Answer, Thread | None], Recorded]
