"""Keyset pages with opaque cursors: page 10,000 costs what page 1 costs.

A page is ordered by (time, id), newest first, and its cursor holds the last row's pair. There is no
OFFSET and no live total.
"""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from camel_ext.core.errors import Invalid
from camel_ext.core.models import EPOCH, to_micros

T = TypeVar("T")
MAX_CURSOR = 200


class BadCursor(Invalid):
    """The cursor is not one of ours: take it from `next_cursor` of the page before."""


class Page(BaseModel, Generic[T]):
    """One page, newest first."""

    items: list[T] = Field(description="The rows of this page.")
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: end.")


@dataclass(frozen=True, slots=True)
class Place:
    """What a list is asked for: how many, and after which row, or before which (newer ones)."""

    limit: int = 50
    after: tuple[datetime, UUID] | None = None
    before: tuple[datetime, UUID] | None = None


def place(
    limit: Annotated[int, Query(ge=1, le=500, description="Rows a page.")] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Place:
    """Read a list's query parameters; a FastAPI dependency."""
    return Place(limit, None if cursor is None else decode_cursor(cursor))


def encode_cursor(moment: datetime, row_id: UUID) -> str:
    """Return the opaque cursor after a row."""
    raw = json.dumps([to_micros(moment), row_id.hex]).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Return the row that a cursor names.

    Raises: BadCursor.
    """
    if len(cursor) > MAX_CURSOR:  # a nest of brackets would exhaust the JSON parser's stack
        raise BadCursor()
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        micros, row_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return EPOCH + timedelta(microseconds=int(micros)), UUID(row_id)
    except (binascii.Error, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise BadCursor() from error


def fetch_page(
    db: Session,
    query: Select[Any],
    at: InstrumentedAttribute[datetime],
    row_id: InstrumentedAttribute[UUID],
    where: Place,
) -> tuple[list[Any], str | None]:
    """Return the page of entities after a place, newest first, and the next cursor."""
    if where.after is not None:
        query = query.where(tuple_(at, row_id) < where.after)
    query = query.order_by(at.desc(), row_id.desc()).limit(where.limit + 1)
    return _cut(list(db.scalars(query)), at, row_id, where)


def page_of_few(
    rows: Iterable[T],
    at: InstrumentedAttribute[datetime],
    row_id: InstrumentedAttribute[UUID],
    where: Place,
) -> tuple[list[T], str | None]:
    """Return the page after a place, newest first, of rows that are few and all at hand.

    For what one index finds and another one would order: asked for both, SQLite walks the whole order.
    """

    def key(row: T) -> tuple[datetime, UUID]:
        return getattr(row, at.key), getattr(row, row_id.key)

    found = sorted(rows, key=key, reverse=True)
    if where.after is not None:
        found = [row for row in found if key(row) < where.after]
    return _cut(found, at, row_id, where)


def _cut(
    rows: list[T],
    at: InstrumentedAttribute[datetime],
    row_id: InstrumentedAttribute[UUID],
    where: Place,
) -> tuple[list[T], str | None]:
    if len(rows) <= where.limit:
        return rows, None
    rows = rows[: where.limit]
    return rows, encode_cursor(getattr(rows[-1], at.key), getattr(rows[-1], row_id.key))
