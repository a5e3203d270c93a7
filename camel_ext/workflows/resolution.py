"""What a workflow's names stand for, once, at the start of a run.

Agents are taken at their current version, aliases of models are drawn once with the run's id, so
that a run which lasts for days, or is resumed, never changes its versions. It starts nothing.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.registry import ResolvedModel, find_target, get_alias, resolve_alias, resolve_version
from camel_ext.workflows.definitions import current_agent
from camel_ext.workflows.errors import ModelNotUsed
from camel_ext.workflows.language.plan import agents_of
from camel_ext.workflows.language.schema import Workflow


def resolve(
    db: Session, workflow: Workflow, key: str, pinned: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return `{agents: {name: {version_id, model}}, models: {alias: {version_id, name}}}` as plain JSON.

    `key` decides, by hash, which share of a split alias is drawn; `pinned` says what an alias stands for
    in this run, whatever it points at.
    Raises: DefinitionUnknown, ModelNotUsed, and what an unknown alias or model raises.
    """
    pinned = pinned or {}
    agents: dict[str, Any] = {}
    models: dict[str, Any] = {}
    for name in sorted(agents_of(workflow)):
        version_id, agent = current_agent(db, name)
        alias = agent.model
        agents[name] = {"version_id": str(version_id), "model": alias}
        if alias not in models:
            model = (
                _pinned(db, alias, pinned[alias])
                if alias in pinned
                else resolve_alias(db, alias, key)
            )
            models[alias] = {"version_id": str(model.target_id), "name": model.name}
    if unused := sorted(pinned.keys() - models.keys()):
        there = ", ".join(f"`{alias}`" for alias in sorted(models)) or "none"
        raise ModelNotUsed(
            f"`models` names the alias {unused[0]!r}, which no agent of the workflow uses; it uses "
            f"{there}"
        )
    return {"agents": agents, "models": models}


def _pinned(db: Session, alias: str, target: str) -> ResolvedModel:
    """Return what stands for an alias that is there: a version by its id, or a target by name."""
    get_alias(db, alias)
    try:
        version_id = UUID(target)
    except ValueError:
        version_id = find_target(db, target).id
    return resolve_version(db, version_id, alias=alias)
