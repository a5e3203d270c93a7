"""Where interactions come from, and who needs them: which run, another try of what, judged by whom.

No prompts, no answers. The rooms above register what they lean on (`needs`), so that it is not erased;
this room asks and never imports them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from camel_ext.interactions.errors import InteractionUnknown
from camel_ext.interactions.models import ExternalId, Interaction, Purpose
from camel_ext.interactions.rebuilding import IDS_A_QUERY

T = TypeVar("T", bound=Select[*tuple[Any, ...]])
Needed = Callable[[Session, Sequence[UUID]], set[UUID]]
NEEDED: dict[str, Needed] = {}


def needs(name: str) -> Callable[[Needed], Needed]:
    """Register a function that returns those of some interactions whose words a room needs.

    The archive needs none of this: what is archived is read as before.
    """

    def register(fn: Needed) -> Needed:
        NEEDED[name] = fn
        return fn

    return register


def read_needed(db: Session, ids: Sequence[UUID]) -> set[UUID]:
    """Return those whose words somebody needs; a query or two for each room."""
    return {each for needed in NEEDED.values() for each in needed(db, ids)}


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


@dataclass(frozen=True, slots=True)
class Call:
    """How a call was made: all that asking it again takes, but for its prompt."""

    id: UUID
    purpose: Purpose
    model_version_id: UUID
    adapter_version_id: UUID | None
    alias: str | None
    agent_id: str | None
    agent_version: str | None
    session: str | None
    forked_from_id: UUID | None
    tags: list[Any]
    params: dict[str, Any]

    @property
    def root_id(self) -> UUID:
        """The call that this is another try of, or itself: a try at a try is one at the first."""
        return self.forked_from_id or self.id

    @property
    def target_id(self) -> UUID:
        """The version that answered: the adapter's where there was one."""
        return self.adapter_version_id or self.model_version_id

    @property
    def agent_version_id(self) -> UUID | None:
        """The agent's version, where it is one of ours."""
        try:
            return None if self.agent_version is None else UUID(self.agent_version)
        except ValueError:
            return None


_COLUMNS = [getattr(Interaction, each.name) for each in fields(Origin)]


def read_origins(db: Session, ids: Iterable[UUID]) -> dict[UUID, Origin]:
    """Return the origins of those interactions that are there; one query for each 500."""
    wanted, found = list(dict.fromkeys(ids)), dict[UUID, Origin]()
    for start in range(0, len(wanted), IDS_A_QUERY):
        some = wanted[start : start + IDS_A_QUERY]
        for row in db.execute(select(*_COLUMNS).where(Interaction.id.in_(some))):
            found[row.id] = Origin(*row)
    return found


def list_candidates(db: Session, interaction_id: UUID) -> list[Origin]:
    """Return a call and then every further try at it, oldest first; none where it is not there.

    All of them were asked the very same prompt, and each of them names the whole family.
    """
    this = Interaction.id == interaction_id
    root = db.scalar(select(func.coalesce(Interaction.forked_from_id, Interaction.id)).where(this))
    if root is None:
        return []
    rest = select(*_COLUMNS).where(Interaction.forked_from_id == root)
    queries = (  # two, as SQLite walks through the whole project for an OR of them
        select(*_COLUMNS).where(Interaction.id == root),
        rest.order_by(Interaction.created_at, Interaction.id),
    )
    return [Origin(*row) for query in queries for row in db.execute(query)]


def read_call(db: Session, interaction_id: UUID) -> Call:
    """Return how a call was made.

    Raises: InteractionUnknown.
    """
    columns = [getattr(Interaction, each.name) for each in fields(Call)]
    row = db.execute(select(*columns).where(Interaction.id == interaction_id)).one_or_none()
    if row is None:
        raise InteractionUnknown(f"there is no interaction {interaction_id} in this project")
    call = Call(*row)
    return call if call.tags is not None else replace(call, tags=[])


def read_external_ids(db: Session, source: str, prefix: str) -> set[str]:
    """Return the external ids of a source that begin so; its key serves it."""
    return set(db.scalars(_beginning(select(ExternalId.external_id), source, prefix)))


def sum_costs(db: Session, source: str, prefix: str) -> int:
    """Return what the calls of a source whose external ids begin so cost, in millionths of a dollar."""
    query = select(func.coalesce(func.sum(Interaction.cost_usd_micros), 0)).join(
        ExternalId, ExternalId.interaction_id == Interaction.id
    )
    return int(db.scalar(_beginning(query, source, prefix)) or 0)


def _beginning(query: T, source: str, prefix: str) -> T:
    return query.where(
        ExternalId.source == source,
        ExternalId.external_id >= prefix,
        ExternalId.external_id < prefix + "\U0010ffff",
    )
