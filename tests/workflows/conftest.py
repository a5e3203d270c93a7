"""A running house with a scripted model, a few workflows, and short ways to drive runs over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient, Response

from camel_ext.serving import serving_of
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest
from camel_ext.settings import Queue, Serving, Settings
from camel_ext.workflows.process import workshop_of
from camel_ext.workflows.tools import Tool
from tests.conftest import House
from tests.fakes.engine import FakeEngine, tool_call

Json = dict[str, Any]
LONG_S = 30.0  # the machine may be busy: a wait that ends by time is a failure, not a measure

MODELS = """\
models:
  scripted:
    engine: provider
    url: http://127.0.0.1:9/v1
    model: scripted-1
    price: {input_usd: 1.0, output_usd: 2.0}
aliases:
  small: scripted
"""
AGENTS = """\
# the team
agents:
  talker: {model: small, system: You talk.}
  keeper: {model: small, system: You keep in mind., memory: run}
  sender: {model: small, system: You send., tools: [send]}
"""
WORKFLOWS = """\
workflows:
  talk:
    inputs: {goal: {type: string, default: nothing}}
    steps:
      - {name: first, agent: talker, prompt: "first {{ input.goal }}"}
      - {name: second, agent: talker, prompt: "second {{ steps.first.text }}"}
      - {name: third, agent: talker, prompt: "third {{ steps.second.text }}"}
    output: steps.third.text
  rounds:
    steps:
      - name: again
        loop: {max_rounds: 3, until: "steps.say.text.contains('enough')"}
        steps:
          - {name: say, agent: keeper, prompt: "round {{ round }}"}
    output: {count: steps.again.count, met: steps.again.met}
  best:
    steps:
      - name: tries
        best_of: {n: 4, score: double(size(steps.say.text))}
        steps:
          - {name: say, agent: talker, prompt: "candidate {{ candidate }}"}
          - {name: more, agent: talker, prompt: "more {{ steps.say.text }}"}
    output: steps.tries.text
  act:
    steps:
      - {name: do, agent: sender, prompt: send it}
    output: steps.do.text
  order:
    inputs: {what: {type: string, default: tea}}
    steps:
      - {name: place, tool: send, arguments: {what: "{{ input.what }}"}}
      - {name: told, agent: talker, prompt: "told {{ steps.place.text }}"}
    output: steps.told.text
  broken:
    inputs: {n: {type: integer, default: 0}}
    steps:
      - {name: first, agent: talker, prompt: fine}
      - {name: bad, agent: talker, prompt: "{{ 1 // input.n }}"}
"""
FILES = {"agents.yaml": AGENTS, "workflows.yaml": WORKFLOWS, "models.yaml": MODELS}


def last_said(request: ChatRequest) -> str:
    """The newest message, without what makes it longer each time."""
    return str(request.messages[-1].get("content") or "")


def reply(request: ChatRequest) -> str | Json:
    """Say back what was said; call `send` when there is such a tool and it was not yet called."""
    said = last_said(request)
    if request.tools and request.messages[-1]["role"] != "tool":
        return tool_call("send", '{"what": "tea"}')
    return f"<{said[:40]}>"


class HeldEngine(FakeEngine):
    """Keeps calls waiting while it is held."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.free = asyncio.Event()
        self.free.set()
        self.arrived = 0

    async def chat(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        self.arrived += 1
        await self.free.wait()
        return await super().chat(request, timeout_s=timeout_s)


class Sender:
    """A tool that must run once: counts its calls, and can be held in the middle of one."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.free = asyncio.Event()
        self.free.set()

    async def send(self, given: Json, _context: object) -> str:
        self.sent.append(given["what"])
        await self.free.wait()
        return f"sent {given['what']}"

    def tool(self) -> Tool:
        schema = {"type": "object", "properties": {"what": {"type": "string"}}}
        return Tool("send", "Send it.", {**schema, "required": ["what"]}, False, self.send)


class Stage:
    """A house, its engine and its tool; and what a client does."""

    def __init__(self, house: House, engine: HeldEngine, sender: Sender) -> None:
        self.house, self.engine, self.sender = house, engine, sender
        self.client: AsyncClient = house.client

    def install(self) -> None:
        """Put the engine and the tool in."""
        serving_of(self.house.runtime).use(self.engine)
        workshop_of(self.house.runtime).tools["send"] = self.sender.tool()

    async def apply(self, **files: str) -> Response:
        given = {f"{name}.yaml": text for name, text in files.items()} or FILES
        body = {"name": "main", "files": given}
        return await self.client.put("/api/v1/configurations", json=body)

    async def start(self, workflow: str, **more: Any) -> Json:
        answer = await self.client.post("/api/v1/runs", json={"workflow": workflow, **more})
        assert answer.status_code == 202, answer.text
        started: Json = answer.json()
        return started

    async def show(self, run_id: str) -> Json:
        answer = await self.client.get(f"/api/v1/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        shown: Json = answer.json()
        return shown

    async def until(self, run_id: str, *states: str, waiting_for: str | None = None) -> Json:
        """Wait until the run is in one of these states."""

        async def there() -> Json | None:
            run = await self.show(run_id)
            fits = run["state"] in states and waiting_for in (None, run["waiting_for"])
            return run if fits else None

        found: Json = await eventually(there)
        return found

    async def heard(self) -> None:
        """Wait until the worker knows what was asked of its runs: it looks between any two of its beats."""
        for _ in range(2):
            before = await self._beat()

            async def later(before: str = before) -> bool | None:
                return True if await self._beat() > before else None

            await eventually(later)

    async def _beat(self) -> str:
        workers = (await self.client.get("/api/v1/workers")).json()["items"]
        return str(max(each["heartbeat_at"] for each in workers))

    async def turns(self, run_id: str) -> list[Json]:
        answer = await self.client.get(f"/api/v1/runs/{run_id}/turns", params={"limit": 1000})
        items: list[Json] = answer.json()["items"]
        assert [turn["seq"] for turn in items] == list(range(1, len(items) + 1))
        return items

    async def keys(self, run_id: str) -> list[str]:
        return [turn["step_key"] for turn in await self.turns(run_id)]

    async def do(
        self, run_id: str, verb: str, body: Json | None = None, **headers: str
    ) -> Response:
        path = f"/api/v1/runs/{run_id}/{verb}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=body, headers=named)


async def eventually(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until the answer is not None."""
    async with asyncio.timeout(LONG_S):
        while True:
            answer = await ask()
            if answer is not None:
                return answer
            await asyncio.sleep(0.005)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A server that looks for work often and waits little."""
    return Settings(
        data_dir=tmp_path / "data",
        queue=Queue(poll_s=0.05, heartbeat_s=0.05),
        serving=Serving(
            provider_wait_s=0.05, provider_wait_max_s=0.05, provider_tries=6, attempts=1
        ),
    )


@pytest.fixture
async def stage(house: House) -> Stage:
    """Everything applied and ready to run."""
    made = Stage(house, HeldEngine(answer=reply), Sender())
    made.install()
    applied = await made.apply()
    assert applied.status_code == 200, applied.text
    return made
