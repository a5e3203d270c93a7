"""Routes of the registry: models and adapters, their versions, aliases and their moves."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Depends, Path, Request, Response
from sqlalchemy.orm import Session

from camel_ext.core.door import Created, IfMatch, etag
from camel_ext.core.http import problems
from camel_ext.core.paging import Page, Place, place
from camel_ext.core.routes import Router
from camel_ext.identity import ActorDoor, Editor, Owner, Viewer
from camel_ext.registry import aliases, versions
from camel_ext.registry.models import ModelVersion
from camel_ext.registry.schemas import (
    AdapterCreate,
    AliasChange,
    AliasCreate,
    AliasShown,
    ModelChange,
    ModelCreate,
    ModelShown,
    MoveShown,
    VersionShown,
)

# `door` stands before `IfMatch`: who is not known hears 401 before anything else.
router = Router(prefix="/api/v1", tags=["registry"])

Where = Annotated[Place, Depends(place)]
ModelName = Annotated[
    str, Path(description="`model`, or `model/adapter`.", max_length=130, examples=["bundled"])
]
BaseName = Annotated[str, Path(description="A base model.", max_length=64, examples=["bundled"])]
AliasName = Annotated[str, Path(description="The alias.", max_length=64, examples=["thinker"])]
NEW_MODEL = {
    "bundled": {"value": {"name": "bundled", "engine": "local", "file": "bundled"}},
    "provider": {
        "value": {
            "name": "big",
            "engine": "provider",
            "url": "https://api.example.com/v1",
            "model": "big-1",
            "api_key_env": "BIG_API_KEY",
            "price": {"input_usd": 0.15, "output_usd": 0.6},
        }
    },
}


@router.get("/models", response_model=Page[ModelShown], responses=problems(),
            summary="Models and adapters, newest first")  # fmt: skip
async def list_models(door: Viewer, where: Where) -> dict[str, Any]:
    return _page(await door.read(versions.list_models, where))


@router.post("/models", status_code=201, response_model=VersionShown, responses=problems(409),
             summary="Register a model, or the next version of one")  # fmt: skip
async def register_model(
    body: Annotated[ModelCreate, Body(openapi_examples=NEW_MODEL)],
    request: Request,
    door: Owner,
) -> Response:
    runtime = door.runtime

    def register(db: Session) -> Created:
        version = versions.register_model(
            db, runtime.clock, runtime.new_id, door.actor, body.name, body
        )
        for name, adapter in body.adapters.items():
            versions.register_model(
                db, runtime.clock, runtime.new_id, door.actor, f"{body.name}/{name}", adapter,
                base=version,
            )  # fmt: skip
        return _created(version)

    return await door.create(request, VersionShown, register)


@router.post("/models/{name}/adapters", status_code=201, response_model=VersionShown,
             responses=problems(404, 409),
             summary="Register an adapter for a model's current version")  # fmt: skip
async def register_adapter(
    name: BaseName, body: AdapterCreate, request: Request, door: Owner
) -> Response:
    runtime = door.runtime

    def register(db: Session) -> Created:
        base = versions.find_target(db, name)
        version = versions.register_model(
            db, runtime.clock, runtime.new_id, door.actor, f"{name}/{body.name}", body, base=base
        )
        return _created(version)

    return await door.create(request, VersionShown, register)


@router.get("/models/{name:path}/versions", response_model=Page[VersionShown],
            responses=problems(404), summary="Versions of a model, newest first")  # fmt: skip
async def list_versions(name: ModelName, door: Viewer, where: Where) -> dict[str, Any]:
    return _page(await door.read(versions.list_versions, name, where))


@router.get("/models/{name:path}", response_model=ModelShown, responses=problems(404),
            summary="One model or adapter")  # fmt: skip
async def get_model(name: ModelName, response: Response, door: Viewer) -> Any:
    return _tagged(response, await door.read(versions.get_model, name))


@router.put("/models/{name:path}", response_model=ModelShown, responses=problems(404, 412, 428),
            summary="Change a model's description or where its key lies")  # fmt: skip
async def change_model(
    name: ModelName, door: Owner, body: ModelChange, revision: IfMatch, response: Response
) -> Any:
    changed = await door.write(
        versions.change_model, door.runtime.clock, door.actor, name, revision, body
    )
    return _tagged(response, changed)


@router.get("/model-versions/{version_id}", response_model=VersionShown, responses=problems(404),
            summary="One version, as it was registered")  # fmt: skip
async def get_version(
    version_id: Annotated[UUID, Path(description="Its id.")], door: Viewer
) -> ModelVersion:
    return await door.read(versions.get_version, version_id)


@router.get("/aliases", response_model=Page[AliasShown], responses=problems(),
            summary="Aliases that answer, newest first")  # fmt: skip
async def list_aliases(door: Viewer, where: Where) -> dict[str, Any]:
    return _page(await door.read(aliases.list_aliases, where))


@router.post("/aliases", status_code=201, response_model=AliasShown, responses=problems(404, 409),
             summary="Make an alias")  # fmt: skip
async def create_alias(body: AliasCreate, request: Request, door: Editor) -> Response:
    runtime = door.runtime

    def create(db: Session) -> Created:
        shares = aliases.shares_of(db, body.targets)
        made = aliases.create_alias(
            db, runtime.clock, runtime.new_id, door.principal_id, body.name, shares,
            reason=body.reason,
        )  # fmt: skip
        return Created(made, f"/api/v1/aliases/{made.name}", made.revision)

    return await door.create(request, AliasShown, create)


@router.get("/aliases/{name}", response_model=AliasShown, responses=problems(404),
            summary="Where an alias points")  # fmt: skip
async def get_alias(name: AliasName, response: Response, door: Viewer) -> Any:
    return _tagged(response, await door.read(aliases.get_alias, name))


@router.put("/aliases/{name}", response_model=AliasShown, responses=problems(404, 412, 428),
            summary="Move an alias")  # fmt: skip
async def move_alias(
    name: AliasName, door: Editor, body: AliasChange, revision: IfMatch, response: Response
) -> Any:
    runtime = door.runtime

    def move(db: Session) -> Any:
        shares = aliases.shares_of(db, body.targets)
        return aliases.move_alias(
            db, runtime.clock, runtime.new_id, door.principal_id, name, shares,
            reason=body.reason, revision=revision,
        )  # fmt: skip

    return _tagged(response, await door.write(move))


@router.delete("/aliases/{name}", response_model=AliasShown, responses=problems(404, 412, 428),
               summary="Retire an alias; its history stays")  # fmt: skip
async def retire_alias(name: AliasName, door: Editor, revision: IfMatch) -> Any:
    return await door.write(_retire(door, name, revision))


@router.get("/aliases/{name}/moves", response_model=Page[MoveShown], responses=problems(404),
            summary="Every move of an alias, newest first")  # fmt: skip
async def list_moves(name: AliasName, door: Viewer, where: Where) -> dict[str, Any]:
    return _page(await door.read(aliases.list_moves, name, where))


def _retire(door: ActorDoor, name: str, revision: int) -> Callable[[Session], Any]:
    runtime = door.runtime

    def retire(db: Session) -> Any:
        return aliases.retire_alias(
            db, runtime.clock, runtime.new_id, door.principal_id, name,
            reason="retired by request", revision=revision,
        )  # fmt: skip

    return retire


def _page(found: tuple[list[Any], str | None]) -> dict[str, Any]:
    return {"items": found[0], "next_cursor": found[1]}


def _created(version: ModelVersion) -> Created:
    return Created(version, f"/api/v1/model-versions/{version.id}")


def _tagged(response: Response, row: Any) -> Any:
    response.headers["ETag"] = etag(row.revision)
    return row
