"""What the wire accepts and shows of datasets: which answers, by which rules, and what came of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from camel_ext.annotations import JudgeKind
from camel_ext.core.models import State
from camel_ext.datasets.models import Origin, PairSource, SourceKind, Split
from camel_ext.interactions import InteractionFilter, Purpose
from camel_ext.registry import Name

MAX_IDS = 50_000
MAX_INTERACTIONS = 100_000
ENTERING = (Purpose.RUN, Purpose.SAMPLE)
"""Why a model may have been asked, for its answer to be learnt from: examinations never are."""


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character, which cannot be stored")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    return text


Judge = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_storable)]
Unit = Annotated[float, Field(ge=0, le=1)]


class Wire(BaseModel):
    """What is sent to us: unknown fields are refused, and no number is infinite."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Shown(BaseModel):
    """What we show of a row."""

    model_config = ConfigDict(from_attributes=True)


class Strategy(StrEnum):
    """Which of a prompt's graded answers are paired."""

    BEST_VS_WORST = "best_vs_worst"
    BEST_VS_REST = "best_vs_rest"
    ALL = "all"


class Combine(StrEnum):
    """How the scores of several judges become one."""

    MEAN = "mean"
    MIN = "min"


class SplitBy(StrEnum):
    """What never stands on both sides of the split."""

    TOPIC = "topic"
    PROMPT = "prompt"


class PairRules(Wire):
    """What makes a pair of two judged answers to one prompt, and which split it gets."""

    judges: Annotated[list[Judge], Field(min_length=1, max_length=20)] | None = Field(
        None,
        description="Whose word counts: a judge's name, or `name@version` (the beginning of a "
        "version will do). Each of them must have scored an answer for its score to count. Left "
        "out: everybody's, compared where both answers were scored by the same.",
        examples=[["length"]],
    )
    judge_kinds: Annotated[list[JudgeKind], Field(min_length=1)] | None = Field(
        None, description="Only the word of these kinds of judges; left out: of all."
    )
    combine: Combine = Field(
        Combine.MEAN, description="`mean` or `min` of what several judges score."
    )
    strategy: Strategy = Field(
        Strategy.BEST_VS_WORST,
        description="Of a prompt's graded answers: the pair with the widest margin, its better "
        "one against every other, or all pairs. Choices and corrections always count.",
    )
    min_margin: Unit = Field(0.1, description="Smallest difference of scores, or share of votes.")
    min_chosen_score: Unit | None = Field(
        None, description="The better answer scores at least this, where it has a score."
    )
    allow_cut_chosen: bool = Field(
        False, description="The better answer may be one that was cut off at its token limit."
    )
    per_prompt_max: int | None = Field(
        None, ge=1, le=10_000, description="At most so many pairs of one prompt."
    )
    per_source_max: int | None = Field(
        None, ge=1, le=100_000, description="At most so many pairs that one run had a part in."
    )
    length_ratio_max: Annotated[float, Field(ge=1, le=1e6)] | None = Field(
        None, description="Characters of the longer answer over those of the shorter, at most."
    )
    length_balance: Annotated[float, Field(ge=0.5, le=1)] | None = Field(
        None,
        description="At most this share of pairs has the longer (or the shorter) answer as the "
        "better one, against learning nothing but length.",
    )
    overlap_max: Unit | None = Field(
        None,
        description="A pair whose answers share at least this much (Jaccard over word triples) "
        "teaches little and is dropped.",
    )
    near_duplicates: Annotated[float, Field(gt=0, le=1)] | None = Field(
        0.9,
        description="Of two pairs whose prompts and answers are each as alike as this (Jaccard "
        "over word triples) one stays; prompts so alike stay on one side of the split. null: off.",
    )
    eval_ratio: Annotated[float, Field(ge=0, le=0.9)] = Field(
        0.1, description="Share of pairs that only watch the training."
    )
    split_by: SplitBy = Field(
        SplitBy.TOPIC,
        description="A `topic` (the tag `topic:...`; without one, the prompt) or a `prompt` never "
        "stands on both sides; a run never does.",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Draws which topics or prompts are held out.")


class DatasetBuild(Wire):
    """Which answers become pairs, and how."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "brief", "filter": {"agent_id": "answerer"}, "rules": {"min_margin": 0.1}}
            ]
        }
    )

    name: Name = Field(description="The dataset; made with its first version.", examples=["brief"])
    filter: InteractionFilter | None = Field(
        None, description="Which answers; `{}`: all until now. Give this or `interaction_ids`."
    )
    interaction_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS)] | None = Field(
        None, description="These answers."
    )
    rules: PairRules = Field(default_factory=PairRules, description="What makes a pair.")
    exclude_runs: Annotated[list[UUID], Field(max_length=10_000)] = Field(
        [], description="Answers of these runs, and further tries at them, are left out."
    )
    exclude_judges: Annotated[list[Judge], Field(max_length=1_000)] = Field(
        [], description="Their word does not count: a person's id, or any judge's name."
    )
    at_most: int = Field(
        20_000, ge=2, le=MAX_INTERACTIONS, description="Look at so many answers, newest first."
    )

    @model_validator(mode="after")
    def _one_source(self) -> "DatasetBuild":
        if (self.filter is None) == (self.interaction_ids is None):
            raise ValueError("give either `filter` or `interaction_ids`")
        purpose = self.filter.purpose if self.filter else None
        if purpose is not None and purpose not in ENTERING:
            raise ValueError(
                f"`filter.purpose` is {purpose}: only answers of purpose run or sample are learnt "
                "from"
            )
        return self


class ImportOpen(Wire):
    """How a file's pairs are split, where the file does not say."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"eval_ratio": 0.1, "split_by": "topic", "seed": 1}]}
    )

    eval_ratio: Annotated[float, Field(ge=0, le=0.9)] = Field(
        0.1, description="Share of pairs that only watch the training."
    )
    split_by: SplitBy = Field(
        SplitBy.TOPIC, description="What never stands on both sides: `topic` or `prompt`."
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Draws which ones are held out.")


class Without(Wire):
    """What shall leave a version."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"run_ids": ["019b0c2e-7c1a-7d31-9d52-0a4c8a3f1b11"]}]}
    )

    run_ids: Annotated[list[UUID], Field(max_length=10_000)] = Field(
        [], description="Pairs that these runs had a part in go."
    )
    judges: Annotated[list[Judge], Field(max_length=1_000)] = Field(
        [], description="Pairs that rest on their word go: a person's id, or any judge's name."
    )

    @model_validator(mode="after")
    def _something(self) -> "Without":
        if not self.run_ids and not self.judges:
            raise ValueError("name what shall leave: `run_ids`, `judges`, or both")
        return self


class WithoutQuery(Without):
    """The same in the address of a request, whose length has limits."""

    run_ids: Annotated[list[UUID], Field(max_length=200)] = Field(
        [], description="Pairs that these runs had a part in would go."
    )
    judges: Annotated[list[Judge], Field(max_length=16)] = Field(
        [], description="Pairs that rest on their word would go."
    )


class DatasetShown(Shown):
    id: UUID = Field(description="Its id.")
    name: str = Field(description="Its name.")
    last_number: int = Field(description="Number of the version asked for last.")
    created_at: datetime = Field(description="When its first version was asked for.")


class WarningShown(Shown):
    code: str = Field(description="Stable code.")
    words: str = Field(description="What it is, and what to do about it.")


class VersionShown(Shown):
    id: UUID = Field(description="Its id.")
    dataset: str = Field(description="Its dataset.")
    number: int = Field(description="Its number.")
    origin: Origin = Field(description="Built, reduced or imported.")
    parent_id: UUID | None = Field(description="The version that it was reduced from.")
    state: State = Field(description="succeeded: it is frozen and never changes.")
    content_hash: str | None = Field(description="Of its pairs; equal content has an equal hash.")
    pairs: int = Field(description="How many pairs it holds.")
    pairs_train: int = Field(description="Pairs to learn from.")
    pairs_eval: int = Field(description="Pairs to watch the learning by.")
    done: int = Field(description="How much it has looked at or received.")
    total: int | None = Field(description="How much there is; null: not known yet.")
    wanted: dict[str, Any] | None = Field(description="The filter; null: ids or a file were given.")
    at_most: int = Field(description="How many interactions it looks at, at most.")
    rules: PairRules = Field(description="What made its pairs.")
    exclude_runs: list[UUID] = Field(description="Runs that were left out.")
    exclude_judges: list[str] = Field(description="Judges whose word did not count.")
    statistics: dict[str, Any] = Field(description="What was found and what it is like.")
    warnings: list[WarningShown] = Field(description="What a careful reader should know.")
    principal_id: UUID = Field(description="Who asked for it.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened.")
    created_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When its building began.")
    finished_at: datetime | None = Field(description="When it was frozen, or failed.")


class PreviewShown(Shown):
    looked_at: int = Field(description="How many answers were looked at.")
    whole: bool = Field(description="False: there are more, and a build looks at them, too.")
    pairs: int = Field(description="How many pairs would come of it.")
    statistics: dict[str, Any] = Field(
        description="As a version's; `found.dropped` says which rule would drop how many."
    )
    warnings: list[WarningShown] = Field(description="What a careful reader should know.")
    why_none: str | None = Field(description="Why not one pair would come of it, and what to do.")


class JudgeShown(Shown):
    kind: JudgeKind = Field(description="person, verifier, agent or model.")
    name: str = Field(description="Its name.")
    version: str | None = Field(description="Its version.")
    principal_id: UUID = Field(description="Who wrote it down, or had it done.")


class PairShown(Shown):
    position: int = Field(description="Its place in the version, from 0.")
    pair_hash: str = Field(description="Of prompt, tools and both answers.")
    prompt: list[dict[str, Any]] = Field(description="Messages before the answer.")
    chosen: list[dict[str, Any]] = Field(description="The better answer.")
    rejected: list[dict[str, Any]] = Field(description="The worse answer.")
    tools: list[dict[str, Any]] | None = Field(description="Tools that were offered.")
    split: Split = Field(description="train or eval.")
    topic: str = Field(description="Its topic; without one, its prompt's hash.")
    prompt_hash: str = Field(description="Of the prompt's messages.")
    source: PairSource = Field(description="What says that one is better.")
    margin: float | None = Field(description="By how much, from 0 to 1.")
    chosen_score: float | None = Field(description="Of the better answer.")
    rejected_score: float | None = Field(description="Of the worse answer.")
    chosen_interaction_id: UUID | None = Field(description="Where the better one was given.")
    rejected_interaction_id: UUID | None = Field(description="Where the worse one was given.")
    run_ids: list[UUID] = Field(description="Runs that the answers come from.")
    annotation_ids: list[UUID] = Field(description="Judgements that it rests on.")
    judges: list[JudgeShown] = Field(description="Who judged.")


class PairsShown(BaseModel):
    items: list[PairShown] = Field(description="Pairs in order.")
    next_after: int | None = Field(description="Send it as `after` for the next ones; null: end.")


class DiffShown(Shown):
    before_id: UUID = Field(description="The one version.")
    after_id: UUID = Field(description="The other.")
    equal: bool = Field(description="Both hold the same.")
    kept: int = Field(description="Pairs that both hold, in the same split.")
    added: int = Field(description="Pairs that only the other holds.")
    removed: int = Field(description="Pairs that only the one holds.")
    moved: int = Field(description="Pairs that both hold, in another split.")
    rescored: int = Field(description="Pairs kept whose scores, margin or topic differ.")
    added_hashes: list[str] = Field(description="The first of those added.")
    removed_hashes: list[str] = Field(description="The first of those removed.")
    moved_hashes: list[str] = Field(description="The first of those moved.")
    rules: dict[str, list[Any]] = Field(description="Rules that differ: `[before, after]`.")


class SourceShown(Shown):
    kind: SourceKind = Field(description="run or judge.")
    ref: str = Field(description="The run's id; a person's id; another judge's name.")
    label: str = Field(description="What people call it.")
    pairs: int = Field(description="How many pairs rest on it.")


class LineageShown(Shown):
    version_id: UUID = Field(description="The version.")
    parent_ids: list[UUID] = Field(description="What it was reduced from, step by step.")
    pairs: int = Field(description="Its pairs.")
    interactions: int = Field(description="Different answers in them.")
    annotations: int = Field(description="Different judgements that they rest on.")
    runs: int = Field(description="Different runs that the answers come from.")
    sources: list[SourceShown] = Field(description="Runs and judges, those of most pairs first.")


class TouchedShown(Shown):
    version_id: UUID = Field(description="The version.")
    dataset: str = Field(description="Its dataset.")
    number: int = Field(description="Its number.")
    pairs: int = Field(description="How many of its pairs.")


class BlastShown(Shown):
    version_id: UUID = Field(description="The version.")
    pairs: int = Field(description="Its pairs.")
    touched: int = Field(description="Pairs that would go.")
    touched_train: int = Field(description="Of these, to learn from.")
    touched_eval: int = Field(description="Of these, to watch by.")
    left: int = Field(description="Pairs that would stay.")
    topics_lost: list[str] = Field(description="Topics that would have no pair any more.")
    unknown: list[str] = Field(description="What was named and touches nothing here.")
    sample: list[str] = Field(description="The first pairs that would go, by hash.")
