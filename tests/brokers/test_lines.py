"""RabbitMQ behind a bad network: twenty times cut, stalled, half open and slow, for each who talks to it.

Who is disturbed: the publisher of hints (the process that asks for jobs), the worker that hears them, the
publisher of events. Whatever happens to the line, who asks is answered in time, each job is done once,
events reach a listener in order and without a hole, and what goes over the broker goes on by itself.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from celery.worker import state
from kombu import Connection
from pydantic import SecretStr
from sqlalchemy import make_url

from camel_ext.app import Parts, open_runtime
from camel_ext.brokers.celery_app import make_app
from camel_ext.brokers.consumer import HintConsumer
from camel_ext.core.dependencies import Circuit, Condition
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import bootstrap
from camel_ext.settings import Settings
from camel_ext.worker import run_worker
from tests.brokers.asking import ask, not_once, until_over
from tests.brokers.effects import TABLE
from tests.brokers.servers import RabbitMQ
from tests.brokers.test_announcing import Listener, happen
from tests.faults.proxy import FaultProxy, proxied
from tests.faults.trials import FIRST, TRIALS, report
from tests.ports import free_port
from tests.postgres import seeing_all, temporary_copy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("brokers")]
FAULTS = ("cut", "stalled", "half_open", "slow")
ANSWER_S = 0.4  # how long an answer of the broker is waited for
ASKED_WITHIN_S = 5.0  # a commit under the load of a whole test run; a line is silent for longer
JOBS = 6
BACK_S = 20.0


class Scene:
    """A process that asks and publishes, one that works; either's line to RabbitMQ may be disturbed."""

    def __init__(self, database: str, proxy: FaultProxy, runtime: Runtime, tenant: Tenant) -> None:
        self.proxy, self.runtime, self.tenant = proxy, runtime, tenant
        self.database = database
        self.asked = self.opened = 0

    async def ask(self, count: int = JOBS) -> None:
        """Ask for jobs, each in a commit of its own, and see that nobody waits for a broker."""
        for _ in range(count):
            began_s = time.monotonic()
            await ask(self.runtime, self.tenant, pause_ms=5)
            assert time.monotonic() - began_s < ASKED_WITHIN_S
            self.asked += 1
            await asyncio.sleep(0.005)

    async def strike(self, fault: str, rng: Random, work: Callable[[], Any]) -> None:
        """Disturb the line for a moment while the work is done."""
        working = asyncio.ensure_future(work())
        await asyncio.sleep(rng.uniform(0.0, 0.05))
        if fault == "cut":
            self.proxy.cut()
        elif fault == "slow":
            self.proxy.latency_s, self.proxy.rate = rng.uniform(0.01, 0.1), rng.uniform(2e4, 2e5)
            await asyncio.sleep(rng.uniform(0.2, 2 * ANSWER_S))
            self.proxy.heal()
        else:
            setattr(self.proxy, fault, True)
            await asyncio.sleep(rng.uniform(0.1, 3 * ANSWER_S))
            self.proxy.heal()
            self.proxy.cut()
        await working


def through(url: str, proxy: FaultProxy) -> str:
    """Return the URL of the same broker by way of the proxy."""
    parsed = make_url(url)
    return f"amqp://{parsed.username}:{parsed.password}@127.0.0.1:{proxy.port}//"


def settings_of(database: str, broker: str, folder: Path, *, events: bool = False) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": folder,
            "database": {"url": database, "notify": False},
            "broker": {
                "url": SecretStr(broker), "timeout_s": ANSWER_S, "retry_max_s": 0.3,
                "heartbeat_s": 1, "publish_events": events,
            },
            "queue": {"lease_s": 30.0, "heartbeat_s": 0.5, "poll_s": 0.2, "queues": ["tests"]},
            "training": {"slots": 0},
        }
    )  # fmt: skip


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(run_worker(settings, stop, ready, Parts(rng=Random(FIRST))))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        waiting.cancel()
        stop.set()
        await asyncio.wait_for(running, 60)


@pytest.fixture
def database(postgres_server: str, postgres_template: str) -> Iterator[str]:
    with temporary_copy(postgres_server, postgres_template) as url:
        with seeing_all(url) as connection:
            connection.execute(TABLE)
        yield url


@asynccontextmanager
async def scene(
    database: str, rabbitmq: RabbitMQ, folder: Path, disturbed: str
) -> AsyncIterator[Scene]:
    """Open both processes, the disturbed one behind the proxy."""
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxied(("127.0.0.1", rabbitmq.port)))
        bad, good = through(rabbitmq.url, proxy), rabbitmq.url
        hears = bad if disturbed == "worker" else good
        asks = good if disturbed == "worker" else bad
        await stack.enter_async_context(working(settings_of(database, hears, folder / "worker")))
        settings = settings_of(database, asks, folder / "asker", events=disturbed == "events")
        runtime = await stack.enter_async_context(open_runtime(settings, Parts(rng=Random(3))))
        founded = await runtime.write_system(
            "test", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
        )
        if disturbed == "events":
            from camel_ext.brokers.process import opened

            await stack.enter_async_context(opened(runtime, settings))
        try:
            yield Scene(database, proxy, runtime, founded.tenant)
        finally:
            proxy.heal()


async def until(is_so: Callable[[], bool], again: Callable[[], Any] | None = None) -> None:
    """Wait until it is so; `again` is done now and then meanwhile."""
    async with asyncio.timeout(BACK_S):
        while not is_so():
            if again is not None:
                await again()
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("fault", FAULTS)
async def test_hints_whose_line_is_bad_hold_nobody_up_and_flow_again(
    database: str, rabbitmq: RabbitMQ, tmp_path: Path, fault: str
) -> None:
    rng = Random(f"hints {fault} {FIRST}")
    async with scene(database, rabbitmq, tmp_path, "hints") as it:
        broker = it.runtime.dependencies["broker"]
        for trial in range(TRIALS):
            await it.strike(fault, rng, it.ask)
            it.opened += broker.circuit is Circuit.OPEN
            if (
                trial % 5 == 4 or trial == TRIALS - 1
            ):  # otherwise the next blow falls while it is getting up
                worked = broker.calls - broker.failed_calls
                await until(
                    lambda worked=worked: broker.calls - broker.failed_calls > worked,  # type: ignore[misc]
                    lambda: it.ask(1),
                )
                assert broker.condition is Condition.UP
        if fault == "stalled":  # for so long that it must be noticed
            it.proxy.stalled = True
            await until(lambda: broker.circuit is not Circuit.CLOSED, lambda: it.ask(1))
            assert broker.condition is Condition.DOWN
            it.proxy.heal()
            it.proxy.cut()
        await until_over(it.runtime, it.tenant)
        assert not_once(it.database) == []
        report(trials=TRIALS, jobs=it.asked, failures=broker.failed_calls)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_worker_whose_line_is_bad_does_each_job_once_and_hears_again(
    database: str, rabbitmq: RabbitMQ, tmp_path: Path, fault: str
) -> None:
    rng = Random(f"worker {fault} {FIRST}")
    async with scene(database, rabbitmq, tmp_path, "worker") as it:
        await until(lambda: it.proxy.open > 0)
        for trial in range(TRIALS):
            await it.strike(fault, rng, it.ask)
            await until_over(it.runtime, it.tenant)
            if trial % 10 == 9 or trial == TRIALS - 1:
                await until(lambda: it.proxy.open >= 2)  # what it hears by, and what it tells by
        assert not_once(it.database) == []
        report(trials=TRIALS, jobs=it.asked, connections=it.proxy.accepted)


@pytest.mark.parametrize("fault", FAULTS)
async def test_events_whose_line_is_bad_arrive_in_order_without_a_hole(
    database: str, rabbitmq: RabbitMQ, tmp_path: Path, fault: str
) -> None:
    rng = Random(f"events {fault} {FIRST}")
    async with scene(database, rabbitmq, tmp_path, "events") as it:
        listener = await asyncio.to_thread(
            Listener, rabbitmq.url, f"{it.tenant.org_id}.*.tests.thing.#"
        )
        told = 0

        async def tell() -> None:
            nonlocal told
            for _ in range(3):
                began_s = time.monotonic()
                await happen(it.runtime, it.tenant, range(told, told + 5))
                assert time.monotonic() - began_s < ASKED_WITHIN_S
                told += 5

        for _ in range(TRIALS):
            await it.strike(fault, rng, tell)
        heard = await asyncio.to_thread(listener.listen, told - 1)
        listener.close()
        assert list(dict.fromkeys(heard)) == list(range(told))
        report(trials=TRIALS, events=told, repeated=len(heard) - told)


async def test_a_line_that_was_closed_while_idle_costs_no_hint(
    database: str, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    async with scene(database, rabbitmq, tmp_path, "hints") as it:
        broker = it.runtime.dependencies["broker"]
        await it.ask(1)
        await until(lambda: broker.calls == 1)
        it.proxy.cut()
        await until(lambda: it.proxy.open == 0)
        await it.ask(1)
        await until(lambda: broker.calls > 1)
        assert (broker.failed_calls, it.proxy.accepted) == (0, 2)


async def test_what_kombu_connects_anew_leaves_no_socket_open(rabbitmq: RabbitMQ) -> None:
    """Kombu takes the place of a connection that broke with another, and says nothing to the first."""
    async with proxied(("127.0.0.1", rabbitmq.port)) as proxy:

        def break_and_go_on() -> int:
            with Connection(through(rabbitmq.url, proxy), connect_timeout=10) as connection:
                broken = connection.connection.transport.sock
                connection.default_channel.basic_qos(0, 1, False)
                loop.call_soon_threadsafe(proxy.cut)
                with pytest.raises(connection.connection_errors):
                    connection.drain_events(timeout=10)
                assert connection.channel().is_open
                return int(broken.fileno())

        loop = asyncio.get_running_loop()
        assert await asyncio.to_thread(break_and_go_on) == -1


async def test_a_consumer_that_is_to_stop_connects_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery tries again for ever where its own events cannot be told of."""
    monkeypatch.setattr(state, "should_stop", None)  # it belongs to the process
    app = make_app(f"amqp://127.0.0.1:{free_port()}//", [], timeout_s=ANSWER_S)

    async def take(_ids: frozenset[UUID]) -> int:
        return 0

    consumer = HintConsumer(app, asyncio.get_running_loop(), take, [])
    connection = app.connection_for_write()

    def connect() -> str:
        try:
            connection.ensure_connection()
        except SystemExit:  # in a task it would end the loop
            return "it stopped"
        return "it is connected"

    trying = asyncio.create_task(asyncio.to_thread(connect))
    await asyncio.sleep(0.5)
    assert not trying.done()
    consumer.stop()
    assert await asyncio.wait_for(trying, 10) == "it stopped"


async def test_a_process_ends_though_its_broker_is_silent(
    database: str, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """SIGTERM on a line that says nothing: the worker and the process that asks still go."""
    async with scene(database, rabbitmq, tmp_path, "worker") as it:
        await until(lambda: it.proxy.open >= 2)
        it.proxy.heal = lambda: None  # type: ignore[method-assign]
        it.proxy.stalled = True
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 45
