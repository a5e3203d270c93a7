"""What a process depends on outside itself, one object each: its policy, and how it is.

A policy says how long a call may take, how often it is tried, how many go at once, and after how many
failures in a row it is left alone for a while. Retries have a budget: a tenth of the calls, so that a
sick dependency is not finished off by those who ask again. It knows no protocol: who calls says what
failed. Our own few lines instead of a library (pybreaker, aiobreaker, purgatory) because those read the
machine's clock, and the simulator runs the same code on virtual time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeVar

from camel_ext.core.clock import Clock
from camel_ext.core.errors import Unavailable

T = TypeVar("T")
REDIS = "Redis"
BUDGET_MAX = 10.0
BUDGET_SHARE = 0.1
TELL_AGAIN_S = 10.0  # one statement by an index each time


class Condition(StrEnum):
    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    OFF = "off"


class Circuit(StrEnum):
    """Whether calls are let through: all, none, or the next one as a probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class DependencyDown(Unavailable):
    """Something outside this process failed several times in a row and is left alone for a moment."""


class DependencyRefused(Unavailable):
    """Something outside answers, and refuses us: nobody waits for it, as somebody has to change that."""

    retryable = False
    advice: ClassVar[str] = "until what it is told is right"  # goes on from what is lost
    meanwhile: ClassVar[str] = "what does not need it goes on"


@dataclass(frozen=True, slots=True)
class Policy:
    """How one dependency is asked.

    `at_once` is the bulkhead: more calls wait, within `timeout_s`. `failures` in a row have it left alone
    for `open_s` seconds; None: never. `budget` is how many retries there are at most before calls that
    work have earned new ones. Where `open_max_s` is given, each probe that fails doubles the time it is
    left alone, up to that.
    """

    timeout_s: float = 5.0
    tries: int = 1
    pause_s: float = 0.1
    failures: int | None = 5
    open_s: float = 5.0
    at_once: int = 32
    budget: float = BUDGET_MAX
    open_max_s: float | None = None

    def pause_after_s(self, failures: int) -> float:
        """Return for how long it is left alone after so many failures in a row."""
        if self.open_max_s is None:
            return self.open_s
        doubled: float = self.open_s * 2.0 ** min(failures - (self.failures or 0), 16)
        return min(self.open_max_s, doubled)


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
    circuit: Circuit = Circuit.CLOSED
    in_use: int = 0


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
        self._refusal: DependencyRefused | None = None
        self.calls = self.failed_calls = self.refused = 0
        self.in_use = 0
        self._clock = clock
        self._in_a_row = 0
        self._closed_until_s = 0.0
        self._budget = policy.budget
        self._places = asyncio.Semaphore(policy.at_once)
        self._returns: list[Callable[[], None]] = []
        self._told_s = 0.0

    def seen(self) -> Seen:
        """Return how it is."""
        lost, meanwhile = self.lost, self.meanwhile
        if self._refusal is not None:
            lost, meanwhile = f"{lost}, {self._refusal.advice}", self._refusal.meanwhile
        return Seen(
            self.name, self.condition, self.since, lost, meanwhile, self.error,
            self.calls, self.failed_calls, self.refused, self.policy, self.circuit, self.in_use,
        )  # fmt: skip

    @property
    def circuit(self) -> Circuit:
        """Return whether calls are let through."""
        if not self._is_left_alone():
            return Circuit.CLOSED
        waits = self._clock.monotonic_s() < self._closed_until_s
        return Circuit.OPEN if waits else Circuit.HALF_OPEN

    def on_return(self, callback: Callable[[], None]) -> None:
        """Call back when a call is answered after one that was not, and while calls are, now and then.

        What others failed at since is not known here: it may be well for us all the time.
        """
        self._returns.append(callback)

    def check(self, kind: type[Unavailable] = DependencyDown) -> bool:
        """Refuse a call while it is left alone; the first one after that is the probe: True.

        Raises: DependencyDown or `kind`, with the seconds until it is tried again; where it refused us,
        the same refusal.
        """
        if not self._is_left_alone():
            return False
        now_s = self._clock.monotonic_s()
        wait_s = self._closed_until_s - now_s
        if wait_s <= 0:
            self._closed_until_s = now_s + self.policy.open_s
            return True
        self.refused += 1
        if self._refusal is not None:
            raise type(self._refusal)(self._refusal.detail)
        raise kind(
            f"the {self.name} failed {self._in_a_row} times in a row, so it is not asked for a moment; "
            f"it is tried again by itself. Meanwhile: {self.meanwhile}",
            retry_after_s=max(1.0, wait_s),
        )

    def worked(self) -> None:
        """Count a call that was answered."""
        self.calls += 1
        self._in_a_row, self._closed_until_s = 0, 0.0
        self._budget = min(self.policy.budget, self._budget + BUDGET_SHARE)
        returned = self.condition is not Condition.UP
        self._refusal = None
        self._turn(Condition.UP, None)
        now_s = self._clock.monotonic_s()
        if self._returns and (returned or now_s - self._told_s >= TELL_AGAIN_S):
            self._told_s = now_s
            for callback in self._returns:
                callback()

    def failed(self, error: BaseException) -> None:
        """Count a call that was not."""
        self.calls += 1
        self.failed_calls += 1
        self._in_a_row += 1
        if self._is_left_alone():
            pause_s = self.policy.pause_after_s(self._in_a_row)
            self._closed_until_s = self._clock.monotonic_s() + pause_s
        self._refusal = error if isinstance(error, DependencyRefused) else None
        self._turn(Condition.DOWN, type(error).__name__)

    def may_retry(self) -> bool:
        """Take a retry from the budget, where there is one left."""
        if self._budget < 1.0:
            return False
        self._budget -= 1.0
        return True

    @contextmanager
    def guard(
        self, failure: Callable[[Exception], bool], kind: type[Unavailable] = DependencyDown
    ) -> Iterator[None]:
        """Let one call through and learn from how it ends.

        `failure` says of an error whether it was one of the dependency; any other is an answer. Who
        leaves before the end says nothing, and where that was the probe, the next one probes.
        Raises: DependencyDown or `kind`, as `check`.
        """
        probes = self.check(kind)
        try:
            yield
        except Exception as error:
            if failure(error):
                self.failed(error)
            else:
                self.worked()
            raise
        except BaseException:
            if probes:
                self._closed_until_s = self._clock.monotonic_s()
            raise
        self.worked()

    @asynccontextmanager
    async def place(self, timeout_s: float | None) -> AsyncIterator[None]:
        """Hold one of its places while the block lasts.

        Raises: TimeoutError where none became free in that time.
        """
        async with asyncio.timeout(timeout_s):
            await self._places.acquire()
        self.in_use += 1
        try:
            yield
        finally:
            self.in_use -= 1
            self._places.release()

    async def call(
        self, work: Callable[[], Awaitable[T]], failures: tuple[type[BaseException], ...]
    ) -> T:
        """Return what the work gives: in time, in its turn, and again where it failed and may be.

        A refusal is tried once.
        Raises: DependencyDown, DependencyRefused, TimeoutError, and what counts as a failure, of the
        last try.
        """
        caught: tuple[type[BaseException], ...] = (TimeoutError, DependencyRefused, *failures)
        for left in reversed(range(self.policy.tries)):
            self.check()
            try:
                async with asyncio.timeout(self.policy.timeout_s), self.place(None):
                    result = await work()
            except caught as error:
                self.failed(error)
                if not left or self._refusal is not None or not self.may_retry():
                    raise
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
