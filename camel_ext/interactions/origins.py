"""Where interactions come from: which run, which tags, another try of what. No prompts, no answers."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.interactions.models import Interaction, Purpose
from camel_ext.interactions.rebuilding import IDS_A_QUERY


@dataclass(frozen=True, slots=True)
class Origin:
    """What whoever makes data of an interaction must know of it."""

    id: UUID
    purpose: Purpose
    prompt_hash: str
    tags: list[Any] | None
    run_id: UUID | None
    forked_from_id: UUID | None
    error_code: str | None
    created_at: datetime


_COLUMNS = [getattr(Interaction, each.name) for each in fields(Origin)]


def read_origins(db: Session, ids: Iterable[UUID]) -> dict[UUID, Origin]:
    """Return the origins of those interactions that are there; one query for each 500."""
    wanted, found = list(dict.fromkeys(ids)), dict[UUID, Origin]()
    for start in range(0, len(wanted), IDS_A_QUERY):
        some = wanted[start : start + IDS_A_QUERY]
        for row in db.execute(select(*_COLUMNS).where(Interaction.id.in_(some))):
            found[row.id] = Origin(*row)
    return found
