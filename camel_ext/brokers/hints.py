"""Hints: what committed here is named to the broker a moment later, and never in anybody's way.

Jobs that commit within milliseconds share a message. A broker that is away opens the circuit: one
warning, then hints are dropped until it is tried again, and jobs are found by whoever looks at the
database. It knows no broker: who sends is handed in.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable

from camel_ext.brokers.naming import queue_name
from camel_ext.core.dependencies import Circuit, Condition, Dependency, Policy
from camel_ext.core.jobs import HINT
from camel_ext.core.runtime import Runtime

log = logging.getLogger(__name__)
NAME = "broker"
GATHER_S = 0.002
IDS_A_MESSAGE = 50
MOST_WAITING = 10_000  # while a broker answers slowly; what is more is left to polling
FIRST_RETRY_S = 1.0

Messages = list[tuple[str, list[str]]]


def policy_of(timeout_s: float, retry_max_s: float) -> Policy:
    """Return how a broker is asked: one message after another, and left alone after one failure."""
    return Policy(
        timeout_s=timeout_s,
        failures=1,
        open_s=FIRST_RETRY_S,
        open_max_s=retry_max_s,
        at_once=1,
        budget=0.0,
    )


class Hinter:
    """One per process. `run()` goes on until it is cancelled."""

    def __init__(
        self,
        runtime: Runtime,
        send: Callable[[Messages], None],
        *,
        timeout_s: float = 3.0,
        retry_max_s: float,
    ) -> None:
        self._runtime, self._send = runtime, send
        self._waiting: dict[str, list[str]] = defaultdict(list)
        self._count = 0
        self._said = asyncio.Event()
        self.sent = self.dropped = 0
        self.dependency = runtime.dependencies[NAME] = Dependency(
            runtime.clock,
            NAME,
            policy_of(timeout_s, retry_max_s),
            lost="workers are not woken by it at the moment a job is queued",
            meanwhile="jobs wait in the database, and workers find them by looking",
        )
        runtime.gate.read_words(HINT, self.hint)

    def hint(self, words: str) -> None:
        """Take a job that was committed here: `KIND PRIORITY ID`."""
        if self._count >= MOST_WAITING or self.dependency.circuit is Circuit.OPEN:
            self.dropped += 1
            return
        kind, priority, job_id = words.split()
        self._waiting[queue_name(kind, int(priority))].append(job_id)
        self._count += 1
        self._said.set()

    async def run(self) -> None:
        """Send what commits here, several at a time."""
        while True:
            await self._said.wait()
            await self._runtime.clock.sleep(GATHER_S)
            await self._flush()

    async def _flush(self) -> None:
        self._said.clear()
        waiting, count = self._waiting, self._count
        self._waiting, self._count = defaultdict(list), 0
        if self.dependency.circuit is Circuit.OPEN:  # these came while the try before them failed
            self.dropped += count
            return
        messages = [
            (queue, ids[start : start + IDS_A_MESSAGE])
            for queue, ids in sorted(waiting.items())
            for start in range(0, len(ids), IDS_A_MESSAGE)
        ]
        try:
            await self._runtime.threads.run("hints", self._send, messages)
        except Exception as error:  # what drivers raise is not for us to list
            self._failed(error, count)
        else:
            self.sent += count
            was_away = self.dependency.condition is Condition.DOWN
            self.dependency.worked()
            if was_away:
                log.info("the broker is back: workers are woken through it again")

    def _failed(self, error: Exception, count: int) -> None:
        self.dropped += count
        first = self.dependency.condition is not Condition.DOWN
        self.dependency.failed(error)
        if first:
            log.warning(
                "the broker is away, jobs are found in the database meanwhile; next try in %.0f s: "
                "%s: %s",
                self.dependency.policy.pause_after_s(1),
                type(error).__name__,
                error,
            )
