"""A token bucket per key: here alone, and for all processes through a Redis that may die."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from random import Random

import pytest
from httpx import AsyncClient

from camel_ext.core.bus import bus_of, bussed
from camel_ext.core.clock import Clock, SystemClock
from camel_ext.core.database import Database
from camel_ext.core.limits import EXTRA, TooManyRequests, limit
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.settings import Settings
from tests.brokers.servers import Valkey, private_valkey
from tests.conftest import House
from tests.core.test_wakes import until
from tests.fakes.clock import FakeClock

SIGNALS = frozenset[str]()


def runtime_on(url: str, clock: Clock, per_s: float, burst: int) -> Runtime:
    runtime = Runtime(Database(url), clock, Random(1), ThreadLanes())
    limit(runtime, per_s, burst)
    return runtime


async def taken(runtime: Runtime, who: str, times: int) -> int:
    """Return how many of so many requests are let through."""
    let, waits_s = 0, list[float]()
    for _ in range(times):
        try:
            await runtime.extras[EXTRA].take(who)
            let += 1
        except TooManyRequests as error:
            waits_s.append(error.retry_after_s or 0.0)
    assert all(wait_s > 0 for wait_s in waits_s)
    return let


async def test_a_burst_then_so_many_a_second_each_key_apart(sqlite_url: str) -> None:
    clock = FakeClock()
    runtime = runtime_on(sqlite_url, clock, 2.0, 5)
    assert await taken(runtime, "a", 20) == 5
    assert await taken(runtime, "b", 3) == 3
    clock.advance(1.0)
    assert await taken(runtime, "a", 20) == 2
    clock.advance(3600.0)
    assert await taken(runtime, "a", 20) == 5
    await runtime.close()


@pytest.fixture
async def valkey() -> AsyncIterator[Valkey]:
    with private_valkey() as server:
        yield server


@pytest.mark.slow
async def test_two_processes_share_one_bucket_and_count_alone_without_redis(
    sqlite_url: str, valkey: Valkey
) -> None:
    runtimes = [runtime_on(sqlite_url, SystemClock(), 0.001, 10) for _ in range(2)]
    buses = []
    async with AsyncExitStack() as stack:
        for runtime in runtimes:
            await stack.enter_async_context(bussed(runtime, valkey.url, "test", SIGNALS))
            bus = bus_of(runtime)
            assert bus is not None
            buses.append(bus)
        await until(lambda: all(bus.alive for bus in buses))
        assert sum(await asyncio.gather(*(taken(each, "k", 10) for each in runtimes))) == 10
        valkey.kill()
        assert [await taken(each, "k", 20) for each in runtimes] == [10, 10]
        await until(lambda: not any(bus.alive for bus in buses))
        valkey.start()
        await until(lambda: all(bus.alive for bus in buses))
        assert sum(await asyncio.gather(*(taken(each, "k", 10) for each in runtimes))) == 10
    for runtime in runtimes:
        await runtime.close()


class TestOverHttp:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        told = {"requests_per_s": 0.5, "request_burst": 3}
        server = settings.server.model_copy(update=told)
        return settings.model_copy(update={"server": server})

    async def test_more_get_429_and_retry_after(self, client: AsyncClient, house: House) -> None:
        answers = [await client.get("/api/v1/me") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[-1].json()["code"] == "core.too_many_requests"
        assert int(answers[-1].headers["retry-after"]) >= 1
        refused = await client.post("/v1/chat/completions", json={"model": "x", "messages": []})
        assert refused.status_code == 429
        other = await house.as_role("viewer")
        assert (await other.get("/api/v1/me")).status_code == 200
        assert (await client.get("/health/live")).status_code == 200
