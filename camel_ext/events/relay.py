"""The relay: text that is made in one process, for who watches at another, over the bus.

Each process says what it makes, and keeps what others make as its own streams; who comes late or missed
something asks, and whoever makes it says all of it. Numbered events do not go this way.
"""

from uuid import UUID

import msgspec

from camel_ext.core.bus import Bus
from camel_ext.core.clock import Clock
from camel_ext.core.tenancy import Tenant
from camel_ext.events.streams import Snapshot, Streams
from camel_ext.events.topics import FRAME_KINDS

FRAME, ASK = "frame", "ask"
ASK_AGAIN_S = 1.0  # about one stream
ASKED_MAX = 1_000


class _Piece(msgspec.Struct, array_like=True):
    org: bytes
    project: bytes
    maker: bytes
    stream: str
    kind: str
    subject: str
    text: str
    start: int
    offset: int
    done: bool


class _Ask(msgspec.Struct, array_like=True):
    """Which stream, or with none: all."""

    org: bytes
    project: bytes
    stream: str


_encode = msgspec.msgpack.Encoder().encode
_piece = msgspec.msgpack.Decoder(_Piece).decode
_asked = msgspec.msgpack.Decoder(_Ask).decode


class Relay:
    """One per process on a bus."""

    def __init__(self, bus: Bus, frames: Streams, clock: Clock, me: bytes) -> None:
        self._bus, self._frames, self._clock, self._me = bus, frames, clock, me
        self._asked_s: dict[tuple[Tenant, str], float] = {}
        frames.outlet = self
        bus.hear(FRAME, self._take)
        bus.hear(ASK, self._answer)
        bus.on_return(self._come_back)

    def pass_on(self, tenant: Tenant, piece: Snapshot) -> None:
        """Tell the others what was made here."""
        self._bus.say(
            FRAME,
            _encode(
                _Piece(
                    tenant.org_id.bytes, tenant.project_id.bytes, self._me, piece.stream, piece.kind,
                    piece.subject, piece.text, piece.start, piece.offset, piece.done,
                )
            ),
        )  # fmt: skip

    def ask(self, tenant: Tenant, stream_id: str) -> None:
        """Ask whoever makes a stream for all of it; not again at once."""
        now_s, key = self._clock.monotonic_s(), (tenant, stream_id)
        if now_s - self._asked_s.get(key, -ASK_AGAIN_S) < ASK_AGAIN_S:
            return
        if len(self._asked_s) >= ASKED_MAX:
            self._asked_s.clear()
        self._asked_s[key] = now_s
        self._bus.say(ASK, _encode(_Ask(tenant.org_id.bytes, tenant.project_id.bytes, stream_id)))

    def _take(self, content: bytes) -> None:
        try:
            said = _piece(content)
            tenant = Tenant(UUID(bytes=said.org), UUID(bytes=said.project))
        except (msgspec.MsgspecError, ValueError):
            return
        if said.kind not in FRAME_KINDS or said.offset - said.start != len(said.text):
            return  # of another version
        piece = Snapshot(
            said.stream, said.kind, said.subject, said.text, said.start, said.offset, said.done
        )
        self._frames.absorb(tenant, said.maker, piece)

    def _answer(self, content: bytes) -> None:
        try:
            asked = _asked(content)
        except msgspec.MsgspecError:
            return
        for tenant, piece in self._frames.made_here():
            here = (tenant.org_id.bytes, tenant.project_id.bytes, piece.stream)
            if not asked.stream or here == (asked.org, asked.project, asked.stream):
                self.pass_on(tenant, piece)

    def _come_back(self) -> None:
        """Say all that is made here, and ask the others for theirs."""
        for tenant, piece in self._frames.made_here():
            self.pass_on(tenant, piece)
        self._bus.say(ASK, _encode(_Ask(b"", b"", "")))
