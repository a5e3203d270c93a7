"""Leases: how workers come, say that they live, and lose what they held; across tenants.

A worker holds one lease for all its jobs. Whoever beats also sweeps: it offers again what the dead held.
Claiming is `jobs`'; the loop that calls all this is `core.queue`.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from camel_ext.core.jobs import MARK, WAKES_BY_ITSELF, Holding
from camel_ext.core.models import Job, State, Worker


def register(connection: Connection, worker: Worker) -> None:
    """Write the worker's row, also where it is there already: the answer to an earlier try got lost."""
    told = {name: getattr(worker, name) for name in Worker.__mapper__.columns.keys()}  # noqa: SIM118
    row = {name: value for name, value in told.items() if value is not None}
    connection.execute(delete(Worker).where(Worker.id == worker.id))
    connection.execute(insert(Worker), [row])


def forget(connection: Connection, worker_id: UUID, now: datetime) -> None:
    """Drop the row of a worker that stopped; offer again what it could not give back itself."""
    _offer_again(connection, now, Job.worker_id == worker_id, died=0)
    connection.execute(delete(Worker).where(Worker.id == worker_id))


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker learns as it extends its lease."""

    alive: bool  # False: it was swept, and everything it held is lost to it
    draining: bool = False


def beat(connection: Connection, worker_id: UUID, now: datetime, lease_until: datetime) -> Beat:
    """Extend the worker's lease."""
    statement = (
        update(Worker)
        .where(Worker.id == worker_id)
        .values(heartbeat_at=now, lease_until=lease_until)
        .returning(Worker.draining_since)
    )
    row = connection.execute(statement).one_or_none()
    return Beat(False) if row is None else Beat(True, row.draining_since is not None)


def sweep(connection: Connection, mine: UUID, now: datetime, lease_now: datetime) -> int:
    """Offer again what dead workers held and what waited long enough; return how many.

    A worker never sweeps itself. Two that sweep at once do not see the same dead one, and a worker
    that extends its lease at this moment is not dead.
    """
    dead = select(Worker.id).where(Worker.lease_until < lease_now, Worker.id != mine)
    gone = [row.id for row in connection.execute(dead.with_for_update(skip_locked=True))]
    count = reoffer(connection, now, gone) if gone else 0
    nobody = or_(Job.worker_id.is_(None), Job.worker_id.not_in(select(Worker.id)))
    count += _offer_again(connection, now, nobody, died=1)
    ready = (
        update(Job)
        .where(Job.state == State.WAITING, Job.run_at <= now, Job.waiting_for.in_(WAKES_BY_ITSELF))
        .values(state=State.QUEUED, waiting_for=None)
    )
    return count + connection.execute(ready.execution_options(**MARK)).rowcount


def reoffer(connection: Connection, now: datetime, workers: list[UUID]) -> int:
    """Take the jobs of these dead workers back and offer them again; return how many."""
    count = _offer_again(connection, now, Job.worker_id.in_(workers), died=1)
    connection.execute(delete(Worker).where(Worker.id.in_(workers)))
    return count


def offer_stray(
    connection: Connection, worker_id: UUID, now: datetime, held: frozenset[Holding]
) -> int:
    """Offer again what is on this worker's name but not in its hands; return how many.

    Such a job is claimed by a commit whose answer got lost.
    """
    mine = select(Job.id, Job.fence).where(Job.worker_id == worker_id, Job.state == State.RUNNING)
    rows = connection.execute(mine.execution_options(**MARK))
    stray = [row.id for row in rows if (row.id, row.fence) not in held]
    return _offer_again(connection, now, Job.id.in_(stray), died=0) if stray else 0


def follow_clock(connection: Connection, now: datetime, before: datetime) -> None:
    """Make due what was due before the wall clock went back from `before` to `now`."""
    was_due = (
        update(Job)
        .where(Job.state.in_((State.QUEUED, State.WAITING)), Job.run_at > now, Job.run_at <= before)
        .values(run_at=now)
    )
    connection.execute(was_due.execution_options(**MARK))


def _offer_again(
    connection: Connection, now: datetime, which: ColumnElement[bool], *, died: int
) -> int:
    again = (
        update(Job)
        .where(which, Job.state == State.RUNNING)
        .values(state=State.QUEUED, worker_id=None, takeovers=Job.takeovers + died, run_at=now)
    )
    return connection.execute(again.execution_options(**MARK)).rowcount


def all_workers(connection: Connection) -> list[UUID]:
    """Return every registered worker, dead or alive."""
    return [row.id for row in connection.execute(select(Worker.id))]
