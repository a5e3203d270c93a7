"""Who judges which item of a queue: taking the next, keeping it, giving it back, having judged it.

An item is kept for whoever took it until its time is over; then anybody may take it. Nobody judges the
same answers twice in one queue. Time is the clock's that is handed in.
"""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from camel_ext.annotations.errors import (
    ItemDone,
    ItemTaken,
    ItemUnknown,
    JudgementInvalid,
    QueueClosed,
    ReservationExpired,
)
from camel_ext.annotations.judgements import Json, Judge
from camel_ext.annotations.models import Queue, QueueItem
from camel_ext.annotations.queues import get_queue
from camel_ext.annotations.schemas import AnyCreate, LabelsCreate
from camel_ext.core.clock import Clock


def next_item(db: Session, clock: Clock, principal_id: UUID, queue_id: UUID) -> QueueItem | None:
    """Reserve the next item for somebody; whoever has one already gets it again, kept longer.

    None: nothing is left that this one may judge, now.
    Raises: QueueUnknown, QueueClosed.
    """
    return next(iter(next_items(db, clock, principal_id, queue_id, 1)), None)


def next_items(
    db: Session, clock: Clock, principal_id: UUID, queue_id: UUID, count: int
) -> list[QueueItem]:
    """Reserve the next items for somebody, of different sets; those they have already come first.

    Fewer: not more is left that this one may judge, now.
    Raises: QueueUnknown, QueueClosed.
    """
    queue = _open_queue(db, queue_id)
    now = clock.now()
    free = or_(QueueItem.reserved_until.is_(None), QueueItem.reserved_until <= now)
    mine = QueueItem.reserved_by_id == principal_id
    base = select(QueueItem).where(QueueItem.queue_id == queue_id, QueueItem.done_at.is_(None))
    order = (QueueItem.place, QueueItem.id)
    held = base.where(mine, ~free).order_by(*order).limit(count).with_for_update()
    found = [_keep(db, clock, principal_id, queue, item) for item in db.scalars(held)]
    twin = aliased(QueueItem)
    taken = and_(twin.reserved_by_id == principal_id, twin.reserved_until > now)
    known = select(twin.id).where(
        twin.queue_id == queue_id,
        twin.subject_set == QueueItem.subject_set,
        or_(twin.done_by_id == principal_id, taken),
    )
    fresh = base.where(free, ~known.exists()).order_by(*order).limit(1)
    while len(found) < count:  # one by one: each rules out the others of its set
        item = db.scalar(fresh.with_for_update(skip_locked=True))
        if item is None:
            break
        found.append(_keep(db, clock, principal_id, queue, item))
    return found


def reserve_item(db: Session, clock: Clock, principal_id: UUID, item_id: UUID) -> QueueItem:
    """Keep an item, or keep it longer.

    Raises: ItemUnknown, QueueClosed, ItemDone, ItemTaken.
    """
    item, whole_set = _locked(db, item_id)
    queue = _open_queue(db, item.queue_id)
    _check_free(clock, principal_id, item, whole_set)
    return _keep(db, clock, principal_id, queue, item)


def release_item(
    db: Session,
    clock: Clock,
    principal_id: UUID,
    item_id: UUID,
    *,
    skip: bool = False,
    reason: str | None = None,
) -> QueueItem:
    """Give an item back; skipped, for this reason, it comes again when all others were offered.

    Raises: ItemUnknown, ItemDone, ItemTaken.
    """
    item, whole_set = _locked(db, item_id)
    _check_free(clock, principal_id, item, whole_set)
    item.reserved_by_id = item.reserved_until = None
    if skip:
        last = select(func.max(QueueItem.place)).where(QueueItem.queue_id == item.queue_id)
        item.place = (db.scalar(last) or 0) + 1
        item.skipped_by_id, item.skipped_at = principal_id, clock.now()
        item.skip_reason = reason
    db.flush()
    return item


def get_item(db: Session, item_id: UUID) -> QueueItem:
    """Return an item. Raises: ItemUnknown."""
    item = db.get(QueueItem, item_id)
    if item is None:
        raise ItemUnknown(f"there is no item {item_id} of a queue in this project")
    return item


def _locked(db: Session, item_id: UUID) -> tuple[QueueItem, list[QueueItem]]:
    """Return an item and all of its set, which nobody else can take or answer until the commit.

    All of the set, and in one order: one person who answers two of it at once is seen to.
    """
    item = get_item(db, item_id)
    query = (
        select(QueueItem)
        .where(QueueItem.queue_id == item.queue_id, QueueItem.subject_set == item.subject_set)
        .order_by(QueueItem.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return item, list(db.scalars(query))


def answer_item(db: Session, clock: Clock, judge: Judge, wanted: AnyCreate, row: Json) -> None:
    """Let a judgement answer the item that its writer holds.

    The queue says by which rules, and whether blind, unless the judgement does.
    Raises: ItemUnknown, ItemDone, ItemTaken, ReservationExpired, JudgementInvalid.
    """
    assert wanted.queue_item_id is not None
    item, whole_set = _locked(db, wanted.queue_item_id)
    _check_free(clock, judge.principal_id, item, whole_set)
    if item.reserved_by_id != judge.principal_id or not _is_kept(clock, item):
        raise ReservationExpired(
            f"`queue_item_id`: item {item.id} is not kept for you, or no longer: reserve it again "
            f"(POST /api/v1/annotation-queue-items/{item.id}/reserve), then send your judgement"
        )
    queue = get_queue(db, item.queue_id)
    _check_fits(queue, item, wanted)
    row["blind"] = wanted.blind or queue.blind
    row["guideline_version"] = wanted.guideline_version or queue.guideline_version
    item.done_by_id, item.done_at, item.annotation_id = judge.principal_id, clock.now(), row["id"]
    item.reserved_by_id = item.reserved_until = None


def _check_fits(queue: Queue, item: QueueItem, wanted: AnyCreate) -> None:
    if wanted.kind != queue.kind:
        raise JudgementInvalid(f"`kind`: the queue {queue.name!r} asks for `{queue.kind}`")
    if {str(each) for each in wanted.interaction_ids} != set(item.interaction_ids):
        asked = ", ".join(item.interaction_ids)
        raise JudgementInvalid(f"`interaction_ids`: the item is about {asked}")
    given = wanted.labels if isinstance(wanted, LabelsCreate) else []
    unknown = [label for label in given if queue.labels and label not in queue.labels]
    if unknown:
        known = ", ".join(queue.labels or [])
        raise JudgementInvalid(f"`labels`: the queue has no {unknown[0]!r}; it has: {known}")


def reopen_items(db: Session, withdrawn: Mapping[UUID, UUID | None]) -> None:
    """Ask again for what these judgements (by id, with the item each answered) had answered."""
    items = {item_id for item_id in withdrawn.values() if item_id is not None}
    if not items:
        return
    nothing: Json = {"done_by_id": None, "done_at": None, "annotation_id": None}
    db.execute(
        update(QueueItem)
        .where(QueueItem.id.in_(items), QueueItem.annotation_id.in_(withdrawn))
        .values(**nothing)
        .execution_options(synchronize_session=False)
    )


def _open_queue(db: Session, queue_id: UUID) -> Queue:
    queue = get_queue(db, queue_id)
    if queue.closed_at is not None:
        raise QueueClosed(f"the queue {queue.name!r} is closed and gives nothing out any more")
    return queue


def _keep(
    db: Session, clock: Clock, principal_id: UUID, queue: Queue, item: QueueItem
) -> QueueItem:
    item.reserved_by_id = principal_id
    item.reserved_until = clock.now() + timedelta(seconds=queue.reservation_s)
    db.flush()
    return item


def _is_kept(clock: Clock, item: QueueItem) -> bool:
    return item.reserved_until is not None and item.reserved_until > clock.now()


def _check_free(
    clock: Clock, principal_id: UUID, item: QueueItem, whole_set: list[QueueItem]
) -> None:
    if item.done_at is not None:
        whom = "you" if item.done_by_id == principal_id else "somebody else"
        raise ItemDone(f"`queue_item_id`: item {item.id} was judged by {whom} already")
    if item.reserved_by_id != principal_id and _is_kept(clock, item):
        raise ItemTaken(
            f"`queue_item_id`: somebody else keeps item {item.id} until {item.reserved_until}: take "
            "the next one"
        )
    if any(each.done_by_id == principal_id for each in whole_set):
        raise ItemDone(f"`queue_item_id`: you judged the answers of item {item.id} already")
