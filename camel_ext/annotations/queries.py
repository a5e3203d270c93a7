"""Reading judgements: which count, page by page, of which answers.

What counts is worked out from the order of writing: of each stance the newest that is not withdrawn.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from camel_ext.annotations.errors import AnnotationUnknown
from camel_ext.annotations.judgements import Judgement, as_judgement
from camel_ext.annotations.models import Annotation, AnnotationSubject
from camel_ext.annotations.schemas import AnnotationFilter, AnnotationShown
from camel_ext.core.paging import Place, fetch_page

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
    for name in ("kind", "judge_kind", "judge", "principal_id", "batch_id"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(Annotation, name) == value)
    if wanted.interaction_id is not None:
        query = query.join(AnnotationSubject, AnnotationSubject.annotation_id == Annotation.id)
        query = query.where(AnnotationSubject.interaction_id == wanted.interaction_id)
    if wanted.current:
        query = query.where(counts())
    rows, cursor = fetch_page(db, query, Annotation.created_at, Annotation.id, where)
    return _shown(db, rows), cursor


def shown(row: Annotation, *, current: bool) -> AnnotationShown:
    """Return a row as the wire shows it."""
    columns = {name: getattr(row, name) for name in _COLUMNS}
    return AnnotationShown.model_validate({**columns, "current": current})


def _shown(db: Session, rows: Sequence[Annotation]) -> list[AnnotationShown]:
    newest = current_of(db, (row.stance for row in rows))
    return [shown(row, current=newest.get(row.stance) is row) for row in rows]


def current_of(db: Session, stances: Iterable[str]) -> dict[str, Annotation]:
    """Return the judgement that counts of each stance that has one."""
    wanted, found = sorted(set(stances)), dict[str, Annotation]()
    for some in _chunks(wanted):
        query = select(Annotation).where(
            Annotation.stance.in_(some), Annotation.withdrawn_at.is_(None)
        )
        for row in db.scalars(query.order_by(Annotation.seq)):
            found[row.stance] = row
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
