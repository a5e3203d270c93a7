"""models.yaml as types: models on an engine, their adapters and prices, and aliases.

An alias is what agents name; it points at one version or splits between several by weight. This is
not the registry: it stores nothing, reads no key, and opens no file.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, JsonValue, StringConstraints, Tag, model_validator
from pydantic_core import PydanticCustomError

from camel_ext.workflows.language.schema import Definition, Description, Name, Target

EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
FilePath = Annotated[
    str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\x00\n]+$")
]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@]+$", max_length=2_000)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Price(Definition):
    """What a model costs, per million tokens."""

    input_usd: float = Field(0, ge=0, description="USD per 1M tokens sent.")
    output_usd: float = Field(0, ge=0, description="USD per 1M tokens answered.")
    cached_input_usd: float | None = Field(
        None, ge=0, description="USD per 1M sent tokens found in the cache; left out, as the rest."
    )


class Adapter(Definition):
    """A LoRA adapter for one model."""

    file: FilePath = Field(description="GGUF or safetensors file of the adapter.")
    sha256: Sha256 | None = Field(None, description="Checked before the file is loaded.")
    description: Description = Field("", description="What it was trained for, for people.")


class BaseModelEntry(Definition):
    """What every model has, whatever its engine."""

    # Where a secret lies is not what a model is: moving the key makes no new version.
    not_content: ClassVar[frozenset[str]] = frozenset({"api_key_env", "api_key_file"})

    description: Description = Field("", description="What it is good for, for people.")
    context_tokens: int | None = Field(
        None, ge=128, description="Longest prompt and answer together; left out, the model's own."
    )
    price: Price = Field(default_factory=Price, description="USD per 1M tokens; free by default.")
    adapters: dict[Name, Adapter] = Field(
        default_factory=dict, description="LoRA adapters by name; an alias says `model/adapter`."
    )


class LocalModel(BaseModelEntry):
    """A GGUF file on the engine that this server runs."""

    engine: Literal["local"] = Field(description="`local`: run by this server.")
    file: FilePath = Field(
        description="GGUF file: `bundled`, a name in the models folder, or a path."
    )
    sha256: Sha256 | None = Field(None, description="Checked before the file is loaded.")


class ProviderModel(BaseModelEntry):
    """A model behind an OpenAI-compatible address."""

    engine: Literal["provider"] = Field(description="`provider`: any OpenAI-compatible API.")
    url: Url = Field(description="Base address, up to and with /v1.")
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="The provider's own name of the model."
    )
    api_key_env: EnvName | None = Field(
        None, description="Environment variable of the server that holds the key."
    )
    api_key_file: FilePath | None = Field(None, description="File that holds the key.")
    timeout_s: float = Field(120, gt=0, le=3_600, description="Seconds until a call is given up.")
    headers: dict[str, str] = Field(
        default_factory=dict, description="Extra headers of each call; never a key."
    )
    extra: dict[str, JsonValue] = Field(
        default_factory=dict, description="Sent with each call as it stands."
    )

    @model_validator(mode="after")
    def _refuse_two_keys(self) -> "ProviderModel":
        if self.api_key_env and self.api_key_file:
            raise PydanticCustomError(
                "two_keys", "both `api_key_env` and `api_key_file` are given; keep one"
            )
        return self


ENGINES = ("local", "provider")


def engine_tag(raw: Any) -> str | None:
    """Return the tag of a model's engine; None when there is no such engine."""
    engine = raw.get("engine") if isinstance(raw, dict) else getattr(raw, "engine", None)
    return f"<{engine}>" if engine in ENGINES else None


AnyModel = Annotated[
    Annotated[LocalModel, Tag("<local>")] | Annotated[ProviderModel, Tag("<provider>")],
    Discriminator(
        engine_tag, custom_error_type="engine", custom_error_message="not a model of a known engine"
    ),
]


class WeightedTarget(Definition):
    """One share of an alias's traffic."""

    target: Target = Field(description="`model`, `model/adapter`, or either with `@version`.")
    weight: float = Field(gt=0, le=1_000_000, description="Its share, relative to the others.")


def alias_tag(raw: Any) -> str:
    """Return which form of an alias is meant: several targets, or one."""
    return "<several>" if isinstance(raw, list) else "<one>"


AliasEntry = Annotated[
    Annotated[Target, Tag("<one>")]
    | Annotated[list[WeightedTarget], Field(min_length=1, max_length=20), Tag("<several>")],
    Discriminator(alias_tag),
]


class ModelsFile(Definition):
    """models.yaml."""

    format: Literal[1] = Field(1, description="Version of this format.")
    models: dict[Name, AnyModel] = Field(default_factory=dict, description="Models by name.")
    aliases: dict[Name, AliasEntry] = Field(
        default_factory=dict, description="What agents name: one target, or several with weights."
    )


def alias_targets(entry: str | list[WeightedTarget]) -> list[WeightedTarget]:
    """Return an alias's targets in one form: a lone target has weight 1."""
    return [WeightedTarget(target=entry, weight=1)] if isinstance(entry, str) else entry
