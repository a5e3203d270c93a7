"""An asyncio event loop on virtual time, in one thread, whose every choice comes from a seed.

Nothing waits: when nobody is ready, time moves to the next timer. What is ready at the same instant
runs in an order that the seed shuffles. It knows neither workers nor databases (`world`).
"""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(AssertionError):
    """Everybody waits for somebody, and no timer is set."""


class _NoSockets:
    """Stands where a selector would: waiting is a step of virtual time."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout_s: float | None) -> list[Any]:
        self._loop.pass_time(timeout_s)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """Run it with `run_until_complete`; `time()` begins at 0."""

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._rng = rng
        self._virtual_s = 0.0
        self._selector = _NoSockets(self)
        self.slow_callback_duration = 1e9

    def time(self) -> float:
        return self._virtual_s

    def pass_time(self, timeout_s: float | None) -> None:
        """Move to the next timer, then shuffle whoever is ready."""
        if timeout_s is None:
            raise Deadlock("nobody is ready and no timer is set")
        self._virtual_s += timeout_s
        ready: Any = self._ready  # type: ignore[attr-defined]
        if len(ready) > 1:
            order = list(ready)
            self._rng.shuffle(order)
            ready.clear()
            ready.extend(order)

    def _process_events(self, _events: list[Any]) -> None:
        """No sockets, no events."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""


def simulate(rng: Random, main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on virtual time to its end."""
    loop = VirtualLoop(rng)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
