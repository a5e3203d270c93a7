"""What an agent's calls become in a run: answered from the journal, or done once and committed.

It implements the agent's `Calls` seam and calls tools for `tool:` steps. Order within one call:
safe point (pause, budget), journal, intent (for a tool that must run once), the call, the append.
How steps follow one another is the execution's.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from camel_ext.core.errors import Unavailable
from camel_ext.core.models import WaitingFor
from camel_ext.core.queue import TaskContext, Wait
from camel_ext.interactions import count_failures
from camel_ext.serving import Served
from camel_ext.workflows.agents import ModelAnswer, ModelCall
from camel_ext.workflows.errors import StepFailed
from camel_ext.workflows.language.plan import StepPath
from camel_ext.workflows.models import EffectState, TurnKind
from camel_ext.workflows.tools import Tool, ToolTurn, effect_key
from camel_ext.workflows.turns import Finished, NewTurn, RunJournal

Json = dict[str, Any]
ARGUMENTS_LETTERS = 500


@dataclass(slots=True)
class Conversation:
    """What one agent said so far in this run; the log hangs the next prompt on it."""

    agent: str
    last_interaction_id: UUID | None = None
    thread: Any = None


Check = Callable[[], Awaitable[Json]]
ModelPort = Callable[[Conversation, str, ModelCall], Awaitable[Served]]
"""(conversation, step key, call) -> what was served."""
ToolRunner = Callable[[Tool, Json, str, str | None], Awaitable[ToolTurn]]
"""(tool, arguments, step key, scratch state before) -> text, and scratch state after."""


@dataclass(slots=True)
class Limits:
    """Where a run stops and waits instead of spending more."""

    max_turns: int
    max_tokens: int | None = None
    max_seconds: float | None = None
    max_cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run goes on by itself with a model that does not answer."""

    wait_s: float
    wait_max_s: float
    tries: int

    def lost(self, failures: int, error: Unavailable, now: datetime) -> Wait:
        """Return how to wait after so many failed calls for one turn: longer each time, then for a person.

        Every `tries` failures a person is asked for, so that each word of theirs buys as many again.
        """
        if failures and failures % self.tries == 0:
            told = f"the model did not answer {failures} calls for this turn, the last time: "
            return Wait(WaitingFor.PAUSE, detail=f"{told}{error.detail}. Resume when it is back")
        longer_s = self.wait_s * 2 ** min(max(0, failures % self.tries - 1), 20)
        wait_s = max(min(longer_s, self.wait_max_s), error.retry_after_s or 0.0)
        return Wait(WaitingFor.PROVIDER, now + timedelta(seconds=wait_s), error.detail)


@dataclass(slots=True)
class RunCalls:
    """The calls of one run."""

    context: TaskContext
    journal: RunJournal
    limits: Limits
    single_step: bool
    patience: Patience
    serve: ModelPort
    run_tool: ToolRunner
    tools: dict[str, Tool]
    answers: dict[UUID, Json]
    failed: bool = field(default=False, init=False)
    _before: int = field(init=False)
    _new_turns: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._before = self.journal.spent.turns

    async def model(self, talk: Conversation, key: str, call: ModelCall) -> ModelAnswer:
        """Return the answer to one model call of an agent."""
        done = self.journal.finished.get(key)
        if done is not None and done.interaction_id is not None:
            talk.last_interaction_id, talk.thread = done.interaction_id, None
            return cast(ModelAnswer, self.answers[done.interaction_id])
        self.safe_point()
        try:
            served = await self.serve(talk, key, call)
        except Unavailable as error:
            failures = await self.context.read(count_failures, self.journal.run_id, key)
            raise self.patience.lost(failures, error, self.context.runtime.clock.now()) from error
        text = served.message.get("content") or ""
        await self.journal.commit(
            NewTurn(
                key,
                TurnKind.MODEL,
                talk.agent,
                served.total_ms,
                preview=text or _tool_calls_shown(served.message),
                interaction_id=served.interaction_id,
                prompt_tokens=served.prompt_tokens,
                completion_tokens=served.completion_tokens,
                cost_usd_micros=served.cost_usd_micros,
                entries=served.entries,
            )
        )
        talk.last_interaction_id = served.interaction_id
        return {
            "id": served.id,
            "model": served.model,
            "message": served.message,
            "finish_reason": served.finish_reason,
            "usage": served.usage,
        }

    async def tool(self, key: str, name: str, arguments: Json, state: str | None) -> Json:
        """Return `{text, state}` of one tool call; `state` names the scratch folder after it.

        Raises: Wait for a person, where a call that must run once may or may not have happened.
        """
        done = self.journal.finished.get(key)
        if done is not None:
            return _output(done)
        tool = self.tools.get(name)
        if tool is None:
            raise StepFailed(
                f"there is no tool {name!r} on this server: see workflows.tool_modules"
            )
        self.safe_point()
        answer = None if tool.idempotent else await self._guard(key, tool, arguments)
        clock = self.context.runtime.clock
        began_s = clock.monotonic_s()
        if answer is None:
            made = await self.run_tool(tool, arguments, key, state)
        else:
            made = ToolTurn(answer, state)
        turn = NewTurn(
            key,
            TurnKind.TOOL,
            name,
            1000 * (clock.monotonic_s() - began_s),
            input=arguments,
            output={"text": made.text, "state": made.scratch_state},
            preview=made.text,
            effect=not tool.idempotent,
        )
        return _output(await self.journal.commit(turn))

    async def _guard(self, key: str, tool: Tool, arguments: Json) -> str | None:
        """Write the intent of a call that must run once, or follow what a person decided."""
        known = self.journal.effects.get(key)
        if known is None:
            effect = effect_key(self.journal.run_id, key)
            await self.journal.intend(key, effect, tool.name, arguments)
            return None
        if known.state == EffectState.ANSWERED:
            return known.answer or ""
        if known.state == EffectState.REPEAT:
            await self.journal.intend_again(key)  # once more, not as often as we are interrupted
            return None
        given = json.dumps(known.arguments, ensure_ascii=False)[:ARGUMENTS_LETTERS]
        raise Wait(
            WaitingFor.PERSON,
            detail=f"{tool.name} at {key} was being called when the run was interrupted, and must "
            f"not be called twice: say whether it happened. Its arguments: {given}",
        )

    async def verify(self, key: str, name: str, given: Json, check: Check) -> Json:
        """Return the verdict of one check."""
        done = self.journal.finished.get(key)
        if done is not None:
            return _output(done)
        self.safe_point()
        clock = self.context.runtime.clock
        began_s = clock.monotonic_s()
        verdict = await check()
        took_ms = 1000 * (clock.monotonic_s() - began_s)
        preview = f"{'passed' if verdict.get('passed') else 'not passed'}: {verdict.get('reason')}"
        turn = NewTurn(
            key, TurnKind.VERIFY, name, took_ms, input=given, output=verdict, preview=preview
        )
        return _output(await self.journal.commit(turn))

    def safe_point(self) -> None:
        """Stop here where the run has failed, a pause was asked for or a budget is used up."""
        if self.failed:  # nobody hears of this: a failure comes before a wait
            raise Wait(WaitingFor.PAUSE, detail="another candidate failed")
        if self.context.pause_requested or (self.single_step and self._new_turns > 0):
            raise Wait(WaitingFor.PAUSE, detail="paused")
        spent, limits = self.journal.spent, self.limits
        tokens = spent.prompt_tokens + spent.completion_tokens
        begun = self._before + self._new_turns  # candidates that are at it now count, too
        used = (
            ("max_turns", begun, limits.max_turns),
            ("max_tokens", tokens, limits.max_tokens),
            ("max_seconds", self.journal.running_ms() / 1000, limits.max_seconds),
            ("max_cost_usd", spent.cost_usd_micros / 1e6, limits.max_cost_usd),
        )
        for name, amount, limit in used:
            if limit is not None and amount >= limit:
                raise Wait(WaitingFor.BUDGET, detail=f"{name} is {limit:g}, {amount:g} are used")
        self._new_turns += 1


@dataclass(slots=True)
class AgentCalls:
    """The calls of one agent step: numbered within it, named by its path."""

    calls: RunCalls
    talk: Conversation
    path: StepPath
    scratch: "ScratchChain"

    async def model(self, index: int, request: ModelCall) -> ModelAnswer:
        return await self.calls.model(self.talk, str(self.path.call(index)), request)

    async def tool(
        self,
        index: int,
        name: str,
        arguments: Json,
        tool_call_id: str | None,  # noqa: ARG002
    ) -> str:
        key = str(self.path.tool(index))
        result = await self.calls.tool(key, name, arguments, self.scratch.state)
        self.scratch.state = result["state"]
        return str(result["text"])


@dataclass(slots=True)
class ScratchChain:
    """Which state of the run's scratch folder the next tool call starts from."""

    state: str | None = None


def _output(done: Finished) -> Json:
    output: Json = done.output
    return output


def _tool_calls_shown(message: Json) -> str:
    calls = [call.get("function", {}) for call in message.get("tool_calls") or ()]
    return "; ".join(f"{call.get('name')}({call.get('arguments')})" for call in calls)
