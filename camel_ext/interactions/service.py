"""Reading the log: pages by filter, one whole interaction, the lines of an export.

Pages are tuples of columns and not objects: this list is the house's hottest. A filter that an index
serves is exact; others look at a bounded number of rows a page. Searching bodies is not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.core.paging import Place, encode_cursor
from camel_ext.interactions.errors import InteractionUnknown
from camel_ext.interactions.models import Interaction
from camel_ext.interactions.months import are_divided
from camel_ext.interactions.queries import Row, indexed, last_looked_at, order_of, scanned
from camel_ext.interactions.rebuilding import Library, Said, read_library
from camel_ext.interactions.schemas import (
    ExportQuery,
    InteractionFilter,
    InteractionListed,
    InteractionShown,
)

Json = dict[str, Any]
SCAN_ROWS = 5_000  # rows a page looks at for a filter that no index serves
_BODY = {"messages", "tools", "response_format", "answer", "response"}
_LISTED = tuple(InteractionListed.model_fields)
METADATA = tuple(name for name in InteractionShown.model_fields if name not in _BODY)
_encode = msgspec.json.Encoder().encode


class _Request(msgspec.Struct):
    tools: msgspec.Raw = msgspec.Raw(b"null")
    response_format: msgspec.Raw = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of rows by column name, and how far back it looked."""

    items: list[Json]
    next_cursor: str | None
    searched_until: datetime | None = None
    previous_cursor: str | None = None


def list_interactions(db: Session, wanted: InteractionFilter, place: Place) -> Listed:
    """Return a page, newest first; one query, two with a filter that no index serves."""
    return _list(db, wanted, place, _LISTED)


def get_interaction(db: Session, interaction_id: UUID) -> bytes:
    """Return one interaction with its whole prompt and answer, as JSON; two queries.

    Raises: InteractionUnknown.
    """
    query = select(*_columns(METADATA)).where(Interaction.id == interaction_id)
    row = db.execute(query).one_or_none()
    if row is None:
        raise InteractionUnknown(f"there is no interaction {interaction_id} in this project")
    return _whole(dict(zip(METADATA, row, strict=True)), read_library(db, [interaction_id]))


def read_said(db: Session, interaction_id: UUID) -> Said:
    """Return what was sent and returned, byte for byte; one query, two of an archived one.

    Raises: InteractionUnknown, InteractionErased, ArchiveUnreadable.
    """
    library = read_library(db, [interaction_id])
    if interaction_id not in library.pieces:
        there = select(Interaction.id).where(Interaction.id == interaction_id)
        if db.scalar(there) is None:
            raise InteractionUnknown(f"there is no interaction {interaction_id} in this project")
    return library.said(interaction_id)


def list_trace(db: Session, trace_id: str) -> list[Json]:
    """Return what one request or run asked, oldest first, at most 500 calls."""
    page = list_interactions(db, InteractionFilter(trace_id=trace_id), Place(500))
    return page.items[::-1]


def count_failures(db: Session, run_id: UUID, step_key: str) -> int:
    """Return how many calls of a model failed for this turn of a run."""
    failed = select(func.count(Interaction.id)).where(
        Interaction.run_id == run_id,
        Interaction.step_key == step_key,
        Interaction.error_code.is_not(None),
    )
    return db.scalar(failed) or 0


def export_lines(db: Session, wanted: ExportQuery, place: Place) -> tuple[bytes, str | None]:
    """Return one page of an export as JSON lines, and the next cursor; at most three queries."""
    page = _list(db, wanted, place, METADATA)
    ids = [row["id"] for row in page.items]
    library = read_library(db, ids, skip_missing=wanted.skip_missing) if wanted.bodies else None
    lines = [_whole(row, library) if library else _encode(row) for row in page.items]
    return b"".join(line + b"\n" for line in lines), page.next_cursor


def _list(db: Session, wanted: InteractionFilter, place: Place, names: Sequence[str]) -> Listed:
    tried, newer = scanned(wanted), place.before is not None
    end = last_looked_at(db, wanted, SCAN_ROWS, place) if tried else None
    columns, divided = _columns(names), are_divided(db)
    query = indexed(select(*columns), wanted, place, end=end, divided=divided).where(*tried)
    at, row_id = order_of(wanted)
    order = (at.asc(), row_id.asc()) if newer else (at.desc(), row_id.desc())
    query = query.order_by(*order).limit(place.limit + 1)
    rows = [dict(zip(names, row, strict=True)) for row in db.execute(query)]
    if len(rows) > place.limit:
        rows, end = rows[: place.limit], None
        if tried:
            end = rows[-1]["created_at"], rows[-1]["id"]
        return _newer(rows, place, end) if newer else _older(rows, place, end, more=True)
    return _newer(rows, place, end) if newer else _older(rows, place, end, more=False)


def _older(rows: list[Json], place: Place, end: Row | None, *, more: bool) -> Listed:
    last = _place_of(rows[-1]) if more else end
    first = _place_of(rows[0]) if rows else place.after
    return Listed(rows, _cursor(last), None if end is None else end[0], _cursor(first))


def _newer(rows: list[Json], place: Place, end: Row | None) -> Listed:
    rows.reverse()
    last = _place_of(rows[-1]) if rows else None
    first = end or (_place_of(rows[0]) if rows else place.before)
    return Listed(rows, _cursor(last), None if end is None else end[0], _cursor(first))


def _place_of(row: Json) -> Row:
    return row["created_at"], row["id"]


def _cursor(row: Row | None) -> str | None:
    return None if row is None else encode_cursor(*row)


def _columns(names: Sequence[str]) -> list[Any]:
    return [getattr(Interaction, name) for name in names]


def _whole(row: Json, library: Library) -> bytes:
    if row["id"] not in library.pieces:  # erased: its row is what is left
        nothing: Json = {"tools": None, "response_format": None, "answer": None, "response": None}
        if row["id"] in library.missing:  # it is kept, but not here
            nothing["missing_archive"] = library.missing[row["id"]]
        return _encode(row | {"messages": []} | nothing)
    said = library.said(row["id"])
    request = msgspec.json.decode(said.sent, type=_Request)
    row["messages"] = msgspec.Raw(said.prompt)
    row["tools"] = request.tools
    row["response_format"] = request.response_format
    row["answer"] = said.answer
    row["response"] = None if said.response is None else msgspec.Raw(said.response)
    return _encode(row)
