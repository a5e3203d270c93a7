"""Text that is made in one process and watched at another: over a bus that loses what it likes."""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest

from camel_ext.core.bus import Bus
from camel_ext.events.relay import Relay
from camel_ext.events.streams import Streams
from tests.events.conftest import TOKENS
from tests.events.test_streams import MINE, THEIRS
from tests.fakes.clock import FakeClock


class Wire:
    """What one process says is heard by the others, unless it is lost; in order, when `flow` is called."""

    def __init__(self, rng: Random, loss: float = 0.0) -> None:
        self.ends: list[End] = []
        self.rng, self.loss = rng, loss
        self.waiting: deque[tuple[End, str, bytes]] = deque()

    def flow(self) -> None:
        while self.waiting:
            who, kind, content = self.waiting.popleft()
            for end in self.ends:
                if end is not who and self.rng.random() >= self.loss:
                    end.heard[kind](content)

    def come_back(self) -> None:
        for end in self.ends:
            for callback in end.returns:
                callback()
        self.flow()


class End:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.heard: dict[str, Callable[[bytes], None]] = {}
        self.returns: list[Callable[[], None]] = []
        wire.ends.append(self)

    def say(self, kind: str, content: bytes = b"") -> None:
        self.wire.waiting.append((self, kind, content))

    def hear(self, kind: str, heard: Callable[[bytes], None]) -> None:
        self.heard[kind] = heard

    def on_return(self, callback: Callable[[], None]) -> None:
        self.returns.append(callback)


class Audience:
    def __init__(self) -> None:
        self.seen: list[tuple[int, str, bool]] = []

    def wants_frame(self, *_: Any) -> bool:
        return True

    def send_frame(self, _tenant: Any, _kind: Any, _subjects: Any, body: Any) -> None:
        import msgspec

        said = msgspec.json.decode(body.json)
        self.seen.append((said["offset"], said["text"], said["done"]))


class Process:
    def __init__(self, wire: Wire, clock: FakeClock, number: int) -> None:
        self.audience = Audience()
        self.streams = Streams(clock, self.audience)
        Relay(cast(Bus, End(wire)), self.streams, clock, bytes([number]))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def house(clock: FakeClock, count: int = 2, loss: float = 0.0) -> tuple[Wire, list[Process]]:
    wire = Wire(Random(3), loss)
    return wire, [Process(wire, clock, number) for number in range(count)]


def test_it_is_seen_at_the_other_as_it_is_made(clock: FakeClock) -> None:
    wire, (maker, watcher) = house(clock)
    for word in ("one ", "two ", "three"):
        maker.streams.emit(MINE, "s", TOKENS, word, subject="run")
        wire.flow()
    maker.streams.end(MINE, "s")
    wire.flow()
    assert watcher.audience.seen == maker.audience.seen
    assert watcher.audience.seen[-1] == (13, "", True)
    found = watcher.streams.snapshot(MINE, "s")
    assert (found.text, found.subject, found.done) == ("one two three", "run", True)
    assert watcher.streams.of_subject(THEIRS, "run") == []


def test_who_comes_late_asks_and_gets_the_whole(clock: FakeClock) -> None:
    wire, (maker,) = house(clock, 1)
    maker.streams.emit(MINE, "s", TOKENS, "what was before ")
    wire.waiting.clear()
    late = Process(wire, clock, 7)
    wire.come_back()
    assert late.streams.snapshot(MINE, "s").text == "what was before "
    maker.streams.emit(MINE, "s", TOKENS, "and after")
    wire.flow()
    assert late.streams.snapshot(MINE, "s").text == "what was before and after"


def test_after_a_loss_the_whole_is_there_again(clock: FakeClock) -> None:
    wire, (maker, watcher) = house(clock)
    maker.streams.emit(MINE, "s", TOKENS, "a")
    wire.flow()
    maker.streams.emit(MINE, "s", TOKENS, "b")
    wire.waiting.clear()  # Redis died with it
    clock.advance(2.0)
    maker.streams.emit(MINE, "s", TOKENS, "c")
    wire.flow()
    found = watcher.streams.snapshot(MINE, "s")
    assert (found.start, found.text, found.offset) == (0, "abc", 3)


@pytest.mark.parametrize("seed", range(20))
def test_however_much_is_lost_the_end_is_right(clock: FakeClock, seed: int) -> None:
    """The watcher's text is the maker's wherever it has any, and all of it once nothing is lost."""
    wire, (maker, watcher) = house(clock, loss=0.3)
    wire.rng = Random(seed)
    whole = ""
    for number in range(200):
        whole += f"{number} "
        maker.streams.emit(MINE, "s", TOKENS, f"{number} ")
        wire.flow()
        clock.advance(0.1)
        for found in watcher.streams.of_subject(MINE, "s"):
            assert whole[found.start : found.offset] == found.text
    wire.loss = 0.0
    wire.come_back()
    assert watcher.streams.snapshot(MINE, "s").text == whole


def test_another_process_takes_over_and_the_text_goes_on(clock: FakeClock) -> None:
    """As a training that another worker resumes: what was seen stays, what is new comes after it."""
    wire, (first, second, watcher) = house(clock, 3)
    first.streams.emit(MINE, "training", TOKENS, "step 1\n")
    wire.flow()
    wire.ends.pop(0)  # killed
    second.streams.sweep()
    second.streams._streams.clear()
    second.streams.emit(MINE, "training", TOKENS, "step 2\n")
    second.streams.emit(MINE, "training", TOKENS, "step 3\n")
    wire.flow()
    found = watcher.streams.snapshot(MINE, "training")
    assert found.text == "step 1\nstep 2\nstep 3\n"
    assert [seen[0] for seen in watcher.audience.seen] == [7, 14, 21]


def test_words_of_strangers_change_nothing(clock: FakeClock) -> None:
    wire, (_, watcher) = house(clock)
    for content in (b"", b"\x90", b"\xc1", b"hello"):
        wire.ends[1].heard["frame"](content)
        wire.ends[1].heard["ask"](content)
    assert watcher.audience.seen == []
