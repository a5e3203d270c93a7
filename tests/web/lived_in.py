"""A served house in which everything has happened once, quickly: runs, judgements, pairs, a training,
a certificate, a promotion. The engine and the trainer play (they are tried for real elsewhere); rows,
routes and events are the real ones. `said` goes into every answer, so that hostile text is everywhere.
"""

import shutil
import time
from collections.abc import Callable, Iterator
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
from tests.evaluation.conftest import judged
from tests.experiments.conftest import FILES, answering, brief, config
from tests.fakes.engine import Answer, FakeEngine
from tests.fakes.launcher import Act, FakeLauncher, steps
from tests.live import live_app
from tests.training.makers import write_base

Json = dict[str, Any]
LONG_S = 240.0  # the machine may be busy: a wait that ends by time is a failure, not a measure
FINAL = ("succeeded", "failed", "cancelled")
BRIEF = "{verify: regex, params: {pattern: '^(Brief|Short)'}}"  # whatever is said after it
FOUND = {
    "kind": "preflight", "pairs": 8, "held_out": 0, "steps": 20, "tokens": 900,
    "longest_pair_tokens": 60, "parameters": 4, "dtype": "float32", "memory_bytes": 1_600_000_000,
    "seconds": 30.0, "first_batch": [], "warnings": [],
}  # fmt: skip
TRAINED = Act([FOUND, *steps(1, 20, 20)], console="loaded the base\ntraining 20 steps\n")
LOOKED = Act([FOUND])
HOLDS = Act([FOUND, *steps(1, 5, 20)], holds=True)


@dataclass
class LivedIn:
    """The server, and the ids that pages take in their query."""

    url: str
    key: str
    engine: FakeEngine
    launcher: FakeLauncher
    ids: dict[str, str] = field(default_factory=dict)
    _client: httpx.Client | None = None

    def ask(self, method: str, path: str, body: Json | None = None) -> Any:
        """Call the API as its owner, and return what it says."""
        assert self._client is not None
        answer = self._client.request(method, f"/api/v1{path}", json=body)
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.content else None

    def put(self, path: str, body: Json, revision: int) -> Any:
        """Replace what is at the path, if it is at that revision."""
        assert self._client is not None
        headers = {"If-Match": f'"{revision}"'}
        answer = self._client.put(f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, (path, answer.text)
        return answer.json()

    def until(self, path: str, *states: str) -> Json:
        """Return what is at the path once it is in one of the states."""
        deadline = time.monotonic() + LONG_S
        while True:
            shown: Json = self.ask("GET", path)
            if shown["state"] in (states or FINAL):
                return shown
            assert time.monotonic() < deadline, shown
            time.sleep(0.05)


@contextmanager
def lived_in(folder: Path, template: Path, said: str = "") -> Iterator[LivedIn]:
    """Serve the house until the block ends."""
    settings = Settings(data_dir=folder / "data", queue=Queue(poll_s=0.02, heartbeat_s=0.1))
    settings.data_dir.mkdir(parents=True)
    engine, launcher = FakeEngine(answer=saying(said)), FakeLauncher(TRAINED)
    shutil.copy(template, settings.data_dir / "camel-ext.db")

    def prepare(runtime: Runtime) -> None:
        serving_of(runtime).use(engine)
        yard = yard_of(runtime)
        yard.launcher = launcher
        write_base(yard.models_dir)

    with live_app(settings, prepare) as live:
        headers = {"Authorization": f"Bearer {live.key}"}
        with httpx.Client(base_url=live.url, headers=headers, timeout=30) as client:
            house = LivedIn(live.url, live.key, engine, launcher, _client=client)
            _live(house, said)
            yield house


def saying(
    said: str = "", adapted: Callable[[ChatRequest], str] = brief
) -> Callable[[ChatRequest], Answer]:
    """Return how the model answers: adapters as said, a judge's prompt by the shorter answer."""
    play = answering(adapted)

    def answer(request: ChatRequest) -> Answer:
        asked = str(request.messages[-1].get("content") or "")
        return judged(asked) if "<answer" in asked else f"{play(request)}{said}"

    return answer


def _live(house: LivedIn, said: str) -> None:
    ids = house.ids
    house.ask("PUT", "/configurations", {"name": "main", "files": FILES})
    for goal in ("Why is the sky blue?", f"Name a river.{said}"):
        wanted = {"workflow": "pair", "input": {"goal": goal}, "tags": ["topic:first"]}
        ids["run"] = house.ask("POST", "/runs", wanted)["id"]
        house.until(f"/runs/{ids['run']}")
    paused = {"workflow": "pair", "input": {"goal": "Wait."}, "single_step": True}
    ids["waiting_run"] = house.ask("POST", "/runs", paused)["id"]
    improvement = {"workflow": "answer", "config": config(**{"  brief": BRIEF}), "seed": 1}
    ids["improvement"] = house.ask("POST", "/improvements", improvement)["id"]
    shown = house.until(f"/improvements/{ids['improvement']}")
    assert shown["state"] == "succeeded", shown
    ids["certificate"] = shown["certificate_id"]
    ids["comparison"] = house.ask("GET", "/comparisons")["items"][0]["id"]
    ids["evaluation"] = house.ask("GET", "/evaluations")["items"][0]["id"]
    ids["suite"] = house.ask("GET", "/suites")["items"][0]["name"]
    ids["configuration"] = "main"
    ids["version"] = shown["candidate_version_id"]
    ids["training"] = house.ask("GET", "/trainings")["items"][0]["id"]
    ids["dataset"] = house.ask("GET", "/datasets")["items"][0]["name"]
    versions = house.ask("GET", f"/datasets/{ids['dataset']}/versions")
    ids["dataset_version"] = versions["items"][0]["id"]
    turns = house.ask("GET", "/interactions?limit=3")["items"]
    ids["turn"] = turns[0]["id"]
    schedule = {
        "name": "nightly",
        "description": f"Every night.{said}"[:2000],
        "task": "workflows.start_run",
        "arguments": {"workflow": "pair", "input": {"goal": f"Every night.{said}"}},
        "timing": {
            "kind": "cron",
            "cron": "30 2 * * *",
            "timezone": "Asia/Tokyo",
        },  # no summer time
    }
    ids["schedule"] = house.ask("POST", "/schedules", schedule)["id"]
    house.ask("POST", f"/schedules/{ids['schedule']}/run")
    queue = {
        "name": "tone",
        "kind": "thumbs",
        "filter": {"agent_id": "writer"},
        "guideline": f"Is it kind?{said}",
    }
    ids["queue"] = house.ask("POST", "/annotation-queues", queue)["id"]
    thumbs = {"kind": "thumbs", "up": True, "interaction_ids": [ids["turn"]]}
    house.ask("POST", "/annotations", thumbs | {"rationale": f"It is.{said}"})
