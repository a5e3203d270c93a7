"""Exports: a frozen version as a file in the operator's folder, asked for by a person or a schedule.

Each function works in somebody's transaction; the file itself is `exporting`'s. What a client downloads
needs none of this: that is a stream of the door's.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.models import State
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.datasets.errors import ExportUnknown
from camel_ext.datasets.events import ExportFinished
from camel_ext.datasets.models import DatasetExport
from camel_ext.datasets.schemas_exports import ExportStart
from camel_ext.datasets.versions import NewId, find_version, require_frozen

EXPORT = "datasets.export_version"


def start_export(
    db: Session, clock: Clock, new_id: NewId, principal_id: UUID, wanted: ExportStart
) -> DatasetExport:
    """Queue the writing of a version to a file; which version is settled now.

    Raises: DatasetUnknown, VersionUnknown, VersionUnready.
    """
    version = require_frozen(find_version(db, wanted.version))
    split = "" if wanted.split is None else f"-{wanted.split}"
    export = DatasetExport(
        id=new_id(),
        version_id=version.id,
        dataset=version.dataset,
        number=version.number,
        split=wanted.split,
        format=wanted.format,
        file=f"{version.dataset}-{version.number}{split}.{wanted.format}",
        state=State.QUEUED,
        principal_id=principal_id,
        job_id=new_id(),
        created_at=clock.now(),
    )
    db.add(export)
    jobs.enqueue(db, clock, export.job_id, EXPORT, {"export_id": str(export.id)})
    db.flush()
    return export


def get_export(db: Session, export_id: UUID, *, lock: bool = False) -> DatasetExport:
    """Return an export. Raises: ExportUnknown."""
    export = db.get(DatasetExport, export_id, with_for_update=lock or None, populate_existing=lock)
    if export is None:
        raise ExportUnknown(f"there is no export {export_id} in this project")
    return export


def list_exports(db: Session, where: Place) -> tuple[list[DatasetExport], str | None]:
    """Return a page of exports, newest first."""
    return fetch_page(db, select(DatasetExport), DatasetExport.created_at, DatasetExport.id, where)


def cancel_export(db: Session, clock: Clock, export_id: UUID) -> DatasetExport:
    """Stop an export; a finished one stays, and so does its file.

    Raises: ExportUnknown.
    """
    job = jobs.request_cancel(db, clock, get_export(db, export_id).job_id)  # locked first
    export = get_export(db, export_id, lock=True)
    if job.state.is_final:  # nobody is executing it: it ends here
        end_export(db, clock, export_id, State.CANCELLED)
    return export


def begin_export(db: Session, now: datetime, export_id: UUID) -> DatasetExport:
    """Say that an export is being written."""
    export = get_export(db, export_id, lock=True)
    if not export.state.is_final:
        export.state = State.RUNNING
        export.started_at = export.started_at or now
        db.flush()
    return export


def end_export(
    db: Session,
    clock: Clock,
    export_id: UUID,
    state: State,
    written: tuple[int, str] | None = None,
    error: tuple[str, str] | None = None,
) -> None:
    """Write an export's end, once; `written` is the file's size in bytes and its SHA-256."""
    export = get_export(db, export_id, lock=True)
    if export.state.is_final:
        return
    export.state, export.finished_at = state, clock.now()
    export.size_bytes, export.sha256 = written or (None, None)
    export.error_code, export.error_detail = error or (None, None)
    ended = ExportFinished(
        str(export.id), export.dataset, export.number, export.file, state, export.error_code
    )
    publish(db, clock, ended)
    db.flush()
