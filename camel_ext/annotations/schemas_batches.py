"""What the wire accepts and shows of batches: a verifier over many answers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from camel_ext.annotations.wire import JsonObject, Label, Shown, Wire
from camel_ext.core.models import State
from camel_ext.interactions import InteractionFilter

MAX_IDS = 10_000
MAX_ANSWERS = 1_000_000

Ids = Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS)]


class BatchStart(Wire):
    """Which verifier over which answers."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "verifier": "length",
                    "params": {"unit": "words", "max": 15},
                    "filter": {"tag": "topic:rivers"},
                    "dry_run": True,
                }
            ]
        }
    )

    verifier: Label = Field(description="The verifier.", examples=["length"])
    params: JsonObject = Field(
        {}, description="Its parameters.", examples=[{"unit": "words", "max": 40}]
    )
    per_subject: dict[Label, Literal["prompt"]] = Field(
        {},
        max_length=10,
        description="Parameters that each answer fills itself: `prompt` is the last message of the "
        "user that it answers.",
    )
    filter: InteractionFilter | None = Field(
        None, description="Which answers; `{}`: all until now. Give this or `interaction_ids`."
    )
    interaction_ids: Ids | None = Field(None, description="These answers, each once.")
    at_most: int = Field(
        10_000, ge=1, le=MAX_ANSWERS, description="Stop after so many, newest first."
    )
    dry_run: bool = Field(False, description="Look and count, and write no verdict.")

    @model_validator(mode="after")
    def _one_source(self) -> "BatchStart":
        if (self.filter is None) == (self.interaction_ids is None):
            raise ValueError("give either `filter` or `interaction_ids`")
        if self.interaction_ids and len(set(self.interaction_ids)) < len(self.interaction_ids):
            raise ValueError("`interaction_ids` holds an answer twice")
        if both := self.params.keys() & self.per_subject.keys():
            raise ValueError(f"`{min(both)}` is both in `params` and in `per_subject`")
        return self


class ExampleShown(Shown):
    interaction_id: UUID = Field(description="The answer.")
    state: str = Field(description="passed, failed, error or timeout.")
    score: float | None = Field(description="From 0 to 1; null: nothing was found.")
    reason: str = Field(description="What was found.")


class BatchShown(Shown):
    id: UUID = Field(description="Its id.")
    verifier: str = Field(description="Which verifier.")
    params: dict[str, Any] = Field(description="Its parameters.")
    per_subject: dict[str, str] = Field(description="Parameters that each answer gives itself.")
    version: str = Field(description="`judge_version` of its verdicts.")
    wanted: dict[str, Any] | None = Field(description="The filter; null: ids were given.")
    at_most: int = Field(description="How many answers it checks at most.")
    dry_run: bool = Field(description="It writes no verdict.")
    state: State = Field(description="One of the six states.")
    total: int | None = Field(description="How many it will look at; null: not counted yet.")
    done: int = Field(description="How many it has looked at.")
    passed: int = Field(description="How many passed.")
    failed: int = Field(description="How many did not.")
    unfound: int = Field(description="Where the check itself broke or was late.")
    unanswered: int = Field(description="How many hold no text to check; they get no verdict.")
    mean_score: float | None = Field(description="Of those that passed or failed.")
    examples: list[ExampleShown] = Field(description="The first verdicts of each outcome.")
    principal_id: UUID = Field(description="Who asked for it.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened.")
    created_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When it began.")
    finished_at: datetime | None = Field(description="When it ended.")
    undoing: bool = Field(description="Its verdicts are being taken back.")
    undone: int = Field(description="How many of its verdicts were taken back.")
    undone_at: datetime | None = Field(description="When all of them were; null: they count.")
