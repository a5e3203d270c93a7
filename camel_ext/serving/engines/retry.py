"""The tries of one call: how many, how long in all, and the pause before the next.

Full jitter (each pause is uniform between 0 and a doubling bound), so that clients that failed
together do not come back together; a Retry-After of the provider is waited out first. It is not about
which errors are worth a retry: their class says that (`retryable`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from camel_ext.core.clock import Clock
from camel_ext.core.errors import Unavailable
from camel_ext.serving.errors import CircuitOpen


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `tries` tries; the n-th pause is below `base_s` * 2**n and below `cap_s`."""

    tries: int = 4
    base_s: float = 0.25
    cap_s: float = 8.0

    def pause_s(self, tries_done: int, rng: Random) -> float:
        """Return the pause after so many tries."""
        return rng.uniform(0.0, min(self.cap_s, self.base_s * 2.0 ** (tries_done - 1)))


class Tries:
    """Counts the tries of one call against its policy, its deadline and the budget of all calls."""

    def __init__(
        self,
        policy: RetryPolicy,
        clock: Clock,
        rng: Random,
        timeout_s: float,
        may_retry: Callable[[], bool] = lambda: True,
    ) -> None:
        self._policy, self._clock, self._rng = policy, clock, rng
        self._may_retry = may_retry
        self._deadline_s = clock.monotonic_s() + timeout_s
        self.count = 0

    @property
    def left_s(self) -> float:
        """Return the seconds this call still has."""
        return max(0.0, self._deadline_s - self._clock.monotonic_s())

    def begin(self) -> float:
        """Count one more try and return the seconds it may take."""
        self.count += 1
        return self.left_s

    async def pause(self, error: Unavailable) -> None:
        """Wait before the next try, or raise `error` if there is none: no tries, time or budget left.

        An open circuit is not waited for here: whoever called can do better than block.
        """
        spent = self.count >= self._policy.tries or not error.retryable
        if spent or isinstance(error, CircuitOpen):
            raise error
        wait_s = (error.retry_after_s or 0.0) + self._policy.pause_s(self.count, self._rng)
        if wait_s >= self.left_s or not self._may_retry():
            raise error
        await self._clock.sleep(wait_s)
