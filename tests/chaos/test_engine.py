"""Kill -9 of the local engine, with the real model, in the middle of runs: they go on by themselves."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.chaos.platform import Platform, World
from tests.chaos.watcher import FINAL

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos")]
FILES = {
    "models.yaml": "models:\n  tiny: {engine: local, file: bundled, context_tokens: 512}\n"
    "aliases: {small: tiny}\n",
    "agents.yaml": "agents:\n  talker: {model: small, system: You talk., "
    "params: {max_tokens: 12, temperature: 0}}\n",
    "workflows.yaml": "workflows:\n  talk:\n    inputs: {goal: {type: string}}\n    steps:\n"
    "      - name: again\n        loop: {max_rounds: 4}\n        steps:\n"
    '          - {name: say, agent: talker, prompt: "{{ input.goal }} {{ round }}"}\n'
    "    output: steps.again.count\n",
}


def engines(server: int) -> list[int]:
    """Return the process ids of the engines that a server started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(stat[1]) == server and b"local_process" in command:
            found.append(int(folder.name))
    return found


@pytest.fixture
def platform(tmp_path: Path, bundled_model: Path) -> Iterator[Platform]:
    folder = tmp_path / "data"
    (folder / "models").mkdir(parents=True)
    shutil.copy(bundled_model, folder / "models")
    world = World.open(tmp_path)
    platform = Platform(world, folder, settings={"CAMEL_EXT_SERVING__PROVIDER_WAIT_S": "0.5"})
    platform.start_server()
    try:
        platform.wait_ready()
        yield platform
    finally:
        platform.kill_all()
        world.close()


def test_a_killed_engine_is_started_again_and_no_turn_is_lost(platform: Platform) -> None:
    rng, kills = Random(5), 0
    assert platform.server is not None
    with platform.client() as client:
        applied = client.put("/api/v1/configurations", json={"name": "main", "files": FILES})
        assert applied.status_code == 200, applied.text
        ids = []
        for number in range(3):
            body = {"workflow": "talk", "input": {"goal": f"Count {number}"}, "seed": number}
            ids.append(client.post("/api/v1/runs", json=body).json()["id"])
        seen: dict[tuple[str, int], Any] = {}
        deadline_s = time.monotonic() + 150
        while True:
            states = [client.get(f"/api/v1/runs/{run_id}").json()["state"] for run_id in ids]
            for run_id in ids:
                for turn in client.get(f"/api/v1/runs/{run_id}/turns").json()["items"]:
                    assert seen.setdefault((run_id, turn["seq"]), turn) == turn
            if all(state in FINAL for state in states):
                break
            assert time.monotonic() < deadline_s, (states, platform.log.read_text()[-2000:])
            if kills < 4 and len(seen) >= 2 * kills + 1:
                time.sleep(rng.uniform(0, 0.3))
                for engine in engines(platform.server.pid):
                    os.kill(engine, signal.SIGKILL)
                    kills += 1
            time.sleep(0.05)
        assert kills >= 2
        assert states == ["succeeded"] * 3
        assert sorted(seen) == sorted((run_id, seq) for run_id in ids for seq in range(1, 5))
