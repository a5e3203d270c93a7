"""What the wire and models.yaml accept and show of models, versions and aliases.

Prices come in USD per million tokens, as providers write them, and are kept in whole micro-dollars.
A secret is never a field here: only where one lies.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    StringConstraints,
    Tag,
    computed_field,
    field_validator,
    model_validator,
)

from camel_ext.registry.models import EngineKind, ModelKind

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"}
)
RESERVED_ADAPTERS = frozenset({"versions", "adapters"})  # they end paths of the API

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Target = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z][a-z0-9_-]*(/[a-z][a-z0-9_-]*)?(@[A-Za-z0-9:._-]+)?$", max_length=200
    ),
]
Description = Annotated[str, StringConstraints(max_length=2_000)]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
FilePath = Annotated[
    str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\x00\n]+$")
]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@]+$", max_length=2_000)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Reason = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00]*$")]
Weight = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PriceEntry(Entry):
    """What a model costs, per million tokens."""

    input_usd: float = Field(0, ge=0, le=1e6, description="USD per 1M tokens sent.")
    output_usd: float = Field(0, ge=0, le=1e6, description="USD per 1M tokens answered.")
    cached_input_usd: float | None = Field(
        None, ge=0, le=1e6, description="USD per 1M sent tokens found in the cache; null: as sent."
    )


class AdapterEntry(Entry):
    """A LoRA adapter for one model."""

    file: FilePath = Field(description="GGUF or safetensors file of the adapter.")
    sha256: Sha256 | None = Field(None, description="Checked before the file is loaded.")
    description: Description = Field("", description="What it was trained for, for people.")


class ModelEntry(Entry):
    """What every model has, whatever its engine."""

    description: Description = Field("", description="What it is good for, for people.")
    context_tokens: int | None = Field(
        None, ge=128, le=2**31 - 1, description="Longest prompt and answer together."
    )
    price: PriceEntry = Field(default_factory=PriceEntry, description="Free by default.")
    adapters: dict[Name, AdapterEntry] = Field(
        default_factory=dict, description="LoRA adapters; an alias says `model/adapter`."
    )

    @field_validator("adapters")
    @classmethod
    def _refuse_reserved(cls, adapters: dict[str, Any]) -> dict[str, Any]:
        if taken := RESERVED_ADAPTERS & adapters.keys():
            raise ValueError(f"{min(taken)!r} cannot name an adapter; take another name")
        return adapters


class LocalEntry(ModelEntry):
    """A GGUF file on the engine that this server runs."""

    engine: Literal["local"] = Field(description="`local`: run by this server.")
    file: FilePath = Field(description="`bundled`, a name in the models folder, or a path.")
    sha256: Sha256 | None = Field(None, description="Checked before the file is loaded.")


class ProviderEntry(ModelEntry):
    """A model behind an OpenAI-compatible address."""

    engine: Literal["provider"] = Field(description="`provider`: any OpenAI-compatible API.")
    url: Url = Field(description="Base address, up to and with /v1.")
    model: ShortText = Field(description="The provider's own name of the model.")
    api_key_env: EnvName | None = Field(None, description="Environment variable with the key.")
    api_key_file: FilePath | None = Field(None, description="File that holds the key.")
    timeout_s: float = Field(120.0, gt=0, le=3_600, description="Until a call is given up.")
    headers: dict[str, str] = Field(
        default_factory=dict, description="Extra headers of each call; never a key."
    )
    extra: dict[str, JsonValue] = Field(
        default_factory=dict, description="Sent with each call as it stands."
    )

    @field_validator("headers")
    @classmethod
    def _refuse_secrets(cls, headers: dict[str, str]) -> dict[str, str]:
        if found := [name for name in headers if name.lower() in SECRET_HEADERS]:
            raise ValueError(
                f"{found[0]} carries a secret, and headers are shown: use api_key_env or "
                "api_key_file"
            )
        return headers

    @model_validator(mode="after")
    def _refuse_two_keys(self) -> "ProviderEntry":
        if self.api_key_env and self.api_key_file:
            raise ValueError("both api_key_env and api_key_file are given; keep one")
        return self


AnyEntry = Annotated[LocalEntry | ProviderEntry, Field(discriminator="engine")]


class LocalCreate(LocalEntry):
    name: Name = Field(description="A new name, or a known one for its next version.")


class ProviderCreate(ProviderEntry):
    name: Name = Field(description="A new name, or a known one for its next version.")


ModelCreate = Annotated[LocalCreate | ProviderCreate, Field(discriminator="engine")]


class AdapterCreate(AdapterEntry):
    name: Name = Field(description="A new name, or a known one for its next version.")

    @field_validator("name")
    @classmethod
    def _refuse_reserved(cls, name: str) -> str:
        if name in RESERVED_ADAPTERS:
            raise ValueError(f"{name!r} cannot name an adapter; take another name")
        return name


class ModelChange(Entry):
    """What may change about a model without a new version."""

    description: Description = Field("", description="What it is good for, for people.")
    api_key_env: EnvName | None = Field(None, description="Environment variable with the key.")
    api_key_file: FilePath | None = Field(None, description="File that holds the key.")

    @model_validator(mode="after")
    def _refuse_two_keys(self) -> "ModelChange":
        if self.api_key_env and self.api_key_file:
            raise ValueError("both api_key_env and api_key_file are given; keep one")
        return self


class TargetEntry(Entry):
    """One share of an alias's traffic."""

    target: Target = Field(
        description="`model`, `model/adapter`, or either with `@` and a version: number or hash."
    )
    weight: Weight = Field(1.0, description="Its share, relative to the others.")


Targets = Annotated[list[TargetEntry], Field(min_length=1, max_length=20)]

AliasEntry = Annotated[
    Annotated[Target, Tag("<one>")] | Annotated[Targets, Tag("<several>")],
    Discriminator(lambda raw: "<several>" if isinstance(raw, list) else "<one>"),
]


class ModelsContent(Entry):
    """models.yaml as data: what `apply_models` takes."""

    format: Literal[1] = Field(1, description="Version of this format.")
    models: dict[Name, AnyEntry] = Field(default_factory=dict, description="Models by name.")
    aliases: dict[Name, AliasEntry] = Field(default_factory=dict, description="What agents name.")


class AliasCreate(Entry):
    name: Name = Field(description="Unique in the project.", examples=["thinker"])
    targets: Targets = Field(description="Where it points.")
    reason: Reason = Field("", description="Why, for the history.")


class AliasChange(Entry):
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
