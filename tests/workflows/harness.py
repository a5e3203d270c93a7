"""A run in the hands of a worker, without a model: a scripted `serve`, real journal, real database.

`Harness.execute` runs a workflow until it ends, waits, or is killed at the append or call that the
test names; calling it again resumes it as another worker would.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core import jobs, leases
from camel_ext.core.database import DatabaseUnreachable
from camel_ext.core.jobs import Claimed
from camel_ext.core.models import Job, State, Worker
from camel_ext.core.queue import TaskContext
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.serving import ChatReply, Served
from camel_ext.workflows.agents import ModelCall, ToolSpec
from camel_ext.workflows.calls import Conversation, Limits, Patience, RunCalls
from camel_ext.workflows.execution import Execution
from camel_ext.workflows.language.schema import Agent, Workflow
from camel_ext.workflows.models import Run, Turn
from camel_ext.workflows.tools import Tool, ToolTurn
from camel_ext.workflows.turns import RunJournal, Spent, read_effects, read_finished

Json = dict[str, Any]


class Killed(BaseException):
    """The process dies here: nothing after it happens."""


@dataclass(eq=False)
class WatchedContext(TaskContext):
    """A context that dies before or after the append that the test named."""

    harness: Any = None

    async def append(self, entries: Any, signals: Any = None, **how: Any) -> None:
        harness = self.harness
        number, harness.appends = harness.appends, harness.appends + 1
        if number == harness.kill_before_append:
            raise Killed
        if number == harness.fail_append:
            raise DatabaseUnreachable("the test took the database away")
        await super().append(entries, signals, **how)
        if number == harness.kill_after_append:
            raise Killed


def served_as(interaction_id: UUID, message: Json) -> Served:
    """Return an answer of the scripted model: 3 tokens read, 2 written."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    reply = cast(ChatReply, None)  # what came over the wire is serving's, and was never there
    return Served(
        interaction_id, "chat-1", "scripted", message, finish, usage, [], 3, 2, 7, 1.0, reply,
        lambda: None,
    )  # fmt: skip


def text_of(call: ModelCall) -> str:
    return str(call.messages[-1]["content"])


@dataclass
class Harness:
    """One run and what happened to it."""

    runtime: Runtime
    tenant: Tenant
    workflow: Workflow
    agents: dict[str, Agent]
    answer: Callable[[str, str, ModelCall], Json]
    tools: dict[str, Tool] = field(default_factory=dict)
    run_id: UUID = field(init=False)
    served: list[str] = field(default_factory=list)
    tool_calls: list[str] = field(default_factory=list)
    answers: dict[UUID, Any] = field(default_factory=dict)
    appends: int = 0
    kill_before_append: int | None = None
    kill_after_append: int | None = None
    fail_append: int | None = None
    limits: Limits = field(default_factory=lambda: Limits(max_turns=1000))
    single_step: bool = False
    pause: bool = False

    async def start(self, given: Json | None = None) -> "Harness":
        self.run_id = self.runtime.new_id()
        self.given = given or {}
        await self.runtime.write(self.tenant, self._insert)
        return self

    def _insert(self, db: Session) -> None:
        clock, job_id = self.runtime.clock, self.runtime.new_id()
        jobs.enqueue(db, clock, job_id, "test.run", {"run_id": str(self.run_id)})
        db.add(
            Run(
                id=self.run_id, workflow="w", workflow_version_id=self.run_id, job_id=job_id,
                state=State.QUEUED, input=self.given, resolved={}, budgets={}, seed=1,
                single_step=False, prefix_seq=0, tags=[], turns=0, prompt_tokens=0,
                completion_tokens=0, cost_usd_micros=0, running_ms=0, principal_id=self.run_id,
                trace_id="0" * 32, revision=1, created_at=clock.now(),
            )
        )  # fmt: skip

    async def execute(self) -> Any:
        """Claim the job anew and execute the run from its journal."""
        context = WatchedContext(self.runtime, await self._claim(), self.pause, harness=self)
        run, finished, effects = await context.read(self._load)
        spent = Spent(run.turns, run.prompt_tokens, run.completion_tokens, run.cost_usd_micros)
        journal = RunJournal(context, run.id, "w", finished, effects, spent, None)
        calls = RunCalls(
            context=context,
            journal=journal,
            limits=self.limits,
            single_step=self.single_step,
            patience=Patience(1.0, 60.0, 10),
            serve=self._serve,
            run_tool=self._tool,
            tools=self.tools,
            answers=self.answers,
        )
        specs = {
            name: ToolSpec(name, tool.description, tool.parameters)
            for name, tool in self.tools.items()
        }
        tokens = dict.fromkeys(self.agents, 4096)
        execution = Execution(self.workflow, self.agents, tokens, calls, self._verify, specs)
        return await execution.run(self.given)

    async def turns(self) -> list[Turn]:
        def read(db: Session) -> list[Turn]:
            query = select(Turn).where(Turn.run_id == self.run_id).order_by(Turn.seq)
            return list(db.scalars(query))

        return await self.runtime.read(self.tenant, read)

    def _load(self, db: Session) -> Any:
        run = db.get_one(Run, self.run_id)
        return run, read_finished(db, run), read_effects(db, self.run_id)

    async def _claim(self) -> Claimed:
        """Take the job over from whoever held it: the fence rises, the old hand is a zombie."""

        def take(db: Session) -> Claimed:
            job = db.scalars(select(Job).where(Job.kind == "test.run")).one()
            job.state, job.worker_id = State.QUEUED, None
            db.flush()
            now = self.runtime.clock.now() + timedelta(seconds=1)
            kinds = frozenset({"test.run"})
            connection, worker_id = db.connection(), self.runtime.new_id()
            worker = Worker(
                id=worker_id, name="test", started_at=now, heartbeat_at=now, lease_until=now
            )
            leases.register(connection, worker)
            return jobs.claim(connection, worker_id, now, slots=1, free={}, kinds=kinds)[0]

        return await self.runtime.write(self.tenant, take)

    async def _serve(self, talk: Conversation, key: str, call: ModelCall) -> Served:
        self.served.append(key)
        message = {"role": "assistant", **self.answer(talk.agent, key, call)}
        served = served_as(self.runtime.new_id(), message)
        self.answers[served.interaction_id] = {
            "id": served.id,
            "model": served.model,
            "message": message,
            "finish_reason": served.finish_reason,
            "usage": served.usage,
        }
        return served

    async def _tool(self, tool: Tool, arguments: Json, key: str, state: str | None) -> ToolTurn:
        self.tool_calls.append(key)
        return ToolTurn(await tool.call(arguments, None), state)  # type: ignore[arg-type]

    async def _verify(self, name: str, params: Json, text: str) -> Json:
        good = str(params.get("expected", "")) in text
        return {
            "passed": good,
            "score": float(good),
            "reason": name,
            "state": "passed" if good else "failed",
        }
