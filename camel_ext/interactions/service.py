"""Reading the log: pages by filter, one whole interaction, the lines of an export.

Pages are tuples of columns and not objects: this list is the house's hottest. Filters that an index
serves are exact; the others look at a bounded number of rows a page. Searching bodies is not here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_
from sqlalchemy.orm import Session

from camel_ext.core.paging import Place, encode_cursor
from camel_ext.interactions.errors import InteractionUnknown
from camel_ext.interactions.models import Interaction, InteractionTag
from camel_ext.interactions.rebuilding import Library, Said, read_library
from camel_ext.interactions.schemas import (
    InteractionFilter,
    InteractionListed,
    InteractionShown,
)

Json = dict[str, Any]
SCAN_ROWS = 5_000  # rows a page looks at for a filter that no index serves
_BODY = {"messages", "tools", "response_format", "answer", "response"}
_LISTED = tuple(InteractionListed.model_fields)
_SHOWN = tuple(name for name in InteractionShown.model_fields if name not in _BODY)
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


def list_interactions(db: Session, wanted: InteractionFilter, place: Place) -> Listed:
    """Return a page, newest first; one query, two with a filter that no index serves."""
    return _list(db, wanted, place, _LISTED)


def get_interaction(db: Session, interaction_id: UUID) -> bytes:
    """Return one interaction with its whole prompt and answer, as JSON; two queries.

    Raises: InteractionUnknown.
    """
    query = select(*_columns(_SHOWN)).where(Interaction.id == interaction_id)
    row = db.execute(query).one_or_none()
    if row is None:
        raise InteractionUnknown(f"there is no interaction {interaction_id} in this project")
    return _whole(dict(zip(_SHOWN, row, strict=True)), read_library(db, [interaction_id]))


def read_said(db: Session, interaction_id: UUID) -> Said:
    """Return what was sent and returned, byte for byte; one query.

    Raises: InteractionUnknown.
    """
    library = read_library(db, [interaction_id])
    if interaction_id not in library.pieces:
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


def export_lines(
    db: Session, wanted: InteractionFilter, place: Place, bodies: bool
) -> tuple[bytes, str | None]:
    """Return one page of an export as JSON lines, and the next cursor; at most three queries."""
    page = _list(db, wanted, place, _SHOWN)
    library = read_library(db, [row["id"] for row in page.items]) if bodies else None
    lines = [_whole(row, library) if library else _encode(row) for row in page.items]
    return b"".join(line + b"\n" for line in lines), page.next_cursor


def _list(db: Session, wanted: InteractionFilter, place: Place, names: Sequence[str]) -> Listed:
    base = _indexed(select(), wanted, place)
    scanned = list(_scanned(wanted))
    floor = _floor(db, base, wanted) if scanned else None
    query = base.add_columns(*_columns(names)).where(*scanned)
    at, row_id = _order(wanted)
    if floor is not None:
        query = query.where(tuple_(at, row_id) >= floor)
    query = query.order_by(at.desc(), row_id.desc()).limit(place.limit + 1)
    rows = [dict(zip(names, row, strict=True)) for row in db.execute(query)]
    if len(rows) > place.limit:
        rows = rows[: place.limit]
        last = rows[-1]["created_at"], rows[-1]["id"]
        return Listed(rows, encode_cursor(*last), last[0] if scanned else None)
    if floor is not None:
        return Listed(rows, encode_cursor(*floor), floor[0])
    return Listed(rows, None)


def _columns(names: Sequence[str]) -> list[Any]:
    return [getattr(Interaction, name) for name in names]


def _order(wanted: InteractionFilter) -> tuple[Any, Any]:
    """Return the columns of the order: the tag's own where there is one, so that its index serves."""
    if wanted.tag is not None:
        return InteractionTag.created_at, InteractionTag.interaction_id
    return Interaction.created_at, Interaction.id


def _indexed(query: Select[Any], wanted: InteractionFilter, place: Place) -> Select[Any]:
    """Add the filters that an index serves, and the place."""
    at, row_id = _order(wanted)
    if wanted.tag is not None:
        join = Interaction.id == InteractionTag.interaction_id
        query = query.select_from(InteractionTag).join(Interaction, join)
        query = query.where(InteractionTag.tag == wanted.tag)
    else:
        query = query.select_from(Interaction)
    for name in ("run_id", "session", "agent_id", "model_version_id", "adapter_version_id",
                 "trace_id", "error_code", "forked_from_id"):  # fmt: skip
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(Interaction, name) == value)
    if wanted.since is not None:
        query = query.where(at >= wanted.since)
    if wanted.until is not None:
        query = query.where(at < wanted.until)
    if place.after is not None:
        query = query.where(tuple_(at, row_id) < place.after)
    return query


def _scanned(wanted: InteractionFilter) -> Iterator[ColumnElement[bool]]:
    """Yield the filters that are tried row by row."""
    if wanted.failed is not None:
        error = Interaction.error_code
        yield error.is_not(None) if wanted.failed else error.is_(None)
    if wanted.purpose is not None:
        yield Interaction.purpose == wanted.purpose
    if wanted.alias is not None:
        yield Interaction.alias == wanted.alias
    if wanted.text is not None:
        yield or_(
            Interaction.prompt_preview.icontains(wanted.text, autoescape=True),
            Interaction.answer_preview.icontains(wanted.text, autoescape=True),
        )


def _floor(
    db: Session, base: Select[Any], wanted: InteractionFilter
) -> tuple[datetime, UUID] | None:
    """Return the last row that this page looks at, or None where there are fewer."""
    at, row_id = _order(wanted)
    query = base.add_columns(at, row_id).order_by(at.desc(), row_id.desc())
    row = db.execute(query.offset(SCAN_ROWS - 1).limit(1)).one_or_none()
    return None if row is None else (row[0], row[1])


def _whole(row: Json, library: Library) -> bytes:
    said = library.said(row["id"])
    request = msgspec.json.decode(said.sent, type=_Request)
    row["messages"] = msgspec.Raw(said.prompt)
    row["tools"] = request.tools
    row["response_format"] = request.response_format
    row["answer"] = said.answer
    row["response"] = None if said.response is None else msgspec.Raw(said.response)
    return _encode(row)
