"""P2's durable arm: a turn of a running agent with everything recorded, on an engine that answers at once.

Each turn goes the way of a run's: `AgentSession`, serving's `complete`, and one append of the turn,
its interaction, its usage, its events and the run's counters, acknowledged after fsync; the process is
the server's own (dispatcher, worker, gate). The engine is a stub that does no work of its own: it is
handed the request's bytes as an engine would make them.

    python -m bench.turn
"""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from bench.turn import REPLY, SPEC, TEXT, Turn
from camel_ext.app import Parts, create_app, running
from camel_ext.core import jobs, leases
from camel_ext.core.jobs import Claimed
from camel_ext.core.models import State, Worker
from camel_ext.core.queue import TaskContext, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import bootstrap
from camel_ext.registry import EngineKind, ResolvedModel
from camel_ext.registry.resolve import Price
from camel_ext.serving import Asked, Caller, ChatReply, Served, complete
from camel_ext.serving.engines.protocol import ChatRequest, Delta, Health, wire_body
from camel_ext.serving.process import serving_of
from camel_ext.settings import Settings
from camel_ext.workflows.agents import AgentSession, ModelCall
from camel_ext.workflows.calls import (
    AgentCalls,
    Conversation,
    Limits,
    Patience,
    RunCalls,
    ScratchChain,
)
from camel_ext.workflows.language.plan import StepPath
from camel_ext.workflows.models import Run
from camel_ext.workflows.turns import RunJournal, Spent

MODEL = ResolvedModel(UUID(int=1), "small", EngineKind.LOCAL, {"file": "b"}, Price(1, 2), None)
TASK = "bench.turn"


class Stub:
    """Answers at once, whole or as one piece."""

    name = "stub"

    async def chat(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:  # noqa: ARG002
        return self._reply(request, stream=False)

    async def stream(
        self,
        request: ChatRequest,
        *,
        timeout_s: float,  # noqa: ARG002
    ) -> AsyncIterator[Delta | ChatReply]:
        yield Delta(text=REPLY, raw={"content": REPLY})
        yield self._reply(request, stream=True)

    async def health(self) -> Health:
        return Health(ok=True, detail="stub", engine_build="stub")

    async def close(self) -> None:
        pass

    def _reply(self, request: ChatRequest, *, stream: bool) -> ChatReply:
        message = {"role": "assistant", "content": REPLY}
        usage = {"prompt_tokens": 100, "completion_tokens": 200, "total_tokens": 300}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return ChatReply(
            id="chatcmpl-stub",
            message=message,
            finish_reason="stop",
            prompt_tokens=100,
            completion_tokens=200,
            cached_tokens=None,
            ttft_ms=None,
            total_ms=0.0,
            model=request.model,
            sent=wire_body(request, stream=stream),
            raw={"id": "chatcmpl-stub", "model": "stub", "choices": [choice], "usage": usage},
            logprobs=None,
            engine_build="stub",
        )


@task(TASK)
async def _held(context: TaskContext) -> None:
    """Never executed: the bench holds this job itself."""


def _start(db: Session, runtime: Runtime, tenant: Tenant) -> tuple[Run, Claimed]:
    """Write a run and its job, and hold the job, as a worker would."""
    clock, now = runtime.clock, runtime.clock.now()
    later = now + timedelta(days=1)  # nobody else takes it before
    job = jobs.enqueue(db, clock, runtime.new_id(), TASK, {}, run_at=later)
    job.state, job.fence, job.worker_id = State.RUNNING, 1, runtime.new_id()
    run = Run(
        id=runtime.new_id(), workflow="bench", workflow_version_id=job.id, job_id=job.id,
        state=State.RUNNING, input={}, resolved={}, budgets={}, seed=1, single_step=False,
        prefix_seq=0, tags=[], turns=0, prompt_tokens=0, completion_tokens=0, cost_usd_micros=0,
        running_ms=0, principal_id=job.id, trace_id="0" * 32, revision=1, created_at=now,
    )  # fmt: skip
    db.add(run)
    worker = Worker(
        id=job.worker_id, name="bench", started_at=now, heartbeat_at=now, lease_until=later
    )
    leases.register(db.connection(), worker)
    db.flush()
    held = Claimed(job.id, tenant, TASK, {}, 1, 0, 5, 0, {}, "0" * 32, later, False, False)
    return run, held


class _Way:
    """From an agent's call to serving, as `workflows.tasks` goes it."""

    def __init__(self, runtime: Runtime, run: Run, tenant: Tenant) -> None:
        self._runtime, self._run, self._tenant = runtime, run, tenant

    async def serve(self, talk: Conversation, key: str, call: ModelCall) -> Served:
        caller = Caller(
            tenant=self._tenant,
            principal_id=self._run.principal_id,
            source="run",
            purpose="run",
            trace_id=self._run.trace_id,
            agent_id=talk.agent,
            agent_version_id=self._run.workflow_version_id,
            run_id=self._run.id,
            step_key=key,
            alias="small",
            stream_id=str(self._run.id),
        )
        asked = Asked(
            messages=call.messages,
            tools=call.tools,
            response_format=call.response_format,
            params={"seed": 1, **call.params},
            shared=call.shared,
            thread=talk,
        )
        return await complete(self._runtime, caller, MODEL, asked)


async def _no_tool(*_: Any) -> Any:
    raise NotImplementedError


@asynccontextmanager
async def arm() -> AsyncIterator[Turn]:
    """Open the product in a folder of its own, and an agent in a run of it."""
    folder = Path(tempfile.mkdtemp(prefix="p2-"))
    settings = Settings(data_dir=folder)
    create_app(settings)
    async with running(settings, Parts()) as runtime:
        serving_of(runtime).use(Stub())
        founded = await runtime.write_system(
            "bench", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
        )
        tenant = founded.tenant
        run, held = await runtime.write(tenant, _start, runtime, tenant)
        context = TaskContext(runtime, held)
        calls = RunCalls(
            context=context,
            journal=RunJournal(context, run.id, "bench", {}, {}, Spent(), runtime.clock.now()),
            limits=Limits(max_turns=10**6),
            single_step=False,
            patience=Patience(1.0, 60.0, 10),
            serve=_Way(runtime, run, tenant).serve,
            run_tool=_no_tool,
            tools={},
            answers={},
        )
        session, talk = AgentSession(SPEC), Conversation("bench")

        async def turn(number: int) -> None:
            path = StepPath().child("talk").round(number).child("say")
            agent = AgentCalls(calls, talk, path, ScratchChain())
            answer = await session.step(TEXT.format(number), agent)
            assert answer.text == REPLY

        yield turn
    shutil.rmtree(folder)
