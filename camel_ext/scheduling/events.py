"""What this room announces: schedules that were changed, and what came of each firing."""

from dataclasses import dataclass

from camel_ext.core.models import State
from camel_ext.core.outbox import Event, event_type


@event_type("scheduling.schedule.saved")
@dataclass(frozen=True)
class ScheduleSaved(Event):
    """The subject is the schedule: it was made, changed, paused or resumed."""

    name: str
    task: str
    paused: bool
    next_at: str | None


@event_type("scheduling.schedule.deleted")
@dataclass(frozen=True)
class ScheduleDeleted(Event):
    """The subject is the schedule, which is gone with its history."""

    name: str


@event_type("scheduling.firing.ended")
@dataclass(frozen=True)
class FiringEnded(Event):
    """The subject is the firing: it started what it should, or `reason` or `error_code` says why not."""

    schedule_id: str
    schedule: str
    task: str
    state: State
    reason: str | None
    started_id: str | None
    error_code: str | None
