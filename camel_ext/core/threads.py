"""The one seam between the event loop and a thread.

No other module calls `run_in_executor` or `asyncio.to_thread` (a test holds it): the simulator hands
in a `Threads` that runs inline on virtual time and so drives the same code. It is not a job queue.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from typing import Protocol, TypeVar

T = TypeVar("T")


class Threads(Protocol):
    """Run blocking work off the loop."""

    async def run(self, lane: str, fn: Callable[..., T], *args: object) -> T:
        """Run `fn(*args)` on a thread of that lane and return what it returns."""
        ...

    def close(self) -> None:
        """Let what runs finish, then end the threads."""
        ...


class ThreadLanes:
    """Real threads: a lane is a small pool of its own, so that a slow one holds up no other.

    The write lane has exactly one thread: SQLite has one writer.
    """

    def __init__(self, sizes: dict[str, int] | None = None) -> None:
        brokers = {"broker": 1, "hints": 1, "events": 1}
        self._sizes = {
            "write": 1,
            "read": 4,
            "work": 8,
            "outbound": 4,
            "disk": 4,
            **brokers,
            **(sizes or {}),
        }
        self._pools: dict[str, Executor] = {}

    async def run(self, lane: str, fn: Callable[..., T], *args: object) -> T:
        loop = asyncio.get_running_loop()
        context = copy_context()
        return await loop.run_in_executor(self._pool(lane), lambda: context.run(fn, *args))

    def close(self) -> None:
        for pool in self._pools.values():
            pool.shutdown(wait=True)

    def _pool(self, lane: str) -> Executor:
        if lane not in self._pools:
            self._pools[lane] = ThreadPoolExecutor(self._sizes[lane], thread_name_prefix=lane)
        return self._pools[lane]
