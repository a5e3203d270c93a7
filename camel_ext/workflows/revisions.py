"""Revisions of a configuration: its files as they were, and making them stand again.

A revision is written when files are applied (definitions) and never changed; to restore one makes a
new revision with the old text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.workflows.definitions import get_configuration
from camel_ext.workflows.errors import RevisionUnknown
from camel_ext.workflows.models import ConfigurationRevision
from camel_ext.workflows.schemas import ConfigurationApply


@dataclass(frozen=True, slots=True)
class Listed:
    """A revision, and the files in which it differs from the one before."""

    revision: int
    principal_id: UUID
    created_at: datetime
    changed: list[str]


def list_revisions(db: Session, name: str, before: int | None, limit: int) -> list[Listed]:
    """Return revisions of a configuration, newest first: two queries. Raises: ConfigurationUnknown."""
    query = select(ConfigurationRevision).where(
        ConfigurationRevision.configuration_id == get_configuration(db, name).id
    )
    if before is not None:
        query = query.where(ConfigurationRevision.revision < before)
    query = query.order_by(ConfigurationRevision.revision.desc()).limit(limit + 1)
    rows = list(db.scalars(query))
    olders: list[Mapping[str, str]] = [*(row.files for row in rows[1:]), {}]
    return [
        Listed(row.revision, row.principal_id, row.created_at, _changed(older, row.files))
        for row, older in zip(rows[:limit], olders, strict=False)
    ]


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]


def get_revision(db: Session, name: str, revision: int) -> ConfigurationRevision:
    """Return a revision of a configuration. Raises: ConfigurationUnknown, RevisionUnknown."""
    configuration = get_configuration(db, name)
    query = select(ConfigurationRevision).where(
        ConfigurationRevision.configuration_id == configuration.id,
        ConfigurationRevision.revision == revision,
    )
    found = db.scalar(query)
    if found is None:
        raise RevisionUnknown(
            f"the configuration {name!r} has no revision {revision}: it is at "
            f"{configuration.revision}"
        )
    return found


def as_it_was(db: Session, name: str, revision: int, *, dry_run: bool) -> ConfigurationApply:
    """Return what to apply so that a configuration says what it said; later files become empty.

    Raises: ConfigurationUnknown, RevisionUnknown.
    """
    old = get_revision(db, name, revision).files
    files = dict.fromkeys(get_configuration(db, name).files, "") | old
    return ConfigurationApply.model_validate({"name": name, "files": files, "dry_run": dry_run})
