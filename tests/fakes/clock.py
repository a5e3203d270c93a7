"""A clock that stands still until a test moves it."""

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """Wall and monotonic time by hand; who sleeps is woken by `advance`."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._monotonic_s = 1000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic_s(self) -> float:
        return self._monotonic_s

    async def sleep(self, seconds: float) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._monotonic_s + seconds, done))
        await done

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._monotonic_s += seconds
        due = [(at, done) for at, done in self._sleepers if at <= self._monotonic_s]
        self._sleepers = [(at, done) for at, done in self._sleepers if at > self._monotonic_s]
        for _, done in sorted(due, key=lambda sleeper: sleeper[0]):
            if not done.done():
                done.set_result(None)

    def jump(self, seconds: float) -> None:
        """Set the wall clock, as an operator or NTP does: no time passes."""
        self._now += timedelta(seconds=seconds)
