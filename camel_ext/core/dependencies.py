"""What a process depends on outside itself, one object each: its policy, and how it is.

A policy says how long a call may take, how often it is tried, how many go at once, and after how many
failures in a row it is left alone for a while. Retries have a budget: a tenth of the calls, so that a
sick dependency is not finished off by those who ask again. It knows no protocol: who calls says what
failed. Engines of models keep breakers of their own, which the serving room reports in the same shape.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from camel_ext.core.clock import Clock
from camel_ext.core.errors import Unavailable

T = TypeVar("T")
REDIS = "Redis"
BUDGET_MAX = 10.0
BUDGET_SHARE = 0.1


class Condition(StrEnum):
    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    OFF = "off"


class DependencyDown(Unavailable):
    """Something outside this process failed several times in a row and is left alone for a moment."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How one dependency is asked.

    `at_once` is the bulkhead: more calls wait, within `timeout_s`. `failures` in a row have it left alone
    for `open_s` seconds; None: never.
    """

    timeout_s: float = 5.0
    tries: int = 1
    pause_s: float = 0.1
    failures: int | None = 5
    open_s: float = 5.0
    at_once: int = 32


@dataclass(frozen=True, slots=True)
class Seen:
    """How a dependency is, as it is shown: no address, no word of an error."""

    name: str
    condition: Condition
    since: datetime | None
    lost: str
    meanwhile: str
    error: str | None = None
    calls: int = 0
    failed: int = 0
    refused: int = 0
    policy: Policy | None = None


class Dependency:
    """One thing outside. It belongs to the event loop.

    `lost` says what does not work without it, `meanwhile` what does.
    """

    def __init__(
        self, clock: Clock, name: str, policy: Policy, *, lost: str, meanwhile: str
    ) -> None:
        self.name, self.policy = name, policy
        self.lost, self.meanwhile = lost, meanwhile
        self.condition, self.since = Condition.UNKNOWN, clock.now()
        self.error: str | None = None
        self.calls = self.failed_calls = self.refused = 0
        self._clock = clock
        self._in_a_row = 0
        self._closed_until_s = 0.0
        self._budget = BUDGET_MAX
        self._places = asyncio.Semaphore(policy.at_once)

    def seen(self) -> Seen:
        """Return how it is."""
        return Seen(
            self.name, self.condition, self.since, self.lost, self.meanwhile, self.error,
            self.calls, self.failed_calls, self.refused, self.policy,
        )  # fmt: skip

    def check(self, kind: type[Unavailable] = DependencyDown) -> None:
        """Refuse a call while it is left alone; the first one after that is the probe.

        Raises: DependencyDown or `kind`, with the seconds until it is tried again.
        """
        if not self._is_left_alone():
            return
        now_s = self._clock.monotonic_s()
        wait_s = self._closed_until_s - now_s
        if wait_s <= 0:
            self._closed_until_s = now_s + self.policy.open_s
            return
        self.refused += 1
        raise kind(
            f"the {self.name} failed {self._in_a_row} times in a row and is tried again in a moment. "
            f"Meanwhile: {self.meanwhile}",
            retry_after_s=max(1.0, wait_s),
        )

    def worked(self) -> None:
        """Count a call that was answered."""
        self.calls += 1
        self._in_a_row, self._closed_until_s = 0, 0.0
        self._budget = min(BUDGET_MAX, self._budget + BUDGET_SHARE)
        self._turn(Condition.UP, None)

    def failed(self, error: BaseException) -> None:
        """Count a call that was not."""
        self.calls += 1
        self.failed_calls += 1
        self._in_a_row += 1
        if self._is_left_alone():
            self._closed_until_s = self._clock.monotonic_s() + self.policy.open_s
        self._turn(Condition.DOWN, type(error).__name__)

    async def call(
        self, work: Callable[[], Awaitable[T]], failures: tuple[type[BaseException], ...]
    ) -> T:
        """Return what the work gives: in time, in its turn, and again where it failed and may be.

        Raises: DependencyDown, TimeoutError, and what counts as a failure, of the last try.
        """
        caught: tuple[type[BaseException], ...] = (TimeoutError, *failures)
        for left in reversed(range(self.policy.tries)):
            self.check()
            try:
                async with asyncio.timeout(self.policy.timeout_s), self._places:
                    result = await work()
            except caught as error:
                self.failed(error)
                if not left or self._budget < 1.0:
                    raise
                self._budget -= 1.0
                await self._clock.sleep(self.policy.pause_s)
            else:
                self.worked()
                return result
        raise AssertionError("a policy has one try at least")

    def _is_left_alone(self) -> bool:
        return self.policy.failures is not None and self._in_a_row >= self.policy.failures

    def _turn(self, condition: Condition, error: str | None) -> None:
        if condition is not self.condition:
            self.condition, self.since = condition, self._clock.now()
        self.error = error
