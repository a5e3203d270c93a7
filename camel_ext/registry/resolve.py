"""From an alias to all that serving needs: version, engine, config, price, adapter, key's place.

The choice between versions is a pure function of alias and key: the same key gets the same version as
long as weights stay, and when weights change only as many keys move as must. Nothing is called or read
from disk here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session, aliased

from camel_ext.registry.aliases import get_alias
from camel_ext.registry.errors import VersionUnknown
from camel_ext.registry.models import Alias, EngineKind, Model, ModelKind, ModelVersion

TOKENS_PER_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What a version costs. Units: micro-USD per 1M tokens; `cached` null: as prompt tokens."""

    prompt: int = 0
    completion: int = 0
    cached: int | None = None

    def cost_usd_micros(
        self, prompt_tokens: int, completion_tokens: int, cached_tokens: int | None = None
    ) -> int:
        """Return the cost of a call in whole micro-USD, half rounded up.

        `cached_tokens` are those of the prompt that were found in the cache.
        """
        cached = min(cached_tokens or 0, prompt_tokens)
        per_cached = self.prompt if self.cached is None else self.cached
        total = (
            (prompt_tokens - cached) * self.prompt
            + cached * per_cached
            + completion_tokens * self.completion
        )
        return (total + TOKENS_PER_PRICE // 2) // TOKENS_PER_PRICE


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a key lies: in an environment variable or in a file of the server, never both."""

    env: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class ResolvedAdapter:
    """The adapter to be laid on the model."""

    version_id: UUID
    name: str
    file: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """One version of a model, ready to be asked.

    `config` is the version's: `file` and `sha256` for a local one; `url`, `model`, `timeout_s`,
    `headers` and `extra` for a provider's; `context_tokens` where known.
    """

    version_id: UUID
    name: str
    engine: EngineKind
    config: dict[str, Any]
    price: Price
    adapter: ResolvedAdapter | None = None
    secret: SecretReference | None = None
    alias: str | None = None

    @property
    def target_id(self) -> UUID:
        """The version that an alias points at: the adapter's where there is one."""
        return self.version_id if self.adapter is None else self.adapter.version_id

    @property
    def context_tokens(self) -> int | None:
        """Longest prompt and answer together, where it was said."""
        return self.config.get("context_tokens")


def known_names(
    db: Session, *, outside: str | None = None
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of all base models and of all aliases that answer.

    With `outside`, without the aliases of that configuration: they retire when they leave its file.
    """
    models = select(Model.name).where(Model.kind == ModelKind.BASE)
    aliases = select(Alias.name).where(Alias.retired_at.is_(None))
    if outside is not None:
        aliases = aliases.where(Alias.configuration.is_distinct_from(outside))
    return frozenset(db.scalars(models)), frozenset(db.scalars(aliases))


def resolve_alias(db: Session, name: str, key: str) -> ResolvedModel:
    """Return the version that answers for this alias and key.

    `key` is what must stay with its version: a run's id, a session, or a fresh id for each call.
    Raises: AliasUnknown.
    """
    alias = get_alias(db, name)
    return resolve_version(db, pick_target(name, alias.targets, key), alias=name)


@dataclass(frozen=True, slots=True)
class AliasResolved:
    """An alias with each version that it shares its traffic between, ready to be asked."""

    name: str
    targets: tuple[dict[str, Any], ...]
    models: dict[UUID, ResolvedModel]

    def pick(self, key: str) -> ResolvedModel:
        """Return the version that answers for this key, as `resolve_alias` would."""
        return self.models[pick_target(self.name, self.targets, key)]


def resolve_shares(db: Session, name: str) -> AliasResolved:
    """Return an alias as it stands, for a process to remember (`core.caching`).

    Raises: AliasUnknown.
    """
    targets = tuple(get_alias(db, name).targets)
    ids = [UUID(share["version_id"]) for share in targets]
    return AliasResolved(
        name, targets, {each: resolve_version(db, each, alias=name) for each in ids}
    )


def resolve_version(db: Session, version_id: UUID, *, alias: str | None = None) -> ResolvedModel:
    """Return a version of a model or adapter, ready to be asked; the key's place is today's.

    Raises: VersionUnknown.
    """
    row = db.execute(_with_base(), {"wanted": version_id}).one_or_none()
    if row is None:
        raise VersionUnknown(f"there is no model version {version_id} in this project")
    target, target_model, under, under_model = row
    if under is None:
        return _resolved(target, target_model, target, None, alias)
    config = target.config
    adapter = ResolvedAdapter(target.id, target_model.name, config["file"], config.get("sha256"))
    return _resolved(under, under_model, target, adapter, alias)


@cache
def _with_base() -> Select[ModelVersion, Model, ModelVersion, Model]:
    """Return the query for a version with its base; to build it took longer than to execute it."""
    base, base_model = aliased(ModelVersion), aliased(Model)
    return (
        select(ModelVersion, Model, base, base_model)
        .join(Model, Model.id == ModelVersion.model_id)
        .outerjoin(base, base.id == ModelVersion.base_version_id)
        .outerjoin(base_model, base_model.id == base.model_id)
        .where(ModelVersion.id == bindparam("wanted"))
    )


def pick_target(alias: str, targets: Sequence[dict[str, Any]], key: str) -> UUID:
    """Return the version id for a key: each version gets its share, the same key the same one.

    Source: weighted rendezvous hashing (Schindelhauer and Schomaker 2005, logarithmic method).
    """

    def distance(share: dict[str, Any]) -> float:
        raw = sha256(f"{alias}\0{key}\0{share['version_id']}".encode()).digest()
        uniform = (int.from_bytes(raw[:8], "big") + 0.5) / 2**64  # in (0, 1)
        return -math.log(uniform) / float(share["weight"])

    return UUID(min(targets, key=distance)["version_id"])


def _resolved(
    version: ModelVersion,
    model: Model,
    priced: ModelVersion,
    adapter: ResolvedAdapter | None,
    alias: str | None,
) -> ResolvedModel:
    price = Price(
        priced.prompt_usd_micros_per_m,
        priced.completion_usd_micros_per_m,
        priced.cached_usd_micros_per_m,
    )
    secret = SecretReference(model.api_key_env, model.api_key_file)
    return ResolvedModel(
        version_id=version.id,
        name=model.name,
        engine=EngineKind(version.engine),
        config=version.config,
        price=price,
        adapter=adapter,
        secret=None if secret == SecretReference() else secret,
        alias=alias,
    )
