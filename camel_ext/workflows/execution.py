"""The execution: walks a workflow's steps and computes its output, deterministically.

Everything with an effect goes through `RunCalls`, which answers finished turns from the journal; so
running it again from the top after a crash repeats nothing and arrives at the very place where it
was. What a step gives later ones:

    agent    {text, parsed, reasoning, finish_reason}
    tool     {text}
    verify   {passed, score, reason, state}
    loop     {rounds: [{<step>: ...}, ...], count, done, text}   text: of the last round's last step
    best_of  {candidates: [{<step>: ...}, ...], chosen, score, text, <the chosen one's steps>}

It is not a scheduler and knows neither rows nor HTTP.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from camel_ext.core.queue import Wait
from camel_ext.workflows.agents import AgentSession, AgentSpec, ToolSpec
from camel_ext.workflows.calls import AgentCalls, Conversation, Json, RunCalls, ScratchChain
from camel_ext.workflows.errors import StepFailed
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

Verify = Callable[[str, Json, str, Json], Coroutine[Any, Any, Json]]
"""(verifier, parameters, text, variables) -> {passed, score, reason, state}."""


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

    variables: Json
    scratch: ScratchChain
    speakers: dict[str, Speaker] = field(default_factory=dict)

    def inner(self, **more: Any) -> "Scope":
        """Return a scope inside this one: its steps add nothing here."""
        variables = {**self.variables, **more, "steps": dict(self.variables["steps"])}
        return Scope(variables, self.scratch, self.speakers)

    def branch(self, **more: Any) -> "Scope":
        """Return a scope that shares no memory and no scratch folder with its siblings."""
        scope = self.inner(**more)
        scope.scratch = ScratchChain(self.scratch.state)
        scope.speakers = {name: speaker.copy() for name, speaker in self.speakers.items()}
        return scope

    def adopt(self, chosen: "Scope") -> None:
        """Go on where a branch ended."""
        self.scratch.state = chosen.scratch.state
        self.speakers.clear()
        self.speakers.update(chosen.speakers)

    def put(self, name: str, output: Json) -> None:
        """Let later steps read what a step gave."""
        self.variables["steps"][name] = output


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
        scope = Scope({"input": given, "steps": {}}, ScratchChain())
        last = await self._steps(self.workflow.steps, StepPath(), scope)
        wanted = self.workflow.output
        if wanted is None:
            return last.get("text")
        if isinstance(wanted, dict):
            return {name: evaluate(text, scope.variables) for name, text in wanted.items()}
        return evaluate(wanted, scope.variables)

    async def _steps(self, steps: Sequence[AnyStep], at: StepPath, scope: Scope) -> Json:
        output: Json = {}
        for step in steps:
            output = await self._step(step, at.child(step.name), scope, output)
            scope.put(step.name, output)
        return output

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
        prompt = render_template(step.prompt, scope.variables)
        speaker = self._speaker(step.agent, agent, scope)
        calls = AgentCalls(self.calls, speaker.talk, path, scope.scratch)
        answer = await speaker.session.step(prompt, calls, schema=agent.response_schema)
        return {
            "text": answer.text,
            "parsed": answer.parsed,
            "reasoning": answer.reasoning,
            "finish_reason": answer.terminated_reason,
        }

    def _speaker(self, name: str, agent: Agent, scope: Scope) -> Speaker:
        known = scope.speakers.get(name)
        if known is not None and agent.memory == "run":
            return known
        system = render_template(agent.system, {"input": scope.variables["input"]})
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
        arguments = render_value(step.arguments, scope.variables)
        result = await self.calls.tool(str(path), step.tool, arguments, scope.scratch.state)
        scope.scratch.state = result["state"]
        return {"text": result["text"]}

    async def _verify(self, step: VerifyStep, path: StepPath, scope: Scope, before: Json) -> Json:
        if step.text is None:
            text = str(before.get("text") or "")
        else:
            text = render_template(step.text, scope.variables)
        params = render_value(step.params, scope.variables)
        given = {"text": text, "params": params}

        async def check() -> Json:
            return await self.verify(step.verify, params, text, scope.variables)

        return await self.calls.verify(str(path), step.verify, given, check)

    async def _loop(self, step: LoopStep, path: StepPath, scope: Scope) -> Json:
        rounds: list[Json] = []
        last: Json = {}
        done = False
        while not done and len(rounds) < step.loop.max_rounds:
            index = len(rounds)
            inner = scope.inner(round=index, rounds=list(rounds))
            last = await self._steps(step.steps, path.round(index), inner)
            rounds.append(_own(step.steps, inner))
            if step.loop.until is not None:
                done = is_true(step.loop.until, inner.variables)
        return {"rounds": rounds, "count": len(rounds), "done": done, "text": last.get("text")}

    async def _best_of(self, step: BestOfStep, path: StepPath, scope: Scope) -> Json:
        branches = [scope.branch(candidate=index) for index in range(step.best_of.n)]
        lasts = await _all(
            self._steps(step.steps, path.candidate(index), branch)
            for index, branch in enumerate(branches)
        )
        scores = [score(step.best_of.score, branch.variables) for branch in branches]
        chosen = max(range(len(branches)), key=lambda index: (scores[index], -index))
        scope.adopt(branches[chosen])
        candidates = [
            {**_own(step.steps, branch), "score": points}
            for branch, points in zip(branches, scores, strict=True)
        ]
        return {
            **_own(step.steps, branches[chosen]),
            "candidates": candidates,
            "chosen": chosen,
            "score": scores[chosen],
            "text": lasts[chosen].get("text"),
        }


def sampling(agent: Agent) -> Json:
    """Return an agent's parameters as the engine takes them: what was not said is not sent."""
    params = agent.params.model_dump(exclude_none=True, exclude={"extra"})
    return {**params, **agent.params.extra}


def _own(steps: Sequence[AnyStep], scope: Scope) -> Json:
    return {step.name: scope.variables["steps"][step.name] for step in steps}


async def _all(work: Any) -> list[Json]:
    """Run candidates at once; where one must stop, the others end their calls before it does.

    A failure comes before a wait: there is no use in waiting for what has failed.
    """
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        results = await asyncio.gather(*tasks, return_exceptions=True)
    except asyncio.CancelledError:
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        raise next((error for error in errors if not isinstance(error, Wait)), errors[0])
    return [result for result in results if not isinstance(result, BaseException)]
