"""Routes of schedules, of their firings, and of what can be scheduled."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from camel_ext.core.door import Created, IfMatch, MaybeIfMatch, TenantDoor, etag
from camel_ext.core.http import problems
from camel_ext.core.paging import Page, Place, place
from camel_ext.core.routes import Router
from camel_ext.identity import Editor, Viewer
from camel_ext.observability.trace import current_trace_id
from camel_ext.scheduling import firings, schedules
from camel_ext.scheduling.models import Schedule
from camel_ext.scheduling.schedulable import SCHEDULABLE, Asking
from camel_ext.scheduling.schemas import (
    NEXT,
    FiringShown,
    Pause,
    Preview,
    SchedulableShown,
    ScheduleChange,
    ScheduleCreate,
    ScheduleQuery,
    ScheduleShown,
    TicksShown,
)

router = Router(prefix="/api/v1/schedules", tags=["scheduling"])
tasks = Router(prefix="/api/v1/schedulable-tasks", tags=["scheduling"])
routers = [tasks, router]

ScheduleId = Annotated[UUID, Path(description="The schedule's id.")]
Where = Annotated[Place, Depends(place)]


def _asking(door: TenantDoor, name: str = "") -> Asking:
    runtime = door.runtime
    return Asking(
        schedule=name,
        principal_id=door.principal_id,
        clock=runtime.clock,
        new_id=runtime.new_id,
        new_seed=lambda: runtime.rng.getrandbits(31),
        trace_id=current_trace_id() or "0" * 32,
    )


@tasks.get("", responses=problems(), summary="What can be scheduled, with its arguments' shape")
async def list_tasks(_door: Viewer) -> list[SchedulableShown]:
    return [
        SchedulableShown(
            name=task.name,
            words=task.words,
            arguments=task.arguments.model_json_schema(),
            path=task.path,
        )
        for _, task in sorted(SCHEDULABLE.items())
    ]


@router.post("/preview", responses=problems(), summary="The next times; nothing is saved")
async def preview(body: Preview, door: Editor) -> TicksShown:
    now = door.runtime.clock.now()
    return await door.runtime.threads.run("work", schedules.preview, body, now)


@router.post("", status_code=201, response_model=ScheduleShown, responses=problems(404, 409),
             summary="Make a schedule")  # fmt: skip
async def create(body: ScheduleCreate, request: Request, door: Editor) -> Response:
    def make(db: Session) -> Created:
        made = schedules.create_schedule(db, _asking(door, body.name), body)
        return Created(schedules.shown(made), f"/api/v1/schedules/{made.id}", made.revision)

    return await door.create(request, ScheduleShown, make)


@router.get("", responses=problems(), summary="Schedules, newest first")
async def list_(door: Viewer, wanted: Annotated[ScheduleQuery, Query()]) -> Page[ScheduleShown]:
    found, following = await door.read(schedules.list_schedules, wanted, wanted.place)
    return Page(items=[schedules.shown(each) for each in found], next_cursor=following)


@router.get("/{schedule_id}", responses=problems(404), summary="One schedule")
async def show(schedule_id: ScheduleId, door: Viewer, response: Response) -> ScheduleShown:
    return _tagged(response, await door.read(schedules.get_schedule, schedule_id))


@router.put("/{schedule_id}", responses=problems(404, 409, 412, 428),
            summary="Replace all of a schedule but its name")  # fmt: skip
async def change(
    schedule_id: ScheduleId, body: ScheduleChange, door: Editor, revision: IfMatch,
    response: Response,
) -> ScheduleShown:  # fmt: skip
    return await _write(
        door,
        response,
        lambda db: schedules.change_schedule(db, _asking(door), schedule_id, revision, body),
    )


@router.delete("/{schedule_id}", responses=problems(404, 412, 428),
               summary="Delete a schedule with its history; what it started stays")  # fmt: skip
async def delete(schedule_id: ScheduleId, door: Editor, revision: IfMatch) -> ScheduleShown:
    def write(db: Session) -> ScheduleShown:
        gone = schedules.delete_schedule(db, _asking(door), schedule_id, revision)
        return schedules.shown(gone)

    return await door.write(write)


@router.post("/{schedule_id}/pause", responses=problems(404, 412),
             summary="Let a schedule fire no more until it is resumed")  # fmt: skip
async def pause(
    schedule_id: ScheduleId, body: Pause, door: Editor, revision: MaybeIfMatch, response: Response
) -> ScheduleShown:
    return await _write(
        door,
        response,
        lambda db: schedules.pause_schedule(db, _asking(door), schedule_id, revision, body.reason),
    )


@router.post("/{schedule_id}/resume", responses=problems(404, 412),
             summary="Let a paused schedule fire again, from now on")  # fmt: skip
async def resume(
    schedule_id: ScheduleId, door: Editor, revision: MaybeIfMatch, response: Response
) -> ScheduleShown:
    return await _write(
        door,
        response,
        lambda db: schedules.resume_schedule(db, _asking(door), schedule_id, revision),
    )


@router.post("/{schedule_id}/run", status_code=202, response_model=FiringShown,
             responses=problems(404, 409), summary="Fire a schedule now")  # fmt: skip
async def run_now(schedule_id: ScheduleId, request: Request, door: Editor) -> Response:
    def write(db: Session) -> Created:
        made = firings.run_now(db, door.runtime, door.principal_id, schedule_id)
        return Created(firings.shown(made, {}), f"/api/v1/schedules/{schedule_id}/firings")

    return await door.create(request, FiringShown, write, status=202)


@router.get("/{schedule_id}/next", responses=problems(404), summary="A schedule's next times")
async def list_next(
    schedule_id: ScheduleId,
    door: Viewer,
    count: Annotated[int, Query(ge=1, le=100, description="How many.")] = NEXT,
) -> TicksShown:
    now = door.runtime.clock.now()
    return await door.read(schedules.list_next, schedule_id, now, count)


@router.get("/{schedule_id}/firings", responses=problems(404),
            summary="What a schedule fired and what came of it, the latest first")  # fmt: skip
async def list_firings(schedule_id: ScheduleId, door: Viewer, where: Where) -> Page[FiringShown]:
    found, following = await door.read(firings.list_firings, schedule_id, where)
    return Page(items=found, next_cursor=following)


async def _write(
    door: TenantDoor, response: Response, change: Callable[[Session], Schedule]
) -> ScheduleShown:
    return _tagged(response, await door.write(change))


def _tagged(response: Response, schedule: Schedule) -> ScheduleShown:
    response.headers["ETag"] = etag(schedule.revision)
    return schedules.shown(schedule)
