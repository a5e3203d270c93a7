"""The turns of one agent step: numbered, counted, and the way out past camel.

camel turns a tool's exception into text for the model and goes on. So whatever the run raises is
kept here and leaves camel as `Left`, a BaseException, which camel has no handler for. This module
imports no camel and is not where a call is executed or journalled (that is behind `Calls`).
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from camel_ext.workflows.agents.calls import Calls, Json, ModelAnswer, ModelCall, ToolRefused
from camel_ext.workflows.agents.errors import TooManyToolRounds


class Left(BaseException):
    """The step is over: the reason is in `Turns.left`. It never leaves this package."""


@dataclass(slots=True)
class Turns:
    """One step's calls. `pending` holds the ids of tool calls asked for and not yet made."""

    calls: Calls
    tool_names: frozenset[str]
    max_tool_rounds: int
    params: Json
    response_format: Json | None = None
    model_calls: int = 0
    tool_calls: int = 0
    usage: dict[str, int] = field(
        default_factory=lambda: {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    )
    finish_reason: str = ""
    left: BaseException | None = None
    pending: deque[tuple[str, str]] = field(default_factory=deque)

    async def model(
        self, messages: list[Json], tools: list[Json] | None, shared: int
    ) -> ModelAnswer:
        """Make the next model call."""
        self._stop_if_left()
        index, self.model_calls = self.model_calls, self.model_calls + 1
        request = ModelCall(list(messages), tools, self.response_format, self.params, shared)
        try:
            answer = await self.calls.model(index, request)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            raise self.leave(error) from None
        self.finish_reason = answer["finish_reason"]
        self._add(answer["usage"])
        return answer

    def expect(self, asked: list[tuple[str, str]]) -> None:
        """Note the tool calls (name, id) of an answer, or leave if there were too many rounds.

        Checked here and not by camel's `max_iteration`: that runs the last round's tools, effects
        and all, before it gives up.
        """
        if asked and self.model_calls > self.max_tool_rounds:
            raise self.leave(
                TooManyToolRounds(
                    f"The agent called tools {self.max_tool_rounds} times without answering, and "
                    f"wanted to once more ({', '.join(name for name, _ in asked)}). Nothing of "
                    "this step was kept in its memory. Raise max_tool_rounds, or tell it in its "
                    "prompt when to answer.",
                    max_tool_rounds=self.max_tool_rounds,
                )
            )
        # camel answers a call of an unknown tool by itself
        self.pending = deque(call for call in asked if call[0] in self.tool_names)

    async def tool(self, name: str, arguments: Json, call_id: str) -> str:
        """Make the next tool call; ToolRefused becomes its result."""
        self._stop_if_left()
        index, self.tool_calls = self.tool_calls, self.tool_calls + 1
        try:
            return await self.calls.tool(index, name, arguments, call_id)
        except asyncio.CancelledError:
            raise
        except ToolRefused as refusal:
            return str(refusal)
        except BaseException as error:
            raise self.leave(error) from None

    def take(self, name: str) -> str:
        """Take the next pending call, which must be of that tool, and return its id."""
        expected, call_id = self.pending.popleft()
        if expected != name:
            raise self.leave(RuntimeError(f"camel ran {name} where {expected} was asked for"))
        return call_id

    def leave(self, reason: BaseException) -> Left:
        """Keep why the step ends and return what to raise through camel."""
        self.left = reason
        return Left()

    def _add(self, usage: Json) -> None:
        prompt, completion = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
        self.usage["prompt_tokens"] += prompt
        self.usage["completion_tokens"] += completion
        self.usage["total_tokens"] += usage.get("total_tokens") or prompt + completion

    def _stop_if_left(self) -> None:
        if self.left is not None:
            raise Left()
