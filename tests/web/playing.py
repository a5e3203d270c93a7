"""A served house for the run screens: a team that works in rounds, and a gate in the middle of its words.

The engine plays; rows, routes, events and frames are the real ones. While the gate is shut, every
answer stands still after its first words, so that a test can look at a run in the making.
"""

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from camel_ext.core.runtime import Runtime
from camel_ext.serving import serving_of
from camel_ext.serving.engines.protocol import ChatRequest
from camel_ext.settings import Queue, Settings
from camel_ext.training.process import yard_of
from tests.fakes.engine import Answer, FakeEngine, tool_call
from tests.live import live_app
from tests.training.makers import write_base

Json = dict[str, Any]
LONG_S = 180.0
WORDS_BEFORE_THE_GATE = 3
FINAL = ("succeeded", "failed", "cancelled")

MODELS = """\
models:
  base: {engine: local, file: base.gguf, context_tokens: 2048}
aliases:
  small: base
"""
AGENTS = """\
agents:
  planner: {model: small, system: "You plan.", params: {temperature: 0.7, max_tokens: 40}}
  worker: {model: small, system: "You do it.", params: {temperature: 0}}
  handy: {model: small, system: "You count.", tools: [python]}
"""
WORKFLOWS = """\
workflows:
  team:
    description: Plan and do, until it is done.
    inputs:
      goal: {type: string, description: What is to be reached.}
      weight: {type: integer, default: 1}
    steps:
      - name: rounds
        loop: {max_rounds: 3, until: steps.check.passed}
        steps:
          - {name: plan, agent: planner, prompt: "Round {{ round }}. {{ input.goal }}"}
          - {name: do, agent: worker, prompt: "Round {{ round }}. Do: {{ steps.plan.text }}"}
          - {name: check, verify: contains, params: {any: [done]}}
    output: steps.rounds.last.do.text
  choices:
    inputs: {goal: {type: string}}
    steps:
      - name: tries
        best_of: {n: 3, score: "steps.check.score"}
        steps:
          - {name: plan, agent: planner, prompt: "Try {{ candidate }}. {{ input.goal }}"}
          - {name: check, verify: length, params: {unit: words, max: 40}}
      - {name: look, agent: handy, prompt: "Count: {{ steps.tries.text }}"}
    output: steps.look.text
"""
TURNS = 6  # two rounds of plan, do, check
PLAN = "First look at all of it, then act."
NOT_YET = "It is only half of what you asked for."
DONE = "Now it is done, as you asked."


def answer(request: ChatRequest) -> Answer:
    """The planner plans, the worker is done in the second round, the handy one counts by a tool."""
    system, last = request.messages[0]["content"], request.messages[-1]
    asked = str(last["content"])
    if system == "You plan.":
        return f"{PLAN} Seed {int(request.params['seed']) % 1000}."
    if system == "You count.":
        used = last["role"] == "tool"
        return f"I counted: {asked}" if used else tool_call("python", '{"code": "print(6 * 7)"}')
    return DONE if asked.startswith("Round 1") else NOT_YET


@dataclass
class Playing:
    """The server, its gate, and ways to ask its API as its owner."""

    url: str
    key: str
    client: httpx.Client
    engine: FakeEngine
    _open: threading.Event = field(default_factory=threading.Event)

    def shut(self) -> None:
        """Let every answer stop after its first words."""
        self._open.clear()

    def open(self) -> None:
        """Let all of them go on."""
        self._open.set()

    async def wait(self, word: int) -> None:
        """Wait, on the engine's loop, until a word may be said."""
        if word < WORDS_BEFORE_THE_GATE:
            return
        while not self._open.is_set():  # noqa: ASYNC110 -- another thread opens it
            await asyncio.sleep(0.01)

    def ask(self, method: str, path: str, body: Json | None = None) -> Any:
        """Call the API, and return what it says."""
        answered = self.client.request(method, f"/api/v1{path}", json=body)
        assert answered.is_success, (path, answered.text)
        return answered.json() if answered.content else None

    def start(self, goal: str = "Sort the letters.", workflow: str = "team", **more: Any) -> str:
        """Start a run, and return its id."""
        wanted = {"workflow": workflow, "input": {"goal": goal}, **more}
        return str(self.ask("POST", "/runs", wanted)["id"])

    def until(self, run_id: str, *states: str) -> Json:
        """Return the run once it is in one of the states, or has ended."""
        deadline = time.monotonic() + LONG_S
        while True:
            run: Json = self.ask("GET", f"/runs/{run_id}")
            if run["state"] in (states or FINAL):
                return run
            assert time.monotonic() < deadline, run
            time.sleep(0.02)

    def finished(self, goal: str = "Sort the letters.", **more: Any) -> Json:
        """Return a run that went to its end."""
        return self.until(self.start(goal, **more))

    def turns(self, run_id: str) -> list[Json]:
        """Return the run's turns, in order."""
        return list(self.ask("GET", f"/runs/{run_id}/turns")["items"])


@contextmanager
def playing(folder: Path, template: Path) -> Iterator[Playing]:
    """Serve the house until the block ends."""
    settings = Settings(data_dir=folder / "data", queue=Queue(poll_s=0.02, heartbeat_s=0.1))
    settings.data_dir.mkdir(parents=True)
    shutil.copy(template, settings.data_dir / "camel-ext.db")
    engine = FakeEngine(answer=answer)

    def prepare(runtime: Runtime) -> None:
        serving_of(runtime).use(engine)
        write_base(yard_of(runtime).models_dir)

    with live_app(settings, prepare) as live:
        headers = {"Authorization": f"Bearer {live.key}"}
        with httpx.Client(base_url=live.url, headers=headers, timeout=30) as client:
            house = Playing(live.url, live.key, client, engine)
            engine.pace = house.wait
            house.open()
            files = {"models.yaml": MODELS, "agents.yaml": AGENTS, "workflows.yaml": WORKFLOWS}
            house.ask("PUT", "/configurations", {"name": "main", "files": files})
            try:
                yield house
            finally:
                house.open()
