"""Routes of queues and their items: making one, taking the next, giving back, how far."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from camel_ext.annotations import progress, queues, reservations
from camel_ext.annotations.models import QueueItem
from camel_ext.annotations.queues import Counted
from camel_ext.annotations.schemas_queues import (
    ItemListed,
    ItemShown,
    ItemState,
    NextShown,
    QueueCreate,
    QueueProgress,
    QueueShown,
    Release,
)
from camel_ext.annotations.subjects import show_subjects
from camel_ext.core.door import Created
from camel_ext.core.http import problems
from camel_ext.core.paging import Page, Place, place
from camel_ext.core.routes import Router
from camel_ext.identity import Editor, Viewer
from camel_ext.registry import Name

router = Router(prefix="/api/v1/annotation-queues", tags=["annotations"])
items = Router(prefix="/api/v1/annotation-queue-items", tags=["annotations"])

MOST_AT_ONCE = 5

QueueId = Annotated[UUID, Path(description="The queue's id.")]
ItemId = Annotated[UUID, Path(description="The item's id.")]


@router.post("", status_code=201, response_model=QueueShown, responses=problems(404, 409),
             summary="Make a queue of answers for people to judge")  # fmt: skip
async def create(body: QueueCreate, request: Request, door: Editor) -> Response:
    runtime = door.runtime
    sets = await door.read(queues.find_sets, body)

    def make(db: Session) -> Created:
        made = queues.make_queue(db, runtime.clock, runtime.new_id, door.principal_id, body, sets)
        return Created(_queue(made), f"/api/v1/annotation-queues/{made.queue.id}")

    return await door.create(request, QueueShown, make)


@router.get("", responses=problems(), summary="Queues, newest first")
async def list_(
    door: Viewer,
    where: Annotated[Place, Depends(place)],
    name: Annotated[Name | None, Query(description="Only of this name.")] = None,
) -> Page[QueueShown]:
    found, following = await door.read(queues.list_queues, door.runtime.clock, where, name)
    return Page(items=[_queue(each) for each in found], next_cursor=following)


@router.get("/{queue_id}", responses=problems(404), summary="One queue, and how far it is")
async def show(queue_id: QueueId, door: Viewer) -> QueueShown:
    return _queue(await door.read(queues.show_queue, door.runtime.clock, queue_id))


@router.post("/{queue_id}/close", responses=problems(404),
             summary="Give nothing out any more; what is taken can be judged")  # fmt: skip
async def close(queue_id: QueueId, door: Editor) -> QueueShown:
    return _queue(await door.write(queues.close_queue, door.runtime.clock, queue_id))


@router.get("/{queue_id}/items", responses=problems(404),
            summary="Its items with their states, set by set")  # fmt: skip
async def list_items(
    queue_id: QueueId,
    door: Viewer,
    where: Annotated[Place, Depends(place)],
    state: Annotated[ItemState | None, Query(description="Only in this state.")] = None,
) -> Page[ItemListed]:
    clock, who = door.runtime.clock, door.principal_id
    found, following = await door.read(progress.list_items, clock, who, queue_id, where, state)
    return Page(items=found, next_cursor=following)


@router.get("/{queue_id}/progress", responses=problems(404),
            summary="How far it is, how fast it goes, who did how much")  # fmt: skip
async def show_progress(queue_id: QueueId, door: Viewer) -> QueueProgress:
    clock = door.runtime.clock
    return await door.read(progress.show_progress, clock, door.principal_id, queue_id)


@router.post("/{queue_id}/next", responses=problems(404, 409),
             summary="Reserve the next item for you, and what follows it")  # fmt: skip
async def next_(
    queue_id: QueueId,
    door: Editor,
    count: Annotated[
        int, Query(ge=1, le=MOST_AT_ONCE, description="How many: one to judge, more to load ahead.")
    ] = 1,
) -> NextShown:
    def take(db: Session) -> NextShown:
        clock, who = door.runtime.clock, door.principal_id
        found = [_item(db, each) for each in
                 reservations.next_items(db, clock, who, queue_id, count)]  # fmt: skip
        is_open = queues.count_open(db, queue_id)
        return NextShown(item=found[0] if found else None, following=found[1:], items_open=is_open)

    return await door.write(take)


@items.get("/{item_id}", responses=problems(404), summary="One item with prompts and answers")
async def show_item(item_id: ItemId, door: Viewer) -> ItemShown:
    return await door.read(lambda db: _item(db, reservations.get_item(db, item_id)))


@items.post("/{item_id}/reserve", responses=problems(404, 409),
            summary="Keep an item for you, or keep it longer")  # fmt: skip
async def reserve(item_id: ItemId, door: Editor) -> ItemShown:
    def keep(db: Session) -> ItemShown:
        who = door.principal_id
        return _item(db, reservations.reserve_item(db, door.runtime.clock, who, item_id))

    return await door.write(keep)


@items.post("/{item_id}/release", responses=problems(404, 409),
            summary="Give an item back, or skip it")  # fmt: skip
async def release(item_id: ItemId, body: Release, door: Editor) -> ItemShown:
    def give_back(db: Session) -> ItemShown:
        item = reservations.release_item(
            db, door.runtime.clock, door.principal_id, item_id, skip=body.skip, reason=body.reason
        )
        return _item(db, item)

    return await door.write(give_back)


def _queue(counted: Counted) -> QueueShown:
    return QueueShown.model_validate(
        _columns(counted.queue, QueueShown)
        | {"items_done": counted.items_done, "items_reserved": counted.items_reserved}
    )


def _item(db: Session, item: QueueItem) -> ItemShown:
    kind = queues.get_queue(db, item.queue_id).kind
    subjects = show_subjects(db, [UUID(each) for each in item.interaction_ids])
    return ItemShown.model_validate(
        _columns(item, ItemShown) | {"kind": kind, "subjects": subjects}
    )


def _columns(row: Any, shape: type[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in shape.model_fields if hasattr(row, name)}
