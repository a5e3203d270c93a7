"""Time as an argument: the wall clock, the monotonic clock and sleeping.

Everything that asks for the time takes a `Clock`, so that the simulator can run the same code on
virtual time. It is not a scheduler: cron lives in the scheduling room.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Protocol


class Clock(Protocol):
    """What code may know about time."""

    def now(self) -> datetime:
        """Return the wall clock's time, aware, UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never go back; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def wait_at_most(clock: Clock, wake: asyncio.Event, seconds: float) -> bool:
    """Wait until woken, or for so long; return whether the time ran out."""
    if wake.is_set():
        return False
    sleeper, waker = asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(wake.wait())
    waiting: set[asyncio.Future[Any]] = {sleeper, waker}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return sleeper.done()
    finally:
        for each in waiting:
            each.cancel()
        # Not by suppressing CancelledError: a cancellation of the very task that waits, arriving
        # here, would be lost, and the process would wait for it for ever.
        await asyncio.gather(*waiting, return_exceptions=True)
