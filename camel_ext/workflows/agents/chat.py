"""One assembled camel ChatAgent and its step: the only module that uses private names of camel.

The names are those of `LeanAgent`; tests/workflows/agents/test_camel_contract.py holds them and
says what breaks when a camel release moves them. It is not the face: camel is imported here.
"""
# mypy: disallow-subclassing-any=False

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

from camel.agents import ChatAgent
from camel.responses import ChatAgentResponse
from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for

from camel_ext.workflows.agents.agent import AgentAnswer, AgentSpec
from camel_ext.workflows.agents.backend import CharCounter, EngineBackend
from camel_ext.workflows.agents.calls import Calls, Json, ToolSpec
from camel_ext.workflows.agents.errors import AgentTimedOut, AnswerNotInSchema, EmptyAnswer
from camel_ext.workflows.agents.memory import Talk
from camel_ext.workflows.agents.tools import RunTool
from camel_ext.workflows.agents.turns import Left, Turns

_FENCED = re.compile(r"^```(?:json)?\s*\n(.*?)\n?```$", re.DOTALL)


class LeanAgent(ChatAgent):
    """A ChatAgent whose step does not grow with its history."""

    def _is_called_from_registered_toolkit(self) -> bool:
        """Say no at once: camel walks `inspect.stack()` at each step, and we register none."""
        return False

    def _sanitize_messages_for_logging(self, *_args: Any) -> str:
        """Return nothing: camel formats the whole conversation for a log line nobody sees."""
        return ""


class Chat:
    """An agent, its memory and its model, put together once and kept over the steps of a run."""

    def __init__(self, spec: AgentSpec, tools: Sequence[ToolSpec]) -> None:
        self._spec = spec
        self._tool_names = frozenset(tool.name for tool in tools)
        self._backend = EngineBackend(CharCounter(), spec.context_tokens)
        self.memory: Talk = self._backend.memory
        self._agent = LeanAgent(
            spec.system or None,
            model=self._backend,
            memory=self.memory,
            agent_id=spec.agent_id,
            token_limit=spec.context_tokens,
            tools=[RunTool(tool, self._turns) for tool in tools],
            summarize_threshold=None,  # else hidden model calls rewrite the memory
            step_timeout=None,  # ours, which also takes the user's message back
            tool_execution_timeout=None,
            max_iteration=None,  # ours, before the last round's tools run: Turns.expect
            retry_attempts=1,  # retries belong to the run
            stream_accumulate=False,
        )

    async def step(
        self, text: str, calls: Calls, timeout_s: float | None, schema: Json | None
    ) -> AgentAnswer:
        """Do one step; every failure leaves the memory as it was."""
        mark = self.memory.mark()
        turns = self._backend.turns = Turns(
            calls,
            self._tool_names,
            self._spec.max_tool_rounds,
            self._spec.params,
            as_response_format(schema),
        )
        try:
            return self._answer(await self._astep(text, turns, timeout_s), turns, mark, schema)
        except BaseException:
            self.memory.rewind(mark)
            raise
        finally:
            self._backend.turns = None

    async def _astep(self, text: str, turns: Turns, timeout_s: float | None) -> ChatAgentResponse:
        response = None
        try:
            async with asyncio.timeout(timeout_s) as scope:
                response = await self._agent.astep(text)
        except Left:
            pass
        except TimeoutError:
            if not scope.expired():
                raise
            turns.left = AgentTimedOut(
                f"The agent {self._spec.agent_id} did not answer within {timeout_s:g} s "
                f"({turns.model_calls} model calls, {turns.tool_calls} tool calls). Nothing of "
                "this step was kept in its memory. Give the step more time, or a faster model.",
                timeout_s=timeout_s,
            )
        if turns.left is not None:
            raise turns.left
        return response

    def _answer(
        self, response: ChatAgentResponse, turns: Turns, mark: int, schema: Json | None
    ) -> AgentAnswer:
        message = response.msgs[0] if response.msgs else None
        if message is None or not message.content:
            raise EmptyAnswer(
                f"The agent {self._spec.agent_id} answered with no text (finish reason "
                f"{turns.finish_reason}, {turns.usage['completion_tokens']} tokens). It may have "
                "spent them on thinking: raise max_tokens, or change its prompt.",
                finish_reason=turns.finish_reason,
            )
        return AgentAnswer(
            text=message.content,
            parsed=None if schema is None else parse(message.content, schema, turns.finish_reason),
            reasoning=message.reasoning_content,
            history=self.memory.history(),
            appended=self.memory.messages[mark:],
            usage=turns.usage,
            model_calls=turns.model_calls,
            tool_calls=turns.tool_calls,
            terminated_reason=turns.finish_reason,
        )

    def _turns(self) -> Turns:
        if self._backend.turns is None:
            raise RuntimeError("a tool was called outside AgentSession.step")
        return self._backend.turns


def as_response_format(schema: Json | None) -> Json | None:
    """Return what asks an engine for JSON of that schema."""
    if schema is None:
        return None
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def parse(text: str, schema: Json, finish_reason: str) -> Any:
    """Return the JSON in an answer's text, fenced as code or bare.

    Raises: AnswerNotInSchema, with what is wrong and the text.
    """
    fenced = _FENCED.match(text.strip())
    try:
        parsed = json.loads(fenced[1] if fenced else text)
    except ValueError as error:
        cut = " It was cut: raise max_tokens." if finish_reason == "length" else ""
        raise AnswerNotInSchema(
            f"The agent's answer is not JSON ({error}).{cut} It began: {text[:200]!r}", text=text
        ) from None
    problem = best_match(validator_for(schema)(schema).iter_errors(parsed))
    if problem is not None:
        raise AnswerNotInSchema(
            f"The agent's answer does not fit the schema: at {problem.json_path}: "
            f"{problem.message}. Make the schema simpler, or say in the prompt what is wanted.",
            text=text,
        )
    return parsed
