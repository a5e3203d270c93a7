"""Tables of the registry: models and adapters, their immutable versions, aliases and their moves.

A version is named by its content and never changes; an alias's moves are only ever added. Where a
secret lies is kept on the model, because a key that moved makes no new version; the secret itself is
nowhere in here.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, ForeignKey, Index, String, event
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from camel_ext.core.models import Base, Tenanted
from camel_ext.registry.errors import WrittenOnce


class ModelKind(StrEnum):
    """Whether something answers by itself or changes how a base model answers."""

    BASE = "base"
    ADAPTER = "adapter"


class EngineKind(StrEnum):
    """Who runs a model: this server, or somebody behind an OpenAI-compatible address."""

    LOCAL = "local"
    PROVIDER = "provider"


class Model(Tenanted, Base):
    """A name under which versions are registered; an adapter is called `base/adapter`."""

    __tablename__ = "models"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(130), doc="Unique in the project.")
    kind: Mapped[ModelKind] = mapped_column(String(16), doc="Base or adapter.")
    description: Mapped[str] = mapped_column(doc="What it is good for, for people.")
    api_key_env: Mapped[str | None] = mapped_column(
        String(128), doc="Environment variable of the server that holds the key."
    )
    api_key_file: Mapped[str | None] = mapped_column(doc="File that holds the key.")
    source: Mapped[str] = mapped_column(doc="Its entry as it was written, comments and all.")
    configuration: Mapped[str | None] = mapped_column(
        String(64), doc="The applied files it stands in; null: made by the API."
    )
    current_version_id: Mapped[UUID | None] = mapped_column(doc="What its bare name stands for.")
    revision: Mapped[int] = mapped_column(doc="Raised by each change of this row.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was first registered.")
    updated_at: Mapped[datetime] = mapped_column(doc="When this row last changed.")

    __table_args__ = (
        Index("uq_models_name", "org_id", "project_id", "name", unique=True),
        Index("ix_models_created", "org_id", "project_id", "created_at", "id"),
    )


class ModelVersion(Tenanted, Base):
    """A model with this very content; never changed."""

    __tablename__ = "model_versions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("models.id"), doc="Whose version it is.")
    number: Mapped[int] = mapped_column(doc="Counts the versions of its model, from 1.")
    content_hash: Mapped[str] = mapped_column(String(80), doc="Of name, engine, config and price.")
    kind: Mapped[ModelKind] = mapped_column(String(16), doc="Base or adapter.")
    engine: Mapped[EngineKind] = mapped_column(String(16), doc="Who runs it.")
    config: Mapped[dict[str, Any]] = mapped_column(doc="Canonical: file, address, limits.")
    base_version_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("model_versions.id"), doc="The version an adapter was made for."
    )
    prompt_usd_micros_per_m: Mapped[int] = mapped_column(BigInteger, doc="Price of 1M tokens sent.")
    completion_usd_micros_per_m: Mapped[int] = mapped_column(
        BigInteger, doc="Price of 1M tokens answered."
    )
    cached_usd_micros_per_m: Mapped[int | None] = mapped_column(
        BigInteger, doc="Price of 1M sent tokens found in the cache; null: as the rest."
    )
    source: Mapped[str] = mapped_column(doc="The entry as it was when this version was made.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who registered it.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was registered.")

    __table_args__ = (
        Index("uq_model_versions_hash", "org_id", "project_id", "content_hash", unique=True),
        Index(
            "uq_model_versions_number", "org_id", "project_id", "model_id", "number", unique=True
        ),
    )


class Alias(Tenanted, Base):
    """What agents and clients name: versions with the share of traffic that each gets."""

    __tablename__ = "aliases"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), doc="Unique in the project.")
    targets: Mapped[list[Any]] = mapped_column(doc="`{version_id, weight}` of each share.")
    declared: Mapped[list[Any] | None] = mapped_column(
        doc="Targets that its files last said; a move since then outlives applying them again."
    )
    configuration: Mapped[str | None] = mapped_column(
        String(64), doc="The applied files it stands in; null: made by the API."
    )
    revision: Mapped[int] = mapped_column(doc="Raised by each move.")
    retired_at: Mapped[datetime | None] = mapped_column(doc="Since when it answers no more.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was made.")
    updated_at: Mapped[datetime] = mapped_column(doc="When it last moved.")

    __table_args__ = (
        Index("uq_aliases_name", "org_id", "project_id", "name", unique=True),
        Index("ix_aliases_created", "org_id", "project_id", "created_at", "id"),
    )


class AliasMove(Tenanted, Base):
    """Who moved an alias, from where to where, and why; never changed."""

    __tablename__ = "alias_moves"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    alias_id: Mapped[UUID] = mapped_column(ForeignKey("aliases.id"), doc="What was moved.")
    revision: Mapped[int] = mapped_column(doc="The alias's revision after it.")
    from_targets: Mapped[list[Any]] = mapped_column(doc="Where it pointed; empty: nowhere.")
    to_targets: Mapped[list[Any]] = mapped_column(doc="Where it points; empty: it was retired.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who did it.")
    reason: Mapped[str] = mapped_column(doc="Why, in words.")
    created_at: Mapped[datetime] = mapped_column(doc="When.")

    __table_args__ = (
        Index("uq_alias_moves_revision", "org_id", "project_id", "alias_id", "revision",
              unique=True),
        Index("ix_alias_moves_created", "org_id", "project_id", "alias_id", "created_at", "id"),
    )  # fmt: skip


@event.listens_for(ModelVersion, "before_update")
@event.listens_for(ModelVersion, "before_delete")
@event.listens_for(AliasMove, "before_update")
@event.listens_for(AliasMove, "before_delete")
def _refuse(_mapper: Mapper[Any], _connection: Connection, row: object) -> None:
    raise WrittenOnce(f"a row of {type(row).__name__} is written once and never changed or removed")
