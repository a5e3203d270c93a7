"""How much is asked of models by the whole installation: one statement over the last moments.

Bounded by time, project by project; what one project asked is `counting`'s.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.identity import Project
from camel_ext.interactions.models import Interaction


@dataclass(frozen=True, slots=True)
class CallsSince:
    """Calls of models since a time, and the tokens of those that were counted."""

    calls: int
    failed: int
    prompt_tokens: int
    completion_tokens: int


def calls_since(db: Session, since: datetime) -> CallsSince:
    """Return what models were asked since a time, by all processes. System session."""
    query = (
        select(
            func.count(Interaction.id),
            func.count(Interaction.error_code),
            func.coalesce(func.sum(Interaction.prompt_tokens), 0),
            func.coalesce(func.sum(Interaction.completion_tokens), 0),
        )
        .select_from(Project)
        .join(
            Interaction,
            (Interaction.org_id == Project.org_id) & (Interaction.project_id == Project.id),
        )
        .where(Interaction.created_at >= since)
    )
    return CallsSince(*(int(each) for each in db.execute(query).one()))
