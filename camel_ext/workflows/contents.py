"""From a stored version to the agent or workflow it stands for, read once a process.

A version never changes, and its id is nobody else's; so what was read of it is kept by its id, and who
holds the id of one (from a run, or a definition) needs no second query. It is not where a name becomes
a version (definitions).
"""

from collections.abc import Collection
from functools import lru_cache
from typing import cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.workflows.language.schema import Agent, Workflow
from camel_ext.workflows.models import DefinitionKind, DefinitionVersion

Content = Agent | Workflow
KEPT = 1_024


def workflow_of(version: DefinitionVersion) -> Workflow:
    """Return the workflow that a version stands for; do not change it."""
    return cast(Workflow, _content_of(version))


def agent_of(version: DefinitionVersion) -> Agent:
    """Return the agent that a version stands for; do not change it."""
    return cast(Agent, _content_of(version))


def _content_of(version: DefinitionVersion) -> Content:
    known = _kept()
    content = known.get(version.id)
    if content is None:
        if len(known) >= KEPT:
            known.clear()
        kind = Workflow if version.kind == DefinitionKind.WORKFLOW else Agent
        content = known[version.id] = kind.model_validate(version.content)
    return content


def read_contents(db: Session, ids: Collection[UUID]) -> dict[UUID, Content]:
    """Return what these versions stand for, which the session's tenant must be known to own."""
    known = _kept()
    found = {each: known[each] for each in ids if each in known}
    wanted = [each for each in ids if each not in found]
    if wanted:
        query = select(DefinitionVersion).where(DefinitionVersion.id.in_(wanted))
        found |= {version.id: _content_of(version) for version in db.scalars(query)}
    return found


@lru_cache(maxsize=1)
def _kept() -> dict[UUID, Content]:
    return {}
