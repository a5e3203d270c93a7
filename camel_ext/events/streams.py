"""Ephemeral frames: text as it is made, for who watches now, with a snapshot for who comes late.

A stream is one text that grows, such as a model's answer. Each frame says where its text ends, in
characters; the snapshot says how far it goes, so a late reader takes it and goes on with frames whose
offset is larger. Nothing here is written to the database or counted among the events: the finished
text is, by whoever made it. What another process makes comes here by the relay, where there is one.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from camel_ext.core.clock import Clock
from camel_ext.core.tenancy import Tenant
from camel_ext.events.errors import StreamUnknown
from camel_ext.events.topics import FRAME_KINDS
from camel_ext.events.wire import Body

SNAPSHOT_CHARS = 200_000  # kept per stream; a longer text keeps its end
FORGET_S = 10.0  # after its end
ABANDON_S = 900.0  # without a word
MAX_STREAMS = 5_000


class Audience(Protocol):
    """Who frames are for."""

    def wants_frame(self, tenant: Tenant, kind: str, subjects: Sequence[str]) -> bool: ...

    def send_frame(
        self, tenant: Tenant, kind: str, subjects: Sequence[str], body: Body
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stream's text so far: the characters from `start` to `offset`."""

    stream: str
    kind: str
    subject: str
    text: str
    start: int
    offset: int
    done: bool


class Outlet(Protocol):
    """Who tells other processes."""

    def pass_on(self, tenant: Tenant, piece: Snapshot) -> None: ...

    def ask(self, tenant: Tenant, stream_id: str) -> None: ...


@dataclass(slots=True)
class _Stream:
    kind: str
    subject: str
    touched_s: float
    start: int = 0
    offset: int = 0
    done: bool = False
    parts: deque[str] = field(default_factory=deque)
    maker: bytes | None = None  # the process that makes it; None: this one
    shift: int = (
        0  # between its maker's offsets and ours: greater than 0 after another maker's text
    )

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.offset += len(text)
        while self.offset - self.start - len(self.parts[0]) > SNAPSHOT_CHARS:
            self.start += len(self.parts.popleft())

    def begin_at(self, start: int) -> None:
        """Forget the text: what comes next begins there."""
        self.parts.clear()
        self.start = self.offset = start

    def shown_as(self, stream_id: str) -> Snapshot:
        text = "".join(self.parts)
        return Snapshot(
            stream_id, self.kind, self.subject, text, self.start, self.offset, self.done
        )


class Streams:
    """All open streams of the process. Every method belongs to the event loop and never waits."""

    def __init__(self, clock: Clock, audience: Audience) -> None:
        self._clock = clock
        self._audience = audience
        self._streams: OrderedDict[tuple[Tenant, str], _Stream] = OrderedDict()
        self.outlet: Outlet | None = None

    def emit(
        self, tenant: Tenant, stream_id: str, kind: str, text: str, *, subject: str | None = None
    ) -> None:
        """Add text to a stream, which begins with its first text, and tell who watches.

        `subject` is the thing it belongs to, such as the run; topics may name it or the stream.
        """
        stream = self._open(tenant, stream_id, kind, subject)
        stream.maker = None
        if text:
            stream.add(text)
            self._tell(tenant, stream_id, stream, text)
            self._pass_on(tenant, stream_id, stream, text)

    def end(self, tenant: Tenant, stream_id: str) -> None:
        """Say that a stream is complete; it is forgotten some seconds later."""
        stream = self._streams.get((tenant, stream_id))
        if stream is not None and not stream.done:
            stream.done = True
            stream.touched_s = self._clock.monotonic_s()
            self._tell(tenant, stream_id, stream, "")
            self._pass_on(tenant, stream_id, stream, "")

    def absorb(self, tenant: Tenant, maker: bytes, piece: Snapshot) -> None:
        """Take what another process says of a stream that it makes: a piece, or all it has.

        What is known already is dropped; after a gap the whole is asked for.
        """
        stream = self._streams.get((tenant, piece.stream))
        if stream is not None and stream.maker is None and not stream.done:
            return  # it is made here
        if stream is None or stream.maker != maker:
            known = 0 if stream is None else stream.offset
            stream = self._open(tenant, piece.stream, piece.kind, piece.subject)
            stream.maker, stream.shift = maker, known
            if known == 0:
                stream.begin_at(piece.start)
            elif piece.start:
                stream.shift = known - piece.start
        start, end = piece.start + stream.shift, piece.offset + stream.shift
        if 0 <= start < stream.start and end >= stream.offset:  # the whole, where we had its end
            fresh = piece.text[stream.offset - start :]
            stream.begin_at(start)
            stream.add(piece.text)
        else:
            if start > stream.offset:
                stream.begin_at(start)
            fresh = piece.text[stream.offset - start :]
            if fresh:
                stream.add(fresh)
        stream.touched_s = self._clock.monotonic_s()
        ended, stream.done = piece.done and not stream.done, piece.done
        if fresh or ended:
            self._tell(tenant, piece.stream, stream, fresh)
        if self.outlet is not None and stream.start > 0 and piece.start > 0 and not piece.done:
            self.outlet.ask(tenant, piece.stream)

    def made_here(self) -> list[tuple[Tenant, Snapshot]]:
        """Return what the streams of this process hold that are not over."""
        return [
            (tenant, stream.shown_as(stream_id))
            for (tenant, stream_id), stream in self._streams.items()
            if stream.maker is None and not stream.done
        ]

    def snapshot(self, tenant: Tenant, stream_id: str) -> Snapshot:
        """Return what a stream holds.

        Raises: StreamUnknown.
        """
        stream = self._streams.get((tenant, stream_id))
        if stream is None:
            raise StreamUnknown()
        return stream.shown_as(stream_id)

    def of_subject(self, tenant: Tenant, subject: str) -> list[Snapshot]:
        """Return what the streams hold that belong to a thing and are not over, oldest first."""
        return [
            stream.shown_as(stream_id)
            for (whose, stream_id), stream in self._streams.items()
            if whose == tenant and stream.subject == subject and not stream.done
        ]

    def sweep(self) -> None:
        """Forget streams that are over, or were left without an end."""
        now_s = self._clock.monotonic_s()
        old = [
            key
            for key, stream in self._streams.items()
            if now_s - stream.touched_s > (FORGET_S if stream.done else ABANDON_S)
        ]
        for key in old:
            del self._streams[key]

    def _open(self, tenant: Tenant, stream_id: str, kind: str, subject: str | None) -> _Stream:
        if kind not in FRAME_KINDS:
            raise ValueError(f"{kind!r} is not registered: use frame_kind({kind!r})")
        key, now_s = (tenant, stream_id), self._clock.monotonic_s()
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _Stream(kind, subject or stream_id, now_s)
            if len(self._streams) > MAX_STREAMS:
                self._streams.popitem(last=False)
        stream.touched_s, stream.done = now_s, False
        return stream

    def _pass_on(self, tenant: Tenant, stream_id: str, stream: _Stream, text: str) -> None:
        if self.outlet is not None:
            offset = stream.offset
            piece = Snapshot(
                stream_id,
                stream.kind,
                stream.subject,
                text,
                offset - len(text),
                offset,
                stream.done,
            )
            self.outlet.pass_on(tenant, piece)

    def _tell(self, tenant: Tenant, stream_id: str, stream: _Stream, text: str) -> None:
        subjects = (stream.subject, stream_id)
        if not self._audience.wants_frame(tenant, stream.kind, subjects):
            return
        content = {
            "type": "frame",
            "kind": stream.kind,
            "stream": stream_id,
            "subject": stream.subject,
            "offset": stream.offset,
            "text": text,
            "done": stream.done,
        }
        self._audience.send_frame(tenant, stream.kind, subjects, Body(content))
