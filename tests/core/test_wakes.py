"""Wakes between processes: heard at once, never an echo, back after a broken connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from random import Random

import pytest
from sqlalchemy import Connection

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.gate import Signals
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.core.wakes import CHANNEL, exchanged
from tests.postgres import temporary_copy

SIGNAL = "news"
Processes = tuple[Runtime, Runtime]


class Ear:
    """Counts what one process hears of the signal: its own commits, and those of others."""

    def __init__(self, runtime: Runtime) -> None:
        self.here = self.elsewhere = 0
        runtime.gate.listen(SIGNAL, self._here, elsewhere=False)
        runtime.gate.listen(SIGNAL, self._elsewhere, here=False)

    def _here(self) -> None:
        self.here += 1

    def _elsewhere(self) -> None:
        self.elsewhere += 1


async def commit(runtime: Runtime) -> None:
    """Commit something that raises the signal."""

    def raise_it(_connection: Connection, signals: Signals) -> None:
        signals.add(SIGNAL)

    await runtime.gate.write(raise_it)


async def until(true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110 - what is looked at is no event
            await asyncio.sleep(0.005)


@pytest.fixture
async def two(postgres_server: str, postgres_template: str) -> AsyncIterator[Processes]:
    """Two processes' runtimes on one database, hearing each other."""
    with temporary_copy(postgres_server, postgres_template) as url:
        runtimes = [
            Runtime(Database(url), SystemClock(), Random(seed), ThreadLanes()) for seed in (1, 2)
        ]
        ears = [Ear(runtime) for runtime in runtimes]
        async with AsyncExitStack() as stack:
            for runtime in runtimes:
                await stack.enter_async_context(exchanged(runtime, frozenset({SIGNAL})))
            # each wakes its own listeners once it hears: from then on nothing is missed
            await until(lambda: all(ear.elsewhere == 1 for ear in ears))
            yield runtimes[0], runtimes[1]
        for runtime in runtimes:
            await runtime.close()


def wakes_of(connection: Connection) -> list[int]:
    """Return the server's processes behind the wakes of this database."""
    query = (
        "SELECT pid FROM pg_stat_activity "
        "WHERE application_name = 'camel-ext wakes' AND datname = current_database()"
    )
    return [row.pid for row in connection.exec_driver_sql(query)]


@pytest.mark.slow
async def test_a_commit_is_heard_by_the_others_once_and_never_echoed(two: Processes) -> None:
    first, second = two
    ears = Ear(first), Ear(second)
    await commit(first)
    await until(lambda: ears[1].elsewhere == 1)
    await commit(second)
    await until(lambda: ears[0].elsewhere == 1)
    await asyncio.sleep(0.1)  # an echo would have come by now
    assert [(ear.here, ear.elsewhere) for ear in ears] == [(1, 1), (1, 1)]


@pytest.mark.slow
async def test_many_commits_share_a_wake(two: Processes) -> None:
    first, second = two
    ear = Ear(second)
    await asyncio.gather(*(commit(first) for _ in range(200)))
    await commit(first)
    await until(lambda: ear.elsewhere > 0)
    await asyncio.sleep(0.1)
    assert 1 <= ear.elsewhere < 200


@pytest.mark.slow
async def test_a_broken_connection_comes_back_and_wakes_all(two: Processes) -> None:
    first, second = two
    ears = Ear(first), Ear(second)

    def cut(connection: Connection, _signals: Signals) -> int:
        pids = wakes_of(connection)
        for pid in pids:
            connection.exec_driver_sql("SELECT pg_terminate_backend(%s)", (pid,))
        return len(pids)

    assert await first.gate.write(cut) == 4
    await until(lambda: all(ear.elsewhere > 0 for ear in ears))  # something may have been missed
    before = ears[1].elsewhere

    async def heard() -> None:
        while ears[1].elsewhere == before:  # the sender may still be on its way back
            await commit(first)
            await asyncio.sleep(0.05)

    await asyncio.wait_for(heard(), 10)


@pytest.mark.slow
async def test_words_of_a_stranger_wake_nobody(two: Processes) -> None:
    first, second = two
    ear = Ear(second)

    def shout(connection: Connection, _signals: Signals) -> None:
        for words in ("x", "a b c", f"x {SIGNAL}s", "\u2028 \U0001f42b"):
            connection.exec_driver_sql("SELECT pg_notify(%s, %s)", (CHANNEL, words))

    await first.gate.write(shout)
    await commit(first)
    await until(lambda: ear.elsewhere == 1)
    await asyncio.sleep(0.05)
    assert ear.elsewhere == 1


async def test_on_sqlite_nothing_is_opened(sqlite_url: str) -> None:
    runtime = Runtime(Database(sqlite_url), SystemClock(), Random(1), ThreadLanes())
    ear = Ear(runtime)
    async with exchanged(runtime, frozenset({SIGNAL})):
        await commit(runtime)
        assert (ear.here, ear.elsewhere) == (1, 0)
    await runtime.close()
