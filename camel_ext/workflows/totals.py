"""Runs as a whole: how many, which are under way, and how each workflow does day by day.

It counts runs that somebody asked for; samples and evaluations are steps of a loop, not work.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, case, func, select, type_coerce
from sqlalchemy.orm import Session, defer

from camel_ext.core.counting import GrowingCounts
from camel_ext.core.models import State, WaitingFor
from camel_ext.interactions import Purpose
from camel_ext.workflows.models import Run

DAY_US = 86_400_000_000
_HEAVY = (Run.output, Run.resolved, Run.error_detail)


@dataclass(frozen=True, slots=True)
class DayOfRuns:
    """What ended of one workflow on one day; the day counts from 1970 in the asker's zone."""

    workflow: str
    day: int
    runs: int
    succeeded: int
    tokens: int
    cost_usd_micros: int


def count_runs(db: Session, growing: GrowingCounts) -> int:
    """Count the runs that somebody asked for."""
    return growing.count(db, Run.created_at, Run.purpose == Purpose.RUN)


def list_under_way(db: Session, at_most: int) -> list[Run]:
    """Return the newest runs that have not ended, without their long texts."""
    query = select(Run).where(Run.finished_at.is_(None), Run.purpose == Purpose.RUN)
    newest = query.order_by(Run.created_at.desc(), Run.id.desc()).limit(at_most)
    return list(db.scalars(newest.options(*(defer(each, raiseload=True) for each in _HEAVY))))


def list_waiting_for_person(db: Session, at_most: int) -> list[Run]:
    """Return the newest runs that go on when a person has decided; of every purpose."""
    query = select(Run).where(Run.state == State.WAITING, Run.waiting_for == WaitingFor.PERSON)
    newest = query.order_by(Run.created_at.desc(), Run.id.desc()).limit(at_most)
    return list(db.scalars(newest.options(*(defer(each, raiseload=True) for each in _HEAVY))))


def count_days(db: Session, since: datetime, utc_offset: timedelta) -> list[DayOfRuns]:
    """Return what ended since then, by workflow and day: one query, answered by one index."""
    offset_us = utc_offset // timedelta(microseconds=1)
    day = (type_coerce(Run.finished_at, BigInteger) + offset_us) // DAY_US
    succeeded = func.sum(case((Run.state == State.SUCCEEDED, 1), else_=0))
    query = (
        select(
            Run.workflow, day, func.count(), succeeded,
            func.sum(Run.prompt_tokens + Run.completion_tokens), func.sum(Run.cost_usd_micros),
        )
        .where(Run.purpose == Purpose.RUN, Run.finished_at >= since)
        .group_by(Run.workflow, day)
        .order_by(Run.workflow, day)
    )  # fmt: skip
    return [DayOfRuns(*row) for row in db.execute(query)]
