"""The one rule, event by event: a live client has seen all up to what was published, once, in order."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from camel_ext.core.models import EPOCH
from camel_ext.core.outbox import Numbered
from camel_ext.core.tenancy import Tenant
from camel_ext.events.cursors import encode_cursor
from tests.events.conftest import FeedUnderTest, prune, until
from tests.fakes.sink import FakeSink


def made(tenant: Tenant, *numbers: int) -> list[Numbered]:
    """Events as another process might have numbered them."""
    return [
        Numbered(
            tenant.org_id, tenant.project_id, n, "tests.thing.happened", "it", {"n": n}, None, EPOCH
        )
        for n in numbers
    ]


@contextmanager
def deaf(feed: FeedUnderTest) -> Iterator[list[Numbered]]:
    """The hub hears nothing of what is numbered meanwhile; the list does."""
    heard: list[Numbered] = []

    def hear(events: Sequence[Numbered]) -> set[UUID]:
        heard.extend(events)
        return set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed.hub, "publish", hear)
        yield heard


async def test_what_comes_twice_is_told_once(feed: FeedUnderTest) -> None:
    sink = await feed.connect()
    assert feed.hub.publish(made(feed.tenant, 1, 2)) == set()
    assert feed.hub.publish(made(feed.tenant, 1, 2)) == set()
    assert feed.hub.publish(made(feed.tenant, 2, 3)) == set()
    assert sink.numbers() == [1, 2, 3]


async def test_what_leaves_a_gap_waits_for_the_log(feed: FeedUnderTest) -> None:
    sink = await feed.connect()
    await feed.happen(1, 2)
    with deaf(feed) as numbered:
        await feed.dispatch()
    behind = feed.hub.publish(numbered[1:])
    assert behind == {feed.tenant.org_id}
    assert sink.numbers() == []
    await feed.hub.follow(behind)
    assert sink.numbers() == [1, 2]


async def test_what_was_pruned_before_it_was_told_is_a_reset(feed: FeedUnderTest) -> None:
    sink = await feed.connect()
    await feed.happen(1, 2)
    with deaf(feed):
        await feed.dispatch()
        await prune(feed.runtime, feed.runtime.clock.now())
        await feed.happen(3)
        await feed.dispatch()
    await feed.hub.follow()
    await until(lambda: "reset" in sink.kinds())
    assert sink.cursor == encode_cursor(3)
    assert feed.hub.publish(made(feed.tenant, 4)) == set()
    await until(lambda: sink.numbers() == [4])


async def test_what_is_told_while_the_first_client_comes_counts(
    feed: FeedUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await feed.happen(1)
    await feed.dispatch()
    read = feed.runtime.read

    async def slowly(*args: Any) -> Any:
        answer = await read(*args)
        monkeypatch.setattr(feed.runtime, "read", read)
        await feed.happen(2)
        await feed.dispatch()
        return answer

    monkeypatch.setattr(feed.runtime, "read", slowly)
    sink = await feed.connect(after=encode_cursor(0))
    assert sink.numbers() == [1, 2]
    assert feed.hub.publish(made(feed.tenant, 3)) == set()
    assert sink.numbers() == [1, 2, 3]


async def test_what_waits_goes_before_what_comes(feed: FeedUnderTest) -> None:
    sink = await feed.connect()
    sink.stop_reading()
    feed.hub.publish(made(feed.tenant, 1))
    sink.read_on()  # there is room again, but the first event is not written yet
    feed.hub.publish(made(feed.tenant, 2))
    await until(lambda: len(sink.numbers()) == 2)
    assert sink.numbers() == [1, 2]


async def test_a_sink_that_breaks_gets_nothing_more(feed: FeedUnderTest) -> None:
    sink = FakeSink(direct=False)
    await feed.connect(sink)
    sink.gone = True
    feed.hub.publish(made(feed.tenant, 1))
    feed.hub.publish(made(feed.tenant, 2))
    await until(lambda: not any(member.live for member in feed.hub._members()))
    sink.gone = False
    feed.hub.publish(made(feed.tenant, 3))
    assert sink.numbers() == []
