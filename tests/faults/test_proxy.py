"""The fault proxy itself: each fault does what it is called."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.faults.proxy import FaultProxy, proxied

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """A proxy in front of a server that says everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    async with proxied((host, port)) as proxy:
        yield proxy
    server.close()


async def connect(proxy: FaultProxy) -> Wire:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def said_back(wire: Wire, words: bytes, timeout_s: float = 5.0) -> bytes:
    wire[1].write(words)
    async with asyncio.timeout(timeout_s):
        return await wire[0].readexactly(len(words))


async def test_a_good_network_passes_all(proxy: FaultProxy) -> None:
    wire = await connect(proxy)
    words = bytes(range(256)) * 4000
    assert await said_back(wire, words) == words
    assert proxy.open == 1
    wire[1].close()


async def test_latency_holds_each_piece_back(proxy: FaultProxy) -> None:
    wire = await connect(proxy)
    proxy.latency_s = 0.1
    began_s = time.monotonic()
    assert await said_back(wire, b"x") == b"x"
    assert 0.2 <= time.monotonic() - began_s < 2.0
    wire[1].close()


async def test_rate_bounds_the_bytes_a_second(proxy: FaultProxy) -> None:
    wire = await connect(proxy)
    proxy.rate = 100_000
    began_s = time.monotonic()
    await said_back(wire, b"x" * 20_000)
    assert time.monotonic() - began_s >= 0.3
    wire[1].close()


async def test_stalled_says_nothing_and_loses_nothing(proxy: FaultProxy) -> None:
    wire = await connect(proxy)
    proxy.stalled = True
    with pytest.raises(TimeoutError):
        await said_back(wire, b"x", 0.2)
    late = await connect(proxy)  # it is even let in
    proxy.heal()
    assert await wire[0].readexactly(1) == b"x"
    assert await said_back(late, b"y") == b"y"
    wire[1].close()
    late[1].close()


async def test_a_black_hole_swallows(proxy: FaultProxy) -> None:
    wire = await connect(proxy)
    proxy.black_hole = True
    with pytest.raises(TimeoutError):
        await said_back(wire, b"x", 0.2)
    proxy.heal()
    assert await said_back(wire, b"y") == b"y"
    wire[1].close()


async def test_cut_ends_and_reset_tears(proxy: FaultProxy) -> None:
    wire = await connect(proxy)
    await said_back(wire, b"x")
    proxy.cut()
    assert await wire[0].read() == b""
    torn = await connect(proxy)
    await said_back(torn, b"x")
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await torn[0].read()
    fresh = await connect(proxy)
    assert await said_back(fresh, b"x") == b"x"
    for each in (wire, torn, fresh):
        each[1].close()


async def test_half_open_keeps_the_near_end_in_the_dark(proxy: FaultProxy) -> None:
    wire = await connect(proxy)
    await said_back(wire, b"x")
    proxy.half_open = True
    with pytest.raises(TimeoutError):
        await said_back(wire, b"y", 0.3)  # neither an answer nor an end
    proxy.heal()
    assert await wire[0].read() == b""
    wire[1].close()


async def test_refused_is_closed_at_once(proxy: FaultProxy) -> None:
    proxy.refuses = True
    wire = await connect(proxy)
    assert await wire[0].read() == b""
    wire[1].close()
