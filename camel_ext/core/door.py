"""The door: how a request reaches a service and when its work counts.

A door is bound to one actor's tenant. It reads on a snapshot or writes in one transaction that is
committed, and on disk, before the reply begins, so a failed commit can never show success. Creating
requests repeat safely by Idempotency-Key, changes of mutable things name the ETag they saw. Who the
actor is, is identity's; this module knows ids only.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from camel_ext.core.errors import Conflict, Invalid, PreconditionFailed, PreconditionRequired
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.models import IdempotencyRow
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant

T = TypeVar("T")
KEEP_ANSWERS = timedelta(days=1)
MAX_KEY = 200


class IdempotencyKeyReused(Conflict):
    """This Idempotency-Key came before with another request: take a fresh key for a new one."""


class BadEtag(Invalid):
    """If-Match carries the ETag as it was answered, like "3"."""


@dataclass(frozen=True, slots=True)
class Created:
    """What a creating service made: the thing, where it is, and its revision where it has one."""

    thing: Any
    location: str
    revision: int | None = None


@dataclass(slots=True)
class TenantDoor:
    """One request's way in, as one principal of one tenant."""

    runtime: Runtime
    tenant: Tenant
    principal_id: UUID

    async def read(self, fn: Callable[..., T], *args: Any) -> T:
        """Call `fn(session, *args)` to read (`Database.read`)."""
        return await self.runtime.read(self.tenant, fn, *args)

    async def write(self, fn: Callable[..., T], *args: Any) -> T:
        """Call `fn(session, *args)` in one transaction; return once it is on disk."""
        return await self.runtime.write(self.tenant, fn, *args)

    async def create(
        self,
        request: Request,
        shown: type[BaseModel],
        fn: Callable[..., Created],
        *args: Any,
        status: int = 201,
        remember: type[BaseModel] | None = None,
    ) -> Response:
        """Call a creating service once per Idempotency-Key and answer what it made.

        The answer is stored in the same transaction; a repetition gets the very same one, or only
        the fields of `remember` where the answer holds a secret.
        Raises: IdempotencyKeyReused.
        """
        key = request.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= MAX_KEY:
            raise Invalid(f"Idempotency-Key has {len(key)} characters: 1 to {MAX_KEY} are right")
        fingerprint = await _fingerprint(request)

        def once(db: Session) -> tuple[int, str, dict[str, Any]]:
            stored = None if key is None else self._stored(db, key)
            if stored is not None:
                if stored.request_hash != fingerprint:
                    raise IdempotencyKeyReused()
                return stored.status, stored.body, {**stored.headers, "Idempotent-Replay": "true"}
            made = fn(db, *args)
            db.flush()
            answer = shown.model_validate(made.thing, from_attributes=True)
            body = answer.model_dump_json()
            headers = {"Location": made.location}
            if made.revision is not None:
                headers["ETag"] = etag(made.revision)
            if key is not None:
                kept = answer if remember is None else remember.model_validate(answer.model_dump())
                self._store(db, key, fingerprint, status, kept.model_dump_json(), headers)
            return status, body, headers

        answered, body, headers = await self.write(once)
        return Response(body, answered, headers, media_type="application/json")

    def _stored(self, db: Session, key: str) -> IdempotencyRow | None:
        self._one_at_a_time(db, key)
        old = self.runtime.clock.now() - KEEP_ANSWERS
        db.execute(delete(IdempotencyRow).where(IdempotencyRow.created_at < old))
        identity = (self.tenant.org_id, self.tenant.project_id, self.principal_id, key)
        return db.get(IdempotencyRow, identity)

    def _one_at_a_time(self, db: Session, key: str) -> None:
        """Make the same key wait for itself; on SQLite the gate lets one in at a time anyway."""
        if not self.runtime.database.is_sqlite:
            named = f"{self.tenant.project_id} {self.principal_id} {key}".encode()
            number = int.from_bytes(hashlib.sha256(named).digest()[:8], signed=True)
            db.execute(select(func.pg_advisory_xact_lock(number)))

    def _store(
        self, db: Session, key: str, fingerprint: str, status: int, body: str, headers: Any
    ) -> None:
        row = IdempotencyRow(
            principal_id=self.principal_id,
            key=key,
            request_hash=fingerprint,
            status=status,
            body=body,
            headers=headers,
            created_at=self.runtime.clock.now(),
        )
        db.add(row)
        db.flush()


async def _fingerprint(request: Request) -> str:
    head = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return sha256_hex(head + await request.body())


def etag(revision: int) -> str:
    """Return the ETag of a revision."""
    return f'"{revision}"'


def if_match(
    if_match: Annotated[str | None, Header(description="The ETag you read.")] = None,
) -> int:
    """Read the revision a change is meant for; a FastAPI dependency.

    Raises: PreconditionRequired, BadEtag.
    """
    if if_match is None:
        raise PreconditionRequired()
    return revision_of(if_match)


def revision_of(tag: str) -> int:
    """Return the revision that an ETag names. Raises: BadEtag."""
    match = re.fullmatch(r'"(\d{1,18})"', tag.strip())
    if match is None:
        raise BadEtag()
    return int(match[1])


def maybe_if_match(
    if_match: Annotated[str | None, Header(description="Only if it is at this ETag.")] = None,
) -> int | None:
    """Read the revision an action is meant for, where the caller named one.

    Raises: BadEtag.
    """
    return None if if_match is None else revision_of(if_match)


IfMatch = Annotated[int, Depends(if_match)]
MaybeIfMatch = Annotated[int | None, Depends(maybe_if_match)]


def check_revision(current: int, wanted: int) -> None:
    """Refuse a change that was meant for another revision.

    Raises: PreconditionFailed.
    """
    if current != wanted:
        raise PreconditionFailed(
            f"it is at revision {current}, your change was meant for {wanted}: read it again"
        )


def runtime_of(request: Request) -> Runtime:
    """Return the process's runtime; a FastAPI dependency."""
    runtime: Runtime = request.app.state.runtime
    return runtime
