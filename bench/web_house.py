"""What `bench.web` looks at: a log of a million calls, served; a run of 2,000 turns; a queue to judge.

Made once, through the server's own doors (the calls by `bench.million`, the runs beside them by
`bench.overview`), and found again the next time. It measures nothing.
"""

import asyncio
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from bench import million, overview
from camel_ext import rooms
from camel_ext.core.database import Database
from camel_ext.core.migrate import migrate
from camel_ext.core.tenancy import Tenant
from camel_ext.identity.models import Project
from camel_ext.interactions.models import Interaction
from tests.fakes.provider_server import Act, FakeProvider, stream_of
from tests.web.conftest import WebServer

ROUNDS = 667  # of three turns each
TURNS = 3 * ROUNDS
ITEMS = 300
TAG = "bench-web"
FILES = {
    "models.yaml": """
models:
  stub: {engine: provider, url: "PROVIDER", model: fake-model, context_tokens: 8192}
aliases:
  small: stub
""",
    "agents.yaml": """
agents:
  proposer: {model: small, system: You propose.}
  executor: {model: small, system: You carry out.}
  reviewer: {model: small, system: You review.}
""",
    "workflows.yaml": """
workflows:
  long:
    inputs: {goal: {type: string}}
    steps:
      - name: rounds
        loop: {until: "steps.review.text == 'enough'", max_rounds: ROUNDS}
        steps:
          - {name: propose, agent: proposer, prompt: "{{ input.goal }}"}
          - {name: execute, agent: executor, prompt: "{{ steps.propose.text }}"}
          - {name: review, agent: reviewer, prompt: "{{ steps.execute.text }}"}
    output: steps.rounds.last.execute.text
""",
}


@dataclass(frozen=True)
class Things:
    """What pages take in their query, and how much there is."""

    run_id: str
    queue_id: str
    calls: int
    runs: int
    turns: int


def furnish(data_dir: Path, rows: int) -> tuple[int, int]:
    """Make the log and as many runs as it would have, where they are not there; return how many are."""
    if not (data_dir / "camel-ext.db").exists():
        million.make(data_dir, rows)
    rooms.import_models()
    database = Database(f"sqlite:///{data_dir}/camel-ext.db")
    migrate(database)
    project = database.read_system("bench", lambda db: db.scalars(select(Project)).first())
    assert project is not None
    tenant = Tenant(project.org_id, project.id)
    calls = database.read(tenant, lambda db: db.scalar(select(func.count(Interaction.id)))) or 0
    runs = overview.add_runs(database, tenant, calls // overview.CALLS_A_RUN)
    database.close()
    return calls, runs


async def prepare(server: WebServer, calls: int, runs: int) -> Things:
    """Run the 2,000 turns, once, on a provider that answers at once; make a fresh queue of its answers."""
    headers = {"Authorization": f"Bearer {server.key}"}
    async with httpx.AsyncClient(
        base_url=f"{server.url}/api/v1", headers=headers, trust_env=False, timeout=120
    ) as client:
        run = await _long_run(client)
        wanted = {
            "name": f"web-{uuid.uuid4().hex[:8]}", "kind": "rating", "at_most": ITEMS,
            "filter": {"run_id": run["id"], "agent_id": "executor"},
        }  # fmt: skip
        queue = await _ask(client, "POST", "/annotation-queues", wanted)
    return Things(run["id"], queue["id"], calls, runs, run["turns"])


async def _long_run(client: httpx.AsyncClient) -> dict[str, Any]:
    known = await _ask(client, "GET", f"/runs?tag={TAG}&state=succeeded&limit=1")
    if known["items"]:
        return dict(known["items"][0])
    async with FakeProvider(default=Act(events=stream_of("pong, ", "and so on"))) as provider:
        files = {
            name: text.replace("PROVIDER", provider.base_url).replace("ROUNDS", str(ROUNDS))
            for name, text in FILES.items()
        }
        await _ask(client, "PUT", "/configurations", {"name": TAG, "files": files})
        wanted = {
            "workflow": "long", "input": {"goal": "Count the stars."}, "tags": [TAG],
            "budgets": {"max_turns": TURNS + 10, "max_seconds": 3600},
        }  # fmt: skip
        run: dict[str, Any] = await _ask(client, "POST", "/runs", wanted)
        while run["state"] in ("queued", "running"):
            await asyncio.sleep(0.5)
            run = await _ask(client, "GET", f"/runs/{run['id']}")
        assert run["state"] == "succeeded", run
        return run


async def _ask(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    answer = await client.request(method, path, json=body)
    assert answer.is_success, (path, answer.text)
    return answer.json()
