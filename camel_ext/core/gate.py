"""The write gate: every write of the process passes here, and concurrent ones share a commit.

Two free writers on one SQLite file are "database is locked", or a second of waiting (measured), so
there is one. It serves three lanes in this order: the journal (turns of running agents), doors
(requests and tasks), bulk (imports, cleaning). While one batch is at the disk the next collects, so
a commit carries as many writes as came during the last one; each is answered after the fsync.

On PostgreSQL doors have connections of their own, and only the journal lane is grouped. This module
knows neither tables nor rooms; what an append holds is the journal's.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from camel_ext.core.clock import Clock
from camel_ext.core.database import (
    Database,
    DatabaseUnreachable,
    map_error,
    transaction_alive,
)
from camel_ext.core.row_security import Acting
from camel_ext.core.threads import Threads

T = TypeVar("T")
Signals = set[str]
Outcome = tuple[Any, BaseException | None]

JOURNAL_BATCH = (
    256  # appends a commit: deeper batches gave p99 of 0.4-1.9 s at 1,000 runs (measured)
)
DOOR_BATCH = 32
BULK_ROWS = 500
BULK_S = 0.020


class GateClosed(DatabaseUnreachable):
    """The process is stopping: whether this was written is to be looked up after its restart."""


class Lane(StrEnum):
    JOURNAL = "journal"
    DOOR = "door"
    BULK = "bulk"


class Appender(Protocol):
    """Apply many appends in one transaction; one's failure is its own outcome."""

    def __call__(
        self, connection: Connection, appends: Sequence[Any], signals: Signals
    ) -> list[Outcome]: ...


@dataclass(slots=True, eq=False)
class _Waiting:
    work: Any
    done: "asyncio.Future[Any]" = field(repr=False)


class WriteGate:
    """One per process. All methods belong to the event loop that first used them."""

    def __init__(
        self, database: Database, threads: Threads, clock: Clock, appender: Appender
    ) -> None:
        self._database = database
        self._threads = threads
        self._clock = clock
        self._appender = appender
        self._lanes: dict[Lane, deque[_Waiting]] = {lane: deque() for lane in Lane}
        self._pump: asyncio.Task[None] | None = None
        self._alone: set[asyncio.Task[Outcome]] = set()
        self._listeners: dict[str, list[tuple[Callable[[], None], bool, bool]]] = {}
        self._readers: dict[str, list[Callable[[str], None]]] = {}
        self.commits = 0

    def listen(
        self,
        signal: str,
        callback: Callable[[], None],
        *,
        here: bool = True,
        elsewhere: bool = True,
    ) -> None:
        """Call back on the loop after each commit in which somebody raised that signal.

        `here`: in this process; `elsewhere`: in another one, as far as this one hears of it.
        """
        self._listeners.setdefault(signal, []).append((callback, here, elsewhere))

    def read_words(self, name: str, callback: Callable[[str], None]) -> None:
        """Call back on the loop with the words of each signal `NAME WORDS` of a commit made here."""
        self._readers.setdefault(name, []).append(callback)

    def signal_from_elsewhere(self, signals: frozenset[str]) -> None:
        """Call back as if a commit of another process had raised these signals just now."""
        self._signal(signals, elsewhere=True)

    def signal(self, *signals: str) -> None:
        """Call back as if a commit of this process had raised these signals just now."""
        self._signal(set(signals))

    async def append(self, work: Any) -> Any:
        """Commit one append of the journal; returns after the fsync."""
        return await self._submit(Lane.JOURNAL, work)

    async def write(
        self,
        fn: Callable[[Connection, Signals], T],
        lane: Lane = Lane.DOOR,
        *,
        acting: Acting = None,
    ) -> T:
        """Call `fn(connection, signals)` in a write transaction; returns after the fsync.

        Its failure undoes nothing of its neighbours: it has a savepoint, or the transaction, to itself.
        `acting`: whose rows it may reach on PostgreSQL; a reason stands for everybody's.
        """
        if not self._database.is_sqlite and lane is not Lane.JOURNAL:
            task = asyncio.get_running_loop().create_task(self._commit_alone(fn, acting))
            self._alone.add(task)
            task.add_done_callback(self._alone.discard)
            return _unwrap(await asyncio.shield(task))  # type: ignore[no-any-return]
        return await self._submit(lane, fn)  # type: ignore[no-any-return]

    async def bulk(
        self,
        apply: Callable[[Connection, Any, Signals], None],
        rows: Sequence[Any],
        *,
        acting: Acting = None,
    ) -> None:
        """Call `apply(connection, row, signals)` for many rows, in batches that let others through.

        A batch ends at 500 rows or 20 ms, whichever is first.
        """
        start = 0
        while start < len(rows):
            begin = start

            def some(connection: Connection, signals: Signals, begin: int = begin) -> int:
                deadline = self._clock.monotonic_s() + BULK_S
                end = begin
                while end < len(rows) and end - begin < BULK_ROWS:
                    apply(connection, rows[end], signals)
                    end += 1
                    if self._clock.monotonic_s() >= deadline:
                        break
                return end

            start = await self.write(some, Lane.BULK, acting=acting)

    def waiting(self) -> dict[str, int]:
        """Return how many writes wait for their turn, by lane."""
        return {lane.value: len(line) for lane, line in self._lanes.items()}

    async def drain(self) -> None:
        """Wait until everything that was submitted is answered."""
        while self._pump is not None or self._alone:
            await asyncio.wait({task for task in (self._pump, *self._alone) if task is not None})

    async def _submit(self, lane: Lane, work: Any) -> Any:
        waiting = _Waiting(work, asyncio.get_running_loop().create_future())
        self._lanes[lane].append(waiting)
        if self._pump is None:
            self._pump = asyncio.get_running_loop().create_task(self._run(), name="write-gate")
        # A caller that is cancelled leaves its work in the batch: it is committed or not, never half.
        return _unwrap(await asyncio.shield(waiting.done))

    async def _run(self) -> None:
        batch: tuple[_Waiting, ...] = ()
        try:
            while any(self._lanes.values()):
                appends, calls = self._take()
                batch = (*appends, *calls)
                outcomes, signals = await self._threads.run(
                    "write", self._commit, [w.work for w in appends], [w.work for w in calls]
                )
                _answer(batch, outcomes)
                self._signal(signals)
        finally:
            self._pump = None
            # Only where the loop or the threads are ending is anybody left: nobody waits for ever.
            left = [*batch, *(w for lane in self._lanes.values() for w in lane)]
            for lane in self._lanes.values():
                lane.clear()
            _answer(left, [(None, GateClosed())] * len(left))

    async def _commit_alone(
        self, fn: Callable[[Connection, Signals], Any], acting: Acting
    ) -> Outcome:
        outcomes, signals = await self._threads.run("work", self._commit, [], [fn], acting)
        self._signal(signals)
        return outcomes[0]

    def _take(self) -> tuple[list[_Waiting], list[_Waiting]]:
        journal, door, bulk = (self._lanes[lane] for lane in Lane)
        appends = [journal.popleft() for _ in range(min(len(journal), JOURNAL_BATCH))]
        calls = [door.popleft() for _ in range(min(len(door), DOOR_BATCH))]
        if bulk:
            calls.append(bulk.popleft())
        return appends, calls

    def _commit(
        self,
        appends: list[Any],
        calls: list[Callable[[Connection, Signals], Any]],
        acting: Acting = "journal",  # appends of several tenants, each compared by the appender
    ) -> tuple[list[Outcome], Signals]:
        """Apply a batch in one transaction. If the commit fails, so did each of them."""
        signals: Signals = set()
        try:
            with self._database.begin(acting) as connection:
                if len(calls) == 1 and not appends:
                    outcomes = [_attempt_alone(calls[0], connection, signals)]
                else:
                    outcomes = self._appender(connection, appends, signals) if appends else []
                    outcomes += [_attempt(fn, connection, signals) for fn in calls]
        except _Failed as failed:
            return [(None, failed.told)], set()
        except BaseException as error:  # whatever it is, each of them waits for its answer
            return [(None, map_error(error) or error)] * (len(appends) + len(calls)), set()
        self.commits += 1
        return outcomes, signals

    def _signal(self, signals: Set[str], *, elsewhere: bool = False) -> None:
        for signal in sorted(signals):
            for callback, hears_here, hears_elsewhere in self._listeners.get(signal, ()):
                if hears_elsewhere if elsewhere else hears_here:
                    callback()
            name, _, words = signal.partition(" ")
            if words:
                for reader in self._readers.get(name, ()):
                    reader(words)


class _Failed(Exception):
    """What has a transaction to itself failed, and takes it along."""

    def __init__(self, told: BaseException) -> None:
        self.told = told


def _attempt_alone(
    fn: Callable[[Connection, Signals], Any], connection: Connection, signals: Signals
) -> Outcome:
    """Call what has the transaction to itself: that is its savepoint, which saves two statements."""
    try:
        result = fn(connection, signals)
    except BaseException as error:
        raise _Failed(_told(error)) from error
    if not transaction_alive(connection):  # its commit would be none, and say nothing
        raise DatabaseUnreachable("the database gave the transaction up: nothing was written")
    return result, None


def _attempt(
    fn: Callable[[Connection, Signals], Any], connection: Connection, signals: Signals
) -> Outcome:
    savepoint = connection.begin_nested()
    raised: Signals = set()
    try:
        result = fn(connection, raised)
        savepoint.commit()
    except BaseException as error:  # it goes to the caller, whose failure is not its neighbours'
        if savepoint.is_active:
            savepoint.rollback()  # raises where the transaction is gone: then all of them failed
        if not transaction_alive(connection):
            raise
        return None, _told(error)
    signals |= raised
    return result, None


def _told(error: BaseException) -> BaseException:
    """Return what the caller is told: the driver's words about disk and connection become ours."""
    return (map_error(error) if isinstance(error, SQLAlchemyError) else None) or error


def _answer(batch: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if not waiting.done.done():
            waiting.done.set_result(outcome)


def _unwrap(outcome: Outcome) -> Any:
    result, error = outcome
    if error is not None:
        raise error
    return result
