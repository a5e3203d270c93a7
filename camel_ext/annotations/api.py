"""Routes of judgements, and of batches of verdicts."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from camel_ext.annotations import batches, judging, queries
from camel_ext.annotations.api_queues import items
from camel_ext.annotations.api_queues import router as queues
from camel_ext.annotations.judgements import judge_of
from camel_ext.annotations.models import Batch
from camel_ext.annotations.schemas import AnnotationCreate, AnnotationQuery, AnnotationShown
from camel_ext.annotations.schemas_batches import BatchShown, BatchStart
from camel_ext.core.door import Created
from camel_ext.core.http import problems
from camel_ext.core.paging import Page, Place, place
from camel_ext.core.routes import Router
from camel_ext.identity import Editor, Role, Viewer

router = Router(prefix="/api/v1/annotations", tags=["annotations"])
batch_router = Router(prefix="/api/v1/annotation-batches", tags=["annotations"])
routers = [router, batch_router, queues, items]

Id = Annotated[UUID, Path(description="Its id.")]
EXAMPLE_ID = "01890000-0000-7000-8000-000000000001"
OTHER_ID = "01890000-0000-7000-8000-000000000002"
NEW = {
    "thumbs": {"value": {"kind": "thumbs", "interaction_ids": [EXAMPLE_ID], "up": True}},
    "correction": {
        "value": {"kind": "correction", "interaction_ids": [EXAMPLE_ID], "text": "Paris."}
    },
    "choice": {
        "value": {"kind": "choice", "interaction_ids": [EXAMPLE_ID, OTHER_ID], "choice": "first"}
    },
}


@router.post("", status_code=201, response_model=AnnotationShown, responses=problems(404, 409),
             summary="Judge an answer, or several side by side")  # fmt: skip
async def create(
    body: Annotated[AnnotationCreate, Body(openapi_examples=NEW)], request: Request, door: Editor
) -> Response:
    runtime = door.runtime

    def write(db: Session) -> Created:
        judge = judge_of(door.principal_id, door.actor.name, body.judge)
        made = judging.annotate(db, runtime.clock, runtime.new_id, judge, body)
        return Created(queries.shown(made, current=True), f"/api/v1/annotations/{made.id}")

    return await door.create(request, AnnotationShown, write)


@router.get("", responses=problems(), summary="Judgements by filter, newest first")
async def list_(door: Viewer, wanted: Annotated[AnnotationQuery, Query()]) -> Page[AnnotationShown]:
    found, following = await door.read(queries.list_annotations, wanted, wanted.place)
    return Page(items=found, next_cursor=following)


@router.get("/{annotation_id}", responses=problems(404), summary="One judgement")
async def show(annotation_id: Id, door: Viewer) -> AnnotationShown:
    return await door.read(queries.show_annotation, annotation_id)


@router.post("/{annotation_id}/withdraw", responses=problems(404, 409),
             summary="Take a judgement back, with all that it superseded")  # fmt: skip
async def withdraw(annotation_id: Id, door: Editor) -> AnnotationShown:
    def write(db: Session) -> AnnotationShown:
        is_owner = door.actor.role.covers(Role.OWNER)
        row = judging.withdraw(
            db, door.runtime.clock, door.principal_id, annotation_id, as_owner=is_owner
        )
        return queries.shown(row, current=False)

    return await door.write(write)


@batch_router.post("", status_code=202, response_model=BatchShown, responses=problems(404),
                   summary="Start a verifier over many answers")  # fmt: skip
async def start_batch(body: BatchStart, request: Request, door: Editor) -> Response:
    runtime = door.runtime

    def start(db: Session) -> Created:
        made = batches.start_batch(db, runtime.clock, runtime.new_id, door.principal_id, body)
        return Created(made, f"/api/v1/annotation-batches/{made.id}")

    return await door.create(request, BatchShown, start, status=202)


@batch_router.get("", responses=problems(), summary="Batches, newest first")
async def list_batches(door: Viewer, where: Annotated[Place, Depends(place)]) -> Page[BatchShown]:
    found, following = await door.read(batches.list_batches, where)
    return Page(items=[BatchShown.model_validate(each) for each in found], next_cursor=following)


@batch_router.get("/{batch_id}", response_model=BatchShown, responses=problems(404),
                  summary="One batch, and how far it is")  # fmt: skip
async def get_batch(batch_id: Id, door: Viewer) -> Batch:
    return await door.read(batches.get_batch, batch_id)


@batch_router.post("/{batch_id}/cancel", response_model=BatchShown, responses=problems(404),
                   summary="Stop a batch; its verdicts until now stay")  # fmt: skip
async def cancel_batch(batch_id: Id, door: Editor) -> Batch:
    return await door.write(batches.cancel_batch, door.runtime.clock, batch_id)


@batch_router.post("/{batch_id}/undo", status_code=202, response_model=BatchShown,
                   responses=problems(404, 409),
                   summary="Take back all verdicts of a batch")  # fmt: skip
async def undo_batch(batch_id: Id, door: Editor) -> Batch:
    runtime = door.runtime
    return await door.write(
        batches.undo_batch, runtime.clock, runtime.new_id, door.principal_id, batch_id
    )
