"""Schedules: making, changing, pausing, deleting and listing them, and their times to come.

Each function works in the door's transaction. What happens at a tick is `ticking`'s, what a firing does
is `firings`'.
"""

from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core.door import check_revision
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.scheduling import schemas, timing
from camel_ext.scheduling.errors import ScheduleNameTaken, ScheduleUnknown, TimingInvalid
from camel_ext.scheduling.events import ScheduleDeleted, ScheduleSaved
from camel_ext.scheduling.models import Firing, Schedule
from camel_ext.scheduling.planning import Policy
from camel_ext.scheduling.schedulable import Asking, find_schedulable, read_arguments
from camel_ext.scheduling.schemas import (
    CronTiming,
    EveryTiming,
    Preview,
    ScheduleChange,
    ScheduleCreate,
    ScheduleQuery,
    ScheduleShown,
    TickShown,
    TicksShown,
    When,
)
from camel_ext.scheduling.timing import Ticks

SCHEDULES = "schedules"  # the signal that wakes this process's scheduler
DAY = timedelta(days=1)
_TIMING: TypeAdapter[schemas.Timing] = TypeAdapter(schemas.Timing)


def ticks_of(when: When, anchor: datetime) -> Ticks:
    """Return the ticks of times as they were given; an interval without a start is anchored."""
    match when.timing:
        case CronTiming(cron=expression, timezone=zone):
            made: timing.Timing = timing.Cron(expression, zone)
        case EveryTiming(every_s=every_s):
            made = timing.Every(every_s, when.starts_at or anchor)
        case once:
            made = timing.Once(once.at)
    return Ticks(made, when.starts_at, when.ends_at)


def when_of(schedule: Schedule) -> When:
    """Return the times of a stored schedule."""
    return When(
        timing=_TIMING.validate_python(schedule.timing),
        starts_at=schedule.starts_at,
        ends_at=schedule.ends_at,
        jitter_s=schedule.jitter_s,
    )


def stored_ticks(schedule: Schedule) -> Ticks:
    """Return the ticks of a stored schedule. Raises: TimingInvalid."""
    return ticks_of(when_of(schedule), schedule.created_at)


def policy_of(schedule: Schedule) -> Policy:
    """Return what becomes of a schedule's late ticks."""
    grace = timedelta(seconds=schedule.grace_s)
    return Policy(schedule.catch_up, schedule.catch_up_limit, grace)


def preview(wanted: Preview, now: datetime) -> TicksShown:
    """Return the next ticks of times that are not saved.

    Raises: TimingInvalid, also where there is none.
    """
    ticks = ticks_of(wanted, now)
    return show_ticks(wanted, _some(ticks, now), now, wanted.count)


def show_ticks(when: When, ticks: Ticks, now: datetime, count: int) -> TicksShown:
    """Return the next ticks with what clocks show at them."""
    cron = when.timing if isinstance(when.timing, CronTiming) else None
    zone = timing.zone_of(cron.timezone if cron else "UTC")
    items, before = [], None
    for tick in islice(ticks.following(now), count):
        local = tick.astimezone(zone)
        last = before or (tick - DAY).astimezone(zone)
        changed = last.utcoffset() != local.utcoffset()
        items.append(TickShown(at=tick, local=local.isoformat(), clocks_changed=changed))
        before = local
    return TicksShown(words=ticks.timing.words(), jitter_s=when.jitter_s, items=items)


def _some(ticks: Ticks, now: datetime) -> Ticks:
    if ticks.after(now) is None:
        raise TimingInvalid(
            f"{ticks.timing.words()}: no such time is to come, so it would never fire"
        )
    return ticks


def create_schedule(db: Session, asking: Asking, wanted: ScheduleCreate) -> Schedule:
    """Make a schedule; that its task could start now is tried, and undone.

    Raises: TaskUnknown, ArgumentsInvalid, TimingInvalid, ScheduleNameTaken, and what the task raises.
    """
    now = asking.clock.now()
    schedule = Schedule(
        id=asking.new_id(), name=wanted.name, revision=0, created_at=now, last_tick_at=None
    )
    _fill(db, asking, schedule, wanted, now)
    try:
        with db.begin_nested():
            db.add(schedule)
    except IntegrityError as error:
        raise ScheduleNameTaken(f"there is a schedule {wanted.name!r} already") from error
    _announce(db, asking, schedule)
    return schedule


def change_schedule(
    db: Session, asking: Asking, schedule_id: UUID, revision: int, wanted: ScheduleChange
) -> Schedule:
    """Replace all of a schedule but its name; its times count from now.

    Raises: ScheduleUnknown, PreconditionFailed, and what making one raises.
    """
    schedule = get_schedule(db, schedule_id, lock=True)
    check_revision(schedule.revision, revision)
    _fill(db, asking, schedule, wanted, asking.clock.now())
    _announce(db, asking, schedule)
    return schedule


def _fill(
    db: Session, asking: Asking, schedule: Schedule, wanted: ScheduleChange, now: datetime
) -> None:
    ticks = _some(ticks_of(wanted, schedule.created_at), now)
    task = find_schedulable(wanted.task)
    arguments = read_arguments(task, wanted.arguments)
    with db.begin_nested() as trial:
        task.start(db, asking, arguments)
        trial.rollback()
    schedule.description = wanted.description
    schedule.task = wanted.task
    schedule.arguments = arguments.model_dump(mode="json", exclude_unset=True)
    schedule.timing = wanted.timing.model_dump(mode="json")
    for name in ("starts_at", "ends_at", "jitter_s", "catch_up", "catch_up_limit", "grace_s",
                 "overlap"):  # fmt: skip
        setattr(schedule, name, getattr(wanted, name))
    was = schedule.paused_at if wanted.paused else None
    schedule.paused_at = (was or now) if wanted.paused else None
    schedule.pause_reason = schedule.pause_reason if wanted.paused else None
    schedule.principal_id = asking.principal_id
    _go_on(schedule, ticks, now)


def _go_on(schedule: Schedule, ticks: Ticks, now: datetime) -> None:
    """Let a schedule tick from now on: what passed before is dealt with."""
    schedule.revision += 1
    schedule.updated_at = schedule.cursor_at = now
    schedule.next_tick_at = None if schedule.paused_at else ticks.after(now)


def _announce(db: Session, asking: Asking, schedule: Schedule) -> None:
    following = schedule.next_tick_at
    publish(
        db,
        asking.clock,
        ScheduleSaved(
            str(schedule.id),
            schedule.name,
            schedule.task,
            schedule.paused_at is not None,
            None if following is None else following.isoformat(),
        ),
    )
    signals: set[str] = db.info.setdefault("signals", set())
    signals.add(SCHEDULES)
    db.flush()


def pause_schedule(
    db: Session, asking: Asking, schedule_id: UUID, revision: int | None, reason: str
) -> Schedule:
    """Let a schedule fire no more; what waits to start is dropped, what was started goes on.

    Raises: ScheduleUnknown, PreconditionFailed.
    """
    schedule = _locked(db, schedule_id, revision)
    if schedule.paused_at is None:
        schedule.paused_at = asking.clock.now()
        schedule.pause_reason = reason or None
        _go_on(schedule, stored_ticks(schedule), schedule.paused_at)
        _announce(db, asking, schedule)
    return schedule


def resume_schedule(
    db: Session, asking: Asking, schedule_id: UUID, revision: int | None
) -> Schedule:
    """Let a paused schedule fire again; ticks of its pause are not made up for.

    Raises: ScheduleUnknown, PreconditionFailed, TimingInvalid.
    """
    schedule = _locked(db, schedule_id, revision)
    if schedule.paused_at is not None:
        schedule.paused_at = schedule.pause_reason = None
        _go_on(schedule, stored_ticks(schedule), asking.clock.now())
        _announce(db, asking, schedule)
    return schedule


def delete_schedule(db: Session, asking: Asking, schedule_id: UUID, revision: int) -> Schedule:
    """Delete a schedule with its history; what it started stays.

    Raises: ScheduleUnknown, PreconditionFailed.
    """
    schedule = _locked(db, schedule_id, revision)
    db.execute(
        delete(Firing)
        .where(Firing.schedule_id == schedule.id)
        .execution_options(synchronize_session=False)
    )
    db.delete(schedule)
    publish(db, asking.clock, ScheduleDeleted(str(schedule.id), schedule.name))
    db.flush()
    return schedule


def get_schedule(db: Session, schedule_id: UUID, *, lock: bool = False) -> Schedule:
    """Return a schedule. Raises: ScheduleUnknown."""
    schedule = db.get(Schedule, schedule_id, with_for_update=lock or None, populate_existing=lock)
    if schedule is None:
        raise ScheduleUnknown(f"there is no schedule {schedule_id} in this project")
    return schedule


def _locked(db: Session, schedule_id: UUID, revision: int | None) -> Schedule:
    schedule = get_schedule(db, schedule_id, lock=True)
    if revision is not None:
        check_revision(schedule.revision, revision)
    return schedule


def list_schedules(
    db: Session, wanted: ScheduleQuery, where: Place
) -> tuple[list[Schedule], str | None]:
    """Return a page of schedules, newest first."""
    query = select(Schedule)
    if wanted.name is not None:
        query = query.where(Schedule.name == wanted.name)
    if wanted.task is not None:
        query = query.where(Schedule.task == wanted.task)
    return fetch_page(db, query, Schedule.created_at, Schedule.id, where)


def list_next(db: Session, schedule_id: UUID, now: datetime, count: int) -> TicksShown:
    """Return the next ticks of a schedule, as if it were not paused.

    Raises: ScheduleUnknown, TimingInvalid.
    """
    schedule = get_schedule(db, schedule_id)
    from_here = now if schedule.paused_at else max(now, schedule.cursor_at)
    return show_ticks(when_of(schedule), stored_ticks(schedule), from_here, count)


def shown(schedule: Schedule) -> ScheduleShown:
    """Return a schedule as the wire shows it."""
    columns = {
        name: getattr(schedule, name)
        for name in ScheduleShown.model_fields
        if name not in ("words", "paused", "next_at", "timing")
    }
    given: dict[str, Any] = {
        "timing": _TIMING.validate_python(schedule.timing),
        "words": _words(schedule),
        "paused": schedule.paused_at is not None,
        "next_at": schedule.next_tick_at,
    }
    return ScheduleShown(**columns, **given)


def _words(schedule: Schedule) -> str:
    try:
        return stored_ticks(schedule).timing.words()
    except TimingInvalid as error:  # a zone that this machine no longer knows
        return error.detail
