"""Which old calls can leave the log, what of them goes into a file, and taking their bodies away.

A body that another one continues stays until that one leaves, too: nothing in the log ever leans on what
is not there. The newest go first, so a talk leaves from its end. Each function works in somebody's
transaction; files are `archive_files`'.
"""

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.orm import Session

from camel_ext.interactions.archive_files import Column, Json, Written
from camel_ext.interactions.models import (
    Archive,
    ArchiveState,
    Interaction,
    InteractionBody,
    Sweep,
)
from camel_ext.interactions.origins import read_needed
from camel_ext.interactions.queries import Row
from camel_ext.interactions.rebuilding import read_library
from camel_ext.interactions.service import METADATA

LOOK_ROWS = 200  # at a time in memory: of the longest prompts some 60 MB
_INTEGERS = {"ingest_seq", "prompt_messages", "seed", "prompt_tokens", "completion_tokens",
             "cached_tokens", "cost_usd_micros"}  # fmt: skip
_KINDS: dict[str, type] = {
    **dict.fromkeys(_INTEGERS, int),
    **dict.fromkeys(("ttft_ms", "total_ms"), float),
    "created_at": datetime,
    "tags": list,
}
_NAMES = tuple(name for name in METADATA if name not in ("archive_id", "erased_at"))
COLUMNS = [Column(name, _KINDS.get(name, str)) for name in _NAMES]


@dataclass(frozen=True, slots=True)
class Looked:
    """Some old calls, the newest first: which of them leave, and from where to look on."""

    leaving: list[UUID]
    kept: int
    place: Row | None


def look(db: Session, sweep: Sweep, place: Row | None, gone: Set[UUID]) -> Looked:
    """Look at the next old calls; those in `gone` are on their way out already."""
    at, row_id = Interaction.created_at, Interaction.id
    query = select(at, row_id).where(
        at < sweep.until, Interaction.archive_id.is_(None), Interaction.erased_at.is_(None)
    )
    if place is not None:
        query = query.where(tuple_(at, row_id) < place)
    rows = db.execute(query.order_by(at.desc(), row_id.desc()).limit(LOOK_ROWS)).all()
    ids = [row[1] for row in rows]
    stays = set() if sweep.archive else read_needed(db, ids)
    continued = _read_children(db, ids)
    leaving: dict[UUID, None] = {}
    for each in ids:
        if each not in stays and all(c in gone or c in leaving for c in continued[each]):
            leaving[each] = None
    last = (rows[-1][0], rows[-1][1]) if len(rows) == LOOK_ROWS else None
    return Looked(list(leaving), len(ids) - len(leaving), last)


def _read_children(db: Session, ids: Sequence[UUID]) -> defaultdict[UUID | None, set[UUID]]:
    found: defaultdict[UUID | None, set[UUID]] = defaultdict(set)
    query = select(InteractionBody.parent_id, InteractionBody.id).where(
        InteractionBody.parent_id.in_(ids)
    )
    for parent_id, child_id in db.execute(query):
        found[parent_id].add(child_id)
    return found


def read_rows(db: Session, ids: Sequence[UUID]) -> list[Json]:
    """Return calls as an archive holds them, prompts whole, in the order of their ids."""
    library = read_library(db, ids)
    columns = [getattr(Interaction, name) for name in _NAMES]
    query = select(*columns, InteractionBody.token_ids, InteractionBody.logprobs).join(
        InteractionBody, InteractionBody.id == Interaction.id
    )
    rows = {}
    for found in db.execute(query.where(Interaction.id.in_(ids))):
        *values, token_ids, logprobs = found
        row: Json = {name: _plain(each) for name, each in zip(_NAMES, values, strict=True)}
        said = library.said(UUID(row["id"]))
        row["request"] = said.sent.decode()
        row["response"] = None if said.response is None else said.response.decode()
        row["token_ids"], row["logprobs"] = _text(token_ids), _text(logprobs)
        rows[UUID(row["id"])] = row
    return [rows[each] for each in ids if each in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str):  # an enumeration's word, too
        return str(value)
    return _text(value) if isinstance(value, dict) else value


def _text(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def open_archive(db: Session, now: datetime, archive_id: UUID, sweep_id: UUID, file: str) -> None:
    """Say that a file is being written, before it is: whatever dies leaves nothing unnamed."""
    db.add(
        Archive(
            id=archive_id, sweep_id=sweep_id, state=ArchiveState.WRITING, file=file, rows=0,
            size_bytes=0, created_at=now,
        )
    )  # fmt: skip
    db.flush()


def close_archive(db: Session, archive_id: UUID, written: Written) -> None:
    """Say that a file is whole and was read back: from here on bodies may leave."""
    archive = db.get_one(Archive, archive_id)
    archive.state = ArchiveState.MOVING
    archive.rows, archive.size_bytes, archive.sha256 = (
        written.rows, written.size_bytes, written.sha256,
    )  # fmt: skip
    archive.first_at, archive.last_at = written.first_at, written.last_at
    db.flush()


def take_away(db: Session, sweep_id: UUID, archive_id: UUID, ids: Sequence[UUID]) -> None:
    """Let bodies leave the log that are in the archive; those that left already are left alone."""
    there = update(Interaction).where(Interaction.id.in_(ids), Interaction.archive_id.is_(None))
    moved = db.execute(there.values(archive_id=archive_id), execution_options=_UNSEEN)
    _delete_bodies(db, ids)
    sweep = db.get_one(Sweep, sweep_id)
    sweep.archived += moved.rowcount  # type: ignore[attr-defined]
    db.flush()


def erase(db: Session, now: datetime, sweep_id: UUID, ids: Sequence[UUID]) -> None:
    """Erase words for good, but of those that somebody came to need meanwhile: the rows stay."""
    needed = read_needed(db, ids)
    leaving = [each for each in ids if each not in needed]
    nothing = {"prompt_preview": "", "answer_preview": "", "error_detail": None}
    rows = update(Interaction).where(Interaction.id.in_(leaving))
    db.execute(rows.values(erased_at=now, **nothing), execution_options=_UNSEEN)
    _delete_bodies(db, leaving)
    sweep = db.get_one(Sweep, sweep_id)
    sweep.erased += len(leaving)
    sweep.kept += len(ids) - len(leaving)
    db.flush()


def _delete_bodies(db: Session, ids: Sequence[UUID]) -> None:
    bodies = delete(InteractionBody).where(InteractionBody.id.in_(ids))
    db.execute(bodies, execution_options=_UNSEEN)


_UNSEEN = {"synchronize_session": False}
