"""Whose turn it is in the local model's server: like with like, nobody for ever, nothing lost."""

import asyncio
from random import Random

import pytest

from camel_ext.serving.engines.admission import Admission
from camel_ext.serving.errors import EngineTimeout
from tests.fakes.clock import FakeClock

LONG_S = 60.0


class Hall:
    """Calls that go in by their turn and stay until they are told to leave."""

    def __init__(self, inside_max: int, turn_s: float = 2.0) -> None:
        self.clock = FakeClock()
        self.admission = Admission(inside_max, self.clock, turn_s)
        self.inside: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.order: list[str] = []

    async def come(self, *names: str, timeout_s: float = LONG_S) -> None:
        """Let calls ask to go in; the first letter is their adapter."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._call(name, timeout_s))
            await settled()

    async def leave(self, *names: str) -> None:
        for name in names:
            self.inside[name].set()
            await self.tasks[name]
            await settled()

    async def _call(self, name: str, timeout_s: float) -> None:
        async with self.admission.admitted(name[0], timeout_s):
            self.order.append(name)
            self.inside[name] = asyncio.Event()
            try:
                await self.inside[name].wait()
            finally:
                del self.inside[name]


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_those_of_one_adapter_go_in_together() -> None:
    hall = Hall(8)
    await hall.come("a1", "b1", "a2", "b2", "a3")
    assert sorted(hall.inside) == ["a1", "a2", "a3"]
    await hall.leave("a1", "a2", "a3")
    assert sorted(hall.inside) == ["b1", "b2"]


async def test_no_more_go_in_than_there_are_places() -> None:
    hall = Hall(2)
    await hall.come("a1", "a2", "a3")
    assert sorted(hall.inside) == ["a1", "a2"]
    await hall.leave("a2")
    assert sorted(hall.inside) == ["a1", "a3"]


async def test_a_turn_ends_where_others_wait() -> None:
    hall = Hall(2, turn_s=2.0)
    await hall.come("a1", "a2", "b1", "a3")
    hall.clock.advance(1.9)
    await hall.leave("a1")
    assert sorted(hall.inside) == ["a2", "a3"]
    await hall.come("a4")
    hall.clock.advance(0.2)
    await hall.leave("a2")  # the turn is over: a3 ends it
    assert sorted(hall.inside) == ["a3"]
    await hall.leave("a3")
    assert sorted(hall.inside) == ["b1"]
    await hall.leave("b1")
    assert sorted(hall.inside) == ["a4"]


async def test_a_turn_goes_on_where_nobody_else_waits() -> None:
    hall = Hall(1)
    await hall.come("a1", "a2")
    hall.clock.advance(100.0)
    await hall.leave("a1")
    assert sorted(hall.inside) == ["a2"]


async def test_whoever_has_waited_longest_is_next() -> None:
    hall = Hall(1)
    await hall.come("a1", "c1", "b1", "c2")
    await hall.leave("a1", "c1", "c2", "b1")
    assert hall.order == ["a1", "c1", "c2", "b1"]


@pytest.mark.parametrize("how", ["cancelled", "late"])
async def test_who_gives_up_waiting_takes_no_place(how: str) -> None:
    hall = Hall(1)
    await hall.come("a1")
    await hall.come("b1", timeout_s=0.02 if how == "late" else LONG_S)
    await hall.come("c1")
    if how == "cancelled":
        hall.tasks["b1"].cancel()
    expected = asyncio.CancelledError if how == "cancelled" else EngineTimeout
    with pytest.raises(expected):
        await hall.tasks["b1"]
    await hall.leave("a1")
    assert sorted(hall.inside) == ["c1"]
    await hall.leave("c1")
    await hall.come("d1")
    assert sorted(hall.inside) == ["d1"]


async def test_who_is_cancelled_as_it_is_let_in_gives_the_place_back() -> None:
    hall = Hall(1)
    await hall.come("a1", "b1", "c1")
    hall.inside["a1"].set()
    await hall.tasks["a1"]  # b1 is let in, and has not run since
    hall.tasks["b1"].cancel()
    with pytest.raises(asyncio.CancelledError):
        await hall.tasks["b1"]
    await settled()
    assert sorted(hall.inside) == ["c1"]


@pytest.mark.parametrize("seed", range(30))
async def test_everybody_gets_in_once_and_like_with_like(seed: int) -> None:
    rng, clock = Random(seed), FakeClock()
    admission, places = Admission(3, clock, 1.0), 3
    inside: list[str] = []
    done: list[str] = []

    async def call(name: str) -> None:
        for _ in range(rng.randrange(20)):
            await asyncio.sleep(0)
        async with admission.admitted(name[0], LONG_S):
            inside.append(name)
            assert len(inside) <= places
            assert len({each[0] for each in inside}) == 1, inside
            clock.advance(rng.uniform(0, 0.8))
            try:
                for _ in range(rng.randrange(5)):
                    await asyncio.sleep(0)
            finally:
                inside.remove(name)
            done.append(name)

    names = [f"{rng.choice('abcd')}{n}" for n in range(60)]
    calls = [asyncio.create_task(call(name)) for name in names]
    given_up = set(rng.sample(calls, 10))
    for each in given_up:
        asyncio.get_running_loop().call_later(0, each.cancel)
    async with asyncio.timeout(20):
        await asyncio.wait(calls)
    assert [each.exception() for each in calls if not each.cancelled() and each.exception()] == []
    kept = {name for name, each in zip(names, calls, strict=True) if each not in given_up}
    assert kept <= set(done), f"seed {seed}"
    assert len(done) == len(set(done))
    assert not admission._waiting
    assert admission._inside == 0
