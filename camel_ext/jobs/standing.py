"""The queue of the whole installation in figures, for who operates it: few statements, whatever it holds.

Each is bounded by an index: open jobs by their state, ended ones project by project since a time. What one
project sees of it is `service`'s.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.models import Job, State, WaitingFor, Worker
from camel_ext.identity import Project

OPEN = (State.QUEUED, State.RUNNING, State.WAITING)
LATELY = timedelta(minutes=5)


@dataclass(slots=True)
class Standing:
    """The queue at a moment. Keys are (queue, state, waiting_for), (queue, state), queue, or condition."""

    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    oldest_due_s: dict[str, float] = field(default_factory=dict)
    ended_lately: dict[tuple[str, str], int] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
    workers: dict[str, int] = field(default_factory=dict)
    places: int = 0


def standing_of(db: Session, now: datetime, lease_now: datetime) -> Standing:
    """Return how the queue stands. System session."""
    standing = Standing()
    _add_open(db, now, standing)
    _add_ended(db, now, standing)
    dead = select(Job.kind, func.count()).where(Job.dead_at.is_not(None)).group_by(Job.kind)
    for kind, count in db.execute(dead):
        _add(standing.dead, jobs.queue_of(kind), count)
    columns = select(Worker.lease_until, Worker.draining_since, Worker.concurrency)
    for lease_until, draining_since, concurrency in db.execute(columns):
        silent = lease_until < lease_now
        how = "silent" if silent else "live" if draining_since is None else "draining"
        _add(standing.workers, how, 1)
        standing.places += concurrency if how == "live" else 0
    return standing


def count_parked(db: Session) -> int:
    """Return how many jobs wait for a model that did not answer the worker that had them. System session."""
    query = select(func.count()).select_from(Job)
    parked = query.where(Job.state == State.WAITING, Job.waiting_for == WaitingFor.PROVIDER)
    return db.scalar(parked) or 0


def _add_open(db: Session, now: datetime, standing: Standing) -> None:
    query = (
        select(Job.kind, Job.state, Job.waiting_for, func.count(), func.min(Job.run_at))
        .where(Job.state.in_(OPEN))
        .group_by(Job.kind, Job.state, Job.waiting_for)
    )
    for kind, state, waiting_for, count, oldest in db.execute(query):
        queue = jobs.queue_of(kind)
        key = (queue, str(state), str(waiting_for or ""))
        standing.counts[key] = standing.counts.get(key, 0) + count
        if state == State.QUEUED and oldest <= now:
            waited_s = (now - oldest).total_seconds()
            standing.oldest_due_s[queue] = max(waited_s, standing.oldest_due_s.get(queue, 0.0))


def _add_ended(db: Session, now: datetime, standing: Standing) -> None:
    query = (
        select(Job.kind, Job.state, func.count())
        .select_from(Project)
        .join(Job, (Job.org_id == Project.org_id) & (Job.project_id == Project.id))
        .where(Job.finished_at >= now - LATELY)
        .group_by(Job.kind, Job.state)
    )
    for kind, state, count in db.execute(query):
        key = (jobs.queue_of(kind), str(state))
        standing.ended_lately[key] = standing.ended_lately.get(key, 0) + count


def _add(counts: dict[str, int], name: str, count: int) -> None:
    counts[name] = counts.get(name, 0) + count
