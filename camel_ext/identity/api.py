"""Routes about who is asking, and about keys."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Request, Response
from sqlalchemy.orm import Session

from camel_ext.core.door import Created
from camel_ext.core.http import problems
from camel_ext.core.routes import Router
from camel_ext.identity import service
from camel_ext.identity.doors import Owner, Viewer, proven_keys
from camel_ext.identity.models import ApiKey, Principal
from camel_ext.identity.schemas import KeyCreate, KeyMade, KeyShown, Me, PrincipalShown

router = Router(prefix="/api/v1", tags=["identity"])


@router.get("/me", responses=problems(), summary="Who am I?")
async def me(door: Viewer) -> Me:
    actor = door.actor
    return Me(
        principal_id=actor.principal_id,
        name=actor.name,
        kind=actor.kind,
        role=actor.role,
        org_id=actor.tenant.org_id,
        project_id=actor.tenant.project_id,
    )


@router.get("/principals", response_model=list[PrincipalShown], responses=problems(),
            summary="Everybody of the organisation")  # fmt: skip
async def principals(door: Viewer) -> list[Principal]:
    return await door.read(service.list_principals)


@router.get("/keys", response_model=list[KeyShown], responses=problems(),
            summary="The project's keys, without their secrets")  # fmt: skip
async def keys(door: Owner) -> list[ApiKey]:
    return await door.read(service.list_keys, door.tenant.project_id)


@router.post("/keys", status_code=201, response_model=KeyMade, responses=problems(409),
             summary="Make a key; its secret is shown this once")  # fmt: skip
async def give(body: KeyCreate, request: Request, door: Owner) -> Response:
    runtime = door.runtime

    def make(db: Session) -> Created:
        key, secret = service.give_key(db, runtime.clock, runtime.new_id, door.tenant, body)
        shown = KeyShown.model_validate(key).model_dump()
        return Created(KeyMade(**shown, secret=secret), f"/api/v1/keys/{key.id}")

    return await door.create(request, KeyMade, make, remember=KeyShown)


@router.delete("/keys/{key_id}", response_model=KeyShown, responses=problems(404, 409),
               summary="Revoke a key")  # fmt: skip
async def revoke(key_id: Annotated[UUID, Path(description="Its id.")], door: Owner) -> ApiKey:
    key = await door.write(service.revoke_key, door.runtime.clock, door.actor, key_id)
    proven_keys(door.runtime).forget()
    return key
