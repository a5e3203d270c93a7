"""What the wire accepts and shows of queues, their items, and who has done what."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from camel_ext.annotations.models import AnnotationKind
from camel_ext.annotations.schemas import MAX_CANDIDATES
from camel_ext.annotations.wire import Label, Plain, Said, Shown, Versioned, Wire
from camel_ext.interactions import InteractionFilter
from camel_ext.registry import Name

MAX_SETS = 5_000
MAX_ANSWERS = 10_000
MAX_ITEMS = 10_000
MAX_GUIDELINE = 20_000

CandidateSet = Annotated[list[UUID], Field(min_length=1, max_length=MAX_CANDIDATES)]
Wanted = Literal[
    AnnotationKind.RATING,
    AnnotationKind.THUMBS,
    AnnotationKind.LABELS,
    AnnotationKind.CORRECTION,
    AnnotationKind.CHOICE,
    AnnotationKind.RANKING,
]


class QueueCreate(Wire):
    """What people shall judge, in which form and by which rules."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "tone",
                    "kind": "choice",
                    "guideline": "Prefer the friendlier answer.",
                    "filter": {"agent_id": "answerer"},
                }
            ]
        }
    )

    name: Name = Field(description="Unique in the project.", examples=["tone"])
    kind: Wanted = Field(description="In which form is judged.")
    guideline: Annotated[Plain, Field(max_length=MAX_GUIDELINE)] = Field(
        "", description="By which rules, for people."
    )
    guideline_version: Versioned | None = Field(None, description="Version of these rules.")
    labels: list[Label] | None = Field(
        None, min_length=1, max_length=50, description="The labels there are; null: any."
    )
    blind: bool = Field(False, description="Clients do not show who answered.")
    annotators: int = Field(1, ge=1, le=20, description="How many people judge each set.")
    reservation_s: int = Field(
        900, ge=10, le=86_400, description="Seconds an item is kept for who took it."
    )
    filter: InteractionFilter | None = Field(
        None,
        description="Answers, newest first; for `choice` and `ranking` those to the same prompt are "
        "put side by side. Give this or `sets`.",
    )
    sets: list[CandidateSet] | None = Field(
        None, min_length=1, max_length=MAX_SETS, description="What is judged together."
    )
    at_most: int = Field(1_000, ge=1, le=MAX_SETS, description="Answers taken from the filter.")

    @model_validator(mode="after")
    def _consistent(self) -> "QueueCreate":
        if (self.filter is None) == (self.sets is None):
            raise ValueError("give either `filter` or `sets`")
        if self.labels is not None and self.kind != AnnotationKind.LABELS:
            raise ValueError(f"`labels` are for the kind `labels`, and `kind` is {self.kind}")
        if (count := sum(map(len, self.sets or ()))) > MAX_ANSWERS:
            raise ValueError(f"`sets` hold {count} answers: at most {MAX_ANSWERS}")
        least, most = self.sizes
        for number, each in enumerate(self.sets or ()):
            if len(set(each)) != len(each):
                raise ValueError(f"`sets[{number}]` holds an answer twice")
            if not least <= len(each) <= most:
                wanted = str(least) if least == most else f"{least} to {most}"
                raise ValueError(
                    f"`sets[{number}]` holds {len(each)}: `{self.kind}` takes {wanted} at a time"
                )
        return self

    @property
    def sizes(self) -> tuple[int, int]:
        """Return the least and the most answers that are judged together."""
        sizes = {AnnotationKind.CHOICE: (2, 2), AnnotationKind.RANKING: (2, MAX_CANDIDATES)}
        return sizes.get(self.kind, (1, 1))


class QueueShown(Shown):
    id: UUID = Field(description="Its id.")
    name: str = Field(description="Its name.")
    kind: AnnotationKind = Field(description="In which form is judged.")
    guideline: str = Field(description="By which rules.")
    guideline_version: str | None = Field(description="Version of these rules.")
    labels: list[str] | None = Field(description="The labels there are; null: any.")
    blind: bool = Field(description="Who answered is not shown.")
    annotators: int = Field(description="How many people judge each set.")
    reservation_s: int = Field(description="Seconds an item is kept for who took it.")
    items_total: int = Field(description="Judgements wanted: sets times annotators.")
    items_done: int = Field(description="Judgements made.")
    items_reserved: int = Field(description="Items that somebody has taken and not yet judged.")
    principal_id: UUID = Field(description="Who made it.")
    created_at: datetime = Field(description="When it was made.")
    closed_at: datetime | None = Field(description="Since when it gives nothing out.")


class SubjectShown(Shown):
    interaction_id: UUID = Field(description="The answer.")
    prompt: list[dict[str, Any]] | None = Field(
        description="The messages it answers; null: the same as the first one's."
    )
    answer: dict[str, Any] | None = Field(description="The answer's message; null: there is none.")


class ItemShown(Shown):
    id: UUID = Field(description="Its id: send it as `queue_item_id` with the judgement.")
    queue_id: UUID = Field(description="The queue.")
    kind: AnnotationKind = Field(description="In which form is judged.")
    interaction_ids: list[UUID] = Field(description="The answers, in the order to show.")
    reserved_until: datetime | None = Field(description="How long it is kept for you.")
    done_at: datetime | None = Field(description="When it was judged.")
    annotation_id: UUID | None = Field(description="The judgement.")
    subjects: list[SubjectShown] = Field(description="Prompt and answer of each.")


class NextShown(Shown):
    item: ItemShown | None = Field(description="Kept for you; null: there is nothing left for you.")
    following: list[ItemShown] = Field(
        description="Kept for you, too: what comes after, as many as were asked for."
    )
    items_open: int = Field(description="Items that nobody has judged, those taken included.")


class Release(Wire):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"skip": True, "reason": "I do not know this field."}]}
    )

    skip: bool = Field(False, description="Put it at the end of the queue.")
    reason: Annotated[Said, Field(max_length=500)] | None = Field(
        None, description="Why it is skipped, for who made the queue."
    )

    @model_validator(mode="after")
    def _skipped(self) -> "Release":
        if self.reason is not None and not self.skip:
            raise ValueError("`reason` says why an item is skipped: send `skip: true` with it")
        return self


class ItemState(StrEnum):
    """Where an item of a queue is."""

    OPEN = "open"
    RESERVED = "reserved"
    SKIPPED = "skipped"
    DONE = "done"


class ItemListed(Shown):
    """An item without its texts. While its queue is blind, who others are and what they said is null."""

    id: UUID = Field(description="Its id.")
    subject_set: int = Field(description="Which set of answers, from 0.")
    interaction_ids: list[UUID] = Field(description="The answers, in the order to show.")
    state: ItemState = Field(description="`skipped`: open, and offered after all others.")
    reserved_by_id: UUID | None = Field(description="Who has it now.")
    reserved_until: datetime | None = Field(description="How long.")
    done_by_id: UUID | None = Field(description="Who judged it.")
    done_at: datetime | None = Field(description="When.")
    annotation_id: UUID | None = Field(description="The judgement.")
    skipped_by_id: UUID | None = Field(description="Who skipped it last.")
    skipped_at: datetime | None = Field(description="When.")
    skip_reason: str | None = Field(description="Why.")


class PersonShown(Shown):
    principal_id: UUID = Field(description="Who.")
    done: int = Field(description="Judgements that stand.")
    done_in_last_hour: int = Field(description="Those of the last hour.")
    first_recent_at: datetime | None = Field(description="The first of these.")
    judged_per_hour: float | None = Field(description="Since then; null: fewer than two.")
    last_at: datetime = Field(description="The newest one.")


class QueueProgress(Shown):
    items_total: int = Field(description="Judgements wanted; the four states sum to it.")
    done: int = Field(description="Judged.")
    open: int = Field(description="Free, and never skipped.")
    reserved: int = Field(description="Taken and not yet judged.")
    skipped: int = Field(description="Free, and skipped by somebody.")
    judged_per_hour: float | None = Field(
        description="All together, since the first judgement of the last hour; null: fewer than two."
    )
    left_s: float | None = Field(description="Seconds until all is judged, at this pace.")
    people: list[PersonShown] = Field(
        description="Who judged how much, most first; while the queue is blind only you."
    )
