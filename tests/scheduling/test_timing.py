"""When: cron on the clocks of zones, daylight saving in both directions, leap days, intervals, jitter."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camel_ext.scheduling.errors import TimingInvalid
from camel_ext.scheduling.timing import Cron, Every, Once, Ticks, Timing, jitter, zone_of

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe",
    "Asia/Kathmandu", "Africa/Cairo", "Pacific/Apia", "America/Asuncion",
]  # fmt: skip
YEARS = st.integers(0, 12 * 366 * 86_400).map(
    lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=s, microseconds=s % 3)
)
EXPRESSIONS = st.builds(
    lambda *fields: " ".join(fields),
    st.sampled_from(["0", "30", "*", "*/7", "5,35", "59"]),
    st.sampled_from(["*", "2", "0", "1-3", "*/5", "23"]),
    st.sampled_from(["*", "*", "1", "L", "29", "31"]),
    st.sampled_from(["*", "*", "3", "10", "2,3"]),
    st.sampled_from(["*", "*", "SUN", "1-5", "FRI#2", "0L"]),
)


def local(timing: Timing, zone: str, start: str, count: int) -> list[str]:
    """The next ticks on the zone's clocks, from a local time on."""
    moment = datetime.fromisoformat(start).replace(tzinfo=zone_of(zone)).astimezone(UTC)
    found = islice(Ticks(timing).following(moment), count)
    return [tick.astimezone(zone_of(zone)).isoformat() for tick in found]


class TestDaylightSaving:
    def test_a_time_that_does_not_exist_ticks_at_the_next_that_does(self) -> None:
        cron = Cron("30 2 * * *", "Europe/Berlin")  # on 29 March 2026 clocks go from 2 to 3
        assert local(cron, "Europe/Berlin", "2026-03-28T00:00", 3) == [
            "2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00",
        ]  # fmt: skip

    def test_a_time_that_exists_twice_ticks_the_first_time(self) -> None:
        cron = Cron("30 2 * * *", "Europe/Berlin")  # on 25 October 2026 from 3 back to 2
        assert local(cron, "Europe/Berlin", "2026-10-24T12:00", 2) == [
            "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00",
        ]  # fmt: skip

    def test_asked_in_the_second_of_two_equal_hours_it_does_not_look_back(self) -> None:
        cron = Cron("30 1 * * *", "America/New_York")
        second = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)  # 01:10 for the second time
        assert cron.after(second) == datetime(2026, 11, 2, 6, 30, tzinfo=UTC)

    def test_what_runs_all_the_time_follows_time_itself(self) -> None:
        cron = Cron("*/30 * * * *", "Europe/Berlin")
        assert local(cron, "Europe/Berlin", "2026-10-25T01:59", 5) == [
            "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:00:00+01:00",
        ]  # fmt: skip
        assert local(cron, "Europe/Berlin", "2026-03-29T01:29", 2) == [
            "2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00",
        ]  # fmt: skip

    def test_two_times_in_one_gap_are_one_tick(self) -> None:
        cron = Cron("0,30 2 * * *", "Europe/Berlin")
        assert local(cron, "Europe/Berlin", "2026-03-28T12:00", 2) == [
            "2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00",
        ]  # fmt: skip

    def test_a_shift_of_half_an_hour(self) -> None:
        cron = Cron("15 2 * * *", "Australia/Lord_Howe")  # 4 October 2026: from 2:00 to 2:30
        assert local(cron, "Australia/Lord_Howe", "2026-10-03T12:00", 1) == [
            "2026-10-04T02:30:00+11:00"
        ]


class TestCalendar:
    def test_leap_days(self) -> None:
        found = islice(Ticks(Cron("0 0 29 2 *")).following(datetime(2026, 1, 1, tzinfo=UTC)), 2)
        assert [tick.year for tick in found] == [2028, 2032]

    def test_a_date_that_never_comes(self) -> None:
        with pytest.raises(TimingInvalid):
            Cron("0 0 31 2 *").after(datetime(2026, 1, 1, tzinfo=UTC))

    @pytest.mark.parametrize(
        "expression",
        ["", "* * * *", "60 * * * *", "a b c d e", "@daily", "* * * * * *", "1-0 * * * *"],
    )
    def test_what_is_no_expression(self, expression: str) -> None:
        with pytest.raises(TimingInvalid, match="no cron expression"):
            Cron(expression).after(datetime(2026, 1, 1, tzinfo=UTC))

    @settings(deadline=None)
    @given(st.text(alphabet="0123456789*/,-#L? AUGSUN", max_size=30))
    def test_any_text_is_an_expression_or_said_to_be_none(self, text: str) -> None:
        try:
            Cron(text).after(datetime(2026, 1, 1, tzinfo=UTC))
        except TimingInvalid:
            return

    @pytest.mark.parametrize("zone", ["Mars/Base", "Europe", "../etc/passwd", "", "europe//berlin"])
    def test_what_is_no_zone(self, zone: str) -> None:
        with pytest.raises(TimingInvalid, match="time zone"):
            zone_of(zone)

    def test_words(self) -> None:
        assert Cron("30 2 * * *", "Europe/Berlin").words() == "At 02:30 every day, Europe/Berlin"
        assert Every(7200, datetime(2026, 1, 1, tzinfo=UTC)).words() == "Every 2 hours"
        assert Every(90, datetime(2026, 1, 1, tzinfo=UTC)).words() == "Every 90 seconds"
        assert (
            Once(datetime(2027, 1, 1, 9, tzinfo=UTC)).words() == "Once, at 2027-01-01 09:00:00 UTC"
        )


class TestOrder:
    @settings(max_examples=200, deadline=None)
    @given(EXPRESSIONS, st.sampled_from(ZONES), YEARS)
    def test_ticks_only_go_forward_and_are_minutes(
        self, expression: str, zone: str, moment: datetime
    ) -> None:
        ticks = _some(Cron(expression, zone), moment, 20)
        assert all(tick > moment for tick in ticks)
        assert ticks == sorted(set(ticks))
        assert all(tick.second == tick.microsecond == 0 for tick in ticks)

    @settings(max_examples=200, deadline=None)
    @given(EXPRESSIONS, st.sampled_from(ZONES), YEARS, st.floats(0, 1))
    def test_whoever_asks_when_gets_the_same_ticks(
        self, expression: str, zone: str, moment: datetime, share: float
    ) -> None:
        cron = Cron(expression, zone)
        ticks = _some(cron, moment, 12)
        if len(ticks) < 2:
            return
        between = moment + (ticks[-1] - moment) * share
        assert cron.after(between) == next((t for t in ticks if t > between), cron.after(ticks[-1]))

    @settings(max_examples=150, deadline=None)
    @given(EXPRESSIONS, st.sampled_from(ZONES), YEARS, st.integers(0, 40), st.integers(1, 12))
    def test_the_latest_are_the_end_of_all(
        self, expression: str, zone: str, since: datetime, index: int, count: int
    ) -> None:
        ticks = Ticks(Cron(expression, zone))
        every = list(islice(ticks.following(since), index))
        until = every[-1] if every else since
        assert ticks.latest(since, until, count) == every[-count:]

    def test_a_year_of_minutes_is_not_walked(self) -> None:
        until = datetime(2027, 1, 1, tzinfo=UTC)
        found = Ticks(Cron("* * * * *")).latest(until - timedelta(days=3650), until, 3)
        assert [tick.minute for tick in found] == [58, 59, 0]


class TestIntervals:
    @settings(deadline=None)
    @given(YEARS, st.integers(1, 10**7), YEARS)
    def test_are_in_step_with_their_anchor_before_and_after_it(
        self, anchor: datetime, every_s: int, moment: datetime
    ) -> None:
        tick = Every(every_s, anchor).after(moment)
        assert tick is not None
        assert tick > moment
        assert (tick - anchor) % timedelta(seconds=every_s) == timedelta(0)
        assert tick - timedelta(seconds=every_s) <= moment

    def test_know_no_daylight_saving(self) -> None:
        anchor = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)
        day = Every(86_400, anchor)
        assert local(day, "Europe/Berlin", "2026-03-28T02:00", 3) == [
            "2026-03-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-30T03:30:00+02:00",
        ]  # fmt: skip

    def test_lie_between_their_ends(self) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        ticks = Ticks(Every(60, start), start, start + timedelta(minutes=2))
        assert list(ticks.following(start - timedelta(days=9))) == [
            start + timedelta(minutes=n) for n in range(3)
        ]
        once = Ticks(Once(start))
        assert once.after(start - timedelta(seconds=1)) == start
        assert once.after(start) is None


class TestJitter:
    @settings(deadline=None)
    @given(YEARS, st.integers(0, 86_400), st.uuids())
    def test_is_within_its_bound_and_the_same_for_everybody(
        self, tick: datetime, jitter_s: int, schedule_id: UUID
    ) -> None:
        drawn = jitter(schedule_id, tick, jitter_s)
        assert timedelta(0) <= drawn <= timedelta(seconds=jitter_s)
        assert drawn == jitter(schedule_id, tick, jitter_s)

    def test_is_spread_over_its_bound(self) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        drawn = [
            jitter(UUID(int=n), start, 100).total_seconds() for n in range(1000)
        ]  # a hash of the id: about uniform
        assert 45 < sum(drawn) / len(drawn) < 55
        assert min(drawn) < 2
        assert max(drawn) > 98


def _some(cron: Cron, moment: datetime, count: int) -> list[datetime]:
    try:
        return list(islice(Ticks(cron).following(moment), count))
    except TimingInvalid:  # such as 31 February
        return []
