"""What a schedule owes at a moment: the ticks to fire, how many are let go, and where it goes on. Pure.

The schedule's cursor says up to when its ticks are dealt with. Time may have jumped since: forward, and
ticks passed that nobody saw; backward, and the cursor lies ahead of the clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from camel_ext.scheduling.models import CatchUp
from camel_ext.scheduling.timing import Ticks

COUNTED = 100  # ticks let go are counted up to this
BACK = timedelta(seconds=1)  # a clock that goes back by less is being adjusted, not set


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of ticks that are late."""

    catch_up: CatchUp = CatchUp.LAST
    limit: int = 10
    grace: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Owed:
    """What is to be done now, and where the schedule then stands."""

    fire: list[datetime]
    let_go: int
    last_let_go: datetime | None
    cursor: datetime
    following: datetime | None


def owed(ticks: Ticks, policy: Policy, cursor: datetime, now: datetime) -> Owed:
    """Return what a schedule owes at a moment.

    `none` fires the latest tick if it is no later than the grace, `last` fires the latest however late,
    `all` fires the latest `limit` in order. A clock that was set back moves the cursor back with it:
    ticks that fired before are then met again, and it is the caller who knows them by their firings.
    """
    if cursor > now + BACK:
        return Owed([], 0, None, now, ticks.after(now))
    cursor = min(cursor, now)
    most = policy.limit if policy.catch_up is CatchUp.ALL else 1
    passed = ticks.latest(cursor, now, most + COUNTED)
    fire = passed[-most:]
    if policy.catch_up is CatchUp.NONE and fire and now - fire[-1] > policy.grace:
        fire = []
    gone = passed[: len(passed) - len(fire)]
    return Owed(fire, min(len(gone), COUNTED), gone[-1] if gone else None, now, ticks.after(now))
