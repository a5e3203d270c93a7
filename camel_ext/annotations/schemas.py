"""What the wire accepts and shows of judgements.

Each kind of judgement is a shape of its own, told apart by `kind`. What only the database can know (is
there such an answer, is the correction another text) is the service's to check.
"""

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from camel_ext.annotations.models import AnnotationKind, JudgeKind
from camel_ext.annotations.wire import Label, Named, Plain, Said, Shown, Versioned, Wire
from camel_ext.core.paging import Place, decode_cursor

MAX_RATIONALE = 20_000
MAX_TEXT = 200_000
MAX_CANDIDATES = 100
DAY_MS = 86_400_000

One = Annotated[list[UUID], Field(min_length=1, max_length=1)]
Two = Annotated[list[UUID], Field(min_length=2, max_length=2)]
Several = Annotated[list[UUID], Field(min_length=2, max_length=MAX_CANDIDATES)]


class JudgeGiven(Wire):
    """In whose name something is judged, where that is not who sends it."""

    kind: JudgeKind = Field(description="What kind of judge.")
    name: Named = Field(description="Name of the person, agent, model or outside verifier.")
    version: Versioned | None = Field(None, description="Version of that judge.")


class Judging(Wire):
    """What every kind of judgement may say besides."""

    judge: JudgeGiven | None = Field(
        None, description="In whose name, where that is not who sends it; read by `judge_of`."
    )
    rationale: Annotated[Plain, Field(max_length=MAX_RATIONALE)] | None = Field(
        None, description="Why, in words."
    )
    time_spent_ms: int | None = Field(None, ge=0, le=DAY_MS, description="How long it took.")
    guideline_version: Versioned | None = Field(
        None, description="Version of the rules it was judged by."
    )
    blind: bool = Field(False, description="The judge did not see who had answered.")
    supersedes_id: UUID | None = Field(
        None,
        description="The judgement that this one takes the place of; refused where that one no "
        "longer counts. Left out: whatever the same judge said before of the same.",
    )
    queue_item_id: UUID | None = Field(None, description="The reserved item that this answers.")


class RatingCreate(Judging):
    """A number on a scale."""

    kind: Literal[AnnotationKind.RATING] = AnnotationKind.RATING
    interaction_ids: One = Field(description="The answer.")
    rating: float = Field(description="From `low` to `high`; more is better.", examples=[4])
    low: float = Field(1, ge=-1e9, le=1e9, description="The worst there is.")
    high: float = Field(5, ge=-1e9, le=1e9, description="The best there is.")

    @model_validator(mode="after")
    def _on_the_scale(self) -> "RatingCreate":
        if self.high <= self.low:
            raise ValueError(f"`high` ({self.high:g}) must be more than `low` ({self.low:g})")
        if not self.low <= self.rating <= self.high:
            raise ValueError(
                f"`rating` is {self.rating:g}: it must be from {self.low:g} to {self.high:g}"
            )
        return self


class ThumbsCreate(Judging):
    """Good or not."""

    kind: Literal[AnnotationKind.THUMBS] = AnnotationKind.THUMBS
    interaction_ids: One = Field(description="The answer.")
    up: bool = Field(description="True: good.")


class LabelsCreate(Judging):
    """Words that apply."""

    kind: Literal[AnnotationKind.LABELS] = AnnotationKind.LABELS
    interaction_ids: One = Field(description="The answer.")
    labels: list[Label] = Field(min_length=1, max_length=20, description="Each once.")

    @model_validator(mode="after")
    def _each_once(self) -> "LabelsCreate":
        if twice := [label for label, count in Counter(self.labels).items() if count > 1]:
            raise ValueError(f"`labels` holds {twice[0]!r} more than once")
        return self


class CorrectionCreate(Judging):
    """The answer as it should have been."""

    kind: Literal[AnnotationKind.CORRECTION] = AnnotationKind.CORRECTION
    interaction_ids: One = Field(description="The answer that is corrected.")
    text: Annotated[Said, Field(max_length=MAX_TEXT)] = Field(description="The better answer.")


class ChoiceCreate(Judging):
    """Which of two is better."""

    kind: Literal[AnnotationKind.CHOICE] = AnnotationKind.CHOICE
    interaction_ids: Two = Field(description="The two answers, in the order they were shown.")
    choice: Literal["first", "second", "tie", "both_bad"] = Field(
        description="The better one. `both_bad`: neither is good, so neither is preferred."
    )

    @model_validator(mode="after")
    def _two(self) -> "ChoiceCreate":
        _refuse_twice(self.interaction_ids)
        return self


class RankingCreate(Judging):
    """Several, from best to worst."""

    kind: Literal[AnnotationKind.RANKING] = AnnotationKind.RANKING
    interaction_ids: Several = Field(description="The answers, in the order they were shown.")
    ranking: list[Annotated[list[UUID], Field(min_length=1)]] = Field(
        min_length=1,
        max_length=MAX_CANDIDATES,
        description="Groups of answers, the best first; those in one group are equally good.",
    )

    @model_validator(mode="after")
    def _each_ranked_once(self) -> "RankingCreate":
        _refuse_twice(self.interaction_ids)
        placed = Counter(member for group in self.ranking for member in group)
        for member, count in placed.items():
            if member not in self.interaction_ids:
                raise ValueError(f"`ranking` names {member}, which is not in `interaction_ids`")
            if count > 1:
                raise ValueError(f"`ranking` names {member} more than once")
        for member in self.interaction_ids:
            if member not in placed:
                raise ValueError(f"`ranking` leaves out {member}, which is in `interaction_ids`")
        return self


class VerdictCreate(Judging):
    """What a check found."""

    kind: Literal[AnnotationKind.VERDICT] = AnnotationKind.VERDICT
    interaction_ids: One = Field(description="The answer.")
    state: Literal["passed", "failed", "error", "timeout"] = Field(
        description="`error` and `timeout`: the check could not be made, so it says nothing."
    )
    score: float | None = Field(
        None, ge=0, le=1, description="Left out: 1 if it passed, 0 if it failed, else none."
    )
    reason: Annotated[Plain, Field(max_length=2_000)] = Field("", description="What was found.")

    @model_validator(mode="after")
    def _found_something(self) -> "VerdictCreate":
        if self.score is not None and self.state in ("error", "timeout"):
            raise ValueError(f"`score` says something, and `state` is {self.state}: leave it out")
        return self


AnyCreate = (
    RatingCreate
    | ThumbsCreate
    | LabelsCreate
    | CorrectionCreate
    | ChoiceCreate
    | RankingCreate
    | VerdictCreate
)
AnnotationCreate = Annotated[AnyCreate, Field(discriminator="kind")]
"""One judgement, told apart by `kind`."""


def _refuse_twice(ids: list[UUID]) -> None:
    if len(set(ids)) != len(ids):
        raise ValueError("`interaction_ids` holds an answer twice: each must be another one")


class AnnotationFilter(Wire):
    """Which judgements; what is left out does not matter."""

    interaction_id: UUID | None = Field(None, description="Of this answer.")
    kind: AnnotationKind | None = Field(None, description="Of this kind.")
    judge_kind: JudgeKind | None = Field(None, description="By this kind of judge.")
    judge: Named | None = Field(None, description="By the judge of this name.")
    principal_id: UUID | None = Field(None, description="Written down by this one.")
    batch_id: UUID | None = Field(None, description="Made by this batch.")
    current: bool = Field(
        True, description="Only those that count; false: superseded and withdrawn ones, too."
    )


class AnnotationQuery(AnnotationFilter):
    """A filter and the page that is wanted of it."""

    limit: int = Field(50, ge=1, le=500, description="Rows a page.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")

    @property
    def place(self) -> Place:
        return Place(self.limit, None if self.cursor is None else decode_cursor(self.cursor))


class AnnotationShown(Shown):
    id: UUID = Field(description="Its id.")
    kind: AnnotationKind = Field(description="In which form it was judged.")
    judge_kind: JudgeKind = Field(description="What kind of judge.")
    judge: str = Field(description="Name of the judge.")
    judge_version: str | None = Field(description="Version of the judge.")
    principal_id: UUID = Field(description="Who wrote it down.")
    interaction_ids: list[UUID] = Field(description="What was judged, in shown order.")
    score: float | None = Field(description="From 0 to 1; null: the kind has none.")
    value: dict[str, Any] = Field(description="The judgement in its kind's own terms.")
    rationale: str | None = Field(description="Why.")
    time_spent_ms: int | None = Field(description="How long it took.")
    guideline_version: str | None = Field(description="Version of the rules.")
    blind: bool = Field(description="The judge did not see who had answered.")
    batch_id: UUID | None = Field(description="The batch that made it.")
    queue_item_id: UUID | None = Field(description="The item of a queue that it answers.")
    supersedes_id: UUID | None = Field(description="What counted before it was written.")
    current: bool = Field(description="It counts: neither superseded nor withdrawn.")
    created_at: datetime = Field(description="When it was written.")
    withdrawn_at: datetime | None = Field(description="Since when it does not count.")
    withdrawn_by_id: UUID | None = Field(description="Who took it back.")
