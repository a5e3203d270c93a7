"""Wakes between the processes of one PostgreSQL: what commits here is looked at there within milliseconds.

A wake says that there is something to look at, never what: the rows are the truth, and everybody polls
besides, so a lost wake only costs time. `NOTIFY` holds a lock of the whole server until its commit is
on disk; in the transaction that writes it would line up all writers. So it goes afterwards, alone, at
most once in `PAUSE_S`, on a connection of its own that waits for no disk.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from camel_ext.core.gate import WriteGate
from camel_ext.core.runtime import Runtime

if TYPE_CHECKING:
    from psycopg import AsyncConnection

log = logging.getLogger(__name__)
CHANNEL = "camel_ext_wakes"
PAUSE_S = 0.01
BACKOFF_MAX_S = 10.0


@asynccontextmanager
async def exchanged(runtime: Runtime, signals: frozenset[str]) -> AsyncIterator[None]:
    """While the block lasts, tell other processes of these signals, and hear theirs.

    On SQLite there is no other process, and nothing to do; nor without a signal.
    """
    if runtime.database.is_sqlite or not signals:
        yield
        return
    wakes = _Wakes(runtime, signals)
    tasks = [
        asyncio.create_task(wakes.keep(wakes.send), name="wakes-out"),
        asyncio.create_task(wakes.keep(wakes.hear), name="wakes-in"),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class _Wakes:
    """One per process: what it has to say, and two connections that come back by themselves."""

    def __init__(self, runtime: Runtime, signals: frozenset[str]) -> None:
        self._runtime = runtime
        self._gate: WriteGate = runtime.gate
        self._signals = signals
        self._me: UUID = runtime.new_id()
        self._pending: set[str] = set()
        self._said = asyncio.Event()
        for signal in signals:
            self._gate.listen(signal, partial(self._say, signal), elsewhere=False)

    def _say(self, signal: str) -> None:
        self._pending.add(signal)
        self._said.set()

    async def keep(self, work: "Callable[[AsyncConnection], Awaitable[None]]") -> None:
        """Do that work on a connection, and on the next one when it breaks; until cancelled."""
        failures = 0
        while True:
            try:
                async with await self._connect() as connection:
                    failures = 0
                    await work(connection)
            except Exception as error:
                if failures == 0:
                    log.warning("wakes between processes are lost, polling goes on: %s", error)
                await self._runtime.clock.sleep(min(BACKOFF_MAX_S, 0.1 * 2.0**failures))
                failures = min(failures + 1, 10)

    async def _connect(self) -> "AsyncConnection":
        from psycopg import AsyncConnection

        url = self._runtime.database.url.set(drivername="postgresql")
        return await AsyncConnection.connect(
            url.render_as_string(hide_password=False),
            autocommit=True,
            application_name="camel-ext wakes",
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )

    async def send(self, connection: "AsyncConnection") -> None:
        """Say what commits here, several at a time."""
        await connection.execute("SET synchronous_commit TO off")
        while True:
            await self._said.wait()
            self._said.clear()
            words = " ".join([str(self._me), *sorted(self._pending)])
            self._pending.clear()
            await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, words))
            await self._runtime.clock.sleep(PAUSE_S)

    async def hear(self, connection: "AsyncConnection") -> None:
        """Wake who listens here to what others say; all of them first: some wake may have been missed."""
        await connection.execute(f"LISTEN {CHANNEL}")
        self._gate.signal_from_elsewhere(self._signals)
        async for notice in connection.notifies():
            sender, *signals = notice.payload.split()
            if sender != str(self._me):
                self._gate.signal_from_elsewhere(self._signals & set(signals))
