"""What the leading scheduler writes: for each tick of a schedule one firing, and the job that carries it out.

One transaction a schedule: fence, firings, jobs and the moved cursor stand or fall together. The loop
around it is `scheduler`'s.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.orm import Session

from camel_ext.core import jobs, leading
from camel_ext.core.clock import Clock
from camel_ext.core.database import Database
from camel_ext.core.ids import uuid7
from camel_ext.core.leading import Led
from camel_ext.core.models import State
from camel_ext.core.outbox import publish
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.scheduling.errors import TimingInvalid
from camel_ext.scheduling.events import FiringEnded, ScheduleSaved
from camel_ext.scheduling.models import Cause, Firing, Reason, Schedule
from camel_ext.scheduling.planning import BACK, Owed, owed
from camel_ext.scheduling.schedules import policy_of, stored_ticks
from camel_ext.scheduling.timing import jitter

FIRE = "scheduling.fire"
MOST_DUE = 500  # schedules that one look takes on


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule that something is to be done about, and whose it is."""

    schedule_id: UUID
    tenant: Tenant


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look over all schedules found."""

    due: list[Due]
    pause_s: float | None


def look(db: Session, database: Database, clock: Clock) -> Seen:
    """Return the schedules of all tenants that are due, and how long until the next one is."""
    now = database.now(db.connection(), clock)
    found = db.execute(_due(now).limit(MOST_DUE)).all()
    if found:
        due = [Due(row.id, Tenant(row.org_id, row.project_id)) for row in found]
        return Seen(due, 0.0)
    following = db.scalar(
        select(Schedule.next_tick_at)
        .where(Schedule.next_tick_at.is_not(None))
        .order_by(Schedule.next_tick_at)
        .limit(1)
    )
    return Seen([], None if following is None else (following - now).total_seconds())


def _due(now: datetime) -> Select[UUID, UUID, UUID]:
    """Return what is due, or was looked at by a clock that has been set back since."""
    ahead = Schedule.cursor_at > now + BACK
    return (
        select(Schedule.id, Schedule.org_id, Schedule.project_id)
        .where(Schedule.paused_at.is_(None), or_(Schedule.next_tick_at <= now, ahead))
        .order_by(Schedule.next_tick_at, Schedule.id)
    )


def tick(db: Session, runtime: Runtime, led: Led, schedule_id: UUID) -> list[Firing]:
    """Fire what a schedule owes now, and move its cursor.

    Raises: Deposed where another scheduler leads by now: nothing is kept.
    """
    leading.check(db.connection(), led)
    schedule = db.get(Schedule, schedule_id, with_for_update=True, populate_existing=True)
    if schedule is None or schedule.paused_at is not None:
        return []
    now = runtime.database.now(db.connection(), runtime.clock)
    try:
        plan = owed(stored_ticks(schedule), policy_of(schedule), schedule.cursor_at, now)
    except TimingInvalid as error:
        _give_up(db, runtime.clock, schedule, error, now)
        return []
    made = _fire(db, runtime, led, schedule, plan, now)
    schedule.cursor_at, schedule.next_tick_at = plan.cursor, plan.following
    db.flush()
    return made


def _give_up(
    db: Session, clock: Clock, schedule: Schedule, error: TimingInvalid, now: datetime
) -> None:
    """Pause a schedule whose times cannot be worked out, such as in a zone that is no more."""
    schedule.paused_at, schedule.pause_reason = now, error.detail
    schedule.next_tick_at = None
    schedule.revision += 1
    publish(db, clock, ScheduleSaved(str(schedule.id), schedule.name, schedule.task, True, None))
    db.flush()


def _fire(
    db: Session, runtime: Runtime, led: Led, schedule: Schedule, plan: Owed, now: datetime
) -> list[Firing]:
    fired_before = _known(db, schedule, plan)
    made = []
    let_go = plan.let_go
    for moment in plan.fire:
        if moment in fired_before:  # the clock was set back, and here it comes again
            continue
        firing = new_firing(runtime, schedule, Cause.TICK, moment, now)
        firing.due_at = moment + jitter(schedule.id, moment, schedule.jitter_s)
        firing.missed, firing.fence, let_go = let_go, led.fence, 0
        enqueue(db, runtime.clock, firing, uuid7(runtime.clock, runtime.rng))
        schedule.last_tick_at = moment
        made.append(firing)
    if not plan.fire and plan.last_let_go is not None and plan.last_let_go not in fired_before:
        made.append(_miss(db, runtime, led, schedule, plan, now))
    db.flush()
    return made


def _known(db: Session, schedule: Schedule, plan: Owed) -> set[datetime]:
    moments = [*plan.fire, *([plan.last_let_go] if plan.last_let_go else [])]
    if not moments:
        return set()
    query = select(Firing.tick_at).where(
        Firing.schedule_id == schedule.id, Firing.cause == Cause.TICK, Firing.tick_at.in_(moments)
    )
    return set(db.scalars(query))


def _miss(
    db: Session, runtime: Runtime, led: Led, schedule: Schedule, plan: Owed, now: datetime
) -> Firing:
    """Write down, once, that ticks passed and none is made up for."""
    assert plan.last_let_go is not None
    firing = new_firing(runtime, schedule, Cause.TICK, plan.last_let_go, now)
    firing.missed, firing.fence = plan.let_go - 1, led.fence
    db.add(firing)
    end_firing(db, runtime.clock, schedule, firing, State.CANCELLED, reason=Reason.MISSED)
    return firing


def new_firing(
    runtime: Runtime, schedule: Schedule, cause: Cause, tick_at: datetime, now: datetime
) -> Firing:
    """Return a firing that is still to be carried out; it is not added to the session."""
    return Firing(
        id=runtime.new_id(),
        schedule_id=schedule.id,
        cause=cause,
        tick_at=tick_at,
        due_at=tick_at,
        task=schedule.task,
        state=State.QUEUED,
        missed=0,
        fence=0,
        principal_id=schedule.principal_id,
        created_at=now,
    )


def enqueue(db: Session, clock: Clock, firing: Firing, job_id: UUID) -> None:
    """Add a firing with the job that carries it out when it is due."""
    firing.job_id = job_id
    db.add(firing)
    args = {"firing_id": str(firing.id)}
    jobs.enqueue(db, clock, job_id, FIRE, args, run_at=firing.due_at)


def end_firing(
    db: Session,
    clock: Clock,
    schedule: Schedule,
    firing: Firing,
    state: State,
    *,
    reason: Reason | None = None,
    error: tuple[str, str] | None = None,
) -> None:
    """Write what came of a firing, once."""
    now = clock.now()
    firing.state, firing.waiting_for, firing.reason = state, None, reason
    firing.finished_at = now
    firing.over_at = None if state is State.SUCCEEDED else now
    firing.error_code, firing.error_detail = error or (None, None)
    started = None if firing.started_id is None else str(firing.started_id)
    publish(
        db,
        clock,
        FiringEnded(
            str(firing.id), str(schedule.id), schedule.name, firing.task, state, reason, started,
            firing.error_code,
        ),
    )  # fmt: skip
    db.flush()


def forget_old(db: Session, now: datetime, keep: timedelta) -> int:
    """Drop firings of all tenants that ended long ago; return how many."""
    old = delete(Firing).where(Firing.created_at < now - keep, Firing.finished_at.is_not(None))
    dropped = db.execute(old.execution_options(synchronize_session=False))
    return int(dropped.rowcount)  # type: ignore[attr-defined]
