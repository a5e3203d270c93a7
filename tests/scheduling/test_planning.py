"""What a schedule owes after any silence, and after clocks that jumped: the policies, on paper."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camel_ext.scheduling.models import CatchUp
from camel_ext.scheduling.planning import COUNTED, Policy, owed
from camel_ext.scheduling.timing import Every, Ticks

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = Ticks(Every(60, START))
NONE, LAST = Policy(CatchUp.NONE), Policy(CatchUp.LAST)
ALL = Policy(CatchUp.ALL, limit=3)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


class TestLate:
    def test_in_time_all_policies_are_alike(self) -> None:
        for policy in (NONE, LAST, ALL):
            plan = owed(MINUTES, policy, at(4), at(5.01))
            assert (plan.fire, plan.let_go, plan.following) == ([at(5)], 0, at(6))

    def test_none_lets_go_what_is_later_than_its_grace(self) -> None:
        hours = Ticks(Every(3600, START))
        plan = owed(hours, NONE, at(1), at(60 * 5 + 2))
        assert (plan.fire, plan.let_go, plan.last_let_go) == ([], 5, at(300))
        assert owed(hours, NONE, at(1), at(60 * 5 + 0.9)).fire == [at(300)]

    def test_last_fires_one_however_late(self) -> None:
        plan = owed(MINUTES, LAST, at(0), at(10.5))
        assert (plan.fire, plan.let_go, plan.last_let_go) == ([at(10)], 9, at(9))

    def test_all_fires_the_last_so_many_in_order(self) -> None:
        plan = owed(MINUTES, ALL, at(0), at(10.5))
        assert (plan.fire, plan.let_go) == ([at(8), at(9), at(10)], 7)

    def test_what_is_let_go_is_counted_up_to_a_bound(self) -> None:
        assert owed(MINUTES, LAST, at(0), at(10**6)).let_go == COUNTED

    def test_one_that_is_over_owes_nothing(self) -> None:
        over = Ticks(Every(60, START), None, at(3))
        plan = owed(over, ALL, at(3), at(9))
        assert (plan.fire, plan.let_go, plan.following) == ([], 0, None)


class TestClocks:
    def test_set_back_it_goes_back_with_the_clock(self) -> None:
        plan = owed(MINUTES, ALL, at(100.5), at(40.5))
        assert (plan.fire, plan.cursor, plan.following) == ([], at(40.5), at(41))

    def test_a_clock_that_is_adjusted_is_not_set_back(self) -> None:
        cursor = at(100) + timedelta(milliseconds=300)
        plan = owed(MINUTES, ALL, cursor, at(100))
        assert (plan.fire, plan.following) == ([], at(101))

    @settings(deadline=None)
    @given(st.lists(st.integers(-7200, 7200), max_size=30), st.sampled_from([NONE, LAST, ALL]))
    def test_whatever_clocks_do_only_ticks_fire_and_none_ahead_of_time(
        self, jumps: list[int], policy: Policy
    ) -> None:
        cursor = now = at(10_000)
        for jump in jumps:
            now += timedelta(seconds=jump)
            plan = owed(MINUTES, policy, cursor, now)
            assert plan.cursor == now
            assert plan.following is not None
            assert now < plan.following <= now + timedelta(seconds=60)
            assert all(cursor < tick <= now for tick in plan.fire)
            assert all((tick - START) % timedelta(seconds=60) == timedelta(0) for tick in plan.fire)
            cursor = plan.cursor

    @settings(deadline=None)
    @given(st.lists(st.integers(1, 7200), max_size=30))
    def test_going_forward_all_catches_up_with_everything(self, steps: list[int]) -> None:
        cursor = now = START
        fired: list[datetime] = []
        for step in steps:
            now += timedelta(seconds=step)
            plan = owed(MINUTES, Policy(CatchUp.ALL, limit=121), cursor, now)
            fired += plan.fire
            cursor = plan.cursor
        whole = (now - START) // timedelta(seconds=60)
        assert fired == [at(n) for n in range(1, whole + 1)]


@pytest.mark.parametrize("policy", [NONE, LAST, ALL])
def test_nothing_passed_nothing_is_owed(policy: Policy) -> None:
    plan = owed(MINUTES, policy, at(5.1), at(5.2))
    assert (plan.fire, plan.let_go, plan.last_let_go, plan.following) == ([], 0, None, at(6))
