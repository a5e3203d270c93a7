"""Who goes into the local model's server next: calls of one adapter at a time, so that they share batches.

llama.cpp computes one batch with one set of adapters, and goes on with the first slot's until that call
ends: eight calls of eight adapters are as slow as one after another, and all but one stand still
meanwhile. So calls wait here, outside, each with its like: those of one adapter go in together, and when
others wait, for `turn_s` at most; then it is the turn of whoever has waited longest.

It knows no adapters, only keys, and sends nothing.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from camel_ext.core.clock import Clock
from camel_ext.serving.errors import EngineTimeout

TURN_S = 2.0


class Admission:
    """One per engine; it belongs to the event loop. At most `inside_max` calls are inside at once."""

    def __init__(self, inside_max: int, clock: Clock, turn_s: float = TURN_S) -> None:
        self._inside_max, self._clock, self._turn_s = inside_max, clock, turn_s
        self._inside = 0
        self._key: Hashable = None  # of those inside, while there are any
        self._turn_ends_s = 0.0
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}  # by who came first

    @asynccontextmanager
    async def admitted(self, key: Hashable, timeout_s: float) -> AsyncIterator[None]:
        """Wait for this key's turn and for a place, and hold the place while the block lasts.

        Raises: EngineTimeout where it was not let in within `timeout_s`.
        """
        await self._enter(key, timeout_s)
        try:
            yield
        finally:
            self._inside -= 1
            self._let_in()

    async def _enter(self, key: Hashable, timeout_s: float) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(place)
        self._let_in()
        try:
            async with asyncio.timeout(timeout_s):
                await place
        except BaseException as error:
            if place.cancelled():
                self._forget(key, place)
            else:  # let in at the very moment it gave up
                self._inside -= 1
            self._let_in()
            if not isinstance(error, TimeoutError):
                raise
            raise EngineTimeout(
                f"The local model was busy with other calls for the {timeout_s:.1f} s that were left; "
                "nothing was generated. Allow more time, or ask for less at once."
            ) from None

    def _forget(self, key: Hashable, place: asyncio.Future[None]) -> None:
        line = self._waiting.get(key)
        if line is not None and place in line:
            line.remove(place)
            if not line:
                del self._waiting[key]

    def _let_in(self) -> None:
        """Fill the places: with the like of those inside, or, where nobody is, with the next key's."""
        if not self._inside and self._waiting:
            self._key = next(iter(self._waiting))
            self._turn_ends_s = self._clock.monotonic_s() + self._turn_s
        while self._inside < self._inside_max and self._key in self._waiting and self._goes_on():
            line = self._waiting[self._key]
            place = line.popleft()
            if not line:
                del self._waiting[self._key]
            if not place.done():
                place.set_result(None)
                self._inside += 1

    def _goes_on(self) -> bool:
        """Tell whether the turn goes on: nobody else waits, it is not over, or it just began."""
        alone = len(self._waiting) == 1
        return alone or not self._inside or self._clock.monotonic_s() < self._turn_ends_s
