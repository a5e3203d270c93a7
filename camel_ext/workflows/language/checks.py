"""Checks across definitions: every name that is used exists, and is in scope where it is used.

It takes what is well formed (structure has seen to that) and knows nothing of what is stored: what
else exists is handed in as `Known`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from camel_ext.verifiers import (
    SchemaWrong,
    UnknownVerifier,
    VerifierParamsWrong,
    check_schema,
    read_params,
)
from camel_ext.workflows.language.inputs import field_schema, input_complaints
from camel_ext.workflows.language.plan import agents_of, walk
from camel_ext.workflows.language.problems import Path, Problem, suggest
from camel_ext.workflows.language.reference_checks import (
    Scope,
    input_names,
    inputs_read,
    reference_problems,
)
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
from camel_ext.workflows.language.templates import texts_in
from camel_ext.workflows.language.yaml_source import Source


@dataclass(frozen=True, slots=True)
class Known:
    """What exists already, beside what the files themselves define."""

    agents: Mapping[str, Agent | None] = field(default_factory=dict)
    aliases: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    verifiers: frozenset[str] = frozenset()


def agent_problems(source: Source, name: str, agent: Agent, known: Known) -> Iterator[Problem]:
    """Yield what is wrong with an agent: alias, tools, system prompt, response schema."""
    at: Path = ("agents", name)
    if agent.model not in known.aliases:
        fix = suggest(agent.model, known.aliases, "alias")
        if agent.model in known.models:
            fix = f"`{agent.model}` is a model: add `{agent.model}: {agent.model}` to `aliases`."
        message = f"there is no model alias `{agent.model}`."
        yield source.problem((*at, "model"), message, fix)
    for index, tool in enumerate(agent.tools):
        if tool not in known.tools:
            fix = suggest(tool, known.tools, "tool")
            yield source.problem((*at, "tools", index), f"there is no tool `{tool}`.", fix)
        if tool in agent.tools[:index]:
            message = f"the tool `{tool}` stands here twice."
            yield source.problem((*at, "tools", index), message, "Keep one.")
    if agent.response_schema is not None:
        yield from _schema_problems(source, (*at, "response_schema"), agent.response_schema)
    yield from reference_problems(
        source, (*at, "system"), agent.system, Scope(inputs=None, only_input=True)
    )


def workflow_problems(
    source: Source, name: str, workflow: Workflow, known: Known
) -> Iterator[Problem]:
    """Yield what is wrong with a workflow: names, scopes, templates, expressions, inputs."""
    at: Path = ("workflows", name)
    yield from _input_problems(source, at, workflow)
    everywhere = frozenset(step.name for _, step in walk(workflow.steps))
    scope = Scope(frozenset(workflow.inputs), agents=known.agents, everywhere=everywhere)
    yield from _list_problems(source, (*at, "steps"), workflow.steps, scope, known)
    inside = scope.after(workflow.steps)
    if isinstance(workflow.output, str):
        yield from reference_problems(source, (*at, "output"), workflow.output, inside, cel=True)
    for key, expression in workflow.output.items() if isinstance(workflow.output, dict) else ():
        yield from reference_problems(source, (*at, "output", key), expression, inside, cel=True)


def unused_inputs(source: Source, name: str, workflow: Workflow, known: Known) -> Iterator[Problem]:
    """Yield a warning for each input that neither the workflow nor its agents' prompts read."""
    systems = [agent.system for n in agents_of(workflow) if (agent := known.agents.get(n))]
    used, whole = inputs_read(workflow, systems)
    for key in workflow.inputs:
        if key not in used and not whole:
            problem = source.problem(
                ("workflows", name, "inputs", key),
                f"the input `{key}` is not used by any step.",
                f"Use `{{{{ input.{key} }}}}` or remove it.",
                key=True,
            )
            yield replace(problem, severity="warning")


def _input_problems(source: Source, at: Path, workflow: Workflow) -> Iterator[Problem]:
    for name, entry in workflow.inputs.items():
        here: Path = (*at, "inputs", name)
        wrong = list(_schema_problems(source, here, field_schema(entry)))
        yield from wrong
        if not wrong and not entry.required and entry.default is not None:
            for complaint in input_complaints(name, entry, entry.default):
                message = complaint.replace("does not fit", "has a default that does not fit")
                yield source.problem((*here, "default"), f"{message}.")


def _schema_problems(source: Source, at: Path, schema: object) -> Iterator[Problem]:
    try:
        check_schema(schema)
    except SchemaWrong as error:
        fix = "See json-schema.org, draft 2020-12."
        yield source.problem(at, f"not a JSON Schema: {error}.", fix)


def _list_problems(
    source: Source, at: Path, steps: list[AnyStep], scope: Scope, known: Known
) -> Iterator[Problem]:
    for index, step in enumerate(steps):
        here: Path = (*at, index)
        before = scope.after(steps[:index])
        if step.name in before.steps:
            message = f"the step name `{step.name}` is taken by a step above."
            fix = "Rename one: later steps read it by this name."
            yield source.problem((*here, "name"), message, fix)
        yield from _step_problems(source, here, step, before, known, first=index == 0)


def _step_problems(
    source: Source, at: Path, step: AnyStep, scope: Scope, known: Known, *, first: bool
) -> Iterator[Problem]:
    match step:
        case AgentStep():
            if step.agent not in known.agents:
                fix = suggest(step.agent, known.agents, "agent")
                yield source.problem((*at, "agent"), f"there is no agent `{step.agent}`.", fix)
            yield from _system_problems(source, at, step, scope)
            yield from reference_problems(source, (*at, "prompt"), step.prompt, scope)
        case ToolStep():
            if step.tool not in known.tools:
                fix = suggest(step.tool, known.tools, "tool")
                yield source.problem((*at, "tool"), f"there is no tool `{step.tool}`.", fix)
            for path, text in texts_in(step.arguments):
                yield from reference_problems(source, (*at, "arguments", *path), text, scope)
        case VerifyStep():
            yield from _verify_problems(source, at, step, scope, known, first=first)
        case BestOfStep():
            inner = replace(scope, in_candidate=True)
            yield from _list_problems(source, (*at, "steps"), step.steps, inner, known)
            here = (*at, "best_of", "score")
            done = inner.after(step.steps)
            yield from reference_problems(source, here, step.best_of.score, done, cel=True)
        case LoopStep():
            inner = replace(scope, loop=tuple(step.steps))
            yield from _list_problems(source, (*at, "steps"), step.steps, inner, known)
            if step.loop.until is not None:
                here = (*at, "loop", "until")
                done = inner.after(step.steps)
                yield from reference_problems(source, here, step.loop.until, done, cel=True)


def _system_problems(source: Source, at: Path, step: AgentStep, scope: Scope) -> Iterator[Problem]:
    agent = scope.agents.get(step.agent)
    wanted = input_names(agent.system) if agent is not None else set()
    for name in sorted(wanted - (scope.inputs or frozenset())):
        message = f"the system prompt of `{step.agent}` reads `input.{name}`, not an input here."
        yield source.problem((*at, "agent"), message, f"Add `{name}` to the inputs.")


def _verify_problems(
    source: Source, at: Path, step: VerifyStep, scope: Scope, known: Known, *, first: bool
) -> Iterator[Problem]:
    if step.verify not in known.verifiers:
        fix = suggest(step.verify, known.verifiers, "verifier")
        yield source.problem((*at, "verify"), f"there is no verifier `{step.verify}`.", fix)
    if step.text is not None:
        yield from reference_problems(source, (*at, "text"), step.text, scope)
    elif first:
        fix = 'Say which text: `text: "{{ input.answer }}"`.'
        yield source.problem(at, "there is no step before this one whose text is checked.", fix)
    templated = False
    for path, text in texts_in(step.params):
        yield from reference_problems(source, (*at, "params", *path), text, scope)
        templated = templated or "{{" in text or "{%" in text
    if not templated and step.verify in known.verifiers:
        try:
            read_params(step.verify, step.params)
        except VerifierParamsWrong as error:
            place = (*at, "params") if step.params else at
            yield source.problem(place, error.detail)
        except UnknownVerifier:
            pass  # another process's verifier: its parameters are checked where it runs
