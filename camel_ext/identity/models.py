"""Tables of who is who. Secrets of keys are kept as hashes only."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from camel_ext.core.models import Base, OrgScoped, system_index


class PrincipalKind(StrEnum):
    """What kind of somebody acts."""

    USER = "user"
    KEY = "key"
    AGENT = "agent"
    SYSTEM = "system"


class Role(StrEnum):
    """What a principal may do: each role may all that the ones before it may."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"

    def covers(self, other: "Role") -> bool:
        """Tell whether this role may do what the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Organisation(OrgScoped, Base):
    __tablename__ = "organisations"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    name: Mapped[str] = mapped_column(String(120), doc="Unique on this server.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was founded.")

    __table_args__ = (system_index("uq_organisations_name", "name", unique=True),)


class Project(OrgScoped, Base):
    """A part of an organisation, with rows of its own."""

    __tablename__ = "projects"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), doc="Unique in its organisation.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was opened.")

    __table_args__ = (Index("uq_projects_name", "org_id", "name", unique=True),)


class Principal(OrgScoped, Base):
    """Somebody who acts: a person's local profile, a key of a program, an agent, the system."""

    __tablename__ = "principals"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[PrincipalKind] = mapped_column(doc="What kind of somebody.")
    name: Mapped[str] = mapped_column(String(120), doc="Unique in its organisation.")
    created_at: Mapped[datetime] = mapped_column(doc="Since when it is known.")

    __table_args__ = (Index("uq_principals_name", "org_id", "name", unique=True),)


class Membership(OrgScoped, Base):
    """The role of a principal, in one project or (project null) in all of the organisation."""

    __tablename__ = "memberships"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    principal_id: Mapped[UUID] = mapped_column(ForeignKey("principals.id"), doc="Who.")
    project_id: Mapped[UUID | None] = mapped_column(doc="Where; null is everywhere.")
    role: Mapped[Role] = mapped_column(doc="As what.")

    __table_args__ = (Index("ix_memberships_principal", "org_id", "principal_id"),)


class ApiKey(OrgScoped, Base):
    """A key to one project: its first letters to find it, the hash of the rest to prove it."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(doc="The project it opens.")
    principal_id: Mapped[UUID] = mapped_column(ForeignKey("principals.id"), doc="Who acts by it.")
    name: Mapped[str] = mapped_column(String(120), doc="What it is used for.")
    prefix: Mapped[str] = mapped_column(String(16), doc="First letters, shown in lists.")
    secret_hash: Mapped[str] = mapped_column(String(64), doc="SHA-256 of the whole key.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was made.")
    expires_at: Mapped[datetime | None] = mapped_column(doc="From when it is refused.")
    revoked_at: Mapped[datetime | None] = mapped_column(doc="When somebody revoked it.")
    for_browser: Mapped[bool] = mapped_column(
        server_default=false(), doc="A sign-in made it: it may revoke itself, to sign out."
    )

    __table_args__ = (
        Index("ix_api_keys_created", "org_id", "created_at", "id"),
        system_index("uq_api_keys_prefix", "prefix", unique=True),
    )


class SignInCode(OrgScoped, Base):
    """A one-time code that signs a browser in as whoever asked for it; the row goes with its use."""

    __tablename__ = "sign_in_codes"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True, doc="SHA-256 of the code.")
    project_id: Mapped[UUID] = mapped_column(doc="The project that its key opens.")
    key_id: Mapped[UUID] = mapped_column(doc="The key that asked for it.")
    expires_at: Mapped[datetime] = mapped_column(doc="From when it is refused.")

    __table_args__ = (Index("ix_sign_in_codes_expires", "org_id", "expires_at"),)


class PreferenceSet(OrgScoped, Base):
    """How somebody likes the web app to be: one document, the same in each of their browsers."""

    __tablename__ = "preference_sets"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    principal_id: Mapped[UUID] = mapped_column(ForeignKey("principals.id"), primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(doc="As `schemas.Preferences` says.")
    revision: Mapped[int] = mapped_column(doc="Raised by each change; the ETag.")
    updated_at: Mapped[datetime] = mapped_column(doc="When it was last changed.")
