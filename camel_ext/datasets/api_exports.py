"""Routes of exports: versions as files in the operator's folder."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Request, Response
from sqlalchemy.orm import Session

from camel_ext.core.door import Created
from camel_ext.core.http import problems
from camel_ext.core.paging import Page, Place, place
from camel_ext.core.routes import Router
from camel_ext.datasets import exports
from camel_ext.datasets.schemas_exports import ExportShown, ExportStart
from camel_ext.identity import Editor, Viewer

router = Router(prefix="/api/v1/dataset-exports", tags=["datasets"])

ExportId = Annotated[UUID, Path(description="The export's id.")]


@router.post("", status_code=202, response_model=ExportShown, responses=problems(404, 409),
             summary="Write a frozen version to a file in the operator's folder")  # fmt: skip
async def start(body: ExportStart, request: Request, door: Editor) -> Response:
    runtime = door.runtime

    def make(db: Session) -> Created:
        made = exports.start_export(db, runtime.clock, runtime.new_id, door.principal_id, body)
        return Created(made, f"/api/v1/dataset-exports/{made.id}")

    return await door.create(request, ExportShown, make, status=202)


@router.get("", response_model=Page[ExportShown], responses=problems(),
            summary="Exports, newest first")  # fmt: skip
async def list_(door: Viewer, where: Annotated[Place, Depends(place)]) -> dict[str, Any]:
    items, following = await door.read(exports.list_exports, where)
    return {"items": items, "next_cursor": following}


@router.get("/{export_id}", response_model=ExportShown, responses=problems(404),
            summary="One export")  # fmt: skip
async def show(export_id: ExportId, door: Viewer) -> Any:
    return await door.read(exports.get_export, export_id)


@router.post("/{export_id}/cancel", response_model=ExportShown, responses=problems(404),
             summary="Stop an export; a file that is there stays")  # fmt: skip
async def cancel(export_id: ExportId, door: Editor) -> Any:
    return await door.write(exports.cancel_export, door.runtime.clock, export_id)
