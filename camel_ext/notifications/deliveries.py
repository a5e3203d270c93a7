"""Deliveries: the log of what leaves the house, from being written to its end, and sending again.

Each function works in somebody's transaction: the leader's, the job's, or a door's. How a message is sent
is `sending`'s; between `begin` and `end` it is under way, and whoever finds it so sends it again, under
the same id.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.door import TenantDoor
from camel_ext.core.models import State, WaitingFor
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.core.runtime import Runtime
from camel_ext.notifications.channels import get_channel
from camel_ext.notifications.errors import DeliveryOpen, DeliveryUnknown
from camel_ext.notifications.events import DeliveryEnded
from camel_ext.notifications.models import Channel, ChannelKind, Delivery, Notice, Rule
from camel_ext.notifications.schemas import DeliveryQuery

DELIVER = "notifications.deliver"
CARRIED = 100  # notices that one message spells out; it says how many more there are
TEST = "test"
MARGIN = timedelta(days=10)  # a notice may be so much younger than the delivery that gathers it


@dataclass(frozen=True, slots=True)
class Letter:
    """All that a sender needs: where to, and what is said."""

    delivery_id: UUID
    created_at: datetime
    channel: str
    kind: ChannelKind
    config: dict[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    subject: str
    count: int
    notices: tuple[Notice, ...]
    attempt: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one try."""

    response_code: int | None = None
    latency_ms: float | None = None


def write_delivery(
    db: Session,
    runtime: Runtime,
    channel: Channel,
    rule: Rule | None,
    bucket: str,
    due: datetime,
    fence: int,
) -> Delivery:
    """Write a delivery with the job that sends it when it is due."""
    delivery = Delivery(
        id=runtime.new_id(),
        channel_id=channel.id,
        channel=channel.name,
        kind=channel.kind,
        rule_id=None if rule is None else rule.id,
        bucket=bucket,
        subject=f"A test of the channel {channel.name}",
        notices=0,
        state=State.QUEUED,
        due_at=due,
        attempts=0,
        job_id=runtime.new_id(),
        fence=fence,
        created_at=runtime.clock.now(),
    )
    db.add(delivery)
    _enqueue(db, runtime.clock, delivery)
    db.flush()
    return delivery


def _enqueue(db: Session, clock: Clock, delivery: Delivery) -> None:
    # The tries are counted here, not by the queue, whose pauses end at a minute.
    args = {"delivery_id": str(delivery.id)}
    jobs.enqueue(db, clock, delivery.job_id, DELIVER, args, run_at=delivery.due_at, max_attempts=1)


def test_channel(db: Session, door: TenantDoor, channel_id: UUID) -> Delivery:
    """Send a message that says it is a test. Raises: ChannelUnknown."""
    channel = get_channel(db, channel_id)
    now = door.runtime.clock.now()
    return write_delivery(db, door.runtime, channel, None, TEST, now, 0)


def begin(db: Session, clock: Clock, delivery_id: UUID) -> Letter | None:
    """Count a try and return what is to be sent; None: there is nothing to send any more."""
    delivery = _locked(db, delivery_id)
    if delivery is None or delivery.state.is_final:
        return None
    channel = db.get(Channel, delivery.channel_id)
    if channel is None or not (channel.enabled or delivery.bucket == TEST):
        why = "is gone" if channel is None else "is turned off"
        _end(db, clock, delivery, State.CANCELLED, None, f"the channel {delivery.channel} {why}")
        return None
    delivery.state, delivery.waiting_for, delivery.next_try_at = State.RUNNING, None, None
    delivery.attempts += 1
    db.flush()
    query = select(Notice).where(Notice.delivery_id == delivery_id)
    carried = db.scalars(query.order_by(Notice.created_at, Notice.id).limit(CARRIED))
    old = channel.old_secret if channel.old_until and channel.old_until > clock.now() else None
    return Letter(
        delivery.id,
        delivery.created_at,
        channel.name,
        channel.kind,
        channel.config,
        tuple(each for each in (channel.secret, old) if each is not None),
        delivery.subject,
        delivery.notices,
        tuple(carried),
        delivery.attempts,
    )


def end_well(db: Session, clock: Clock, delivery_id: UUID, tried: Tried) -> None:
    """Write that the other side took it."""
    delivery = _locked(db, delivery_id)
    if delivery is not None and not delivery.state.is_final:
        _note(delivery, tried)
        _end(db, clock, delivery, State.SUCCEEDED, None, None)


def put_off(
    db: Session, delivery_id: UUID, tried: Tried, code: str, detail: str, until: datetime | None
) -> None:
    """Write why a try failed, and when the next one is; None: there is none."""
    delivery = _locked(db, delivery_id)
    if delivery is None or delivery.state.is_final:
        return
    _note(delivery, tried)
    delivery.error_code, delivery.error_detail = code, detail[:2000]
    if until is not None:
        delivery.state, delivery.waiting_for = State.WAITING, WaitingFor.PROVIDER
        delivery.next_try_at = until
    db.flush()


def mark_failed(db: Session, clock: Clock, delivery_id: UUID, code: str, detail: str) -> None:
    """Write that a delivery was given up."""
    delivery = _locked(db, delivery_id)
    if delivery is not None and not delivery.state.is_final:
        _end(db, clock, delivery, State.FAILED, code, detail)


def cancel_delivery(db: Session, clock: Clock, delivery_id: UUID) -> Delivery:
    """Send a delivery no more. Raises: DeliveryUnknown."""
    delivery = get_delivery(db, delivery_id)
    job = jobs.request_cancel(db, clock, delivery.job_id)  # the job is locked first
    delivery = get_delivery(db, delivery_id, lock=True)
    if job.state.is_final and not delivery.state.is_final:
        _end(db, clock, delivery, State.CANCELLED, None, "somebody stopped it")
    return delivery


def send_again(db: Session, runtime: Runtime, delivery_id: UUID) -> Delivery:
    """Send a delivery that has ended once more, under the same id.

    Raises: DeliveryUnknown, DeliveryOpen.
    """
    delivery = get_delivery(db, delivery_id, lock=True)
    if not delivery.state.is_final:
        raise DeliveryOpen(f"the delivery is {delivery.state}: it has not ended yet")
    delivery.state, delivery.attempts, delivery.finished_at = State.QUEUED, 0, None
    delivery.error_code = delivery.error_detail = None
    delivery.due_at = runtime.clock.now()
    delivery.job_id = runtime.new_id()
    _enqueue(db, runtime.clock, delivery)
    db.flush()
    return delivery


def get_delivery(db: Session, delivery_id: UUID, *, lock: bool = False) -> Delivery:
    """Return a delivery. Raises: DeliveryUnknown."""
    found = db.get(Delivery, delivery_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise DeliveryUnknown(f"there is no delivery {delivery_id} in this project")
    return found


def list_deliveries(
    db: Session, wanted: DeliveryQuery, where: Place
) -> tuple[list[Delivery], str | None]:
    """Return a page of the delivery log, newest first."""
    query = select(Delivery)
    if wanted.channel_id is not None:
        query = query.where(Delivery.channel_id == wanted.channel_id)
    if wanted.state is not None:
        query = query.where(Delivery.state == wanted.state)
    return fetch_page(db, query, Delivery.created_at, Delivery.id, where)


def forget_old(db: Session, now: datetime, keep: timedelta) -> int:
    """Drop notices and deliveries of all tenants that are old; return how many."""
    dropped = 0
    for old in (
        delete(Notice).where(Notice.created_at < now - keep),
        delete(Delivery).where(
            Delivery.created_at < now - keep - MARGIN, Delivery.finished_at.is_not(None)
        ),
    ):
        done = db.execute(old.execution_options(synchronize_session=False))
        dropped += int(done.rowcount)  # type: ignore[attr-defined]
    return dropped


def _locked(db: Session, delivery_id: UUID) -> Delivery | None:
    return db.get(Delivery, delivery_id, with_for_update=True, populate_existing=True)


def _note(delivery: Delivery, tried: Tried) -> None:
    delivery.response_code, delivery.latency_ms = tried.response_code, tried.latency_ms


def _end(
    db: Session,
    clock: Clock,
    delivery: Delivery,
    state: State,
    code: str | None,
    detail: str | None,
) -> None:
    delivery.state, delivery.waiting_for, delivery.next_try_at = state, None, None
    delivery.error_code = code
    delivery.error_detail = None if detail is None else detail[:2000]
    delivery.finished_at = clock.now()
    publish(
        db,
        clock,
        DeliveryEnded(str(delivery.id), delivery.channel, state, delivery.attempts, code),
    )
    db.flush()
