"""The doors of a request: the role it takes is a type in the route's signature.

`Viewer`, `Editor` and `Owner` are FastAPI dependencies that prove the key and give an `ActorDoor`.
Sockets call `authenticate` before they accept. No route reads a key itself.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from camel_ext.core.caching import Remembered
from camel_ext.core.door import TenantDoor
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.runtime import Runtime
from camel_ext.identity.errors import KeyMissing, KeyRefused, RoleTooLow
from camel_ext.identity.models import Role
from camel_ext.identity.service import Actor, founder, prove

if TYPE_CHECKING:
    from camel_ext.core.limits import Limiter

REMEMBER_S = 5.0  # a server that does not hear of a revocation learns of it after this
MOST_KEYS = 1024
SUBPROTOCOL = "camel-ext.key."  # how a browser's WebSocket, which sends no headers, carries a key
_bearer = HTTPBearer(auto_error=False, description="A key, `cx_...`.")


@dataclass(slots=True)
class ActorDoor(TenantDoor):
    """A door that knows who came through it."""

    actor: Actor


def proven_keys(runtime: Runtime) -> Remembered[str, Actor]:
    """Return this process's memory of proven keys, by hash: a burst costs one look-up."""
    keys: Remembered[str, Actor] | None = runtime.extras.get("identity")
    if keys is None:
        keys = runtime.extras["identity"] = Remembered(runtime, keep_s=REMEMBER_S, most=MOST_KEYS)
    return keys


async def authenticate(connection: HTTPConnection) -> ActorDoor:
    """Prove the key of a request or socket.

    Raises: KeyMissing, KeyRefused, TooManyRequests.
    """
    secret = _secret_of(connection)
    runtime: Runtime = connection.app.state.runtime
    digest = sha256_hex(secret.encode())
    actor = await proven_keys(runtime).get(
        digest, lambda: runtime.read_system("prove a key", prove, runtime.clock, secret)
    )
    if actor.expires_at is not None and actor.expires_at <= runtime.clock.now():
        raise KeyRefused()
    limiter: Limiter | None = runtime.extras.get("limits")
    if limiter is not None:
        await limiter.take(digest[:32])
    return ActorDoor(runtime, actor.tenant, actor.principal_id, actor)


def _secret_of(connection: HTTPConnection) -> str:
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()
    for offered in connection.headers.get("sec-websocket-protocol", "").split(","):
        if offered.strip().startswith(SUBPROTOCOL):
            return offered.strip().removeprefix(SUBPROTOCOL)
    raise KeyMissing()


def _door(least: Role):  # type: ignore[no-untyped-def]  # FastAPI reads the inner signature
    async def proven(
        request: Request,
        _shown: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    ) -> ActorDoor:
        door = await authenticate(request)
        if not door.actor.role.covers(least):
            raise RoleTooLow(f"this takes the role {least}; yours is {door.actor.role}")
        return door

    return proven


Viewer = Annotated[ActorDoor, Depends(_door(Role.VIEWER))]
Editor = Annotated[ActorDoor, Depends(_door(Role.EDITOR))]
Owner = Annotated[ActorDoor, Depends(_door(Role.OWNER))]


async def check_operator(door: ActorDoor) -> None:
    """Refuse who is not of the organisation that runs this installation.

    Raises: RoleTooLow.
    """
    if door.tenant.org_id != await door.runtime.read_system("who operates this", founder):
        raise RoleTooLow("this takes a key of the organisation that runs this installation")


async def _operator(door: Owner) -> ActorDoor:
    await check_operator(door)
    return door


Operator = Annotated[ActorDoor, Depends(_operator)]
