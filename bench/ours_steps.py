"""P1, our side: the whole product but HTTP, executing runs of ten no-op steps. See durable_steps.

Gate, journal, queue, worker, execution and event dispatcher are the server's own (`app.running`),
with its settings; only the number of jobs at once is the bench's. Runs are started by
`runs.start_run`, as the API does. Workflows: `tools` (ten steps of an idempotent in-process tool)
and `agents` (ten steps of an agent on an engine that answers at once). It measures nothing itself.

    python -m bench.ours_steps FOLDER tools|agents|mixed [--profile FILE]
"""

import asyncio
import gc
import json
import os
import sys
import threading
import time
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.noop_tools import PAYLOAD, ack
from camel_ext.app import Parts, create_app, running
from camel_ext.core.models import FINAL_STATES
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.identity import Actor, PrincipalKind, Role, bootstrap
from camel_ext.serving.process import serving_of
from camel_ext.settings import Settings
from camel_ext.workflows import definitions, runs
from camel_ext.workflows.definitions import Applier
from camel_ext.workflows.models import Run
from camel_ext.workflows.schemas import ConfigurationApply, RunStart

STEPS = 10
AGENTS = {
    "models.yaml": """
models:
  stub: {engine: local, file: none.gguf, context_tokens: 8192}
aliases:
  stub: stub
""",
    "agents.yaml": """
agents:
  worker: {model: stub, system: "{{ input.name }}"}
""",
}


def files(kind: str) -> dict[str, str]:
    """Return the configuration: ten steps in a row, each saying whose and which it is."""
    if kind == "tools":
        lines = ["{name: s%d, tool: noop, arguments: {name: '{{ input.name }}', n: %d}}"]
    else:
        lines = ["{name: s%d, agent: worker, prompt: '%d'}"]
    steps = "\n".join(f"      - {line % (n, n)}" for n in range(STEPS) for line in lines)
    head = "workflows:\n  ten:\n    inputs: {name: {type: string}}\n    steps:\n"
    text = f"{head}{steps}\n    output: steps.s9.text\n"
    return {"workflows.yaml": text, **({} if kind == "tools" else AGENTS)}


class Acking:
    """An engine that answers at once, and notes that the step before is acknowledged."""

    name = "acking"

    def __init__(self) -> None:
        from tests.fakes.engine import FakeEngine

        self._engine = FakeEngine(answer=self._answer)

    def _answer(self, request: Any) -> str:
        ack(request.messages[0]["content"], int(request.messages[-1]["content"]))
        self._engine.calls.clear()
        return PAYLOAD

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


class House:
    """The running product, asked to execute so many runs."""

    def __init__(self, runtime: Runtime, tenant: Tenant, principal_id: UUID) -> None:
        self.runtime, self._tenant, self._names = runtime, tenant, count()
        self._whose = os.environ.get("PEER_NAME", "run")
        self._asker = runs.Asker(principal_id, runtime.clock, runtime.new_id, lambda: 1, "0" * 32)

    async def apply(self, kind: str) -> None:
        who = self._asker.principal_id
        actor = Actor(self._tenant, who, who, "bench", PrincipalKind.USER, Role.OWNER)
        by = Applier(actor, self.runtime.clock, self.runtime.new_id, frozenset({"noop"}))
        wanted = ConfigurationApply(files=files(kind))
        await self.runtime.write(self._tenant, definitions.apply, by, wanted, None)

    async def execute(self, number: int) -> None:
        """Start so many runs and return when all have succeeded."""
        starts = (self._start() for _ in range(number))
        ids = set(await asyncio.gather(*starts))
        while await self.runtime.read(self._tenant, _open):  # noqa: ASYNC110  # rows, not events
            await asyncio.sleep(0.1)
        done = await self.runtime.read(self._tenant, _succeeded)
        assert ids <= done, f"{len(ids - done)} of {number} runs did not succeed"

    async def _start(self) -> UUID:
        wanted = RunStart(workflow="ten", input={"name": f"{self._whose}-{next(self._names)}"})
        run = await self.runtime.write(self._tenant, runs.start_run, self._asker, wanted)
        return run.id


def _open(db: Session) -> bool:
    return db.scalar(select(Run.id).where(Run.state.not_in(FINAL_STATES)).limit(1)) is not None


def _succeeded(db: Session) -> set[UUID]:
    return set(db.scalars(select(Run.id).where(Run.state == "succeeded")))


def _durability(runtime: Runtime) -> dict[str, Any]:
    with runtime.database.begin() as connection:
        ask = connection.exec_driver_sql
        if not runtime.database.is_sqlite:
            return {name: ask(f"SHOW {name}").scalar() for name in ("synchronous_commit", "fsync")}
        return {
            "synchronous": ask("PRAGMA synchronous").scalar(),
            "journal_mode": ask("PRAGMA journal_mode").scalar(),
        }


async def serve(folder: Path, kind: str, concurrency: int, profile: str | None) -> None:
    """Open the product, then execute what each line of stdin asks for."""
    given = {
        "queue": {"concurrency": concurrency},
        "workflows": {"tool_modules": ["bench.noop_tools"]},
    }
    settings = Settings(data_dir=folder, **given)
    create_app(settings)  # imports all rooms, as the server does
    lanes = {"read": 1, "work": 1} if profile else None  # one thread can be profiled
    async with running(settings, Parts(threads=ThreadLanes(lanes))) as runtime:
        if kind == "agents":
            serving_of(runtime).use(Acking())
        founded = await runtime.write_system(
            "bench", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
        )
        house = House(runtime, founded.tenant, founded.principal_id)
        await house.apply(kind)
        loop = asyncio.get_running_loop()
        head = await runtime.threads.run("write", _durability, runtime)
        print(json.dumps({"peer": f"ours, {kind}", **head}), flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            number = int(line.split()[0])
            gc.collect()
            before = _threads()
            commits, began_s = runtime.gate.commits, time.perf_counter()
            if profile:
                await _profiled(house, number, profile)
            else:
                await house.execute(number)
            took = {
                "wall_s": time.perf_counter() - began_s,
                "commits": runtime.gate.commits - commits,
            }
            took["cpu_s"] = {
                name: spent - before.get(name, 0) for name, spent in _threads().items()
            }
            print(json.dumps(took), flush=True)


def _threads() -> dict[str, float]:
    """Return the CPU seconds of each lane of threads so far."""
    spent: dict[str, float] = {}
    for thread in threading.enumerate():
        lane = thread.name.partition("_")[0]
        clock = time.pthread_getcpuclockid(thread.ident or 0)
        spent[lane] = spent.get(lane, 0.0) + time.clock_gettime(clock)
    return spent


async def _profiled(house: House, number: int, path: str) -> None:
    """Write a profile of the loop and of one thread of each other lane, by their CPU."""
    from cProfile import Profile

    profiles = {lane: Profile(time.thread_time) for lane in ("read", "write", "work", "loop")}
    threads = house.runtime.threads
    for lane in ("read", "write", "work"):
        await threads.run(lane, profiles[lane].enable)
    profiles["loop"].enable()
    await house.execute(number)
    profiles["loop"].disable()
    for lane in ("write", "work"):
        await threads.run(lane, profiles[lane].disable)
    for lane, profile in profiles.items():
        profile.dump_stats(f"{path}.{lane}")


if __name__ == "__main__":
    os.environ.setdefault("BENCH_ACKS", f"{sys.argv[1]}/acks")
    at_once = int(os.environ.get("BENCH_CONCURRENCY", "100"))
    profile = sys.argv[sys.argv.index("--profile") + 1] if "--profile" in sys.argv else None
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], at_once, profile))
