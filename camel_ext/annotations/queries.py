"""Reading judgements: which count, page by page, of which answers.

What counts is worked out from the order of writing: of each stance the newest that is not withdrawn.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session, aliased

from camel_ext.annotations.errors import AnnotationUnknown
from camel_ext.annotations.judgements import Judgement, as_judgement
from camel_ext.annotations.models import Annotation, AnnotationSubject, Queue, QueueItem
from camel_ext.annotations.schemas import AnnotationFilter, AnnotationShown
from camel_ext.core.paging import Place, encode_cursor
from camel_ext.interactions import needs

_COLUMNS = tuple(name for name in AnnotationShown.model_fields if name != "current")
_JUDGEMENT = [getattr(Annotation, field.name) for field in fields(Judgement)]
IDS_A_QUERY = 500  # SQLite takes 32,766 parameters, PostgreSQL 65,535


def get_annotation(db: Session, annotation_id: UUID, *, lock: bool = False) -> Annotation:
    """Return a judgement, whether it counts or not. Raises: AnnotationUnknown.

    Locked, it is nobody else's to supersede or withdraw until the commit (on PostgreSQL).
    """
    query = select(Annotation).where(Annotation.id == annotation_id)
    row = db.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise AnnotationUnknown(f"there is no annotation {annotation_id} in this project")
    return row


def show_annotation(db: Session, annotation_id: UUID) -> AnnotationShown:
    """Return a judgement, and whether it counts: two queries. Raises: AnnotationUnknown."""
    return _shown(db, [get_annotation(db, annotation_id)])[0]


def list_annotations(
    db: Session, wanted: AnnotationFilter, where: Place
) -> tuple[list[AnnotationShown], str | None]:
    """Return a page of judgements, newest first: two queries."""
    query = select(Annotation)
    at, row_id = Annotation.created_at, Annotation.id
    if wanted.interaction_id is not None:  # the subjects' own order, so that their index serves
        at, row_id = AnnotationSubject.created_at, AnnotationSubject.annotation_id
        query = query.join(AnnotationSubject, row_id == Annotation.id)
        query = query.where(AnnotationSubject.interaction_id == wanted.interaction_id)
    for name in ("kind", "judge_kind", "judge", "principal_id", "batch_id"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(Annotation, name) == value)
    if wanted.current:
        query = query.where(counts())
    if where.after is not None:
        query = query.where(tuple_(at, row_id) < where.after)
    rows = list(db.scalars(query.order_by(at.desc(), row_id.desc()).limit(where.limit + 1)))
    page = rows[: where.limit]
    cursor = encode_cursor(page[-1].created_at, page[-1].id) if len(rows) > len(page) else None
    return _shown(db, page), cursor


def shown(row: Annotation, *, current: bool) -> AnnotationShown:
    """Return a row as the wire shows it."""
    columns = {name: getattr(row, name) for name in _COLUMNS}
    return AnnotationShown.model_validate({**columns, "current": current})


def _shown(db: Session, rows: Sequence[Annotation]) -> list[AnnotationShown]:
    newest = current_ids(db, (row.stance for row in rows))
    return [shown(row, current=newest.get(row.stance) == row.id) for row in rows]


def rows_by_id(db: Session, ids: Sequence[UUID]) -> list[Annotation]:
    """Return judgements in the order of their ids, all of which are there; a query for each 500."""
    found: dict[UUID, Annotation] = {}
    for some in _chunks(list(ids)):
        rows = db.scalars(select(Annotation).where(Annotation.id.in_(some)))
        found |= {row.id: row for row in rows}
    return [found[each] for each in ids]


def current_ids(db: Session, stances: Iterable[str]) -> dict[str, UUID]:
    """Return the judgement that counts of each stance that has one; a query for each 500."""
    wanted, found = sorted(set(stances)), dict[str, UUID]()
    for some in _chunks(wanted):
        query = select(Annotation.stance, Annotation.id).where(
            Annotation.stance.in_(some), Annotation.withdrawn_at.is_(None)
        )
        for stance, annotation_id in db.execute(query.order_by(Annotation.seq)):
            found[stance] = annotation_id
    return found


def read_current(db: Session, interaction_ids: Iterable[UUID]) -> dict[UUID, list[Judgement]]:
    """Return the judgements that count of each interaction, oldest first; a query for each 500.

    Interactions of which nobody said anything are left out. A judgement of several answers stands
    under each of them that was asked for.
    """
    wanted = list(dict.fromkeys(interaction_ids))
    found: dict[UUID, dict[str, Judgement]] = {}
    for some in _chunks(wanted):
        query = (
            select(*_JUDGEMENT, Annotation.stance, AnnotationSubject.interaction_id)
            .join(AnnotationSubject, AnnotationSubject.annotation_id == Annotation.id)
            .where(AnnotationSubject.interaction_id.in_(some), Annotation.withdrawn_at.is_(None))
            .order_by(Annotation.seq)
        )
        for row in db.execute(query):
            stances = found.setdefault(row.interaction_id, {})
            stances.pop(row.stance, None)  # the newer one stands where it was said
            stances[row.stance] = as_judgement(row)
    return {each: list(found[each].values()) for each in wanted if each in found}


def counts() -> ColumnElement[bool]:
    """Return the condition that a judgement is the newest of its stance and not withdrawn."""
    newer = aliased(Annotation)
    later = select(newer.seq).where(
        newer.stance == Annotation.stance,
        newer.seq > Annotation.seq,
        newer.withdrawn_at.is_(None),
    )
    return Annotation.withdrawn_at.is_(None) & ~later.exists()


def _chunks(ids: list[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(ids), IDS_A_QUERY):
        yield ids[start : start + IDS_A_QUERY]


@needs("annotations")
def read_judged(db: Session, ids: Sequence[UUID]) -> set[UUID]:
    """Return those that were judged, or wait for it in a queue that is open."""
    judged = select(AnnotationSubject.interaction_id).where(
        AnnotationSubject.interaction_id.in_(ids)
    )
    waiting = (
        select(QueueItem.interaction_ids)
        .join(Queue, Queue.id == QueueItem.queue_id)
        .where(QueueItem.done_at.is_(None), Queue.closed_at.is_(None))
    )
    listed = {UUID(each) for found in db.scalars(waiting) for each in found}
    return set(db.scalars(judged)) | listed.intersection(ids)
