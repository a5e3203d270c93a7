"""The task that executes a run, from wherever its journal says it is.

It loads what the run needs, wires calls to serving, tools and verifiers, and writes the run's end.
What happens between is the execution's.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.door import TenantDoor
from camel_ext.core.errors import CamelExtError, InsufficientStorage
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.journal import Fenced
from camel_ext.core.models import State
from camel_ext.core.queue import TaskContext, Wait, task
from camel_ext.core.threads import Threads
from camel_ext.interactions import read_answers
from camel_ext.registry import ResolvedModel, resolve_version
from camel_ext.serving import Asked, Caller, Served, complete
from camel_ext.verifiers import Outcome, verify
from camel_ext.workflows.agents import Effect as ToolEffect
from camel_ext.workflows.agents import ModelCall, ToolSpec
from camel_ext.workflows.askers import asker_of
from camel_ext.workflows.calls import Conversation, Limits, RunCalls
from camel_ext.workflows.contents import read_contents
from camel_ext.workflows.events import RunFinished, RunStarted, RunWaiting
from camel_ext.workflows.execution import Execution
from camel_ext.workflows.forking import fork_turn
from camel_ext.workflows.language.schema import Agent, Workflow
from camel_ext.workflows.lineage import spans_of
from camel_ext.workflows.models import Effect, Run
from camel_ext.workflows.process import Workshop, workshop_of
from camel_ext.workflows.runs import TASK, cancel_run, retry_run
from camel_ext.workflows.schemas import Retry
from camel_ext.workflows.tools import Scratch, Tool, ToolTurn, effect_key, execute
from camel_ext.workflows.turns import (
    Finished,
    RunJournal,
    Spent,
    read_effects,
    read_finished,
)

Json = dict[str, Any]
_REGISTERED = (fork_turn,)  # importing it is what registers it


@dataclass(slots=True)
class Loaded:
    """Everything a run needs, read once when it is claimed."""

    run: Run
    ancestors: list[UUID]
    workflow: Workflow
    agents: dict[str, Agent]
    models: dict[str, ResolvedModel]
    finished: dict[str, Finished]
    effects: dict[str, Effect]
    answers: dict[UUID, Json]


def load(db: Session, run_id: UUID) -> Loaded:
    """Read a run with its definitions and its finished turns: six queries, whatever its length."""
    run = db.get_one(Run, run_id)
    agents: Json = run.resolved["agents"]
    ids = [run.workflow_version_id, *(UUID(agent["version_id"]) for agent in agents.values())]
    contents = read_contents(db, ids)
    fresh = run.started_at is None and run.parent_run_id is None  # nothing can be there yet
    finished = {} if fresh else read_finished(db, run)
    spoken = [turn.interaction_id for turn in finished.values() if turn.interaction_id]
    return Loaded(
        run=run,
        ancestors=[span.run_id for span in spans_of(db, run)[:-1]],
        workflow=cast(Workflow, contents[run.workflow_version_id]),
        agents={
            name: cast(Agent, contents[UUID(agent["version_id"])]) for name, agent in agents.items()
        },
        models={name: _model(db, run, agent["model"]) for name, agent in agents.items()},
        finished=finished,
        effects={} if fresh else read_effects(db, run_id),
        answers=read_answers(db, spoken),
    )


def _model(db: Session, run: Run, alias: str) -> ResolvedModel:
    version_id = UUID(run.resolved["models"][alias]["version_id"])
    return resolve_version(db, version_id, alias=alias)


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the run what its job failed of."""
    await _end(context, State.FAILED, (code, detail))


async def _end(context: TaskContext, state: State, error: tuple[str, str] | None = None) -> None:
    """Write a run's end from outside its execution, behind whatever that is still appending."""
    run_id = UUID(context.job.args["run_id"])
    run = await context.write(lambda db: db.get_one(Run, run_id))
    if not run.state.is_final:
        await _finish(_journal(context, run, {}, {}), state, error=error)


def cancel(db: Session, door: TenantDoor, *, run_id: str) -> None:
    """Stop the run of a job."""
    cancel_run(db, door.runtime.clock, UUID(run_id), None)


def again(db: Session, door: TenantDoor, *, run_id: str) -> UUID:
    """Start a new run from the step at which the run of a job failed."""
    return retry_run(db, asker_of(door), UUID(run_id), Retry()).job_id


@task(TASK, failed=mark_failed, cancel=cancel, again=again)
async def run(context: TaskContext, *, run_id: str) -> None:
    """Execute a run to its end, or to where it must wait."""
    async with context.until_cancelled(partial(_end, context, State.CANCELLED)):
        await _execute(context, run_id)


async def _execute(context: TaskContext, run_id: str) -> None:
    loaded = await context.read(load, UUID(run_id))
    if loaded.run.state.is_final:
        return
    _wait_on(loaded.run)
    journal = _journal(context, loaded.run, loaded.finished, loaded.effects)
    name = loaded.run.workflow
    try:
        await journal.enter(State.RUNNING, RunStarted(run_id, name, journal.spent.turns))
        workshop = workshop_of(context.runtime)
        await workshop.ready(context.runtime)
        execution = _execution(context, loaded, journal, workshop)
        output = await execution.run(loaded.run.input)
    except Wait as wait:
        context.ended = True  # whoever wants it to stop is heard once it waits
        said = RunWaiting(run_id, name, wait.waiting_for, wait.detail)
        await journal.enter(
            State.WAITING, said, waiting_for=wait.waiting_for, detail=wait.detail or None
        )
        raise
    except (Fenced, InsufficientStorage):
        raise
    except CamelExtError as error:  # a failed run is data: its job has done what it should
        if error.retryable:
            raise
        await _finish(journal, State.FAILED, error=(error.code, _told(error)), ends_job=True)
    else:
        await _finish(journal, State.SUCCEEDED, output=output, ends_job=True)


def _wait_on(run: Run) -> None:
    """Wait as before where nobody woke the run: its worker died after saying that it waits."""
    whom = run.waiting_for
    if run.state == State.WAITING and whom is not None and whom not in jobs.WAKES_BY_ITSELF:
        raise Wait(whom, detail=run.waiting_detail or "")


def _told(error: CamelExtError) -> str:
    step = error.fields.get("step")
    return error.detail if step is None else f"{step}: {error.detail}"


def _journal(
    context: TaskContext, run: Run, finished: dict[str, Finished], effects: dict[str, Effect]
) -> RunJournal:
    spent = Spent(
        run.turns, run.prompt_tokens, run.completion_tokens, run.cost_usd_micros, run.running_ms
    )
    return RunJournal(context, run.id, run.workflow, finished, effects, spent, run.started_at)


async def _finish(
    journal: RunJournal,
    state: State,
    *,
    output: Any = None,
    error: tuple[str, str] | None = None,
    ends_job: bool = False,
) -> None:
    journal.context.ended = True  # an end that is being written is not cancelled any more
    code = error[0] if error else None
    said = RunFinished(str(journal.run_id), journal.workflow, state, code, journal.spent.turns)
    await journal.enter(state, said, output=output, error=error, ends_job=ends_job)


def _execution(
    context: TaskContext, loaded: Loaded, journal: RunJournal, workshop: Workshop
) -> Execution:
    run = loaded.run
    calls = RunCalls(
        context=context,
        journal=journal,
        limits=Limits(**{"max_turns": workshop.max_turns, **run.budgets}),
        single_step=run.single_step,
        patience=workshop.patience,
        serve=_ModelWay(context, loaded).serve,
        run_tool=_ToolWay(context, run.id, loaded.ancestors, workshop).run,
        tools=workshop.tools,
        answers=loaded.answers,
    )
    return Execution(
        workflow=loaded.workflow,
        agents=loaded.agents,
        context_tokens={
            name: model.context_tokens or workshop.context_tokens
            for name, model in loaded.models.items()
        },
        calls=calls,
        verify=partial(_verify, context.runtime.threads),
        tool_specs={name: _spec(tool) for name, tool in workshop.tools.items()},
    )


@dataclass(slots=True)
class _ModelWay:
    """From an agent's call to serving, with everything the log wants to know of it."""

    context: TaskContext
    loaded: Loaded

    async def serve(self, talk: Conversation, key: str, call: ModelCall) -> Served:
        run = self.loaded.run
        caller = Caller(
            tenant=self.context.job.tenant,
            principal_id=run.principal_id,
            source="run",
            purpose=run.purpose,
            trace_id=run.trace_id,
            session=run.session,
            tags=tuple(run.tags),
            agent_id=talk.agent,
            agent_version_id=UUID(run.resolved["agents"][talk.agent]["version_id"]),
            run_id=run.id,
            step_key=key,
            alias=self.loaded.agents[talk.agent].model,
            stream_id=str(run.id),
        )
        params = {"seed": seed_of(run.seed, key), **call.params}
        asked = Asked(
            messages=call.messages,
            tools=call.tools,
            response_format=call.response_format,
            params=params,
            shared=call.shared,
            thread=talk,
        )
        model = self.loaded.models[talk.agent]
        return await complete(self.context.runtime, caller, model, asked)


@dataclass(slots=True)
class _ToolWay:
    """From a tool call to the tool, on the run's scratch folder."""

    context: TaskContext
    run_id: UUID
    ancestors: list[UUID]
    workshop: Workshop
    scratch: Scratch = field(init=False)

    def __post_init__(self) -> None:
        self.scratch = self.workshop.scratch(self.run_id)

    async def run(self, tool: Tool, arguments: Json, key: str, state: str | None) -> ToolTurn:
        runtime = self.context.runtime
        if self.ancestors and tool.uses_scratch and state is not None:
            await runtime.threads.run("work", self._inherit, state)
        return await execute(
            tool,
            arguments,
            step_key=key,
            effect_key=effect_key(self.run_id, key),
            scratch=self.scratch,
            parent_state=state,
            timeout_s=self.workshop.tool_timeout_s,
            clock=runtime.clock,
            threads=runtime.threads,
        )

    def _inherit(self, state: str) -> None:
        """Take files over that a turn of the retried run left."""
        theirs: list[Scratch] = [self.workshop.scratch(each) for each in self.ancestors]
        owner = next((each for each in theirs if each.holds(state)), None)
        if owner is not None and not self.scratch.holds(state):
            self.scratch.adopt(owner, state)


def seed_of(run_seed: int, key: str) -> int:
    """Return the sampling seed of one call: same run seed and place, same seed (31 bits)."""
    return int(sha256_hex(f"{run_seed}/{key}".encode())[:8], 16) & 0x7FFFFFFF


async def _verify(threads: Threads, name: str, params: Json, text: str) -> Json:
    verdict = await verify(name, params, Outcome(text), threads=threads)
    return verdict.as_dict()


def _spec(tool: Tool) -> ToolSpec:
    effect: ToolEffect = "idempotent" if tool.idempotent else "once"
    return ToolSpec(tool.name, tool.description, tool.parameters, effect)
