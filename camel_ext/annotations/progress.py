"""How far a queue is: its items with their states, counts, pace, and who did how much.

While a queue is blind nobody learns what others did of it: only counts, and what is one's own. Giving
items out is `reservations`'.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select, tuple_
from sqlalchemy.orm import Session

from camel_ext.annotations.models import Queue, QueueItem
from camel_ext.annotations.queues import get_queue
from camel_ext.annotations.schemas_queues import (
    ItemListed,
    ItemState,
    PersonShown,
    QueueProgress,
)
from camel_ext.core.clock import Clock
from camel_ext.core.models import EPOCH, to_micros
from camel_ext.core.paging import Place, encode_cursor

PACE = timedelta(hours=1)


def list_items(
    db: Session,
    clock: Clock,
    principal_id: UUID,
    queue_id: UUID,
    where: Place,
    state: ItemState | None = None,
) -> tuple[list[ItemListed], str | None]:
    """Return a page of a queue's items, set by set, whoever has them: two queries.

    Raises: QueueUnknown.
    """
    queue, now = get_queue(db, queue_id), clock.now()
    query = select(QueueItem).where(QueueItem.queue_id == queue_id)
    if state is not None:
        query = query.where(_is(state, now))
    order = (QueueItem.subject_set, QueueItem.id)
    if where.after is not None:  # the cursor's time holds the number of the set
        query = query.where(tuple_(*order) > (to_micros(where.after[0]), where.after[1]))
    rows = list(db.scalars(query.order_by(*order).limit(where.limit + 1)))
    page = rows[: where.limit]
    cursor = None
    if len(rows) > len(page):
        number = EPOCH + timedelta(microseconds=page[-1].subject_set)
        cursor = encode_cursor(number, page[-1].id)
    return [_listed(queue, each, principal_id, now) for each in page], cursor


def _is(state: ItemState, now: datetime) -> ColumnElement[bool]:
    is_open = QueueItem.done_at.is_(None)
    taken = and_(is_open, QueueItem.reserved_until > now)
    free = and_(is_open, or_(QueueItem.reserved_until.is_(None), QueueItem.reserved_until <= now))
    return {
        ItemState.DONE: QueueItem.done_at.is_not(None),
        ItemState.RESERVED: taken,
        ItemState.SKIPPED: and_(free, QueueItem.skipped_at.is_not(None)),
        ItemState.OPEN: and_(free, QueueItem.skipped_at.is_(None)),
    }[state]


def _state_of(item: QueueItem, now: datetime) -> ItemState:
    if item.done_at is not None:
        return ItemState.DONE
    if item.reserved_until is not None and item.reserved_until > now:
        return ItemState.RESERVED
    return ItemState.OPEN if item.skipped_at is None else ItemState.SKIPPED


def _listed(queue: Queue, item: QueueItem, principal_id: UUID, now: datetime) -> ItemListed:
    state = _state_of(item, now)
    reserved = state == ItemState.RESERVED

    def seen(who: UUID | None) -> bool:
        return who is not None and (not queue.blind or who == principal_id)

    done, skipped = seen(item.done_by_id), seen(item.skipped_by_id)
    return ItemListed(
        id=item.id,
        subject_set=item.subject_set,
        interaction_ids=item.interaction_ids,
        state=state,
        reserved_by_id=item.reserved_by_id if reserved and seen(item.reserved_by_id) else None,
        reserved_until=item.reserved_until if reserved else None,
        done_by_id=item.done_by_id if done else None,
        done_at=item.done_at,
        annotation_id=item.annotation_id if done else None,
        skipped_by_id=item.skipped_by_id if skipped else None,
        skipped_at=item.skipped_at,
        skip_reason=item.skip_reason if skipped else None,
    )


def show_progress(db: Session, clock: Clock, principal_id: UUID, queue_id: UUID) -> QueueProgress:
    """Return how far a queue is, and how fast it goes: three queries. Raises: QueueUnknown."""
    queue, now = get_queue(db, queue_id), clock.now()
    counts = [
        func.coalesce(func.sum(case((_is(state, now), 1), else_=0)), 0) for state in ItemState
    ]
    row = db.execute(select(*counts).where(QueueItem.queue_id == queue_id)).one()
    by_state = dict(zip(ItemState, row, strict=True))
    people = _people(db, queue, now)
    recent = sum(each.done_in_last_hour for each in people)
    first = min((each.first_recent_at for each in people if each.first_recent_at), default=None)
    per_hour = _pace(recent, first, now)
    undone = queue.items_total - by_state[ItemState.DONE]
    return QueueProgress(
        items_total=queue.items_total,
        done=by_state[ItemState.DONE],
        open=by_state[ItemState.OPEN],
        reserved=by_state[ItemState.RESERVED],
        skipped=by_state[ItemState.SKIPPED],
        judged_per_hour=per_hour,
        left_s=None if per_hour is None else undone / per_hour * 3600,
        people=[each for each in people if not queue.blind or each.principal_id == principal_id],
    )


def _people(db: Session, queue: Queue, now: datetime) -> list[PersonShown]:
    recent = QueueItem.done_at > now - PACE
    query = (
        select(
            QueueItem.done_by_id,
            func.count(),
            func.sum(case((recent, 1), else_=0)),
            func.min(case((recent, QueueItem.done_at))),
            func.max(QueueItem.done_at),
        )
        .where(QueueItem.queue_id == queue.id, QueueItem.done_at.is_not(None))
        .group_by(QueueItem.done_by_id)
    )
    return sorted(
        (_person(row, now) for row in db.execute(query)),
        key=lambda each: (-each.done, each.last_at),
    )


def _person(row: Iterable[Any], now: datetime) -> PersonShown:
    who, done, recent, first, last = row
    return PersonShown(
        principal_id=who,
        done=done,
        done_in_last_hour=recent,
        first_recent_at=first,
        judged_per_hour=_pace(recent, first, now),
        last_at=last,
    )


def _pace(judged: int, first: datetime | None, now: datetime) -> float | None:
    """Return judgements an hour from the first of the last hour until now; one is no pace."""
    if judged < 2 or first is None or first >= now:
        return None
    return (judged - 1) / ((now - first) / PACE)
