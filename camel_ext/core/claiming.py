"""Which due jobs a worker takes: those that fit it, highest priority first, then longest due.

How a claim is written down is `jobs`'.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, String, and_, cast, exists, select

from camel_ext.core.models import Job, PausedQueue, State
from camel_ext.core.tenancy import system_options

CANDIDATES = 64  # how many due jobs are looked at together
MARK = system_options("queue")


def claimable(now: datetime, kinds: frozenset[str]) -> ColumnElement[bool]:
    """Return the condition that a job can be claimed: due, of these kinds, its queue not paused."""
    paused = exists().where(
        PausedQueue.org_id == Job.org_id,
        PausedQueue.project_id == Job.project_id,
        Job.kind.startswith(PausedQueue.queue + "."),
    )
    return and_(Job.state == State.QUEUED, Job.run_at <= now, Job.kind.in_(kinds), ~paused)


def choose(
    connection: Connection,
    now: datetime,
    *,
    slots: int,
    free: Mapping[str, int],
    kinds: frozenset[str],
    only: frozenset[UUID] | None = None,
) -> list[UUID]:
    """Return due jobs that fit together, locked; one query more for each kind of need that does not.

    Jobs that do not fit hide no others, however many there are: what does not fit once is not
    looked at again, as less and less is free.
    """
    needs, most = cast(Job.resources, String), max(CANDIDATES, slots)
    query = (
        select(Job.id, Job.resources, needs.label("needs"))
        .where(claimable(now, kinds))
        .order_by(Job.priority.desc(), Job.run_at, Job.id)
        .limit(most)
        .with_for_update(skip_locked=True)
        .execution_options(**MARK)
    )
    if only is not None:
        query = query.where(Job.id.in_(only))
    left, chosen, unfit = dict(free), list[UUID](), set[str]()
    while True:
        rest = query.where(needs.not_in(unfit), Job.id.not_in(chosen)) if unfit else query
        rows = connection.execute(rest).all()
        for row in rows:
            wanted: dict[str, Any] = row.resources
            if not all(left.get(name, 0) >= n for name, n in wanted.items()):
                unfit.add(row.needs)
            elif len(chosen) < slots:
                left.update({name: left[name] - n for name, n in wanted.items()})
                chosen.append(row.id)
        if len(chosen) == slots or len(rows) < most:
            return chosen
