"""What a cluster does without its database, and without its Redis: it waits, says so, and goes on."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from camel_ext_client import AsyncClient

from camel_ext.events.cursors import decode_cursor
from tests.brokers.servers import private_valkey
from tests.chaos.platform import World, copy_of, goal, make_template
from tests.chaos.watcher import AWAY, Watcher
from tests.cluster.apis import Api, ready, wrong_between
from tests.postgres import create_database, own_postgres, url_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos")]
QUICK = {"CAMEL_EXT_QUEUE__LEASE_S": "3", "CAMEL_EXT_QUEUE__HEARTBEAT_S": "0.3"}
Json = dict[str, Any]


async def status_of(api: Api) -> Json:
    async with httpx.AsyncClient(base_url=api.url, timeout=20) as client:
        answer = await client.get("/api/v1/status")
        assert answer.status_code == 200
        found: Json = answer.json()
        return found | {"by_name": {each["name"]: each for each in found["dependencies"]}}


async def becomes(api: Api, state: str) -> Json:
    async with asyncio.timeout(30):
        while (found := await status_of(api))["state"] != state:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        return found


async def follow(api: Api, heard: list[str]) -> None:
    """Keep each event's cursor, as any user of the Python client hears them."""
    key = api.headers()["Authorization"].removeprefix("Bearer ")
    async with AsyncClient(api.url, key) as client:
        async for message in client.watch():
            if message["type"] == "event":
                heard.append(message["cursor"])  # noqa: PERF401 - it never ends


async def test_a_database_that_crashes_costs_time_and_nothing_else(
    world: World, tmp_path: Path
) -> None:
    """Stopped hard and started again in the middle of runs, twice; clients go on by themselves."""
    with own_postgres() as server:
        create_database(server.url, "crashed")
        url = url_of(server.url, "crashed")
        template = await asyncio.to_thread(make_template, world, tmp_path / "template", url)
        api = Api(world, copy_of(template, tmp_path / "a"), url, QUICK)
        try:
            await ready(api)
            api.start_worker()
            watcher = Watcher(api, "crash", [0, 1, 2, 3])
            heard: list[str] = []
            following = asyncio.create_task(follow(api, heard))
            watching = asyncio.create_task(watcher.run())
            async with asyncio.timeout(120):
                for _ in range(2):
                    await watcher.heard_turn(5)
                    await asyncio.to_thread(server.stop)
                    down = await becomes(api, "down")
                    assert down["by_name"]["database"]["since"]
                    async with httpx.AsyncClient(
                        base_url=api.url, headers=api.headers(), timeout=20
                    ) as client:
                        refused = await client.post("/api/v1/runs", json={"workflow": "team"})
                        assert refused.status_code == 503
                        assert int(refused.headers["retry-after"]) >= 1
                        assert (await client.get("/health/ready")).status_code == 503
                        assert (await client.get("/health/live")).status_code == 200
                    await asyncio.to_thread(server.start)
                    await becomes(api, "ok")
                await watching
                while not heard or heard[-1] != watcher.cursor:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            following.cancel()
        finally:
            api.kill_all()
    assert wrong_between([watcher]) == []
    seqs = [decode_cursor(cursor) for cursor in heard]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert {run["state"] for run in watcher.ended.values()} == {"succeeded"}


class Listener:
    """Hears one process' frames, by stream."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.texts: dict[str, str] = {}
        self.live = asyncio.Event()

    async def run(self) -> None:
        async with httpx.AsyncClient(
            base_url=self.api.url, headers=self.api.headers(), timeout=60
        ) as client:
            with suppress(*AWAY):
                async with client.stream(
                    "GET", "/api/v1/events/stream?topics=serving.text"
                ) as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith("data: "):
                            self._hear(json.loads(line[6:]))

    def _hear(self, said: Json) -> None:
        self.live.set()
        if said["type"] == "frame":
            self.texts[said["stream"]] = self.texts.get(said["stream"], "") + said["text"]


async def run_once(api: Api, number: int) -> Json:
    async with httpx.AsyncClient(base_url=api.url, headers=api.headers(), timeout=20) as client:
        body = {"workflow": "team", "input": {"goal": goal(number)}, "seed": number}
        made = await client.post("/api/v1/runs", json=body)
        assert made.status_code == 202, made.text
        async with asyncio.timeout(60):
            while True:
                run: Json = (await client.get(f"/api/v1/runs/{made.json()['id']}")).json()
                if run["finished_at"]:
                    return run
                await asyncio.sleep(0.05)


async def test_text_of_a_worker_is_seen_live_at_a_server_and_redis_may_die(
    world: World, postgres_server: str, tmp_path: Path
) -> None:
    create_database(postgres_server, "bussed")
    url = url_of(postgres_server, "bussed")
    template = await asyncio.to_thread(make_template, world, tmp_path / "template", url)
    with private_valkey() as valkey:
        told = QUICK | {"CAMEL_EXT_REDIS__URL": valkey.url}
        api = Api(world, copy_of(template, tmp_path / "a"), url, told)
        try:
            await ready(api)
            api.start_worker()
            listener = Listener(api)
            listening = asyncio.create_task(listener.run())
            await listener.live.wait()
            first = await run_once(api, 0)
            assert first["state"] == "succeeded"
            mine = {
                stream: text for stream, text in listener.texts.items() if first["id"] in stream
            }
            assert len(mine) >= 3
            assert all(mine.values())
            valkey.kill()
            down = await becomes(api, "degraded")
            assert down["by_name"]["Redis"]["state"] == "down"
            assert "database" in down["by_name"]["Redis"]["meanwhile"]
            assert (await run_once(api, 1))["state"] == "succeeded"  # the database serves alone
            valkey.start()
            await becomes(api, "ok")
            async with asyncio.timeout(30):  # the worker comes back by itself, too
                while True:
                    again = await run_once(api, 2)
                    if any(again["id"] in stream for stream in listener.texts):
                        break
            listening.cancel()
        finally:
            api.kill_all()
