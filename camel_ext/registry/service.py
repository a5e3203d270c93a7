"""Applying models.yaml: the whole file at once, and nothing new where nothing changed.

Registering one model is in `versions`, moving one alias in `aliases`, answering a call in `resolve`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.identity import Actor
from camel_ext.registry import aliases
from camel_ext.registry.entries import ModelsFile, alias_targets
from camel_ext.registry.errors import NameTaken
from camel_ext.registry.models import Alias, Model, ModelVersion
from camel_ext.registry.versions import AnyModelEntry, NewId, find_model, register_model

Change = Literal["unchanged", "revised", "changed", "new"]
AliasChange = Literal["unchanged", "moved", "new", "retired"]


@dataclass(frozen=True, slots=True)
class AppliedModel:
    """What a name stands for now; `changed` is another version, `revised` the same one, told anew."""

    version: ModelVersion
    change: Change


@dataclass(slots=True)
class AppliedModels:
    """What applying a file did, by name; adapters as `model/adapter`."""

    models: dict[str, AppliedModel] = field(default_factory=dict)
    aliases: dict[str, AliasChange] = field(default_factory=dict)


def apply_models(
    db: Session,
    clock: Clock,
    new_id: NewId,
    actor: Actor,
    file: ModelsFile,
    *,
    configuration: str = "default",
    sources: Mapping[str, str] | None = None,
) -> AppliedModels:
    """Make the registry say what models.yaml says; the same file again changes nothing.

    `sources` holds the text of each model's entry by name (`model`, `model/adapter`). An alias that
    was moved since the file was last applied stays where it is, unless the file's own targets
    changed. Aliases that left the file retire; models and versions stay.
    Raises: ModelUnknown, VersionUnknown, TargetsInvalid, NameTaken, ModelsAreTheOwners.
    """
    texts = sources or {}
    applied = AppliedModels()

    def put(name: str, entry: AnyModelEntry, base: ModelVersion | None = None) -> ModelVersion:
        before = find_model(db, name)
        was = None if before is None else (before.revision, before.current_version_id)
        version = register_model(
            db, clock, new_id, actor, name, entry,
            base=base, source=texts.get(name), configuration=configuration,
        )  # fmt: skip
        now = db.scalars(select(Model).where(Model.id == version.model_id)).one()
        applied.models[name] = AppliedModel(version, _change(was, now))
        return version

    for name, entry in file.models.items():
        base = put(name, entry)
        for adapter_name, adapter in entry.adapters.items():
            put(f"{name}/{adapter_name}", adapter, base)
    _apply_aliases(db, clock, new_id, actor, file, configuration, applied)
    return applied


def _change(was: tuple[int, Any] | None, now: Model) -> Change:
    if was is None:
        return "new"
    if was[1] != now.current_version_id:
        return "changed"
    return "unchanged" if was[0] == now.revision else "revised"


def _apply_aliases(
    db: Session,
    clock: Clock,
    new_id: NewId,
    actor: Actor,
    file: ModelsFile,
    configuration: str,
    applied: AppliedModels,
) -> None:
    query = select(Alias).where(
        (Alias.name.in_(file.aliases)) | (Alias.configuration == configuration)
    )
    known = {alias.name: alias for alias in db.scalars(query)}
    why = f"applied {configuration}"
    for name, entry in file.aliases.items():
        targets = alias_targets(entry)
        shares = aliases.shares_of(db, targets)
        declared = [
            {**share, "target": each.target} for share, each in zip(shares, targets, strict=True)
        ]
        alias = known.get(name)
        applied.aliases[name] = "unchanged"
        if alias is None or alias.retired_at is not None:
            alias = aliases.create_alias(
                db, clock, new_id, actor.principal_id, name, shares,
                reason=why, configuration=configuration,
            )  # fmt: skip
            applied.aliases[name] = "new"
        elif alias.configuration not in (None, configuration):
            raise NameTaken(
                f"the alias {name!r} stands in the configuration {alias.configuration!r}"
            )
        elif _follows(alias, declared) and alias.targets != shares:
            aliases.move_alias(db, clock, new_id, actor.principal_id, name, shares, reason=why)
            applied.aliases[name] = "moved"
        alias.declared, alias.configuration = declared, configuration
    for name in sorted(known.keys() - file.aliases.keys()):
        aliases.retire_alias(db, clock, new_id, actor.principal_id, name, reason=f"{why}: left it")
        applied.aliases[name] = "retired"
    db.flush()


def _follows(alias: Alias, declared: list[dict[str, Any]]) -> bool:
    """Tell whether the file decides: its words changed, or nobody moved the alias since."""
    if alias.declared is None:
        return True
    words = [(share["target"], share["weight"]) for share in alias.declared]
    if words != [(share["target"], share["weight"]) for share in declared]:
        return True
    then = [
        {"version_id": share["version_id"], "weight": share["weight"]} for share in alias.declared
    ]
    return alias.targets == then
