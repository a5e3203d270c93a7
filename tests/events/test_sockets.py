"""The WebSocket, from outside, behind our own socket protocol and behind uvicorn's."""

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from camel_ext.events import feed_of
from camel_ext.events.cursors import encode_cursor
from tests.conftest import House
from tests.events.conftest import TOKENS, Served, serving, until

OURS = "camel_ext.events.sockets:FramedSockets"


async def read(socket: ClientConnection, until_n: int | None = None) -> list[dict[str, Any]]:
    """Read one message, or all up to the event that carries a number."""
    messages = [json.loads(await asyncio.wait_for(socket.recv(), 5))]
    while until_n is not None and messages[-1].get("payload") != {"n": until_n}:
        messages.append(json.loads(await asyncio.wait_for(socket.recv(), 5)))
    return messages


async def refused(url: str, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, **options)
    return caught.value.response.status_code


async def _until_closed(socket: ClientConnection) -> AsyncIterator[str | bytes]:
    with suppress(ConnectionClosed):
        while True:
            yield await asyncio.wait_for(socket.recv(), 5)


async def closed(url: str, **options: Any) -> tuple[dict[str, Any], int]:
    """Return the last message before the server closed, and the close code."""
    async with connect(url, **options) as socket:
        messages = [json.loads(message) async for message in _until_closed(socket)]
        assert socket.close_code is not None
        return messages[-1], socket.close_code


async def test_tells_what_happens(served: Served) -> None:
    async with connect(f"{served.ws}?topics=tests", additional_headers=served.headers) as socket:
        hello = (await read(socket))[0]
        assert hello["type"] == "hello"
        await served.happen(1, 2)
        events = await read(socket, 2)
        assert [e["payload"]["n"] for e in events] == [1, 2]
        assert {e["event"] for e in events} == {"tests.thing.happened"}
    url = f"{served.ws}?topics=tests&after={events[0]['cursor']}"
    async with connect(url, additional_headers=served.headers) as socket:
        assert [m["type"] for m in await read(socket, 2)] == ["hello", "event"]


async def test_long_messages_and_letters_of_every_alphabet_arrive_whole(served: Served) -> None:
    url = f"{served.ws}?topics=*"
    async with connect(url, additional_headers=served.headers, max_size=None) as socket:
        await read(socket)
        frames, tenant = feed_of(served.house.runtime).frames, served.house.owner.tenant
        for size in (10, 125, 126, 200, 65_535, 65_536, 300_000):
            frames.emit(tenant, f"s{size}", TOKENS, "é🐫" * size)
            message = (await read(socket))[0]
            assert message["text"] == "é🐫" * size
            assert message["offset"] == 2 * size


async def test_a_stranger_is_refused_before_the_socket_opens(served: Served) -> None:
    assert await refused(served.ws) == 401
    assert await refused(served.ws, additional_headers={"Authorization": "Bearer cx_no"}) == 401


async def test_a_foreign_page_is_refused(served: Served) -> None:
    headers = served.headers
    assert await refused(served.ws, additional_headers=headers, origin="https://evil.test") == 403


async def test_a_browser_sends_its_key_as_subprotocol(served: Served) -> None:
    key = Subprotocol(f"camel-ext.key.{served.key}")
    async with connect(served.ws, subprotocols=[Subprotocol("camel-ext"), key]) as socket:
        assert socket.subprotocol == "camel-ext"
        assert (await read(socket))[0]["type"] == "hello"
    async with connect(served.ws, subprotocols=[key]) as socket:
        assert socket.subprotocol == key


BAD_WISHES = {
    "after=nonsense": "events.bad_cursor",
    "after=": "events.bad_cursor",
    "after=" + "A" * 12: "events.bad_cursor",
    "topics=wrokflows": "events.unknown_topic",
    "topics=tests.thin": "events.unknown_topic",
    "topics=tests:": "events.unknown_topic",
    "topics=,": "events.unknown_topic",
    "topics=" + "tests,tests.thing" * 200: "events.unknown_topic",
}


async def test_a_bad_wish_is_answered_with_a_typed_error(served: Served) -> None:
    for query, code in BAD_WISHES.items():
        last, close_code = await closed(f"{served.ws}?{query}", additional_headers=served.headers)
        assert (last["type"], last["code"], close_code) == ("error", code, 1008), query
        if query == "topics=wrokflows":
            assert "tests.thing.happened" in last["detail"]
            assert "tests.tokens" in last["detail"]


async def test_another_organisation_hears_nothing(served: Served) -> None:
    secret = await served.house.secret("owner", org="other")
    theirs = {"Authorization": f"Bearer {secret}"}
    async with (
        connect(served.ws, additional_headers=theirs) as stranger,
        connect(served.ws, additional_headers=served.headers) as mine,
    ):
        await read(stranger)
        await read(mine)
        await served.happen(1)
        feed_of(served.house.runtime).frames.emit(
            served.house.owner.tenant, "answer", TOKENS, "hidden"
        )
        await read(mine, 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stranger.recv(), 0.1)


async def test_a_stopping_server_says_so_and_leaves_in_time(served: Served) -> None:
    async with connect(served.ws, additional_headers=served.headers) as socket:
        await read(socket)
        started = asyncio.get_running_loop().time()
        served.server.should_exit = True
        last = (await read(socket))[0]
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
        assert (last["type"], last["code"]) == ("error", "events.stopping")
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1012
        await asyncio.wait_for(served.task, 4)
        assert asyncio.get_running_loop().time() - started < 4


async def test_what_a_client_says_is_not_minded(served: Served) -> None:
    async with connect(served.ws, additional_headers=served.headers) as socket:
        await read(socket)
        for _ in range(20):
            await socket.send("hello?")
        await served.happen(1)
        await read(socket, 1)


async def test_a_reader_that_pauses_gets_everything(house: House) -> None:
    """A real socket whose buffers are full, with events that do not fit into them."""
    async with serving(house, OURS, buffer_bytes=4096) as served:
        url = f"{served.ws}?topics=tests"
        raw = sockets.socket()
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", served.port))
        async with connect(url, sock=raw, additional_headers=served.headers, max_queue=1) as socket:
            await read(socket)
            hub = feed_of(house.runtime).hub
            n = 0
            while all(member.live for member in hub._members()) and n < 20_000:
                await served.happen(*range(n, n + 500), subject="x" * 120)
                n += 500
            assert any(not member.live for member in hub._members())
            await served.happen(n)
            messages = await read(socket, n)
        assert [m["payload"]["n"] for m in messages] == list(range(n + 1))


@pytest.mark.parametrize("seed", range(2))
async def test_no_gap_and_no_repetition_over_dropped_sockets(house: House, seed: int) -> None:
    rng = Random(seed)
    total, seen, cursor = 80, list[int](), encode_cursor(0)
    async with serving(house, OURS) as served:

        async def write() -> None:
            for n in range(total):
                await served.happen(n)
                if rng.random() < 0.2:
                    await asyncio.sleep(0.01)

        writing = asyncio.create_task(write())
        while len(seen) < total:
            url = f"{served.ws}?topics=tests&after={cursor}"
            async with connect(url, additional_headers=served.headers) as socket:
                for _ in range(rng.randint(1, 12)):
                    message = json.loads(await asyncio.wait_for(socket.recv(), 5))
                    cursor = message["cursor"]
                    if message["type"] == "event":
                        seen.append(message["payload"]["n"])
                    if len(seen) == total:
                        break
                socket.transport.abort()
        await writing
        assert seen == list(range(total))
        await until(lambda: feed_of(house.runtime).hub.clients == 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_no_gap_and_no_repetition_over_200_dropped_sockets(house: House, seed: int) -> None:
    """P6's fault: with the five seeds 1,000 connections torn at random points."""
    rng = Random(1000 + seed)
    drops, seen, cursor = 0, list[int](), encode_cursor(0)
    async with serving(house, OURS) as served:
        writing = True

        async def write() -> int:
            n = 0
            while writing:
                some = rng.randint(1, 20)
                await served.happen(*range(n, n + some))
                n += some
                await asyncio.sleep(rng.choice([0, 0.005, 0.03]))
            return n

        writer = asyncio.create_task(write())
        while drops < 200:
            url = f"{served.ws}?topics=tests&after={cursor}"
            async with connect(url, additional_headers=served.headers) as socket:
                for _ in range(rng.randint(0, 30)):
                    message = json.loads(await asyncio.wait_for(socket.recv(), 5))
                    cursor = message["cursor"]
                    if message["type"] == "event":
                        seen.append(message["payload"]["n"])
                if rng.random() < 0.3:
                    await asyncio.sleep(rng.uniform(0, 0.03))  # what comes now is never read
                socket.transport.abort()
            drops += 1
        writing = False
        total = await writer
        url = f"{served.ws}?topics=tests&after={cursor}"
        async with connect(url, additional_headers=served.headers) as socket:
            while len(seen) < total:
                message = json.loads(await asyncio.wait_for(socket.recv(), 5))
                if message["type"] == "event":
                    seen.append(message["payload"]["n"])
        assert seen == list(range(total))
