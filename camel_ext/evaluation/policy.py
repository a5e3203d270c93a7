"""The policy of a gate: what must improve, what must not get worse, and by how much at the most.

It is written before anything is measured and named by its content. How it is decided is the gate's.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from camel_ext.core.hashing import content_hash

MEASURES = ("error", "latency_ms", "completion_tokens", "cost_usd_micros")
BOUNDED = frozenset({"error"})  # as scores are: from 0 to 1

ScorerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]


class Entry(BaseModel):
    """The base of all: unknown fields are refused, values keep the type that was written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Guardrail(Entry):
    """What may not get worse by more than a margin that is fixed beforehand."""

    measure: ScorerName = Field(
        description="A scorer's name, or `error`, `latency_ms`, `completion_tokens`, "
        "`cost_usd_micros`.",
        examples=["relevance"],
    )
    margin: float | None = Field(
        None, gt=0, description="Largest loss that is accepted, in the measure's own unit."
    )
    margin_ratio: float | None = Field(
        None, gt=0, le=10, description="The same as a share of the baseline's mean: 0.2 is 20 %."
    )
    better: Literal["higher", "lower"] | None = Field(
        None, description="Which way is good; left out: scores up, everything else down."
    )

    @model_validator(mode="after")
    def _one_margin(self) -> "Guardrail":
        if (self.margin is None) == (self.margin_ratio is None):
            raise ValueError("give either `margin` or `margin_ratio`")
        if self.margin is not None and self.margin >= 1 and self.bounded:
            raise ValueError("scores go from 0 to 1: a margin of 1 or more guards nothing")
        return self

    @property
    def bounded(self) -> bool:
        """Whether the measure lies between 0 and 1."""
        return self.measure in BOUNDED or self.measure not in MEASURES

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        lower = self.measure in MEASURES if self.better is None else self.better == "lower"
        return -1 if lower else 1


class GatePolicy(Entry):
    """When a candidate counts as better, as not worse, and when nothing can be said."""

    primary: ScorerName = Field(
        description="The scorer that shall improve.", examples=["brief_answer"]
    )
    level: float = Field(
        0.05,
        gt=0,
        lt=0.5,
        description="Error that the verdict may make; where a workflow has a budget over its life, "
        "that of all its verdicts together.",
    )
    margin: float = Field(
        0.05, gt=0, lt=1, description="A loss up to this still counts as `not_worse`."
    )
    guardrails: list[Guardrail] = Field(
        [], max_length=20, description="What may not get worse; all of them must hold."
    )
    min_cases: int = Field(50, ge=2, le=1_000_000, description="Fewer cases decide nothing.")
    min_topics: int = Field(10, ge=2, le=100_000, description="Fewer topics decide nothing.")
    power: float = Field(
        0.8, gt=0.5, lt=1, description="How surely what is planned for shall be found."
    )

    @model_validator(mode="after")
    def _each_once(self) -> "GatePolicy":
        names = [rail.measure for rail in self.guardrails]
        if len(set(names)) < len(names):
            raise ValueError("a measure is guarded twice")
        if self.primary in MEASURES:
            raise ValueError("`primary` is a scorer of the suite, not something measured besides")
        if self.primary in names:
            raise ValueError("`primary` is to improve: it needs no guardrail")
        return self

    @property
    def policy_hash(self) -> str:
        """Names the policy: equal policies, equal hash."""
        return content_hash(self.model_dump(mode="json"))
