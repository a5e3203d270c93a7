"""The task of a fork: ask for each answer that is not there yet, some at once, and record it.

An answer carries the fork's id and its own number as its external id, and is committed under the job's
fence: a fork that was killed asks only for what is missing. It calls no tool: what a model would call
is part of its answer.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.errors import CamelExtError, InsufficientStorage, Unavailable
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.journal import Fenced
from camel_ext.core.models import State, WaitingFor
from camel_ext.core.outbox import OUTBOX
from camel_ext.core.queue import Stopped, TaskContext, Wait, task
from camel_ext.interactions import Purpose, read_external_ids
from camel_ext.serving import Asked, Caller, complete
from camel_ext.workflows.forks import TASK, Question, end_fork, get_fork, read_question
from camel_ext.workflows.models import Fork
from camel_ext.workflows.process import workshop_of
from camel_ext.workflows.schemas_forks import Variant

SOURCE = "fork"
AT_ONCE = 8  # of one fork; the engine admits as many as it has slots, whoever asks


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the fork what its job failed of."""
    await _end(context, State.FAILED, (code, detail))


@task(TASK, failed=mark_failed)
async def fork_turn(context: TaskContext, *, fork_id: str) -> None:
    """Ask for a fork's answers to the last one."""
    try:
        await _ask_all(context, UUID(fork_id))
    except asyncio.CancelledError:
        if not context.cancel_requested:
            raise  # the worker stops or lost its lease: the fork goes on elsewhere
        context.ended = True
        await _end(context, State.CANCELLED)
        raise Stopped from None


@dataclass(frozen=True, slots=True)
class _Loaded:
    fork: Fork
    question: Question
    variants: list[Variant]
    missing: list[int]


async def _ask_all(context: TaskContext, fork_id: UUID) -> None:
    loaded = await context.write(_begin, context.runtime.clock, fork_id)
    if loaded.fork.state.is_final:
        return
    refused = await _ask_missing(context, loaded)
    context.ended = True  # an end that is being written is not cancelled any more
    if refused and len(refused) == loaded.fork.total:
        await _end(context, State.FAILED, (refused[-1].code, refused[-1].detail))
    else:
        await _end(context, State.SUCCEEDED)


def _begin(db: Session, clock: Clock, fork_id: UUID) -> _Loaded:
    fork = get_fork(db, fork_id, lock=True)
    variants = [Variant.model_validate(each) for each in fork.wanted["variants"]]
    question = read_question(db, fork.interaction_id, variants)
    there = read_external_ids(db, SOURCE, f"{fork.id}/")
    missing = [n for n in range(fork.total) if f"{fork.id}/{n}" not in there]
    if not fork.state.is_final:
        fork.state, fork.started_at = State.RUNNING, fork.started_at or clock.now()
        fork.done = fork.total - len(missing)
    return _Loaded(fork, question, variants, missing)


async def _ask_missing(context: TaskContext, loaded: _Loaded) -> list[CamelExtError]:
    """Ask for what is not there yet; return what the model refused."""
    todo = iter(loaded.missing)
    refused: list[CamelExtError] = []

    async def ask_some() -> None:
        for number in todo:
            try:
                await _ask(context, loaded, number)
            except (Fenced, InsufficientStorage, Unavailable):
                raise
            except CamelExtError as error:  # it says nothing of the others
                refused.append(error)
            await context.write(_count, loaded.fork.id)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(loaded.missing))):
                group.create_task(ask_some())
    except* Unavailable as lost:
        raise _patience(context, lost) from None
    except* (Fenced, InsufficientStorage) as ours:
        raise ours.exceptions[0] from None
    return refused


def _patience(context: TaskContext, lost: BaseExceptionGroup[Unavailable]) -> Wait:
    """Return how a fork waits for a model that is away: as a run does."""
    error = lost.exceptions[0]
    assert isinstance(error, Unavailable), "the groups of a task group are flat"
    patience = workshop_of(context.runtime).patience
    wait_s = max(patience.wait_s, error.retry_after_s or 0.0)
    until = context.runtime.clock.now() + timedelta(seconds=wait_s)
    return Wait(WaitingFor.PROVIDER, until, error.detail)


async def _ask(context: TaskContext, loaded: _Loaded, number: int) -> None:
    fork, question, call = loaded.fork, loaded.question, loaded.question.call
    which = number // (fork.total // len(loaded.variants))
    variant = loaded.variants[which]
    params = {**call.params, **variant.model_dump(exclude_none=True, exclude={"model"})}
    params["seed"] = seed_of(fork.seed, number)
    caller = Caller(
        tenant=context.job.tenant,
        principal_id=fork.principal_id,
        source=SOURCE,
        purpose=Purpose.SAMPLE,
        trace_id=fork.trace_id,
        session=call.session,
        tags=tuple(call.tags),
        agent_id=call.agent_id,
        agent_version_id=call.agent_version_id,
        external_id=f"{fork.id}/{number}",
        alias=call.alias,
        forked_from_id=call.id,
    )
    asked = Asked(
        messages=question.messages,
        tools=question.tools,
        response_format=question.response_format,
        params=params,
    )
    served = await complete(context.runtime, caller, question.models[which], asked)
    await context.append(served.entries, {OUTBOX})
    served.keep()


def seed_of(fork_seed: int, number: int) -> int:
    """Return the sampling seed of one answer: same fork seed and number, same seed (31 bits)."""
    return int(sha256_hex(f"fork/{fork_seed}/{number}".encode())[:8], 16) & 0x7FFFFFFF


def _count(db: Session, fork_id: UUID) -> None:
    fork = get_fork(db, fork_id, lock=True)
    fork.done = len(read_external_ids(db, SOURCE, f"{fork.id}/"))


async def _end(context: TaskContext, state: State, error: tuple[str, str] | None = None) -> None:
    clock, fork_id = context.runtime.clock, UUID(context.job.args["fork_id"])

    def end(db: Session) -> None:
        fork = get_fork(db, fork_id, lock=True)
        fork.done = len(read_external_ids(db, SOURCE, f"{fork.id}/"))
        fork.failed = fork.total - fork.done if state != State.CANCELLED else 0
        end_fork(db, clock, fork, state, error)

    await context.write(end)
