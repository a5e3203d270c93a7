"""When: ticks of a cron expression, of an interval, of one moment. Pure; nothing here asks for the time.

A tick is an instant in UTC. `after` gives the first one later than a moment, `latest` the last ones up to
a moment; both always answer the same. Cron fields mean what Debian's cron means by them, daylight saving
included (cronsim); an interval is counted in seconds and knows no zone.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from camel_ext.core.models import to_micros
from camel_ext.scheduling.errors import TimingInvalid

FIELDS = 5  # a sixth one, of seconds, cronsim would read without the rules for changing clocks
FIRST_SPAN = timedelta(minutes=2)  # how far back `latest` looks first: then four times as far, ...
MICROSECOND = timedelta.resolution


class Timing(Protocol):
    """A sequence of instants that only time itself ends."""

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick later than a moment, UTC; None: there is none."""
        ...

    def words(self) -> str:
        """Say it for people."""
        ...


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises: TimingInvalid.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown, no name at all, a folder of zones
        raise TimingInvalid(
            f"there is no time zone {name!r}: take an IANA name such as Europe/Berlin or UTC"
        ) from error


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of five fields, read on the clocks of a time zone."""

    expression: str
    timezone: str = "UTC"

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick later than a moment.

        Raises: TimingInvalid where the expression is none.
        """
        found = self._simulated(moment)
        for local in found:
            tick = local.astimezone(UTC)
            # In a repeated hour cron takes the first of two equal times, which may lie behind us.
            if tick > moment:
                return tick
        return None

    def words(self) -> str:
        """Say it for people."""
        said: str = self._simulated(datetime(2026, 1, 1, tzinfo=UTC)).explain()
        return f"{said}, {self.timezone}"

    def _simulated(self, moment: datetime) -> CronSim:
        try:
            if len(self.expression.split()) != FIELDS:
                raise CronSimError("it has not five fields")
            return CronSim(self.expression, moment.astimezone(zone_of(self.timezone)))
        except CronSimError as error:
            raise TimingInvalid(
                f"{self.expression!r} is no cron expression ({error}): write minute, hour, day of the "
                "month, month and day of the week, such as `30 2 * * *`"
            ) from error


@dataclass(frozen=True, slots=True)
class Every:
    """The same number of seconds again and again, in step with an anchor, which begins nothing.

    A clock may be set back to before the anchor, and then the ticks go on as if it had always been so.
    """

    every_s: int
    anchor: datetime

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick later than a moment."""
        span = timedelta(seconds=self.every_s)
        return self.anchor + span * ((moment - self.anchor) // span + 1)

    def words(self) -> str:
        """Say it for people."""
        return f"Every {_span(self.every_s)}"


@dataclass(frozen=True, slots=True)
class Once:
    """One moment."""

    at: datetime

    def after(self, moment: datetime) -> datetime | None:
        """Return the moment, while it is to come."""
        return self.at if self.at > moment else None

    def words(self) -> str:
        """Say it for people."""
        return f"Once, at {self.at:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class Ticks:
    """A timing between two moments, both included."""

    timing: Timing
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick later than a moment; None: there is none."""
        if self.starts_at is not None:
            moment = max(moment, self.starts_at - MICROSECOND)
        tick = self.timing.after(moment)
        return None if tick is None or (self.ends_at and tick > self.ends_at) else tick

    def following(self, moment: datetime) -> Iterator[datetime]:
        """Yield the ticks after a moment, in order."""
        tick = self.after(moment)
        while tick is not None:
            yield tick
            tick = self.after(tick)

    def latest(self, since: datetime, until: datetime, count: int) -> list[datetime]:
        """Return the last ticks, at most so many, of those after `since` and up to `until`, in order.

        It looks back from `until` in growing steps, so that a minute's cron that nobody looked at for
        a year costs what a day's does.
        """
        span = FIRST_SPAN
        while True:
            start = max(since, until - span)
            found: deque[datetime] = deque(maxlen=count)
            seen = 0
            for tick in self.following(start):
                if tick > until:
                    break
                found.append(tick)
                seen += 1
            if seen >= count or start == since:
                return list(found)
            span *= 4


def jitter(schedule_id: UUID, tick: datetime, jitter_s: int) -> timedelta:
    """Return how much later than its tick a schedule starts: from 0 up to `jitter_s`.

    It is drawn from the schedule's id and the tick, so that whoever computes it gets the same.
    """
    seed = schedule_id.bytes + to_micros(tick).to_bytes(8, signed=True)
    drawn = int.from_bytes(hashlib.sha256(seed).digest()[:8])
    return timedelta(microseconds=drawn * jitter_s * 1_000_000 // 2**64)


def _span(seconds: int) -> str:
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            count = seconds // unit
            return name if count == 1 else f"{count} {name}s"
    return "second" if seconds == 1 else f"{seconds} seconds"
