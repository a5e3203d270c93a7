"""From a stored version to the agent or workflow it stands for, read once a process.

A version's content never changes and is told apart by its hash, whoever owns it; so what was read of
it is kept. It queries nothing.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from camel_ext.workflows.language.schema import Agent, Workflow
from camel_ext.workflows.models import DefinitionVersion


def workflow_of(version: DefinitionVersion) -> Workflow:
    """Return the workflow that a version stands for; do not change it."""
    return cast(Workflow, _parsed(_Content(Workflow, version.content_hash, version.content)))


def agent_of(version: DefinitionVersion) -> Agent:
    """Return the agent that a version stands for; do not change it."""
    return cast(Agent, _parsed(_Content(Agent, version.content_hash, version.content)))


@dataclass(frozen=True, slots=True)
class _Content:
    """What a version says, told apart by its hash."""

    kind: type[Agent] | type[Workflow]
    content_hash: str
    content: dict[str, Any] = field(compare=False)


@lru_cache(maxsize=1_024)
def _parsed(given: _Content) -> Agent | Workflow:
    return given.kind.model_validate(given.content)
