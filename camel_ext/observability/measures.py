"""What this process measures of its requests: how long each route took to begin its answer.

It counts in memory, a microsecond a request, and knows no format: `camel_ext.metrics` writes it down.
"""

from bisect import bisect_left
from collections import defaultdict

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """How many took how long. Units: seconds."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def note(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def cumulative(self) -> list[tuple[str, int]]:
        """Return, for each bound, how many took no longer; the last one is all."""
        found, below = list[tuple[str, int]](), 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self.counts, strict=True):
            below += count
            found.append((bound, below))
        return found


class Measures:
    """One per process; it belongs to the event loop."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, str], Histogram] = defaultdict(Histogram)

    def note_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request by its route's path, as it is written in the code, never as it was asked."""
        self.requests[method, route, f"{status // 100}xx"].note(seconds)
