"""Which due jobs a worker takes: those that fit it, highest priority first, then longest due.

Where more are due than are looked at, organisations take turns: who has least running is next, whatever
priorities the others gave themselves. What uses a thing whose limit is reached waits, and holds up no other
(`concurrency`). How a claim is written down is `jobs`'.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    select,
    true,
)

from camel_ext.core.concurrency import Places, taken_on
from camel_ext.core.models import Job, PausedQueue, State
from camel_ext.core.tenancy import system_options

CANDIDATES = 64  # how many due jobs are looked at together
MARK = system_options("queue")
NEEDS = cast(Job.resources, String)
Moment = datetime | ColumnElement[datetime]  # on PostgreSQL what the statement itself looks up
COLUMNS = (Job.id, Job.org_id, Job.project_id, Job.resources, Job.uses, NEEDS.label("needs"))


def claimable(now: Moment, kinds: frozenset[str]) -> ColumnElement[bool]:
    """Return the condition that a job can be claimed: due, of these kinds, its queue not paused."""
    paused = exists().where(
        PausedQueue.org_id == Job.org_id,
        PausedQueue.project_id == Job.project_id,
        Job.kind.startswith(PausedQueue.queue + "."),
    )
    return and_(Job.state == State.QUEUED, Job.run_at <= now, Job.kind.in_(kinds), ~paused)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Jobs to be taken, in order; and what those use that learn it with the claim."""

    ids: list[UUID]
    uses: dict[UUID, str]


def choose(
    connection: Connection,
    now: Moment,
    *,
    slots: int,
    free: Mapping[str, int],
    kinds: frozenset[str],
    only: frozenset[UUID] | None = None,
    device: str | None = None,
) -> Chosen:
    """Return due jobs that fit together, locked; one query more for each kind of need that does not.

    Jobs that do not fit hide no others, however many there are: what does not fit once is not
    looked at again, as less and less is free. `device` is the one that trainings have here.
    """
    most = max(CANDIDATES, slots)
    rows = connection.execute(_ordered(now, kinds, most, only, true())).all()
    places = Places.open(connection, rows, device)
    shared = len(rows) > most and only is None
    select_due: Callable[[ColumnElement[bool]], Select[Any]]
    if shared and _is_shared(connection, now, kinds, rows[0].org_id):
        select_due = partial(_by_turns, now, kinds, most)
        rows = connection.execute(select_due(places.free())).all()
    else:
        select_due = partial(_ordered, now, kinds, most, only)
    left, chosen, unfit = dict(free), Chosen([], {}), set[str]()
    while True:
        for row in rows[:most]:
            wanted: dict[str, Any] = row.resources
            if not all(left.get(name, 0) >= n for name, n in wanted.items()):
                unfit.add(row.needs)
            elif len(chosen.ids) < slots and places.fits(row):
                left.update({name: left[name] - n for name, n in wanted.items()})
                places.take(row)
                chosen.ids.append(row.id)
                if (uses := taken_on(row.uses, device)) != row.uses:
                    chosen.uses[row.id] = uses
        if len(chosen.ids) == slots or len(rows) <= most:
            return chosen
        rest = select_due(places.free()).where(NEEDS.not_in(unfit), Job.id.not_in(chosen.ids))
        rows = connection.execute(rest).all()


def _ordered(
    now: Moment,
    kinds: frozenset[str],
    most: int,
    only: frozenset[UUID] | None,
    free: ColumnElement[bool],
) -> Select[Any]:
    """Return the query of due jobs, locked, one more than are looked at."""
    query = (
        select(*COLUMNS)
        .where(claimable(now, kinds), free)
        .order_by(Job.priority.desc(), Job.run_at, Job.id)
        .limit(most + 1)
        .with_for_update(skip_locked=True)
        .execution_options(**MARK)
    )
    return query if only is None else query.where(Job.id.in_(only))


def _is_shared(connection: Connection, now: Moment, kinds: frozenset[str], org_id: UUID) -> bool:
    """Tell whether jobs of another organisation are due, too."""
    query = select(Job.id).where(claimable(now, kinds), Job.org_id != org_id).limit(1)
    return connection.execute(query.execution_options(**MARK)).first() is not None


def _by_turns(
    now: Moment, kinds: frozenset[str], most: int, free: ColumnElement[bool]
) -> Select[Any]:
    """Return the same query in turns: an organisation's first job stands behind what it has running.

    The turns are counted in a subquery, as PostgreSQL locks no rows of a query that counts; the row is
    looked at again as it is locked.
    """
    place = func.row_number().over(
        partition_by=Job.org_id, order_by=(Job.priority.desc(), Job.run_at, Job.id)
    )
    due = select(Job.id, place.label("place"))
    ranked = due.where(claimable(now, kinds), free).subquery()
    running = (
        select(Job.org_id, func.count().label("count"))
        .where(Job.state == State.RUNNING)
        .group_by(Job.org_id)
        .subquery()
    )
    turn = ranked.c.place + func.coalesce(running.c.count, 0)
    return (
        select(*COLUMNS)
        .join(ranked, ranked.c.id == Job.id)
        .outerjoin(running, running.c.org_id == Job.org_id)
        .where(claimable(now, kinds), free)
        .order_by(turn, Job.priority.desc(), Job.run_at, Job.id)
        .limit(most + 1)
        .with_for_update(of=Job, skip_locked=True)
        .execution_options(**MARK)
    )
