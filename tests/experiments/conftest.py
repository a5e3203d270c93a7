"""A running house that can improve a workflow: an engine that learns by adapter, trainers that play."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from camel_ext.experiments import ImproveConfig, read_improve
from camel_ext.serving import serving_of
from camel_ext.serving.engines.protocol import ChatRequest
from camel_ext.settings import Queue, Settings
from camel_ext.training.process import yard_of
from tests.conftest import House
from tests.fakes.engine import FakeEngine
from tests.fakes.launcher import FakeLauncher
from tests.training.makers import write_base

Json = dict[str, Any]
LONG_S = 60.0  # the machine may be busy: a wait that ends by time is a failure, not a measure
GOALS = 4

MODELS = """\
models:
  base: {engine: local, file: base.gguf, context_tokens: 2048}
aliases:
  brief: base
  other: base
"""
AGENTS = """\
agents:
  writer: {model: brief, params: {temperature: 0}}
  talker: {model: other}
"""
WORKFLOWS = """\
workflows:
  answer:
    inputs: {goal: {type: string}}
    steps: [{name: say, agent: writer, prompt: "{{ input.goal }}"}]
    output: steps.say.text
  pair:
    inputs: {goal: {type: string}}
    steps:
      - {name: say, agent: writer, prompt: "{{ input.goal }}"}
      - {name: more, agent: talker, prompt: "More: {{ steps.say.text }}"}
    output: steps.more.text
"""
FILES = {"models.yaml": MODELS, "agents.yaml": AGENTS, "workflows.yaml": WORKFLOWS}


def improve_yaml(**changes: str) -> str:
    """An improve.yaml of few goals; `changes` replace whole lines by their first word."""
    lines = [
        "agent: writer",
        "goals:",
        *(f"  learn{n}: [learn {n} a, learn {n} b]" for n in range(GOALS)),
        "heldout:",
        *(f"  topic{n}: [ask {n} a, ask {n} b, ask {n} c]" for n in range(10)),
        "scorers:",
        "  brief: {verify: length, params: {unit: words, max: 4}, description: is brief}",
        "sample: {count: 3, temperature: 0.9}",
        "pairs: {min_margin: 0.1, eval_ratio: 0.0}",
        "train: {min_pairs: 2, adapter: short}",
        "gate: {primary: brief, level: 0.05, min_cases: 20, min_topics: 5}",
        "promote: {when: better, approval: automatic}",
    ]
    text = []
    for line in lines:
        word = line.split(":")[0]
        text.append(f"{word}: {changes[word]}" if word in changes else line)
    return "\n".join(text) + "\n"


def config(**changes: str) -> Json:
    """The same as the wire takes it."""
    read: ImproveConfig = read_improve("improve.yaml", improve_yaml(**changes)).config
    return read.model_dump(mode="json")


def answering(adapted: Callable[[ChatRequest], str]) -> Callable[[ChatRequest], str]:
    """A model whose base is sometimes brief, by the seed, and never when greedy; and an adapter."""

    def answer(request: ChatRequest) -> str:
        said = str(request.messages[-1]["content"])
        if request.adapter_path is not None:
            return adapted(request)
        if request.params.get("temperature") and int(request.params["seed"]) % 2:
            return f"Short: {said[-7:]}."
        return f"It is a long story about {said}, which goes on and on."

    return answer


def brief(request: ChatRequest) -> str:
    return f"Brief {str(request.messages[-1]['content'])[-3:]}."


def wordy(request: ChatRequest) -> str:
    return f"This is even longer than it was before: {request.messages[-1]['content']}."


class Loop:
    """A house and short ways to improve in it."""

    def __init__(self, house: House, engine: FakeEngine, launcher: FakeLauncher) -> None:
        self.house, self.engine, self.launcher = house, engine, launcher
        self.client: AsyncClient = house.client

    async def start(self, workflow: str = "answer", seed: int = 1, **changes: str) -> Json:
        body = {"workflow": workflow, "config": config(**changes), "seed": seed}
        answer = await self.client.post("/api/v1/improvements", json=body)
        assert answer.status_code == 202, answer.text
        made: Json = answer.json()
        return made

    async def show(self, improvement_id: str) -> Json:
        return await self.get(f"/api/v1/improvements/{improvement_id}")

    async def get(self, path: str) -> Json:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        shown: Json = answer.json()
        return shown

    async def do(self, path: str, body: Json | None = None) -> Json:
        answer = await self.client.post(path, json=body)
        assert answer.status_code < 300, answer.text
        done: Json = answer.json()
        return done

    async def until(self, improvement_id: str, *states: str, stage: str | None = None) -> Json:
        """The improvement, once it is in one of these states, or in this stage."""

        async def there() -> Json | None:
            shown = await self.show(improvement_id)
            fits = shown["state"] in states or (stage is not None and shown["stage"] == stage)
            return shown if fits else None

        found: Json = await eventually(there)
        return found

    async def ended(self, improvement_id: str) -> Json:
        return await self.until(improvement_id, "succeeded", "failed", "cancelled")

    async def improved(self, **changes: Any) -> Json:
        """An improvement that ran to its end, well."""
        started = await self.start(**changes)
        shown = await self.ended(started["id"])
        assert shown["state"] == "succeeded", (shown["error_code"], shown["error_detail"])
        return shown

    async def target(self, alias: str = "brief") -> str:
        """What an alias points at."""
        shown = await self.get(f"/api/v1/aliases/{alias}")
        version: str = shown["targets"][0]["version_id"]
        return version


async def eventually(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until the answer is not None."""
    async with asyncio.timeout(LONG_S):
        while True:
            answer = await ask()
            if answer is not None:
                return answer
            await asyncio.sleep(0.01)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A server that looks for work often."""
    return Settings(data_dir=tmp_path / "data", queue=Queue(poll_s=0.02, heartbeat_s=0.1))


@pytest.fixture
async def loop(house: House) -> Loop:
    """The running app with a workflow, a model that can learn, and trainers that play."""
    engine = FakeEngine(answer=answering(brief))
    serving_of(house.runtime).use(engine)
    yard = yard_of(house.runtime)
    launcher = FakeLauncher()
    yard.launcher = launcher
    write_base(yard.models_dir)
    applied = await house.client.put(
        "/api/v1/configurations", json={"name": "main", "files": FILES}
    )
    assert applied.status_code == 200, applied.text
    return Loop(house, engine, launcher)
