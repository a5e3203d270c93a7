"""Events for other systems: in order, none lost, each as a CloudEvent, by one process at a time."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from camel_ext.brokers import published
from camel_ext.brokers.announcing import Announcer
from camel_ext.brokers.errors import EventsNeedRabbitMQ
from camel_ext.brokers.exchange import EXCHANGE, EventSender, cloud_event, routing_key
from camel_ext.brokers.process import opened
from camel_ext.core import outbox
from camel_ext.core.database import held_alone
from camel_ext.core.gate import Signals
from camel_ext.core.leading import Deposed
from camel_ext.core.numbering import NUMBERING_LOCK
from camel_ext.core.outbox import Event, Numbered
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.settings import Settings
from tests.brokers.servers import RabbitMQ


@dataclass(frozen=True)
class Happened(Event):
    type = "tests.thing.happened"
    number: int


class Exchange:
    """Keeps what is confirmed; may be away, or die after so many."""

    def __init__(self) -> None:
        self.seen: list[Numbered] = []
        self.is_away = False
        self.dies_after: int | None = None

    def send(self, events: Sequence[Numbered]) -> int:
        if self.is_away:
            raise ConnectionRefusedError("nobody is there")
        some = events if self.dies_after is None else events[: self.dies_after]
        self.is_away = self.dies_after is not None
        self.seen += some
        return len(some)

    @property
    def numbers(self) -> list[int]:
        return [event.payload["number"] for event in self.seen]


async def happen(runtime: Runtime, tenant: Tenant, numbers: Sequence[int]) -> None:
    """Commit events, and number them as the dispatcher does: alone, as a worker's appends number, too."""

    def publish(db: Session) -> None:
        for number in numbers:
            outbox.publish(db, runtime.clock, Happened(f"thing-{number}", number))

    await runtime.write(tenant, publish)

    def number(connection: Connection, signals: Signals) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(held_alone(NUMBERING_LOCK, waits=True))
        outbox.number_committed(connection)
        signals.add(outbox.NUMBERED)

    await runtime.gate.write(number, acting="test")


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def announcer(runtime: Runtime, exchange: Exchange) -> Announcer:
    return Announcer(runtime, exchange.send, name="test", retry_max_s=0.1)


async def test_all_that_is_kept_and_all_that_follows_goes_out_in_order(
    runtime: Runtime, tenant: Tenant, announcer: Announcer, exchange: Exchange
) -> None:
    await happen(runtime, tenant, range(450))
    running = asyncio.create_task(announcer.run())
    await happen(runtime, tenant, range(450, 460))
    async with asyncio.timeout(10):
        while announcer.confirmed < 460:  # noqa: ASYNC110 - what is looked at is no event
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})
    assert exchange.numbers == list(range(460))


async def test_who_takes_over_goes_on_behind_what_was_confirmed(
    runtime: Runtime, tenant: Tenant, announcer: Announcer, exchange: Exchange
) -> None:
    await happen(runtime, tenant, range(10))
    exchange.dies_after = 4
    await announcer.turn()
    exchange.dies_after, exchange.is_away = None, False
    await announcer.close()
    await Announcer(runtime, exchange.send, name="test", retry_max_s=0.1).turn()
    assert exchange.numbers == list(range(10))


async def test_a_publisher_that_dies_before_its_note_repeats_and_skips_nothing(
    runtime: Runtime, tenant: Tenant, announcer: Announcer, exchange: Exchange
) -> None:
    await happen(runtime, tenant, range(5))

    class Died(BaseException):
        pass

    async def die(*_args: Any) -> None:
        raise Died

    announcer._confirm = die  # type: ignore[method-assign, assignment]
    with pytest.raises(Died):
        await announcer.turn()
    await announcer.close()
    await Announcer(runtime, exchange.send, name="test", retry_max_s=0.1).turn()
    assert exchange.numbers == [*range(5), *range(5)]


async def test_one_publishes_at_a_time_and_a_late_one_moves_nothing(
    runtime: Runtime, tenant: Tenant, exchange: Exchange
) -> None:
    first = Announcer(runtime, exchange.send, name="test", retry_max_s=0.1, lease_s=30.0)
    other = Exchange()
    second = Announcer(runtime, other.send, name="test", retry_max_s=0.1)
    await happen(runtime, tenant, range(3))
    await first.turn()
    await happen(runtime, tenant, range(3, 6))
    await second.turn()
    assert (exchange.numbers, other.numbers) == ([0, 1, 2], [])
    await first.close()
    mine = first._leadership.led
    assert mine is not None
    led = await second._leadership.take()
    assert led is not None
    assert led.fence == 2
    [behind] = await runtime.read_system("test", published.list_behind)
    with pytest.raises(Deposed):
        await first._confirm(behind, mine, behind.confirmed + 3)
    assert await first._leadership.take() is None


async def test_a_broker_that_is_away_loses_nothing(
    runtime: Runtime,
    tenant: Tenant,
    announcer: Announcer,
    exchange: Exchange,
    caplog: pytest.LogCaptureFixture,
) -> None:
    exchange.is_away = True
    running = asyncio.create_task(announcer.run())
    for number in range(5):
        await happen(runtime, tenant, [number])
        await asyncio.sleep(0.05)
    assert caplog.text.count("the broker is away, events wait in the database") == 1
    exchange.is_away = False
    async with asyncio.timeout(10):
        while announcer.confirmed < 5:  # noqa: ASYNC110 - what is looked at is no event
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})
    assert exchange.numbers == list(range(5))


async def test_what_was_pruned_meanwhile_is_said(
    runtime: Runtime,
    tenant: Tenant,
    announcer: Announcer,
    exchange: Exchange,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await happen(runtime, tenant, range(2))
    await announcer.turn()
    await happen(runtime, tenant, range(2, 4))
    later: datetime = runtime.clock.now() + timedelta(hours=1)

    def prune(connection: Connection, _signals: Signals) -> None:
        for org_id, upto in outbox.prunable(connection, later):
            assert not outbox.prune(connection, org_id, upto)

    await runtime.gate.write(prune, acting="test")
    await happen(runtime, tenant, range(4, 6))
    await announcer.turn()
    assert exchange.numbers == [0, 1, 4, 5]
    assert "events 3 to 4" in caplog.text


def test_an_event_is_a_cloud_event(tenant: Tenant, runtime: Runtime) -> None:
    event = Numbered(
        tenant.org_id, tenant.project_id, 7, "workflows.run.failed", "run-1", {"code": "x"},
        "a" * 32, runtime.clock.now(),
    )  # fmt: skip
    shown = json.loads(json.dumps(cloud_event(event)))
    assert {"specversion", "id", "source", "type"} <= set(shown)
    assert shown["specversion"] == "1.0"
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in shown)
    assert datetime.fromisoformat(shown["time"]).tzinfo is not None
    assert shown["data"] == {"code": "x"}
    assert routing_key(event) == f"{tenant.org_id}.{tenant.project_id}.workflows.run.failed"


async def test_redis_is_refused(runtime: Runtime) -> None:
    settings = Settings.model_validate(
        {"broker": {"url": "redis://127.0.0.1:1/0", "publish_events": True}}
    )
    with pytest.raises(EventsNeedRabbitMQ):
        async with opened(runtime, settings):
            pass


class Listener:
    """Somebody else's system: a queue bound to some of the events."""

    def __init__(self, url: str, key: str) -> None:
        from kombu import Connection as Broker
        from kombu import Exchange as Topic
        from kombu import Queue

        self._connection = Broker(url, connect_timeout=5)
        topic = Topic(EXCHANGE, type="topic", durable=True)
        queue = Queue(f"theirs-{uuid4()}", topic, routing_key=key, exclusive=True)
        self.heard: list[dict[str, Any]] = []
        self._consumer = self._connection.Consumer([queue], callbacks=[self._hear], accept=None)
        self._consumer.consume()

    def _hear(self, body: Any, message: Any) -> None:
        assert message.content_type.startswith("application/cloudevents+json")
        self.heard.append(json.loads(body))
        message.ack()

    def listen(self, last: int) -> list[int]:
        """Wait for the event of that number; return the numbers of all that came."""
        while not self.heard or self.heard[-1]["data"]["number"] != last:
            self._connection.drain_events(timeout=20)
        return [each["data"]["number"] for each in self.heard]

    def close(self) -> None:
        self._connection.release()


@pytest.fixture
async def real(runtime: Runtime, rabbitmq: RabbitMQ) -> AsyncIterator[Announcer]:
    sender = EventSender(rabbitmq.url, timeout_s=3.0)
    announcer = Announcer(runtime, sender.send, name="test", retry_max_s=0.5)
    running = asyncio.create_task(announcer.run())
    yield announcer
    running.cancel()
    await asyncio.wait({running})
    sender.close()


@pytest.mark.slow
@pytest.mark.xdist_group("brokers")
async def test_a_wiped_rabbitmq_gets_all_that_followed(
    runtime: Runtime, tenant: Tenant, rabbitmq: RabbitMQ, real: Announcer
) -> None:
    listener = await asyncio.to_thread(Listener, rabbitmq.url, f"{tenant.org_id}.*.tests.thing.#")
    await happen(runtime, tenant, range(20))
    heard = await asyncio.to_thread(listener.listen, 19)
    assert heard == list(range(20))
    await asyncio.to_thread(rabbitmq.kill, wipe=True)
    listener.close()
    await happen(runtime, tenant, range(20, 40))
    await asyncio.sleep(0.3)
    assert real.confirmed == 20
    await asyncio.to_thread(rabbitmq.start)
    again = await asyncio.to_thread(Listener, rabbitmq.url, "#")
    await happen(runtime, tenant, range(40, 45))
    async with asyncio.timeout(30):
        while real.confirmed < 45:  # noqa: ASYNC110 - what is looked at is no event
            await asyncio.sleep(0.05)
    # what was published before they listened again is theirs to read from the feed; the order holds
    heard = await asyncio.to_thread(again.listen, 44)
    assert heard == list(range(45))[-len(heard) :]
    assert len(heard) >= 5
    again.close()
