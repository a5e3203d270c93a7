"""The tasks of the log, letting old calls leave and bringing them back, and what schedules can start.

What they do comes with the first of them: a start needs none of it.
"""

from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.door import TenantDoor
from camel_ext.core.models import State
from camel_ext.core.queue import TaskContext, task
from camel_ext.interactions.models import RESTORE, SWEEP, Sweep
from camel_ext.interactions.schemas import SweepStart
from camel_ext.scheduling import Asking, Schedulable, schedulable, states_of


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the sweep what its job failed of."""
    from camel_ext.interactions import sweeping

    await sweeping.end(context, State.FAILED, (code, detail))


def cancel(db: Session, door: TenantDoor, *, sweep_id: str) -> None:
    """Stop a sweep by its job."""
    from camel_ext.interactions import retention

    retention.cancel_sweep(db, door.runtime.clock, UUID(sweep_id))


def again(db: Session, door: TenantDoor, *, sweep_id: str) -> UUID:
    """Walk anew, for the same and as old as the retention says today; return the new job."""
    from camel_ext.interactions import retention

    runtime = door.runtime
    wanted = SweepStart(archive=retention.get_sweep(db, UUID(sweep_id)).archive)
    made = retention.start_sweep(db, runtime.clock, runtime.new_id, door.principal_id, wanted)
    return made.job_id


@task(SWEEP, failed=mark_failed, cancel=cancel, again=again)
async def sweep(context: TaskContext, *, sweep_id: str) -> None:
    """Let old calls leave."""
    from camel_ext.interactions import sweeping

    await sweeping.sweep(context, UUID(sweep_id))


async def give_up(context: TaskContext, _code: str, _detail: str) -> None:
    """Leave in the archive what is not back yet."""
    from camel_ext.interactions import restoring

    await restoring.give_up(context)


def restore_again(db: Session, door: TenantDoor, *, archive_id: str) -> UUID:
    """Bring back what is not back yet; return the job that does, or that did."""
    from camel_ext.interactions import retention

    runtime = door.runtime
    archive = retention.start_restore(db, runtime.clock, runtime.new_id, UUID(archive_id))
    assert archive.job_id is not None, "it was asked for"
    return archive.job_id


@task(RESTORE, failed=give_up, again=restore_again)
async def restore_archive(context: TaskContext, *, archive_id: str) -> None:
    """Bring an archive's calls back."""
    from camel_ext.interactions import restoring

    await restoring.restore(context, UUID(archive_id))


def _start(db: Session, asking: Asking, wanted: SweepStart) -> UUID:
    from camel_ext.interactions import retention

    made = retention.start_sweep(db, asking.clock, asking.new_id, asking.principal_id, wanted)
    return made.id


def _stop(db: Session, asking: Asking, sweep_id: UUID) -> object:
    from camel_ext.interactions import retention

    return retention.cancel_sweep(db, asking.clock, sweep_id)


SCHEDULABLE = schedulable(
    Schedulable(
        name=SWEEP,
        words="Archive or erase the words of old calls, as the project's retention says.",
        arguments=SweepStart,
        path="/api/v1/interaction-sweeps/{id}",
        start=_start,
        look=states_of(Sweep),
        stop=_stop,
    )
)
