"""An alias moves to an adapter while requests are in flight, on the real model, without a restart.

Whoever asks after the move is answered by the adapter, at the latest 3 s later; whoever asked before is
answered by what the alias was then; nobody fails; and the old model process goes when its calls are done.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from camel_ext.serving.bundled import bundled_path
from camel_ext.settings import Settings
from tests.conftest import House
from tests.fakes.gguf import write_random_lora
from tests.serving.conftest import Log
from tests.serving.engines.test_local import running_children

pytestmark = pytest.mark.slow
SWITCH_S = 3.0
LONG_S = 60.0
CLIENTS = 3
FILES = {
    "models.yaml": """
models:
  base: {engine: local, file: bundled, context_tokens: 512}
aliases:
  thinker: base
""",
    "agents.yaml": "agents:\n  talker: {model: thinker, params: {temperature: 0, max_tokens: 8}}\n",
    "workflows.yaml": """
workflows:
  talk:
    steps:
      - {name: one, agent: talker, prompt: Name a colour.}
      - {name: two, agent: talker, prompt: Name a river.}
      - {name: three, agent: talker, prompt: Name a town.}
""",
}
Json = dict[str, Any]


@pytest.fixture
def settings(tmp_path: Path, bundled_model: Path) -> Settings:
    data_dir = tmp_path / "data"
    path = bundled_path(data_dir)
    path.parent.mkdir(parents=True)
    path.symlink_to(bundled_model)
    return Settings(data_dir=data_dir)


@dataclass(frozen=True)
class Call:
    """One request through the gateway: when it began and ended, and who answered."""

    began_s: float
    ended_s: float
    status: int
    version: str | None


@dataclass
class Crowd:
    """Clients that never stop asking."""

    house: House
    calls: list[Call] = field(default_factory=list)

    async def ask(self, **more: Any) -> Call:
        clock = self.house.runtime.clock
        began_s = clock.monotonic_s()
        message = {"role": "user", "content": "Name three colours."}
        body = {
            "model": "thinker",
            "messages": [message],
            "temperature": 0,
            "max_tokens": 8,
            **more,
        }
        answer = await self.house.client.post("/v1/chat/completions", json=body, timeout=LONG_S)
        version = answer.headers.get("X-Camel-Model-Version")
        return Call(began_s, clock.monotonic_s(), answer.status_code, version)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        async def go_on() -> None:
            while True:
                self.calls.append(await self.ask())

        clients = [asyncio.create_task(go_on()) for _ in range(CLIENTS)]
        try:
            yield
        finally:
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)

    async def until_answered_by(self, version: str, since_s: float) -> float:
        """Wait for the first answer of a version; return how long after the given time it came."""
        async with asyncio.timeout(LONG_S):
            while True:
                ends = [call.ended_s for call in self.calls if call.version == version]
                if after := [ended_s for ended_s in ends if ended_s >= since_s]:
                    return min(after) - since_s
                await asyncio.sleep(0.01)


async def add_adapter(house: House, folder: Path, name: str, seed: int) -> str:
    """Register a LoRA of random numbers; return its version's id."""
    file = write_random_lora(folder / f"{name}.gguf", seed=seed, strength=0.3)
    body = {"name": name, "file": str(file)}
    made = await house.client.post("/api/v1/models/base/adapters", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def move(house: House, target: str) -> float:
    """Point the alias there; return when that was promised."""
    found = await house.client.get("/api/v1/aliases/thinker")
    moved = await house.client.put(
        "/api/v1/aliases/thinker",
        json={"targets": [{"target": target}]},
        headers={"If-Match": found.headers["ETag"]},
    )
    assert moved.status_code == 200, moved.text
    return house.runtime.clock.monotonic_s()


async def slowdown() -> float:
    """How many times longer work takes now than on an idle machine: 1.0 there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", SPIN, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return max(1.0, float(said))


SPIN = """
import time
wall_s, cpu_s = time.monotonic(), time.process_time()
while time.process_time() - cpu_s < 0.2:
    pass
print((time.monotonic() - wall_s) / 0.2)
"""


async def finish(house: House, run: Json) -> Json:
    async with asyncio.timeout(LONG_S):
        while run["state"] in ("queued", "running"):
            await asyncio.sleep(0.05)
            run = (await house.client.get(f"/api/v1/runs/{run['id']}")).json()
    assert run["state"] == "succeeded", run
    return run


async def answered_by(house: House, run: Json) -> set[str | None]:
    """The adapters that answered a run's turns."""
    page = await house.client.get("/api/v1/interactions", params={"run_id": run["id"]})
    rows = page.json()["items"]
    assert len(rows) == 3
    return {row["adapter_version_id"] for row in rows}


async def start_run(house: House) -> Json:
    started = await house.client.post("/api/v1/runs", json={"workflow": "talk"})
    assert started.status_code == 202, started.text
    run: Json = started.json()
    return run


async def test_a_promoted_adapter_answers_at_once_and_nobody_fails(
    house: House, log: Log, tmp_path: Path
) -> None:
    body = {"name": "main", "files": FILES}
    assert (await house.client.put("/api/v1/configurations", json=body)).status_code == 200
    adapters = [await add_adapter(house, tmp_path, f"a{n}", n) for n in range(3)]
    crowd = Crowd(house)
    base = (await crowd.ask()).version
    assert base is not None
    first_process = running_children()
    switches_s = []
    async with crowd.asking():
        long = asyncio.create_task(crowd.ask(max_tokens=300, ignore_eos=True))
        before = await start_run(house)
        await crowd.until_answered_by(base, house.runtime.clock.monotonic_s())
        for number, adapter in enumerate(adapters):
            share = await slowdown()
            moved_s = await move(house, f"base/a{number}")
            switches_s.append(await crowd.until_answered_by(adapter, moved_s) / share)
            if number == 0:
                after = await finish(house, await start_run(house))
                assert await answered_by(house, after) == {adapter}
        rolled_back_s = await move(house, "base@1")
        back_s = await crowd.until_answered_by(base, rolled_back_s)
    assert await answered_by(house, await finish(house, before)) == {None}
    assert ((await long).status, (await long).version) == (200, base)
    assert {call.status for call in crowd.calls} == {200}
    late = {call.version for call in crowd.calls if call.began_s > rolled_back_s}
    assert late == {base}
    assert min(switches_s) < SWITCH_S, switches_s  # of three, as others may use this machine, too
    assert back_s < SWITCH_S * share, "it was loaded all the time"
    assert not [row for row in await log.rows() if row["error_code"] not in (None, ABORTED)]
    async with asyncio.timeout(LONG_S):
        while len(running_children()) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert running_children() != first_process
    (engine,) = (await house.client.get("/api/v1/serving/engines")).json()["engines"]
    assert (engine["ok"], engine["restarts"]) == (True, 0)


ABORTED = "serving.call_aborted"  # the crowd's last calls, which the test itself leaves
