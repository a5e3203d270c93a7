"""Retention: a project's policy, the sweeps that follow it, and the archives they leave.

Each function works in somebody's transaction; which calls leave is `leaving`'s, the walk itself
`sweeping`'s.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.door import check_revision
from camel_ext.core.models import FINAL_STATES, State
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.core.tenancy import current_tenant
from camel_ext.interactions.archive_files import require_parquet
from camel_ext.interactions.errors import (
    ArchiveBusy,
    ArchiveUnknown,
    RetentionMissing,
    RetentionTakesAgain,
    SweepUnderWay,
    SweepUnknown,
)
from camel_ext.interactions.events import RetentionChanged, SweepFinished
from camel_ext.interactions.models import (
    RESTORE,
    SWEEP,
    Archive,
    ArchiveState,
    Retention,
    Sweep,
)
from camel_ext.interactions.schemas import RetentionSet, SweepStart

NewId = Callable[[], UUID]


def find_retention(db: Session) -> Retention | None:
    """Return the project's retention, if it has one."""
    return db.scalar(select(Retention))


def get_retention(db: Session) -> Retention:
    """Return the project's retention. Raises: RetentionMissing."""
    found = find_retention(db)
    if found is None:
        raise RetentionMissing("this project keeps its calls for ever: no retention is set")
    return found


def set_retention(
    db: Session, clock: Clock, principal_id: UUID, wanted: RetentionSet, revision: int | None
) -> Retention:
    """Say how long calls are kept; with a revision only if it stands there.

    Raises: ParquetMissing, PreconditionFailed.
    """
    if wanted.archive:
        require_parquet()
    found = find_retention(db)
    if revision is not None:
        check_revision(0 if found is None else found.revision, revision)
    if found is None:
        found = Retention(revision=0)
        db.add(found)
    found.keep_days, found.archive = wanted.keep_days, wanted.archive
    found.revision += 1
    found.principal_id, found.changed_at = principal_id, clock.now()
    db.flush()
    _announce(db, clock, found)
    return found


def end_retention(db: Session, clock: Clock) -> Retention:
    """Keep calls for ever from now on; what is archived stays so. Raises: RetentionMissing."""
    found = get_retention(db)
    db.delete(found)
    db.flush()
    _announce(db, clock, None)
    return found


def _announce(db: Session, clock: Clock, found: Retention | None) -> None:
    subject = str(current_tenant(db).project_id)
    keep_days, archive = (None, None) if found is None else (found.keep_days, found.archive)
    publish(db, clock, RetentionChanged(subject, keep_days, archive))


def start_sweep(
    db: Session, clock: Clock, new_id: NewId, principal_id: UUID, wanted: SweepStart
) -> Sweep:
    """Queue a walk over the old calls; what is old is settled now.

    Raises: RetentionMissing, SweepUnderWay, ParquetMissing.
    """
    policy = find_retention(db)
    days = wanted.older_than_days if wanted.older_than_days is not None else _days(policy)
    archive = wanted.archive if wanted.archive is not None else policy is None or policy.archive
    if archive:
        require_parquet()
    open_one = db.scalar(select(Sweep.id).where(Sweep.state.not_in(FINAL_STATES)).limit(1))
    if open_one is not None:
        raise SweepUnderWay(f"sweep {open_one} has not ended: wait for it, or cancel it")
    now = clock.now()
    sweep = Sweep(
        id=new_id(), state=State.QUEUED, archive=archive, until=now - timedelta(days=days),
        looked_at=0, archived=0, erased=0, kept=0, principal_id=principal_id, job_id=new_id(),
        created_at=now,
    )  # fmt: skip
    db.add(sweep)
    # one at a time in a project, whoever asks at the same instant
    job = jobs.enqueue(
        db, clock, sweep.job_id, SWEEP, {"sweep_id": str(sweep.id)}, dedupe_key=SWEEP
    )
    if job.id != sweep.job_id:
        raise SweepUnderWay("another sweep of this project has not ended: wait for it")
    db.flush()
    return sweep


def _days(policy: Retention | None) -> int:
    if policy is None:
        raise RetentionMissing(
            "this project has no retention: set one, or say `older_than_days` with the sweep"
        )
    return policy.keep_days


def get_sweep(db: Session, sweep_id: UUID, *, lock: bool = False) -> Sweep:
    """Return a sweep. Raises: SweepUnknown."""
    sweep = db.get(Sweep, sweep_id, with_for_update=lock or None, populate_existing=lock)
    if sweep is None:
        raise SweepUnknown(f"there is no sweep {sweep_id} in this project")
    return sweep


def list_sweeps(db: Session, where: Place) -> tuple[list[Sweep], str | None]:
    """Return a page of sweeps, newest first."""
    return fetch_page(db, select(Sweep), Sweep.created_at, Sweep.id, where)


def cancel_sweep(db: Session, clock: Clock, sweep_id: UUID) -> Sweep:
    """Stop a sweep; what left until then stays where it is. Raises: SweepUnknown."""
    job = jobs.request_cancel(db, clock, get_sweep(db, sweep_id).job_id)  # locked first
    sweep = get_sweep(db, sweep_id, lock=True)
    if job.state.is_final:  # nobody is executing it: it ends here
        end_sweep(db, clock, sweep_id, State.CANCELLED)
    return sweep


def begin_sweep(db: Session, now: datetime, sweep_id: UUID) -> Sweep:
    """Say that a sweep is under way; it counts anew what it only looks at."""
    sweep = get_sweep(db, sweep_id, lock=True)
    if not sweep.state.is_final:
        sweep.state = State.RUNNING
        sweep.started_at = sweep.started_at or now
        sweep.looked_at = sweep.kept = 0
        db.flush()
    return sweep


def end_sweep(
    db: Session,
    clock: Clock,
    sweep_id: UUID,
    state: State,
    error: tuple[str, str] | None = None,
) -> None:
    """Write a sweep's end, once."""
    sweep = get_sweep(db, sweep_id, lock=True)
    if sweep.state.is_final:
        return
    sweep.state, sweep.finished_at = state, clock.now()
    sweep.error_code, sweep.error_detail = error or (None, None)
    publish(
        db,
        clock,
        SweepFinished(str(sweep.id), state, sweep.archived, sweep.erased, sweep.error_code),
    )
    db.flush()


def get_archive(db: Session, archive_id: UUID, *, lock: bool = False) -> Archive:
    """Return an archive. Raises: ArchiveUnknown."""
    archive = db.get(Archive, archive_id, with_for_update=lock or None, populate_existing=lock)
    if archive is None:
        raise ArchiveUnknown(f"there is no archive {archive_id} in this project")
    return archive


def list_archives(db: Session, where: Place) -> tuple[list[Archive], str | None]:
    """Return a page of archives, newest first."""
    return fetch_page(db, select(Archive), Archive.created_at, Archive.id, where)


def start_restore(db: Session, clock: Clock, new_id: NewId, archive_id: UUID) -> Archive:
    """Queue bringing an archive's calls back into the log; said twice, it does nothing more.

    Raises: ArchiveUnknown, ArchiveBusy, RetentionTakesAgain, ParquetMissing.
    """
    require_parquet()
    archive = get_archive(db, archive_id, lock=True)
    if archive.state == ArchiveState.RESTORED:
        return archive
    if archive.state == ArchiveState.RESTORING:
        if archive.job_id is None or jobs.has_ended(db, archive.job_id):
            _enqueue_restore(db, clock, new_id, archive)  # nobody could tell it of the failure
        return archive
    if archive.state != ArchiveState.ARCHIVED:
        raise ArchiveBusy(
            f"archive {archive_id} is {archive.state}: wait until its sweep has ended"
        )
    policy = find_retention(db)
    old = None if policy is None else clock.now() - timedelta(days=policy.keep_days)
    if old is not None and archive.first_at is not None and archive.first_at < old:
        raise RetentionTakesAgain(
            "calls of this archive are older than the project's retention keeps them, so the next "
            "sweep would take them again: lengthen or end the retention first"
        )
    archive.state = ArchiveState.RESTORING
    _enqueue_restore(db, clock, new_id, archive)
    return archive


def _enqueue_restore(db: Session, clock: Clock, new_id: NewId, archive: Archive) -> None:
    archive.job_id = new_id()
    jobs.enqueue(db, clock, archive.job_id, RESTORE, {"archive_id": str(archive.id)})
    db.flush()
