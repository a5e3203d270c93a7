"""A run to an agent: scripted answers, tools that count, and a journal that survives a kill."""

import asyncio
from collections.abc import Callable
from typing import Any

from camel_ext.workflows.agents import ModelAnswer, ModelCall

Json = dict[str, Any]


def answer(
    text: str | None = None, *tools: tuple[str, str], reason: str = "", **message: Any
) -> ModelAnswer:
    """Return a model's answer; each tool is (name, arguments as JSON text)."""
    calls = [
        {
            "id": f"id-{name}-{number}",
            "type": "function",
            "function": {"name": name, "arguments": a},
        }
        for number, (name, a) in enumerate(tools)
    ]
    body: Json = {"role": "assistant", "content": text, **message}
    if calls:
        body["tool_calls"] = calls
    return {
        "id": "cmpl-1",
        "model": "scripted",
        "message": body,
        "finish_reason": reason or ("tool_calls" if calls else "stop"),
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    }


class ScriptedCalls:
    """Answers from a list in order, or from a function of the request; keeps what it saw."""

    def __init__(
        self,
        *answers: ModelAnswer | BaseException,
        think: Callable[[ModelCall], ModelAnswer] | None = None,
        tool: Callable[[str, Json], str] | None = None,
    ) -> None:
        self.answers = list(answers)
        self.think = think
        self.run_tool = tool or (lambda name, arguments: f"{name} done")
        self.requests: list[tuple[int, ModelCall]] = []
        self.tool_calls: list[tuple[int, str, Json, str | None]] = []

    async def model(self, index: int, request: ModelCall) -> ModelAnswer:
        self.requests.append((index, request))
        await asyncio.sleep(0)
        if self.think is not None:
            return self.think(request)
        given = self.answers.pop(0)
        if isinstance(given, BaseException):
            raise given
        return given

    async def tool(self, index: int, name: str, arguments: Json, tool_call_id: str | None) -> str:
        self.tool_calls.append((index, name, arguments, tool_call_id))
        await asyncio.sleep(0)
        return self.run_tool(name, arguments)


class Killed(BaseException):
    """The process died."""


class JournalledCalls:
    """Answers finished calls from its journal, and dies where it is told to.

    `kill_at` counts executed and journalled calls alike, from 0; `after` dies once the call is
    journalled, else before it is executed.
    """

    def __init__(
        self,
        inner: ScriptedCalls,
        journal: Json,
        *,
        kill_at: int | None = None,
        after: bool = False,
    ) -> None:
        self.inner, self.journal = inner, journal
        self.kill_at, self.after = kill_at, after
        self.executed: list[str] = []
        self._seen = 0

    async def model(self, index: int, request: ModelCall) -> ModelAnswer:
        result: ModelAnswer = await self._once(
            f"call[{index}]", lambda: self.inner.model(index, request)
        )
        return result

    async def tool(self, index: int, name: str, arguments: Json, tool_call_id: str | None) -> str:
        return str(
            await self._once(
                f"tool[{index}]", lambda: self.inner.tool(index, name, arguments, tool_call_id)
            )
        )

    async def _once(self, key: str, call: Callable[[], Any]) -> Any:
        dies = self._seen == self.kill_at
        self._seen += 1
        if dies and not self.after:
            raise Killed
        if key not in self.journal:
            self.executed.append(key)
            self.journal[key] = await call()
        if dies:
            raise Killed
        return self.journal[key]
