"""The bus on a real Valkey: heard by the others, never waited for, back after it died."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from random import Random

import pytest
from sqlalchemy import Connection

from camel_ext.core.bus import WAITING_MAX, Bus, bus_of, bussed
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.dependencies import Condition, Policy
from camel_ext.core.gate import Signals
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from tests.brokers.servers import Valkey, private_valkey
from tests.core.test_wakes import SIGNAL, Ear, commit, until
from tests.faults.proxy import FaultProxy, proxied
from tests.faults.trials import TRIALS, report

pytestmark = pytest.mark.slow
QUICK = Policy(timeout_s=0.3, failures=3, open_s=0.2)


@pytest.fixture
async def valkey() -> AsyncIterator[Valkey]:
    with private_valkey() as server:
        yield server


@pytest.fixture
async def proxy(valkey: Valkey) -> AsyncIterator[FaultProxy]:
    async with proxied(("127.0.0.1", valkey.port)) as proxy:
        yield proxy


@pytest.fixture
async def two(sqlite_url: str, proxy: FaultProxy) -> AsyncIterator[list[tuple[Runtime, Bus]]]:
    """Two processes on one bus, through a proxy."""
    runtimes = [
        Runtime(Database(sqlite_url), SystemClock(), Random(n), ThreadLanes()) for n in (1, 2)
    ]
    url = f"redis://127.0.0.1:{proxy.port}/0"
    async with AsyncExitStack() as stack:
        made = []
        for runtime in runtimes:
            await stack.enter_async_context(
                bussed(runtime, url, "test", frozenset({SIGNAL}), QUICK)
            )
            bus = bus_of(runtime)
            assert bus is not None
            made.append((runtime, bus))
        await until(lambda: all(bus.alive for _, bus in made))
        yield made
    for runtime in runtimes:
        await runtime.close()


async def test_it_is_heard_by_the_others_and_not_by_oneself(two: list[tuple[Runtime, Bus]]) -> None:
    (_, first), (_, second) = two
    heard: list[tuple[str, bytes]] = []
    first.hear("news", lambda content: heard.append(("first", content)))
    second.hear("news", lambda content: heard.append(("second", content)))
    for number in range(500):
        first.say("news", str(number).encode())
    await until(lambda: len(heard) == 500)
    await asyncio.sleep(0.05)
    assert heard == [("second", str(number).encode()) for number in range(500)]


async def test_a_commit_here_wakes_there(two: list[tuple[Runtime, Bus]]) -> None:
    (first, _), (second, _) = two
    ears = Ear(first), Ear(second)
    await commit(first)
    await until(lambda: ears[1].elsewhere == 1)
    assert (ears[0].here, ears[0].elsewhere) == (1, 0)


async def test_it_comes_back_with_a_new_server_and_says_so(
    two: list[tuple[Runtime, Bus]], valkey: Valkey
) -> None:
    returns = []
    (_, first), (_, second) = two
    second.on_return(lambda: returns.append(1))
    valkey.kill()
    await until(lambda: not second.alive)
    first.say("news", b"lost")
    await until(lambda: first.dependency.condition is Condition.DOWN)
    valkey.start()
    await until(lambda: len(returns) > 0 and first.alive)
    heard: list[bytes] = []
    second.hear("news", heard.append)

    async def said() -> None:
        while not heard:
            first.say("news", b"again")
            await asyncio.sleep(0.05)

    await asyncio.wait_for(said(), 10)
    assert first.dependency.condition is Condition.UP


@pytest.mark.parametrize("kind", ["cut", "stalled", "half_open", "black_hole"])
async def test_no_fault_of_the_network_holds_anybody_up(
    two: list[tuple[Runtime, Bus]], proxy: FaultProxy, kind: str
) -> None:
    """Twenty times: what is said costs no time, commits go on, and afterwards it is heard again."""
    (first, talking), (second, listening) = two
    for _ in range(TRIALS):
        if kind == "cut":
            proxy.cut()
        else:
            setattr(proxy, kind, True)
        began_s = asyncio.get_running_loop().time()
        for _ in range(1000):
            talking.say("news", b"x")
        await commit(first)
        assert asyncio.get_running_loop().time() - began_s < 5.0
        if kind != "cut":
            await until(lambda: not listening.alive, 15.0)
            proxy.heal()
            proxy.reset()
        ear = Ear(second)

        async def heard(ear: Ear = ear) -> None:
            while not ear.elsewhere:
                await commit(first)
                await asyncio.sleep(0.05)

        await asyncio.wait_for(heard(), 20)
    report(trials=TRIALS)


async def test_what_waits_is_bounded(two: list[tuple[Runtime, Bus]], valkey: Valkey) -> None:
    (_, first), _ = two
    valkey.kill()
    for _ in range(WAITING_MAX * 2):
        first.say("news", b"x")
    assert len(first._waiting) <= WAITING_MAX


async def test_nothing_is_opened_without_a_url(sqlite_url: str) -> None:
    runtime = Runtime(Database(sqlite_url), SystemClock(), Random(1), ThreadLanes())
    async with bussed(runtime, None, "test", frozenset({SIGNAL})):
        assert bus_of(runtime) is None
        assert list(runtime.dependencies) == ["database", "disk"]

        def nothing(_connection: Connection, signals: Signals) -> None:
            signals.add(SIGNAL)

        await runtime.gate.write(nothing)
    await runtime.close()
