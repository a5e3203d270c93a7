"""A circuit breaker per endpoint: closed, open for a while, then one probe.

Our own forty lines instead of a library (pybreaker, aiobreaker, purgatory) because those read the
machine's clock, and the simulator runs the same code on virtual time. It counts failures in a row and
nothing else: it does not retry, and it knows no HTTP.
"""

from datetime import datetime

from camel_ext.core.clock import Clock
from camel_ext.core.errors import Unavailable
from camel_ext.serving.errors import CircuitOpen, EngineBusy


class Breaker:
    """Let calls through until `threshold` in a row failed, then none for `open_s`, then one probe.

    A probe that works closes it; a probe that fails opens it for another `open_s`. A refusal (4xx) or
    "too many requests" is an answer of a living endpoint, so it counts as working.
    """

    def __init__(self, clock: Clock, *, who: str, threshold: int = 5, open_s: float = 15.0) -> None:
        self._clock, self._who = clock, who
        self._threshold, self._open_s = threshold, open_s
        self._failures = 0
        self._open_until_s: float | None = None
        self._probing = False
        self.opened_at: datetime | None = None
        self.calls = self.failed = 0

    @property
    def state(self) -> str:
        """Return `closed`, `open` or `half-open`."""
        if self._open_until_s is None:
            return "closed"
        return "open" if self._clock.monotonic_s() < self._open_until_s else "half-open"

    def guard(self) -> "Guard":
        """Return a context that lets one call through and learns from how it ends.

        Raises: CircuitOpen on entering, with the seconds until the next probe.
        """
        return Guard(self)

    def admit(self) -> bool:
        """Let a call through or raise CircuitOpen; return whether this call is the probe."""
        if self._open_until_s is None:
            return False
        wait_s = self._open_until_s - self._clock.monotonic_s()
        if wait_s > 0 or self._probing:
            raise CircuitOpen(
                f"{self._who} failed {self._failures} times in a row, so it is not asked for a moment; "
                "the call was not sent. It is tried again by itself.",
                retry_after_s=max(wait_s, 1.0),
            )
        self._probing = True
        return True

    def settle(self, error: BaseException | None, *, probe: bool) -> None:
        """Learn from how a call ended."""
        if probe:
            self._probing = False
        self.calls += 1
        if isinstance(error, Unavailable) and not isinstance(error, EngineBusy):
            self._count_failure()
        elif error is None or isinstance(error, Exception):  # answered, refused, or a bug of ours
            self._failures, self._open_until_s, self.opened_at = 0, None, None
        # else the caller left (cancelled, generator closed): that says nothing

    def _count_failure(self) -> None:
        self._failures += 1
        self.failed += 1
        if self._failures >= self._threshold:
            self._open_until_s = self._clock.monotonic_s() + self._open_s
            self.opened_at = self.opened_at or self._clock.now()


class Guard:
    """One call through a breaker."""

    def __init__(self, breaker: Breaker) -> None:
        self._breaker, self._probe = breaker, False

    def __enter__(self) -> None:
        self._probe = self._breaker.admit()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        self._breaker.settle(error, probe=self._probe)
