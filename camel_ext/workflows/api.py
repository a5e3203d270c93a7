"""Routes of runs and their turns."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Request, Response

from camel_ext.core.door import Created, MaybeIfMatch, etag
from camel_ext.core.http import problems
from camel_ext.core.paging import Page
from camel_ext.core.routes import Router
from camel_ext.identity import Editor, Viewer
from camel_ext.workflows import runs
from camel_ext.workflows.api_configurations import router as configurations
from camel_ext.workflows.api_forks import router as forks
from camel_ext.workflows.askers import asker_of
from camel_ext.workflows.models import Run
from camel_ext.workflows.schemas import (
    Decision,
    Resume,
    Retry,
    RunQuery,
    RunShown,
    RunStart,
    TurnShown,
    TurnsShown,
)

router = Router(prefix="/api/v1/runs", tags=["workflows"])
routers = [router, configurations, forks]
RunId = Annotated[UUID, Path(description="The run's id.")]


def _created(run: Run) -> Created:
    return Created(run, f"/api/v1/runs/{run.id}", run.revision)


@router.post("", status_code=202, response_model=RunShown, responses=problems(404, 409),
             summary="Start a run of a workflow")  # fmt: skip
async def start(body: RunStart, request: Request, door: Editor) -> Response:
    asker = asker_of(door)
    return await door.create(
        request, RunShown, lambda db: _created(runs.start_run(db, asker, body)), status=202
    )


@router.get("", responses=problems(), summary="Runs, newest first")
async def list_(door: Viewer, wanted: Annotated[RunQuery, Query()]) -> Page[RunShown]:
    found, following = await door.read(runs.list_runs, wanted, wanted.place)
    items = [RunShown.model_validate(run) for run in found]
    return Page(items=items, next_cursor=following)


@router.get("/{run_id}", response_model=RunShown, responses=problems(404), summary="One run")
async def show(run_id: RunId, door: Viewer, response: Response) -> Run:
    return _with_etag(await door.read(runs.get_run, run_id), response)


@router.get("/{run_id}/turns", responses=problems(404), summary="A run's turns, in order")
async def turns(
    run_id: RunId,
    door: Viewer,
    after: Annotated[int, Query(ge=0, lt=2**31, description="Only turns after this one.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 200,
) -> TurnsShown:
    found = await door.read(runs.list_turns, run_id, after, limit + 1)
    items = [TurnShown.model_validate(turn) for turn in found[:limit]]
    return TurnsShown(items=items, next_after=items[-1].seq if len(found) > limit else None)


@router.post("/{run_id}/cancel", response_model=RunShown, responses=problems(404, 409, 412),
             summary="Stop a run for good")  # fmt: skip
async def cancel(run_id: RunId, door: Editor, revision: MaybeIfMatch, response: Response) -> Run:
    clock = door.runtime.clock
    return _with_etag(await door.write(runs.cancel_run, clock, run_id, revision), response)


@router.post("/{run_id}/pause", response_model=RunShown, responses=problems(404, 409, 412),
             summary="Stop a run before its next turn")  # fmt: skip
async def pause(run_id: RunId, door: Editor, revision: MaybeIfMatch, response: Response) -> Run:
    clock = door.runtime.clock
    return _with_etag(await door.write(runs.pause_run, clock, run_id, revision), response)


@router.post("/{run_id}/resume", response_model=RunShown, responses=problems(404, 409, 412),
             summary="Let a waiting run go on")  # fmt: skip
async def resume(
    run_id: RunId, body: Resume, door: Editor, revision: MaybeIfMatch, response: Response
) -> Run:
    clock = door.runtime.clock
    run = await door.write(runs.resume_run, clock, run_id, body, revision)
    return _with_etag(run, response)


@router.post("/{run_id}/decide", response_model=RunShown, responses=problems(404, 409, 412),
             summary="Say whether an interrupted call happened")  # fmt: skip
async def decide(
    run_id: RunId, body: Decision, door: Editor, revision: MaybeIfMatch, response: Response
) -> Run:
    clock = door.runtime.clock
    run = await door.write(runs.decide, clock, run_id, body, revision)
    return _with_etag(run, response)


@router.post("/{run_id}/retry", status_code=202, response_model=RunShown,
             responses=problems(404, 409), summary="Start anew from one of its steps")  # fmt: skip
async def retry(run_id: RunId, body: Retry, request: Request, door: Editor) -> Response:
    asker = asker_of(door)
    return await door.create(
        request, RunShown, lambda db: _created(runs.retry_run(db, asker, run_id, body)), status=202
    )


def _with_etag(run: Run, response: Response) -> Run:
    response.headers["ETag"] = etag(run.revision)
    return run
