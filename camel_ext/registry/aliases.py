"""Aliases: where traffic goes, and every move that ever changed it.

A move adds a row to the history and never touches an older one. Which version answers a given call is
`resolve`'s business.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core.caching import forget
from camel_ext.core.clock import Clock
from camel_ext.core.door import check_revision
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.registry.entries import TargetEntry
from camel_ext.registry.errors import AliasUnknown, NameTaken, TargetsInvalid
from camel_ext.registry.events import AliasMoved
from camel_ext.registry.models import Alias, AliasMove
from camel_ext.registry.versions import NewId, find_target

Shares = list[dict[str, Any]]


def get_alias(db: Session, name: str, *, for_update: bool = False) -> Alias:
    """Return the alias of that name.

    Raises: AliasUnknown, also when it is retired.
    """
    alias = find_alias(db, name, for_update=for_update)
    if alias is None or alias.retired_at is not None:
        raise AliasUnknown(
            f"there is no alias {name[:64]!r} in this project: aliases are made in models.yaml or "
            "by POST /api/v1/aliases"
        )
    return alias


def find_alias(db: Session, name: str, *, for_update: bool = False) -> Alias | None:
    """Return the alias of that name, also when it is retired."""
    query = select(Alias).where(Alias.name == name)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.scalar(query)


def list_aliases(db: Session, place: Place) -> tuple[list[Alias], str | None]:
    """Return a page of the aliases that answer, newest first."""
    query = select(Alias).where(Alias.retired_at.is_(None))
    return fetch_page(db, query, Alias.created_at, Alias.id, place)


def list_moves(db: Session, name: str, place: Place) -> tuple[list[AliasMove], str | None]:
    """Return a page of an alias's moves, newest first, also of a retired one.

    Raises: AliasUnknown.
    """
    alias = find_alias(db, name)
    if alias is None:
        raise AliasUnknown(f"there is no alias {name[:64]!r} in this project")
    query = select(AliasMove).where(AliasMove.alias_id == alias.id)
    return fetch_page(db, query, AliasMove.created_at, AliasMove.id, place)


def shares_of(db: Session, targets: Sequence[TargetEntry]) -> Shares:
    """Return targets by name as the versions that they stand for now.

    Raises: ModelUnknown, VersionUnknown, TargetsInvalid.
    """
    shares = [
        {"version_id": str(find_target(db, each.target).id), "weight": each.weight}
        for each in targets
    ]
    if not 0 < len({share["version_id"] for share in shares}) == len(shares) <= 20:
        raise TargetsInvalid()
    return shares


def create_alias(
    db: Session,
    clock: Clock,
    new_id: NewId,
    principal_id: UUID,
    name: str,
    shares: Shares,
    *,
    reason: str = "",
    configuration: str | None = None,
) -> Alias:
    """Make an alias, or bring back a retired one.

    Raises: NameTaken.
    """
    now = clock.now()
    alias = find_alias(db, name, for_update=True)
    if alias is None:
        alias = Alias(
            id=new_id(), name=name, targets=[], revision=0, created_at=now, updated_at=now
        )
        try:
            with db.begin_nested():
                db.add(alias)
        except IntegrityError as error:  # another process was first, on PostgreSQL
            raise NameTaken(f"the alias {name!r} was just made by somebody else") from error
    elif alias.retired_at is None:
        raise NameTaken(f"there is an alias {name!r}: move it with PUT /api/v1/aliases/{name}")
    alias.retired_at, alias.configuration, alias.declared = None, configuration, None
    _write_move(db, clock, new_id, principal_id, alias, shares, reason)
    return alias


def move_alias(
    db: Session,
    clock: Clock,
    new_id: NewId,
    principal_id: UUID,
    name: str,
    shares: Shares,
    *,
    reason: str,
    revision: int | None = None,
) -> Alias:
    """Point an alias elsewhere; with `revision`, only if nobody moved it since.

    Pointing it to where it points already is no move.
    Raises: AliasUnknown, PreconditionFailed.
    """
    alias = get_alias(db, name, for_update=True)
    if revision is not None:
        check_revision(alias.revision, revision)
    if alias.targets != shares:
        _write_move(db, clock, new_id, principal_id, alias, shares, reason)
    return alias


def retire_alias(
    db: Session,
    clock: Clock,
    new_id: NewId,
    principal_id: UUID,
    name: str,
    *,
    reason: str,
    revision: int | None = None,
) -> Alias:
    """Let an alias answer no more; its history stays, and its name can be made anew.

    Raises: AliasUnknown, PreconditionFailed.
    """
    alias = get_alias(db, name, for_update=True)
    if revision is not None:
        check_revision(alias.revision, revision)
    alias.retired_at, alias.configuration, alias.declared = clock.now(), None, None
    _write_move(db, clock, new_id, principal_id, alias, [], reason)
    return alias


def _write_move(
    db: Session,
    clock: Clock,
    new_id: NewId,
    principal_id: UUID,
    alias: Alias,
    shares: Shares,
    reason: str,
) -> None:
    now = clock.now()
    before, alias.targets = alias.targets, shares
    alias.revision += 1
    alias.updated_at = now
    db.add(
        AliasMove(
            id=new_id(),
            alias_id=alias.id,
            revision=alias.revision,
            from_targets=before,
            to_targets=shares,
            principal_id=principal_id,
            reason=reason,
            created_at=now,
        )
    )
    ids = [share["version_id"] for share in shares]
    publish(db, clock, AliasMoved(alias.name, alias.revision, ids))
    forget(db)
    db.flush()
