"""What others hand to a completion and get from it: plain values, no behaviour.

The words of messages and parameters are OpenAI's. Nothing here knows an engine or a table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Executable

from camel_ext.core.tenancy import Tenant
from camel_ext.serving.engines.protocol import ChatReply

Json = dict[str, Any]


class Talk(Protocol):
    """A conversation as its owner keeps it: the last call that was committed, and a place for us.

    The owner sets `last_interaction_id` once a call's entries are committed; `thread` is serving's.
    """

    last_interaction_id: UUID | None
    thread: Any


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, for what, and by which names the log will be searched.

    With `stream_id` (a run's id, mostly) the text goes to the feed while it is made: frames of kind
    `serving.text` with that subject, each call a stream of its own, `STREAM/STEP KEY/INTERACTION`.
    """

    tenant: Tenant
    principal_id: UUID
    source: str
    purpose: str
    trace_id: str | None
    session: str | None = None
    tags: tuple[str, ...] = ()
    agent_id: str | None = None
    agent_version_id: UUID | None = None
    run_id: UUID | None = None
    step_key: str | None = None
    external_id: str | None = None
    alias: str | None = None
    forked_from_id: UUID | None = None
    stream_id: str | None = None


@dataclass(slots=True)
class Asked:
    """What is asked; a version's own parameters are added, and nothing else.

    The first `shared` messages are those of the conversation's last call (0: not known). `thread` is
    that conversation, where there is one: the record hangs on its last committed call. `remembered`: an
    answer that was given before to the same question will do, where it should be the same anyway.
    """

    messages: Sequence[Json]
    tools: Sequence[Json] | None = None
    response_format: Json | None = None
    params: Json = field(default_factory=dict)
    shared: int = 0
    thread: Talk | None = None
    logprobs: bool = False
    remembered: bool = False


@dataclass(slots=True)
class Served:
    """An answer with the entries of its record, which are not yet committed.

    Who commits them alone calls `keep` afterwards, so that later prompts may be stored as what they
    add; a conversation (`Asked.thread`) is kept by its next call.
    """

    interaction_id: UUID
    id: str
    model: str
    message: Json
    finish_reason: str
    usage: Json
    entries: list[tuple[Executable, Json]]
    prompt_tokens: int
    completion_tokens: int
    cost_usd_micros: int
    total_ms: float
    reply: ChatReply
    keep: Callable[[], None]
    remembered: bool = False
