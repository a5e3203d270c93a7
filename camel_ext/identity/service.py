"""What happens with principals and keys: founding, proving, giving, revoking."""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.caching import forget
from camel_ext.core.clock import Clock
from camel_ext.core.errors import Invalid, NotFound
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.tenancy import Tenant
from camel_ext.identity.errors import KeyRefused, LastOwnerKey, NameTaken
from camel_ext.identity.models import (
    ApiKey,
    Membership,
    Organisation,
    Principal,
    PrincipalKind,
    Project,
    Role,
)
from camel_ext.identity.schemas import KeyCreate

NewId = Callable[[], UUID]
PREFIX_LETTERS = 11  # "cx_" and 8 more: enough to find one key among millions


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking, and what it may do."""

    tenant: Tenant
    principal_id: UUID
    key_id: UUID
    name: str
    kind: PrincipalKind
    role: Role
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """The founder's tenant and, where it was made just now, the founder's key."""

    tenant: Tenant
    principal_id: UUID
    secret: str | None


def bootstrap(
    db: Session, clock: Clock, new_id: NewId, *, org: str = "local", want_key: bool = False
) -> Bootstrapped:
    """Found an organisation with one project and one owner, or return the one that is there.

    With `want_key` (its key file is lost, or it is new) a fresh owner key is made. Runs in a system
    session.
    """
    found = db.scalar(select(Organisation).where(Organisation.name == org))
    now = clock.now()
    if found is None:
        org_id, project_id, owner_id = new_id(), new_id(), new_id()
        db.add(Organisation(org_id=org_id, name=org, created_at=now))
        db.add(Project(org_id=org_id, id=project_id, name="default", created_at=now))
        db.add(
            Principal(
                org_id=org_id, id=owner_id, kind=PrincipalKind.USER, name="owner", created_at=now
            )
        )
        db.flush()
        db.add(Membership(org_id=org_id, id=new_id(), principal_id=owner_id, role=Role.OWNER))
    else:
        org_id = found.org_id
        first = select(Project).where(Project.org_id == org_id, Project.name == "default")
        owner = select(Principal).where(Principal.org_id == org_id, Principal.name == "owner")
        project_id, owner_id = db.scalars(first).one().id, db.scalars(owner).one().id
    tenant = Tenant(org_id, project_id)
    secret = None
    if want_key or found is None:
        secret, key = mint(new_id(), tenant, owner_id, "owner's key in the data folder", now)
        db.add(key)
    db.flush()
    return Bootstrapped(tenant, owner_id, secret)


def founder(db: Session) -> UUID | None:
    """Return the organisation that was founded first: it runs the installation. System session."""
    query = select(Organisation.org_id).order_by(Organisation.created_at, Organisation.org_id)
    return db.scalar(query.limit(1))


def prove(db: Session, clock: Clock, secret: str) -> Actor:
    """Return whom a key stands for. Runs in a system session.

    Raises: KeyRefused, the same for every reason.
    """
    key = db.scalar(select(ApiKey).where(ApiKey.prefix == secret[:PREFIX_LETTERS]))
    presented = sha256_hex(secret.encode())
    if key is None or not hmac.compare_digest(key.secret_hash, presented):
        raise KeyRefused()
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= clock.now()):
        raise KeyRefused()
    return actor_of(db, key)


def actor_of(db: Session, key: ApiKey) -> Actor:
    """Return whom a key that holds stands for.

    Raises: KeyRefused where it may nothing any more.
    """
    principal = db.get_one(Principal, key.principal_id)
    role = _role(db, principal.id, key.project_id)
    tenant = Tenant(key.org_id, key.project_id)
    return Actor(tenant, principal.id, key.id, principal.name, principal.kind, role, key.expires_at)


def _role(db: Session, principal_id: UUID, project_id: UUID) -> Role:
    query = select(Membership).where(Membership.principal_id == principal_id)
    here = [m.role for m in db.scalars(query) if m.project_id in (None, project_id)]
    if not here:
        raise KeyRefused()
    return max(here, key=list(Role).index)


def list_principals(db: Session) -> list[Principal]:
    """Return everybody of the organisation, by name."""
    return list(db.scalars(select(Principal).order_by(Principal.name)))


def list_keys(db: Session, project_id: UUID) -> list[ApiKey]:
    """Return the project's keys, newest first."""
    query = select(ApiKey).where(ApiKey.project_id == project_id)
    return list(db.scalars(query.order_by(ApiKey.created_at.desc(), ApiKey.id.desc())))


def give_key(
    db: Session, clock: Clock, new_id: NewId, tenant: Tenant, wanted: KeyCreate
) -> tuple[ApiKey, str]:
    """Make a key, and the principal that acts by it where it is new.

    Raises: Invalid on a time without offset or in the past, NameTaken.
    """
    now = clock.now()
    if wanted.expires_at is not None and (
        wanted.expires_at.tzinfo is None or wanted.expires_at <= now
    ):
        raise Invalid(
            "expires_at: must be in the future and carry an offset, like 2030-01-31T00:00Z"
        )
    kind = PrincipalKind.KEY if wanted.profile is None else PrincipalKind.USER
    name = wanted.profile or wanted.name
    principal = db.scalar(select(Principal).where(Principal.name == name))
    if principal is None:
        principal = Principal(id=new_id(), kind=kind, name=name, created_at=now)
        db.add(principal)
        db.flush()
        member = Membership(
            id=new_id(),
            principal_id=principal.id,
            project_id=tenant.project_id,
            role=wanted.role,
        )
        db.add(member)
    elif wanted.profile is None:
        raise NameTaken(f"name: {name!r} is taken; choose another, or say profile: {name!r}")
    secret, key = mint(new_id(), tenant, principal.id, wanted.name, now)
    key.expires_at = wanted.expires_at
    db.add(key)
    db.flush()
    return key, secret


def revoke_key(db: Session, clock: Clock, actor: Actor, key_id: UUID) -> ApiKey:
    """Refuse a key from now on. Revoking twice changes nothing.

    Raises: NotFound, LastOwnerKey.
    """
    key = db.get(ApiKey, key_id)
    if key is None or key.project_id != actor.tenant.project_id:
        raise NotFound(f"there is no key {key_id}")
    if key.id == actor.key_id:
        raise LastOwnerKey()
    key.revoked_at = key.revoked_at or clock.now()
    forget(db)
    db.flush()
    return key


def mint(
    key_id: UUID, tenant: Tenant, principal_id: UUID, name: str, now: datetime
) -> tuple[str, ApiKey]:
    """Return a fresh secret and the key that knows its hash, not yet stored."""
    # 256 bits of the system's randomness: a fast hash cannot be searched, unlike a password's
    secret = "cx_" + secrets.token_urlsafe(32).replace("-", "a").replace("_", "b")
    key = ApiKey(
        org_id=tenant.org_id,
        id=key_id,
        project_id=tenant.project_id,
        principal_id=principal_id,
        name=name,
        for_browser=False,
        prefix=secret[:PREFIX_LETTERS],
        secret_hash=sha256_hex(secret.encode()),
        created_at=now,
    )
    return secret, key
