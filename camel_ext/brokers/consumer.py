"""The Celery worker inside `camel-ext worker`: it hands ids to the loop that claims, and acknowledges.

Celery's consumer has a thread of its own (pool `solo`); the queue's worker, all tasks and their
clients live on the process's one loop. A hint is in Celery's hands only until the claim is committed.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as TookTooLong
from typing import Any
from uuid import UUID

from celery import Celery
from celery.app.amqp import AMQP
from celery.worker import WorkController, state
from celery.worker.consumer import Consumer
from kombu import Connection

from camel_ext.brokers.naming import TAKE

log = logging.getLogger(__name__)
Take = Callable[[frozenset[UUID]], Awaitable[int]]
CLAIM_S = 2.0  # longer than this the consumer's heartbeats are not held up: the row waits


class _Ending(Connection):
    """Is connected anew only until its worker is to stop: Kombu tries for ever, in many places."""

    def _ensure_connection(self, *args: Any, **options: Any) -> Any:
        return super()._ensure_connection(*args, **{"callback": state.maybe_shutdown, **options})


class EndingAmqp(AMQP):
    """Celery's way to its broker, with such connections."""

    Connection = _Ending


class PlainConsumer(Consumer):
    """Celery's consumer without the queues for delayed messages: the queue's rows know the time.

    It closes what it opened. Celery forgets a connection whose line breaks while a step is starting.
    """

    class Blueprint(Consumer.Blueprint):
        """Its steps, without one."""

        default_steps = [
            step for step in Consumer.Blueprint.default_steps if "delayed_delivery" not in str(step)
        ]

    def __init__(self, *args: Any, **options: Any) -> None:
        self._opened: list[Any] = []
        super().__init__(*args, **options)

    def connect(self) -> Any:
        self.collect()
        return super().connect()

    def ensure_connected(self, conn: Any) -> Any:
        self._opened.append(conn)
        return super().ensure_connected(conn)

    def collect(self) -> None:
        """Close every connection that is still open, without a word."""
        while self._opened:
            self._opened.pop().collect()


class HintConsumer:
    """One per process: `run()` blocks its thread until `stop()`."""

    def __init__(
        self, app: Celery, loop: asyncio.AbstractEventLoop, take: Take, queues: list[str]
    ) -> None:
        self._app, self._loop, self._take, self._queues = app, loop, take, queues
        self._is_stopped = False
        app.amqp_cls = EndingAmqp
        app.task(self._hand_over, name=TAKE, shared=False)

    def run(self) -> None:
        """Consume until `stop()`, or a failure that Celery does not get over; it can be run again."""
        state.should_stop = os.EX_OK if self._is_stopped else None
        self._app.set_current()  # of this thread: Celery looks the task up in it
        controller: Any = WorkController(
            app=self._app,
            hostname=f"camel-ext-{os.getpid()}@{socket.gethostname()}",
            pool="solo",
            concurrency=1,
            queues=self._queues,
            consumer_cls=PlainConsumer,
            without_mingle=True,
            without_gossip=True,
            loglevel=logging.WARNING,
        )
        try:
            controller.start()
        except SystemExit:  # `maybe_shutdown`, where the broker is silent while it stops, too
            pass
        finally:
            consumer = getattr(controller, "consumer", None)
            if consumer is not None:
                consumer.collect()

    def stop(self) -> None:
        """Consume no more; `run()` returns within about two seconds."""
        self._is_stopped = True
        state.should_stop = os.EX_OK

    def _hand_over(self, ids: list[str]) -> int:
        """Have these jobs claimed; return how many are in hand."""
        asked = asyncio.run_coroutine_threadsafe(_awaited(self._take, ids), self._loop)
        try:
            return asked.result(CLAIM_S)
        except TookTooLong:
            return 0


async def _awaited(take: Take, ids: list[str]) -> int:
    return await take(frozenset(map(UUID, ids)))
