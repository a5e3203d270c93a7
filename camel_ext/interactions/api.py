"""Routes of the log: pages, counts, one interaction, its exact bytes, lines out and in, retention.

Rows are encoded straight to JSON; `response_model` declares them and is not run.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from camel_ext.core.door import Created, MaybeIfMatch, etag
from camel_ext.core.gate import Lane
from camel_ext.core.http import problems
from camel_ext.core.paging import Page, Place, decode_cursor, place
from camel_ext.core.routes import Router
from camel_ext.identity import ActorDoor, Editor, Owner, Viewer
from camel_ext.interactions import counting, service
from camel_ext.interactions.rebuilding import Said
from camel_ext.interactions.recording import Recorder
from camel_ext.interactions.schemas import (
    ArchiveShown,
    CountShown,
    ExportQuery,
    FacetsShown,
    HistogramQuery,
    HistogramShown,
    ImportedShown,
    InteractionFilter,
    InteractionPage,
    InteractionQuery,
    InteractionShown,
    RetentionSet,
    RetentionShown,
    SweepShown,
    SweepStart,
)

EXPORT_ROWS = 100
JSON = "application/json"
LINES = "application/x-ndjson"
LINES_BODY = {"requestBody": {"required": True, "content": {LINES: {"schema": {"type": "string"}}}}}

router = Router(prefix="/api/v1/interactions", tags=["interactions"])
policy = Router(prefix="/api/v1/interaction-retention", tags=["interactions"])
sweeps = Router(prefix="/api/v1/interaction-sweeps", tags=["interactions"])
archives = Router(prefix="/api/v1/interaction-archives", tags=["interactions"])
routers = [router, policy, sweeps, archives]

Id = Annotated[UUID, Path(description="Its id.")]
Where = Annotated[Place, Depends(place)]
SweepId = Annotated[UUID, Path(description="The sweep's id.")]
ArchiveId = Annotated[UUID, Path(description="The archive's id.")]


@router.get("", response_model=InteractionPage, responses=problems(),
            summary="Interactions by filter, newest first")  # fmt: skip
async def list_interactions(door: Viewer, wanted: Annotated[InteractionQuery, Query()]) -> Response:
    page = await door.read(service.list_interactions, wanted, wanted.place)
    return Response(msgspec.json.encode(page), media_type=JSON)


@router.get("/export", response_class=StreamingResponse,
            responses={**problems(), 200: {"content": {LINES: {"schema": {"type": "string"}}}}},
            summary="Interactions by filter as JSON lines, newest first")  # fmt: skip
async def export(door: Viewer, wanted: Annotated[ExportQuery, Query()]) -> StreamingResponse:
    first = await door.read(service.export_lines, wanted, Place(EXPORT_ROWS))
    if first[1] is not None and wanted.bodies and not wanted.skip_missing:
        from camel_ext.interactions.archived import check_archives  # with the first long export

        await door.read(
            check_archives, wanted
        )  # before the first byte, as no error can follow that
    return StreamingResponse(
        lines(door, wanted, first),
        media_type=LINES,
        headers={"Content-Disposition": 'attachment; filename="interactions.jsonl"'},
    )


@router.post("/import", response_model=ImportedShown, responses=problems(404, 409),
             openapi_extra=LINES_BODY, summary="Record calls made elsewhere, up to 500 lines")  # fmt: skip
async def import_lines(request: Request, door: Editor) -> ImportedShown:
    from camel_ext.interactions import ingesting  # it comes with the first import

    runtime, threads = door.runtime, door.runtime.threads
    told = await threads.run("work", ingesting.read_lines, await request.body())
    names = {each.line.model for each in told}
    models = await door.read(ingesting.resolve_models, names)
    recorder = runtime.extras.setdefault(
        "interactions.recorder", Recorder(runtime.clock, runtime.new_id)
    )
    key = request.headers.get("idempotency-key")
    made = await threads.run(
        "work", ingesting.record_all, recorder, door.tenant, door.principal_id, told, models, key
    )
    shown = await runtime.write(
        door.tenant, ingesting.keep_all, runtime.clock, made, lane=Lane.BULK
    )
    kept = set(shown.ids)
    for _, recorded in made:
        if recorded.id in kept:
            recorded.keep()
    return shown


@router.get("/count", responses=problems(), summary="How many there are by filter, up to 10,000")
async def count(door: Viewer, wanted: Annotated[InteractionFilter, Query()]) -> CountShown:
    return await door.read(counting.count_interactions, wanted)


@router.get("/facets", responses=problems(), summary="Counts by value of the newest by filter")
async def facets(door: Viewer, wanted: Annotated[InteractionFilter, Query()]) -> FacetsShown:
    return await door.read(counting.count_facets, wanted)


@router.get("/histogram", responses=problems(), summary="Calls and failures by filter over time")
async def histogram(door: Viewer, wanted: Annotated[HistogramQuery, Query()]) -> HistogramShown:
    runtime = door.runtime
    settled = runtime.extras.setdefault("interactions.settled", counting.Settled())
    return await door.read(counting.count_over_time, runtime.clock, settled, wanted)


@router.get("/{interaction_id}", response_model=InteractionShown, responses=problems(404),
            summary="One interaction with its whole prompt and answer")  # fmt: skip
async def get_interaction(interaction_id: Id, door: Viewer) -> Response:
    shown = await door.read(service.get_interaction, interaction_id)
    return Response(shown, media_type=JSON)


@router.get("/{interaction_id}/request", response_model=dict[str, object], responses=problems(404),
            summary="The request, byte for byte as it was sent")  # fmt: skip
async def get_request(interaction_id: Id, door: Viewer) -> Response:
    said: Said = await door.read(service.read_said, interaction_id)
    return Response(said.sent, media_type=JSON)


@policy.get("", response_model=RetentionShown, responses=problems(404),
            summary="How long this project keeps its calls; 404: for ever")  # fmt: skip
async def show_retention(door: Viewer, response: Response) -> Any:
    found = await door.read(_retention().get_retention)
    response.headers["ETag"] = etag(found.revision)
    return found


@policy.put("", response_model=RetentionShown, responses=problems(409, 412),
            summary="Say how long calls are kept, and whether old ones are archived or erased")  # fmt: skip
async def keep(body: RetentionSet, door: Owner, response: Response, revision: MaybeIfMatch) -> Any:
    clock = door.runtime.clock
    found = await door.write(_retention().set_retention, clock, door.principal_id, body, revision)
    response.headers["ETag"] = etag(found.revision)
    return found


@policy.delete("", response_model=RetentionShown, responses=problems(404),
               summary="Keep calls for ever from now on")  # fmt: skip
async def keep_for_ever(door: Owner) -> Any:
    return await door.write(_retention().end_retention, door.runtime.clock)


@sweeps.post("", status_code=202, response_model=SweepShown, responses=problems(404, 409),
             summary="Let old calls leave the log, by the retention or as said here")  # fmt: skip
async def start_sweep(body: SweepStart, request: Request, door: Owner) -> Response:
    runtime = door.runtime

    def make(db: Session) -> Created:
        made = _retention().start_sweep(db, runtime.clock, runtime.new_id, door.principal_id, body)
        return Created(made, f"/api/v1/interaction-sweeps/{made.id}")

    return await door.create(request, SweepShown, make, status=202)


@sweeps.get(
    "", response_model=Page[SweepShown], responses=problems(), summary="Sweeps, newest first"
)
async def list_sweeps(door: Viewer, where: Where) -> dict[str, Any]:
    items, following = await door.read(_retention().list_sweeps, where)
    return {"items": items, "next_cursor": following}


@sweeps.get("/{sweep_id}", response_model=SweepShown, responses=problems(404), summary="One sweep")
async def get_sweep(sweep_id: SweepId, door: Viewer) -> Any:
    return await door.read(_retention().get_sweep, sweep_id)


@sweeps.post("/{sweep_id}/cancel", response_model=SweepShown, responses=problems(404),
             summary="Stop a sweep; what left until then stays where it is")  # fmt: skip
async def cancel_sweep(sweep_id: SweepId, door: Owner) -> Any:
    return await door.write(_retention().cancel_sweep, door.runtime.clock, sweep_id)


@archives.get("", response_model=Page[ArchiveShown], responses=problems(),
              summary="Files of archived calls, newest first")  # fmt: skip
async def list_archives(door: Viewer, where: Where) -> dict[str, Any]:
    items, following = await door.read(_retention().list_archives, where)
    return {"items": items, "next_cursor": following}


@archives.get("/{archive_id}", response_model=ArchiveShown, responses=problems(404),
              summary="One file of archived calls")  # fmt: skip
async def get_archive(archive_id: ArchiveId, door: Viewer) -> Any:
    return await door.read(_retention().get_archive, archive_id)


@archives.post("/{archive_id}/restore", status_code=202, response_model=ArchiveShown,
               responses=problems(404, 409), summary="Bring an archive's calls back into the log")  # fmt: skip
async def restore(archive_id: ArchiveId, door: Editor) -> Any:
    runtime = door.runtime
    return await door.write(_retention().start_restore, runtime.clock, runtime.new_id, archive_id)


def _retention() -> Any:
    """Return the services of retention: a start needs none of them."""
    from camel_ext.interactions import retention

    return retention


async def lines(
    door: ActorDoor, wanted: ExportQuery, first: tuple[bytes, str | None]
) -> AsyncIterator[bytes]:
    """Yield an export page by page; no session is open between two of them.

    Rows that are recorded meanwhile are not in it: it goes back in time from where it began.
    """
    chunk, cursor = first
    yield chunk
    while cursor is not None:
        next_ = Place(EXPORT_ROWS, decode_cursor(cursor))
        chunk, cursor = await door.read(service.export_lines, wanted, next_)
        yield chunk
