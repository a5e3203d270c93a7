"""What the wire accepts and shows of schedules and their firings."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from camel_ext.core.models import State, WaitingFor
from camel_ext.core.paging import Place, decode_cursor
from camel_ext.scheduling.models import CatchUp, Cause, Overlap, Reason

YEAR_S = 366 * 86_400
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
NEXT = 5  # ticks that are shown before anything is saved
WITHOUT_NUL = r"^[^\x00]*$"  # PostgreSQL keeps no text with one


def _storable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    return text


def _sayable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    if "\\u0000" in text:
        raise ValueError("it holds a NUL character, which cannot be stored: remove it")
    return value


def _within_reach(moment: datetime) -> datetime:
    if not EARLIEST <= moment <= LATEST:
        raise ValueError("it must lie between the years 2000 and 2200")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_within_reach)]
ScheduleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=50)]
TaskName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=80)]
Text = Annotated[
    str, StringConstraints(max_length=2_000, pattern=WITHOUT_NUL), AfterValidator(_storable)
]
JsonObject = Annotated[dict[str, JsonValue], AfterValidator(_sayable)]


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CronTiming(Wire):
    """By the clocks of a place."""

    kind: Literal["cron"] = "cron"
    cron: Annotated[
        str, StringConstraints(min_length=1, max_length=120, pattern=r"^[\x20-\x7e]+$")
    ] = Field(
        description="Minute, hour, day of the month, month, day of the week.",
        examples=["30 2 * * *", "0 9 * * MON-FRI"],
    )
    timezone: Annotated[
        str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")
    ] = Field("UTC", description="IANA name of the zone.", examples=["Europe/Berlin"])


class EveryTiming(Wire):
    """By a stop-watch: it knows no zone and no daylight saving."""

    kind: Literal["every"] = "every"
    every_s: int = Field(ge=1, le=YEAR_S, description="Seconds from tick to tick.", examples=[3600])


class OnceTiming(Wire):
    """One moment."""

    kind: Literal["once"] = "once"
    at: Moment = Field(description="When.", examples=["2027-01-01T09:00:00Z"])


Timing = Annotated[CronTiming | EveryTiming | OnceTiming, Field(discriminator="kind")]
"""When a schedule ticks, told apart by `kind`."""


class When(Wire):
    """When a schedule ticks, and between which moments."""

    timing: Timing = Field(description="A cron expression, an interval, or one moment.")
    starts_at: Moment | None = Field(
        None, description="No tick before this; an interval's first tick. Left out: from now on."
    )
    ends_at: Moment | None = Field(None, description="No tick after this.")
    jitter_s: int = Field(
        0, ge=0, le=86_400, description="Each tick starts its task up to so many seconds later."
    )

    @model_validator(mode="after")
    def _in_order(self) -> "When":
        if self.starts_at and self.ends_at and self.ends_at < self.starts_at:
            raise ValueError("`ends_at` lies before `starts_at`")
        return self


PREVIEW: dict[str, Any] = {"timing": {"kind": "cron", "cron": "30 2 * * *", "timezone": "UTC"}}
NIGHTLY: dict[str, Any] = {
    "name": "nightly",
    "task": "evaluation.start_evaluation",
    "arguments": {"suite": "brief-answers", "workflow": "answer"},
    "timing": {"kind": "cron", "cron": "30 2 * * *", "timezone": "Europe/Berlin"},
    "jitter_s": 300,
}


class Preview(When):
    """Times to look at; nothing is saved."""

    model_config = ConfigDict(json_schema_extra={"examples": [PREVIEW]})

    count: int = Field(NEXT, ge=1, le=100, description="How many ticks to show.")


class ScheduleChange(When):
    """All of a schedule but its name: what is left out takes its default."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{k: v for k, v in NIGHTLY.items() if k != "name"}]}
    )

    description: Text = Field("", description="What it is for, for people.")
    task: TaskName = Field(description="What is started.", examples=["workflows.start_run"])
    arguments: JsonObject = Field({}, description="What it is started with: the task's own shape.")
    catch_up: CatchUp = Field(
        CatchUp.LAST,
        description="Of ticks that passed while nobody looked: none, only the last, or all.",
    )
    catch_up_limit: int = Field(10, ge=1, le=100, description="Of all, at most the last so many.")
    grace_s: int = Field(
        60, ge=0, le=86_400, description="A tick this late still fires where none is caught up."
    )
    overlap: Overlap = Field(
        Overlap.SKIP,
        description="While what an earlier firing started is under way: skip this one, queue it, "
        "cancel the other, or allow both.",
    )
    paused: bool = Field(False, description="Keep it without firing.")


class ScheduleCreate(ScheduleChange):
    """A task, its arguments and its times."""

    model_config = ConfigDict(json_schema_extra={"examples": [NIGHTLY]})

    name: ScheduleName = Field(description="Unique in the project.", examples=["nightly"])


class Pause(Wire):
    """Why a schedule shall not fire."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the GPU is lent out"}]})

    reason: Text = Field("", description="For people.")


class ScheduleQuery(Wire):
    """Which schedules, and the page that is wanted of them."""

    name: ScheduleName | None = Field(None, description="Only the one of this name.")
    task: TaskName | None = Field(None, description="Only those of this task.")
    limit: int = Field(50, ge=1, le=500, description="Rows a page.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")

    @property
    def place(self) -> Place:
        return Place(self.limit, None if self.cursor is None else decode_cursor(self.cursor))


class SchedulableShown(BaseModel):
    """A task that a schedule can start."""

    name: str = Field(description="Its name.")
    words: str = Field(description="What it does.")
    arguments: dict[str, Any] = Field(description="JSON Schema of its arguments.")
    path: str = Field(description="Where the thing it starts is read, with `{id}`.")


class TickShown(BaseModel):
    """One time to come."""

    at: datetime = Field(description="When, UTC.")
    local: str = Field(description="When, on the clocks of the schedule's zone, ISO 8601.")
    clocks_changed: bool = Field(
        description="The zone's clocks were changed since the tick before (or in the day before)."
    )


class TicksShown(BaseModel):
    """Times to come, and what they follow from."""

    words: str = Field(description="The timing, for people.")
    jitter_s: int = Field(description="Each starts up to so many seconds later.")
    items: list[TickShown] = Field(description="In order; fewer than asked for: then it ends.")


class ScheduleShown(Shown):
    id: UUID = Field(description="Its id.")
    name: str = Field(description="Unique in the project.")
    description: str = Field(description="What it is for.")
    task: str = Field(description="What is started.")
    arguments: dict[str, Any] = Field(description="What it is started with.")
    timing: Timing = Field(description="When.")
    words: str = Field(description="When, for people.")
    starts_at: datetime | None = Field(description="No tick before this.")
    ends_at: datetime | None = Field(description="No tick after this.")
    jitter_s: int = Field(description="Each tick starts its task up to so much later.")
    catch_up: CatchUp = Field(description="Which missed ticks are made up for.")
    catch_up_limit: int = Field(description="At most so many of all.")
    grace_s: int = Field(description="A tick this late is not missed.")
    overlap: Overlap = Field(description="While an earlier one is under way.")
    paused: bool = Field(description="It does not fire.")
    paused_at: datetime | None = Field(description="Since when.")
    pause_reason: str | None = Field(description="Why.")
    next_at: datetime | None = Field(description="Its next tick; null: paused, or none is left.")
    last_tick_at: datetime | None = Field(description="The latest tick that fired.")
    principal_id: UUID = Field(description="In whose name it starts.")
    revision: int = Field(description="Its ETag.")
    created_at: datetime = Field(description="When it was made.")
    updated_at: datetime = Field(description="When a person last changed it.")


class FiringShown(Shown):
    id: UUID = Field(description="Its id.")
    schedule_id: UUID = Field(description="Whose it is.")
    cause: Cause = Field(description="A tick, or a person.")
    tick_at: datetime = Field(description="The time it stands for.")
    due_at: datetime = Field(description="That time with its jitter.")
    task: str = Field(description="The task, as it was then.")
    state: State = Field(description="Succeeded: what it should start was started.")
    waiting_for: WaitingFor | None = Field(description="`schedule`: for the one before.")
    reason: Reason | None = Field(description="Why it started nothing.")
    started_id: UUID | None = Field(description="What it started.")
    started_path: str | None = Field(description="Where that is read.")
    started_state: State | None = Field(description="How that is now; null: it is gone.")
    missed: int = Field(description="Ticks before it that were let go; 100: or more.")
    principal_id: UUID = Field(description="In whose name.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened.")
    created_at: datetime = Field(description="When it was written.")
    finished_at: datetime | None = Field(description="When it was dealt with.")
