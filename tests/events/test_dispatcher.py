"""Numbering: in commit order, per organisation, once, and in spite of what the database does."""

import asyncio
from contextlib import AsyncExitStack
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from camel_ext.core import outbox
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database, DatabaseUnreachable
from camel_ext.core.journal import Append
from camel_ext.core.numbering import NUMBERING_LOCK
from camel_ext.core.outbox import Numbered, outbox_entry
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.events import dispatcher as dispatcher_module
from camel_ext.events.cursors import encode_cursor
from camel_ext.events.dispatcher import Dispatcher
from camel_ext.events.hub import Hub
from camel_ext.events.log import any_unnumbered, numbered_after
from camel_ext.events.topics import parse_topics
from tests.events.conftest import FeedUnderTest, ThingHappened, happen, until
from tests.fakes.sink import FakeSink


async def feed_in_order(runtime: Runtime, org_id: UUID) -> list[Numbered]:
    return await runtime.read_system("test", numbered_after, org_id, 0, 10_000)


async def test_organisations_are_numbered_apart(feed: FeedUnderTest) -> None:
    mine, theirs = feed.tenant, Tenant(UUID(int=7), UUID(int=8))
    here, there = await feed.connect(), await feed.connect(tenant=theirs)
    for n in range(6):
        await happen(feed.runtime, theirs if n % 2 else mine, n)
    await feed.dispatch()
    assert (here.numbers(), there.numbers()) == ([0, 2, 4], [1, 3, 5])
    assert here.cursor == there.cursor == encode_cursor(3)


async def test_concurrent_commits_are_numbered_without_a_gap(feed: FeedUnderTest) -> None:
    runtime, tenant = feed.runtime, feed.tenant
    sink = await feed.connect()
    feed.go()

    async def append(n: int) -> None:
        entry = outbox_entry(tenant, runtime.clock, ThingHappened("it", n))
        await runtime.gate.append(Append(tenant, [entry]))

    await asyncio.gather(*(append(n) if n % 2 else feed.happen(n) for n in range(100)))
    await until(lambda: len(sink.numbers()) == 100)
    assert sorted(sink.numbers()) == list(range(100))
    events = await feed_in_order(runtime, tenant.org_id)
    assert [event.seq for event in events] == list(range(1, 101))
    assert [event.payload["n"] for event in events] == sink.numbers()


async def test_each_writer_sees_its_own_order(feed: FeedUnderTest) -> None:
    sink = await feed.connect()
    feed.go()

    async def writer(w: int) -> None:
        for n in range(15):
            await feed.happen(n, subject=str(w))

    await asyncio.gather(*(writer(w) for w in range(6)))
    await until(lambda: len(sink.numbers()) == 90)
    for w in range(6):
        mine = [m for m in sink.messages if m.get("subject") == str(w)]
        assert [m["payload"]["n"] for m in mine] == list(range(15))


async def test_what_is_rolled_back_is_never_told(feed: FeedUnderTest) -> None:
    sink = await feed.connect()

    def fail(db: Session) -> None:
        outbox.publish(db, feed.runtime.clock, ThingHappened("it", 1))
        db.flush()
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await feed.runtime.write(feed.tenant, fail)
    await feed.happen(2)
    await feed.dispatch()
    assert sink.numbers() == [2]
    assert sink.cursor == encode_cursor(1)


async def test_more_than_one_batch_is_numbered_in_one_go(feed: FeedUnderTest) -> None:
    sink = await feed.connect()
    await feed.happen(*range(outbox.DISPATCH_ROWS + 5))
    await feed.dispatch()
    await until(lambda: len(sink.numbers()) == outbox.DISPATCH_ROWS + 5)
    assert sink.numbers() == list(range(outbox.DISPATCH_ROWS + 5))


async def test_a_lost_wake_costs_only_time(feed: FeedUnderTest) -> None:
    sink = await feed.connect()
    feed.go()
    await until(lambda: feed.runtime.gate._listeners)
    feed.runtime.gate._listeners.clear()
    await feed.happen(1)
    await until(lambda: sink.numbers() == [1])


class FailingGate:
    """Loses the database before or after the commit, some of the time."""

    def __init__(self, runtime: Runtime, rng: Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self._write = runtime.gate.write
        self._rng = rng
        self.failed = 0
        self.on = True
        monkeypatch.setattr(runtime.gate, "write", self.write)

    async def write(self, fn: Any, *args: Any, **how: Any) -> Any:
        if fn is not dispatcher_module._number or not self.on:
            return await self._write(fn, *args, **how)
        fate = self._rng.choice(["before", "after", "never", "never"])
        if fate == "before":
            self.failed += 1
            raise DatabaseUnreachable("away")
        result = await self._write(fn, *args, **how)
        if fate == "after":  # committed, but the answer was lost with the connection
            self.failed += 1
            raise DatabaseUnreachable("away")
        return result


@pytest.mark.parametrize("seed", range(3))
async def test_a_database_that_comes_and_goes_makes_no_gap(
    feed: FeedUnderTest, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "BACKOFF_MAX_S", 0.01)
    gate = FailingGate(feed.runtime, Random(seed), monkeypatch)
    sink = await feed.connect()
    feed.go()
    for n in range(40):
        await feed.happen(n)
        await asyncio.sleep(0.003)
    await until(lambda: len(sink.numbers()) == 40 and gate.failed)
    assert sink.numbers() == list(range(40))


async def test_a_commit_whose_answer_is_lost_is_told_all_the_same(
    feed: FeedUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing happens afterwards that would show the gap."""
    real, lost = feed.runtime.gate.write, list[Any]()

    async def losing(fn: Any, *args: Any, **how: Any) -> Any:
        result = await real(fn, *args, **how)
        if fn is dispatcher_module._number and result and not lost:
            lost.append(result)
            raise DatabaseUnreachable("away")
        return result

    sink = await feed.connect()
    monkeypatch.setattr(feed.runtime.gate, "write", losing)
    feed.go()
    await feed.happen(1)
    await until(lambda: sink.numbers() == [1])
    assert lost


async def test_a_bug_does_not_end_the_dispatcher(
    feed: FeedUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = feed.hub.publish, []

    def broken(events: Any) -> Any:
        calls.append(events)
        if len(calls) == 1:
            raise ZeroDivisionError
        return real(events)

    monkeypatch.setattr(feed.hub, "publish", broken)
    sink = await feed.connect()
    feed.go()
    await feed.happen(1)
    await until(lambda: calls)
    await feed.happen(2)
    await until(lambda: sink.numbers() == [1, 2])


async def test_a_restart_in_the_middle_goes_on_where_it_was(feed: FeedUnderTest) -> None:
    sink = await feed.connect()
    await feed.happen(1)
    await feed.dispatch()
    await feed.happen(2)  # committed, and then the process dies before it is numbered
    hub = Hub(feed.runtime, queue_frames=8, heartbeat_s=100.0)
    reborn = Dispatcher(feed.runtime, hub, keep_s=3600.0)
    await reborn.turn()
    feed.hub = hub
    again = await feed.connect(after=sink.cursor)
    await feed.happen(3)
    reborn.wake()
    await reborn.turn()
    assert sink.numbers() + again.numbers() == [1, 2, 3]


async def test_old_events_are_pruned_now_and_then(feed: FeedUnderTest) -> None:
    await feed.happen(1, 2)
    await feed.dispatch()
    feed.dispatcher._keep_s, feed.dispatcher._prune_at_s = -1.0, 0.0
    await feed.dispatch()
    assert await feed_in_order(feed.runtime, feed.tenant.org_id) == []
    sink = await feed.connect(after=encode_cursor(0))
    assert sink.kinds() == ["hello", "reset"]


@pytest.mark.slow
async def test_several_servers_feed_their_own_clients(
    postgres_server: str, postgres_template: str
) -> None:
    """Three processes on one PostgreSQL: each writes, each numbers when it may, all tell all."""
    from tests.postgres import temporary_copy

    with temporary_copy(postgres_server, postgres_template) as url:
        runtimes = [
            Runtime(Database(url), SystemClock(), Random(n), ThreadLanes()) for n in range(3)
        ]
        hubs = [Hub(runtime, queue_frames=8, heartbeat_s=100.0) for runtime in runtimes]
        tasks = [
            asyncio.create_task(Dispatcher(r, h, keep_s=3600.0, poll_s=0.02).run())
            for r, h in zip(runtimes, hubs, strict=True)
        ]
        tenant, sinks = Tenant(UUID(int=1), UUID(int=2)), [FakeSink() for _ in hubs]
        async with AsyncExitStack() as stack:
            for hub, sink in zip(hubs, sinks, strict=True):
                block = hub.subscribed(tenant, parse_topics("*"), 0, sink)
                (await stack.enter_async_context(block)).start()

            async def writer(w: int) -> None:
                for n in range(60):
                    await happen(runtimes[w], tenant, n, subject=str(w))

            await asyncio.gather(*(writer(w) for w in range(3)))
            await until(lambda: all(len(sink.numbers()) == 180 for sink in sinks), within_s=20)
            seen = [[m["cursor"] for m in s.messages if m["type"] == "event"] for s in sinks]
            assert seen[0] == [encode_cursor(n) for n in range(1, 181)]
            assert seen[0] == seen[1] == seen[2]
            for w in range(3):
                mine = [m for m in sinks[0].messages if m.get("subject") == str(w)]
                assert [m["payload"]["n"] for m in mine] == list(range(60))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for runtime in runtimes:
            await runtime.close()


@pytest.mark.slow
async def test_only_the_holder_of_the_lock_numbers(
    postgres_server: str, postgres_template: str
) -> None:
    from sqlalchemy import func, select

    from tests.postgres import temporary_copy

    with temporary_copy(postgres_server, postgres_template) as url:
        runtime = Runtime(Database(url), SystemClock(), Random(1), ThreadLanes())
        hub = Hub(runtime, queue_frames=8, heartbeat_s=100.0)
        dispatcher = Dispatcher(runtime, hub, keep_s=3600.0)
        await happen(runtime, Tenant(UUID(int=1), UUID(int=2)), 1)

        def lock(connection: Connection) -> None:
            connection.execute(select(func.pg_advisory_xact_lock(NUMBERING_LOCK)))

        with runtime.database.begin() as elsewhere:
            lock(elsewhere)
            await dispatcher.turn()
            assert await runtime.read_system("test", any_unnumbered)
            assert dispatcher._wake.is_set()
        await dispatcher.turn()
        assert not await runtime.read_system("test", any_unnumbered)
        await runtime.close()


@pytest.mark.parametrize("steps", range(8))
async def test_a_stop_is_heard_at_whatever_moment_of_a_pause(
    feed: FeedUnderTest, steps: int
) -> None:
    dispatcher = feed.dispatcher
    pausing = asyncio.create_task(dispatcher._pause())
    await asyncio.sleep(4 * dispatcher_module.PAUSE_S)
    dispatcher.wake()
    for _ in range(steps):
        await asyncio.sleep(0)
    if pausing.done():
        return
    pausing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pausing
