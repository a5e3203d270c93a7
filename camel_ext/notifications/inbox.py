"""The inbox: what everybody of a project is told, and what each has read of it.

A notice is one row for all; what somebody has read is a mark (all up to a time) and single notices above
it. So a project of many costs no more than one of few.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.models import EPOCH
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.core.tenancy import current_tenant
from camel_ext.notifications.events import InboxRead
from camel_ext.notifications.models import Notice, ReadOne, ReadUpTo
from camel_ext.notifications.schemas import NoticeShown, UnreadShown

COUNTED = 100


def list_inbox(
    db: Session, principal_id: UUID, where: Place, *, unread: bool
) -> tuple[list[NoticeShown], str | None]:
    """Return a page of somebody's inbox, newest first."""
    upto = _read_upto(db, principal_id)
    query = select(Notice).where(Notice.in_inbox, _mine(principal_id))
    if unread:
        query = query.where(_unread(principal_id, upto))
    found, following = fetch_page(db, query, Notice.created_at, Notice.id, where)
    ids = [notice.id for notice in found]
    one_by_one = set(
        db.scalars(
            select(ReadOne.notice_id).where(
                ReadOne.principal_id == principal_id, ReadOne.notice_id.in_(ids)
            )
        )
        if ids
        else ()
    )
    shown = []
    for notice in found:
        read = notice.created_at <= upto or notice.id in one_by_one
        columns = {n: getattr(notice, n) for n in NoticeShown.model_fields if n != "read"}
        shown.append(NoticeShown(**columns, read=read))
    return shown, following


def count_unread(db: Session, principal_id: UUID) -> UnreadShown:
    """Return how many notices somebody has not read, counted up to 100."""
    upto = _read_upto(db, principal_id)
    some = (
        select(Notice.id)
        .where(Notice.in_inbox, _mine(principal_id), _unread(principal_id, upto))
        .limit(COUNTED + 1)
        .subquery()
    )
    count = db.scalar(select(func.count()).select_from(some)) or 0
    return UnreadShown(unread=min(count, COUNTED), more=count > COUNTED)


def mark_read(
    db: Session, clock: Clock, principal_id: UUID, ids: list[UUID], *, everything: bool
) -> UnreadShown:
    """Remember what somebody has read; what is not in the inbox is passed over."""
    if everything:
        _move_mark(db, principal_id)
    elif ids:
        _read_some(db, principal_id, ids)
    publish(db, clock, InboxRead(str(principal_id)))
    db.flush()
    return count_unread(db, principal_id)


def _move_mark(db: Session, principal_id: UUID) -> None:
    newest = db.scalar(
        select(func.max(Notice.created_at)).where(Notice.in_inbox, _mine(principal_id))
    )
    if newest is None:
        return
    mark = _mark(db, principal_id, lock=True)
    if mark is None:
        try:
            with db.begin_nested():
                db.add(ReadUpTo(principal_id=principal_id, read_at=newest))
        except IntegrityError:  # another window was first, on PostgreSQL
            mark = _mark(db, principal_id, lock=True)
    if mark is not None:
        mark.read_at = max(mark.read_at, newest)
    db.execute(
        delete(ReadOne)
        .where(ReadOne.principal_id == principal_id)
        .execution_options(synchronize_session=False)
    )


def _read_some(db: Session, principal_id: UUID, ids: list[UUID]) -> None:
    upto = _read_upto(db, principal_id)
    unread = select(Notice.id).where(
        Notice.in_inbox, Notice.id.in_(ids), _mine(principal_id), _unread(principal_id, upto)
    )
    for notice_id in sorted(db.scalars(unread)):
        try:
            with db.begin_nested():
                db.add(ReadOne(principal_id=principal_id, notice_id=notice_id))
        except IntegrityError:  # another window was first, on PostgreSQL
            continue


def _mine(principal_id: UUID) -> ColumnElement[bool]:
    return or_(Notice.principal_id.is_(None), Notice.principal_id == principal_id)


def _unread(principal_id: UUID, upto: datetime) -> ColumnElement[bool]:
    one_by_one = select(ReadOne.notice_id).where(ReadOne.principal_id == principal_id)
    return (Notice.created_at > upto) & Notice.id.not_in(one_by_one)


def _read_upto(db: Session, principal_id: UUID) -> datetime:
    mark = _mark(db, principal_id)
    return EPOCH if mark is None else mark.read_at


def _mark(db: Session, principal_id: UUID, *, lock: bool = False) -> ReadUpTo | None:
    tenant = current_tenant(db)
    identity = (tenant.org_id, tenant.project_id, principal_id)
    return db.get(ReadUpTo, identity, with_for_update=lock or None, populate_existing=lock)
