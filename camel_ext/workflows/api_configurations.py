"""Routes of configurations, and of the agents, workflows and tools that they name."""

from functools import partial
from typing import Annotated, Any

from fastapi import Path, Query, Response
from sqlalchemy.orm import Session

from camel_ext.core.door import MaybeIfMatch, etag
from camel_ext.core.http import problems
from camel_ext.core.routes import Router
from camel_ext.identity import ActorDoor, Editor, Viewer
from camel_ext.workflows import definitions, revisions
from camel_ext.workflows.language import json_schemas
from camel_ext.workflows.models import Configuration, ConfigurationRevision, DefinitionKind
from camel_ext.workflows.process import workshop_of
from camel_ext.workflows.schemas import (
    Applied,
    ConfigurationApply,
    ConfigurationShown,
    DefinitionShown,
    Restore,
    RevisionListed,
    RevisionShown,
    RevisionsShown,
    ToolShown,
)

router = Router(prefix="/api/v1", tags=["workflows"])
ConfigurationName = Annotated[str, Path(description="Its name.")]
RevisionNumber = Annotated[int, Path(ge=1, lt=2**31, description="The revision.")]


class _DryRun(Exception):
    """Carries the answer out of a transaction that shall leave nothing behind."""

    def __init__(self, applied: Applied) -> None:
        super().__init__()
        self.applied = applied


@router.put("/configurations", responses=problems(404, 409, 412),
            summary="Make the project say what these files say")  # fmt: skip
async def apply(
    body: ConfigurationApply, door: Editor, revision: MaybeIfMatch, response: Response
) -> Applied:
    applied = await _apply(door, body, revision)
    if applied.revision:  # a dry run of a new one leaves nothing that could be changed
        response.headers["ETag"] = etag(applied.revision)
    return applied


async def _apply(door: ActorDoor, body: ConfigurationApply, revision: int | None) -> Applied:
    runtime = door.runtime
    tools = frozenset(workshop_of(runtime).tools)
    by = definitions.Applier(door.actor, runtime.clock, runtime.new_id, tools)

    def change(db: Session) -> Applied:
        applied = definitions.apply(db, by, body, revision)
        if body.dry_run:
            raise _DryRun(applied)
        return applied

    try:
        return await door.write(change)
    except _DryRun as dry:
        return dry.applied


@router.get("/configurations", response_model=list[ConfigurationShown], responses=problems(),
            summary="What was applied, as it stands")  # fmt: skip
async def configurations(door: Viewer) -> list[Configuration]:
    return await door.read(definitions.list_configurations)


@router.get("/configurations/{name}", response_model=ConfigurationShown,
            responses=problems(404), summary="One configuration's files")  # fmt: skip
async def configuration(name: ConfigurationName, door: Viewer, response: Response) -> Configuration:
    found = await door.read(definitions.get_configuration, name)
    response.headers["ETag"] = etag(found.revision)
    return found


@router.get("/configurations/{name}/revisions", responses=problems(404),
            summary="How it came to say what it says, newest first")  # fmt: skip
async def list_revisions(
    name: ConfigurationName,
    door: Viewer,
    before: Annotated[int | None, Query(ge=1, lt=2**31, description="Only older ones.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many.")] = 50,
) -> RevisionsShown:
    found = await door.read(revisions.list_revisions, name, before, limit)
    items = [RevisionListed.model_validate(each) for each in found]
    last = items[-1].revision if items else 1
    return RevisionsShown(items=items, next_before=last if last > 1 else None)


@router.get("/configurations/{name}/revisions/{revision}", response_model=RevisionShown,
            responses=problems(404), summary="Its files at one revision")  # fmt: skip
async def show_revision(
    name: ConfigurationName, revision: RevisionNumber, door: Viewer
) -> ConfigurationRevision:
    return await door.read(revisions.get_revision, name, revision)


@router.post("/configurations/{name}/revisions/{revision}/restore",
             responses=problems(404, 409, 412), summary="Make it say again what it said then")  # fmt: skip
async def restore(
    name: ConfigurationName,
    revision: RevisionNumber,
    body: Restore,
    door: Editor,
    current: MaybeIfMatch,
    response: Response,
) -> Applied:
    wanted = await door.read(partial(revisions.as_it_was, dry_run=body.dry_run), name, revision)
    applied = await _apply(door, wanted, current)
    response.headers["ETag"] = etag(applied.revision)
    return applied


@router.get("/configuration-schemas", responses=problems(),
            summary="JSON Schema of each file, for editors")  # fmt: skip
async def schemas(_door: Viewer) -> dict[str, dict[str, Any]]:
    return json_schemas()


@router.get("/agents", responses=problems(), summary="Agents, as they stand now")
async def agents(door: Viewer) -> list[DefinitionShown]:
    return await _definitions(door, DefinitionKind.AGENT)


@router.get("/workflows", responses=problems(), summary="Workflows, as they stand now")
async def workflows(door: Viewer) -> list[DefinitionShown]:
    return await _definitions(door, DefinitionKind.WORKFLOW)


async def _definitions(door: ActorDoor, kind: DefinitionKind) -> list[DefinitionShown]:
    return [
        DefinitionShown(
            kind=kind,
            name=definition.name,
            version_id=version.id,
            content_hash=version.content_hash,
            content=version.content,
            configuration=configuration,
            updated_at=definition.updated_at,
        )
        for definition, version, configuration in await door.read(
            definitions.list_definitions, kind
        )
    ]


@router.get("/tools", responses=problems(), summary="Tools that agents and workflows may use")
async def tools(door: Viewer) -> list[ToolShown]:
    known = workshop_of(door.runtime).tools
    return [
        ToolShown(
            name=tool.name,
            description=tool.description,
            parameters=tool.parameters,
            idempotent=tool.idempotent,
        )
        for _, tool in sorted(known.items())
    ]
