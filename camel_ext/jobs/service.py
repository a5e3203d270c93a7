"""Looking at the queue, and steering it. Each statement is bounded by an index of the tenant."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.door import TenantDoor
from camel_ext.core.models import Job, PausedQueue, State, Worker
from camel_ext.core.paging import Place, fetch_page, page_of_few
from camel_ext.core.tasks import AGAIN, CANCEL, known_queues
from camel_ext.jobs.errors import (
    JobNotRepeatable,
    JobNotStoppable,
    JobStateUnfit,
    JobUnknown,
    QueueUnknown,
    WorkerUnknown,
)

LATELY = timedelta(hours=1)
RATES_OVER = timedelta(minutes=5)  # long enough for one job a minute to show, short enough for now


@dataclass(slots=True)
class QueueSeen:
    """One queue of a project at a moment."""

    name: str
    paused_at: datetime | None = None
    queued: int = 0
    running: int = 0
    waiting: int = 0
    oldest_due_s: float | None = None
    started_per_min: float = 0.0
    finished_per_min: float = 0.0
    succeeded_last_hour: int = 0
    failed_last_hour: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """One worker, and how many of the project's jobs it holds."""

    row: Worker
    held: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)


# -- jobs ------------------------------------------------------------------------------------------


def list_jobs(
    db: Session,
    where: Place,
    queue: str | None = None,
    state: State | None = None,
    *,
    dead: bool = False,
    worker: UUID | None = None,
) -> tuple[list[Job], str | None]:
    """Return a page of jobs, newest first. A worker's are those that it holds: few, and all running."""
    query = select(Job)
    if queue is not None:
        query = query.where(of_queue(queue))
    if state is not None:
        query = query.where(Job.state == state)
    if dead:
        query = query.where(Job.dead_at.is_not(None))
    if worker is not None:
        held = query.where(_is_held(), Job.worker_id == worker)
        return page_of_few(db.scalars(held), Job.created_at, Job.id, where)
    return fetch_page(db, query, Job.created_at, Job.id, where)


def of_queue(name: str) -> ColumnElement[bool]:
    """Say which jobs stand in a queue."""
    return Job.kind.startswith(name + ".", autoescape=True)


def get_job(db: Session, job_id: UUID, *, lock: bool = False) -> Job:
    """Return a job. Raises: JobUnknown."""
    job = db.get(Job, job_id, with_for_update=lock or None, populate_existing=lock)
    if job is None:
        raise JobUnknown(f"there is no job {job_id}")
    return job


def set_priority(db: Session, job_id: UUID, priority: int) -> Job:
    """Move a job that nobody holds yet before or behind others.

    Raises: JobUnknown, JobStateUnfit.
    """
    job = get_job(db, job_id, lock=True)
    if job.state not in (State.QUEUED, State.WAITING):
        raise JobStateUnfit(f"the job is {job.state}: its priority means nothing any more")
    job.priority = priority
    db.flush()
    return job


def cancel_job(db: Session, door: TenantDoor, job_id: UUID) -> Job:
    """Stop a job, and with it what it works for, as that room does; an ended one stays as it is.

    Raises: JobUnknown, JobNotStoppable.
    """
    job = get_job(db, job_id)
    if job.state.is_final:
        return job
    if job.kind not in CANCEL:
        raise JobNotStoppable(f"a job of the kind {job.kind} cannot be stopped on its own")
    CANCEL[job.kind](db, door, **job.args)
    db.flush()
    db.refresh(job)
    return job


def repeat_job(db: Session, door: TenantDoor, job_id: UUID) -> Job:
    """Queue again what a failed job worked for, as that room does; return the new job.

    Raises: JobUnknown, JobStateUnfit, JobNotRepeatable.
    """
    return get_job(db, queue_again(db, door, get_job(db, job_id, lock=True)))


def queue_again(db: Session, door: TenantDoor, job: Job) -> UUID:
    """Queue again what a locked job worked for; return the new job's id.

    Raises: JobStateUnfit, JobNotRepeatable.
    """
    if job.state != State.FAILED:
        raise JobStateUnfit(f"the job is {job.state}: only a failed one can be queued again")
    if job.kind not in AGAIN:
        raise JobNotRepeatable(
            f"a job of the kind {job.kind} is not queued again: start anew what it worked for"
        )
    again = AGAIN[job.kind](db, door, **job.args)
    job.dead_at = None  # it is nobody's concern any more
    db.flush()
    return again


# -- queues ----------------------------------------------------------------------------------------


def list_queues(db: Session, clock: Clock) -> list[QueueSeen]:
    """Return every queue as this project sees it, by name."""
    now = clock.now()
    seen: dict[str, QueueSeen] = {name: QueueSeen(name) for name in sorted(known_queues())}
    found: dict[str, QueueSeen] = defaultdict(lambda: QueueSeen(""), seen)
    for pause in db.scalars(select(PausedQueue)):
        found[pause.queue].paused_at = pause.paused_at
    started, finished = Counter[str](), Counter[str]()
    for kind, state, count, oldest, lately in db.execute(_open(now - RATES_OVER)):
        queue = found[jobs.queue_of(kind)]
        started[jobs.queue_of(kind)] += lately
        setattr(queue, state, getattr(queue, state) + count)
        if state == State.QUEUED and oldest <= now:
            waited_s = (now - oldest).total_seconds()
            queue.oldest_due_s = max(waited_s, queue.oldest_due_s or 0.0)
    for kind, state, count in db.execute(_ended(now - LATELY)):
        queue = found[jobs.queue_of(kind)]
        if state == State.SUCCEEDED:
            queue.succeeded_last_hour += count
        elif state == State.FAILED:
            queue.failed_last_hour += count
    for kind, count, lately in db.execute(_just_ended(now - RATES_OVER)):
        started[jobs.queue_of(kind)] += lately
        finished[jobs.queue_of(kind)] += count
    for kind, count in db.execute(_dead()):
        found[jobs.queue_of(kind)].dead += count
    for queue in seen.values():
        queue.started_per_min = _per_min(started[queue.name])
        queue.finished_per_min = _per_min(finished[queue.name])
    return list(seen.values())


def _per_min(count: int) -> float:
    return count * 60 / RATES_OVER.total_seconds()


def _open(since: datetime) -> Any:
    query = select(Job.kind, Job.state, func.count(), func.min(Job.run_at), _count_started(since))
    return query.where(Job.finished_at.is_(None)).group_by(Job.kind, Job.state)


def _ended(since: datetime) -> Any:
    query = select(Job.kind, Job.state, func.count()).where(Job.finished_at >= since)
    return query.group_by(Job.kind, Job.state)


def _just_ended(since: datetime) -> Any:
    """Return the query of what ended since a time, and how many of it began since then.

    What began since then is either open or among these: no index by the time of the start is needed.
    """
    query = select(Job.kind, func.count(), _count_started(since)).where(Job.finished_at >= since)
    return query.group_by(Job.kind)


def _count_started(since: datetime) -> ColumnElement[int]:
    return func.count().filter(Job.started_at >= since)


def _dead() -> Any:
    query = select(Job.kind, func.count()).where(Job.dead_at.is_not(None))
    return query.group_by(Job.kind)


def pause_queue(db: Session, clock: Clock, principal_id: UUID, name: str) -> QueueSeen:
    """Let nobody take jobs of this project from a queue; what runs already goes on.

    Raises: QueueUnknown.
    """
    check_queue(name)
    if _pause_of(db, name) is None:
        row = PausedQueue(queue=name, principal_id=principal_id, paused_at=clock.now())
        db.add(row)
        db.flush()
    return _seen(db, clock, name)


def resume_queue(db: Session, clock: Clock, name: str) -> QueueSeen:
    """Let workers take from a queue again.

    Raises: QueueUnknown.
    """
    check_queue(name)
    pause = _pause_of(db, name)
    if pause is not None:
        db.delete(pause)
        db.flush()
        jobs.signal(db)
    return _seen(db, clock, name)


def _pause_of(db: Session, name: str) -> PausedQueue | None:
    return db.scalar(select(PausedQueue).where(PausedQueue.queue == name))


def _seen(db: Session, clock: Clock, name: str) -> QueueSeen:
    return next(queue for queue in list_queues(db, clock) if queue.name == name)


def check_queue(name: str) -> None:
    """Refuse the name of no queue. Raises: QueueUnknown."""
    if name not in known_queues():
        names = ", ".join(sorted(known_queues()))
        raise QueueUnknown(f"there is no queue {name!r}; there are {names}")


# -- workers ---------------------------------------------------------------------------------------


def list_workers(db: Session) -> list[WorkerSeen]:
    """Return every worker of the installation, and what each holds of this project."""
    held = dict(
        db.execute(
            select(Job.worker_id, func.count()).where(_is_held()).group_by(Job.worker_id)
        ).all()
    )
    rows = db.scalars(select(Worker).order_by(Worker.started_at, Worker.id)).all()
    return [WorkerSeen(row, held.get(row.id, 0)) for row in rows]


def _is_held() -> ColumnElement[bool]:
    """Return the condition that a worker holds a job; an index of the tenant finds what has not ended."""
    return and_(Job.finished_at.is_(None), Job.state == State.RUNNING)


def drain_worker(db: Session, clock: Clock, worker_id: UUID, *, drains: bool) -> WorkerSeen:
    """Let a worker take no more jobs, or take some again; it hears of it with its next heartbeat.

    Raises: WorkerUnknown.
    """
    worker = db.get(Worker, worker_id)
    if worker is None:
        raise WorkerUnknown(f"there is no worker {worker_id} now")
    if not drains:
        worker.draining_since = None
    elif worker.draining_since is None:
        worker.draining_since = clock.now()
    db.flush()
    return next(seen for seen in list_workers(db) if seen.row.id == worker_id)
