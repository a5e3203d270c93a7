"""What is examined, with every version of it pinned, so that it cannot change under the examination.

A target's hash names all that decides its answers: workflow, agents and models by their contents. It
runs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.hashing import content_hash
from camel_ext.evaluation.errors import SuiteInvalid, TargetInvalid
from camel_ext.evaluation.models import SuiteVersion, TargetKind
from camel_ext.evaluation.schemas import TargetGiven
from camel_ext.registry import (
    AliasUnknown,
    ResolvedModel,
    find_target,
    get_alias,
    get_version,
    resolve_version,
)
from camel_ext.workflows import (
    DefinitionKind,
    InputsWrong,
    ModelNotUsed,
    agents_of,
    fill_inputs,
    get_definition,
    workflow_of,
)

Json = dict[str, Any]
ITSELF = "model"  # under this name stands the one model of a target that is a model


@dataclass(frozen=True, slots=True)
class Target:
    """What answers, pinned: agents and models by name, engines, and the hash of it all."""

    kind: TargetKind
    name: str
    workflow_version_id: UUID | None
    pinned: Json
    engines: list[Json] = field(default_factory=list)
    hash: str = ""

    @property
    def models(self) -> dict[str, str]:
        """The version id of each alias, as a run is started with it."""
        return {alias: each["version_id"] for alias, each in self.pinned["models"].items()}


def pin_target(db: Session, wanted: TargetGiven) -> Target:
    """Return the target with the versions that its names stand for now.

    Raises: TargetInvalid where an alias shares its traffic; DefinitionUnknown, ModelNotUsed, and what
    an unknown alias or model raises.
    """
    if wanted.workflow is not None:
        return _workflow(db, wanted.workflow, wanted.models)
    assert wanted.model is not None, "one of both is given"
    return _model(db, wanted.model)


def _workflow(db: Session, name: str, given: Mapping[str, str]) -> Target:
    version = get_definition(db, DefinitionKind.WORKFLOW, name)
    agents, models, engines = {}, dict[str, Json](), list[Json]()
    for agent in sorted(agents_of(workflow_of(version))):
        found = get_definition(db, DefinitionKind.AGENT, agent)
        alias = found.content["model"]
        agents[agent] = {
            "version_id": str(found.id), "content_hash": found.content_hash, "model": alias,
        }  # fmt: skip
        if alias not in models:
            if alias in given:
                get_alias(db, alias)
            model = _resolve(db, given.get(alias), alias)
            models[alias] = _pin(db, model)
            engines.append(_engine(db, alias, model))
    if unused := sorted(given.keys() - models.keys()):
        there = ", ".join(f"`{alias}`" for alias in sorted(models)) or "none"
        raise ModelNotUsed(
            f"`models` names the alias {unused[0]!r}, which no agent of {name!r} uses; it uses {there}"
        )
    pinned = {
        "workflow": {"version_id": str(version.id), "content_hash": version.content_hash},
        "agents": agents,
        "models": models,
    }
    return _hashed(Target(TargetKind.WORKFLOW, name, version.id, pinned, engines))


def _model(db: Session, name: str) -> Target:
    model = _resolve(db, name, None)
    pinned = {"agents": {}, "models": {ITSELF: _pin(db, model)}}
    engines = [_engine(db, ITSELF, model)]
    return _hashed(Target(TargetKind.MODEL, name[:130], None, pinned, engines))


def _hashed(target: Target) -> Target:
    pinned = target.pinned
    said = {
        "workflow": pinned.get("workflow", {}).get("content_hash"),
        "agents": {name: each["content_hash"] for name, each in pinned["agents"].items()},
        "models": {name: each["content_hash"] for name, each in pinned["models"].items()},
    }
    return Target(
        target.kind, target.name, target.workflow_version_id, pinned, target.engines,
        content_hash(said),
    )  # fmt: skip


def resolve_model(db: Session, named: str) -> ResolvedModel:
    """Return what an alias, model, adapter or version id stands for.

    Raises: TargetInvalid where an alias shares its traffic; ModelUnknown, VersionUnknown.
    """
    return _resolve(db, named, None)


def _resolve(db: Session, named: str | None, alias: str | None) -> ResolvedModel:
    """Return one version; a name may be an alias of its own only where no alias is pinned."""
    if named is None:
        assert alias is not None, "something is named"
        return resolve_version(db, _only_share(db, alias), alias=alias)
    try:
        return resolve_version(db, UUID(named), alias=alias)
    except ValueError:
        pass
    if alias is None:
        try:
            return resolve_version(db, _only_share(db, named), alias=named)
        except AliasUnknown:
            pass
    return resolve_version(db, find_target(db, named).id, alias=alias)


def _only_share(db: Session, alias: str) -> UUID:
    targets = get_alias(db, alias).targets
    if len(targets) != 1:
        raise TargetInvalid(
            f"the alias {alias!r} shares its traffic among {len(targets)} versions: say which one is "
            f"examined, `models: {{{alias}: ...}}`"
        )
    return UUID(targets[0]["version_id"])


def _pin(db: Session, model: ResolvedModel) -> Json:
    version = get_version(db, model.target_id)
    name = model.name if model.adapter is None else model.adapter.name
    return {
        "version_id": str(version.id), "name": name, "number": version.number,
        "content_hash": version.content_hash,
    }  # fmt: skip


def _engine(db: Session, alias: str, model: ResolvedModel) -> Json:
    """Return what answers may only be compared on: who runs which base model."""
    base = get_version(db, model.version_id)
    return {
        "alias": alias, "engine": str(base.engine), "base": model.name,
        "format": base.content_hash,
    }  # fmt: skip


def check_inputs(db: Session, target: Target, version: SuiteVersion) -> None:
    """Make sure that every case of a suite can be asked of a target.

    Raises: SuiteInvalid, which names the first case that cannot.
    """
    if target.kind == TargetKind.MODEL:
        for case in version.cases:
            messages_of(case["id"], case["input"])
        return
    workflow = workflow_of(get_definition(db, DefinitionKind.WORKFLOW, target.name))
    for case in version.cases:
        try:
            fill_inputs(workflow, case["input"])
        except InputsWrong as error:
            listed = "; ".join(error.fields["problems"])
            raise SuiteInvalid(
                f"the case `{case['id']}` does not fit what {target.name!r} asks for: {listed}"
            ) from error


def messages_of(case_id: str, given: Json) -> list[Json]:
    """Return what a model is asked by a case: its `messages`, or `system` and `prompt`.

    Raises: SuiteInvalid.
    """
    messages = given.get("messages")
    if isinstance(messages, list) and messages and all(map(_is_message, messages)):
        return messages
    texts = [value for key, value in given.items() if key != "system" and isinstance(value, str)]
    prompt = given.get("prompt", texts[0] if len(texts) == 1 else None)
    if not isinstance(prompt, str) or not prompt.strip():
        raise SuiteInvalid(
            f"the case `{case_id}` cannot be asked of a model: its input needs `prompt`, a text, or "
            "`messages`, a list of {role, content}"
        )
    system = given.get("system")
    first = [{"role": "system", "content": system}] if isinstance(system, str) else []
    return [*first, {"role": "user", "content": prompt}]


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str) and "content" in value
