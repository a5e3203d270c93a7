"""A running house whose model answers by rule: a workflow, a baseline, adapters, and a suite of goals."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from camel_ext.serving import serving_of
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest
from camel_ext.settings import Queue, Serving, Settings
from tests.conftest import House
from tests.fakes.engine import Answer, FakeEngine

Json = dict[str, Any]
LONG_S = 30.0  # the machine may be busy: a wait that ends by time is a failure, not a measure
BASE = "http://127.0.0.1:9/v1"

MODELS = f"""\
models:
  wordy: {{engine: provider, url: {BASE}, model: wordy-1, price: {{input_usd: 1.0, output_usd: 2.0}}}}
  brief: {{engine: provider, url: {BASE}, model: brief-1, price: {{input_usd: 1.0, output_usd: 2.0}}}}
  gamer: {{engine: provider, url: {BASE}, model: gamer-1}}
  broken: {{engine: provider, url: {BASE}, model: broken-1}}
  judge: {{engine: provider, url: {BASE}, model: judge-1, price: {{input_usd: 9.0, output_usd: 9.0}}}}
aliases:
  small: wordy
  split: [{{target: wordy, weight: 1}}, {{target: brief, weight: 1}}]
"""
AGENTS = """\
agents:
  answerer: {model: small, system: You answer.}
  torn: {model: split, system: You answer.}
"""
WORKFLOWS = """\
workflows:
  answer:
    inputs: {goal: {type: string}}
    steps:
      - {name: say, agent: answerer, prompt: "{{ input.goal }}"}
    output: steps.say.text
  shared:
    inputs: {goal: {type: string}}
    steps:
      - {name: say, agent: torn, prompt: "{{ input.goal }}"}
    output: steps.say.text
"""
FILES = {"agents.yaml": AGENTS, "workflows.yaml": WORKFLOWS, "models.yaml": MODELS}
TOPICS = ("rivers", "clouds", "horses", "bridges", "lamps", "bread", "trains", "islands", "bees",
          "glass", "snow", "violins")  # fmt: skip
JUDGE = {"model": "judge", "criteria": "Short answers are better.", "sees": "both"}
JUDGED: Json = {"judge": {"judge": JUDGE}}


def suite(name: str = "short", each: int = 3, **scorers: Json) -> Json:
    """A suite of goals in twelve topics."""
    return {
        "name": name,
        "scorers": {
            "brief": {"verify": "length", "params": {"unit": "words", "max": 12}},
            "relevant": {"verify": "relevance", "per_case": {"to": "goal"}},
            **scorers,
        },
        "cases": [
            {"topic": topic, "input": {"goal": f"Tell number {n} about {topic}, please."}}
            for topic in TOPICS
            for n in range(each)
        ],
    }


def reply(request: ChatRequest) -> Answer:
    """Answer as the model's name says."""
    asked = str(request.messages[-1].get("content") or "")
    subject = next((word for word in TOPICS if word in asked), "it")
    number = next((word for word in asked.split() if word.isdigit()), "0")
    if request.model.startswith("judge"):
        return judged(asked)
    if request.model.startswith("gamer"):
        return "Yes."
    if request.model.startswith("broken"):
        return RuntimeError("never reached: EngineRefused is raised instead")
    if request.model.startswith("brief") and number != "2":
        return f"About {subject} one may say that they serve people well."
    return f"About {subject} there is a lot to say, and number {number} says all of it at great length."


def judged(asked: str) -> Answer:
    """Prefer the shorter one; grade 5 what is short. It always leans to A where lengths are alike."""
    if "<answer_a>" in asked:
        first = asked.split("<answer_a>")[1].split("</answer_a>")[0]
        second = asked.split("<answer_b>")[1].split("</answer_b>")[0]
        better = "B" if len(second) < len(first) else "A"
        return f'{{"reason": "it is shorter", "better": "{better}"}}'
    answer = asked.split("<answer>")[1].split("</answer>")[0]
    good = len(answer.split()) <= 12
    turned = "1 is the best" in asked
    return f'{{"reason": "its length", "grade": {1 if good == turned else 5}}}'


class SlowEngine(FakeEngine):
    """Keeps calls waiting while it is held."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.free = asyncio.Event()
        self.free.set()

    async def chat(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        await self.free.wait()
        return await super().chat(request, timeout_s=timeout_s)


class Hall:
    """The house, its engine, and what a client does in it."""

    def __init__(self, house: House, engine: SlowEngine) -> None:
        self.house, self.engine = house, engine
        self.client: AsyncClient = house.client

    async def post(self, path: str, body: Json, expected: int) -> Json:
        answer = await self.client.post(f"/api/v1{path}", json=body)
        assert answer.status_code == expected, answer.text
        made: Json = answer.json()
        return made

    async def get(self, path: str, **params: Any) -> Json:
        answer = await self.client.get(f"/api/v1{path}", params=params)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def define(self, **more: Any) -> Json:
        return await self.post("/suites", suite(**more), 201)

    async def start(self, **more: Any) -> str:
        wanted = {"suite": "short", "workflow": "answer", **more}
        return str((await self.post("/evaluations", wanted, 202))["id"])

    async def until(self, path: str, *states: str) -> Json:
        """Wait until the thing is in one of these states."""

        async def there() -> Json | None:
            found = await self.get(path)
            return found if found["state"] in states else None

        found: Json = await eventually(there)
        return found

    async def evaluated(self, **more: Any) -> Json:
        """Evaluate to the end."""
        evaluation_id = await self.start(**more)
        ended = await self.until(
            f"/evaluations/{evaluation_id}", "succeeded", "failed", "cancelled"
        )
        assert ended["state"] == "succeeded", ended
        return ended

    async def both(self, candidate: str = "brief", **more: Any) -> tuple[str, str]:
        """Baseline and candidate, evaluated."""
        before = await self.evaluated(**more)
        after = await self.evaluated(models={"small": candidate}, **more)
        return before["id"], after["id"]

    async def cases(self, evaluation_id: str) -> list[Json]:
        found: list[Json] = (await self.get(f"/evaluations/{evaluation_id}/cases", limit=500))[
            "items"
        ]
        return found


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
    """A server that looks for work often and waits little."""
    return Settings(
        data_dir=tmp_path / "data",
        queue=Queue(poll_s=0.05, heartbeat_s=0.05),
        serving=Serving(provider_wait_s=0.05, attempts=1),
    )


@pytest.fixture
async def hall(house: House) -> Hall:
    """Everything applied, and a suite defined."""
    engine = SlowEngine(answer=reply)
    serving_of(house.runtime).use(engine)
    made = Hall(house, engine)
    applied = await house.client.put(
        "/api/v1/configurations", json={"name": "main", "files": FILES}
    )
    assert applied.status_code == 200, applied.text
    await made.define()
    return made
