"""Firings: what one does when its time has come, what a person may ask for, and the history.

A firing starts its task in one transaction with the word that it did: whatever dies in between, the task
is started once. What it waits for or gives way to is the schedule's overlap policy.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.models import Job, State, WaitingFor
from camel_ext.core.paging import Place, fetch_page
from camel_ext.core.runtime import Runtime
from camel_ext.scheduling.errors import ScheduleUnknown
from camel_ext.scheduling.models import Cause, Firing, Overlap, Reason, Schedule
from camel_ext.scheduling.schedulable import (
    SCHEDULABLE,
    Asking,
    find_schedulable,
    read_arguments,
)
from camel_ext.scheduling.schedules import get_schedule
from camel_ext.scheduling.schemas import FiringShown
from camel_ext.scheduling.ticking import end_firing, enqueue, new_firing

MOST_WAITING = 10  # firings that `queue` keeps waiting; the next one is skipped


def run_now(db: Session, runtime: Runtime, principal_id: UUID, schedule_id: UUID) -> Firing:
    """Fire a schedule at once, paused or not, in the name of who asks; its overlap policy holds.

    Raises: ScheduleUnknown.
    """
    schedule = get_schedule(db, schedule_id, lock=True)
    now = runtime.clock.now()
    newest = db.scalar(
        select(func.max(Firing.tick_at)).where(
            Firing.schedule_id == schedule_id, Firing.cause == Cause.PERSON
        )
    )
    moment = now if newest is None else max(now, newest + newest.resolution)
    firing = new_firing(runtime, schedule, Cause.PERSON, moment, now)
    firing.due_at, firing.principal_id = now, principal_id
    enqueue(db, runtime.clock, firing, runtime.new_id())
    db.flush()
    return firing


def carry_out(db: Session, runtime: Runtime, trace_id: str, firing_id: UUID) -> Firing | None:
    """Start what a firing is to start, or say why not, or that it waits; None: it is gone.

    Raises: TaskUnknown, ArgumentsInvalid, and what the task raises.
    """
    found = _locked(db, firing_id)
    if found is None:
        return None
    firing, schedule = found
    if firing.state.is_final:
        return firing
    asking = _asking(runtime, schedule, firing, trace_id)
    reason = _reason_against(db, asking, schedule, firing)
    if reason is not None:
        end_firing(db, runtime.clock, schedule, firing, State.CANCELLED, reason=reason)
        return firing
    if firing.state is State.WAITING:
        db.flush()
        return firing
    task = find_schedulable(firing.task)
    firing.started_id = task.start(db, asking, read_arguments(task, schedule.arguments))
    end_firing(db, runtime.clock, schedule, firing, State.SUCCEEDED)
    return firing


def _locked(db: Session, firing_id: UUID) -> tuple[Firing, Schedule] | None:
    """Return a firing as it is once its schedule is ours alone; None: both were deleted."""
    firing = db.get(Firing, firing_id)
    if firing is None:
        return None
    schedule = db.get(Schedule, firing.schedule_id, with_for_update=True, populate_existing=True)
    if schedule is None:
        return None
    db.refresh(firing)  # another firing may have made it give way until we held the lock
    return firing, schedule


def _asking(runtime: Runtime, schedule: Schedule, firing: Firing, trace_id: str) -> Asking:
    return Asking(
        schedule=schedule.name,
        principal_id=firing.principal_id,
        clock=runtime.clock,
        new_id=runtime.new_id,
        new_seed=lambda: runtime.rng.getrandbits(31),
        trace_id=trace_id,
    )


def _reason_against(
    db: Session, asking: Asking, schedule: Schedule, firing: Firing
) -> Reason | None:
    """Return why a firing is not to start anything; make it wait, or others end, where that is so."""
    if schedule.paused_at is not None and firing.cause is Cause.TICK:
        return Reason.PAUSED
    waited = firing.state is State.WAITING
    firing.state, firing.waiting_for = State.QUEUED, None
    if schedule.overlap is Overlap.ALLOW:
        return None
    before = _under_way(db, asking.clock, schedule, firing)
    if not before:
        return None
    if schedule.overlap is Overlap.SKIP:
        return Reason.OVERLAP
    if schedule.overlap is Overlap.QUEUE:
        if sum(other.state is State.WAITING for other in before) >= MOST_WAITING:
            return Reason.OVERLAP
    elif not waited:
        _stop(db, asking, schedule, before)
    firing.state, firing.waiting_for = State.WAITING, WaitingFor.SCHEDULE
    return None


def _stop(db: Session, asking: Asking, schedule: Schedule, before: Sequence[Firing]) -> None:
    """Ask what is under way to end, and drop what has not begun."""
    for other in before:
        if other.started_id is None:
            end_firing(db, asking.clock, schedule, other, State.CANCELLED, reason=Reason.OVERLAP)
        elif (task := SCHEDULABLE.get(other.task)) is not None:
            task.stop(db, asking, other.started_id)


def _under_way(db: Session, clock: Clock, schedule: Schedule, firing: Firing) -> list[Firing]:
    """Return the firings before this one that are not over, the oldest first."""
    earlier: ColumnElement[bool] = or_(
        Firing.due_at < firing.due_at,
        and_(Firing.due_at == firing.due_at, Firing.id < firing.id),
    )
    query = (
        select(Firing)
        .where(Firing.schedule_id == schedule.id, Firing.over_at.is_(None), earlier)
        .order_by(Firing.due_at, Firing.id)
    )
    found = list(db.scalars(query))
    states = _states(db, found)
    unbegun = [other for other in found if other.started_id is None]
    held = _job_states(db, unbegun)
    for other in found:
        if other.started_id is not None:
            state = states.get(other.started_id)
            other.over_at = clock.now() if state is None or state.is_final else None
        elif held.get(other.job_id, State.CANCELLED).is_final:  # somebody cancelled its job
            end_firing(db, clock, schedule, other, State.CANCELLED)
    return [other for other in found if other.over_at is None]


def _job_states(db: Session, firings: Sequence[Firing]) -> dict[UUID | None, State]:
    ids = [each.job_id for each in firings if each.job_id is not None]
    if not ids:
        return {}
    rows = db.execute(select(Job.id, Job.state).where(Job.id.in_(ids)))
    return {row.id: row.state for row in rows}


def _states(db: Session, firings: Sequence[Firing]) -> dict[UUID, State]:
    """Return how what these firings started is now; what is gone is left out. One query a task."""
    states: dict[UUID, State] = {}
    for name in sorted({firing.task for firing in firings}):
        task = SCHEDULABLE.get(name)
        ids = [each.started_id for each in firings if each.task == name and each.started_id]
        if task is not None and ids:
            states |= task.look(db, ids)
    return states


def cancel_firing(db: Session, clock: Clock, firing_id: UUID) -> None:
    """Drop a firing that has not started anything yet; one that has stays as it is."""
    firing = _get(db, firing_id)
    job = jobs.request_cancel(db, clock, _job_of(firing))  # the job is locked first
    schedule = get_schedule(db, firing.schedule_id, lock=True)
    db.refresh(firing)
    if job.state.is_final and not firing.state.is_final:
        end_firing(db, clock, schedule, firing, State.CANCELLED)


def repeat_firing(db: Session, runtime: Runtime, principal_id: UUID, firing_id: UUID) -> UUID:
    """Fire the schedule of a firing again, in the name of who asks; return the job."""
    made = run_now(db, runtime, principal_id, _get(db, firing_id).schedule_id)
    return _job_of(made)


def _get(db: Session, firing_id: UUID) -> Firing:
    firing = db.get(Firing, firing_id)
    if firing is None:
        raise ScheduleUnknown("the schedule of this firing is gone, with its history")
    return firing


def _job_of(firing: Firing) -> UUID:
    assert firing.job_id is not None, "only a tick that was missed has no job"
    return firing.job_id


def mark_failed(db: Session, clock: Clock, firing_id: UUID, code: str, detail: str) -> None:
    """Write down that a firing could not start its task."""
    found = _locked(db, firing_id)
    if found is None or found[0].state.is_final:
        return
    firing, schedule = found
    end_firing(db, clock, schedule, firing, State.FAILED, error=(code, detail[:2000]))


def list_firings(
    db: Session, schedule_id: UUID, where: Place
) -> tuple[list[FiringShown], str | None]:
    """Return a page of a schedule's firings, the latest first.

    Raises: ScheduleUnknown.
    """
    get_schedule(db, schedule_id)
    query = select(Firing).where(Firing.schedule_id == schedule_id)
    found, following = fetch_page(db, query, Firing.tick_at, Firing.id, where)
    states = _states(db, found)
    return [shown(firing, states) for firing in found], following


def shown(firing: Firing, states: dict[UUID, State]) -> FiringShown:
    """Return a firing as the wire shows it, with how what it started is now."""
    task, started = SCHEDULABLE.get(firing.task), firing.started_id
    columns = {
        name: getattr(firing, name)
        for name in FiringShown.model_fields
        if name not in ("started_path", "started_state")
    }
    path = None if task is None or started is None else task.path.replace("{id}", str(started))
    state = None if started is None else states.get(started)
    return FiringShown(**columns, started_path=path, started_state=state)
