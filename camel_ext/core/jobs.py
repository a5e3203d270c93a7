"""Job rows: asking for work, claiming it, and every way in which it ends.

All of it is SQL on the `jobs` table, in somebody else's transaction. Workers and what they lose are
`core.leases`'; the loop that executes what it claimed is `core.queue`; what a task does is its room's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from camel_ext.core.claiming import Moment, choose, claimable
from camel_ext.core.clock import Clock
from camel_ext.core.concurrency import uses_thing, write_uses
from camel_ext.core.errors import NotFound
from camel_ext.core.journal import Append, Fenced, journalled
from camel_ext.core.models import EPOCH, FINAL_STATES, Job, State, WaitingFor, Worker
from camel_ext.core.tenancy import Tenant, system_options
from camel_ext.observability.trace import current_trace_id

JOBS = "jobs"  # the signal that wakes workers
ASKED = "jobs-asked"  # the signal that somebody asked something of a running job
HINT = "hint"  # begins the signal that names a job to take at once: `hint KIND PRIORITY ID`
MARK = system_options("queue")
WAKES_BY_ITSELF = (WaitingFor.PROVIDER, WaitingFor.SCHEDULE)


Holding = tuple[UUID, int]  # a job's id and the fence it was claimed under


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that this worker holds, and the fence that proves it."""

    id: UUID
    tenant: Tenant
    kind: str
    args: dict[str, Any]
    fence: int
    attempts: int
    max_attempts: int
    takeovers: int
    resources: dict[str, int]
    trace_id: str
    run_at: datetime
    cancel_requested: bool
    pause_requested: bool


def enqueue(
    db: Session,
    clock: Clock,
    job_id: UUID,
    kind: str,
    args: dict[str, Any],
    *,
    priority: int = 0,
    run_at: datetime | None = None,
    dedupe_key: str | None = None,
    parent_id: UUID | None = None,
    max_attempts: int = 5,
    resources: Mapping[str, int] | None = None,
    uses: Iterable[str] = (),
) -> Job:
    """Ask for a task in the session's transaction; nothing happens unless it commits.

    `uses` names what limits may bound: `workflow:NAME`, `model:NAME`, `device:*` (core.concurrency).
    With a `dedupe_key` an open job of that key is returned instead of a second one.
    """
    if dedupe_key is not None:
        twin = find_open(db, dedupe_key)
        if twin is not None:
            return twin
    now = clock.now()
    job = Job(
        id=job_id,
        kind=kind,
        args=args,
        priority=priority,
        run_at=run_at or now,
        dedupe_key=dedupe_key,
        parent_id=parent_id,
        max_attempts=max_attempts,
        resources=dict(resources or {}),
        uses=write_uses(uses),
        trace_id=current_trace_id() or "0" * 32,
        created_at=now,
    )
    db.add(job)
    signal(db)
    if job.run_at <= now:
        _hint(db, job)
    return job


def find_open(db: Session, dedupe_key: str) -> Job | None:
    """Return the one job with this key that has not ended, if there is one."""
    return db.scalar(select(Job).where(Job.dedupe_key == dedupe_key, Job.finished_at.is_(None)))


def has_ended(db: Session, job_id: UUID) -> bool:
    """Tell whether nobody will execute a job any more, also where it is not there."""
    job = db.get(Job, job_id, populate_existing=True)
    return job is None or job.state.is_final


def queue_of(kind: str) -> str:
    """Return the queue of a kind of job: its room."""
    return kind.partition(".")[0]


def request_cancel(db: Session, clock: Clock, job_id: UUID) -> Job:
    """Ask a job to stop: one that is not running ends at once, a running one at its next await.

    Raises: NotFound.
    """
    job = _get(db, job_id)
    if not job.state.is_final:
        job.cancel_requested_at = clock.now()
        if job.state in (State.QUEUED, State.WAITING):
            job.state, job.waiting_for = State.CANCELLED, None
            job.finished_at = clock.now()
        _tell_holder(db)
    return job


def request_pause(db: Session, clock: Clock, job_id: UUID) -> Job:
    """Ask a running job to stop at its next safe point and wait.

    Raises: NotFound.
    """
    job = _get(db, job_id)
    if not job.state.is_final:
        job.pause_requested_at = clock.now()
        _tell_holder(db)
    return job


def wake(db: Session, clock: Clock, job_id: UUID) -> Job:
    """Offer a waiting job again, and forget a request to pause.

    A job that is running, and about to wait, is offered again as soon as it does: its `run_at` moves,
    which `settle` sees. Without that, a person who answers quickly would be waited for for ever.
    Raises: NotFound.
    """
    job = _get(db, job_id)
    job.pause_requested_at = None
    if job.state == State.WAITING:
        job.state, job.waiting_for, job.run_at = State.QUEUED, None, clock.now()
        _hint(db, job)
    elif job.state == State.RUNNING:
        job.run_at = max(clock.now(), job.run_at + timedelta(microseconds=1))
    _tell_holder(db)
    return job


def _get(db: Session, job_id: UUID) -> Job:
    # locked: on PostgreSQL a worker could end it between our look and our change
    job = db.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise NotFound(f"there is no job {job_id}")
    return job


def signal(db: Session) -> None:
    """Wake the workers once the session's transaction is committed."""
    signals: set[str] = db.info.setdefault("signals", set())
    signals.add(JOBS)


def _tell_holder(db: Session) -> None:
    """Let whoever holds the job look at it once the transaction is committed, busy or not."""
    signal(db)
    signals: set[str] = db.info["signals"]
    signals.add(ASKED)


def _hint(db: Session, job: Job) -> None:
    """Name a job that can be taken once the session's transaction is committed."""
    signals: set[str] = db.info.setdefault("signals", set())
    signals.add(f"{HINT} {job.kind} {job.priority} {job.id}")


# --- across tenants: what workers do ---


def due(
    connection: Connection,
    now: Moment,
    kinds: frozenset[str],
    only: frozenset[UUID] | None = None,
) -> bool:
    """Tell whether anything of these kinds could be claimed; of these jobs alone, where named."""
    query = select(Job.id).where(claimable(now, kinds)).limit(1)
    if only is not None:
        query = query.where(Job.id.in_(only))
    return connection.execute(query.execution_options(**MARK)).first() is not None


def claim(
    connection: Connection,
    worker_id: UUID,
    now: Moment,
    *,
    slots: int,
    free: Mapping[str, int],
    kinds: frozenset[str],
    only: frozenset[UUID] | None = None,
    device: str | None = None,
) -> list[Claimed]:
    """Take due jobs that fit: highest priority, then longest due. Each claim raises the fence.

    `only`: none but these. A worker that was swept takes none until it has registered again: nobody
    would sweep it twice.
    """
    registered = select(Worker.id).where(Worker.id == worker_id).with_for_update(read=True)
    if connection.execute(registered).first() is None:
        return []
    chosen = choose(connection, now, slots=slots, free=free, kinds=kinds, only=only, device=device)
    if not chosen.ids:
        return []
    learnt: dict[str, Any] = {}
    if chosen.uses:
        learnt["uses"] = case(chosen.uses, value=Job.id, else_=Job.uses)
    taken = (
        update(Job)
        .where(Job.id.in_(chosen.ids))
        .values(
            state=State.RUNNING,
            waiting_for=None,
            worker_id=worker_id,
            fence=Job.fence + 1,
            started_at=now,
            **learnt,
        )
        .returning(
            Job.id, Job.org_id, Job.project_id, Job.kind, Job.args, Job.fence, Job.attempts,
            Job.max_attempts, Job.takeovers, Job.resources, Job.trace_id, Job.run_at,
            Job.cancel_requested_at, Job.pause_requested_at,
        )
    )  # fmt: skip
    rows = {row.id: row for row in connection.execute(taken.execution_options(**MARK))}
    return [
        Claimed(
            row.id, Tenant(row.org_id, row.project_id), row.kind, row.args, row.fence,
            row.attempts, row.max_attempts, row.takeovers, row.resources, row.trace_id,
            row.run_at, row.cancel_requested_at is not None, row.pause_requested_at is not None,
        )
        for row in (rows[job_id] for job_id in chosen.ids)
    ]  # fmt: skip


def settle(connection: Connection, job: Claimed, values: dict[str, Any], now: datetime) -> None:
    """Write how a held job went on.

    One that is to wait, yet was woken or asked to stop meanwhile, is offered again at once: its task
    is the one who knows what to do about it.
    Raises: Fenced where another worker holds it by now.
    """
    if not State(values["state"]).is_final:
        again: ColumnElement[bool] = Job.cancel_requested_at.is_not(None)
        if values["state"] == State.WAITING:
            again = or_(again, Job.run_at != job.run_at)
        values = values | {
            "state": _unless(again, State.QUEUED, values["state"], Job.state),
            "waiting_for": _unless(again, None, values.get("waiting_for"), Job.waiting_for),
            "run_at": _unless(again, now, values["run_at"], Job.run_at),
        }
    statement = (
        update(Job)
        .where(Job.id == job.id, Job.fence == job.fence, Job.state == State.RUNNING)
        .values(worker_id=None, **values)
    )
    if connection.execute(statement.execution_options(**MARK)).rowcount != 1:
        raise Fenced()


def success(job: Claimed, finished_at: datetime) -> Append:
    """Return the append that ends a held job well; many share one statement and one commit."""
    row = {
        "b_org_id": job.tenant.org_id,
        "b_project_id": job.tenant.project_id,
        "b_job_id": job.id,
        "new_finished_at": finished_at,
    }
    return Append(job.tenant, [(_SUCCEEDED, row)], job.id, job.fence)


_SUCCEEDED = journalled(
    update(Job)
    .where(
        Job.org_id == bindparam("b_org_id"),
        Job.project_id == bindparam("b_project_id"),
        Job.id == bindparam("b_job_id"),
    )
    .values(
        worker_id=None,
        state=State.SUCCEEDED,
        error_code=None,
        finished_at=bindparam("new_finished_at"),
    )
)


def _unless(again: ColumnElement[bool], instead: Any, value: Any, column: Any) -> Any:
    kind = column.type
    return case((again, literal(instead, kind)), else_=literal(value, kind))


def look(
    connection: Connection, worker_id: UUID, now: Moment, kinds: frozenset[str]
) -> tuple[dict[Holding, str], bool]:
    """Return what people asked of the jobs that this worker holds, and whether others are due.

    One statement: `cancel` or `pause` for each job that was asked something. Without kinds none is due.
    """
    asked = select(Job.id, Job.fence, Job.cancel_requested_at).where(
        Job.worker_id == worker_id,
        or_(Job.cancel_requested_at.is_not(None), Job.pause_requested_at.is_not(None)),
    )
    query: Executable = asked
    if kinds:
        any_due = select(Job.id).where(claimable(now, kinds)).limit(1).subquery()
        query = asked.union_all(select(any_due.c.id, literal(_DUE), null()))
    rows = connection.execute(query.execution_options(**MARK)).all()
    wanted = {
        (job_id, fence): "pause" if cancelled_at is None else "cancel"
        for job_id, fence, cancelled_at in rows
        if fence != _DUE
    }
    return wanted, len(rows) > len(wanted)


_DUE = -1  # no fence: this row of a look is a job that is due


def requests_to(connection: Connection, worker_id: UUID) -> dict[Holding, str]:
    """Return what people asked of the jobs this worker holds: `cancel` or `pause`."""
    return look(connection, worker_id, EPOCH, frozenset())[0]


def count_open(connection: Connection) -> dict[str, int]:
    """Return how many jobs are in each state that is not final."""
    query = select(Job.state, func.count()).where(Job.state.not_in(FINAL_STATES))
    rows = connection.execute(query.group_by(Job.state).execution_options(**MARK))
    return {str(state): count for state, count in rows}


def resume_waiting(connection: Connection, now: datetime, name: str) -> int:
    """Offer again, at once, what waits for a provider and uses this; return how many."""
    again = (
        update(Job)
        .where(
            Job.state == State.WAITING,
            Job.waiting_for == WaitingFor.PROVIDER,
            uses_thing(name),
        )
        .values(state=State.QUEUED, waiting_for=None, run_at=now)
    )
    return connection.execute(again.execution_options(**MARK)).rowcount


def check_fence(connection: Connection, job_id: UUID, fence: int) -> None:
    """Make sure, inside a transaction, that the job is still held under this fence.

    Raises: Fenced.
    """
    query = select(Job.id).where(Job.id == job_id, Job.fence == fence, Job.state == State.RUNNING)
    locked = query.with_for_update(read=True).execution_options(**MARK)
    if connection.execute(locked).first() is None:
        raise Fenced()
