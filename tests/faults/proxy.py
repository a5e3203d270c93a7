"""A TCP proxy that is as bad as a network can be, between the platform and its services.

What it does to bytes is set at any time, for what flows and for whoever connects then:

    latency_s   each piece is held back for so long
    rate        at most so many bytes a second, each way
    stalled     nothing is passed on, nothing is refused: it answers on the wire and says nothing
    black_hole  as stalled, and what comes meanwhile is lost for good
    half_open   the far end is cut off, the near end is not told

`cut()` closes every connection, `reset()` tears them (RST). It knows no protocol.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

PIECE_BYTES = 64 * 1024
LOOK_S = 0.005


@dataclass(eq=False)
class FaultProxy:
    """One listening port in front of one target (host and port, or the path of a socket)."""

    target: tuple[str, int] | str
    latency_s: float = 0.0
    rate: float | None = None
    stalled: bool = False
    black_hole: bool = False
    half_open: bool = False
    refuses: bool = False
    port: int = 0
    accepted: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close all."""
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._tasks)

    def heal(self) -> None:
        """Be a good network again, for what is still connected and for what comes."""
        self.latency_s, self.rate = 0.0, None
        self.stalled = self.black_hole = self.half_open = self.refuses = False

    def cut(self) -> None:
        """Close every connection, in order."""
        for writer in tuple(self._writers):
            writer.close()

    def reset(self) -> None:
        """Tear every connection: the other end gets a reset."""
        for writer in tuple(self._writers):
            raw = writer.get_extra_info("socket")
            if raw is not None and raw.family != socket.AF_UNIX:
                with suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            if self.refuses:
                return
            far_reader, far = await self._connect()
            self._writers.add(far)
            ways = [self._pump(reader, far, out=True), self._pump(far_reader, writer, out=False)]
            await asyncio.gather(*ways)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, far):
                if each is not None:
                    self._writers.discard(each)
                    each.close()
            self._tasks.discard(task)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, str):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(*self.target)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, out: bool
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                if self.black_hole:
                    continue
                while self.stalled:  # noqa: ASYNC110 - a fault is a field that anybody sets
                    await asyncio.sleep(LOOK_S)
                if self.latency_s:
                    await asyncio.sleep(self.latency_s)
                if self.rate:
                    await asyncio.sleep(len(piece) / self.rate)
                if self.half_open:
                    await self._forsake(writer, out=out)
                writer.write(piece)
                await writer.drain()
        while self.half_open or self.stalled:  # noqa: ASYNC110 - the near end is not told
            await asyncio.sleep(LOOK_S)
        writer.close()

    async def _forsake(self, writer: asyncio.StreamWriter, *, out: bool) -> None:
        """Cut off the far end, as a machine that lost its power, and swallow what comes."""
        if out:
            writer.transport.abort()
        while self.half_open:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        raise ConnectionResetError


@asynccontextmanager
async def proxied(target: tuple[str, int] | str) -> AsyncIterator[FaultProxy]:
    """Stand in front of a target while the block lasts."""
    proxy = FaultProxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
