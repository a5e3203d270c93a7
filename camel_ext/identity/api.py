"""Routes about who is asking: keys, sign-ins, preferences."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Request, Response
from sqlalchemy.orm import Session

from camel_ext.core.door import Created, IfMatch, etag, runtime_of
from camel_ext.core.http import problems
from camel_ext.core.routes import Router
from camel_ext.identity import service, sign_ins
from camel_ext.identity.doors import Owner, Viewer
from camel_ext.identity.models import ApiKey, Principal
from camel_ext.identity.preferences import keep_preferences, read_preferences
from camel_ext.identity.schemas import (
    KeyCreate,
    KeyMade,
    KeyShown,
    Me,
    Preferences,
    PrincipalShown,
    SignedIn,
    SignIn,
    SignInCodeMade,
)

router = Router(prefix="/api/v1", tags=["identity"])


@router.get("/me", responses=problems(), summary="Who am I?")
async def me(door: Viewer) -> Me:
    return _me(door.actor)


def _me(actor: service.Actor) -> Me:
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
    return await door.write(service.revoke_key, door.runtime.clock, door.actor, key_id)


@router.post("/sign-in-codes", status_code=201, response_model=SignInCodeMade,
             responses=problems(), summary="Make a code that signs a browser in as you, once")  # fmt: skip
async def make_code(door: Viewer, response: Response) -> sign_ins.CodeMade:
    response.headers["Cache-Control"] = "no-store"
    return await door.write(sign_ins.make_code, door.runtime.clock, door.actor)


@router.post("/sign-ins", status_code=201, responses=problems(429),
             summary="Redeem a code for a key of the browser's own; takes no key")  # fmt: skip
async def sign_in(body: SignIn, request: Request, response: Response) -> SignedIn:
    key, secret, actor = await sign_ins.sign_in(runtime_of(request), body.code)
    response.headers["Cache-Control"] = "no-store"
    return SignedIn(secret=secret, expires_at=key.expires_at, me=_me(actor))


@router.post("/sign-outs", response_model=KeyShown, responses=problems(409),
             summary="Revoke the browser's key that asks")  # fmt: skip
async def sign_out(door: Viewer) -> ApiKey:
    return await door.write(sign_ins.sign_out, door.runtime.clock, door.actor)


@router.get("/preferences", responses=problems(), summary="How you like the web app to be")
async def preferences(door: Viewer, response: Response) -> Preferences:
    return _tagged(response, await door.read(read_preferences, door.principal_id))


@router.put("/preferences", responses=problems(412, 428), summary="Replace your preferences")
async def keep(
    door: Viewer, body: Preferences, revision: IfMatch, response: Response
) -> Preferences:
    kept = await door.write(keep_preferences, door.runtime.clock, door.principal_id, body, revision)
    return _tagged(response, kept)


def _tagged(response: Response, found: tuple[Preferences, int]) -> Preferences:
    response.headers["ETag"] = etag(found[1])
    return found[0]
