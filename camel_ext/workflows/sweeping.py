"""Files of runs that ended long ago: found on this disk, asked about, removed.

A retry starts from what the retried run's tools left, so a run's files stay for a time after its end,
and as long as a retry of it is not over for that time. What no run is known of is not touched.
"""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from camel_ext.core.runtime import Runtime
from camel_ext.core.sweeping import FolderSweeper
from camel_ext.workflows.models import Run
from camel_ext.workflows.tools import remove_tree


class Sweeper(FolderSweeper):
    """Removes the scratch files of runs, which programs of models have filled."""

    def __init__(self, runtime: Runtime, root: Path, keep_s: float) -> None:
        super().__init__(
            runtime, root, keep_s, what="runs", list_over=list_over, remove=remove_tree
        )


def list_over(db: Session, run_ids: Collection[UUID], before: datetime) -> list[UUID]:
    """Return those of these runs that ended before a time, as did all retries of them."""
    begin = select(Run.id.label("root"), Run.id.label("id")).where(Run.id.in_(run_ids))
    family = begin.cte("family", recursive=True)
    retry = aliased(Run)
    family = family.union_all(
        select(family.c.root, retry.id).join(retry, retry.parent_run_id == family.c.id)
    )
    needed = (
        select(family.c.root)
        .join(Run, Run.id == family.c.id)
        .where(or_(Run.finished_at.is_(None), Run.finished_at >= before))
    )
    known = aliased(Run)
    return list(db.scalars(select(known.id).where(known.id.in_(run_ids), known.id.not_in(needed))))
