"""Clients of the hub: order, isolation, slow readers, lost cursors, many drops."""

import asyncio
from random import Random
from typing import Any
from uuid import UUID

import pytest

from camel_ext.core import outbox
from camel_ext.core.database import DatabaseUnreachable
from camel_ext.core.tenancy import Tenant
from camel_ext.events.cursors import encode_cursor
from camel_ext.events.errors import Stopping
from camel_ext.events.subscriber import PAGE_EVENTS
from tests.events.conftest import FeedUnderTest, prune, until
from tests.fakes.sink import FakeSink


def other(tenant: Tenant, *, org: int = 0, project: int = 0) -> Tenant:
    return Tenant(
        UUID(int=org) if org else tenant.org_id, UUID(int=project) if project else tenant.project_id
    )


async def test_says_hello_with_a_cursor_and_then_what_happens(feed: FeedUnderTest) -> None:
    await feed.happen(1, 2)
    await feed.dispatch()
    sink = await feed.connect()
    await feed.happen(3)
    await feed.dispatch()
    assert sink.kinds() == ["hello", "event"]
    assert sink.messages[0]["cursor"] == encode_cursor(2)
    event = sink.messages[1]
    assert event["event"] == "tests.thing.happened"
    assert (event["subject"], event["payload"]) == ("it", {"n": 3})
    assert event["cursor"] == encode_cursor(3)
    assert event["at"].endswith("Z")


async def test_a_cursor_gives_the_rest_then_what_is_new(feed: FeedUnderTest) -> None:
    await feed.happen(*range(1, PAGE_EVENTS * 2 + 50))
    await feed.dispatch()
    sink = await feed.connect(after=encode_cursor(10))
    await feed.happen(7777)
    await feed.dispatch()
    assert sink.numbers() == [*range(11, PAGE_EVENTS * 2 + 50), 7777]


async def test_topics_choose(feed: FeedUnderTest) -> None:
    things = await feed.connect(topics="tests.thing")
    one = await feed.connect(topics="tests:b, tests.other.happened:c")
    everything = await feed.connect(topics="tests")
    await feed.happen(1, subject="a")
    await feed.happen(2, subject="b")
    await feed.happen(3, subject="c", other=True)
    await feed.happen(4, subject="c")
    await feed.dispatch()
    assert things.numbers() == [1, 2, 4]
    assert one.numbers() == [2, 3]
    assert everything.numbers() == [1, 2, 3, 4]
    again = await feed.connect(topics="tests:b,tests.other.happened:c", after=encode_cursor(0))
    assert again.numbers() == [2, 3]


async def test_clients_with_the_same_topics_share_the_same_bytes(feed: FeedUnderTest) -> None:
    sinks = [await feed.connect() for _ in range(3)]
    await feed.happen(1)
    await feed.dispatch()
    assert len({id(sink.frames[-1]) for sink in sinks}) == 1


async def test_another_project_or_organisation_sees_nothing(feed: FeedUnderTest) -> None:
    project = await feed.connect(tenant=other(feed.tenant, project=5))
    mine = await feed.connect()
    org = await feed.connect(tenant=other(feed.tenant, org=5))
    await feed.happen(1, 2)
    await feed.dispatch()
    assert mine.numbers() == [1, 2]
    assert project.kinds() == org.kinds() == ["hello"]
    late = await feed.connect(tenant=other(feed.tenant, project=5), after=encode_cursor(0))
    assert late.numbers() == []


async def test_a_slow_client_catches_up_and_misses_nothing(feed: FeedUnderTest) -> None:
    feed.go()
    slow, quick = await feed.connect(), await feed.connect()
    slow.stop_reading()
    for n in range(60):
        await feed.happen(n)
        if n % 7 == 0:
            await asyncio.sleep(0.02)
    await until(lambda: len(quick.numbers()) == 60)
    subscriber = next(s for s in feed.hub._members() if s._sink is slow)
    assert not subscriber.live
    assert len(subscriber._queue) <= 8
    slow.read_on()
    await until(lambda: len(slow.numbers()) == 60)
    await feed.happen(60)
    await until(lambda: len(slow.numbers()) == 61)
    assert slow.numbers() == quick.numbers() == list(range(61))


async def test_a_client_that_reads_nothing_is_let_go(
    feed: FeedUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camel_ext.events.subscriber.STALL_S", 0.05)
    monkeypatch.setattr("camel_ext.events.subscriber.CLOSE_S", 0.05)
    sink = await feed.connect()
    sink.stop_reading()
    await feed.happen(1)
    await feed.dispatch()
    await until(lambda: sink.aborted)


@pytest.mark.parametrize("seed", range(5))
async def test_no_gap_and_no_repetition_over_disconnects_at_random(
    feed: FeedUnderTest, seed: int
) -> None:
    rng = Random(seed)
    feed.go()
    total = 150
    sinks = {c: [await feed.connect(after=encode_cursor(0))] for c in range(3)}

    async def write() -> None:
        n = 0
        while n < total:
            some = min(rng.randint(1, 12), total - n)
            await feed.happen(*range(n, n + some))
            n += some
            await asyncio.sleep(rng.choice([0, 0, 0.001, 0.02]))

    async def disturb() -> None:
        while not writing.done():
            await asyncio.sleep(rng.uniform(0, 0.01))
            mine = sinks[rng.randrange(3)]
            if rng.random() < 0.4:
                mine[-1].stop_reading()
                await asyncio.sleep(rng.uniform(0, 0.01))
                mine[-1].read_on()
            else:
                await feed.drop(mine[-1])
                mine.append(FakeSink(direct=rng.random() < 0.5))
                await feed.connect(mine[-1], after=mine[-2].cursor)

    writing = asyncio.create_task(write())
    await disturb()
    await writing
    for mine in sinks.values():
        await until(lambda mine=mine: sum(len(s.numbers()) for s in mine) >= total)  # type: ignore[misc]
        assert [n for sink in mine for n in sink.numbers()] == list(range(total))
        assert "reset" not in {kind for sink in mine for kind in sink.kinds()}


async def test_a_cursor_older_than_what_is_kept_gets_reset_then_goes_on(
    feed: FeedUnderTest,
) -> None:
    await feed.happen(1, 2, 3)
    await feed.dispatch()
    await prune(feed.runtime, feed.runtime.clock.now())
    sink = await feed.connect(after=encode_cursor(1))
    level = await feed.connect(after=encode_cursor(3))
    await feed.happen(4)
    await feed.dispatch()
    assert sink.kinds() == ["hello", "reset", "event"]
    assert sink.messages[1]["cursor"] == encode_cursor(3)
    assert sink.numbers() == [4]
    assert level.kinds() == ["hello", "event"]


async def test_a_cursor_from_the_future_gets_reset(feed: FeedUnderTest) -> None:
    await feed.happen(1)
    await feed.dispatch()
    sink = await feed.connect(after=encode_cursor(99))
    assert sink.kinds() == ["hello", "reset"]
    assert sink.cursor == encode_cursor(1)


async def test_a_client_of_another_server_waits_with_us_for_the_database(
    feed: FeedUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It saw more there than was published here; the log that knows does not answer at once."""
    await feed.connect()
    await feed.happen(1, 2)
    await feed.runtime.gate.write(lambda c, _: outbox.number_committed(c), acting="test")
    real, failed = feed.runtime.read_system, list[str]()

    async def away(reason: str, *args: Any) -> Any:
        if not failed:
            failed.append(reason)
            raise DatabaseUnreachable("away", retry_after_s=0.01)
        return await real(reason, *args)

    monkeypatch.setattr(feed.runtime, "read_system", away)
    sink = await feed.connect(after=encode_cursor(2))
    await feed.happen(3)
    await feed.dispatch()
    assert failed == ["event feed"]
    assert (sink.kinds(), sink.numbers(), sink.closed) == (["hello", "event"], [3], "open")


async def test_a_heartbeat_comes_after_silence_and_moves_the_cursor(feed: FeedUnderTest) -> None:
    feed.hub._heartbeat_s = 0.04
    keeper = asyncio.create_task(feed.hub.keep())
    sink = await feed.connect(topics="tests.other")
    await feed.happen(1)
    await feed.dispatch()
    await until(lambda: "ping" in sink.kinds() and sink.cursor == encode_cursor(1))
    keeper.cancel()


async def test_a_stop_tells_everybody_and_refuses_newcomers(feed: FeedUnderTest) -> None:
    sink = await feed.connect()
    feed.hub.end_streams()
    await feed.hub.ended()
    assert isinstance(sink.closed, Stopping)
    with pytest.raises(Stopping):
        await feed.connect()


async def test_a_key_that_is_refused_later_ends_the_stream(feed: FeedUnderTest) -> None:
    from camel_ext.identity.errors import KeyRefused

    async def refuse() -> None:
        raise KeyRefused()

    sink = FakeSink()
    subscriber = await feed.subscriber(sink)
    feed.hub._rechecks[subscriber] = (0.0, refuse)
    await feed.hub._recheck()
    await until(lambda: isinstance(sink.closed, KeyRefused))


async def test_nothing_is_left_of_clients_that_went(feed: FeedUnderTest) -> None:
    sinks = [await feed.connect(topics=t) for t in ("*", "tests:a", "tests:a,tests.other:b")]
    assert feed.hub.clients == 3
    for sink in sinks:
        await feed.drop(sink)
    assert feed.hub.clients == 0
    assert not feed.hub._orgs
