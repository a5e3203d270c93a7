"""The selects of the log: which index leads, what is tried row by row, and how far that goes back.

One filter leads: its index gives the rows in order. All others are tried row by row on a bounded
number of rows, the newest first, so that no filter of a million calls takes longer than another.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, not_, or_, select, tuple_
from sqlalchemy.orm import Session

from camel_ext.core.paging import Place
from camel_ext.interactions.models import Interaction, InteractionTag
from camel_ext.interactions.months import are_divided, within
from camel_ext.interactions.schemas import WORDS, InteractionFilter, read_matches

T = TypeVar("T", bound=Select[*tuple[Any, ...]])
Row = tuple[datetime, UUID]
# Fewest rows first, as a rule: the leader is the one that leaves least to try.
_LEADERS = ("forked_from_id", "run_id", "trace_id", "session", "error_code", "failed", "tag",
            "adapter_version_id", "agent_id", "model_version_id")  # fmt: skip


def leader_of(wanted: InteractionFilter) -> str | None:
    """Return the filter whose index gives the rows, or None: all rows in order of time."""
    for name in _LEADERS:
        value = getattr(wanted, name)
        if value is not None and value is not False:
            return name
    return None


def order_of(wanted: InteractionFilter) -> tuple[Any, Any]:
    """Return the columns of the order: the tag's own where it leads, so that its index serves."""
    if leader_of(wanted) == "tag":
        return InteractionTag.created_at, InteractionTag.interaction_id
    return Interaction.created_at, Interaction.id


def indexed(
    query: T,
    wanted: InteractionFilter,
    place: Place | None = None,
    *,
    end: Row | None = None,
    alone: bool = False,
    divided: bool = False,
) -> T:
    """Add the filter that leads, the times and the place: all that one index serves.

    With `end` it goes no further than that row, which is in it; `alone` leaves out the
    interactions themselves where tags lead; `divided`: the log is, by months.
    """
    at, row_id = order_of(wanted)
    query = _led(query, wanted, alone=alone)
    place = place or Place()
    if divided and not (alone and leader_of(wanted) == "tag"):
        query = query.where(*within(*_times(wanted, place, end)))
    # A row's time beside its place: of two lower bounds SQLite may take the one that bounds less.
    since, until = wanted.since, wanted.until
    if end is not None and place.before is None:
        since, query = end[0], query.where(tuple_(at, row_id) >= end)
    if end is not None and place.before is not None:
        query = query.where(at <= end[0], tuple_(at, row_id) <= end)
    if since is not None:
        query = query.where(at >= since)
    if until is not None:
        query = query.where(at < until)
    if place.after is not None:
        query = query.where(tuple_(at, row_id) < place.after)
    if place.before is not None:
        query = query.where(tuple_(at, row_id) > place.before)
    return query


def _times(
    wanted: InteractionFilter, place: Place, end: Row | None
) -> tuple[datetime | None, datetime | None]:
    """Return between which times a page's rows are, as far as is known."""
    after, before, last = (
        None if row is None else row[0] for row in (place.after, place.before, end)
    )
    oldest = (wanted.since, before, last if before is None else None)
    newest = (wanted.until, after, last if before is not None else None)
    return (
        max((each for each in oldest if each is not None), default=None),
        min((each for each in newest if each is not None), default=None),
    )


def _led(query: T, wanted: InteractionFilter, *, alone: bool) -> T:
    leader = leader_of(wanted)
    if leader == "tag":
        query = query.select_from(InteractionTag).where(InteractionTag.tag == wanted.tag)
        join = Interaction.id == InteractionTag.interaction_id
        return query if alone else query.join(Interaction, join)
    query = query.select_from(Interaction)
    if leader == "failed":
        return query.where(Interaction.error_code.is_not(None))
    if leader is not None:
        return query.where(getattr(Interaction, leader) == getattr(wanted, leader))
    return query


def scanned(wanted: InteractionFilter) -> list[ColumnElement[bool]]:
    """Return the filters that are tried row by row."""
    return list(_scanned(wanted))


def _scanned(wanted: InteractionFilter) -> Iterator[ColumnElement[bool]]:
    leader = leader_of(wanted)
    for name in WORDS:
        value = getattr(wanted, name)
        if value is not None and name != leader:
            yield _unindexed(name) == value
    if wanted.failed is not None and leader != "failed":
        error = Interaction.error_code
        yield _unindexed("error_code").is_not(None) if wanted.failed else error.is_(None)
    if wanted.tag is not None and leader != "tag":
        yield _carries([wanted.tag])
    yield from _matched(wanted)
    if wanted.min_total_ms is not None:
        yield Interaction.total_ms >= wanted.min_total_ms
    if wanted.max_total_ms is not None:
        yield Interaction.total_ms < wanted.max_total_ms
    if wanted.min_tokens is not None:
        read, written = Interaction.prompt_tokens, Interaction.completion_tokens
        yield func.coalesce(read, 0) + func.coalesce(written, 0) >= wanted.min_tokens
    if wanted.text is not None:
        yield or_(
            Interaction.prompt_preview.icontains(wanted.text, autoescape=True),
            Interaction.answer_preview.icontains(wanted.text, autoescape=True),
        )


def _matched(wanted: InteractionFilter) -> Iterator[ColumnElement[bool]]:
    for name, values in read_matches(wanted.one_of).items():
        yield _carries(values) if name == "tag" else _unindexed(name).in_(values)
    for name, values in read_matches(wanted.none_of).items():
        if name == "tag":
            yield not_(_carries(values))
        else:
            yield or_(_unindexed(name).is_(None), _unindexed(name).not_in(values))


def _unindexed(name: str) -> ColumnElement[Any]:
    """Return the column so that no index of it can lead."""
    column = getattr(Interaction, name)
    return func.coalesce(column, column)


def _carries(tags: list[str]) -> ColumnElement[bool]:
    carried = select(InteractionTag.tag).where(
        InteractionTag.tag.in_(tags),
        InteractionTag.created_at == Interaction.created_at,
        InteractionTag.interaction_id == Interaction.id,
    )
    return carried.correlate(Interaction).exists()  # not the tags that lead


def last_looked_at(
    db: Session, wanted: InteractionFilter, rows: int, place: Place | None = None
) -> Row | None:
    """Return the last of so many rows that the index gives, or None where there are fewer.

    It goes back in time from the newest, or forth from a place that asks for newer ones.
    """
    at, row_id = order_of(wanted)
    newer = place is not None and place.before is not None
    order = (at.asc(), row_id.asc()) if newer else (at.desc(), row_id.desc())
    query = indexed(select(at, row_id), wanted, place, alone=True, divided=are_divided(db))
    found = db.execute(query.order_by(*order).offset(rows - 1).limit(1)).one_or_none()
    return None if found is None else (found[0], found[1])
