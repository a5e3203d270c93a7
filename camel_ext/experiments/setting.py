"""What a configuration means here and now: workflow, agent, alias, and what the alias stands for.

It reads and refuses; it changes nothing. Goals are tried against the workflow's inputs, so that a loop
of minutes does not fail at its first run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.experiments.config import ImproveConfig
from camel_ext.experiments.errors import ConfigWrong
from camel_ext.registry import (
    EngineKind,
    ModelKind,
    ResolvedModel,
    find_target,
    get_alias,
    get_version,
    resolve_version,
)
from camel_ext.workflows import (
    DefinitionKind,
    InputsWrong,
    Workflow,
    agent_of,
    agents_of,
    fill_inputs,
    get_definition,
    workflow_of,
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """What an improvement works on."""

    workflow: str
    workflow_version_id: UUID
    workflow_hash: str
    agent: str
    alias: str
    baseline_version_id: UUID
    candidate_version_id: UUID | None


def read_setting(db: Session, name: str, config: ImproveConfig) -> Setting:
    """Return what an improvement of a workflow would work on.

    Raises: DefinitionUnknown, AliasUnknown, ConfigWrong.
    """
    version = get_definition(db, DefinitionKind.WORKFLOW, name)
    workflow = workflow_of(version)
    agent = _agent(workflow, name, config)
    alias_name = agent_of(get_definition(db, DefinitionKind.AGENT, agent)).model
    alias = get_alias(db, alias_name)
    if len(alias.targets) != 1:
        raise ConfigWrong(
            f"the alias {alias_name!r} of {agent!r} splits its traffic between "
            f"{len(alias.targets)} versions.",
            ("agent",),
            "Point it at one version first: what would be the baseline?",
        )
    target = UUID(alias.targets[0]["version_id"])
    resolved = resolve_version(db, target)
    if resolved.engine != EngineKind.LOCAL and config.candidate is None:
        raise ConfigWrong(
            f"{alias_name!r} is answered by a provider ({resolved.name}): no adapter can be trained "
            "on it here.",
            ("agent",),
            "Point the alias at a local model.",
        )
    _try_goals(workflow, config)
    return Setting(
        workflow=name,
        workflow_version_id=version.id,
        workflow_hash=version.content_hash,
        agent=agent,
        alias=alias_name,
        baseline_version_id=target,
        candidate_version_id=_candidate(db, config, resolved),
    )


def inputs_of(workflow: Workflow, goal: Any) -> Json:
    """Return a goal as the workflow's inputs: a mapping as it is, a text for its one input.

    Raises: InputsWrong.
    """
    if not isinstance(goal, str):
        return fill_inputs(workflow, goal)
    required = [name for name, field in workflow.inputs.items() if field.required]
    names = required or list(workflow.inputs)
    if len(names) != 1:
        listed = ", ".join(f"`{each}`" for each in names) or "none"
        raise InputsWrong([f"a text fills one input, and the workflow asks for {listed}"])
    return fill_inputs(workflow, {names[0]: goal})


def target_name(db: Session, version_id: UUID) -> str:
    """Return how a version is written: `model@1` or `model/adapter@2`.

    Raises: VersionUnknown.
    """
    version, resolved = get_version(db, version_id), resolve_version(db, version_id)
    is_base = version.kind == ModelKind.BASE or resolved.adapter is None
    name = resolved.name if is_base or resolved.adapter is None else resolved.adapter.name
    return f"{name}@{version.number}"


def _candidate(db: Session, config: ImproveConfig, baseline: ResolvedModel) -> UUID | None:
    """Return the adapter that is to be proven, where one is named.

    Raises: ModelUnknown, VersionUnknown, ConfigWrong.
    """
    if config.candidate is None:
        return None
    version = find_target(db, config.candidate)
    if version.base_version_id != baseline.version_id:
        raise ConfigWrong(
            f"{config.candidate!r} is no adapter of {baseline.name!r}, which answers now: two models "
            "would be compared on different bases.",
            ("candidate",),
            "Name an adapter of that base.",
        )
    if version.id == baseline.target_id:
        raise ConfigWrong(
            f"{config.candidate!r} answers already.", ("candidate",), "There is nothing to prove."
        )
    return version.id


def _agent(workflow: Workflow, name: str, config: ImproveConfig) -> str:
    there = sorted(agents_of(workflow))
    if config.agent is None:
        if len(there) == 1:
            return there[0]
        listed = ", ".join(f"`{each}`" for each in there) or "none"
        raise ConfigWrong(
            f"the workflow {name!r} has several agents, or none: {listed}.",
            ("agent",),
            "Say `agent:`, whose answers are learnt from.",
        )
    if config.agent not in there:
        listed = ", ".join(f"`{each}`" for each in there) or "none"
        raise ConfigWrong(
            f"no agent {config.agent!r} acts in {name!r}.", ("agent",), f"There is {listed}."
        )
    return config.agent


def _try_goals(workflow: Workflow, config: ImproveConfig) -> None:
    """Try every goal against the workflow's inputs, and the scorers' parameters against the goals."""
    for field, goals in (("goals", config.goals), ("heldout", config.heldout)):
        for topic, listed in goals.items():
            for index, goal in enumerate(listed):
                try:
                    given = inputs_of(workflow, goal)
                except InputsWrong as error:
                    complaint = "; ".join(error.fields["problems"])
                    raise ConfigWrong(complaint, (field, topic, index)) from None
                _try_parameters(config, given, (field, topic, index))


def _try_parameters(
    config: ImproveConfig, given: Mapping[str, Any], at: tuple[str | int, ...]
) -> None:
    for name, scorer in config.scorers.items():
        for parameter, field in scorer.per_goal.items():
            if field not in given:
                known = ", ".join(f"`{each}`" for each in given) or "none"
                raise ConfigWrong(
                    f"the workflow has no input `{field}`.",
                    ("scorers", name, "per_goal", parameter),
                    f"There is {known}.",
                )
            if given[field] is None:
                raise ConfigWrong(
                    f"the scorer `{name}` needs `{field}`, which this goal does not say.", at
                )
