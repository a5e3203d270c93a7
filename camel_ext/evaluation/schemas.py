"""What the wire accepts and shows of suites, evaluations, judgings and comparisons.

What a suite is made of stands in `suite_schemas`, and the policy of a gate in `policy`, for files and
requests alike.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from camel_ext.core.models import State
from camel_ext.evaluation.models import TargetKind, Verdict
from camel_ext.evaluation.policy import GatePolicy
from camel_ext.evaluation.suite_schemas import Word
from camel_ext.registry import Name


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class TargetGiven(Wire):
    """What is examined: a workflow with the models it shall use, or a model by itself."""

    suite: Word = Field(
        description="Name of the suite, or `NAME@NUMBER` for one of its versions.",
        examples=["brief-answers"],
    )
    workflow: Name | None = Field(None, description="The workflow that answers.")
    model: Word | None = Field(
        None, description="Instead of a workflow: the alias, model, adapter or version id."
    )
    models: dict[Word, Word] = Field(
        {},
        max_length=50,
        description="What aliases of the workflow shall stand for: alias to model, adapter or "
        "version id. Left out, what they stand for now.",
        examples=[{"thinker": "bundled/brief"}],
    )

    @model_validator(mode="after")
    def _one_target(self) -> "TargetGiven":
        if (self.workflow is None) == (self.model is None):
            raise ValueError("give either `workflow` or `model`")
        if self.model is not None and self.models:
            raise ValueError("`models` is about the aliases of a workflow")
        return self


class EvaluationStart(TargetGiven):
    """What is examined with which suite, and how."""

    seed: int = Field(
        0, ge=0, lt=2**31, description="All sampling is drawn from it: take the same for both."
    )
    parallel: int = Field(16, ge=1, le=256, description="Cases that are answered at a time.")
    reuse: bool = Field(
        True, description="Take equal answers (same versions, input and seed) of earlier ones."
    )
    priority: int = Field(0, ge=-100, le=100, description="Higher is executed first.")


class PlanAsked(TargetGiven):
    """What would be evaluated, and under which policy it would be decided."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"suite": "brevity", "workflow": "answer"}]}
    )

    policy: GatePolicy | None = Field(
        None, description="Left out: the suite's primary scorer, without guardrails."
    )
    alpha: float | None = Field(
        None, gt=0, lt=0.5, description="Error that this verdict may make; left out, the level."
    )
    seed: int = Field(0, ge=0, lt=2**31, description="As it would be started.")


class JudgingStart(Wire):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "baseline_id": "019b0c2e-7c1a-7d31-9d52-0a4c8a3f1b11",
                    "candidate_id": "019b0c2e-7c1a-7d31-9d52-0a4c8a3f1b12",
                    "scorer": "preferred",
                }
            ]
        }
    )

    baseline_id: UUID = Field(description="The evaluation of what was.")
    candidate_id: UUID = Field(description="The evaluation of what may come.")
    scorer: Word = Field(description="A judge of the suite that sees both.")
    seed: int = Field(0, ge=0, lt=2**31, description="All its sampling is drawn from it.")


class ComparisonMake(Wire):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "baseline_id": "019b0c2e-7c1a-7d31-9d52-0a4c8a3f1b11",
                    "candidate_id": "019b0c2e-7c1a-7d31-9d52-0a4c8a3f1b12",
                    "policy": {
                        "primary": "brief",
                        "guardrails": [{"measure": "relevant", "margin": 0.15}],
                    },
                }
            ]
        }
    )

    baseline_id: UUID = Field(description="The evaluation of what was.")
    candidate_id: UUID = Field(description="The evaluation of what may come.")
    policy: GatePolicy = Field(description="When the candidate counts as better.")
    alpha: float | None = Field(
        None,
        gt=0,
        lt=0.5,
        description="Error that this verdict may make; left out, the policy's level.",
    )


# -- what is shown -------------------------------------------------------------------------------


class SuiteShown(Shown):
    id: UUID = Field(description="Its id.")
    name: str = Field(description="Its name.")
    description: str = Field(description="What it examines.")
    current_version_id: UUID = Field(description="Its newest version.")
    revision: int = Field(description="Counts its changes.")
    created_at: datetime = Field(description="When it was first defined.")
    updated_at: datetime = Field(description="When it last changed.")


class SuiteVersionListed(Shown):
    id: UUID = Field(description="Its id.")
    suite_id: UUID = Field(description="Whose version it is.")
    number: int = Field(description="Counts the versions of its suite.")
    content_hash: str = Field(description="Of cases and scorers: equal content, equal version.")
    primary: str = Field(description="The scorer it is for.")
    scorers: list[dict[str, Any]] = Field(description="Its scorers, in order.")
    case_count: int = Field(description="How many cases.")
    topic_count: int = Field(description="How many topics.")
    principal_id: UUID = Field(description="Who defined it.")
    created_at: datetime = Field(description="When.")


class SuiteVersionShown(SuiteVersionListed):
    cases: list[dict[str, Any]] = Field(description="`{id, topic, input, expect}` of each case.")


class EvaluationShown(Shown):
    id: UUID = Field(description="Its id.")
    suite: str = Field(description="Name of the suite.")
    suite_version_id: UUID = Field(description="Its version.")
    target_kind: TargetKind = Field(description="A workflow, or a model.")
    target: str = Field(description="Name of the workflow or model.")
    workflow_version_id: UUID | None = Field(description="Of a workflow: its version.")
    pinned: dict[str, Any] = Field(description="Versions of agents and models, by name.")
    engines: list[dict[str, Any]] = Field(description="Engine and format of each model.")
    target_hash: str = Field(description="Of everything that is pinned.")
    seed: int = Field(description="All its sampling is drawn from this.")
    parallel: int = Field(description="How many cases are answered at a time.")
    reuse: bool = Field(description="Equal answers of earlier evaluations count.")
    state: State = Field(description="One of the six states.")
    total: int = Field(description="How many cases.")
    done: int = Field(description="How many have an end.")
    reused: int = Field(description="How many were answered before.")
    failed: int = Field(description="How many have no answer.")
    means: dict[str, Any] = Field(description="Mean of each scorer and measure, at its end.")
    prompt_tokens: int = Field(description="Tokens read.")
    completion_tokens: int = Field(description="Tokens written.")
    cost_usd_micros: int = Field(description="Cost of what was asked anew, judges included.")
    principal_id: UUID = Field(description="Who started it.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened.")
    created_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When it began.")
    finished_at: datetime | None = Field(description="When it ended.")


class CaseShown(Shown):
    position: int = Field(description="Its place in the suite, from 0.")
    case_id: str = Field(description="Its id in the suite.")
    topic: str = Field(description="Its topic.")
    state: State = Field(description="Queued, running, or how it ended.")
    run_id: UUID | None = Field(description="The run that answered.")
    interaction_id: UUID | None = Field(description="The call that gave the answer.")
    answer: Any = Field(description="What came out.")
    scores: dict[str, Any] = Field(description="`{state, score, reason}` by scorer.")
    latency_ms: float | None = Field(description="How long the answer took.")
    prompt_tokens: int | None = Field(description="Tokens read.")
    completion_tokens: int | None = Field(description="Tokens written.")
    cost_usd_micros: int | None = Field(description="What the answer cost.")
    reused_from_id: UUID | None = Field(description="The evaluation that answered it.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened.")


class CasesShown(BaseModel):
    items: list[CaseShown] = Field(description="In the suite's order.")
    next_after: int | None = Field(description="Send it as `after` for more; null: that is all.")


class RailPlanned(BaseModel):
    measure: str = Field(description="What is guarded.")
    passes_equal: float | None = Field(
        description="How surely an adapter that changes nothing passes; null: cannot be told."
    )


class PlanShown(BaseModel):
    """What an evaluation of both sides could show, and what it would take."""

    n: int = Field(description="Cases.")
    topics: int = Field(description="Topics.")
    alpha: float = Field(description="Error that the verdict may make.")
    smallest_gain: float = Field(description="Smallest true gain that is found with the power.")
    power: float = Field(description="That power.")
    power_at: dict[str, float] = Field(description="Power at gains of 5, 10, 20 and 30 points.")
    assumed: dict[str, float] = Field(
        description="Spread of differences and likeness within topics that this rests on."
    )
    assumed_from: str = Field(description="Where these come from.")
    not_worse_equal: float = Field(
        description="How surely a candidate that changes nothing is called `not_worse`."
    )
    guardrails: list[RailPlanned] = Field(description="One by one.")
    reusable: int = Field(description="Cases of this target that are answered already.")
    seconds: float | None = Field(description="About how long one side takes; null: not known.")
    cost_usd_micros: int | None = Field(description="About what it costs; null: not known.")
    warnings: list[str] = Field(description="What stands in the way of a verdict.")


class JudgingShown(Shown):
    id: UUID = Field(description="Its id.")
    baseline_id: UUID = Field(description="One side.")
    candidate_id: UUID = Field(description="The other.")
    scorer: str = Field(description="The judge of the suite.")
    model_version_id: UUID = Field(description="The model that judges.")
    seed: int = Field(description="All its sampling is drawn from this.")
    state: State = Field(description="One of the six states.")
    total: int = Field(description="How many pairs of answers.")
    done: int = Field(description="How many were judged.")
    found: dict[str, Any] = Field(description="By case: preference, and what each order said.")
    bias: dict[str, Any] = Field(description="How it leans to the first or second place.")
    cost_usd_micros: int = Field(description="What it cost.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened.")
    created_at: datetime = Field(description="When it was asked for.")
    finished_at: datetime | None = Field(description="When it ended.")


class ComparisonShown(Shown):
    id: UUID = Field(description="Its id.")
    suite_version_id: UUID = Field(description="What both were examined with.")
    baseline_id: UUID = Field(description="The evaluation of what was.")
    candidate_id: UUID = Field(description="The evaluation of what may come.")
    policy: dict[str, Any] = Field(description="The policy, defaults filled in.")
    policy_hash: str = Field(description="Of the policy.")
    alpha: float = Field(description="The error that the verdict may make.")
    verdict: Verdict = Field(description="better, not_worse, worse or inconclusive.")
    effect: float = Field(description="Candidate minus baseline, primary scorer.")
    low: float = Field(description="Lower end of the interval that was decided on.")
    high: float = Field(description="Its upper end.")
    level: float = Field(description="Its level.")
    n: int = Field(description="Cases.")
    topics: int = Field(description="Topics.")
    result: dict[str, Any] = Field(description="The whole finding.")
    result_hash: str = Field(description="Of scores, policy, alpha and result.")
    principal_id: UUID = Field(description="Who asked for it.")
    created_at: datetime = Field(description="When it was written.")
