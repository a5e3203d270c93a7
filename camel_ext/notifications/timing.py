"""When a message goes out: digests, quiet hours and the least time between two, on the clocks of a zone.

Pure; nothing here asks for the time. A wall time that a change of clocks leaves out counts as one hour
later, and one that comes twice ends quiet hours both times.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from camel_ext.notifications.errors import RuleInvalid
from camel_ext.notifications.models import Digest, Rule

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
UTC_ZONE = ZoneInfo("UTC")


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name. Raises: RuleInvalid."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise RuleInvalid(
            f"there is no time zone {name!r}: take an IANA name such as Europe/Berlin or UTC"
        ) from error


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, and when not."""

    digest: Digest = Digest.IMMEDIATE
    daily_at: time = time(8)
    quiet: tuple[time, time] | None = None
    zone: ZoneInfo = UTC_ZONE
    throttle: timedelta = timedelta(0)


def pace_of(rule: Rule) -> Pace:
    """Return how often a rule's messages go out. Raises: RuleInvalid."""
    quiet = None
    if rule.quiet_from is not None and rule.quiet_until is not None:
        quiet = (time.fromisoformat(rule.quiet_from), time.fromisoformat(rule.quiet_until))
    return Pace(
        rule.digest,
        time.fromisoformat(rule.daily_at),
        quiet,
        zone_of(rule.timezone),
        timedelta(seconds=rule.throttle_s),
    )


def due_at(pace: Pace, now: datetime, last_due: datetime | None) -> datetime:
    """Return when what is noticed now goes out, UTC; `last_due`: when the message before it did."""
    match pace.digest:
        case Digest.IMMEDIATE:
            due = now
        case Digest.HOURLY:
            due = _next_hour(pace.zone, now)
        case Digest.DAILY:
            due = _next_at(pace.zone, pace.daily_at, now)
    if last_due is not None and pace.throttle:
        due = max(due, last_due + pace.throttle)
    if pace.quiet is not None and _is_quiet(pace.quiet, due.astimezone(pace.zone).time()):
        due = _next_at(pace.zone, pace.quiet[1], due)
    return due


def _is_quiet(quiet: tuple[time, time], wall: time) -> bool:
    begin, end = quiet
    if begin < end:
        return begin <= wall < end
    return wall >= begin or wall < end


def _next_hour(zone: ZoneInfo, now: datetime) -> datetime:
    wall = now.astimezone(zone)
    gone = timedelta(minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
    return now - gone + HOUR


def _next_at(zone: ZoneInfo, wall: time, now: datetime) -> datetime:
    """Return the first moment after now at which the zone's clocks show that time."""
    today = now.astimezone(zone).date()
    moments = (m for days in range(-1, 3) for m in _moments(zone, today + days * DAY, wall))
    return min(moment for moment in moments if moment > now)


def _moments(zone: ZoneInfo, day: date, wall: time) -> Iterator[datetime]:
    first = datetime.combine(day, wall, zone).astimezone(UTC)
    yield first
    again = datetime.combine(day, wall.replace(fold=1), zone).astimezone(UTC)
    if again != first and again.astimezone(zone).time() == wall:
        yield again
