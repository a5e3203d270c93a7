"""Where archived bodies lie, and reading some of them: what the log finds no body of, it looks up here.

The folder belongs to a process, not to a row, so that archives may move with their machine; a file that is
not there is fetched from the blob store. Nothing else is written here.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from camel_ext.core.database import Database
from camel_ext.core.paging import Place
from camel_ext.core.tenancy import current_tenant
from camel_ext.interactions.archive_files import REMEDIES, Json, find_rows
from camel_ext.interactions.elsewhere import Bring
from camel_ext.interactions.errors import ArchiveAway, ArchiveUnreadable
from camel_ext.interactions.models import Archive, ArchiveState, Interaction
from camel_ext.interactions.queries import indexed, scanned
from camel_ext.interactions.schemas import InteractionFilter


@dataclass(frozen=True, slots=True)
class _Place:
    root: Path
    bring: Bring | None


_PLACES: WeakKeyDictionary[Engine, _Place] = WeakKeyDictionary()


def keep_archives_in(database: Database, root: Path, bring: Bring | None = None) -> None:
    """Say where this process finds, and writes, the archives of a database, and how it fetches one."""
    for engine in (database.reader, database.writer):
        _PLACES[engine] = _Place(root, bring)


def archive_folder(db: Session) -> Path:
    """Return the folder of the session's project. Raises: ArchiveUnreadable."""
    tenant = current_tenant(db)
    return _place(db).root / str(tenant.org_id) / str(tenant.project_id)


def find_archived(
    db: Session,
    ids: Sequence[UUID],
    names: Sequence[str] = ("id", "request", "response"),
    missing: dict[UUID, str] | None = None,
) -> Iterator[Json]:
    """Yield what the archive holds of these calls: one query, and a look into each of their files.

    With `missing`, calls whose file is not there are written down in it, by the file's name.
    Raises: ArchiveUnreadable, ArchiveAway, BlobStoreAway.
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
        path, bring = archive_folder(db) / file, _place(db).bring
        if bring is not None and not path.exists():
            bring(path)
        try:
            yield from find_rows(path, some, names)
        except ArchiveAway:
            if missing is None:
                raise
            missing.update(dict.fromkeys(some, file))


def check_archives(db: Session, wanted: InteractionFilter) -> None:
    """Make sure that the files are here in which calls of a filter are; a blob store is not asked.

    One query, and one more where a file is not there, which calls it would be.
    Raises: ArchiveAway, with the file and how many calls.
    """
    if _place(db).bring is not None:
        return
    folder, gone = archive_folder(db), (ArchiveState.MOVING, ArchiveState.ARCHIVED)
    query = select(Archive.id, Archive.file).where(Archive.state.in_(gone))
    files = db.execute(query)
    away: dict[UUID | None, str] = {
        each: file for each, file in files if not (folder / file).exists()
    }
    if not away:
        return
    counts = indexed(select(Interaction.archive_id, func.count()), wanted, Place(1))
    counts = counts.where(*scanned(wanted), Interaction.archive_id.in_(away))
    found = db.execute(counts.group_by(Interaction.archive_id)).all()
    if found:
        named = ", ".join(f"{folder / away[each]} with {count:,} calls" for each, count in found)
        raise ArchiveAway(f"the words of these calls are not there, {named}: {REMEDIES}")


def _place(db: Session) -> _Place:
    place = _PLACES.get(db.get_bind().engine)
    if place is None:
        raise ArchiveUnreadable("this process was not told where archives are kept")
    return place
