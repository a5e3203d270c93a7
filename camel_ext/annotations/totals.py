"""What there is of judgements, and what still waits for one; for who looks at the whole."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.annotations.models import Annotation, Queue, QueueItem
from camel_ext.core.counting import GrowingCounts


@dataclass(frozen=True, slots=True)
class OpenQueue:
    """A queue that gives items out, and how many nobody has judged."""

    queue: Queue
    items_open: int


def count_judgements(db: Session, growing: GrowingCounts) -> int:
    """Count every judgement that was written, also those that were superseded."""
    return growing.count(db, Annotation.seq)


def list_open_queues(db: Session, at_most: int) -> list[OpenQueue]:
    """Return the newest queues that have something to judge: two queries."""
    query = select(Queue).where(Queue.closed_at.is_(None))
    newest = query.order_by(Queue.created_at.desc(), Queue.id.desc()).limit(at_most)
    queues = {queue.id: queue for queue in db.scalars(newest)}
    if not queues:
        return []
    items = (
        select(QueueItem.queue_id, func.count())
        .where(QueueItem.queue_id.in_(queues), QueueItem.done_at.is_(None))
        .group_by(QueueItem.queue_id)
    )
    counts = {row[0]: row[1] for row in db.execute(items)}
    return [OpenQueue(queue, counts[each]) for each, queue in queues.items() if each in counts]
