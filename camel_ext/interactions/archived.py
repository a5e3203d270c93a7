"""Where archived bodies lie, and reading some of them: what the log finds no body of, it looks up here.

The folder belongs to a process, not to a row, so that archives may move with their machine; every process
that reads the log needs the same one. Nothing is written here.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from camel_ext.core.database import Database
from camel_ext.core.tenancy import current_tenant
from camel_ext.interactions.archive_files import Json, find_rows
from camel_ext.interactions.errors import ArchiveUnreadable
from camel_ext.interactions.models import Archive, Interaction

_ROOTS: WeakKeyDictionary[Engine, Path] = WeakKeyDictionary()


def keep_archives_in(database: Database, root: Path) -> None:
    """Say where this process finds, and writes, the archives of a database."""
    for engine in (database.reader, database.writer):
        _ROOTS[engine] = root


def archive_folder(db: Session) -> Path:
    """Return the folder of the session's project. Raises: ArchiveUnreadable."""
    root = _ROOTS.get(db.get_bind().engine)
    if root is None:
        raise ArchiveUnreadable("this process was not told where archives are kept")
    tenant = current_tenant(db)
    return root / str(tenant.org_id) / str(tenant.project_id)


def find_archived(
    db: Session, ids: Sequence[UUID], names: Sequence[str] = ("id", "request", "response")
) -> Iterator[Json]:
    """Yield what the archive holds of these calls: one query, and a look into each of their files.

    Raises: ArchiveUnreadable.
    """
    query = (
        select(Interaction.id, Archive.file)
        .join(Archive, Archive.id == Interaction.archive_id)
        .where(Interaction.id.in_(ids))
    )
    by_file: defaultdict[str, list[UUID]] = defaultdict(list)
    for interaction_id, file in db.execute(query):
        by_file[file].append(interaction_id)
    for file, some in by_file.items():
        yield from find_rows(archive_folder(db) / file, some, names)
