"""Queues: putting answers into one, how far it is, closing it. Who takes what is `reservations`'."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.annotations.errors import QueueInvalid, QueueNameTaken, QueueUnknown
from camel_ext.annotations.judgements import NewId
from camel_ext.annotations.models import Queue, QueueItem
from camel_ext.annotations.schemas_queues import MAX_ITEMS, QueueCreate
from camel_ext.annotations.subjects import require
from camel_ext.core.clock import Clock
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.paging import Place, decode_cursor, fetch_page
from camel_ext.interactions import list_interactions, read_origins

FILTER_PAGE = 500
Sets = list[list[UUID]]


@dataclass(frozen=True, slots=True)
class Counted:
    """A queue with how much of it is done and taken."""

    queue: Queue
    items_done: int
    items_reserved: int


def find_sets(db: Session, wanted: QueueCreate) -> Sets:
    """Return what is to be judged together, without writing anything.

    Raises: InteractionUnknown, QueueInvalid (nothing was found, or too much).
    """
    if wanted.sets is not None:
        require(db, (each for one in wanted.sets for each in one), field="sets")
        sets = wanted.sets
    else:
        ids = _answered(db, wanted)
        sets = (
            [[each] for each in ids] if wanted.sizes == (1, 1) else _side_by_side(db, ids, wanted)
        )
    if not sets:
        more = "" if wanted.sizes == (1, 1) else ", or none with another to the same prompt"
        raise QueueInvalid(f"`filter`: no answer is found by it{more}")
    if len(sets) * wanted.annotators > MAX_ITEMS:
        raise QueueInvalid(
            f"`annotators`: {len(sets)} sets times {wanted.annotators} are more than {MAX_ITEMS} items"
        )
    return sets


def _answered(db: Session, wanted: QueueCreate) -> list[UUID]:
    """Return the answers that the filter finds, newest first; failed calls are none."""
    assert wanted.filter is not None
    answered = wanted.filter.model_copy(update={"failed": False})
    found: list[UUID] = []
    cursor = None
    while len(found) < wanted.at_most:
        size = min(FILTER_PAGE, wanted.at_most - len(found))
        place = Place(size, None if cursor is None else decode_cursor(cursor))
        page = list_interactions(db, answered, place)
        found += [row["id"] for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _side_by_side(db: Session, ids: Sequence[UUID], wanted: QueueCreate) -> Sets:
    """Return answers to the same prompt as sets of the size wanted; what is left over is left out."""
    origins, groups = read_origins(db, ids), dict[str, list[UUID]]()
    for each in ids:
        groups.setdefault(origins[each].prompt_hash, []).append(each)
    least, most = wanted.sizes
    sets = [
        group[start : start + most]
        for group in groups.values()
        for start in range(0, len(group), most)
    ]
    return [each for each in sets if len(each) >= least]


def make_queue(
    db: Session,
    clock: Clock,
    new_id: NewId,
    principal_id: UUID,
    wanted: QueueCreate,
    sets: Sets,
) -> Counted:
    """Make a queue of these sets, each to be judged by as many people as wanted.

    Raises: QueueNameTaken.
    """
    now = clock.now()
    queue = Queue(
        id=new_id(),
        name=wanted.name,
        kind=wanted.kind,
        guideline=wanted.guideline,
        guideline_version=wanted.guideline_version,
        labels=wanted.labels,
        blind=wanted.blind,
        annotators=wanted.annotators,
        reservation_s=wanted.reservation_s,
        items_total=len(sets) * wanted.annotators,
        principal_id=principal_id,
        created_at=now,
    )
    try:
        with db.begin_nested():
            db.add(queue)
    except IntegrityError as error:
        raise QueueNameTaken(f"`name`: there is a queue {wanted.name!r} already") from error
    rows = [
        _item(queue, new_id(), number, turn * len(sets) + number, ids, now)
        for turn in range(wanted.annotators)
        for number, ids in enumerate(sets)
    ]
    db.execute(insert(QueueItem), rows)
    return Counted(queue, 0, 0)


def _item(
    queue: Queue, item_id: UUID, number: int, place: int, ids: Sequence[UUID], now: datetime
) -> dict[str, Any]:
    """Return an item; its answers are shuffled by its id, so that no place is always the same one's."""
    shuffled = sorted(map(str, ids), key=lambda each: sha256_hex(f"{item_id}/{each}".encode()))
    return {
        "id": item_id,
        "queue_id": queue.id,
        "subject_set": number,
        "place": place,
        "interaction_ids": shuffled,
        "created_at": now,
    }


def get_queue(db: Session, queue_id: UUID) -> Queue:
    """Return a queue. Raises: QueueUnknown."""
    queue = db.get(Queue, queue_id)
    if queue is None:
        raise QueueUnknown(f"there is no queue {queue_id} in this project")
    return queue


def show_queue(db: Session, clock: Clock, queue_id: UUID) -> Counted:
    """Return a queue with its counts. Raises: QueueUnknown."""
    return _counted(db, clock, [get_queue(db, queue_id)])[0]


def list_queues(
    db: Session, clock: Clock, where: Place, name: str | None = None
) -> tuple[list[Counted], str | None]:
    """Return a page of queues, newest first, with their counts: two queries."""
    query: Select[Any] = select(Queue)
    if name is not None:
        query = query.where(Queue.name == name)
    page, cursor = fetch_page(db, query, Queue.created_at, Queue.id, where)
    return _counted(db, clock, page), cursor


def close_queue(db: Session, clock: Clock, queue_id: UUID) -> Counted:
    """Give nothing of a queue out any more; what is taken can still be judged.

    Raises: QueueUnknown.
    """
    queue = get_queue(db, queue_id)
    queue.closed_at = queue.closed_at or clock.now()
    db.flush()
    return _counted(db, clock, [queue])[0]


def count_open(db: Session, queue_id: UUID) -> int:
    """Return how many items of a queue nobody has judged."""
    query = select(func.count()).select_from(QueueItem)
    query = query.where(QueueItem.queue_id == queue_id, QueueItem.done_at.is_(None))
    return db.scalar(query) or 0


def _counted(db: Session, clock: Clock, queues: Sequence[Queue]) -> list[Counted]:
    if not queues:
        return []
    taken = QueueItem.done_at.is_(None) & (QueueItem.reserved_until > clock.now())
    query = (
        select(
            QueueItem.queue_id,
            func.count(QueueItem.done_at),
            func.sum(case((taken, 1), else_=0)),
        )
        .where(QueueItem.queue_id.in_([queue.id for queue in queues]))
        .group_by(QueueItem.queue_id)
    )
    counts = {row[0]: (row[1], row[2]) for row in db.execute(query)}
    return [Counted(queue, *counts.get(queue.id, (0, 0))) for queue in queues]
