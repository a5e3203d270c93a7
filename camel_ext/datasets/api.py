"""Routes of datasets: building versions, looking into them, files out and in."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from camel_ext.core.door import Created
from camel_ext.core.http import problems
from camel_ext.core.paging import Page, Place, place
from camel_ext.core.routes import Router
from camel_ext.datasets import importing, lineage, reading, versions
from camel_ext.datasets.api_exports import router as exports
from camel_ext.datasets.errors import FileInvalid
from camel_ext.datasets.exporting import pieces_of
from camel_ext.datasets.files import read_lines
from camel_ext.datasets.models import DatasetVersion, FileFormat, SourceKind, Split
from camel_ext.datasets.previews import preview
from camel_ext.datasets.schemas import (
    BlastShown,
    DatasetBuild,
    DatasetShown,
    DiffShown,
    ImportOpen,
    Judge,
    LineageShown,
    PairShown,
    PairsShown,
    PreviewShown,
    TouchedShown,
    VersionShown,
    Without,
    WithoutQuery,
)
from camel_ext.identity import Editor, Viewer
from camel_ext.registry import Name

LINES = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
LINES_BODY = {"requestBody": {"required": True, "content": {LINES: {"schema": {"type": "string"}}}}}

datasets = Router(prefix="/api/v1/datasets", tags=["datasets"])
router = Router(prefix="/api/v1/dataset-versions", tags=["datasets"])
sources = Router(prefix="/api/v1/dataset-sources", tags=["datasets"])
routers = [datasets, router, sources, exports]

Where = Annotated[Place, Depends(place)]
DatasetName = Annotated[Name, Path(description="The dataset.")]
VersionId = Annotated[UUID, Path(description="The version's id.")]
OneSplit = Annotated[Split | None, Query(description="Only pairs of this split.")]


def _created(version: DatasetVersion) -> Created:
    return Created(version, f"/api/v1/dataset-versions/{version.id}")


@datasets.post("", status_code=202, response_model=VersionShown, responses=problems(409),
               summary="Build a dataset's next version from judged answers")  # fmt: skip
async def build(body: DatasetBuild, request: Request, door: Editor) -> Response:
    runtime = door.runtime

    def start(db: Session) -> Created:
        return _created(
            versions.start_build(db, runtime.clock, runtime.new_id, door.principal_id, body)
        )

    return await door.create(request, VersionShown, start, status=202)


@datasets.post("/preview", responses=problems(),
               summary="What a build would yield; nothing is kept")  # fmt: skip
async def preview_build(body: DatasetBuild, door: Viewer) -> PreviewShown:
    return await preview(door, door.runtime.clock, body)


@datasets.get("", response_model=Page[DatasetShown], responses=problems(),
              summary="Datasets, newest first")  # fmt: skip
async def list_datasets(door: Viewer, where: Where) -> dict[str, Any]:
    items, following = await door.read(versions.list_datasets, where)
    return {"items": items, "next_cursor": following}


@datasets.get("/{name}", response_model=DatasetShown, responses=problems(404),
              summary="One dataset")  # fmt: skip
async def get_dataset(name: DatasetName, door: Viewer) -> Any:
    return await door.read(versions.get_dataset, name)


@datasets.get("/{name}/versions", response_model=Page[VersionShown], responses=problems(404),
              summary="A dataset's versions, newest first")  # fmt: skip
async def list_versions(name: DatasetName, door: Viewer, where: Where) -> dict[str, Any]:
    items, following = await door.read(versions.list_versions, where, name)
    return {"items": items, "next_cursor": following}


@datasets.post("/{name}/imports", status_code=201, response_model=VersionShown,
               responses=problems(404, 409), summary="Open the next version for a file")  # fmt: skip
async def open_import(
    name: DatasetName, body: ImportOpen, request: Request, door: Editor
) -> Response:
    runtime = door.runtime

    def start(db: Session) -> Created:
        return _created(
            importing.open_import(db, runtime.clock, runtime.new_id, door.principal_id, name, body)
        )

    return await door.create(request, VersionShown, start)


@router.get("", response_model=VersionShown, responses=problems(404),
            summary="The version that `name`, `name@3` or `name@sha256:...` stands for")  # fmt: skip
async def find_version(
    door: Viewer,
    target: Annotated[
        str,
        Query(
            pattern=r"^[A-Za-z0-9:@._-]+$", max_length=200, examples=["brief", "brief@3"],
            description="A dataset's newest frozen version by its name; one version by number, "
            "hash (eight digits or more) or id.",
        ),
    ],
) -> Any:  # fmt: skip
    return await door.read(versions.find_version, target)


@router.get("/{version_id}", response_model=VersionShown, responses=problems(404),
            summary="One version")  # fmt: skip
async def get_version(version_id: VersionId, door: Viewer) -> Any:
    return await door.read(versions.get_version, version_id)


@router.post("/{version_id}/cancel", response_model=VersionShown, responses=problems(404, 409),
             summary="Stop the building of a version for good")  # fmt: skip
async def cancel(version_id: VersionId, door: Editor) -> Any:
    return await door.write(versions.cancel_build, door.runtime.clock, version_id)


@router.get("/{version_id}/pairs", response_model=PairsShown, responses=problems(404, 409),
            summary="A frozen version's pairs, in order")  # fmt: skip
async def list_pairs(
    version_id: VersionId,
    door: Viewer,
    split: OneSplit = None,
    after: Annotated[int, Query(ge=-1, lt=2**31, description="Only after this position.")] = -1,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many.")] = 50,
) -> dict[str, Any]:
    def read(db: Session) -> list[PairShown]:
        versions.require_frozen(versions.get_version(db, version_id))
        rows = reading.list_pairs(db, version_id, after, limit + 1, split)
        return [PairShown.model_validate(row) for row in rows]

    found = await door.read(read)
    items = found[:limit]
    return {"items": items, "next_after": items[-1].position if len(found) > limit else None}


@router.get("/{version_id}/lineage", response_model=LineageShown, responses=problems(404, 409),
            summary="What a version's pairs rest on: runs and judges")  # fmt: skip
async def get_lineage(version_id: VersionId, door: Viewer) -> Any:
    return await door.read(lineage.trace_version, version_id)


@router.get("/{version_id}/diff", response_model=DiffShown, responses=problems(404, 409),
            summary="How another version differs from this one")  # fmt: skip
async def diff(
    version_id: VersionId,
    door: Viewer,
    other: Annotated[UUID, Query(description="The id of the version to compare it with.")],
) -> Any:
    return await door.read(lineage.diff_versions, version_id, other)


@router.get("/{version_id}/without", response_model=BlastShown, responses=problems(404, 409),
            summary="What would go with some runs and judges")  # fmt: skip
async def preview_without(
    version_id: VersionId, door: Viewer, wanted: Annotated[WithoutQuery, Query()]
) -> Any:
    return await door.read(lineage.preview_without, version_id, wanted)


@router.post("/{version_id}/without", status_code=202, response_model=VersionShown,
             responses=problems(404, 409),
             summary="Build the next version without some runs and judges")  # fmt: skip
async def build_without(
    version_id: VersionId, body: Without, request: Request, door: Editor
) -> Response:
    runtime = door.runtime

    def start(db: Session) -> Created:
        return _created(
            versions.start_without(
                db, runtime.clock, runtime.new_id, door.principal_id, version_id, body
            )
        )

    return await door.create(request, VersionShown, start, status=202)


@router.post("/{version_id}/lines", response_model=VersionShown, responses=problems(404, 409),
             openapi_extra=LINES_BODY, summary="Send the next part of a file, as lines")  # fmt: skip
async def add_lines(
    version_id: VersionId,
    request: Request,
    door: Editor,
    at: Annotated[int, Query(ge=0, lt=2**31, description="How many pairs were sent before.")] = 0,
    first_line: Annotated[
        int | None,
        Query(ge=1, lt=2**31, description="This part's first line in the file, for errors."),
    ] = None,
) -> Any:
    raw = await request.body()
    found = await door.runtime.threads.run("work", read_lines, raw, first_line or at + 1)
    if not found:
        raise FileInvalid("the body holds no line: send pairs as lines of JSON")
    version = None
    for start in range(0, len(found), importing.PART_ROWS):
        part = found[start : start + importing.PART_ROWS]
        version = await door.write(importing.append, version_id, at + start, part)
    return version


@router.post("/{version_id}/freeze", status_code=202, response_model=VersionShown,
             responses=problems(404, 409), summary="Say that a file has arrived")  # fmt: skip
async def freeze(version_id: VersionId, door: Editor) -> Any:
    runtime = door.runtime
    return await door.write(importing.close_import, runtime.clock, runtime.new_id, version_id)


@router.get("/{version_id}/export", response_class=StreamingResponse,
            responses={**problems(404, 409), 200: {"content": {
                LINES: {"schema": {"type": "string"}},
                PARQUET: {"schema": {"type": "string", "format": "binary"}},
            }}},
            summary="A frozen version as a file")  # fmt: skip
async def export(
    version_id: VersionId,
    door: Viewer,
    split: OneSplit = None,
    file_format: Annotated[
        FileFormat, Query(alias="format", description="jsonl or parquet.")
    ] = FileFormat.JSONL,
) -> StreamingResponse:
    version = await door.read(
        lambda db: versions.require_frozen(versions.get_version(db, version_id))
    )
    pages = pieces_of(door.read, door.runtime.threads, version_id, split, file_format)
    name = f"{version.dataset}-{version.number}{'' if split is None else f'-{split}'}.{file_format}"
    return StreamingResponse(
        pages,
        media_type=LINES if file_format is FileFormat.JSONL else PARQUET,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@sources.get("", responses=problems(), summary="Frozen versions that rest on a run or judge")
async def list_touched(
    door: Viewer,
    kind: Annotated[SourceKind, Query(description="run or judge.")],
    ref: Annotated[
        Judge, Query(description="The run's id; a judge's name; a person's id, too.")
    ],
) -> list[TouchedShown]:  # fmt: skip
    return await door.read(lineage.list_touched, kind, ref)
