"""What the wire accepts and shows of models, versions, aliases and their moves.

What a model, an adapter or a target is made of stands in `entries`, for files and requests alike.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    computed_field,
    field_validator,
    model_validator,
)

from camel_ext.registry.entries import (
    AdapterEntry,
    Description,
    Entry,
    EnvName,
    FilePath,
    LocalEntry,
    Name,
    ProviderEntry,
    Targets,
    refuse_reserved,
    refuse_two_keys,
)
from camel_ext.registry.models import EngineKind, ModelKind

SPLIT = [{"target": "bundled", "weight": 9}, {"target": "big", "weight": 1}]
Reason = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00]*$")]


class LocalCreate(LocalEntry):
    name: Name = Field(description="A new name, or a known one for its next version.")


class ProviderCreate(ProviderEntry):
    name: Name = Field(description="A new name, or a known one for its next version.")


ModelCreate = Annotated[LocalCreate | ProviderCreate, Field(discriminator="engine")]


def _shown_with(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


class AdapterCreate(AdapterEntry):
    model_config = _shown_with({"name": "brief", "file": "brief.gguf"})

    name: Name = Field(description="A new name, or a known one for its next version.")

    @field_validator("name")
    @classmethod
    def _refuse_reserved(cls, name: str) -> str:
        refuse_reserved(name)
        return name


class ModelChange(Entry):
    """What may change about a model without a new version."""

    model_config = _shown_with({"description": "Long answers.", "api_key_env": "BIG_API_KEY"})

    description: Description = Field("", description="What it is good for, for people.")
    api_key_env: EnvName | None = Field(None, description="Environment variable with the key.")
    api_key_file: FilePath | None = Field(None, description="File that holds the key.")

    @model_validator(mode="after")
    def _refuse_two_keys(self) -> "ModelChange":
        refuse_two_keys(self.api_key_env, self.api_key_file)
        return self


class AliasCreate(Entry):
    model_config = _shown_with({"name": "thinker", "targets": SPLIT, "reason": "try the big one"})

    name: Name = Field(description="Unique in the project.", examples=["thinker"])
    targets: Targets = Field(description="Where it points.")
    reason: Reason = Field("", description="Why, for the history.")


class AliasChange(Entry):
    model_config = _shown_with({"targets": SPLIT, "reason": "try the big one on one call in ten"})

    targets: Targets = Field(description="Where it shall point.")
    reason: Reason = Field("", description="Why, for the history.")


# -- what is shown -------------------------------------------------------------------------------


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ModelShown(Shown):
    id: UUID = Field(description="Its id.")
    name: str = Field(description="Its name; an adapter's is `base/adapter`.")
    kind: ModelKind = Field(description="Base or adapter.")
    description: str = Field(description="What it is good for.")
    api_key_env: str | None = Field(description="Environment variable with the key.")
    api_key_file: str | None = Field(description="File that holds the key.")
    source: str = Field(description="Its entry as it was written.")
    configuration: str | None = Field(description="The applied files it stands in.")
    current_version_id: UUID | None = Field(description="What its bare name stands for.")
    revision: int = Field(description="Counts its changes.")
    created_at: datetime = Field(description="When it was first registered.")
    updated_at: datetime = Field(description="When it last changed.")


class VersionShown(Shown):
    id: UUID = Field(description="Its id.")
    model_id: UUID = Field(description="Whose version it is.")
    number: int = Field(description="Counts the versions of its model.")
    content_hash: str = Field(description="Of its content: equal content, equal version.")
    kind: ModelKind = Field(description="Base or adapter.")
    engine: EngineKind = Field(description="Who runs it.")
    config: dict[str, Any] = Field(description="File, address and limits.")
    base_version_id: UUID | None = Field(description="The version an adapter was made for.")
    prompt_usd_micros_per_m: int = Field(description="Micro-USD for 1M tokens sent.")
    completion_usd_micros_per_m: int = Field(description="Micro-USD for 1M tokens answered.")
    cached_usd_micros_per_m: int | None = Field(description="Micro-USD for 1M cached tokens.")
    source: str = Field(description="The entry it was made from.")
    principal_id: UUID = Field(description="Who registered it.")
    created_at: datetime = Field(description="When.")


class TargetShown(BaseModel):
    version_id: UUID = Field(description="A version of a model or adapter.")
    weight: float = Field(description="Its share, relative to the others.")


class AliasShown(Shown):
    id: UUID = Field(description="Its id.")
    name: str = Field(description="Its name.")
    targets: list[TargetShown] = Field(description="Where it points.")
    configuration: str | None = Field(description="The applied files it stands in.")
    revision: int = Field(description="Counts its moves.")
    retired_at: datetime | None = Field(description="Since when it answers no more.")
    created_at: datetime = Field(description="When it was made.")
    updated_at: datetime = Field(description="When it last moved.")

    @computed_field(description="Whether the weights split traffic between versions.")  # type: ignore[prop-decorator]
    @property
    def split(self) -> bool:
        return len(self.targets) > 1


class MoveShown(Shown):
    id: UUID = Field(description="Its id.")
    revision: int = Field(description="The alias's revision after it.")
    from_targets: list[TargetShown] = Field(description="Where it pointed.")
    to_targets: list[TargetShown] = Field(description="Where it points since; empty: retired.")
    principal_id: UUID = Field(description="Who moved it.")
    reason: str = Field(description="Why.")
    created_at: datetime = Field(description="When.")
