"""What stands between simulated processes and keeps no promise: a broker, and wakes as by `NOTIFY`.

A message is lost, doubled, late, out of order, or gone with the broker's data; a worker that dies before it
acknowledged leaves it to another one. The numbers of each habit come from the seed. It is no RabbitMQ:
what that does is in `tests/brokers`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from uuid import UUID

from camel_ext.app import SIGNALS
from camel_ext.brokers.hints import Messages
from camel_ext.core.outbox import Numbered
from camel_ext.core.queue import QueueWorker
from tests.simulator.process import Process

CLAIM_S = 2.0  # how long a consumer waits for the claim (`brokers.consumer`)
Consumers = Callable[[], list[tuple[Process, QueueWorker]]]


class Habits:
    """How badly messages travel in this history."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.lost = rng.choice([0.0, 0.1, 0.5, 1.0])
        self.doubled = rng.choice([0.0, 0.2, 0.5])
        self.late = rng.choice([0.0, 0.2, 0.5])

    def copies(self) -> int:
        """Return how many of a message arrive."""
        if self._rng.random() < self.lost:
            return 0
        return 1 + (self._rng.random() < self.doubled)

    def delay_s(self) -> float:
        """Return when one arrives: no two need keep their order."""
        is_late = self._rng.random() < self.late
        return self._rng.uniform(0.5, 12.0) if is_late else self._rng.expovariate(1 / 0.004)


class SimBroker:
    """Hints from who asks to who works, and events for other systems."""

    def __init__(self, rng: Random, consumers: Consumers) -> None:
        self._rng, self._consumers = rng, consumers
        self._habits = Habits(rng)
        self._times_wiped = 0
        self._handing: set[asyncio.Task[None]] = set()
        self.is_away = False
        self.heard: list[int] = []  # numbers of events, as who listens to the exchange got them
        self.counts: Counter[str] = Counter()

    def wipe(self) -> None:
        """Be gone with all that is on its way; it comes back when `is_away` ends."""
        self.is_away = True
        self._times_wiped += 1

    def send(self, messages: Messages) -> None:
        """Take hints, and confirm each of them, whatever becomes of it."""
        self._refuse_if_away()
        for _, ids in messages:
            copies = self._habits.copies()
            self.counts[("lost", "once", "doubled")[copies]] += 1
            for _ in range(copies):
                self._pass_on(frozenset(map(UUID, ids)), self._habits.delay_s())

    def publish(self, events: Sequence[Numbered]) -> int:
        """Take events in order; a connection that breaks has delivered more than it confirmed."""
        self._refuse_if_away()
        if self._rng.random() < 0.8:
            self.heard += [event.seq for event in events]
            return len(events)
        confirmed = self._rng.randint(0, len(events))
        arrived = self._rng.randint(confirmed, len(events))
        self.heard += [event.seq for event in events[:arrived]]
        return confirmed

    def _refuse_if_away(self) -> None:
        if self.is_away:
            raise ConnectionRefusedError("the broker is away")

    def _pass_on(self, ids: frozenset[UUID], delay_s: float) -> None:
        deliver = partial(self._deliver, ids, self._times_wiped)
        asyncio.get_running_loop().call_later(delay_s, deliver)

    def _deliver(self, ids: frozenset[UUID], times_wiped: int) -> None:
        if times_wiped != self._times_wiped:
            return
        process, worker = self._rng.choice(self._consumers())
        handing = asyncio.get_running_loop().create_task(self._hand_over(process, worker, ids))
        self._handing.add(handing)
        handing.add_done_callback(self._handing.discard)

    async def _hand_over(self, process: Process, worker: QueueWorker, ids: frozenset[UUID]) -> None:
        try:
            async with asyncio.timeout(CLAIM_S):
                await worker.take(ids)
        except TimeoutError:
            if process.dead and not process.over:  # it never acknowledged
                self.counts["redelivered"] += 1
                self._pass_on(ids, self._habits.delay_s())


class SimWakes:
    """Tells other processes that something committed here; as badly as the broker does."""

    def __init__(self, rng: Random) -> None:
        self._habits = Habits(rng)
        self._processes: list[Process] = []

    def join(self, process: Process) -> None:
        """Say what a process commits, and let it hear the others."""
        self._processes.append(process)
        for signal in sorted(SIGNALS):
            say = partial(self._say, process, signal)
            process.runtime.gate.listen(signal, say, elsewhere=False)

    def _say(self, sender: Process, signal: str) -> None:
        loop = asyncio.get_running_loop()
        for other in self._processes:
            if other is sender or other.dead or other.over:
                continue
            for _ in range(self._habits.copies()):
                loop.call_later(self._habits.delay_s(), _wake, other, signal)


def _wake(process: Process, signal: str) -> None:
    if not (process.dead or process.over):
        process.runtime.gate.signal_from_elsewhere(frozenset({signal}))
