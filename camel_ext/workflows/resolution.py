"""What a workflow's names stand for, once, at the start of a run.

Agents are taken at their current version, aliases of models are drawn once with the run's id, so
that a run which lasts for days, or is resumed, never changes its versions. It starts nothing.
"""

from typing import Any

from sqlalchemy.orm import Session

from camel_ext.registry import resolve_alias
from camel_ext.workflows.definitions import require
from camel_ext.workflows.language.plan import agents_of
from camel_ext.workflows.language.schema import Workflow
from camel_ext.workflows.models import DefinitionKind


def resolve(db: Session, workflow: Workflow, key: str) -> dict[str, Any]:
    """Return `{agents: {name: {version_id, model}}, models: {alias: {version_id, name}}}` as plain JSON.

    `key` decides, by hash, which share of a split alias is drawn.
    Raises: DefinitionUnknown, and what an unknown alias raises.
    """
    agents: dict[str, Any] = {}
    models: dict[str, Any] = {}
    for name in sorted(agents_of(workflow)):
        version = require(db, DefinitionKind.AGENT, name)
        alias = version.content["model"]
        agents[name] = {"version_id": str(version.id), "model": alias}
        if alias not in models:
            model = resolve_alias(db, alias, key)
            models[alias] = {"version_id": str(model.target_id), "name": model.name}
    return {"agents": agents, "models": models}
