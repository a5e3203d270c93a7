"""The task that carries out a firing: it starts what the schedule says, once, or waits for its turn."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.door import TenantDoor
from camel_ext.core.models import State, WaitingFor
from camel_ext.core.queue import TaskContext, Wait, task
from camel_ext.scheduling import firings
from camel_ext.scheduling.ticking import FIRE

TURN_S = 1.0  # how often a firing looks whether the one before it is over


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the firing what its job failed of."""
    firing_id = UUID(context.job.args["firing_id"])
    await context.write(firings.mark_failed, context.runtime.clock, firing_id, code, detail)


def cancel(db: Session, door: TenantDoor, *, firing_id: str) -> None:
    """Drop a firing that has not started anything yet."""
    firings.cancel_firing(db, door.runtime.clock, UUID(firing_id))


def again(db: Session, door: TenantDoor, *, firing_id: str) -> UUID:
    """Fire the schedule of a firing that failed, by hand; return the new job."""
    return firings.repeat_firing(db, door.runtime, door.principal_id, UUID(firing_id))


@task(FIRE, failed=mark_failed, cancel=cancel, again=again)
async def fire(context: TaskContext, *, firing_id: str) -> None:
    """Start what a firing is to start."""
    runtime, job = context.runtime, context.job
    firing = await context.write(firings.carry_out, runtime, job.trace_id, UUID(firing_id))
    if firing is not None and firing.state is State.WAITING:
        until = runtime.clock.now() + timedelta(seconds=TURN_S)
        raise Wait(WaitingFor.SCHEDULE, until, "the firing before it is under way")
