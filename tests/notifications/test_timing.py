"""When messages go out: digests, quiet hours over changes of clocks, the least time between two."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camel_ext.notifications.models import Digest
from camel_ext.notifications.timing import Pace, due_at

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = (time(22), time(7))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("pace", "now", "due"),
    [
        (Pace(), "2026-03-01T10:15:00", "2026-03-01T10:15:00"),
        (Pace(Digest.HOURLY), "2026-03-01T10:15:00", "2026-03-01T11:00:00"),
        (Pace(Digest.HOURLY), "2026-03-01T10:00:00", "2026-03-01T11:00:00"),
        (
            Pace(Digest.HOURLY, zone=ZoneInfo("Asia/Kolkata")),  # half an hour off
            "2026-03-01T10:15:00",
            "2026-03-01T10:30:00",
        ),
        (Pace(Digest.DAILY, time(8), zone=BERLIN), "2026-01-10T06:59:00", "2026-01-10T07:00:00"),
        (Pace(Digest.DAILY, time(8), zone=BERLIN), "2026-01-10T07:00:00", "2026-01-11T07:00:00"),
        # the 29th of March has no 02:30 in Berlin: an hour later it is
        (
            Pace(Digest.DAILY, time(2, 30), zone=BERLIN),
            "2026-03-28T12:00:00",
            "2026-03-29T01:30:00",
        ),
        # the 25th of October has it twice: the first of them, and it is one digest a day
        (
            Pace(Digest.DAILY, time(8), zone=BERLIN),
            "2026-10-24T12:00:00",
            "2026-10-25T07:00:00",
        ),
    ],
)
def test_digests(pace: Pace, now: str, due: str) -> None:
    assert due_at(pace, utc(now), None) == utc(due)


@pytest.mark.parametrize(
    ("quiet", "now", "due"),
    [
        (NIGHT, "2026-01-10T20:59:59", "2026-01-10T20:59:59"),  # 21:59:59 in Berlin
        (NIGHT, "2026-01-10T21:00:00", "2026-01-11T06:00:00"),
        (NIGHT, "2026-01-11T05:59:59", "2026-01-11T06:00:00"),
        (NIGHT, "2026-01-11T06:00:00", "2026-01-11T06:00:00"),
        ((time(12), time(14)), "2026-01-10T11:30:00", "2026-01-10T13:00:00"),
        # the night that is an hour shorter, and the one that is longer
        (NIGHT, "2026-03-28T22:00:00", "2026-03-29T05:00:00"),
        (NIGHT, "2026-10-24T21:00:00", "2026-10-25T06:00:00"),
        # they end at a time that is left out, or that comes twice
        ((time(22), time(2, 30)), "2026-03-29T00:30:00", "2026-03-29T01:30:00"),
        ((time(22), time(2, 30)), "2026-10-24T23:00:00", "2026-10-25T00:30:00"),
        ((time(22), time(2, 30)), "2026-10-25T01:10:00", "2026-10-25T01:30:00"),
    ],
)
def test_quiet_hours_in_berlin(quiet: tuple[time, time], now: str, due: str) -> None:
    assert due_at(Pace(quiet=quiet, zone=BERLIN), utc(now), None) == utc(due)


def test_a_digest_that_falls_into_quiet_hours_waits_for_their_end() -> None:
    pace = Pace(Digest.DAILY, time(6), NIGHT, BERLIN)
    assert due_at(pace, utc("2026-01-10T12:00:00"), None) == utc("2026-01-11T06:00:00")


def test_between_two_lies_the_throttle() -> None:
    pace = Pace(throttle=timedelta(minutes=10))
    now = utc("2026-01-10T12:05:00")
    assert due_at(pace, now, None) == now
    assert due_at(pace, now, utc("2026-01-10T12:00:00")) == utc("2026-01-10T12:10:00")
    assert due_at(pace, now, utc("2026-01-10T11:00:00")) == now


@given(
    digest=st.sampled_from(Digest),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kabul"]
    ),
    begin=st.times(),
    end=st.times(),
    now=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - hypothesis wants so
)
def test_it_is_never_before_now_never_quiet_and_never_days_later(
    digest: Digest, zone: str, begin: time, end: time, now: datetime
) -> None:
    begin, end = begin.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    quiet = None if begin == end else (begin, end)
    pace = Pace(digest, time(8), quiet, ZoneInfo(zone))
    moment = now.replace(tzinfo=UTC)
    due = due_at(pace, moment, None)
    assert moment <= due <= moment + timedelta(days=2, hours=2)
    if quiet is not None:
        assert due == due_at(Pace(quiet=quiet, zone=ZoneInfo(zone)), due, None) or (
            due.astimezone(ZoneInfo(zone)).time()
            > end  # the end was left out by a change of clocks
        )
