"""Events as CloudEvents 1.0 on a topic exchange of RabbitMQ, each confirmed before the next is sent.

Kombu carries them, as it carries Celery's messages: one library, one kind of connection. Queues are for
who listens to declare and to bound; without a queue an event is confirmed and forgotten.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from kombu import Connection, Exchange, Producer

from camel_ext.core.outbox import Numbered

EXCHANGE = "camel-ext.events"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
KEY_BYTES = 255  # the longest routing key that AMQP has


def routing_key(event: Numbered) -> str:
    """Return `ORGANISATION.PROJECT.event.type`: `*.*.workflows.run.#` binds to all runs."""
    return f"{event.org_id}.{event.project_id}.{event.type}"[:KEY_BYTES]


def cloud_event(event: Numbered) -> dict[str, Any]:
    """Return an event in CloudEvents' structured JSON; (source, id) names it for ever.

    Source: CloudEvents 1.0.2, section 3; `sequence` is its extension of that name: it rises by one with
    each event of an organisation.
    """
    traced = {} if event.trace_id is None else {"traceid": event.trace_id}
    return {
        "specversion": "1.0",
        "id": f"{event.org_id}-{event.seq}",
        "source": f"/organisations/{event.org_id}/projects/{event.project_id}",
        "type": event.type,
        "subject": event.subject,
        "time": event.created_at.isoformat(),
        "datacontenttype": "application/json",
        "sequence": f"{event.seq:020d}",
        **traced,
        "data": event.payload,
    }


class EventSender:
    """Publishes events on one connection that is made anew after a failure. Blocks."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url, self._timeout_s = url, timeout_s
        self._exchange = Exchange(EXCHANGE, type="topic", durable=True)
        self._connection: Any = None
        self._producer: Any = None

    def send(self, events: Sequence[Numbered]) -> int:
        """Publish in order; return how many the broker has confirmed: all, or those before a failure.

        Raises: whatever the driver does, where it is none.
        """
        count = 0
        try:
            if self._producer is None:
                self._connect()
            for event in events:
                self._producer.publish(
                    msgspec.json.encode(cloud_event(event)),
                    routing_key=routing_key(event),
                    content_type=CONTENT_TYPE,
                    content_encoding="utf-8",
                    message_id=f"{event.org_id}-{event.seq}",
                    delivery_mode="persistent",
                    retry=False,
                    timeout=self._timeout_s,
                    confirm_timeout=self._timeout_s,
                )
                count += 1
        except BaseException:
            self.close()
            if count == 0:
                raise
        return count

    def _connect(self) -> None:
        options = {"read_timeout": self._timeout_s, "write_timeout": self._timeout_s}
        self._connection = Connection(
            self._url,
            connect_timeout=self._timeout_s,
            transport_options={"confirm_publish": True, **options},
        )
        self._connection.ensure_connection(max_retries=1, timeout=self._timeout_s)
        producer = Producer(self._connection, exchange=self._exchange, auto_declare=False)
        self._exchange(producer.channel).declare()
        self._producer = producer

    def close(self) -> None:
        """Close the connection; the next event opens another."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            connection.release()
