"""What the wire accepts and shows of improvements, certificates, decisions and error budgets."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from camel_ext.core.models import State, WaitingFor
from camel_ext.experiments.config import ImproveConfig
from camel_ext.experiments.models import DecisionKind, StageName
from camel_ext.registry import Name

Reason = Annotated[str, Field(max_length=1_500, pattern=r"^[^\x00]*$")]


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ImproveStart(Wire):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "workflow": "answer",
                    "seed": 1,
                    "config": {
                        "goals": {"plants": ["What do plants need to grow?"]},
                        "heldout": {"rivers": ["What is a river?"]},
                        "scorers": {
                            "brief": {"verify": "length", "params": {"unit": "words", "max": 15}}
                        },
                        "gate": {"primary": "brief"},
                    },
                }
            ]
        }
    )

    workflow: Name = Field(description="The workflow that shall get better.", examples=["answer"])
    config: ImproveConfig = Field(description="What improve.yaml says.")
    seed: int | None = Field(None, ge=0, lt=2**31, description="Null: a random one, recorded.")
    priority: int = Field(0, ge=-100, le=100, description="Higher is executed first.")


class ImprovePlanShown(BaseModel):
    """What an improvement would do and could prove, before anything is started."""

    workflow: str = Field(description="The workflow.")
    agent: str = Field(description="The agent whose answers would be learnt from.")
    alias: str = Field(description="The alias that would move.")
    baseline: str = Field(description="What answers for it now.")
    goals: int = Field(description="Goals to learn from.")
    candidates: int = Field(description="Answers that would be judged.")
    heldout_goals: int = Field(description="Goals of the examination.")
    heldout_topics: int = Field(description="Its topics: what the statistics count.")
    cycle: int = Field(description="Which look at held-out goals of this workflow it would be.")
    alpha: float = Field(description="Error that this look may spend.")
    power: float = Field(description="How surely what is planned for is found.")
    smallest_gain: float = Field(
        description="Smallest true gain that is found with that power, as a share."
    )
    assumed_from: str = Field(description="What that rests on.")
    not_worse_equal: float = Field(
        description="How surely a candidate that changes nothing is called not worse."
    )
    warnings: list[str] = Field(description="What stands in the way of a verdict.")
    budget: "BudgetShown" = Field(description="The workflow's error budget.")


class StageShown(Shown):
    name: StageName = Field(description="The stage.")
    state: State = Field(description="Running, succeeded, failed or cancelled.")
    children: list[str] = Field(description="Ids of what it started.")
    result: dict[str, Any] | None = Field(description="What came of it.")
    started_at: datetime = Field(description="When it began.")
    finished_at: datetime | None = Field(description="When it ended.")
    wall_s: float | None = Field(description="How long it took; null: it goes on.")


class ImprovementListed(Shown):
    id: UUID = Field(description="Its id.")
    workflow: str = Field(description="The workflow.")
    agent: str = Field(description="The agent whose answers are learnt from.")
    alias: str = Field(description="The alias that answers for it, and moves.")
    baseline_version_id: UUID = Field(description="What the alias stood for at the start.")
    candidate_version_id: UUID | None = Field(description="The adapter that was trained.")
    seed: int = Field(description="All its sampling is drawn from this.")
    policy_hash: str = Field(description="Of the policy that decides.")
    state: State = Field(description="One of the six states.")
    waiting_for: WaitingFor | None = Field(description="For whom it waits.")
    stage: StageName | None = Field(description="Where it is, or where it ended.")
    cycle: int | None = Field(description="Its number among the workflow's looks.")
    alpha: float | None = Field(description="Error that this look may spend.")
    verdict: str | None = Field(description="better, not_worse, worse or inconclusive.")
    certificate_id: UUID | None = Field(description="Where that is written.")
    decision_id: UUID | None = Field(description="What was made of it.")
    live_run_id: UUID | None = Field(description="The first run with the adapter.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened, and what to try.")
    principal_id: UUID = Field(description="Who started it.")
    trace_id: str = Field(description="Ties it to requests and logs.")
    revision: int = Field(description="Its ETag.")
    created_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When it began.")
    finished_at: datetime | None = Field(description="When it ended.")


class ImprovementShown(ImprovementListed):
    config: dict[str, Any] = Field(description="All of improve.yaml, defaults filled in.")
    stages: list[StageShown] = Field(description="Its stages so far, in order.")


class Promote(Wire):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "Read twenty of its answers."}]}
    )

    reason: Reason = Field("", description="Why, for the record.")
    override: bool = Field(False, description="Against the verdict; then `reason` must be given.")


class Refuse(Wire):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "It is brief, and no longer kind."}]}
    )

    reason: Reason = Field("", description="Why, for the record.")


class RollBack(Wire):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"alias": "brief", "reason": "Complaints since noon."}]}
    )

    alias: Name = Field(description="The alias whose last promotion is taken back.")
    reason: Reason = Field("", description="Why, for the record.")


class DecisionShown(Shown):
    id: UUID = Field(description="Its id.")
    kind: DecisionKind = Field(description="Promotion, refusal or rollback.")
    alias: str = Field(description="The alias it is about.")
    workflow: str | None = Field(description="The workflow it was for.")
    from_targets: list[dict[str, Any]] = Field(description="Where the alias pointed.")
    to_targets: list[dict[str, Any]] = Field(description="Where it points by this.")
    improvement_id: UUID | None = Field(description="The improvement it ends.")
    certificate_id: UUID | None = Field(description="The evidence.")
    undoes_id: UUID | None = Field(description="The promotion that a rollback takes back.")
    policy_hash: str | None = Field(description="The policy that was applied.")
    evidence: dict[str, Any] = Field(description="Verdict, effect and interval in short.")
    automatic: bool = Field(description="By the policy alone.")
    override: bool = Field(description="A person decided against the verdict.")
    principal_id: UUID = Field(description="Who decided, or started what decided.")
    reason: str = Field(description="Why.")
    created_at: datetime = Field(description="When.")


class CertificateListed(Shown):
    id: UUID = Field(description="Its id.")
    number: int = Field(description="Counts the project's certificates.")
    improvement_id: UUID = Field(description="Whose it is.")
    workflow: str = Field(description="The workflow.")
    verdict: str = Field(description="What the gate said.")
    content_hash: str = Field(description="Of its content.")
    created_at: datetime = Field(description="When it was issued.")


class CertificateShown(BaseModel):
    """The evidence as it was issued, and the decision that was made on it since."""

    model_config = ConfigDict(extra="allow")

    id: UUID = Field(description="Its id.")
    number: int = Field(description="Counts the project's certificates.")
    name: str = Field(description="C- and its number.")
    improvement_id: UUID = Field(description="Whose it is.")
    issued_at: datetime = Field(description="When.")
    workflow: str = Field(description="The workflow.")
    agent: str = Field(description="The agent whose answers were learnt from.")
    alias: str = Field(description="The alias that answers for it.")
    verdict: str = Field(description="better, not_worse, worse or inconclusive.")
    effect: float = Field(description="Mean paired difference of the primary scorer.")
    interval: tuple[float, float] = Field(description="Of the effect, at `level`.")
    level: float = Field(description="Confidence of the interval: 1 less `alpha`.")
    alpha: float = Field(description="Error that this verdict may be, decided beforehand.")
    n: int = Field(description="Held-out goals.")
    topics: int = Field(description="Their topics, taken as clusters.")
    method: str = Field(description="How effect and interval were found.")
    p: float | None = Field(description="Of no difference; null: not tested.")
    baseline: dict[str, Any] = Field(description="What answered before, and how well.")
    candidate: dict[str, Any] = Field(description="What was trained, and how well it answers.")
    fixed: int = Field(description="Goals that fail before and pass after.")
    broken: int = Field(description="Goals that pass before and fail after.")
    kept: int = Field(description="Goals that pass before and after.")
    still_wrong: int = Field(description="Goals that fail before and after.")
    guardrails: list[dict[str, Any]] = Field(description="What may not get worse, and whether.")
    pairs: int = Field(description="Preference pairs it was trained on.")
    seed: int = Field(description="All sampling was drawn from this.")
    wall_s: float = Field(description="From the first stage to the verdict.")
    cost: dict[str, Any] = Field(description="What was paid, and CPU seconds of training.")
    hashes: dict[str, Any] = Field(
        description="Of workflow, suite, dataset, adapter, base, policy."
    )
    environment: dict[str, Any] = Field(description="Where it was measured.")
    content_hash: str = Field(description="Of the evidence; the decision is not in it.")
    decision_id: UUID | None = Field(description="The decision that was made on it.")
    approved_by: str | None = Field(description="Who approved a promotion; null: nobody.")
    decision: dict[str, Any] | None = Field(description="That decision.")
    live: dict[str, Any] | None = Field(description="The first run with the adapter.")


class BudgetShown(Shown):
    workflow: str = Field(description="The workflow.")
    level: float = Field(description="Error over the workflow's whole life.")
    cycles: int = Field(description="Looks at held-out goals so far.")
    spent: float = Field(description="The sum of what they could spend.")
    next_alpha: float = Field(description="What the next look may spend.")


ImprovePlanShown.model_rebuild()
