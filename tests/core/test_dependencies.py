"""One policy object per dependency: time, tries with a budget, breaker, bulkhead, and what it shows."""

import asyncio

import pytest

from camel_ext.core.clock import SystemClock
from camel_ext.core.dependencies import (
    BUDGET_MAX,
    TELL_AGAIN_S,
    Circuit,
    Condition,
    Dependency,
    DependencyDown,
    DependencyRefused,
    Policy,
)
from tests.fakes.clock import FakeClock


class Broken(Exception):
    pass


def dependency(clock: FakeClock, **policy: float) -> Dependency:
    made = Policy(**{"timeout_s": 1.0, "open_s": 5.0, "failures": 3, **policy})  # type: ignore[arg-type]
    return Dependency(clock, "thing", made, lost="it", meanwhile="the rest")


async def works() -> str:
    return "done"


async def breaks() -> str:
    raise Broken


async def fail(thing: Dependency, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Broken):
            await thing.call(breaks, (Broken,))


async def test_it_is_unknown_until_asked_then_up_then_down_since() -> None:
    clock = FakeClock()
    thing = dependency(clock)
    assert thing.seen().condition is Condition.UNKNOWN
    assert await thing.call(works, (Broken,)) == "done"
    up = thing.seen()
    clock.advance(7.0)
    await fail(thing)
    down = thing.seen()
    assert (up.condition, down.condition) == (Condition.UP, Condition.DOWN)
    assert down.since is not None
    assert up.since is not None
    assert (down.since - up.since).total_seconds() == pytest.approx(7.0)
    clock.advance(3.0)
    await fail(thing)
    assert thing.seen().since == down.since  # still the same failure
    assert (thing.seen().calls, thing.seen().failed, thing.seen().error) == (3, 2, "Broken")


async def test_after_failures_in_a_row_it_is_left_alone_then_probed_by_one() -> None:
    clock = FakeClock()
    thing = dependency(clock)
    await fail(thing, 3)
    with pytest.raises(DependencyDown) as refused:
        await thing.call(works, (Broken,))
    assert refused.value.retry_after_s == pytest.approx(5.0)
    clock.advance(5.1)
    thing.check()  # the probe
    with pytest.raises(DependencyDown):
        thing.check()
    thing.worked()
    thing.check()
    assert thing.seen().condition is Condition.UP
    assert thing.seen().refused == 2


async def test_tries_end_with_their_budget() -> None:
    policy = Policy(timeout_s=1.0, tries=3, pause_s=0.0, failures=1000)
    thing = Dependency(SystemClock(), "thing", policy, lost="it", meanwhile="the rest")
    asked = 0

    async def count() -> str:
        nonlocal asked
        asked += 1
        raise Broken

    for _ in range(20):
        with pytest.raises(Broken):
            await thing.call(count, (Broken,))
    assert asked == 20 + BUDGET_MAX


async def test_a_call_ends_in_time_and_waits_for_its_place_within_it() -> None:
    policy = Policy(timeout_s=0.1, at_once=1, failures=100)
    thing = Dependency(SystemClock(), "thing", policy, lost="it", meanwhile="the rest")
    gate, inside = asyncio.Event(), 0

    async def hold() -> None:
        nonlocal inside
        inside += 1
        assert inside == 1
        try:
            await gate.wait()
        finally:
            inside -= 1

    results = await asyncio.gather(
        *(thing.call(hold, (Broken,)) for _ in range(3)), return_exceptions=True
    )
    assert [type(each) for each in results] == [TimeoutError] * 3


def all_fail(error: Exception) -> bool:
    return isinstance(error, Broken)


async def test_a_guard_learns_from_answers_failures_and_leaving() -> None:
    clock = FakeClock()
    thing = dependency(clock, failures=1)
    with pytest.raises(ValueError, match="refused"), thing.guard(all_fail):
        raise ValueError("refused")
    assert thing.condition is Condition.UP  # an answer, if not the wanted one
    with pytest.raises(Broken), thing.guard(all_fail):
        raise Broken
    assert thing.seen().circuit is Circuit.OPEN
    clock.advance(5.1)
    assert thing.seen().circuit is Circuit.HALF_OPEN
    with pytest.raises(asyncio.CancelledError), thing.guard(all_fail):
        raise asyncio.CancelledError  # the probe left: it says nothing, and the next one probes
    with thing.guard(all_fail):
        pass
    assert (thing.seen().circuit, thing.condition) == (Circuit.CLOSED, Condition.UP)


async def test_a_pause_that_doubles_ends_at_its_most() -> None:
    clock = FakeClock()
    thing = dependency(clock, failures=1, open_s=1.0, open_max_s=3.0)
    for pause_s in (1.0, 2.0, 3.0, 3.0):
        thing.failed(Broken())
        clock.advance(pause_s - 0.01)
        assert thing.seen().circuit is Circuit.OPEN
        clock.advance(0.02)
        assert thing.seen().circuit is Circuit.HALF_OPEN


async def test_who_listens_hears_once_that_it_is_there_and_once_that_it_is_back() -> None:
    clock, heard = FakeClock(), list[str]()
    thing = dependency(clock)
    thing.on_return(lambda: heard.append("there" if not heard else "back"))
    thing.worked()
    thing.worked()
    assert heard == ["there"]
    await fail(thing)
    thing.worked()
    thing.worked()
    assert heard == ["there", "back"]


async def test_who_listens_hears_now_and_then_while_it_works() -> None:
    """Another process may have met it while it was away, and this one not."""
    clock, heard = FakeClock(), list[str]()
    thing = dependency(clock)
    thing.on_return(lambda: heard.append("well"))
    for _ in range(30):
        thing.worked()
        clock.advance(TELL_AGAIN_S / 10)
    assert heard == ["well"] * 3


async def test_who_is_refused_hears_so_as_long_as_it_is_left_alone_and_tries_no_more() -> None:
    class Locked(DependencyRefused):
        """It wants another key."""

        advice, meanwhile = "until the key is right", "the rest but one"

    async def refuses() -> str:
        raise Locked("take another key")

    clock = FakeClock()
    thing = dependency(clock, tries=3)
    for _ in range(5):
        with pytest.raises(Locked, match="take another key"):
            await thing.call(refuses, ())
    seen = thing.seen()
    assert (seen.calls, seen.refused, seen.error) == (3, 2, "Locked")
    assert (seen.lost, seen.meanwhile) == ("it, until the key is right", "the rest but one")
    clock.advance(5.0)
    assert await thing.call(works, ()) == "done"
    assert (thing.seen().lost, thing.seen().meanwhile) == ("it", "the rest")
    for _ in range(3):
        thing.failed(Broken())
    with pytest.raises(DependencyDown):
        await thing.call(works, ())
