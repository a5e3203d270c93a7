"""The execution: walks a workflow's steps and computes its output, deterministically.

Everything with an effect goes through `RunCalls`, which answers finished turns from the journal; so
running it again from the top after a crash repeats nothing and arrives at the very place where it
was. What a step gives later ones stands in `language.outputs`.

It is not a scheduler and knows neither rows nor HTTP.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from camel_ext.core.errors import CamelExtError
from camel_ext.core.queue import Wait
from camel_ext.workflows.agents import AgentSession, AgentSpec, ToolSpec
from camel_ext.workflows.calls import AgentCalls, Conversation, Json, RunCalls, ScratchChain
from camel_ext.workflows.errors import StepFailed
from camel_ext.workflows.language import outputs
from camel_ext.workflows.language.conditions import evaluate, is_true, score
from camel_ext.workflows.language.plan import StepPath
from camel_ext.workflows.language.schema import (
    Agent,
    AgentStep,
    AnyStep,
    BestOfStep,
    LoopStep,
    ToolStep,
    VerifyStep,
    Workflow,
)
from camel_ext.workflows.language.templates import render_template, render_value

Verify = Callable[[str, Json, str], Coroutine[Any, Any, Json]]
"""(verifier, parameters, text) -> {passed, score, reason, state}."""


@dataclass(slots=True)
class Speaker:
    """An agent with its memory and its place in the log."""

    session: AgentSession
    talk: Conversation

    def copy(self) -> "Speaker":
        """Return one that remembers the same and goes its own way from here."""
        session = AgentSession(self.session.spec, self.session.tools, self.session.dump())
        talk = Conversation(self.talk.agent, self.talk.last_interaction_id, self.talk.thread)
        return Speaker(session, talk)


@dataclass(slots=True)
class Scope:
    """What a step can see: inputs, earlier steps, its round or candidate, the agents' memories."""

    input: Json
    scratch: ScratchChain
    steps: Json = field(default_factory=dict)
    rounds: list[Json] | None = None
    candidate: int | None = None
    speakers: dict[str, Speaker] = field(default_factory=dict)

    def seen(self) -> Json:
        """Return what templates and conditions see."""
        return outputs.context(self.input, self.steps, rounds=self.rounds, candidate=self.candidate)

    def round(self, rounds: list[Json]) -> "Scope":
        """Return the scope of the next round: its steps add nothing here, memories go on."""
        return replace(self, steps=dict(self.steps), rounds=list(rounds))

    def branch(self, candidate: int) -> "Scope":
        """Return a candidate's scope: it shares no memory and no scratch folder with its siblings."""
        speakers = {name: speaker.copy() for name, speaker in self.speakers.items()}
        return replace(
            self,
            steps=dict(self.steps),
            candidate=candidate,
            scratch=ScratchChain(self.scratch.state),
            speakers=speakers,
        )

    def adopt(self, chosen: "Scope") -> None:
        """Go on where a branch ended."""
        self.scratch.state = chosen.scratch.state
        self.speakers.clear()
        self.speakers.update(chosen.speakers)

    def own(self, steps: Sequence[AnyStep]) -> Json:
        """Return what these steps left here."""
        return {step.name: self.steps[step.name] for step in steps}


@dataclass(slots=True)
class Execution:
    """One run of one workflow, from the top."""

    workflow: Workflow
    agents: dict[str, Agent]
    context_tokens: dict[str, int]
    calls: RunCalls
    verify: Verify
    tool_specs: dict[str, ToolSpec]

    async def run(self, given: Json) -> Any:
        """Run all steps and return the output.

        Raises: Wait where it must stop for now; errors of the house where a step failed.
        """
        scope = Scope(given, ScratchChain())
        await self._steps(self.workflow.steps, StepPath(), scope)
        wanted, seen = outputs.output_expression(self.workflow), scope.seen()
        with _placed("output"):
            if isinstance(wanted, dict):
                return {name: evaluate(text, seen) for name, text in wanted.items()}
            return evaluate(wanted, seen)

    async def _steps(self, steps: Sequence[AnyStep], at: StepPath, scope: Scope) -> None:
        before: Json = {}
        for step in steps:
            path = at.child(step.name)
            with _placed(str(path)):
                before = await self._step(step, path, scope, before)
            scope.steps[step.name] = before

    async def _step(self, step: AnyStep, path: StepPath, scope: Scope, before: Json) -> Json:
        if isinstance(step, AgentStep):
            return await self._agent(step, path, scope)
        if isinstance(step, ToolStep):
            return await self._tool(step, path, scope)
        if isinstance(step, VerifyStep):
            return await self._verify(step, path, scope, before)
        if isinstance(step, LoopStep):
            return await self._loop(step, path, scope)
        return await self._best_of(step, path, scope)

    async def _agent(self, step: AgentStep, path: StepPath, scope: Scope) -> Json:
        agent = self.agents[step.agent]
        prompt = render_template(step.prompt, scope.seen())
        speaker = self._speaker(step.agent, agent, scope)
        calls = AgentCalls(self.calls, speaker.talk, path, scope.scratch)
        answer = await speaker.session.step(prompt, calls, schema=agent.response_schema)
        return outputs.agent_output(answer.text, answer.parsed, tool_calls=answer.tool_calls)

    def _speaker(self, name: str, agent: Agent, scope: Scope) -> Speaker:
        known = scope.speakers.get(name)
        if known is not None and agent.memory == "run":
            return known
        system = render_template(agent.system, {"input": scope.input})
        spec = AgentSpec(
            agent_id=name,
            system=system,
            context_tokens=self.context_tokens[name],
            params=sampling(agent),
            max_tool_rounds=agent.max_tool_rounds,
        )
        tools = [self._tool_spec(tool) for tool in agent.tools]
        speaker = Speaker(AgentSession(spec, tools), Conversation(name))
        scope.speakers[name] = speaker
        return speaker

    def _tool_spec(self, name: str) -> ToolSpec:
        if name not in self.tool_specs:
            raise StepFailed(
                f"there is no tool {name!r} on this server: see workflows.tool_modules"
            )
        return self.tool_specs[name]

    async def _tool(self, step: ToolStep, path: StepPath, scope: Scope) -> Json:
        arguments = render_value(step.arguments, scope.seen())
        result = await self.calls.tool(str(path), step.tool, arguments, scope.scratch.state)
        scope.scratch.state = result["state"]
        text = result["text"]
        return outputs.tool_output(text, _parsed(text), ok=not text.startswith("Error:"))

    async def _verify(self, step: VerifyStep, path: StepPath, scope: Scope, before: Json) -> Json:
        seen = scope.seen()
        text = str(before["text"]) if step.text is None else render_template(step.text, seen)
        params = render_value(step.params, seen)
        given = {"text": text, "params": params}
        verdict = await self.calls.verify(
            str(path), step.verify, given, partial(self.verify, step.verify, params, text)
        )
        return outputs.verify_output(text, verdict)

    async def _loop(self, step: LoopStep, path: StepPath, scope: Scope) -> Json:
        rounds: list[Json] = []
        met = False
        while not met and len(rounds) < step.loop.max_rounds:
            inner = scope.round(rounds)
            await self._steps(step.steps, path.round(len(rounds)), inner)
            rounds.append(inner.own(step.steps))
            if step.loop.until is not None:
                met = is_true(step.loop.until, inner.seen())
        return outputs.loop_output(rounds, step.steps, met=met)

    async def _best_of(self, step: BestOfStep, path: StepPath, scope: Scope) -> Json:
        branches = [scope.branch(index) for index in range(step.best_of.n)]
        await _all(
            self._candidate(step, path.candidate(index), branch)
            for index, branch in enumerate(branches)
        )
        scores = [score(step.best_of.score, branch.seen()) for branch in branches]
        candidates = [branch.own(step.steps) for branch in branches]
        output = outputs.best_of_output(candidates, step.steps, scores)
        scope.adopt(branches[output["chosen"]])
        return output

    async def _candidate(self, step: BestOfStep, path: StepPath, scope: Scope) -> None:
        """Go one candidate's way; where it fails the run does, and the others begin no more calls."""
        try:
            await self._steps(step.steps, path, scope)
        except CamelExtError:
            self.calls.failed = True
            raise


@contextmanager
def _placed(step: str) -> Iterator[None]:
    """Let an error say at which step it happened: the innermost that it went through."""
    try:
        yield
    except CamelExtError as error:
        error.fields.setdefault("step", step)
        raise


def sampling(agent: Agent) -> Json:
    """Return an agent's parameters as the engine takes them: what was not said is not sent."""
    params = agent.params.model_dump(exclude_none=True, exclude={"extra"})
    return {**params, **agent.params.extra}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run candidates at once; where one must stop, the others end their calls before it does.

    A failure comes before a wait: there is no use in waiting for what has failed.
    """
    tasks = [asyncio.ensure_future(each) for each in work]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        raise next((error for error in errors if not isinstance(error, Wait)), errors[0])
