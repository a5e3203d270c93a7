"""PostgreSQL behind a bad network: twenty times cut, stalled, half open, slow; nothing acknowledged is lost.

The trial writes numbered events from two processes, each acknowledged one kept by its writer, while the
network of one of them is disturbed; a client of the other follows the feed.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from random import Random

import pytest
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from camel_ext.core import outbox
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import LOCK_IDLE_MS, Database, held_alone
from camel_ext.core.errors import Unavailable
from camel_ext.core.numbering import NUMBERING_LOCK
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.core.wakes import exchanged
from camel_ext.events.dispatcher import Dispatcher
from camel_ext.events.hub import Hub
from camel_ext.events.log import any_unnumbered, numbered_after
from camel_ext.events.topics import parse_topics
from camel_ext.identity import bootstrap
from tests.events.conftest import ThingHappened
from tests.fakes.sink import FakeSink
from tests.faults.bugs import acknowledge_early
from tests.faults.proxy import FaultProxy, proxied
from tests.faults.trials import FIRST, TRIALS, report
from tests.postgres import temporary_copy

pytestmark = pytest.mark.slow
ANSWER_S = 0.6
SIGNALS = frozenset({outbox.NUMBERED})


class Process:
    """A runtime with a dispatcher and a hub, as a server has them."""

    def __init__(self, url: str, seed: int, answer_s: float | None = ANSWER_S) -> None:
        self.runtime = Runtime(Database(url), SystemClock(), Random(seed), ThreadLanes())
        self.runtime.database.patience.answer_s = answer_s
        self.hub = Hub(self.runtime, queue_frames=512, heartbeat_s=15.0)
        self.dispatcher = Dispatcher(self.runtime, self.hub, keep_s=3600.0)
        self.acknowledged: list[int] = []

    async def found(self) -> Tenant:
        """Found an organisation while nothing is disturbed yet, however busy the machine is."""
        runtime, patience = self.runtime, self.runtime.database.patience

        def found(db: Session) -> Tenant:
            return bootstrap(db, runtime.clock, runtime.new_id).tenant

        answer_s, patience.answer_s = patience.answer_s, None
        try:
            return await runtime.write_system("test", found)
        finally:
            patience.answer_s = answer_s

    async def write(self, tenant: Tenant, numbers: range) -> None:
        """Write each number until it is acknowledged or its fate is unknown; keep the former."""
        for number in numbers:

            def happen(db: Session, number: int = number) -> None:
                outbox.publish(db, self.runtime.clock, ThingHappened("it", number))

            with suppress(Unavailable):
                await self.runtime.write(tenant, happen)
                self.acknowledged.append(number)
            await asyncio.sleep(0.002)


def socket_of(url: str) -> tuple[str, int] | str:
    """Return where that PostgreSQL listens."""
    parsed = make_url(url)
    folder = parsed.query.get("host") or parsed.host
    port = parsed.port or 5432
    return f"{folder}/.s.PGSQL.{port}" if str(folder).startswith("/") else (str(folder), port)


def through(url: str, proxy: FaultProxy) -> str:
    """Return the URL of the same database by way of the proxy."""
    parsed = make_url(url)
    query = {name: value for name, value in parsed.query.items() if name != "host"}
    told = parsed.set(host="127.0.0.1", port=proxy.port, query=query)
    return told.render_as_string(hide_password=False)


@pytest.fixture
async def processes(
    postgres_server: str, postgres_template: str
) -> AsyncIterator[tuple[Process, Process, FaultProxy]]:
    with temporary_copy(postgres_server, postgres_template) as url:
        async with AsyncExitStack() as stack:
            proxy = await stack.enter_async_context(proxied(socket_of(url)))
            calm = Process(url, 1, answer_s=None)  # its line is never touched
            disturbed = Process(through(url, proxy), 2)
            tasks = []
            for process in (calm, disturbed):
                await stack.enter_async_context(exchanged(process.runtime, SIGNALS))
                tasks.append(asyncio.create_task(process.dispatcher.run()))
            yield calm, disturbed, proxy
            proxy.heal()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for process in (calm, disturbed):
            await process.runtime.close()


async def strike(proxy: FaultProxy, kind: str, rng: Random) -> None:
    """Disturb the network for a moment, at a random one."""
    await asyncio.sleep(rng.uniform(0.0, 0.1))
    if kind == "cut":
        proxy.cut()
    elif kind == "reset":
        proxy.reset()
    elif kind == "slow":  # slower than an answer is waited for, or not: both are tried
        proxy.latency_s, proxy.rate = rng.uniform(0.02, 0.8 * ANSWER_S), rng.uniform(2e4, 2e5)
        await asyncio.sleep(rng.uniform(0.3, 2 * ANSWER_S))
        proxy.heal()
    else:
        setattr(proxy, kind, True)
        await asyncio.sleep(rng.uniform(0.1, 2 * ANSWER_S))
        proxy.heal()
        proxy.cut()


@pytest.mark.parametrize("kind", ["cut", "reset", "stalled", "half_open", "black_hole", "slow"])
async def test_nothing_acknowledged_is_lost_none_is_twice_and_the_feed_is_gapless(
    processes: tuple[Process, Process, FaultProxy], kind: str
) -> None:
    calm, disturbed, proxy = processes
    rng = Random(f"{kind} {FIRST}" if FIRST else kind)
    seqs, numbers = await disturb(calm, disturbed, proxy, kind, rng, TRIALS)
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(set(numbers)) == len(numbers)
    assert set(calm.acknowledged) | set(disturbed.acknowledged) <= set(numbers)
    assert len(calm.acknowledged) == 30 * TRIALS  # it never felt anything
    assert len(disturbed.acknowledged) > 5 * TRIALS
    report(trials=TRIALS, acknowledged=len(calm.acknowledged) + len(disturbed.acknowledged))


async def test_an_early_acknowledgement_is_found(
    processes: tuple[Process, Process, FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is acknowledged before it is on disk falls into the hole, and the feed never tells of it."""
    calm, disturbed, proxy = processes
    monkeypatch.setattr(Runtime, "write", acknowledge_early)
    _, numbers = await disturb(calm, disturbed, proxy, "black_hole", Random(1), 6)
    assert not set(disturbed.acknowledged) <= set(numbers), "it went unseen"


async def disturb(
    calm: Process, disturbed: Process, proxy: FaultProxy, kind: str, rng: Random, trials: int
) -> tuple[list[int], list[int]]:
    """Let both write while one's network is disturbed; return the feed's places, and what it told."""
    tenant = await calm.found()
    sink = FakeSink()
    async with calm.hub.subscribed(tenant, parse_topics("*"), None, sink) as subscriber:
        subscriber.start()
        for trial in range(trials):
            writing = asyncio.gather(
                calm.write(tenant, range(trial * 1000, trial * 1000 + 30)),
                disturbed.write(tenant, range(trial * 1000 + 500, trial * 1000 + 530)),
            )
            await strike(proxy, kind, rng)
            async with asyncio.timeout(30):
                await writing
            if rng.random() < 0.5:
                continue  # the next blow falls while it is still getting up
            await level(calm, tenant, sink)
        return await level(calm, tenant, sink)


async def test_a_holder_of_the_lock_that_falls_silent_loses_it(
    processes: tuple[Process, Process, FaultProxy],
) -> None:
    """Its network stalls with the lock in its hand: the server ends it, and another numbers."""
    calm, disturbed, proxy = processes
    runtime = calm.runtime
    taken = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold() -> None:
        with suppress(Unavailable), disturbed.runtime.database.begin() as connection:
            assert connection.scalar(held_alone(NUMBERING_LOCK, waits=False))
            loop.call_soon_threadsafe(taken.set)
            time.sleep(LOCK_IDLE_MS / 1000 + 3)

    tenant = await calm.found()
    holding = asyncio.create_task(asyncio.to_thread(hold))
    await asyncio.wait_for(taken.wait(), 10)
    proxy.black_hole = True
    await calm.write(tenant, range(5))
    began_s = time.monotonic()
    while await runtime.read_system("t", any_unnumbered):
        assert time.monotonic() - began_s < LOCK_IDLE_MS / 1000 + 8
        await asyncio.sleep(0.1)
    assert time.monotonic() - began_s > 2  # it was really held
    await holding


async def level(process: Process, tenant: Tenant, sink: FakeSink) -> tuple[list[int], list[int]]:
    """Wait until the client saw all that is in the feed; return its places and what it saw."""
    deadline_s, seen = time.monotonic() + 40, "the database never answered"
    while True:
        with suppress(Unavailable):  # it has just come back, and is left alone for a moment
            events, left = await process.runtime.read_system("t", _feed, tenant)
            rows = [event.payload["n"] for event in events]
            seen = f"{left}: {len(rows)} in the feed, {len(sink.numbers())} seen"
            if not left and sink.numbers() == rows:
                return [event.seq for event in events], rows
        assert time.monotonic() < deadline_s, seen
        await asyncio.sleep(0.05)


def _feed(db: Session, tenant: Tenant) -> tuple[list[outbox.Numbered], bool]:
    left = any_unnumbered(db)  # first: each statement sees what was committed before it
    return numbered_after(db, tenant.org_id, 0, 100_000), left
