"""Tables of schedules, of their firings, and of the one scheduler that leads.

A firing is written in the transaction that moves the schedule past its tick, and (schedule, cause, tick)
is unique: whatever schedulers believe, the database keeps one firing of a tick. What a firing starts has
a row of its own in its room.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, column
from sqlalchemy.orm import Mapped, mapped_column

from camel_ext.core.models import Base, State, Tenanted, WaitingFor, system_index


class CatchUp(StrEnum):
    """Which ticks that passed unseen (no scheduler, a clock set forward) are made up for."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


class Overlap(StrEnum):
    """What a firing does while what an earlier one started is still under way."""

    SKIP = "skip"
    QUEUE = "queue"
    CANCEL_OTHER = "cancel_other"
    ALLOW = "allow"


class Cause(StrEnum):
    """Why a schedule fired."""

    TICK = "tick"
    PERSON = "person"


class Reason(StrEnum):
    """Why a firing started nothing."""

    OVERLAP = "overlap"
    PAUSED = "paused"
    MISSED = "missed"


class Schedule(Tenanted, Base):
    """When a task is started, with which arguments."""

    __tablename__ = "schedules"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), doc="Unique in the project.")
    description: Mapped[str] = mapped_column(doc="What it is for, for people.")
    task: Mapped[str] = mapped_column(String(80), doc="Name of the task, `room.verb_noun`.")
    arguments: Mapped[dict[str, Any]] = mapped_column(doc="What the task is started with.")
    timing: Mapped[dict[str, Any]] = mapped_column(doc="When, as `schemas.Timing` says.")
    starts_at: Mapped[datetime | None] = mapped_column(doc="No tick before this.")
    ends_at: Mapped[datetime | None] = mapped_column(doc="No tick after this.")
    jitter_s: Mapped[int] = mapped_column(doc="A tick starts its task up to so much later.")
    catch_up: Mapped[CatchUp] = mapped_column(doc="Which missed ticks are made up for.")
    catch_up_limit: Mapped[int] = mapped_column(doc="At most so many of them, the latest.")
    grace_s: Mapped[int] = mapped_column(doc="A tick this late is not missed.")
    overlap: Mapped[Overlap] = mapped_column(doc="While an earlier one is under way.")
    paused_at: Mapped[datetime | None] = mapped_column(doc="Since when it does not fire.")
    pause_reason: Mapped[str | None] = mapped_column(doc="Why, for people.")
    cursor_at: Mapped[datetime] = mapped_column(doc="Every tick up to this is dealt with.")
    next_tick_at: Mapped[datetime | None] = mapped_column(doc="The first tick after the cursor.")
    last_tick_at: Mapped[datetime | None] = mapped_column(doc="The latest tick that fired.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who saved it last: in whose name it starts.")
    revision: Mapped[int] = mapped_column(doc="Raised by each change; the ETag.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was made.")
    updated_at: Mapped[datetime] = mapped_column(doc="When a person last changed it.")

    __table_args__ = (
        Index("uq_schedules_name", "org_id", "project_id", "name", unique=True),
        Index("ix_schedules_created", "org_id", "project_id", "created_at", "id"),
        system_index("ix_schedules_next", "next_tick_at"),
        system_index("ix_schedules_cursor", "cursor_at"),
    )


class Firing(Tenanted, Base):
    """One tick of a schedule, or one wish of a person, and what came of it."""

    __tablename__ = "schedule_firings"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("schedules.id"), doc="Whose it is.")
    cause: Mapped[Cause] = mapped_column(doc="Why it fired.")
    tick_at: Mapped[datetime] = mapped_column(doc="The time it stands for.")
    due_at: Mapped[datetime] = mapped_column(doc="That time with its jitter.")
    task: Mapped[str] = mapped_column(String(80), doc="The task, as it was then.")
    state: Mapped[State] = mapped_column(doc="Succeeded: the task was started.")
    waiting_for: Mapped[WaitingFor | None] = mapped_column(doc="`schedule`: for the one before.")
    reason: Mapped[Reason | None] = mapped_column(doc="Why it started nothing.")
    started_id: Mapped[UUID | None] = mapped_column(doc="What it started, in the task's room.")
    missed: Mapped[int] = mapped_column(doc="Ticks before it that were let go; 100: or more.")
    job_id: Mapped[UUID | None] = mapped_column(doc="The job that starts the task.")
    fence: Mapped[int] = mapped_column(doc="Of the scheduler that wrote it; 0: a person did.")
    principal_id: Mapped[UUID] = mapped_column(doc="In whose name.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was written.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it was dealt with.")
    over_at: Mapped[datetime | None] = mapped_column(doc="What it started was seen at its end.")

    __table_args__ = (
        Index(
            "uq_schedule_firings_tick",
            "org_id", "project_id", "schedule_id", "cause", "tick_at",
            unique=True,
        ),
        Index(
            "ix_schedule_firings_history", "org_id", "project_id", "schedule_id", "tick_at", "id"
        ),
        Index(
            "ix_schedule_firings_open",
            "org_id", "project_id", "schedule_id", "due_at",
            sqlite_where=column("over_at").is_(None),
            postgresql_where=column("over_at").is_(None),
        ),
        system_index("ix_schedule_firings_created", "created_at"),
    )  # fmt: skip
