"""The seam between an agent and the run it works for: two calls, numbered within one agent step.

The run's executor implements `Calls` and answers finished calls from its journal, so that a step
which is run again after a crash repeats no finished call. This module imports no camel, knows no
database, and is not where a call is retried, timed, priced or logged.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypedDict

Json = dict[str, Any]
"""A JSON object."""

Effect = Literal["none", "idempotent", "once"]
"""What a second execution of a tool would do: nothing, the same again, or harm."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What the model will see, exactly: nothing is added or taken away below this.

    `messages` is in OpenAI's wire format, `tools` in its `tools` format, `response_format` is None
    or `{"type": "json_schema", ...}`. Treat all as read-only: they are shared with the agent.
    The first `shared` messages are the very ones of this agent's previous answered call (0: do not
    know), so that a log may store what was appended without comparing whole prompts.
    """

    messages: list[Json]
    tools: list[Json] | None = None
    response_format: Json | None = None
    params: Json = field(default_factory=dict)
    shared: int = 0


class ModelAnswer(TypedDict):
    """What `Calls.model` returns: one choice of an OpenAI ChatCompletion, as plain JSON.

    `message` is the assistant message as the model gave it (`content`, `tool_calls`, and
    `reasoning_content` where the engine separates it); `usage` has prompt_tokens,
    completion_tokens and total_tokens.
    """

    id: str
    model: str
    message: Json
    finish_reason: str
    usage: Json


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the agent knows it; `parameters` is a JSON Schema of type object.

    `effect` is for the executor: a tool that must run once leaves the run waiting for a person
    when it was in flight at a crash.
    """

    name: str
    description: str
    parameters: Json
    effect: Effect = "once"


class ToolRefused(Exception):
    """Raise this from `Calls.tool` to give the model its text as the tool's result.

    It is the only exception that the model gets to see; every other one leaves the step.
    """


class Calls(Protocol):
    """What an agent asks of the run that it works for.

    `index` counts within one agent step, from 0, models and tools each on their own (`call[0]`,
    `tool[0]`): the same step with the same answers asks the same calls with the same indices.
    Several tool calls of one answer are numbered in the answer's order.

    Whatever these raise (pause, cancel, fence, provider away, budget) ends the step, leaves the
    agent's memory as it was, and reaches the caller of the step as the very same object.
    """

    async def model(self, index: int, request: ModelCall) -> ModelAnswer:
        """Answer model call number `index` of this step."""
        ...

    async def tool(self, index: int, name: str, arguments: Json, tool_call_id: str | None) -> str:
        """Return the result of tool call number `index` of this step, as text or JSON text.

        `arguments` fit the tool's schema: calls that do not are answered before they come here.
        """
        ...
