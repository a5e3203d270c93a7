"""Ephemeral frames: offsets, snapshots, and when a stream is forgotten."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from camel_ext.core.tenancy import Tenant
from camel_ext.events.errors import StreamUnknown
from camel_ext.events.streams import (
    ABANDON_S,
    FORGET_S,
    MAX_STREAMS,
    SNAPSHOT_CHARS,
    Streams,
)
from camel_ext.events.topics import FRAME_KINDS
from camel_ext.events.wire import Body
from tests.events.conftest import TOKENS, FeedUnderTest
from tests.fakes.sink import FakeSink

MINE, THEIRS = Tenant(UUID(int=1), UUID(int=2)), Tenant(UUID(int=1), UUID(int=3))


class HandClock:
    def __init__(self) -> None:
        self.s = 0.0

    def monotonic_s(self) -> float:
        return self.s

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


class Nobody:
    def wants_frame(self, tenant: Tenant, kind: str, subjects: Sequence[str]) -> bool:
        return False

    def send_frame(self, tenant: Tenant, kind: str, subjects: Sequence[str], body: Body) -> None:
        raise AssertionError("nobody asked")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def streams(clock: HandClock) -> Streams:
    return Streams(clock, Nobody())


def test_a_snapshot_counts_characters(streams: Streams) -> None:
    streams.emit(MINE, "s", TOKENS, "é🐫")
    streams.emit(MINE, "s", TOKENS, "")
    streams.emit(MINE, "s", TOKENS, "x")
    shown = streams.snapshot(MINE, "s")
    assert (shown.text, shown.start, shown.offset, shown.done) == ("é🐫x", 0, 3, False)


def test_a_very_long_text_keeps_its_end(streams: Streams) -> None:
    for _ in range(300):
        streams.emit(MINE, "s", TOKENS, "y" * 1000)
    streams.emit(MINE, "s", TOKENS, "end")
    shown = streams.snapshot(MINE, "s")
    assert shown.offset == 300_003
    assert SNAPSHOT_CHARS <= len(shown.text) <= SNAPSHOT_CHARS + 1000
    assert shown.start + len(shown.text) == shown.offset
    assert shown.text.endswith("end")


def test_a_stream_belongs_to_its_project(streams: Streams) -> None:
    streams.emit(MINE, "s", TOKENS, "mine")
    with pytest.raises(StreamUnknown):
        streams.snapshot(THEIRS, "s")
    streams.emit(THEIRS, "s", TOKENS, "theirs")
    assert streams.snapshot(MINE, "s").text == "mine"


def test_a_stream_is_forgotten_after_its_end_or_when_abandoned(
    streams: Streams, clock: HandClock
) -> None:
    streams.emit(MINE, "ended", TOKENS, "a")
    streams.end(MINE, "ended")
    streams.end(MINE, "ended")
    streams.end(MINE, "never began")
    streams.emit(MINE, "left", TOKENS, "b")
    clock.s = FORGET_S - 1
    streams.sweep()
    assert streams.snapshot(MINE, "ended").done
    clock.s = FORGET_S + 1
    streams.sweep()
    with pytest.raises(StreamUnknown):
        streams.snapshot(MINE, "ended")
    assert streams.snapshot(MINE, "left").text == "b"
    clock.s = ABANDON_S + 1
    streams.sweep()
    with pytest.raises(StreamUnknown):
        streams.snapshot(MINE, "left")


def test_their_number_is_bounded(streams: Streams) -> None:
    for n in range(MAX_STREAMS + 1):
        streams.emit(MINE, str(n), TOKENS, "x")
    with pytest.raises(StreamUnknown):
        streams.snapshot(MINE, "0")


def test_a_kind_is_registered_first(streams: Streams) -> None:
    assert TOKENS in FRAME_KINDS
    with pytest.raises(ValueError, match="frame_kind"):
        streams.emit(MINE, "s", "tests.unheard_of", "x")


async def test_frames_go_to_who_asked_and_keeps_up(feed: FeedUnderTest) -> None:
    run = await feed.connect(topics="tests.tokens:run")
    stream = await feed.connect(topics="tests:s1")
    events = await feed.connect(topics="tests.thing")
    slow = FakeSink(direct=False)
    await feed.connect(slow)
    slow.stop_reading()
    frames = feed.hub.frames
    for n in range(50):
        frames.emit(feed.tenant, "s1", TOKENS, f"{n} ", subject="run")
    frames.emit(feed.tenant, "s2", TOKENS, "other", subject="run")
    await feed.happen(1)
    await feed.dispatch()
    slow.read_on()
    assert run.kinds().count("frame") == 51
    assert stream.kinds().count("frame") == 50
    assert events.kinds().count("frame") == 0
    offsets = [m["offset"] for m in stream.messages if m["type"] == "frame"]
    assert offsets == sorted(set(offsets))
    assert slow.kinds().count("frame") < 10
