"""Goal R10 for runs: random operations by people, workers and kills, against a small model.

After each operation every run must be where the model says: state, turns, tool calls. The real worker,
journal, agents and services; only the model and the tool are scripted (`mortal`).
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.errors import CamelExtError
from camel_ext.core.models import State, WaitingFor
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.identity import Actor, PrincipalKind, Role, bootstrap
from camel_ext.workflows import definitions, runs
from camel_ext.workflows.models import Run, Turn
from camel_ext.workflows.runs import Asker
from camel_ext.workflows.schemas import ConfigurationApply, Decision, Resume, Retry, RunStart
from camel_ext.workflows.tasks import seed_of
from camel_ext.workflows.tools import effect_key
from tests.workflows.conftest import MODELS
from tests.workflows.mortal import MortalWorker

AGENTS = "agents:\n  talker: {model: small}\n"
WORKFLOWS = """\
workflows:
  flow:
    steps:
      - {name: place, tool: send}
      - {name: first, agent: talker, prompt: first}
      - {name: second, agent: talker, prompt: second}
"""
KEYS = ("place", "first/call[0]", "second/call[0]")
TOOL = 0
SETTLE_S = 15.0


@dataclass
class Modelled:
    """What one run should be."""

    id: UUID
    seed: int
    state: str = "queued"
    waiting_for: str | None = None
    done: int = 0
    effect: str | None = None
    calls: int = 0
    pause: bool = False
    cancel: bool = False

    @property
    def final(self) -> bool:
        return self.state in ("succeeded", "cancelled")

    def wait(self, whom: str) -> None:
        self.state, self.waiting_for, self.pause = "waiting", whom, False

    def carry_on(self) -> None:
        """What a worker does with it when it takes it, until its next call hangs."""
        self.state, self.waiting_for = "running", None
        if self.cancel:
            self.state = "cancelled"
        elif self.done == len(KEYS):
            self.state = "succeeded"
        elif self.pause:
            self.wait("pause")
        elif self.done == TOOL:
            self._call_the_tool()

    def _call_the_tool(self) -> None:
        if self.effect == "intent":
            self.wait("person")
        elif self.effect == "answered":
            self.done, self.effect = self.done + 1, None
            self.carry_on()
        else:
            self.calls, self.effect = self.calls + 1, "intent"

    def take_step(self) -> None:
        self.done += 1
        self.effect = None
        self.carry_on()


class RunMachine(RuleBasedStateMachine):
    """Each rule does one thing for real and in the model."""

    new_database: Callable[[], str]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.url = type(self).new_database()
        self.modelled: list[Modelled] = []
        self.sent: list[str] = []
        self.worker: MortalWorker | None = None
        self.dead: list[MortalWorker] = []
        self.door = Runtime(Database(self.url), SystemClock(), Random(5), ThreadLanes())

    def wait(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def found(self) -> None:
        door = self.door
        founded = self.wait(
            door.write_system("test", lambda db: bootstrap(db, door.clock, door.new_id))
        )
        self.tenant = founded.tenant
        ids = (door.new_id(), door.new_id())
        actor = Actor(self.tenant, *ids, "tester", PrincipalKind.USER, Role.OWNER)
        by = definitions.Applier(actor, door.clock, door.new_id, frozenset({"send"}))
        files: Any = {"agents.yaml": AGENTS, "workflows.yaml": WORKFLOWS, "models.yaml": MODELS}
        wanted = ConfigurationApply(name="main", files=files)
        self.wait(door.write(self.tenant, definitions.apply, by, wanted, None))
        self.asker = Asker(actor.principal_id, door.clock, door.new_id, lambda: 1, "0" * 32)
        self.restart()

    # --- workers ---

    @precondition(lambda self: self.worker is None)
    @rule()
    def restart(self) -> None:
        async def begin() -> MortalWorker:
            return MortalWorker(self.url, self.folder, self.sent)

        self.worker = self.wait(begin())
        for run in self.modelled:
            if run.state in ("queued", "running"):
                run.carry_on()
        self.compare()

    @precondition(lambda self: self.worker is not None)
    @rule()
    def kill(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.dead.append(self.worker)
        self.worker = None
        self.compare()

    @precondition(lambda self: self.worker is not None)
    @rule()
    def crash(self) -> None:
        self.kill()
        self.restart()

    @precondition(lambda self: self.worker is not None)
    @rule(pick=st.integers(0, 100))
    def step(self, pick: int) -> None:
        """Let the call that a run hangs in go on."""
        running = [run for run in self.modelled if run.state == "running"]
        if not running:
            return
        run = running[pick % len(running)]
        worker, key = self.worker, self.gate_of(run)
        assert worker is not None

        async def go() -> None:
            async with asyncio.timeout(SETTLE_S):
                while key not in worker.gates.waiting:  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
            worker.gates.open(key)

        self.wait(go())
        run.take_step()
        self.compare()

    def gate_of(self, run: Modelled) -> Any:
        key = KEYS[run.done]
        return effect_key(run.id, key) if run.done == TOOL else seed_of(run.seed, key)

    # --- people ---

    @precondition(lambda self: len(self.modelled) < 3)
    @rule()
    def start(self) -> None:
        seed = 1 + len(self.modelled)
        wanted = RunStart(workflow="flow", seed=seed)
        made = self.ask(lambda db: runs.start_run(db, self.asker, wanted))
        self.modelled.append(Modelled(made.id, seed))
        self.go_on(self.modelled[-1])
        self.compare()

    @rule(pick=st.integers(0, 100))
    def pause(self, pick: int) -> None:
        if (run := self.pick(pick)) is None:
            return
        fits = run.state in ("queued", "running")
        done = self.act(run, runs.pause_run, fits=fits, code="workflows.run_state_unfit")
        if done:
            run.pause = True
            if self.worker is not None:
                self.wait(self.until(lambda: self.worker.pauses(str(run.id))))  # type: ignore[union-attr]
        self.compare()

    @rule(pick=st.integers(0, 100))
    def resume(self, pick: int) -> None:
        if (run := self.pick(pick)) is None:
            return
        fits = run.state == "waiting" and run.waiting_for != "person"
        if self.act(run, runs.resume_run, Resume(), fits=fits, code="workflows.run_state_unfit"):
            self.go_on(run)
        self.compare()

    @rule(pick=st.integers(0, 100))
    def cancel(self, pick: int) -> None:
        if (run := self.pick(pick)) is None:
            return
        self.act(run, runs.cancel_run, fits=True)
        if not run.final:
            run.cancel = True
            if run.state in ("queued", "waiting") or self.worker is not None:
                run.state, run.waiting_for = "cancelled", None
        self.compare()

    @rule(pick=st.integers(0, 100), word=st.sampled_from(["happened", "repeat"]))
    def decide(self, pick: int, word: Any) -> None:
        asking = [run for run in self.modelled if run.waiting_for == "person"]
        run = asking[pick % len(asking)] if asking else self.pick(pick)
        if run is None:
            return
        asked = run.effect == "intent"
        fits = asked and run.waiting_for == "person"
        code = "workflows.run_state_unfit" if asked else "workflows.effect_unknown"
        wanted = Decision(step_key="place", decision=word, result="sent")
        if self.act(run, runs.decide, wanted, fits=fits, code=code):
            run.effect = "answered" if word == "happened" else "repeat"
            self.go_on(run)
        self.compare()

    @precondition(lambda self: len(self.modelled) < 6)
    @rule(pick=st.integers(0, 100), step=st.sampled_from([None, *KEYS]))
    def retry(self, pick: int, step: str | None) -> None:
        if (run := self.pick(pick)) is None:
            return
        seed = 100 + len(self.modelled)
        known = step is None or KEYS.index(step) < run.done
        wrong = None if run.final else "workflows.run_state_unfit"
        wrong = wrong or (None if known else "workflows.step_unknown")
        wanted = Retry(step_key=step, seed=seed)
        made = self.ask(lambda db: runs.retry_run(db, self.asker, run.id, wanted), wrong)
        if wrong is None:
            prefix = run.done if step is None else KEYS.index(step)
            child = Modelled(made.id, seed, done=prefix)
            child.effect = run.effect if step is None else None
            self.modelled.append(child)
            self.go_on(child)
        self.compare()

    # --- how ---

    def pick(self, number: int) -> Modelled | None:
        return self.modelled[number % len(self.modelled)] if self.modelled else None

    def go_on(self, run: Modelled) -> None:
        run.state, run.waiting_for = "queued", None
        if self.worker is not None:
            run.carry_on()

    def act(self, run: Modelled, fn: Any, *args: Any, fits: bool, code: str = "") -> bool:
        clock = self.door.clock
        self.ask(lambda db: fn(db, clock, run.id, *args, None), None if fits else code)
        return fits

    def ask(self, work: Callable[[Session], Any], wrong: str | None = None) -> Any:
        """Do it in a transaction; the answer must be the model's, an error by its code."""

        async def told() -> tuple[Any, str | None]:
            try:
                made = await self.door.write(self.tenant, work)
            except CamelExtError as error:
                return None, error.code
            if self.worker is not None:
                self.worker.worker.wake()
            return made, None

        made, code = self.wait(told())
        assert code == wrong
        return made

    async def until(self, there: Callable[[], bool]) -> None:
        async with asyncio.timeout(SETTLE_S):
            while not there():  # noqa: ASYNC110
                await asyncio.sleep(0.002)

    def compare(self) -> None:
        """Wait until all is as the model says, or say what is not."""
        deadline_s = time.monotonic() + SETTLE_S
        wanted = self.model()
        while (found := self.wait(self.really())) != wanted or not self.hangs():
            assert time.monotonic() < deadline_s, f"\nreal  {found}\nmodel {wanted}"

    def hangs(self) -> bool:
        """Tell whether every running run has come to its next call."""
        if self.worker is None:
            return True
        running = [self.gate_of(run) for run in self.modelled if run.state == "running"]
        return all(key in self.worker.gates.waiting for key in running)

    def model(self) -> list[Any]:
        return [
            (run.state, run.waiting_for, run.done, list(range(1, run.done + 1)), run.calls)
            for run in self.modelled
        ]

    async def really(self) -> list[Any]:
        await asyncio.sleep(0.004)
        return await self.door.read(self.tenant, self._read)

    def _read(self, db: Session) -> list[Any]:
        found = []
        for each in self.modelled:
            run = db.get_one(Run, each.id)
            seqs = [turn.seq for turn in runs.list_turns(db, each.id, 0, 1000)]
            mine = db.scalars(select(Turn.step_key).where(Turn.run_id == each.id)).all()
            assert len(set(mine)) == len(mine)
            calls = self.sent.count(effect_key(each.id, "place"))
            whom = None if run.waiting_for is None else str(WaitingFor(run.waiting_for))
            found.append((str(State(run.state)), whom, run.turns, seqs, calls))
        return found

    def teardown(self) -> None:
        for worker in [*self.dead, *([self.worker] if self.worker else [])]:
            self.wait(worker.end())
        self.wait(self.door.close())
        self.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def check(new_database: Callable[[], str], examples: int, steps: int) -> None:
    machine = type("Machine", (RunMachine,), {"new_database": staticmethod(new_database)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=(Phase.generate,),  # to shrink takes hours
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_runs_on_sqlite(sqlite_template: Path, tmp_path: Path) -> None:
    numbers = iter(range(10**6))

    def copy() -> str:
        path = tmp_path / f"{next(numbers)}.db"
        shutil.copy(sqlite_template, path)
        return f"sqlite:///{path}"

    check(copy, examples=40, steps=40)


@pytest.mark.slow
def test_runs_on_postgres(postgres_server: str, postgres_template: str) -> None:
    from tests.postgres import create_database, url_of

    numbers = iter(range(10**6))

    def copy() -> str:
        name = f"machine_{next(numbers)}"
        create_database(postgres_server, name, postgres_template)
        return url_of(postgres_server, name)

    check(copy, examples=15, steps=40)
