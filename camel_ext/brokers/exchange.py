"""Events as CloudEvents 1.0 on a topic exchange of RabbitMQ, each confirmed before the next is sent.

Kombu carries them, as it carries Celery's messages: one library, one kind of connection. Queues are for
who listens to declare and to bound; without a queue an event is confirmed and forgotten.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Any

import msgspec
from kombu import Connection, Exchange, Producer

from camel_ext.brokers.wire import NO_PAPERS, Line, Papers
from camel_ext.core.outbox import Numbered

EXCHANGE = "camel-ext.events"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
SEND_S = 5.0  # less than the lease of who publishes
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

    def __init__(self, url: str, *, timeout_s: float, papers: Papers = NO_PAPERS) -> None:
        self._timeout_s = timeout_s

        def make() -> Connection:
            return Connection(
                url,
                connect_timeout=timeout_s,
                ssl=papers.options(url),
                transport_options={"confirm_publish": True},
            )

        def prepare(connection: Connection) -> Producer:
            exchange = Exchange(EXCHANGE, type="topic", durable=True)
            producer = Producer(connection, exchange=exchange, auto_declare=False)
            exchange(producer.channel).declare()
            return producer

        self._line = Line(make, prepare, timeout_s)

    def send(self, events: Sequence[Numbered]) -> int:
        """Publish in order; return how many the broker has confirmed: all, or those before a failure.

        On a slow line it returns after `SEND_S` with what it has, so that its note is made.
        Raises: whatever the driver does, where it is none.
        """
        count, until_s = 0, monotonic() + SEND_S
        try:
            producer = self._line.producer()
            for event in events:
                producer.publish(
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
                if monotonic() > until_s:
                    break
        except BaseException:
            self._line.drop()
            if count == 0:
                raise
        return count

    def close(self) -> None:
        """Close the connection; the next event opens another."""
        self._line.close()
