"""PostgreSQL stopped as by a crash, Redis killed: twenty times each, in the middle of writes.

Two processes write numbered events, each acknowledged one kept by its writer; a client of one of them
follows the feed. Afterwards nothing acknowledged is missing, nothing is twice, the feed has no gap. (kill -9
and an immediate stop leave the page cache alone: power loss is not tried here.)
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import pytest

from camel_ext.core.bus import bussed
from camel_ext.core.database import Database
from camel_ext.core.dependencies import Policy
from camel_ext.core.migrate import migrate
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.wakes import exchanged
from camel_ext.events.topics import parse_topics
from tests.brokers.servers import private_valkey
from tests.fakes.sink import FakeSink
from tests.faults.bugs import acknowledge_early
from tests.faults.test_postgres_faults import ANSWER_S, SIGNALS, Process, level
from tests.faults.trials import FIRST, SEEDS, TRIALS, report
from tests.postgres import create_database, own_postgres, temporary_copy, url_of

pytestmark = pytest.mark.slow
QUICK = Policy(timeout_s=0.3, failures=3, open_s=0.2)
WRITES = 60


class Pair:
    """Two processes that write, and a client that follows."""

    def __init__(self, url: str, answer_s: float | None = ANSWER_S) -> None:
        self.processes = [Process(url, 2 * FIRST + n, answer_s) for n in (1, 2)]
        self.sink = FakeSink()
        self.tenant: Tenant

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        first, _ = self.processes
        tasks = [asyncio.create_task(each.dispatcher.run()) for each in self.processes]
        self.tenant = await first.found()
        async with first.hub.subscribed(
            self.tenant, parse_topics("*"), None, self.sink
        ) as subscriber:
            subscriber.start()
            yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def close(self) -> None:
        for each in self.processes:
            await each.runtime.close()

    async def trial(self, seed: int, strike: Callable[[], None], mend: Callable[[], None]) -> None:
        """Write from both while something dies and comes back."""
        rng, first = Random(seed), seed * 1000
        writing = asyncio.gather(
            *(
                each.write(self.tenant, range(first + n * 500, first + n * 500 + WRITES))
                for n, each in enumerate(self.processes)
            )
        )
        await asyncio.sleep(rng.uniform(0.0, 0.15))
        await asyncio.to_thread(strike)
        await asyncio.sleep(rng.uniform(0.0, 0.2))
        await asyncio.to_thread(mend)
        async with asyncio.timeout(30):
            await writing
        if rng.random() < 0.5:
            await level(self.processes[0], self.tenant, self.sink)

    async def wrong(self) -> list[str]:
        """Return what is missing, twice or out of order."""
        seqs, numbers = await level(self.processes[0], self.tenant, self.sink)
        acknowledged = {n for each in self.processes for n in each.acknowledged}
        faults = {
            f"the feed has a gap: {seqs}": seqs != list(range(1, len(seqs) + 1)),
            "something is there twice": len(set(numbers)) != len(numbers),
            f"lost: {acknowledged - set(numbers)}": bool(acknowledged - set(numbers)),
        }
        return [what for what, is_so in faults.items() if is_so]

    @property
    def acknowledged(self) -> int:
        return sum(len(each.acknowledged) for each in self.processes)


@asynccontextmanager
async def on_own_postgres() -> AsyncIterator[tuple[Pair, Callable[[], None], Callable[[], None]]]:
    """A pair on a server that may crash."""
    with own_postgres() as server:
        create_database(server.url, "crashed")
        database = Database(url_of(server.url, "crashed"))
        await asyncio.to_thread(migrate, database)
        database.close()
        pair = Pair(url_of(server.url, "crashed"))
        async with AsyncExitStack() as stack:
            for each in pair.processes:
                await stack.enter_async_context(exchanged(each.runtime, SIGNALS))
            await stack.enter_async_context(pair.following())
            yield pair, server.stop, server.start
        await pair.close()


async def test_a_database_that_crashes_loses_nothing_acknowledged() -> None:
    async with on_own_postgres() as (pair, stop, start):
        for seed in SEEDS:
            await pair.trial(seed, stop, start)
        assert await pair.wrong() == []
        report(trials=TRIALS, kills=TRIALS, acknowledged=pair.acknowledged)


async def test_an_early_acknowledgement_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_own_postgres() as (pair, stop, start):
        monkeypatch.setattr(Runtime, "write", acknowledge_early)
        for seed in range(6):
            await pair.trial(seed, stop, start)
            if any("lost" in line for line in await pair.wrong()):
                return
    pytest.fail("it went unseen")


async def test_redis_killed_costs_no_event(postgres_server: str, postgres_template: str) -> None:
    """Its wakes are lost, the database goes on: without NOTIFY, processes find by looking."""
    with temporary_copy(postgres_server, postgres_template) as url, private_valkey() as valkey:
        pair = Pair(url, answer_s=None)  # PostgreSQL is not what is disturbed
        async with AsyncExitStack() as stack:
            for each in pair.processes:
                on_bus = bussed(each.runtime, valkey.url, "test", SIGNALS, QUICK)
                await stack.enter_async_context(on_bus)
            await stack.enter_async_context(pair.following())
            for seed in SEEDS:
                await pair.trial(seed, valkey.kill, valkey.start)
            assert await pair.wrong() == []
        await pair.close()
    assert pair.acknowledged == 2 * WRITES * TRIALS  # it never felt anything
    report(trials=TRIALS, kills=TRIALS, acknowledged=pair.acknowledged)
