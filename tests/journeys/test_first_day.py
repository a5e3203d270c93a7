"""A user's first day from outside: files in, a team at work, a stop, a restart, a retry, files out."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chaos.platform import AGENTS, MODELS, WORKFLOWS, Platform, World, goal

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos")]
Json = dict[str, Any]


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    world = World.open(tmp_path)
    platform = Platform(world, tmp_path / "data")
    platform.data_dir.mkdir()
    try:
        yield platform
    finally:
        platform.kill_all()
        world.close()


def until(client: httpx.Client, run_id: str, *states: str) -> Json:
    deadline_s = time.monotonic() + 60
    while True:
        run: Json = client.get(f"/api/v1/runs/{run_id}").json()
        if run["state"] in states:
            return run
        assert time.monotonic() < deadline_s, run
        time.sleep(0.05)


def test_a_first_day(platform: Platform) -> None:
    platform.start_server(cold=True)
    platform.wait_ready()
    files = {
        "models.yaml": "# ours\n" + MODELS.format(url=platform.world.provider.url),
        "agents.yaml": AGENTS,
        "workflows.yaml": WORKFLOWS,
    }
    body = {"workflow": "team", "input": {"goal": goal(1)}, "single_step": True, "seed": 1}
    with platform.client() as client:
        assert client.put("/api/v1/configurations", json={"files": files}).status_code == 200
        run_id = client.post("/api/v1/runs", json=body).json()["id"]
        waiting = until(client, run_id, "waiting")
        assert (waiting["waiting_for"], waiting["turns"]) == ("pause", 1)

    platform.kill_server()
    platform.start_server()
    platform.wait_ready()
    with platform.client() as client:
        assert client.get(f"/api/v1/runs/{run_id}").json() == waiting
        client.post(f"/api/v1/runs/{run_id}/resume", json={"single_step": False})
        run = until(client, run_id, "succeeded", "failed")
        assert run["state"] == "succeeded", run
        turns = client.get(f"/api/v1/runs/{run_id}/turns").json()["items"]
        assert [turn["seq"] for turn in turns] == list(range(1, run["turns"] + 1))
        spoken = [turn for turn in turns if turn["kind"] == "model"]
        logged = client.get("/api/v1/interactions", params={"run_id": run_id}).json()["items"]
        assert {each["id"] for each in logged} == {turn["interaction_id"] for turn in spoken}

        retry = client.post(f"/api/v1/runs/{run_id}/retry", json={"step_key": "tries"}).json()
        again = until(client, retry["id"], "succeeded", "failed")
        assert again["output"] == run["output"]
        shown = client.get("/api/v1/configurations/main").json()
        assert shown["files"] == files
