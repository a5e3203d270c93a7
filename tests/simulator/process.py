"""A simulated process: the real Runtime on virtual time, which can be killed, stalled or cut off."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from camel_ext.core.database import Database, DatabaseUnreachable
from camel_ext.core.runtime import Runtime

T = TypeVar("T")
START = datetime(2026, 1, 1, tzinfo=UTC)
ASKING: ContextVar["Process | None"] = ContextVar("asking", default=None)  # whose work runs now


class Over(DatabaseUnreachable):
    """The trial is over: whoever still waits may go."""


class SimClock:
    """Virtual time; the wall clock of a machine can jump."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self.offset_s = offset_s

    def now(self) -> datetime:
        passed_s = asyncio.get_running_loop().time() + self.offset_s
        return START + timedelta(microseconds=round(passed_s * 1e6))

    def monotonic_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SimThreads:
    """Work takes a seeded while before it is done, and a while until its caller hears of it.

    A process that is killed in between has done it and never knows. The `write` lane serves one
    after the other, as the real one has one thread.
    """

    def __init__(self, process: "Process", rng: Random) -> None:
        self._process = process
        self._rng = rng
        self._write = asyncio.Lock()

    async def run(self, lane: str, fn: Callable[..., T], *args: object) -> T:
        if lane != "write":
            return await self._run(lane, fn, *args)
        async with self._write:
            return await self._run(lane, fn, *args)

    async def _run(self, lane: str, fn: Callable[..., T], *args: object) -> T:
        await self._process.pass_time(self._rng.expovariate(1 / 0.003))
        try:
            result = copy_context().run(self._act, fn, *args)
        finally:
            self._process.note(lane)
        await self._process.pass_time(self._rng.expovariate(1 / 0.002))
        return result

    def _act(self, fn: Callable[..., T], *args: object) -> T:
        ASKING.set(self._process)
        return fn(*args)

    def close(self) -> None:
        """Nothing to end."""


class Process:
    """One runtime and its fate.

    `is_cut`: the database does not hear it. `is_unheard`: what it commits counts, and its answer is lost
    now and then.
    """

    def __init__(
        self, name: str, database: Database, clock: SimClock, rng: Random, note: Callable[..., None]
    ) -> None:
        self.name = name
        self.dead = False
        self.over = False
        self.is_cut = self.is_unheard = False
        self.stalled_until_s = 0.0
        self.clock = clock
        self.note: Callable[..., None] = lambda *what: note(name, *what)
        self._hanging: list[asyncio.Future[None]] = []
        threads: Any = SimThreads(self, Random(rng.getrandbits(64)))
        self.runtime = Runtime(database, clock, Random(rng.getrandbits(64)), threads)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass as this process feels it: more when it is stalled, for ever when dead."""
        if not self.over:
            await asyncio.sleep(seconds)
        loop = asyncio.get_running_loop()
        while not self.over and self.stalled_until_s > loop.time():  # noqa: ASYNC110
            await asyncio.sleep(self.stalled_until_s - loop.time())
        if self.dead and not self.over:
            hang = loop.create_future()
            self._hanging.append(hang)
            await hang
        if self.over:
            raise Over("the trial is over")

    def kill(self) -> None:
        """Like kill -9: from now on nothing it does has an effect."""
        self.dead = True
        self.note("killed")

    def end(self) -> None:
        """Let everything that still hangs end, so that the loop can be closed."""
        self.over = True
        for hang in self._hanging:
            if not hang.done():
                hang.set_exception(Over("the trial is over"))
