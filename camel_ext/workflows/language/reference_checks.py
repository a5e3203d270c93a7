"""What a template or an expression may refer to where it stands: scopes, and judging references.

A step sees the steps above it, in its own list and in the lists around it; rounds and candidates
only inside of a loop or a best_of. Values are not looked at: nothing runs here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from camel_ext.workflows.language.conditions import ConditionWrong, compile_condition
from camel_ext.workflows.language.outputs import FIELDS, output_expression
from camel_ext.workflows.language.plan import walk
from camel_ext.workflows.language.problems import Path, Problem, suggest
from camel_ext.workflows.language.references import ROOTS, Reference
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
from camel_ext.workflows.language.templates import TemplateWrong, compile_template, texts_in
from camel_ext.workflows.language.yaml_source import Source

Chain = tuple[str | None, ...]
Complaint = tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Scope:
    """What can be seen from one place of a workflow; `inputs` None when any may be there."""

    inputs: frozenset[str] | None = frozenset()
    steps: Mapping[str, AnyStep] = field(default_factory=dict)
    loop: tuple[AnyStep, ...] | None = None
    in_candidate: bool = False
    agents: Mapping[str, Agent | None] = field(default_factory=dict)
    everywhere: frozenset[str] = frozenset()
    only_input: bool = False

    def after(self, steps: Sequence[AnyStep]) -> "Scope":
        """Return the scope below these steps."""
        return replace(self, steps={**self.steps, **{step.name: step for step in steps}})


def reference_problems(
    source: Source, at: Path, text: str, scope: Scope, *, cel: bool = False
) -> Iterator[Problem]:
    """Yield what is wrong with a template, or an expression, and with what it refers to."""
    try:
        found = compile_condition(text).references if cel else compile_template(text).references
    except TemplateWrong as error:
        yield _placed(source, at, f"the template is wrong: {error}", "", error.line)
        return
    except ConditionWrong as error:
        column = f" (at column {error.column} of it)" if error.column > 1 else ""
        yield _placed(source, at, f"the expression is wrong: {error}{column}", "", error.line)
        return
    seen: set[tuple[str, int]] = set()
    for reference in found:
        complaint = judge(reference, scope)
        if complaint is not None and (complaint[0], reference.line) not in seen:
            seen.add((complaint[0], reference.line))
            yield _placed(source, at, *complaint, reference.line)


def _placed(source: Source, at: Path, message: str, fix: str, line: int) -> Problem:
    problem = source.problem(at, message, fix)
    span = source.place(at)
    if span.style == "|":  # a block's first line stands below the `|`; other styles fold lines
        return replace(problem, line=span.line + line, column=1)
    return problem


def judge(reference: Reference, scope: Scope) -> Complaint:
    """Return what is wrong with a reference and what would be right, or None."""
    root, chain = reference.chain[0], reference.chain[1:]
    if root not in ROOTS:
        fix = "A system prompt sees `input` only." if scope.only_input else ""
        return f"`{root}` is not defined.", fix or _root_fix(str(root), scope)
    if scope.only_input and root != "input":
        return f"`{root}` is not there in a system prompt.", "It is set once: it sees `input` only."
    if root == "input":
        return _judge_input(chain, scope)
    if root == "steps":
        return _judge_step(chain, scope, optional=reference.optional)
    if root == "candidate":
        fix = "It numbers the candidates inside a `best_of` step."
        return None if scope.in_candidate else ("`candidate` is not there outside a best_of.", fix)
    if scope.loop is None:
        fix = "From outside, a loop is read by its name: `steps.<loop>.rounds`."
        return f"`{root}` is not there outside a loop.", fix
    return _judge_named(chain[1:], scope.loop, scope) if root == "rounds" else None


def _root_fix(name: str, scope: Scope) -> str:
    if scope.inputs and name in scope.inputs:
        return f"Write `input.{name}`."
    if name in scope.steps:
        return f"Write `steps.{name}`."
    return suggest(name, ROOTS, "name")


def _judge_input(chain: Chain, scope: Scope) -> Complaint:
    if not chain or chain[0] is None or scope.inputs is None or chain[0] in scope.inputs:
        return None
    return f"there is no input `{chain[0]}`.", suggest(chain[0], scope.inputs, "input")


def _judge_step(chain: Chain, scope: Scope, *, optional: bool) -> Complaint:
    if not chain or chain[0] is None:
        return None
    name = chain[0]
    if name in scope.steps:
        return _judge_output(scope.steps[name], chain[1:], scope, optional=optional)
    if name in scope.everywhere:
        fix = "A step sees those above it; use `rounds` for earlier rounds."
        return f"the step `{name}` cannot be read here: it runs later or inside another.", fix
    return f"there is no step `{name}`.", suggest(name, scope.steps, "step")


def _judge_output(step: AnyStep, chain: Chain, scope: Scope, *, optional: bool) -> Complaint:
    if not chain or chain[0] is None:
        return None
    fields = FIELDS[step.kind]
    name = chain[0]
    if name not in fields:
        what = f"the {step.kind} step `{step.name}` leaves no `{name}`."
        return what, suggest(name, fields, "field")
    if isinstance(step, AgentStep) and name == "parsed":
        return _judge_parsed(step, chain[1:], scope, optional=optional)
    if name in {"last", "best"}:
        return _judge_named(chain[1:], step.children, scope)
    if name in {"rounds", "candidates"}:
        return _judge_named(chain[2:], step.children, scope)
    return None


def _judge_named(chain: Chain, steps: Sequence[AnyStep], scope: Scope) -> Complaint:
    if not chain or chain[0] is None:
        return None
    by_name = {step.name: step for step in steps}
    if chain[0] not in by_name:
        return f"there is no step `{chain[0]}` in it.", suggest(chain[0], by_name, "step")
    return _judge_output(by_name[chain[0]], chain[1:], scope, optional=False)


def _judge_parsed(step: AgentStep, chain: Chain, scope: Scope, *, optional: bool) -> Complaint:
    agent = scope.agents.get(step.agent)
    if agent is None or not chain or chain[0] is None or optional:
        return None
    if agent.response_schema is None:
        what = f"`parsed` of `{step.name}` is always null: its agent gives no structured answer."
        return what, f"Give the agent `{step.agent}` a `response_schema`."
    properties = agent.response_schema.get("properties")
    if isinstance(properties, dict) and properties and chain[0] not in properties:
        what = f"the answer of the agent `{step.agent}` has no field `{chain[0]}`."
        return what, suggest(chain[0], properties, "field")
    return None


def inputs_read(workflow: Workflow, systems: Sequence[str]) -> tuple[set[str], bool]:
    """Return the inputs that a workflow's texts and these system prompts read by name.

    The second value tells whether one of them reads `input` as a whole, and so perhaps each.
    """
    texts = [*_texts(workflow), *((system, False) for system in systems)]
    chains = [r.chain for text, cel in texts for r in _references(text, cel=cel)]
    ours = [chain for chain in chains if chain[0] == "input"]
    used = {chain[1] for chain in ours if len(chain) > 1 and chain[1] is not None}
    return used, any(len(chain) == 1 or chain[1] is None for chain in ours)


def input_names(template: str) -> set[str]:
    """Return the inputs that a template reads by name and cannot do without."""
    chains = [r.chain for r in _references(template, cel=False) if not r.optional]
    return {chain[1] for chain in chains if chain[0] == "input" and len(chain) > 1 and chain[1]}


def _texts(workflow: Workflow) -> Iterator[tuple[str, bool]]:
    output = output_expression(workflow)
    for expression in output.values() if isinstance(output, dict) else (output,):
        yield expression, True
    for _, step in walk(workflow.steps):
        match step:
            case AgentStep():
                yield step.prompt, False
            case ToolStep():
                yield from ((text, False) for _, text in texts_in(step.arguments))
            case VerifyStep():
                yield step.text or "", False
                yield from ((text, False) for _, text in texts_in(step.params))
            case BestOfStep():
                yield step.best_of.score, True
            case LoopStep():
                yield step.loop.until or "true", True


def _references(text: str, *, cel: bool) -> tuple[Reference, ...]:
    try:
        return compile_condition(text).references if cel else compile_template(text).references
    except (TemplateWrong, ConditionWrong):
        return ()
