"""What a durable turn and a start cost, in what can be counted: commits, statements, modules.

Times belong to bench/; a count cannot be disturbed by a busy machine, so a change that costs more is
seen here first. SQLite, where one commit is one fsync.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from camel_ext.core import jobs, leases
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.jobs import Claimed
from camel_ext.core.models import State, Worker
from camel_ext.core.queue import TaskContext
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.workflows.contents import read_contents
from camel_ext.workflows.events import RunStarted
from camel_ext.workflows.models import DefinitionKind, DefinitionVersion, Run, TurnKind
from camel_ext.workflows.runs import Asker, start_run
from camel_ext.workflows.schemas import RunStart
from camel_ext.workflows.tasks import load
from camel_ext.workflows.turns import NewTurn, RunJournal, Spent
from tests.conftest import House

PAYLOAD = {"text": "x" * 1500, "state": None}
# begin, fences, savepoint, turn, run, the feed's heads read, moved, event with its number, release
TURN_STATEMENTS = 9
CONTENT = {"steps": [{"name": "say", "verify": "contains", "text": "x", "params": {}}]}


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Collect what is executed on an engine, transactions' own words included."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
async def costs(sqlite_url: str) -> AsyncIterator[Runtime]:
    runtime = Runtime(Database(sqlite_url), SystemClock(), Random(7), ThreadLanes())
    yield runtime
    await runtime.close()


@pytest.fixture
def owner(costs: Runtime) -> Tenant:
    return Tenant(costs.new_id(), costs.new_id())


async def started(runtime: Runtime, tenant: Tenant, runs: int) -> list[RunJournal]:
    """Journals of so many runs whose jobs are held."""

    def make(db: Session) -> list[tuple[Run, Claimed]]:
        version = DefinitionVersion(
            id=runtime.new_id(), kind=DefinitionKind.WORKFLOW, name="w", content=CONTENT,
            content_hash=f"sha256:{runtime.new_id().hex}", created_at=runtime.clock.now(),
        )  # fmt: skip
        db.add(version)
        return [_held(db, runtime, tenant, version.id) for _ in range(runs)]

    made = await runtime.write(tenant, make)
    return [
        RunJournal(TaskContext(runtime, job), run.id, "w", {}, {}, Spent(), None)
        for run, job in made
    ]


def _held(db: Session, runtime: Runtime, tenant: Tenant, version: UUID) -> tuple[Run, Claimed]:
    clock, now = runtime.clock, runtime.clock.now()
    job = jobs.enqueue(db, clock, runtime.new_id(), "test.cost", {})
    job.state, job.fence = State.RUNNING, 1
    run = Run(
        id=runtime.new_id(), workflow="w", workflow_version_id=version, job_id=job.id,
        state=State.QUEUED, input={}, resolved={"agents": {}, "models": {}}, budgets={}, seed=1,
        single_step=False, prefix_seq=0, tags=[], turns=0, prompt_tokens=0, completion_tokens=0,
        cost_usd_micros=0, running_ms=0, principal_id=job.id, trace_id="0" * 32, revision=1,
        created_at=now,
    )  # fmt: skip
    db.add(run)
    db.flush()
    held = Claimed(
        id=job.id, tenant=tenant, kind=job.kind, args={}, fence=1, attempts=0, max_attempts=5,
        takeovers=0, resources={}, trace_id="0" * 32, run_at=now, cancel_requested=False,
        pause_requested=False,
    )  # fmt: skip
    return run, held


def turn(n: int) -> NewTurn:
    return NewTurn(f"s{n}", TurnKind.TOOL, "noop", 1.0, input={"n": n}, output=PAYLOAD)


class TestTurns:
    async def test_one_alone_is_one_commit_of_nine_statements_its_number_included(
        self, costs: Runtime, owner: Tenant
    ) -> None:
        (journal,) = await started(costs, owner, 1)
        await journal.enter(State.RUNNING, RunStarted(str(journal.run_id), "w", 0))
        before = costs.gate.commits
        with statements(costs.database.writer) as seen:
            await journal.commit(turn(0))
        assert costs.gate.commits - before == 1
        assert len(seen) == TURN_STATEMENTS, seen

    async def test_a_hundred_at_once_share_the_commit_and_the_statements(
        self, costs: Runtime, owner: Tenant
    ) -> None:
        journals = await started(costs, owner, 100)
        await journals[0].enter(State.RUNNING, RunStarted(str(journals[0].run_id), "w", 0))
        before = costs.gate.commits
        with statements(costs.database.writer) as seen:
            await asyncio.gather(*(journal.commit(turn(0)) for journal in journals))
        assert costs.gate.commits - before == 1
        assert len(seen) == TURN_STATEMENTS, seen

    async def test_a_hundred_jobs_end_well_in_one_commit(
        self, costs: Runtime, owner: Tenant
    ) -> None:
        journals = await started(costs, owner, 100)
        before, now = costs.gate.commits, costs.clock.now()
        with statements(costs.database.writer) as seen:
            ends = (jobs.success(journal.context.job, now) for journal in journals)
            await asyncio.gather(*(costs.gate.append(end) for end in ends))
        assert costs.gate.commits - before == 1
        assert len(seen) == 5, seen  # begin, fences, savepoint, jobs, release


class TestLoad:
    async def test_of_a_fresh_run_is_one_query(self, costs: Runtime, owner: Tenant) -> None:
        first, second = await started(costs, owner, 2)
        await costs.read(owner, load, first.run_id)  # its workflow is known from here on
        with statements(costs.database.reader) as seen:
            await costs.read(owner, load, second.run_id)
        assert len(queries(seen)) == 1, seen

    async def test_does_not_grow_with_the_turns(self, costs: Runtime, owner: Tenant) -> None:
        (journal,) = await started(costs, owner, 1)
        await journal.enter(State.RUNNING, RunStarted(str(journal.run_id), "w", 0))
        await journal.commit(turn(0))
        with statements(costs.database.reader) as few:
            await costs.read(owner, load, journal.run_id)
        for n in range(1, 30):
            await journal.commit(turn(n))
        with statements(costs.database.reader) as many:
            loaded = await costs.read(owner, load, journal.run_id)
        assert len(loaded.finished) == 30
        assert len(queries(many)) <= len(queries(few)) <= 5

    async def test_a_known_version_is_read_without_a_query(
        self, costs: Runtime, owner: Tenant
    ) -> None:
        (journal,) = await started(costs, owner, 1)
        loaded = await costs.read(owner, load, journal.run_id)
        with statements(costs.database.reader) as seen:
            again = await costs.read(owner, read_contents, [loaded.run.workflow_version_id])
        assert list(again.values()) == [loaded.workflow]
        assert not seen


class TestStart:
    async def test_of_a_run_is_four_statements(self, house: House) -> None:
        files = {"workflows.yaml": WORKFLOW}
        applied = await house.client.put("/api/v1/configurations", json={"files": files})
        assert applied.is_success, applied.text
        tenant, runtime = house.owner.tenant, house.runtime
        asker = Asker(runtime.new_id(), runtime.clock, runtime.new_id, lambda: 1, "0" * 32)

        def start(db: Session) -> list[str]:
            start_run(db, asker, RunStart(workflow="ten"))  # its workflow is known from here on
            with statements(runtime.database.writer) as seen:
                start_run(db, asker, RunStart(workflow="ten"))
            return seen

        seen = await runtime.write(tenant, start)
        assert [each.split()[0] for each in seen] == ["SELECT", *["INSERT"] * 3], seen


class TestQueue:
    async def test_a_hundred_jobs_are_claimed_by_three_statements(
        self, costs: Runtime, owner: Tenant
    ) -> None:
        def ask(db: Session) -> None:
            for _ in range(100):
                jobs.enqueue(db, costs.clock, costs.new_id(), "test.cost", {})

        await costs.write(owner, ask)
        now = costs.clock.now() + timedelta(seconds=1)
        worker = Worker(
            id=costs.new_id(), name="w", started_at=now, heartbeat_at=now, lease_until=now
        )

        def claim(connection: Any, _signals: set[str]) -> int:
            leases.register(connection, worker)
            with statements(costs.database.writer) as seen:
                kinds = frozenset({"test.cost"})
                held = jobs.claim(connection, worker.id, now, slots=100, free={}, kinds=kinds)
            assert len(held) == 100
            return len(seen)

        assert await costs.gate.write(claim) == 3


STEPS = "\n".join(
    f"      - {{name: s{n}, verify: contains, text: abc, params: {{all: [b]}}}}" for n in range(10)
)
WORKFLOW = f"workflows:\n  ten:\n    steps:\n{STEPS}\n    output: steps.s9.text\n"


class TestWholeRun:
    async def test_ten_steps_from_the_door_to_the_end(self, house: House) -> None:
        files = {"workflows.yaml": WORKFLOW}
        applied = await house.client.put("/api/v1/configurations", json={"files": files})
        assert applied.is_success, applied.text
        await self._run(house)
        engine, before = house.runtime.database.writer, house.runtime.gate.commits
        with statements(engine) as seen:
            await self._run(house)
        inserts = [each for each in seen if each.startswith("INSERT INTO turns")]
        assert len(inserts) == 10
        # start, claim, running, ten turns, end of run, end of job; as many numberings at most
        assert house.runtime.gate.commits - before <= 2 * 15
        assert len(seen) <= 200

    async def _run(self, house: House) -> None:
        run = (await house.client.post("/api/v1/runs", json={"workflow": "ten"})).json()
        async with asyncio.timeout(20):
            while run["state"] != "succeeded":
                assert run["state"] in ("queued", "running"), run
                await asyncio.sleep(0.01)
                run = (await house.client.get(f"/api/v1/runs/{run['id']}")).json()
        assert run["turns"] == 10


BANNED = (
    "alembic", "apprise", "apsw", "attr", "camel", "cel", "celery", "httpx", "jsonschema", "numpy", "openai",
    "pandas", "psycopg", "rich", "smtplib", "tiktoken", "torch", "transformers", "websockets.client", "yaml",
)  # fmt: skip
FOREIGN, OURS = 690, 378  # modules of a start: 688 of libraries, 373 of our own
START = f"""
import sys
from camel_ext import rooms
from camel_ext.app import create_app
create_app()
rooms.import_tasks()
rooms.import_schedulable()
print(*(name for name in {BANNED!r} if name in sys.modules))
ours = sum(name.startswith("camel_ext") for name in sys.modules)
print(len(sys.modules) - ours, ours)
"""


def test_a_start_imports_nothing_that_only_some_requests_need() -> None:
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    banned, counts = done.stdout.splitlines()
    foreign, ours = (int(each) for each in counts.split())
    assert banned == "", f"a start imports {banned}: import it where it is first needed"
    assert foreign <= FOREIGN
    assert ours <= OURS


def queries(seen: list[str]) -> list[str]:
    return [each for each in seen if each.startswith("SELECT")]
