"""improve.yaml as types: what is learnt from, what is asked at the examination, and what must hold.

The one place where it is defined: files are read and requests are checked with these. Which rules make
pairs is the datasets' and which statistics decide is evaluation's; here they are only named. It knows no
database: whether a workflow or an agent exists is asked when an improvement starts.
"""

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from camel_ext.core.hashing import content_hash
from camel_ext.datasets import Combine, Strategy
from camel_ext.evaluation import GatePolicy
from camel_ext.registry import Name

MAX_GOALS = 5_000
MAX_TOPICS = 500
MAX_GOAL_CHARS = 20_000

ScorerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Topic = Annotated[
    str, StringConstraints(min_length=1, max_length=56, pattern=r"^[^\x00-\x1f]+$")
]  # `topic:<name>` is a tag of at most 64 letters
Unit = Annotated[float, Field(ge=0, le=1)]


def _storable(goal: Any) -> Any:
    """Refuse what could not be stored or shown again."""
    try:
        size = len(json.dumps(goal, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, RecursionError):
        raise ValueError("it holds something that JSON cannot say") from None
    if goal == "" or goal == {}:
        raise ValueError("it is empty")
    if "\\u0000" in json.dumps(goal):
        raise ValueError("it holds a NUL character")
    if size > MAX_GOAL_CHARS:
        raise ValueError(f"it has {size:,} bytes, at most {MAX_GOAL_CHARS:,} are taken")
    return goal


Goal = Annotated[str | dict[str, JsonValue], AfterValidator(_storable)]
Listed = Annotated[list[Goal], Field(min_length=1, max_length=MAX_GOALS)]
Target = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*/[a-z][a-z0-9_-]*(@[A-Za-z0-9:._-]+)?$")
]


class Entry(BaseModel):
    """The base of all: unknown fields are refused, values keep the type that was written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ScorerEntry(Entry):
    """A check of an answer: a verifier with its parameters, under a name of its own."""

    verify: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="The verifier."
    )
    params: dict[str, JsonValue] = Field(default_factory=dict, description="Its parameters.")
    per_goal: dict[str, str] = Field(
        default_factory=dict,
        max_length=20,
        description="Parameters taken from each goal: parameter to input, e.g. `to: goal`.",
    )
    description: Annotated[str, StringConstraints(max_length=200)] = Field(
        "", description="What passing it means, in words: `answers in at most 15 words`."
    )


class SampleEntry(Entry):
    """How many other answers each turn of the agent is given, and how freely."""

    count: int = Field(5, ge=1, le=64, description="Further answers to each prompt.")
    temperature: float = Field(0.9, ge=0, le=2, description="Randomness of these answers.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus; left out, the agent's.")
    max_tokens: int | None = Field(None, ge=1, description="Longest answer; left out, the agent's.")


class PairsEntry(Entry):
    """What makes a preference of two candidates; datasets explains each rule."""

    by: list[ScorerName] | None = Field(
        None, min_length=1, description="Scorers that count; left out, all of them."
    )
    combine: Combine = Field(Combine.MIN, strict=False, description="`min` or `mean` of them.")
    strategy: Strategy = Field(
        Strategy.BEST_VS_REST,
        strict=False,
        description="`best_vs_worst`, `best_vs_rest` or `all` of one prompt's candidates.",
    )
    min_margin: Unit = Field(0.1, description="Smallest difference of scores.")
    min_chosen_score: Unit | None = Field(None, description="The better one has at least this.")
    per_prompt_max: int | None = Field(
        2, ge=1, le=1_000, description="At most so many pairs of one prompt; null: all."
    )
    length_ratio_max: Annotated[float, Field(ge=1)] | None = Field(
        None, description="Longer answer over shorter, against learning length alone."
    )
    overlap_max: Unit | None = Field(
        None, description="Pairs whose answers share at least this much are dropped."
    )
    eval_ratio: Annotated[float, Field(ge=0, le=0.9)] = Field(
        0.1, description="Share of pairs, by whole topics, that only watch the training."
    )


class TrainEntry(Entry):
    """How the adapter is trained."""

    preset: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        "quick", description="A preset: `camel-ext train presets` lists them."
    )
    hyper: dict[str, JsonValue] = Field(
        default_factory=dict,
        max_length=40,
        description="What differs from the preset: `camel-ext train hyper` explains each.",
    )
    adapter: Name | None = Field(None, description="Name of the adapter; left out, the workflow's.")
    min_pairs: int = Field(8, ge=1, description="Fewer pairs than this teach nothing.")


class When(StrEnum):
    """Which verdict is good enough to promote."""

    BETTER = "better"
    NOT_WORSE = "not_worse"
    NEVER = "never"


class Approval(StrEnum):
    """Who says yes after the gate did."""

    AUTOMATIC = "automatic"
    PERSON = "person"


class PromoteEntry(Entry):
    """What happens after the verdict."""

    when: When = Field(When.BETTER, strict=False, description="`better`, `not_worse`, `never`.")
    approval: Approval = Field(
        Approval.AUTOMATIC,
        strict=False,
        description="`automatic`, or `person`: the loop waits for `camel-ext promote`.",
    )


class ImproveConfig(Entry):
    """improve.yaml."""

    format: Literal[1] = Field(1, description="Version of this format.")
    description: Annotated[str, StringConstraints(max_length=2_000)] = Field(
        "", description="What shall get better, for people."
    )
    agent: Name | None = Field(
        None, description="Whose answers are learnt from; left out, the workflow's only agent."
    )
    candidate: Target | None = Field(
        None,
        description="`model/adapter` that is there already: it is proven, and nothing is trained.",
    )
    goals: Annotated[dict[Topic, Listed], Field(max_length=MAX_TOPICS)] = Field(
        default_factory=dict, description="Goals to learn from, by topic."
    )
    heldout: Annotated[dict[Topic, Listed], Field(min_length=1, max_length=MAX_TOPICS)] = Field(
        description="Goals of the examination, by topics not learnt from."
    )
    scorers: Annotated[dict[ScorerName, ScorerEntry], Field(min_length=1, max_length=20)] = Field(
        description="Checks of an answer, by name."
    )
    sample: SampleEntry = Field(default_factory=SampleEntry, description="Candidates.")
    pairs: PairsEntry = Field(default_factory=PairsEntry, description="Preferences.")
    train: TrainEntry = Field(default_factory=TrainEntry, description="Training.")
    gate: GatePolicy = Field(description="The proof that is asked for.")
    promote: PromoteEntry = Field(default_factory=PromoteEntry, description="What follows.")

    @property
    def policy(self) -> dict[str, Any]:
        """What decides, as plain JSON: the gate, its scorers and what follows."""
        named = {self.gate.primary, *(rail.measure for rail in self.gate.guardrails)}
        return {
            "gate": self.gate.model_dump(mode="json"),
            "scorers": {
                name: scorer.model_dump(mode="json", exclude={"description"})
                for name, scorer in sorted(self.scorers.items())
                if name in named
            },
            "promote": self.promote.model_dump(mode="json"),
        }

    @property
    def policy_hash(self) -> str:
        """Names the policy: equal policies, equal hash."""
        return content_hash(self.policy)

    @property
    def judges(self) -> list[str]:
        """The scorers that make preferences, in order."""
        return list(self.scorers) if self.pairs.by is None else self.pairs.by


def each_goal(goals: dict[str, list[Any]]) -> Iterator[tuple[str, Any]]:
    """Yield (topic, goal) in the order they are written."""
    for topic, listed in goals.items():
        for goal in listed:
            yield topic, goal


def plain_goal(goal: Any) -> str:
    """Return a goal as one comparable text: case and spaces do not matter."""
    text = goal if isinstance(goal, str) else json.dumps(goal, sort_keys=True, ensure_ascii=False)
    return " ".join(text.lower().split())
