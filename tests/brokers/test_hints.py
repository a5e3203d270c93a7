"""Hints: gathered, bounded, dropped while the broker is away; nobody ever waits for them."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from camel_ext.brokers.errors import BrokerUnknown
from camel_ext.brokers.hints import IDS_A_MESSAGE, MOST_WAITING, Hinter, Messages
from camel_ext.brokers.naming import queue_name, queue_names
from camel_ext.brokers.process import broker_url
from camel_ext.core.dependencies import Circuit, Condition
from camel_ext.core.runtime import Runtime
from camel_ext.settings import Settings
from camel_ext.settings_services import Broker


class Wire:
    """A broker's other end: keeps what it is sent, or is away."""

    def __init__(self) -> None:
        self.messages: Messages = []
        self.is_away = False
        self.tries = 0
        self.before: Callable[[], object] = lambda: None

    def send(self, messages: Messages) -> None:
        self.tries += 1
        self.before()
        if self.is_away:
            raise ConnectionRefusedError("nobody is there")
        self.messages += messages


@pytest.fixture
def runtime(sqlite_url: str) -> Runtime:
    from random import Random

    from camel_ext.core.clock import SystemClock
    from camel_ext.core.database import Database
    from camel_ext.core.threads import ThreadLanes

    return Runtime(Database(sqlite_url), SystemClock(), Random(1), ThreadLanes())


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def hinter(runtime: Runtime, wire: Wire) -> AsyncIterator[Hinter]:
    hinter = Hinter(runtime, wire.send, retry_max_s=0.2)
    running = asyncio.create_task(hinter.run())
    yield hinter
    running.cancel()
    await asyncio.wait({running})
    await runtime.close()


async def until_said(hinter: Hinter, count: int) -> None:
    async with asyncio.timeout(30):
        while hinter.sent + hinter.dropped < count:  # noqa: ASYNC110 - it is no event
            await asyncio.sleep(0.002)


def test_each_room_and_band_has_a_queue() -> None:
    names = [queue_name("training.train", priority) for priority in (7, 0, -1)]
    assert names == [f"camel-ext.training.{band}" for band in ("high", "normal", "low")]
    assert queue_names(frozenset({"b", "a"}))[:3] == [
        "camel-ext.a.high", "camel-ext.b.high", "camel-ext.a.normal",
    ]  # fmt: skip


async def test_what_commits_together_shares_a_message(hinter: Hinter, wire: Wire) -> None:
    for number in range(120):
        hinter.hint(f"workflows.run 0 {number}")
    hinter.hint("training.train 5 120")
    await until_said(hinter, 121)
    sizes = [(queue, len(ids)) for queue, ids in wire.messages]
    assert sizes == [
        ("camel-ext.training.high", 1),
        ("camel-ext.workflows.normal", IDS_A_MESSAGE),
        ("camel-ext.workflows.normal", IDS_A_MESSAGE),
        ("camel-ext.workflows.normal", 20),
    ]
    assert [job_id for _, ids in wire.messages[1:] for job_id in ids] == [
        str(number) for number in range(120)
    ]


async def test_a_broker_that_is_away_is_said_once_and_tried_seldom(
    hinter: Hinter, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    wire.is_away = True
    hinter.dependency.policy = replace(hinter.dependency.policy, open_s=60.0, open_max_s=60.0)
    for number in range(500):
        hinter.hint(f"workflows.run 0 {number}")
        if number % 100 == 0:
            await asyncio.sleep(0.01)
    await until_said(hinter, 500)
    assert (hinter.sent, hinter.dropped, wire.tries) == (0, 500, 1)
    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "jobs are found in the database" in warnings[0].getMessage()


async def test_what_came_while_a_try_failed_is_not_tried_for_itself(
    hinter: Hinter, wire: Wire
) -> None:
    wire.is_away = True
    hinter.dependency.policy = replace(hinter.dependency.policy, open_s=60.0, open_max_s=60.0)
    began, goes_on = threading.Event(), threading.Event()

    def hold() -> None:
        began.set()
        goes_on.wait(10)

    wire.before = hold
    hinter.hint("workflows.run 0 first")
    await asyncio.to_thread(began.wait, 10)
    hinter.hint("workflows.run 0 second")
    goes_on.set()
    await until_said(hinter, 2)
    assert (hinter.sent, hinter.dropped, wire.tries) == (0, 2, 1)


async def test_it_comes_back_by_itself(hinter: Hinter, wire: Wire) -> None:
    wire.is_away = True
    hinter.hint("workflows.run 0 lost")
    await until_said(hinter, 1)
    assert hinter.dependency.seen().circuit is Circuit.OPEN
    assert hinter.dependency.seen().condition is Condition.DOWN
    wire.is_away = False
    async with asyncio.timeout(30):
        while not hinter.sent:
            hinter.hint("workflows.run 0 later")
            await asyncio.sleep(0.01)
    assert wire.messages[0] == ("camel-ext.workflows.normal", ["later"])
    assert hinter.dependency.seen().circuit is Circuit.CLOSED
    assert hinter.dependency.seen().condition is Condition.UP


async def test_what_waits_is_bounded(hinter: Hinter) -> None:
    for number in range(MOST_WAITING + 7):
        hinter.hint(f"workflows.run 0 {number}")
    assert hinter.dropped == 7


def test_the_address_is_a_secret_and_of_a_known_kind(tmp_path: Path) -> None:
    def settings(url: str) -> Settings:
        return Settings(data_dir=tmp_path, broker=Broker(url=SecretStr(url)))

    assert "s3cret" not in repr(settings("amqp://me:s3cret@host//"))
    with pytest.raises(BrokerUnknown) as refused:
        broker_url(settings("kafka://me:s3cret@host"))
    assert "s3cret" not in str(refused.value)
    assert broker_url(Settings(data_dir=tmp_path)) is None
