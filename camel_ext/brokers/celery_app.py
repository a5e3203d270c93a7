"""The Celery application: how hints travel. It is imported only where a broker is named.

No results, no ETA, no retries by Celery, no pickle: the job's row has all of that. A hint is
acknowledged when its task ends, milliseconds after it began, so RabbitMQ's consumer time-out and Redis'
visibility time-out never meet a job.
"""

from typing import Any

from celery import Celery
from kombu import Exchange, Queue

from camel_ext.brokers.naming import PREFIX, TAKE
from camel_ext.brokers.wire import NO_PAPERS, Line, Papers

HINT_KEPT_S = 60.0  # a hint that nobody consumed by then says nothing that polling did not find
HINTS_KEPT = 10_000
PREFETCH = 16  # hints at hand while one is claimed
HEARTBEAT_S = 10


def make_app(
    url: str,
    queues: list[str],
    *,
    timeout_s: float,
    heartbeat_s: int = HEARTBEAT_S,
    papers: Papers = NO_PAPERS,
) -> Celery:
    """Return an application that consumes from these queues; it connects to nothing yet.

    Its queues for events and for remote control go with their connection (`exclusive`): RabbitMQ 4.3
    refuses transient ones that do not, and a `basic.qos` for more than one consumer.
    """
    is_redis = url.startswith("redis")
    app = Celery(PREFIX, broker=url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=timeout_s,
        broker_heartbeat=heartbeat_s,
        broker_transport_options=_options(timeout_s, is_redis=is_redis),
        broker_use_ssl=papers.options(url),
        control_queue_exclusive=True,
        event_queue_exclusive=True,
        event_queue_prefix=f"{PREFIX}.celeryev",
        task_acks_late=True,
        task_acks_on_failure_or_timeout=True,
        task_create_missing_queues=False,
        task_ignore_result=True,
        task_queues=[declared(name, is_redis=is_redis) for name in queues],
        task_serializer="json",
        worker_detect_quorum_queues=True,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=PREFETCH,
        worker_redirect_stdouts=False,
        worker_send_task_events=True,  # for `celery events` and Flower
    )
    return app


def declared(name: str, *, is_redis: bool) -> Queue:
    """Return a queue as it is declared: replicated where there are several nodes, and bounded.

    It hangs on the default exchange, which needs no binding: a wiped Redis has lost those.
    """
    arguments: dict[str, Any] = {
        "x-queue-type": "quorum",
        "x-max-length": HINTS_KEPT,
        "x-message-ttl": int(HINT_KEPT_S * 1000),
    }
    return Queue(
        name,
        Exchange("", type="direct"),
        routing_key=name,
        queue_arguments=None if is_redis else arguments,
    )


def _options(timeout_s: float, *, is_redis: bool) -> dict[str, Any]:
    if is_redis:
        return {
            "queue_order_strategy": "priority",  # as `queue_names` orders them
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
        }
    return {}


class HintSender:
    """Publishes messages of ids on one connection that is made anew after a failure. Blocks."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        papers: Papers = NO_PAPERS,
    ) -> None:
        app = self._app = make_app(url, [], timeout_s=timeout_s, papers=papers)
        self._timeout_s = timeout_s
        self._queues: dict[str, Queue] = {}
        self._is_redis = url.startswith("redis")

        def make() -> Any:
            return app.connection_for_write(transport_options={"confirm_publish": True})

        def prepare(connection: Any) -> Any:
            return app.amqp.Producer(connection, auto_declare=False)

        self._line = Line(make, prepare, timeout_s)

    def send(self, messages: list[tuple[str, list[str]]]) -> None:
        """Publish each (queue, ids), confirmed by the broker.

        Raises: whatever the broker's driver does.
        """
        try:
            producer = self._line.producer()
            for name, ids in messages:
                self._app.send_task(
                    TAKE,
                    args=[ids],
                    queue=self._queue(name),
                    producer=producer,
                    retry=False,
                    expires=HINT_KEPT_S,
                    ignore_result=True,
                    timeout=self._timeout_s,
                    confirm_timeout=self._timeout_s,
                )
        except BaseException:
            self._line.drop()
            raise

    def _queue(self, name: str) -> Queue:
        if name not in self._queues:
            self._queues[name] = declared(name, is_redis=self._is_redis)
        return self._queues[name]

    def close(self) -> None:
        """Close the connection; the next message opens another."""
        self._line.close()
