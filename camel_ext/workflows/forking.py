"""The task of a fork: ask for each answer that is not there yet, some at once, and record it.

An answer carries the fork's id and its own number as its external id, and is committed under the job's
fence: a fork that was killed asks only for what is missing. It calls no tool: what a model would call
is part of its answer.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Update, bindparam, update
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.door import TenantDoor
from camel_ext.core.errors import CamelExtError, Unavailable
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.journal import journalled
from camel_ext.core.models import State
from camel_ext.core.queue import TaskContext, task
from camel_ext.interactions import Purpose, read_external_ids
from camel_ext.serving import Asked, Caller, Served, complete
from camel_ext.workflows.askers import asker_of
from camel_ext.workflows.forks import (
    SOURCE,
    TASK,
    Question,
    cancel_fork,
    end_fork,
    get_fork,
    read_question,
    start_fork,
)
from camel_ext.workflows.models import Fork
from camel_ext.workflows.process import workshop_of
from camel_ext.workflows.schemas_forks import ForkStart, Variant

AT_ONCE = 8  # of one fork; the engine admits as many as it has slots, whoever asks
# Another try at a held-out prompt is no less held out: it keeps the purpose of the first.
LEARNT_FROM = frozenset({Purpose.RUN, Purpose.SAMPLE})
BOUNDS = frozenset({"max_tokens", "max_completion_tokens", "n_predict"})  # names of one parameter

_OF_FORK = (
    Fork.org_id == bindparam("b_org_id"),
    Fork.project_id == bindparam("b_project_id"),
    Fork.id == bindparam("b_fork_id"),
)
ANSWERED = journalled(update(Fork).where(*_OF_FORK).values(done=Fork.done + 1, losses=0))
REFUSED = journalled(update(Fork).where(*_OF_FORK).values(failed=Fork.failed + 1))


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the fork what its job failed of."""
    await _end(context, State.FAILED, (code, detail))


def cancel(db: Session, door: TenantDoor, *, fork_id: str) -> None:
    """Stop the fork of a job."""
    cancel_fork(db, door.runtime.clock, UUID(fork_id))


def again(db: Session, door: TenantDoor, *, fork_id: str) -> UUID:
    """Ask the same call the same way, as a new fork; return its job."""
    old = get_fork(db, UUID(fork_id))
    wanted = ForkStart(interaction_id=old.interaction_id, seed=old.seed, **old.wanted)
    return start_fork(db, asker_of(door), wanted).job_id


@task(TASK, failed=mark_failed, cancel=cancel, again=again)
async def fork_turn(context: TaskContext, *, fork_id: str) -> None:
    """Ask for a fork's answers to the last one, or to where it must wait for the model."""
    async with context.until_cancelled(partial(_end, context, State.CANCELLED)):
        await _ask_all(context, UUID(fork_id))


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A fork as a worker takes it up: what it asks, and which answers are missing."""

    fork: Fork
    question: Question
    variants: list[Variant]
    missing: list[int]


async def _ask_all(context: TaskContext, fork_id: UUID) -> None:
    loaded = await context.write(_begin, context.runtime.clock, fork_id)
    if loaded is None:
        return
    asking = _Asking(context, loaded)
    await asking.run()
    if asking.lost is not None:
        await _wait(context, asking.lost)
        return
    context.ended = True  # an end that is being written is not cancelled any more
    refused = asking.refused
    if refused and len(refused) == loaded.fork.total:
        await _end(context, State.FAILED, (refused[-1].code, refused[-1].detail))
    else:
        await _end(context, State.SUCCEEDED)


def _begin(db: Session, clock: Clock, fork_id: UUID) -> _Loaded | None:
    """Take a fork up; None where it has ended. What was refused before is asked once more."""
    fork = get_fork(db, fork_id, lock=True)
    if fork.state.is_final:
        return None
    variants = [Variant.model_validate(each) for each in fork.wanted["variants"]]
    question = read_question(db, fork.interaction_id, variants)
    there = read_external_ids(db, SOURCE, f"{fork.id}/")
    missing = [n for n in range(fork.total) if f"{fork.id}/{n}" not in there]
    fork.state, fork.started_at = State.RUNNING, fork.started_at or clock.now()
    fork.done, fork.failed, fork.error_detail = fork.total - len(missing), 0, None
    return _Loaded(fork, question, variants, missing)


@dataclass(slots=True)
class _Asking:
    """The calls of one fork, some at once; it ends with the last, or when the model is away."""

    context: TaskContext
    loaded: _Loaded
    refused: list[CamelExtError] = field(default_factory=list, init=False)
    lost: Unavailable | None = field(default=None, init=False)

    async def run(self) -> None:
        """Ask for all that is missing.

        Raises: Fenced, and what a database or disk that fails raises.
        """
        todo = iter(self.loaded.missing)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(self.loaded.missing))):
                    group.create_task(self._some(todo))
        except* CamelExtError as failed:  # of the commits: they fail together, for one reason
            raise failed.exceptions[0] from None

    async def _some(self, todo: Iterator[int]) -> None:
        for number in todo:
            served = await self._ask(number)
            if served is not None:
                entries = [*served.entries, self._count(ANSWERED)]
                await self.context.append(entries)
                served.keep()
            if self.lost is not None:
                return  # what the others are at is kept, and nothing new is begun

    async def _ask(self, number: int) -> Served | None:
        """Return an answer; None where the model refused, or is away."""
        runtime, question = self.context.runtime, self.loaded.question
        which = number // (self.loaded.fork.total // len(self.loaded.variants))
        asked = Asked(
            messages=question.messages,
            tools=question.tools,
            response_format=question.response_format,
            params=self._params(self.loaded.variants[which], number),
        )
        try:
            return await complete(runtime, self._caller(number), question.models[which], asked)
        except Unavailable as error:
            self.lost = error
        except CamelExtError as error:  # it says nothing of the other answers
            self.refused.append(error)
            await self.context.append([self._count(REFUSED)])
        return None

    def _params(self, variant: Variant, number: int) -> dict[str, Any]:
        given = variant.model_dump(exclude_none=True, exclude={"model"})
        before = self.loaded.question.call.params
        if BOUNDS & given.keys():
            before = {name: value for name, value in before.items() if name not in BOUNDS}
        return {**before, **given, "seed": seed_of(self.loaded.fork.seed, number)}

    def _caller(self, number: int) -> Caller:
        fork, call = self.loaded.fork, self.loaded.question.call
        return Caller(
            tenant=self.context.job.tenant,
            principal_id=fork.principal_id,
            source=SOURCE,
            purpose=Purpose.SAMPLE if call.purpose in LEARNT_FROM else call.purpose,
            trace_id=fork.trace_id,
            session=call.session,
            tags=tuple(call.tags),
            agent_id=call.agent_id,
            agent_version_id=call.agent_version_id,
            external_id=f"{fork.id}/{number}",
            alias=call.alias,
            forked_from_id=call.root_id,
        )

    def _count(self, statement: Update) -> tuple[Update, dict[str, Any]]:
        tenant = self.context.job.tenant
        ids = {"b_org_id": tenant.org_id, "b_project_id": tenant.project_id}
        return statement, {**ids, "b_fork_id": self.loaded.fork.id}


async def _wait(context: TaskContext, lost: Unavailable) -> None:
    """Wait for a model that is away, as a run does; but nobody is asked: at last the fork fails.

    Raises: Wait.
    """
    losses = await context.write(_note_loss, _fork_id(context), lost.detail)
    patience = workshop_of(context.runtime).patience
    if losses < patience.tries:
        raise patience.lost(losses, lost, context.runtime.clock.now())
    context.ended = True
    told = f"the model was away {losses} times in a row, the last time: {lost.detail}"
    await _end(context, State.FAILED, (lost.code, told))


def _note_loss(db: Session, fork_id: UUID, detail: str) -> int:
    fork = get_fork(db, fork_id, lock=True)
    fork.state, fork.error_detail = State.WAITING, detail
    fork.losses += 1
    return fork.losses


async def _end(context: TaskContext, state: State, error: tuple[str, str] | None = None) -> None:
    clock, fork_id = context.runtime.clock, _fork_id(context)

    def end(db: Session) -> None:
        end_fork(db, clock, get_fork(db, fork_id, lock=True), state, error)

    await context.write(end)


def _fork_id(context: TaskContext) -> UUID:
    return UUID(context.job.args["fork_id"])


def seed_of(fork_seed: int, number: int) -> int:
    """Return the sampling seed of one answer: same fork seed and number, same seed (31 bits)."""
    return int(sha256_hex(f"fork/{fork_seed}/{number}".encode())[:8], 16) & 0x7FFFFFFF
