"""models.yaml as types: models on an engine, their adapters and prices, and aliases.

The one place where they are defined: files are read, requests are checked and versions are named with
these. Prices come in USD per million tokens, as providers write them. A secret is never a field here:
only where one lies.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from camel_ext.registry.models import EngineKind

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"}
)
RESERVED_ADAPTERS = frozenset({"versions", "adapters"})  # they end paths of the API
KEY_PLACES = frozenset({"api_key_env", "api_key_file"})  # moving a key makes no other model

NAME_PATTERN = r"^[a-z][a-z0-9_-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=64)]
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
Weight = Annotated[float, Field(gt=0, le=1_000_000)]


class Entry(BaseModel):
    """The base of all: unknown fields are refused, values keep the type that was written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class PriceEntry(Entry):
    """What a model costs, per million tokens."""

    input_usd: float = Field(0.0, ge=0, le=1e6, description="USD per 1M tokens sent.")
    output_usd: float = Field(0.0, ge=0, le=1e6, description="USD per 1M tokens answered.")
    cached_input_usd: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="USD per 1M sent tokens found in the cache; left out, as the rest.",
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
        None,
        ge=128,
        le=2**31 - 1,
        description="Longest prompt and answer together; left out, the model's own.",
    )
    price: PriceEntry = Field(
        default_factory=PriceEntry, description="USD per 1M tokens; free by default."
    )
    adapters: dict[Name, AdapterEntry] = Field(
        default_factory=dict, description="LoRA adapters by name; an alias says `model/adapter`."
    )

    @field_validator("adapters")
    @classmethod
    def _refuse_reserved(cls, adapters: dict[str, Any]) -> dict[str, Any]:
        for name in adapters:
            refuse_reserved(name)
        return adapters


class LocalEntry(ModelEntry):
    """A GGUF file on the engine that this server runs."""

    engine: Literal["local"] = Field(description="`local`: run by this server.")
    file: FilePath = Field(
        description="GGUF file: `bundled`, a name in the models folder, or a path."
    )
    sha256: Sha256 | None = Field(None, description="Checked before the file is loaded.")


class ProviderEntry(ModelEntry):
    """A model behind an OpenAI-compatible address."""

    engine: Literal["provider"] = Field(description="`provider`: any OpenAI-compatible API.")
    url: Url = Field(description="Base address, up to and with /v1.")
    model: ShortText = Field(description="The provider's own name of the model.")
    api_key_env: EnvName | None = Field(
        None, description="Environment variable of the server that holds the key."
    )
    api_key_file: FilePath | None = Field(None, description="File that holds the key.")
    timeout_s: float = Field(120.0, gt=0, le=3_600, description="Seconds until a call is given up.")
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
            raise PydanticCustomError(
                "secret_header",
                "`{name}` carries a secret, and headers are shown: use `api_key_env` or "
                "`api_key_file`",
                {"name": found[0]},
            )
        return headers

    @model_validator(mode="after")
    def _refuse_two_keys(self) -> "ProviderEntry":
        refuse_two_keys(self.api_key_env, self.api_key_file)
        return self


def refuse_two_keys(env: str | None, file: str | None) -> None:
    """Refuse a key that lies in two places."""
    if env and file:
        raise PydanticCustomError(
            "two_keys", "both `api_key_env` and `api_key_file` are given; keep one"
        )


def refuse_reserved(adapter: str) -> None:
    """Refuse an adapter's name that the API's paths have taken."""
    if adapter in RESERVED_ADAPTERS:
        raise PydanticCustomError(
            "reserved_name", "`{name}` cannot name an adapter; take another name", {"name": adapter}
        )


def engine_tag(raw: Any) -> str | None:
    """Return the tag of a model's engine; None when there is no such engine."""
    engine = raw.get("engine") if isinstance(raw, dict) else getattr(raw, "engine", None)
    return f"<{engine}>" if engine in tuple(EngineKind) else None


AnyEntry = Annotated[
    Annotated[LocalEntry, Tag("<local>")] | Annotated[ProviderEntry, Tag("<provider>")],
    Discriminator(
        engine_tag, custom_error_type="engine", custom_error_message="not a model of a known engine"
    ),
]


class TargetEntry(Entry):
    """One share of an alias's traffic."""

    target: Target = Field(
        description="`model`, `model/adapter`, or either with `@` and a version: number or hash."
    )
    weight: Weight = Field(1.0, description="Its share, relative to the others.")


def alias_tag(raw: Any) -> str:
    """Return which form of an alias is meant: several targets, or one."""
    return "<several>" if isinstance(raw, list) else "<one>"


Targets = Annotated[list[TargetEntry], Field(min_length=1, max_length=20)]
AliasEntry = Annotated[
    Annotated[Target, Tag("<one>")] | Annotated[Targets, Tag("<several>")],
    Discriminator(alias_tag),
]


def alias_targets(entry: str | list[TargetEntry]) -> list[TargetEntry]:
    """Return an alias's targets in one form: a lone target has weight 1."""
    return [TargetEntry(target=entry)] if isinstance(entry, str) else entry


class ModelsFile(Entry):
    """models.yaml."""

    format: Literal[1] = Field(1, description="Version of this format.")
    models: dict[Name, AnyEntry] = Field(default_factory=dict, description="Models by name.")
    aliases: dict[Name, AliasEntry] = Field(
        default_factory=dict, description="What agents name: one target, or several with weights."
    )
