"""What a process remembers of the database, until somebody says that it changed.

Whoever changes what others may remember says `forget(db)`: once that transaction is committed, every
process forgets, this one before its answer and the others as soon as they hear of it (`NOTIFY`, or Redis);
after a broken connection they forget anyway. A word that is lost costs `keep_s` at most. What was read
before a change and arrives after it is used once and not kept. It is not for what must be exact between
processes: that is asked.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from camel_ext.core.runtime import Runtime

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
FORGET = "forget"  # the signal
KEEP_S = 5.0
MOST = 4_096


def forget(db: Session) -> None:
    """Let every process forget what it remembers, once the session's transaction is committed."""
    signals: set[str] = db.info.setdefault("signals", set())
    signals.add(FORGET)


class Remembered(Generic[K, V]):
    """What one process remembers of one kind of thing; the longest unused goes first."""

    def __init__(self, runtime: Runtime, *, keep_s: float = KEEP_S, most: int = MOST) -> None:
        self._clock, self._keep_s, self._most = runtime.clock, keep_s, most
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._changes = 0
        runtime.gate.listen(FORGET, self.forget)

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """Return what is remembered, or what `load` gives, which is remembered then."""
        found = self._kept.get(key)
        now_s = self._clock.monotonic_s()
        if found is not None and found[0] > now_s:
            self._kept.move_to_end(key)
            return found[1]
        changes = self._changes
        value = await load()
        if changes == self._changes:
            self._kept[key] = (now_s + self._keep_s, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return value

    def forget(self) -> None:
        """Forget all of it."""
        self._changes += 1
        self._kept.clear()
