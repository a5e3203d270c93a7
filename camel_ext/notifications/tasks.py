"""The task that sends a delivery: once where all goes well, again after longer and longer pauses where not.

A worker that dies between sending and writing leaves the delivery under way; who takes it over sends it
again, under the same id.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.door import TenantDoor
from camel_ext.core.models import WaitingFor
from camel_ext.core.queue import TaskContext, Wait, task
from camel_ext.notifications import deliveries
from camel_ext.notifications.deliveries import DELIVER, Letter, Tried
from camel_ext.notifications.errors import NotSendable, NotTaken
from camel_ext.notifications.sending import office_of
from camel_ext.notifications.unsent import Unsent

GROWTH = 4
LONGEST_S = 4 * 3600.0


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the delivery what its job failed of."""
    delivery_id = UUID(context.job.args["delivery_id"])
    await context.write(deliveries.mark_failed, context.runtime.clock, delivery_id, code, detail)


def cancel(db: Session, door: TenantDoor, *, delivery_id: str) -> None:
    """Send a delivery no more."""
    deliveries.cancel_delivery(db, door.runtime.clock, UUID(delivery_id))


def again(db: Session, door: TenantDoor, *, delivery_id: str) -> UUID:
    """Send a delivery that was given up once more; return the new job."""
    return deliveries.send_again(db, door.runtime, UUID(delivery_id)).job_id


@task(DELIVER, failed=mark_failed, cancel=cancel, again=again)
async def deliver(context: TaskContext, *, delivery_id: str) -> None:
    """Send a delivery."""
    clock = context.runtime.clock
    letter = await context.write(deliveries.begin, clock, UUID(delivery_id))
    if letter is None:
        return
    try:
        tried = await office_of(context.runtime).send(letter)
    except Unsent as unsent:
        await _put_off(context, letter, unsent)
    else:
        await context.write(deliveries.end_well, clock, letter.delivery_id, tried)


async def _put_off(context: TaskContext, letter: Letter, unsent: Unsent) -> None:
    """Write why a try failed, and wait for the next one, or give up.

    Raises: Wait, NotSendable, NotTaken.
    """
    knobs = office_of(context.runtime).settings.notifications
    last = unsent.lasting or letter.attempt >= knobs.attempts
    most_s = min(LONGEST_S, knobs.backoff_s * GROWTH ** (letter.attempt - 1))
    pause_s = context.runtime.rng.uniform(most_s / 2, most_s)
    until = None if last else context.runtime.clock.now() + timedelta(seconds=pause_s)
    tried = Tried(unsent.response_code, unsent.latency_ms)
    await context.write(
        deliveries.put_off, letter.delivery_id, tried, unsent.code, unsent.detail, until
    )
    if unsent.lasting:
        raise NotSendable(unsent.detail)
    if until is None:
        raise NotTaken(f"{letter.attempt} tries: {unsent.detail}")
    raise Wait(WaitingFor.PROVIDER, until, unsent.detail)
