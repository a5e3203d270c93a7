"""What the wire shows of the whole: the loop in counts, what runs, what waits, how workflows do."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from camel_ext.core.models import State, WaitingFor
from camel_ext.experiments.models import DecisionKind, StageName


class LoopCounts(BaseModel):
    """How much there is on each stage of the loop."""

    runs: int = Field(description="Runs that somebody asked for; no samples, no evaluations.")
    turns: int = Field(description="Calls of models in the log, of every purpose.")
    turns_today: int = Field(description="Of these, today's; at most 100,000 are counted.")
    judgements: int = Field(description="Judgements written, also superseded ones.")
    datasets: int = Field(description="Datasets with a frozen version.")
    pairs: int = Field(description="Pairs in the newest frozen version of each dataset.")
    trainings: int = Field(description="Trainings that made an adapter.")
    verdicts: int = Field(description="Certificates.")
    promotions: int = Field(description="Promotions, also those that were rolled back.")


class RunUnderWay(BaseModel):
    id: UUID = Field(description="The run's id.")
    workflow: str = Field(description="Its workflow.")
    title: str = Field(description="Its goal, or the first text it was given, cut at 200 letters.")
    state: State = Field(description="queued, running or waiting.")
    waiting_for: WaitingFor | None = Field(description="For whom it waits.")
    waiting_detail: str | None = Field(description="What it waits for.")
    turns: int = Field(description="Turns so far.")
    max_turns: int | None = Field(description="Its budget of turns; null: the server's.")
    created_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When it began.")


class TrainingUnderWay(BaseModel):
    id: UUID = Field(description="The training's id.")
    name: str = Field(description="The adapter's name.")
    dataset: str = Field(description="The pairs, `name@2`.")
    state: State = Field(description="queued, running or waiting.")
    step: int | None = Field(description="The newest step.")
    steps: int | None = Field(description="Steps in all; null: not known yet.")
    progress_ratio: float = Field(description="In [0, 1].")
    eta_s: float | None = Field(description="Seconds left, as it says itself.")
    alarms: int = Field(description="What went wrong meanwhile.")
    created_at: datetime = Field(description="When it was asked for.")


class ImprovementUnderWay(BaseModel):
    id: UUID = Field(description="The improvement's id.")
    workflow: str = Field(description="The workflow that shall get better.")
    agent: str = Field(description="The agent that learns.")
    state: State = Field(description="queued, running or waiting.")
    waiting_for: WaitingFor | None = Field(description="`person`: approve or refuse its candidate.")
    stage: StageName | None = Field(description="Where it is.")
    stage_number: int = Field(description="Counts its stages from 1; 0: before the first.")
    stages: int = Field(description="Stages in all.")
    verdict: str | None = Field(description="What the gate said.")
    certificate_id: UUID | None = Field(description="Where that is written.")
    created_at: datetime = Field(description="When it was asked for.")


class QueueWaiting(BaseModel):
    id: UUID = Field(description="The queue's id.")
    name: str = Field(description="Its name.")
    kind: str = Field(description="In which form is judged.")
    items_open: int = Field(description="What nobody has judged.")


class UnderWay(BaseModel):
    runs: list[RunUnderWay] = Field(description="The newest 20.")
    trainings: list[TrainingUnderWay] = Field(description="The newest 10.")
    improvements: list[ImprovementUnderWay] = Field(description="The newest 10.")


class Waiting(BaseModel):
    runs: list[RunUnderWay] = Field(description="A person has to decide; the newest 20.")
    queues: list[QueueWaiting] = Field(description="Something is to be judged; the newest 10.")
    improvements: list[ImprovementUnderWay] = Field(description="Their verdict wants a decision.")


class CertificateInShort(BaseModel):
    id: UUID = Field(description="Its id.")
    name: str = Field(description="C- and its number.")
    workflow: str = Field(description="The workflow.")
    agent: str = Field(description="The agent whose answers were learnt from.")
    baseline: str = Field(description="What answered before.")
    candidate: str = Field(description="What was trained.")
    verdict: str = Field(description="better, not_worse, worse or inconclusive.")
    effect: float = Field(description="Mean paired difference of the primary scorer.")
    interval: tuple[float, float] = Field(description="Of the effect, at `level`.")
    level: float = Field(description="Confidence of the interval.")
    needed: float = Field(description="What the effect had to exceed.")
    n: int = Field(description="Held-out goals.")
    passed_before: int | None = Field(description="Of these right before; null: scores are graded.")
    passed_after: int | None = Field(description="Of these right after.")
    guardrails: int = Field(description="What may not get worse.")
    guardrails_held: int = Field(description="Of these, what did not.")
    issued_at: datetime = Field(description="When.")


class LatestMove(BaseModel):
    """The newest promotion or rollback: what the next run uses."""

    decision_id: UUID = Field(description="The decision.")
    kind: DecisionKind = Field(description="Promotion or rollback.")
    alias: str = Field(description="The alias that moved.")
    workflow: str | None = Field(description="The workflow it was for.")
    candidate: str | None = Field(description="What was promoted, or taken back.")
    at: datetime = Field(description="When.")


class DayShown(BaseModel):
    day: date = Field(description="In the asker's zone.")
    runs: int = Field(description="Runs that ended.")
    succeeded: int = Field(description="Of these, well.")
    tokens: int = Field(description="Read and written by models.")
    cost_usd_micros: int = Field(description="What they cost.")


class WorkflowTrend(BaseModel):
    workflow: str = Field(description="Name of the workflow.")
    runs: int = Field(description="Runs that ended in these days.")
    succeeded: int = Field(description="Of these, well.")
    tokens: int = Field(description="Read and written by models.")
    cost_usd_micros: int = Field(description="What they cost.")
    days: list[DayShown] = Field(description="Every day, oldest first, also those without a run.")


class OverviewShown(BaseModel):
    at: datetime = Field(description="As of when.")
    loop: LoopCounts = Field(description="The loop in counts.")
    under_way: UnderWay = Field(description="What goes on now.")
    waiting: Waiting = Field(description="What waits for a person.")
    certificates: list[CertificateInShort] = Field(description="The newest three.")
    latest_move: LatestMove | None = Field(description="What was last promoted or rolled back.")
    workflows: list[WorkflowTrend] = Field(description="The 20 most used of the last 14 days.")
