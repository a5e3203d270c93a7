"""Models and their versions: registering by content, finding, listing.

Equal content is the same version, whoever registers it; nothing here changes or removes one. Where
traffic goes is decided in `aliases`.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core.caching import forget
from camel_ext.core.clock import Clock
from camel_ext.core.door import check_revision
from camel_ext.core.hashing import canonical_json, content_hash
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.identity import Actor, Role
from camel_ext.registry.entries import (
    KEY_PLACES,
    AdapterEntry,
    LocalEntry,
    PriceEntry,
    ProviderEntry,
)
from camel_ext.registry.errors import (
    ModelsAreTheOwners,
    ModelUnknown,
    NameTaken,
    VersionUnknown,
)
from camel_ext.registry.events import VersionRegistered
from camel_ext.registry.models import EngineKind, Model, ModelKind, ModelVersion
from camel_ext.registry.schemas import ModelChange

NewId = Callable[[], UUID]
AnyModelEntry = LocalEntry | ProviderEntry | AdapterEntry
NOT_CONTENT = {"name", "engine", "description", "price", "adapters", *KEY_PLACES}


def get_model(db: Session, name: str, *, for_update: bool = False) -> Model:
    """Return the model or adapter (`base/adapter`) of that name.

    Raises: ModelUnknown.
    """
    model = find_model(db, name, for_update=for_update)
    if model is None:
        raise ModelUnknown(f"there is no model {name[:130]!r} in this project")
    return model


def find_model(db: Session, name: str, *, for_update: bool = False) -> Model | None:
    """Return the model of that name, if there is one."""
    query = select(Model).where(Model.name == name)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.scalar(query)


def get_version(db: Session, version_id: UUID) -> ModelVersion:
    """Return a version.

    Raises: VersionUnknown.
    """
    version = db.scalar(select(ModelVersion).where(ModelVersion.id == version_id))
    if version is None:
        raise VersionUnknown(f"there is no model version {version_id} in this project")
    return version


def list_models(db: Session, place: Place) -> tuple[list[Model], str | None]:
    """Return a page of models and adapters, newest first."""
    return fetch_page(db, select(Model), Model.created_at, Model.id, place)


def list_versions(db: Session, name: str, place: Place) -> tuple[list[ModelVersion], str | None]:
    """Return a page of a model's versions, newest first.

    Raises: ModelUnknown.
    """
    query = select(ModelVersion).where(ModelVersion.model_id == get_model(db, name).id)
    return fetch_page(db, query, ModelVersion.created_at, ModelVersion.id, place)


def find_target(db: Session, target: str) -> ModelVersion:
    """Return what `model`, `model/adapter` or either with `@version` stands for.

    A version is a number (`@3`) or the start of its hash (`@sha256:1f3a`, eight digits or more).
    Raises: ModelUnknown, VersionUnknown.
    """
    name, _, wanted = target.partition("@")
    model = get_model(db, name)
    if not wanted:
        if model.current_version_id is None:
            raise VersionUnknown(f"{name!r} has no version yet")
        return get_version(db, model.current_version_id)
    query = select(ModelVersion).where(ModelVersion.model_id == model.id)
    digits = wanted.removeprefix("sha256:")
    if wanted.isdecimal() and wanted.isascii() and len(wanted) < 9:
        query = query.where(ModelVersion.number == int(wanted))
    elif len(digits) >= 8:
        query = query.where(
            ModelVersion.content_hash.startswith(f"sha256:{digits}", autoescape=True)
        )
    else:
        raise VersionUnknown(f"{target!r}: a version is a number, or 8 or more digits of its hash")
    found = list(db.scalars(query.limit(2)))
    if len(found) != 1:
        wrong = "no version" if not found else "more than one version"
        raise VersionUnknown(f"{target!r} names {wrong} of {name!r}")
    return found[0]


def register_model(
    db: Session,
    clock: Clock,
    new_id: NewId,
    actor: Actor,
    name: str,
    entry: AnyModelEntry,
    *,
    base: ModelVersion | None = None,
    source: str | None = None,
    configuration: str | None = None,
) -> ModelVersion:
    """Return the version with this content, made if it is new; its name then stands for it.

    `base` is given for an adapter, whose name is `base/adapter`. `source` is the entry as it was
    written; another one with equal content makes a new revision of the model, no new version.
    Raises: ModelsAreTheOwners, NameTaken.
    """
    written = source if source is not None else canonical_json(_plain(entry)).decode()
    model = find_model(db, name, for_update=True)
    if model is None:
        require_owner(actor, name)
        model = _add_model(db, clock, new_id, name, base, configuration)
    elif configuration is not None and model.configuration not in (None, configuration):
        raise NameTaken(f"the model {name!r} stands in the configuration {model.configuration!r}")
    version = _find_or_add_version(db, clock, new_id, actor, model, entry, base, written)
    mutable = {
        "description": entry.description,
        "source": written,
        "current_version_id": version.id,
        "configuration": configuration or model.configuration,
        **_keys(entry),
    }
    _revise(db, clock, actor, model, mutable)
    db.flush()
    return version


def change_model(
    db: Session, clock: Clock, actor: Actor, name: str, revision: int, change: ModelChange
) -> Model:
    """Change what is not content: the description and where the key lies.

    Raises: ModelUnknown, PreconditionFailed, ModelsAreTheOwners.
    """
    model = get_model(db, name, for_update=True)
    check_revision(model.revision, revision)
    _revise(db, clock, actor, model, change.model_dump())
    db.flush()
    return model


def require_owner(actor: Actor, name: str) -> None:
    """Refuse whoever may not say what a model is: an address could otherwise be sent any key.

    Raises: ModelsAreTheOwners.
    """
    if not actor.role.covers(Role.OWNER):
        raise ModelsAreTheOwners(
            f"the model {name!r} would be new or different, which takes the role owner; "
            f"yours is {actor.role}"
        )


def version_content(
    name: str, entry: AnyModelEntry, base: ModelVersion | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (canonical content, config) of an entry: what names its version, and what it keeps."""
    config = _plain(entry, NOT_CONTENT)
    engine = EngineKind(entry.engine) if not isinstance(entry, AdapterEntry) else _of(base).engine
    content = {
        "name": name,
        "kind": ModelKind.BASE if base is None else ModelKind.ADAPTER,
        "engine": engine,
        "config": config,
        "price": list(_prices(entry, base)),
        "base": None if base is None else base.content_hash,
    }
    return content, config


def _find_or_add_version(
    db: Session,
    clock: Clock,
    new_id: NewId,
    actor: Actor,
    model: Model,
    entry: AnyModelEntry,
    base: ModelVersion | None,
    source: str,
) -> ModelVersion:
    content, config = version_content(model.name, entry, base)
    digest = content_hash(content)
    version = db.scalar(select(ModelVersion).where(ModelVersion.content_hash == digest))
    if version is not None:
        return version
    require_owner(actor, model.name)
    last = db.scalar(select(func.max(ModelVersion.number)).where(ModelVersion.model_id == model.id))
    prompt, completion, cached = _prices(entry, base)
    version = ModelVersion(
        id=new_id(),
        model_id=model.id,
        number=(last or 0) + 1,
        content_hash=digest,
        kind=content["kind"],
        engine=content["engine"],
        config=config,
        base_version_id=None if base is None else base.id,
        prompt_usd_micros_per_m=prompt,
        completion_usd_micros_per_m=completion,
        cached_usd_micros_per_m=cached,
        source=source,
        principal_id=actor.principal_id,
        created_at=clock.now(),
    )
    db.add(version)
    db.flush()
    publish(db, clock, VersionRegistered(str(version.id), model.name, version.number))
    return version


def _add_model(
    db: Session,
    clock: Clock,
    new_id: NewId,
    name: str,
    base: ModelVersion | None,
    configuration: str | None,
) -> Model:
    now = clock.now()
    model = Model(
        id=new_id(),
        name=name,
        kind=ModelKind.BASE if base is None else ModelKind.ADAPTER,
        description="",
        source="",
        configuration=configuration,
        revision=0,
        created_at=now,
        updated_at=now,
    )
    try:
        with db.begin_nested():
            db.add(model)
    except IntegrityError as error:  # another process was first, on PostgreSQL
        raise NameTaken(f"the model {name!r} was just registered by somebody else") from error
    return model


def _revise(db: Session, clock: Clock, actor: Actor, model: Model, values: dict[str, Any]) -> None:
    changed = {key: value for key, value in values.items() if getattr(model, key) != value}
    if KEY_PLACES & changed.keys():
        require_owner(actor, model.name)
    if not changed:
        return
    for key, value in changed.items():
        setattr(model, key, value)
    model.revision += 1
    model.updated_at = clock.now()
    forget(db)  # where its key is, is remembered with the aliases


def _keys(entry: AnyModelEntry) -> dict[str, Any]:
    if isinstance(entry, ProviderEntry):
        return {"api_key_env": entry.api_key_env, "api_key_file": entry.api_key_file}
    return {"api_key_env": None, "api_key_file": None}


def _plain(entry: AnyModelEntry, exclude: set[str] | None = None) -> dict[str, Any]:
    left_out = exclude if exclude is not None else {"name"}
    return entry.model_dump(mode="json", exclude=left_out, exclude_none=True)


def _prices(entry: AnyModelEntry, base: ModelVersion | None) -> tuple[int, int, int | None]:
    if isinstance(entry, AdapterEntry):  # an adapter costs what its base costs
        of = _of(base)
        return (
            of.prompt_usd_micros_per_m, of.completion_usd_micros_per_m, of.cached_usd_micros_per_m
        )  # fmt: skip
    price: PriceEntry = entry.price
    cached = price.cached_input_usd
    return (
        round(price.input_usd * 1e6),
        round(price.output_usd * 1e6),
        None if cached is None else round(cached * 1e6),
    )


def _of(base: ModelVersion | None) -> ModelVersion:
    assert base is not None, "an adapter has a base"
    return base
