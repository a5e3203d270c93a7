"""What the gateway reads and keeps in the database: where an alias points, and answers by key.

Plain functions, session first. No engine is asked here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Executable, bindparam, delete, insert
from sqlalchemy.orm import Session

from camel_ext.core.door import KEEP_ANSWERS, IdempotencyKeyReused
from camel_ext.core.journal import journalled
from camel_ext.core.models import IdempotencyRow
from camel_ext.core.paging import Place
from camel_ext.core.tenancy import Tenant, current_tenant
from camel_ext.interactions import read_said
from camel_ext.registry import ResolvedModel, list_aliases, resolve_alias, resolve_version
from camel_ext.serving.schemas import ModelCard

Json = dict[str, Any]
Entry = tuple[Executable, Json]
ALIASES_SHOWN = 500

INSERT_KEY = journalled(insert(IdempotencyRow))
DROP_OLD_KEY = journalled(
    delete(IdempotencyRow).where(
        IdempotencyRow.org_id == bindparam("org_id"),
        IdempotencyRow.project_id == bindparam("project_id"),
        IdempotencyRow.principal_id == bindparam("by"),
        IdempotencyRow.key == bindparam("old_key"),
        IdempotencyRow.created_at < bindparam("before"),
    )
)


@dataclass(frozen=True, slots=True)
class Keyed:
    """An Idempotency-Key with what it came with: only the same request may repeat it."""

    principal_id: UUID
    key: str
    fingerprint: str


class Replay(msgspec.Struct, frozen=True):
    """What a key's first answer needs besides the log to be given again."""

    interaction_id: UUID
    created: int
    alias: str
    version_id: UUID


def resolve_call(
    db: Session, alias: str, sticky: str, keyed: Keyed | None, now: datetime
) -> ResolvedModel | tuple[Replay, bytes]:
    """Return the version to be asked, or the answer that this key got before.

    Raises: AliasUnknown, IdempotencyKeyReused.
    """
    replay = None if keyed is None else find_replay(db, keyed, now)
    return resolve_alias(db, alias, sticky) if replay is None else replay


def find_replay(db: Session, keyed: Keyed, now: datetime) -> tuple[Replay, bytes] | None:
    """Return what this key was answered, with the response as the log has it.

    Raises: IdempotencyKeyReused.
    """
    tenant = current_tenant(db)
    identity = (tenant.org_id, tenant.project_id, keyed.principal_id, keyed.key)
    row = db.get(IdempotencyRow, identity)
    if row is None or row.created_at < now - KEEP_ANSWERS:
        return None
    if row.request_hash != keyed.fingerprint:
        raise IdempotencyKeyReused()
    replay = msgspec.json.decode(row.body, type=Replay)
    response = read_said(db, replay.interaction_id).response
    assert response is not None, "a key is kept with an answer"
    return replay, response


def keep_answer(tenant: Tenant, keyed: Keyed, replay: Replay, now: datetime) -> list[Entry]:
    """Return the entries that make a key answer the same again, for a day."""
    ids = {"org_id": tenant.org_id, "project_id": tenant.project_id}
    old = {**ids, "by": keyed.principal_id, "old_key": keyed.key, "before": now - KEEP_ANSWERS}
    row = {
        **ids,
        "principal_id": keyed.principal_id,
        "key": keyed.key,
        "request_hash": keyed.fingerprint,
        "status": 200,
        "body": msgspec.json.encode(replay).decode(),
        "headers": {},
        "created_at": now,
    }
    return [(DROP_OLD_KEY, old), (INSERT_KEY, row)]


def list_cards(db: Session) -> list[ModelCard]:
    """Return every alias as OpenAI's list of models shows it, newest first."""
    cards, place = [], Place(ALIASES_SHOWN)
    while True:
        aliases, cursor = list_aliases(db, place)
        cards += [
            ModelCard(id=alias.name, created=int(alias.created_at.timestamp())) for alias in aliases
        ]
        if cursor is None:
            return cards
        place = Place(ALIASES_SHOWN, (aliases[-1].created_at, aliases[-1].id))


def list_served(db: Session) -> list[tuple[str, ResolvedModel]]:
    """Return each version that aliases point at, with the alias; a page of aliases at most."""
    aliases, _ = list_aliases(db, Place(ALIASES_SHOWN))
    found: dict[str, ResolvedModel] = {}
    served = []
    for alias in aliases:
        for share in alias.targets:
            version_id = share["version_id"]
            if version_id not in found:
                found[version_id] = resolve_version(db, UUID(version_id))
            served.append((alias.name, found[version_id]))
    return served
