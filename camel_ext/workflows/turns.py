"""A run's journal: which turns are finished, and the commit of the next one.

On resume every finished turn is read and answered from here, so nothing finished is done again. A
turn, its interaction, its usage, its event and the run's counters are one append. This module does
not decide what happens next: that is the execution's.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, bindparam, insert, select, update
from sqlalchemy.orm import Session

from camel_ext.core.journal import journalled
from camel_ext.core.models import State, WaitingFor
from camel_ext.core.outbox import Event, outbox_entry
from camel_ext.core.queue import TaskContext
from camel_ext.workflows.events import TurnCommitted
from camel_ext.workflows.lineage import spans_of
from camel_ext.workflows.models import Effect, EffectState, Run, Turn, TurnKind

Entry = tuple[Executable, dict[str, Any]]
PREVIEW_LETTERS = 240

INSERT_TURN = journalled(insert(Turn))
INSERT_EFFECT = journalled(insert(Effect))
_OF_RUN = (
    Run.org_id == bindparam("b_org_id"),
    Run.project_id == bindparam("b_project_id"),
    Run.id == bindparam("b_run_id"),
)
PROGRESS = journalled(
    update(Run)
    .where(*_OF_RUN)
    .values(
        turns=bindparam("new_turns"),
        prompt_tokens=bindparam("new_prompt"),
        completion_tokens=bindparam("new_completion"),
        cost_usd_micros=bindparam("new_cost"),
        running_ms=bindparam("new_running_ms"),
    )
)
STATE = journalled(
    update(Run)
    .where(*_OF_RUN)
    .values(
        state=bindparam("new_state"),
        waiting_for=bindparam("new_waiting_for"),
        waiting_detail=bindparam("new_detail"),
        started_at=bindparam("new_started_at"),
        finished_at=bindparam("new_finished_at"),
        running_ms=bindparam("new_running_ms"),
        output=bindparam("new_output", type_=Run.output.type),
        error_code=bindparam("new_error_code"),
        error_detail=bindparam("new_error_detail"),
    )
)
EFFECT_STATE = journalled(
    update(Effect)
    .where(
        Effect.org_id == bindparam("b_org_id"),
        Effect.project_id == bindparam("b_project_id"),
        Effect.run_id == bindparam("b_run_id"),
        Effect.step_key == bindparam("b_step_key"),
    )
    .values(state=bindparam("new_state", type_=Effect.state.type))
)


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished turn, as a resume reads it."""

    seq: int
    step_key: str
    kind: TurnKind
    output: Any
    interaction_id: UUID | None


@dataclass(slots=True)
class Spent:
    """What a run has used so far."""

    turns: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd_micros: int = 0
    running_ms: int = 0


@dataclass(slots=True)
class NewTurn:
    """A turn that was just done and is about to be committed."""

    step_key: str
    kind: TurnKind
    name: str
    total_ms: float
    input: Any = None
    output: Any = None
    preview: str = ""
    interaction_id: UUID | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd_micros: int = 0
    entries: Sequence[Entry] = ()
    effect: bool = False


@dataclass(slots=True)
class RunJournal:
    """The turns of one run, in the hands of the worker that holds its job."""

    context: TaskContext
    run_id: UUID
    workflow: str
    finished: dict[str, Finished]
    effects: dict[str, Effect]
    spent: Spent
    started_at: Any
    _claimed_s: float = field(init=False)
    _base_ms: int = field(init=False)
    _one_by_one: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _broken: BaseException | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._claimed_s = self.context.runtime.clock.monotonic_s()
        self._base_ms = self.spent.running_ms

    async def commit(self, turn: NewTurn) -> Finished:
        """Commit a turn with everything that belongs to it; returns once it is on disk.

        One after the other: a number is used up only by a turn that is there, so that none is missing
        when candidates commit side by side and one of them fails. After a failure, which may have
        been written all the same, nothing more is: the journal has to be read again.
        Raises: Fenced where another worker took the run over.
        """
        async with self._one_by_one:
            if self._broken is not None:
                raise self._broken
            try:
                done = await self._commit(turn)
            except BaseException as error:
                self._broken = error
                raise
            self.finished[turn.step_key] = done
            return done

    async def _commit(self, turn: NewTurn) -> Finished:
        before, clock = self.spent, self.context.runtime.clock
        spent = replace(
            before,
            turns=before.turns + 1,
            prompt_tokens=before.prompt_tokens + turn.prompt_tokens,
            completion_tokens=before.completion_tokens + turn.completion_tokens,
            cost_usd_micros=before.cost_usd_micros + turn.cost_usd_micros,
        )
        done = Finished(spent.turns, turn.step_key, turn.kind, turn.output, turn.interaction_id)
        row = {
            **self._ids(),
            "seq": done.seq,
            "step_key": turn.step_key,
            "kind": turn.kind,
            "name": turn.name,
            "interaction_id": turn.interaction_id,
            "input": turn.input,
            "output": turn.output,
            "total_ms": turn.total_ms,
            "created_at": clock.now(),
        }
        event = TurnCommitted(
            str(self.run_id), done.seq, turn.step_key, turn.kind, turn.name,
            turn.preview[:PREVIEW_LETTERS], round(turn.total_ms, 3),
            turn.prompt_tokens + turn.completion_tokens,
        )  # fmt: skip
        entries: list[Entry] = [(INSERT_TURN, row), *turn.entries, self._progress(spent)]
        if turn.effect:
            entries.append(self._effect_is(turn.step_key, EffectState.DONE))
        await self._append(entries, event)
        self.spent = spent
        return done

    async def intend(self, step_key: str, effect_key: str, tool: str, arguments: Any) -> None:
        """Write down, before the call, that a tool which must run once is about to be called."""
        row = {
            **self._ids(),
            "step_key": step_key,
            "effect_key": effect_key,
            "tool": tool,
            "arguments": arguments,
            "state": EffectState.INTENT,
            "answer": None,
            "created_at": self.context.runtime.clock.now(),
        }
        await self.context.append([(INSERT_EFFECT, row)])

    async def intend_again(self, step_key: str) -> None:
        """Write down, before a call that a person wants repeated, that it is about to be made."""
        await self.context.append([self._effect_is(step_key, EffectState.INTENT)])

    async def enter(
        self,
        state: State,
        event: Event,
        *,
        waiting_for: WaitingFor | None = None,
        detail: str | None = None,
        output: Any = None,
        error: tuple[str, str] | None = None,
        ends_job: bool = False,
    ) -> None:
        """Commit a new state of the run, and announce it; with it the end of the job, if that is all."""
        now = self.context.runtime.clock.now()
        self.started_at = self.started_at or now
        code, text = error or (None, None)
        row = {
            **self._bound(),
            "new_state": state,
            "new_waiting_for": waiting_for,
            "new_detail": detail,
            "new_started_at": self.started_at,
            "new_finished_at": now if state.is_final else None,
            "new_running_ms": self.running_ms(),
            "new_output": output,
            "new_error_code": code,
            "new_error_detail": text,
        }
        await self._append([(STATE, row)], event, ends_job=ends_job)

    def running_ms(self) -> int:
        """Return how long the run has been running, waiting not counted."""
        elapsed_s = self.context.runtime.clock.monotonic_s() - self._claimed_s
        return self._base_ms + round(1000 * elapsed_s)

    async def _append(self, entries: list[Entry], event: Event, *, ends_job: bool = False) -> None:
        clock = self.context.runtime.clock
        entries.append(outbox_entry(self.context.job.tenant, clock, event))
        await self.context.append(entries, ends_job=ends_job)

    def _effect_is(self, step_key: str, state: EffectState) -> Entry:
        return EFFECT_STATE, {**self._bound(), "b_step_key": step_key, "new_state": state}

    def _progress(self, spent: Spent) -> Entry:
        return PROGRESS, {
            **self._bound(),
            "new_turns": spent.turns,
            "new_prompt": spent.prompt_tokens,
            "new_completion": spent.completion_tokens,
            "new_cost": spent.cost_usd_micros,
            "new_running_ms": self.running_ms(),
        }

    def _ids(self) -> dict[str, Any]:
        tenant = self.context.job.tenant
        return {
            "org_id": tenant.org_id,
            "project_id": tenant.project_id,
            "run_id": self.run_id,
        }

    def _bound(self) -> dict[str, Any]:
        return {f"b_{name}": value for name, value in self._ids().items()}


def read_finished(db: Session, run: Run) -> dict[str, Finished]:
    """Return a run's finished turns by step key: its parents' prefixes first, then its own."""
    finished: dict[str, Finished] = {}
    for span in spans_of(db, run):
        query = select(Turn).where(Turn.run_id == span.run_id, Turn.seq <= span.upto)
        for turn in db.scalars(query.order_by(Turn.seq)):
            finished[turn.step_key] = Finished(
                turn.seq, turn.step_key, turn.kind, turn.output, turn.interaction_id
            )
    return finished


def read_effects(db: Session, run_id: UUID) -> dict[str, Effect]:
    """Return the intents of a run by step key."""
    return {e.step_key: e for e in db.scalars(select(Effect).where(Effect.run_id == run_id))}
