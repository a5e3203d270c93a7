"""The asyncio client: the twin of the other one, tried by script and on the app itself."""

import importlib.util
import inspect
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from camel_ext_client import ApiError, AsyncClient, Client, Patience, Unreachable

from tests.clients.test_client import Script, event, problem, sse
from tests.conftest import House

WRITER = Path(__file__).parents[2] / "clients" / "python" / "write_async.py"
RUN = {"id": "0190", "state": "queued"}
Talk = Callable[..., tuple[AsyncClient, Script]]


def writer() -> Any:
    """The script that writes the twin; its folder is no package."""
    spec = importlib.util.spec_from_file_location("write_async", WRITER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", writer().modules())
def test_the_twin_is_what_the_script_writes(name: str) -> None:
    script = writer()
    assert (script.ASYNC / f"{name}.py").read_text() == script.written(name), "run `make client`"


def test_it_has_every_method_of_the_other_one() -> None:
    def methods(client: Any) -> set[str]:
        found = {name for name in dir(client) if not name.startswith("_")}
        for name in [name for name in found if hasattr(getattr(client, name), "_transport")]:
            found |= {f"{name}.{each}" for each in methods(getattr(client, name))}
        return found

    with Client() as plain:
        assert methods(AsyncClient()) == methods(plain)
    assert inspect.iscoroutinefunction(AsyncClient().runs.start)
    assert not inspect.iscoroutinefunction(AsyncClient().runs.each)


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    made: list[AsyncClient] = []

    def build(*answers: httpx.Response | Exception) -> tuple[AsyncClient, Script]:
        script = Script(*answers)
        client = AsyncClient(
            "http://server", "cx_key", patience=Patience(tries=4, rng=Random(1)),
            transport=httpx.MockTransport(script),
        )  # fmt: skip

        async def at_once(_s: float) -> None:
            pass

        client._transport.sleep = at_once
        made.append(client)
        return client, script

    yield build
    for each in made:
        await each.close()


class TestRetries:
    async def test_a_lost_answer_is_asked_again_with_the_same_key(self, talk: Talk) -> None:
        client, script = talk(
            httpx.ConnectError("refused"), httpx.ReadError("lost"), httpx.Response(202, json=RUN)
        )
        assert (await client.runs.start("solve"))["id"] == "0190"
        assert len({request.headers["Idempotency-Key"] for request in script.asked}) == 1
        assert len(script.asked) == 3

    async def test_a_read_is_repeated_and_an_action_is_not(self, talk: Talk) -> None:
        client, script = talk(httpx.ReadTimeout("late"), httpx.Response(200, json=RUN))
        assert (await client.runs.get("0190"))["state"] == "queued"
        client, script = talk(httpx.ReadTimeout("late"))
        with pytest.raises(Unreachable, match="longer than"):
            await client.runs.pause("0190")
        assert len(script.asked) == 1

    async def test_the_last_503_is_the_servers_own_error(self, talk: Talk) -> None:
        client, _ = talk(*[problem(503, "core.unavailable")] * 4)
        with pytest.raises(ApiError) as caught:
            await client.runs.get("0190")
        assert (caught.value.status, caught.value.trace_id) == (503, "t1")

    async def test_what_is_no_address_is_said_to_be_none(self) -> None:
        with pytest.raises(Unreachable):
            async with AsyncClient("http://[", patience=Patience(tries=1)) as client:
                await client.health()


class TestReading:
    async def test_pages_are_followed_to_the_end(self, talk: Talk) -> None:
        client, script = talk(
            httpx.Response(200, json={"items": [1, 2], "next_cursor": "c"}),
            httpx.Response(200, json={"items": [3], "next_cursor": None}),
        )
        found: list[Any] = [run async for run in client.runs.each(state="failed")]
        assert found == [1, 2, 3]
        assert script.asked[1].url.params["cursor"] == "c"

    async def test_an_export_is_read_line_by_line(self, talk: Talk) -> None:
        client, _ = talk(httpx.Response(200, text='{"id": 1}\n{"id": 2}\n'))
        assert [row async for row in client.interactions.export()] == [{"id": 1}, {"id": 2}]

    async def test_a_file_is_opened_and_held_some_at_a_time(self, talk: Talk) -> None:
        client, _ = talk(httpx.Response(200, content=b"abc"))
        async with client.datasets.export("v") as pieces:
            assert b"".join([piece async for piece in pieces]) == b"abc"


class TestFeed:
    async def test_a_lost_connection_is_said_and_gone_on_from_its_cursor(self, talk: Talk) -> None:
        client, script = talk(
            sse({"type": "hello", "cursor": "c0"}, event("c1"), event("c2")),
            httpx.ConnectError("refused"),
            sse({"type": "hello", "cursor": "c2"}, event("c3"), "c9"),
            sse(event("c10")),
        )
        lost: list[Exception] = []
        seen = []
        async for message in client.watch(["a"], on_lost=lost.append):
            seen.append(message.get("cursor"))
            if seen[-1] == "c10":
                break
        assert seen == ["c0", "c1", "c2", "c2", "c3", "c9", "c10"]
        asked = [request.url.params.get("after") for request in script.asked]
        assert asked == [None, "c2", "c2", "c9"]
        assert len(lost) == 3

    async def test_a_run_is_waited_for(self, talk: Talk) -> None:
        client, script = talk(
            sse({"type": "hello", "cursor": "c0"}, {"type": "frame", "text": "a"}, event("c1")),
            httpx.Response(200, json={**RUN, "state": "running", "waiting_for": None}),
            httpx.Response(200, json={**RUN, "state": "waiting", "waiting_for": "person"}),
        )
        assert (await client.wait("0190"))["waiting_for"] == "person"
        assert len(script.asked) == 3

    async def test_it_gives_up_where_that_is_wanted(self, talk: Talk) -> None:
        client, _ = talk(httpx.ConnectError("refused"))
        with pytest.raises(Unreachable):
            await anext(client.watch([], give_up_s=0))


async def test_on_the_app_itself(house: House) -> None:
    key = (house.data_dir / "owner.key").read_text().strip()
    transport = httpx.ASGITransport(app=house.app)  # type: ignore[arg-type]
    async with AsyncClient("http://127.0.0.1", key, transport=transport) as client:
        assert (await client.me())["role"] == "owner"
        assert [run async for run in client.runs.each()] == []
        files = {"models.yaml": "models:\n  tiny: {engine: local, file: bundled}\n"}
        applied = await client.configurations.apply(files)
        assert applied["revision"] == 1
        assert [model["name"] async for model in client.models.each()] == ["tiny"]
        with pytest.raises(ApiError) as caught:
            await client.runs.start("unknown", {"goal": json.dumps({})})
        assert caught.value.status == 404
