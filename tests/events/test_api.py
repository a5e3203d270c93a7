"""The feed over plain HTTP: a page to poll, server-sent events, text streams."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

import pytest
from httpx import AsyncClient

from camel_ext.events import feed_of
from camel_ext.events.cursors import encode_cursor
from tests.conftest import House
from tests.events.conftest import TOKENS, Served, happen, serving, until

BASE = "/api/v1/events"


async def happened(house: House, *numbers: int) -> None:
    """Commit events and number them."""
    await happen(house.runtime, house.owner.tenant, *numbers)
    await feed_of(house.runtime).dispatcher.turn()


async def test_a_stranger_is_refused(house: House) -> None:
    for path in ("/log", "/stream", "/streams?subject=run", "/streams/some"):
        answer = await house.as_key(None).get(BASE + path)
        assert answer.status_code == 401
        assert answer.json()["code"] == "identity.key_missing"


async def test_the_log_is_read_page_by_page(house: House) -> None:
    await happened(house, *range(7))
    got, cursor, more = [], encode_cursor(0), True
    while more:
        page = (await house.client.get(f"{BASE}/log?limit=3&topics=tests&after={cursor}")).json()
        assert not page["reset"]
        got += [item["payload"]["n"] for item in page["items"]]
        cursor, more = page["cursor"], page["more"]
    assert got == list(range(7))
    again = (await house.client.get(f"{BASE}/log?after={cursor}")).json()
    assert again == {"items": [], "cursor": cursor, "more": False, "reset": False}
    none = (await house.client.get(f"{BASE}/log?topics=tests.other")).json()
    assert (none["items"], none["cursor"]) == ([], cursor)


async def test_the_log_of_a_place_that_never_was_is_reset(house: House) -> None:
    await happened(house, 1)
    page = (await house.client.get(f"{BASE}/log?after={encode_cursor(50)}")).json()
    assert page["reset"]
    assert page["cursor"] == encode_cursor(1)


async def test_another_organisation_reads_nothing(house: House) -> None:
    await happened(house, 1)
    feed_of(house.runtime).frames.emit(house.owner.tenant, "answer", TOKENS, "hidden")
    theirs = await house.as_role("owner", org="other")
    assert (await theirs.get(f"{BASE}/log")).json()["items"] == []
    assert (await theirs.get(f"{BASE}/streams/answer")).status_code == 404
    assert (await theirs.get(f"{BASE}/streams?subject=answer")).json() == []
    assert (await house.client.get(f"{BASE}/streams/answer")).status_code == 200


async def test_the_texts_that_a_thing_is_making(house: House) -> None:
    frames = feed_of(house.runtime).frames
    for stream_id, subject in (("run/a", "run"), ("run/b", "run"), ("other", "other")):
        frames.emit(house.owner.tenant, stream_id, TOKENS, f"of {stream_id}", subject=subject)
    frames.end(house.owner.tenant, "run/a")
    found = (await house.client.get(f"{BASE}/streams?subject=run")).json()
    assert [(each["stream"], each["text"], each["offset"]) for each in found] == [
        ("run/b", "of run/b", 8)
    ]
    assert (await house.client.get(f"{BASE}/streams")).status_code == 422


async def test_a_bad_wish_gets_a_clear_error(house: House) -> None:
    wishes = {"after=x": "events.bad_cursor", "topics=nothing.here": "events.unknown_topic"}
    for path, (query, code) in product(("/log", "/stream"), wishes.items()):
        answer = await house.client.get(f"{BASE}{path}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_page_cursor_of_a_list_is_not_one_of_the_feed(house: House) -> None:
    from camel_ext.core.paging import encode_cursor as page_cursor

    wrong = page_cursor(house.runtime.clock.now(), house.runtime.new_id())
    answer = await house.client.get(f"{BASE}/log?after={wrong}")
    assert answer.json()["code"] == "events.bad_cursor"


class Sse:
    """A reader of server-sent events, comments included."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_id = ""
        self.retry = ""
        self.comments = 0

    async def next(self) -> dict[str, Any]:
        data = ""
        while True:
            line = await asyncio.wait_for(anext(self._lines), 5)
            name, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments += 1
            elif name == "id":
                self.last_id = value
            elif name == "retry":
                self.retry = value
            elif name == "data":
                data = value
            elif not line and data:
                return json.loads(data)  # type: ignore[no-any-return]


@asynccontextmanager
async def sse(served: Served, query: str = "", **headers: str) -> AsyncIterator[Sse]:
    async with (
        AsyncClient(headers=served.headers | headers, timeout=5) as client,
        client.stream("GET", f"{served.http}/stream?{query}") as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Sse(answer.aiter_lines())


@pytest.fixture
async def one(house: House) -> AsyncIterator[Served]:
    async with serving(house, "camel_ext.events.sockets:FramedSockets") as served:
        yield served


async def test_server_sent_events_carry_cursors_as_ids(one: Served) -> None:
    async with sse(one, "topics=tests") as stream:
        hello = await stream.next()
        assert (hello["type"], stream.last_id, stream.retry) == ("hello", hello["cursor"], "2000")
        await one.happen(1, 2)
        first = await stream.next()
        assert (first["payload"], stream.last_id) == ({"n": 1}, first["cursor"])
        last_id = stream.last_id
        await stream.next()
    headers = {"Last-Event-ID": last_id}
    async with sse(one, f"topics=tests&after={encode_cursor(0)}", **headers) as stream:
        assert (await stream.next())["type"] == "hello"
        assert (await stream.next())["payload"] == {"n": 2}
    await until(lambda: feed_of(one.house.runtime).hub.clients == 0)


async def test_a_quiet_event_stream_gets_comments(one: Served) -> None:
    hub = feed_of(one.house.runtime).hub
    hub._heartbeat_s = 0.02
    keeper = asyncio.create_task(hub.keep())
    async with sse(one) as stream:
        await stream.next()
        await asyncio.sleep(0.1)
        await one.happen(1)
        await stream.next()
        assert stream.comments >= 1
    keeper.cancel()


async def test_a_stopping_server_ends_event_streams_in_time(one: Served) -> None:
    async with sse(one) as stream:
        await stream.next()
        started = asyncio.get_running_loop().time()
        one.server.should_exit = True
        assert (await stream.next())["code"] == "events.stopping"
        await asyncio.wait_for(one.task, 4)
        assert asyncio.get_running_loop().time() - started < 4


async def test_a_late_reader_takes_the_snapshot_and_goes_on_with_frames(one: Served) -> None:
    frames, tenant = feed_of(one.house.runtime).frames, one.house.owner.tenant
    frames.emit(tenant, "run/step[2]/call[0]", TOKENS, "Once upon ", subject="run")
    async with sse(one, f"topics={TOKENS}:run") as stream:
        await stream.next()
        frames.emit(tenant, "run/step[2]/call[0]", TOKENS, "a time", subject="run")
        url = f"{one.http}/streams/run/step[2]/call[0]"
        async with AsyncClient(headers=one.headers) as client:
            shown = (await client.get(url)).json()
            assert (shown["text"], shown["offset"], shown["done"]) == (
                "Once upon a time",
                16,
                False,
            )
            frames.emit(tenant, "run/step[2]/call[0]", TOKENS, " there", subject="run")
            frames.end(tenant, "run/step[2]/call[0]")
            got = [await stream.next() for _ in range(3)]
            assert [f["offset"] for f in got] == [16, 22, 22]
            text = shown["text"] + "".join(f["text"] for f in got if f["offset"] > shown["offset"])
            assert text == (await client.get(url)).json()["text"] == "Once upon a time there"
            assert got[-1]["done"]
