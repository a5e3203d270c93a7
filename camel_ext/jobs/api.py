"""Routes of the queue: jobs, queues and workers.

What concerns a project's own jobs takes the roles of its members. Workers serve every organisation of
the installation, so they are shown to, and steered by, owners of the one that founded it.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query

from camel_ext.core import concurrency
from camel_ext.core.concurrency import LimitSeen
from camel_ext.core.http import problems
from camel_ext.core.models import Job, State
from camel_ext.core.paging import Page, Place, decode_cursor, place
from camel_ext.core.routes import Router
from camel_ext.identity import Editor, Operator, Owner, Viewer, check_operator
from camel_ext.jobs import dead_letters, limits, service
from camel_ext.jobs.limits import JobSeen, see_jobs, see_limits
from camel_ext.jobs.schemas import (
    DeadLettersShown,
    DeadRepeat,
    DeadRepeated,
    JobQueueShown,
    JobQueuesShown,
    JobShown,
    LimitChange,
    LimitShown,
    LimitsShown,
    PriorityChange,
    WorkerShown,
    WorkersShown,
)
from camel_ext.jobs.service import QueueSeen, WorkerSeen

router = Router(prefix="/api/v1", tags=["jobs"])

JobId = Annotated[UUID, Path(description="The job's id.")]
WorkerId = Annotated[UUID, Path(description="The worker's id.")]
LimitName = Annotated[
    str, Path(description="`workflow:NAME`, `model:NAME` or `device:NAME`.", max_length=160)
]
QueueName = Annotated[str, Path(description="The queue's name: a room.", max_length=64)]


@router.get("/jobs", response_model=Page[JobShown], responses=problems(),
            summary="Jobs, newest first")  # fmt: skip
async def list_jobs(
    door: Viewer,
    where: Annotated[Place, Depends(place)],
    queue: Annotated[str | None, Query(description="Only of this queue.", max_length=64)] = None,
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
    dead: Annotated[bool, Query(description="Only those that ran out of tries.")] = False,
    worker: Annotated[UUID | None, Query(description="Only those that this worker holds.")] = None,
) -> dict[str, Any]:
    found, following = await door.read(
        lambda db: service.list_jobs(db, where, queue, state, dead=dead, worker=worker)
    )
    return {"items": await see_jobs(door, found), "next_cursor": following}


@router.get("/jobs/{job_id}", response_model=JobShown, responses=problems(404),
            summary="One job")  # fmt: skip
async def show_job(job_id: JobId, door: Viewer) -> JobSeen:
    return (await see_jobs(door, [await door.read(service.get_job, job_id)]))[0]


@router.post("/jobs/{job_id}/cancel", response_model=JobShown, responses=problems(404, 409),
             summary="Stop a job and what it works for")  # fmt: skip
async def cancel_job(job_id: JobId, door: Editor) -> Job:
    return await door.write(service.cancel_job, door, job_id)


@router.post("/jobs/{job_id}/repeat", response_model=JobShown, responses=problems(404, 409),
             summary="Queue again what a failed job worked for; answers the new job")  # fmt: skip
async def repeat_job(job_id: JobId, door: Editor) -> Job:
    return await door.write(service.repeat_job, door, job_id)


@router.put("/jobs/{job_id}/priority", response_model=JobShown, responses=problems(404, 409),
            summary="Move a job before or behind others")  # fmt: skip
async def set_priority(job_id: JobId, body: PriorityChange, door: Editor) -> Job:
    return await door.write(service.set_priority, job_id, body.priority)


@router.get("/dead-letters", response_model=DeadLettersShown, responses=problems(404),
            summary="How many jobs ran out of tries and were not queued again")  # fmt: skip
async def count_dead(
    door: Viewer,
    queue: Annotated[str | None, Query(description="Only of this queue.", max_length=64)] = None,
    kind: Annotated[str | None, Query(description="Only of this kind.", max_length=80)] = None,
) -> dict[str, Any]:
    found = await door.read(dead_letters.count_dead, queue, kind)
    return {"total": sum(each.jobs for each in found), "items": found}


@router.post("/dead-letters/repeat", response_model=DeadRepeated, responses=problems(404),
             summary="Queue again what dead letters worked for, some at a time")  # fmt: skip
async def repeat_dead(body: DeadRepeat, door: Editor) -> dead_letters.Repeated:
    after = None if body.cursor is None else decode_cursor(body.cursor)
    return await dead_letters.repeat_dead(door, body.queue, body.kind, Place(body.at_most, after))


@router.get("/queues", response_model=JobQueuesShown, responses=problems(),
            summary="Every queue: how deep, how old, how fast")  # fmt: skip
async def list_queues(door: Viewer) -> dict[str, list[QueueSeen]]:
    return {"items": await door.read(service.list_queues, door.runtime.clock)}


@router.post("/queues/{name}/pause", response_model=JobQueueShown, responses=problems(404),
             summary="Let nobody take jobs from a queue; what runs goes on")  # fmt: skip
async def pause_queue(name: QueueName, door: Owner) -> QueueSeen:
    return await door.write(service.pause_queue, door.runtime.clock, door.principal_id, name)


@router.post("/queues/{name}/resume", response_model=JobQueueShown, responses=problems(404),
             summary="Let workers take from a queue again")  # fmt: skip
async def resume_queue(name: QueueName, door: Owner) -> QueueSeen:
    return await door.write(service.resume_queue, door.runtime.clock, name)


@router.get("/limits", response_model=LimitsShown, responses=problems(),
            summary="How many jobs at once may use a workflow, a model or a device")  # fmt: skip
async def list_limits(door: Viewer) -> dict[str, list[LimitSeen]]:
    return {"items": await see_limits(door)}


@router.put("/limits/{name:path}", response_model=LimitShown, responses=problems(404),
            summary="Bound how many jobs at once may use a thing")  # fmt: skip
async def set_limit(name: LimitName, body: LimitChange, door: Owner) -> LimitSeen:
    limits.check_name(name)
    if concurrency.is_device(name):
        await check_operator(door)
    await door.write(limits.set_limit, door.runtime.clock, door.principal_id, name, body.at_once)
    return next(each for each in await see_limits(door) if each.name == name)


@router.delete("/limits/{name:path}", response_model=LimitsShown, responses=problems(404),
               summary="Let as many jobs use a thing as there are")  # fmt: skip
async def drop_limit(name: LimitName, door: Owner) -> dict[str, list[LimitSeen]]:
    await door.write(limits.drop_limit, name)
    return {"items": await see_limits(door)}


@router.get("/workers", response_model=WorkersShown, responses=problems(),
            summary="Every worker of the installation, and what it holds")  # fmt: skip
async def list_workers(door: Operator) -> dict[str, list[WorkerSeen]]:
    return {"items": await door.read(service.list_workers)}


@router.post("/workers/{worker_id}/drain", response_model=WorkerShown, responses=problems(404),
             summary="Let a worker finish what it holds and take no more")  # fmt: skip
async def drain_worker(worker_id: WorkerId, door: Operator) -> WorkerSeen:
    return await door.write(
        lambda db: service.drain_worker(db, door.runtime.clock, worker_id, drains=True)
    )


@router.post("/workers/{worker_id}/resume", response_model=WorkerShown, responses=problems(404),
             summary="Let a draining worker take jobs again")  # fmt: skip
async def resume_worker(worker_id: WorkerId, door: Operator) -> WorkerSeen:
    return await door.write(
        lambda db: service.drain_worker(db, door.runtime.clock, worker_id, drains=False)
    )
