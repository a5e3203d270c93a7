"""Judging: writing judgements down, superseding what was said before, taking one back."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from camel_ext.annotations.errors import JudgementInvalid, NotYours, Superseded
from camel_ext.annotations.events import AnnotationAdded, AnnotationWithdrawn
from camel_ext.annotations.judgements import Json, Judge, NewId, draft
from camel_ext.annotations.models import Annotation, AnnotationSubject
from camel_ext.annotations.queries import current_ids, get_annotation, rows_by_id
from camel_ext.annotations.reservations import answer_item, reopen_items
from camel_ext.annotations.schemas import AnyCreate
from camel_ext.annotations.subjects import check_subjects
from camel_ext.core.clock import Clock
from camel_ext.core.outbox import publish


def annotate(
    db: Session, clock: Clock, new_id: NewId, judge: Judge, wanted: AnyCreate
) -> Annotation:
    """Write one judgement down; what the same judge said before of the same counts no more.

    Raises: as `annotate_many`.
    """
    return annotate_many(db, clock, new_id, judge, [wanted])[0]


def annotate_many(
    db: Session, clock: Clock, new_id: NewId, judge: Judge, wanted: Sequence[AnyCreate]
) -> list[Annotation]:
    """Write several judgements of one judge down, in order; a handful of statements for them all.

    Each that names what it supersedes, or the item of a queue that it answers, takes a few more.
    Raises: InteractionUnknown; JudgementInvalid (a correction that changes nothing, or what does not
    fit its queue); AnnotationUnknown and Superseded (what was to be superseded); ItemUnknown,
    ItemDone, ItemTaken and ReservationExpired.
    """
    check_subjects(db, wanted)
    rows = [draft(judge, each, new_id(), clock.now()) for each in wanted]
    for row, one in zip(rows, wanted, strict=True):
        if one.supersedes_id is not None:
            _check_meant(db, row, one.supersedes_id)
        if one.queue_item_id is not None:
            answer_item(db, clock, judge, one, row)
    add_rows(db, rows)
    made = rows_by_id(db, [row["id"] for row in rows])
    for annotation in made:
        publish(db, clock, _added(annotation))
    return made


def add_rows(db: Session, rows: Sequence[Json]) -> None:
    """Add rows with what they are about; each supersedes what counts of its stance until now."""
    if not rows:
        return
    counting = current_ids(db, (row["stance"] for row in rows))
    for row in rows:
        row["supersedes_id"] = counting.get(row["stance"])
        counting[row["stance"]] = row["id"]
    db.execute(insert(Annotation), list(rows))
    subjects: list[Json] = [
        {
            "interaction_id": UUID(subject),
            "created_at": row["created_at"],
            "annotation_id": row["id"],
            "position": position,
        }
        for row in rows
        for position, subject in enumerate(row["interaction_ids"])
    ]
    db.execute(insert(AnnotationSubject), subjects)


def _added(row: Annotation) -> AnnotationAdded:
    before = None if row.supersedes_id is None else str(row.supersedes_id)
    return AnnotationAdded(
        str(row.id), row.kind, row.judge_kind, row.judge, row.interaction_ids, before
    )


def _check_meant(db: Session, row: Json, meant: UUID) -> None:
    old = get_annotation(db, meant, lock=True)
    if old.stance != row["stance"]:
        raise JudgementInvalid(
            f"`supersedes_id`: {meant} is another judge's word, of another kind, or about other "
            "answers: only the same judge's judgement of the same answers can be superseded"
        )
    _check_counts(db, old, "`supersedes_id`: ")


def _check_counts(db: Session, row: Annotation, field: str = "") -> None:
    newest = current_ids(db, [row.stance]).get(row.stance)
    if newest is None:
        raise Superseded(f"{field}{row.id} was withdrawn and counts no more")
    if newest != row.id:
        raise Superseded(f"{field}{row.id} was superseded: {newest} counts now, name that one")


def withdraw(
    db: Session,
    clock: Clock,
    principal_id: UUID,
    annotation_id: UUID,
    *,
    as_owner: bool = False,
) -> Annotation:
    """Take a judgement back, and with it all that it superseded; withdrawn once stays withdrawn.

    The items of queues that these answered are asked again.
    Raises: AnnotationUnknown, NotYours, Superseded.
    """
    row = get_annotation(db, annotation_id, lock=True)
    if row.principal_id != principal_id and not as_owner:
        raise NotYours("somebody else wrote this judgement: its writer or an owner may withdraw it")
    if row.withdrawn_at is not None:
        return row
    _check_counts(db, row)
    stance = select(Annotation.id, Annotation.queue_item_id).where(
        Annotation.stance == row.stance,
        Annotation.seq <= row.seq,
        Annotation.withdrawn_at.is_(None),
    )
    gone = {each.id: each.queue_item_id for each in db.execute(stance)}
    take_back(db, clock, principal_id, gone)
    reopen_items(db, gone)
    publish(db, clock, AnnotationWithdrawn(str(row.id), row.kind, row.interaction_ids))
    db.refresh(row)
    return row


def take_back(db: Session, clock: Clock, principal_id: UUID, ids: Iterable[UUID]) -> None:
    """Mark judgements as withdrawn; what they superseded counts again unless it is among them."""
    db.execute(
        update(Annotation)
        .where(Annotation.id.in_(list(ids)), Annotation.withdrawn_at.is_(None))
        .values(withdrawn_at=clock.now(), withdrawn_by_id=principal_id)
        .execution_options(synchronize_session=False)
    )
