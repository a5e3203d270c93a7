"""The YAML format as types: agents and workflows; each field with its sentence.

A step says its kind by the key it carries (`agent:`, `tool:`, `verify:`, `best_of:`, `loop:`), so that
a file stays short. It is not a check of names across files (checks.py), not the database's tables,
and not an interpreter. The types of models.yaml are the registry's.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from camel_ext.registry import Name

FORMAT = 1
IDENTIFIER_PATTERN = r"^[a-z][a-z0-9_]*$"
MAX_EXPRESSION_CHARS = 2_000
MAX_TEMPLATE_CHARS = 65_536

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER_PATTERN, max_length=64)]
Template = Annotated[str, StringConstraints(max_length=MAX_TEMPLATE_CHARS)]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=MAX_EXPRESSION_CHARS)]
Description = Annotated[str, StringConstraints(max_length=2_000)]

STEP_KINDS = ("agent", "tool", "verify", "best_of", "loop")
KINDS_TO_COME = ("branch", "parallel", "human", "workflow")
# `call` and `tool` name the turns inside an agent step in a step key; the rest are words of CEL.
RESERVED_STEP_NAMES = frozenset(
    {"call", "tool", "true", "false", "null", "in", "as", "break", "const", "continue", "else"}
    | {"for", "function", "if", "import", "let", "loop", "package", "namespace", "return", "var"}
    | {"void", "while"}
)


class Definition(BaseModel):
    """The base of all: unknown fields are refused, values keep the type that was written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


# -- agents.yaml ---------------------------------------------------------------------------------


class Sampling(Definition):
    """How a model is asked to answer; what is left out is the engine's own default."""

    temperature: float | None = Field(None, ge=0, le=2, description="Randomness; 0 is greedy.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus: keep this probability.")
    top_k: int | None = Field(None, ge=0, description="Keep the k likeliest tokens; 0 keeps all.")
    min_p: float | None = Field(None, ge=0, le=1, description="Drop what is rarer than this.")
    max_tokens: int | None = Field(None, ge=1, description="The longest answer, in tokens.")
    seed: int | None = Field(None, ge=0, description="Same seed, same engine: same answer.")
    stop: list[str] | None = Field(None, max_length=16, description="Texts that end the answer.")
    presence_penalty: float | None = Field(
        None, ge=-2, le=2, description="Against repeated topics."
    )
    frequency_penalty: float | None = Field(
        None, ge=-2, le=2, description="Against repeated words."
    )
    repeat_penalty: float | None = Field(None, gt=0, le=2, description="llama.cpp's; 1 is none.")
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = Field(
        None, description="For models that think before they answer."
    )
    extra: dict[str, JsonValue] = Field(
        default_factory=dict, description="Sent to the engine as it stands, for its own options."
    )


class Agent(Definition):
    """One agent: a model alias, a role in words, and the tools it may use."""

    description: Description = Field("", description="What this agent is for, for people.")
    model: Name = Field(description="The model alias that answers for it (models.yaml).")
    system: Template = Field("", description="System prompt, a Jinja template over `input`.")
    tools: list[str] = Field(
        default_factory=list, max_length=64, description="Names of the tools it may call."
    )
    params: Sampling = Field(default_factory=Sampling, description="How its model is asked.")
    max_tool_rounds: int = Field(
        8, ge=0, le=100, description="Model calls with tools in one step before it must answer."
    )
    response_schema: dict[str, JsonValue] | None = Field(
        None, description="JSON Schema of its answer; the step's `parsed` then holds the value."
    )
    memory: Literal["step", "run"] = Field(
        "step", description="`step` forgets after each step, `run` remembers its earlier steps."
    )


class AgentsFile(Definition):
    """agents.yaml."""

    format: Literal[1] = Field(1, description="Version of this format.")
    agents: dict[Name, Agent] = Field(default_factory=dict, description="Agents by name.")


# -- workflows.yaml ------------------------------------------------------------------------------


class InputField(Definition):
    """One input of a workflow; without a default it must be given."""

    type: Literal["string", "integer", "number", "boolean", "array", "object"] = Field(
        "string", description="JSON type of the value."
    )
    description: Description = Field("", description="What to give, for people.")
    default: JsonValue = Field(None, description="Used when nothing is given.")
    enum: list[JsonValue] | None = Field(None, min_length=1, description="The allowed values.")
    items: dict[str, JsonValue] | None = Field(
        None, description="JSON Schema of each entry of an array."
    )
    properties: dict[str, JsonValue] | None = Field(
        None, description="JSON Schemas of the fields of an object."
    )

    @property
    def required(self) -> bool:
        return "default" not in self.model_fields_set


class Budgets(Definition):
    """Where a run stops and waits (`waiting_for: budget`) instead of spending more."""

    max_turns: int | None = Field(500, ge=1, le=1_000_000, description="Model and tool calls.")
    max_tokens: int | None = Field(None, ge=1, description="Tokens in and out, all calls.")
    max_seconds: float | None = Field(None, gt=0, description="Seconds of running, not waiting.")
    max_cost_usd: float | None = Field(None, ge=0, description="Cost of all model calls.")


class BaseStep(Definition):
    """What every step has."""

    kind: ClassVar[str] = ""

    name: Identifier = Field(description="Its name, by which later steps read its result.")
    description: Description = Field("", description="What it is for, for people.")

    @model_validator(mode="after")
    def _refuse_reserved_names(self) -> "BaseStep":
        if self.name in RESERVED_STEP_NAMES:
            raise PydanticCustomError(
                "reserved_name",
                "`{name}` is a reserved word and cannot name a step",
                {"name": self.name},
            )
        return self

    @property
    def children(self) -> "list[AnyStep]":
        """Return the sub-steps; a plain step has none."""
        return []


class AgentStep(BaseStep):
    """An agent gets a prompt and answers, with tool calls in between if it has tools."""

    kind: ClassVar[str] = "agent"

    agent: Name = Field(description="The agent that acts (agents.yaml).")
    prompt: Template = Field(description="What it is told: a Jinja template.")


class ToolStep(BaseStep):
    """A tool is called directly, without a model."""

    kind: ClassVar[str] = "tool"

    tool: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="The tool to call."
    )
    arguments: dict[str, JsonValue] = Field(
        default_factory=dict,
        description='Its arguments; texts are templates, a lone "{{ x }}" keeps the type of x.',
    )


class VerifyStep(BaseStep):
    """A verifier checks a text; its `passed`, `score` and `reason` can steer what follows."""

    kind: ClassVar[str] = "verify"

    verify: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="The verifier."
    )
    text: Template | None = Field(
        None, description="What is checked: a template; left out, the text of the step before."
    )
    params: dict[str, JsonValue] = Field(
        default_factory=dict,
        description='Its parameters; texts are templates, a lone "{{ x }}" keeps the type of x.',
    )


class Choice(Definition):
    """How many candidates, and which one wins."""

    n: int = Field(ge=2, le=64, description="Number of candidates; all are kept.")
    score: Expression = Field(
        description="CEL, a number for each candidate; the highest wins, the first of equals."
    )


class BestOfStep(BaseStep):
    """The same steps n times; one candidate is chosen, all are kept."""

    kind: ClassVar[str] = "best_of"

    best_of: Choice = Field(description="How many candidates, and which one wins.")
    steps: "list[AnyStep]" = Field(min_length=1, max_length=100, description="Run per candidate.")

    @property
    def children(self) -> "list[AnyStep]":
        return self.steps


class Rounds(Definition):
    """When a loop ends: at its condition, and at its bound in any case."""

    max_rounds: int = Field(ge=1, le=1_000, description="The bound: never more rounds than this.")
    until: Expression | None = Field(
        None, description="CEL, true or false, asked after each round; true ends the loop."
    )


class LoopStep(BaseStep):
    """The same steps again and again, each round seeing the rounds before."""

    kind: ClassVar[str] = "loop"

    loop: Rounds = Field(description="When it ends.")
    steps: "list[AnyStep]" = Field(min_length=1, max_length=100, description="Run per round.")

    @property
    def children(self) -> "list[AnyStep]":
        return self.steps


def step_tag(raw: Any) -> str | None:
    """Return the tag of the one kind whose key the step carries; None when it is not one."""
    if isinstance(raw, BaseStep):
        return f"<{raw.kind}>"
    if not isinstance(raw, dict):
        return None
    kinds = [kind for kind in (*STEP_KINDS, *KINDS_TO_COME) if kind in raw]
    return f"<{kinds[0]}>" if len(kinds) == 1 and kinds[0] in STEP_KINDS else None


AnyStep = Annotated[
    Annotated[AgentStep, Tag("<agent>")]
    | Annotated[ToolStep, Tag("<tool>")]
    | Annotated[VerifyStep, Tag("<verify>")]
    | Annotated[BestOfStep, Tag("<best_of>")]
    | Annotated[LoopStep, Tag("<loop>")],
    Discriminator(
        step_tag, custom_error_type="step_kind", custom_error_message="not a step of a known kind"
    ),
]


def output_tag(raw: Any) -> str:
    """Return which form of an output is meant: fields by name, or one expression."""
    return "<fields>" if isinstance(raw, dict) else "<one>"


Output = Annotated[
    Annotated[Expression, Tag("<one>")] | Annotated[dict[Identifier, Expression], Tag("<fields>")],
    Discriminator(output_tag),
]


class Workflow(Definition):
    """Steps that turn inputs into an output, within budgets."""

    description: Description = Field("", description="What it does, for people.")
    inputs: dict[Identifier, InputField] = Field(
        default_factory=dict, max_length=100, description="What a run must be given."
    )
    steps: list[AnyStep] = Field(min_length=1, max_length=100, description="Run in this order.")
    output: Output | None = Field(
        None, description="CEL: the result of the run; left out, the text of the last step."
    )
    budgets: Budgets = Field(default_factory=Budgets, description="Where a run stops and waits.")


class WorkflowsFile(Definition):
    """workflows.yaml."""

    format: Literal[1] = Field(1, description="Version of this format.")
    workflows: dict[Name, Workflow] = Field(default_factory=dict, description="Workflows by name.")


BestOfStep.model_rebuild()
LoopStep.model_rebuild()
