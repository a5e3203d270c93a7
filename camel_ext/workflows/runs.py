"""Runs: starting, watching, pausing, resuming, cancelling, retrying, deciding.

Each function works in the door's transaction. What a worker does with a run that it holds is in
`tasks` and `execution`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, cast, select, tuple_
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.concurrency import MODEL, WORKFLOW
from camel_ext.core.door import check_revision
from camel_ext.core.models import Job, State, WaitingFor
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, encode_cursor, fetch_page
from camel_ext.interactions import Purpose
from camel_ext.workflows.definitions import current_workflow
from camel_ext.workflows.errors import (
    EffectUnknown,
    RunStateUnfit,
    RunUnknown,
    StepUnknown,
)
from camel_ext.workflows.events import RunFinished, RunQueued
from camel_ext.workflows.language.inputs import fill_inputs
from camel_ext.workflows.lineage import LAST_SEQ, spans_of
from camel_ext.workflows.models import Effect, EffectState, Run, Turn
from camel_ext.workflows.resolution import resolve
from camel_ext.workflows.schemas import BudgetsGiven, Decision, Resume, Retry, RunFilter, RunStart

TASK = "workflows.run"
SCAN_ROWS = 5_000  # runs a page looks at for a filter that no index serves
NewId = Callable[[], UUID]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a run, and where its randomness and time come from."""

    principal_id: UUID
    clock: Clock
    new_id: NewId
    new_seed: Callable[[], int]
    trace_id: str


def start_run(db: Session, asker: Asker, wanted: RunStart) -> Run:
    """Queue a run; its aliases are resolved now, once.

    Raises: DefinitionUnknown, InputsWrong, ModelNotUsed, and what an unknown alias or model raises.
    """
    version_id, workflow = current_workflow(db, wanted.workflow)
    run_id = asker.new_id()
    run = Run(
        id=run_id,
        workflow=wanted.workflow,
        workflow_version_id=version_id,
        input=fill_inputs(workflow, wanted.input),
        resolved=resolve(db, workflow, str(run_id), wanted.models),
        budgets=merged(workflow.budgets.model_dump(exclude_none=True), wanted.budgets),
        seed=asker.new_seed() if wanted.seed is None else wanted.seed,
        purpose=Purpose(wanted.purpose),
        single_step=wanted.single_step,
        session=wanted.session,
        tags=list(wanted.tags),
        prefix_seq=0,
        turns=0,
    )
    return _queue(db, asker, run, wanted.priority)


def _queue(db: Session, asker: Asker, run: Run, priority: int) -> Run:
    clock = asker.clock
    job_id = asker.new_id()
    run.job_id = job_id
    run.state = State.QUEUED
    run.prompt_tokens = run.completion_tokens = run.cost_usd_micros = run.running_ms = 0
    run.principal_id = asker.principal_id
    run.trace_id = asker.trace_id
    run.revision = 1
    run.created_at = clock.now()
    db.add(run)
    used = {f"{MODEL}:{each['name']}" for each in run.resolved["models"].values()}
    jobs.enqueue(
        db, clock, job_id, TASK, {"run_id": str(run.id)},
        priority=priority, uses={f"{WORKFLOW}:{run.workflow}", *used},
    )  # fmt: skip
    publish(db, clock, RunQueued(str(run.id), run.workflow))
    db.flush()
    return run


def get_run(db: Session, run_id: UUID) -> Run:
    """Return a run. Raises: RunUnknown."""
    run = db.get(Run, run_id)
    if run is None:
        raise RunUnknown(f"there is no run {run_id}")
    return run


def list_runs(db: Session, wanted: RunFilter, where: Place) -> tuple[list[Run], str | None]:
    """Return a page of runs, newest first; one query, two with a text or tag.

    For these a page looks at 5,000 runs, so that it may be short and still have a next one.
    """
    query = select(Run)
    for name in ("state", "workflow", "purpose", "session", "parent_run_id"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(Run, name) == value)
    if wanted.since is not None:
        query = query.where(Run.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Run.created_at < wanted.until)
    tried = list(_tried(wanted))
    end = _last_looked_at(db, query, where) if tried else None
    if end is not None:
        query = query.where(tuple_(Run.created_at, Run.id) >= end)
    found, cursor = fetch_page(db, query.where(*tried), Run.created_at, Run.id, where)
    return found, cursor or (None if end is None else encode_cursor(*end))


def _tried(wanted: RunFilter) -> Iterator[ColumnElement[bool]]:
    """Yield what is tried run by run: JSON holds letters beyond ASCII escaped."""
    if wanted.text is not None:
        escaped = json.dumps(wanted.text)[1:-1]
        yield cast(Run.input, String).icontains(escaped, autoescape=True)
    if wanted.tag is not None:
        yield cast(Run.tags, String).contains(json.dumps(wanted.tag), autoescape=True)


def _last_looked_at(db: Session, query: Select[Any], where: Place) -> tuple[datetime, UUID] | None:
    order = tuple_(Run.created_at, Run.id)
    if where.after is not None:
        query = query.where(order < where.after)
    places = query.with_only_columns(Run.created_at, Run.id)
    newest = places.order_by(Run.created_at.desc(), Run.id.desc()).offset(SCAN_ROWS - 1).limit(1)
    row = db.execute(newest).one_or_none()
    return None if row is None else (row[0], row[1])


def list_turns(db: Session, run_id: UUID, after: int, limit: int) -> list[Turn]:
    """Return turns in order, those of the prefix included.

    Raises: RunUnknown.
    """
    found: list[Turn] = []
    for span in spans_of(db, get_run(db, run_id)):
        first = max(span.after, after)
        query = (
            select(Turn)
            .where(Turn.run_id == span.run_id, Turn.seq > first, Turn.seq <= span.upto)
            .order_by(Turn.seq)
            .limit(limit - len(found))
        )
        if len(found) < limit and first < span.upto:
            found += db.scalars(query)
    return found


def cancel_run(db: Session, clock: Clock, run_id: UUID, revision: int | None) -> Run:
    """Stop a run for good; a finished one stays as it is.

    Raises: RunUnknown, PreconditionFailed.
    """
    run = _locked(db, run_id, revision)
    if run.state.is_final:
        return run
    run.revision += 1
    job = jobs.request_cancel(db, clock, run.job_id)
    if job.state.is_final:  # nobody is executing it: it ends here
        run.state, run.waiting_for, run.waiting_detail = State.CANCELLED, None, None
        run.finished_at = clock.now()
        publish(db, clock, RunFinished(str(run.id), run.workflow, run.state, None, run.turns))
    db.flush()
    return run


def pause_run(db: Session, clock: Clock, run_id: UUID, revision: int | None) -> Run:
    """Ask a run to stop before its next turn.

    Raises: RunUnknown, RunStateUnfit, PreconditionFailed.
    """
    run = _locked(db, run_id, revision)
    if run.state not in (State.QUEUED, State.RUNNING):
        raise RunStateUnfit(f"the run is {run.state}: only a queued or running one can be paused")
    run.revision += 1
    jobs.request_pause(db, clock, run.job_id)
    db.flush()
    return run


def resume_run(
    db: Session, clock: Clock, run_id: UUID, wanted: Resume, revision: int | None
) -> Run:
    """Let a waiting run go on, with limits raised where it asked for that.

    Raises: RunUnknown, RunStateUnfit, PreconditionFailed.
    """
    run = _locked(db, run_id, revision)
    if run.state != State.WAITING:
        raise RunStateUnfit(f"the run is {run.state}: only a waiting one can be resumed")
    if run.waiting_for == WaitingFor.PERSON:
        raise RunStateUnfit("the run waits for a decision: send it to /decide")
    run.revision += 1
    run.budgets = merged(run.budgets, wanted.budgets)
    if wanted.single_step is not None:
        run.single_step = wanted.single_step
    return _wake(db, clock, run)


def decide(db: Session, clock: Clock, run_id: UUID, word: Decision, revision: int | None) -> Run:
    """Take a person's word on a call that was in flight when the run was interrupted.

    Raises: RunUnknown, EffectUnknown, RunStateUnfit, PreconditionFailed.
    """
    run = _locked(db, run_id, revision)
    query = select(Effect).where(Effect.run_id == run_id, Effect.step_key == word.step_key)
    effect = db.scalar(query)
    if effect is None or effect.state != EffectState.INTENT:
        raise EffectUnknown(f"no call of this run waits for a decision at {word.step_key!r}")
    if run.waiting_for != WaitingFor.PERSON:
        raise RunStateUnfit(f"the run is {run.state} and waits for no decision")
    run.revision += 1
    happened = word.decision == "happened"
    effect.state = EffectState.ANSWERED if happened else EffectState.REPEAT
    effect.answer = word.result if happened else None
    return _wake(db, clock, run)


def retry_run(db: Session, asker: Asker, run_id: UUID, wanted: Retry) -> Run:
    """Start a new run from a finished run's turns before a step; the old one stays as it is.

    Raises: RunUnknown, RunStateUnfit, StepUnknown.
    """
    parent = get_run(db, run_id)
    if not parent.state.is_final:
        raise RunStateUnfit(f"the run is {parent.state}: cancel it, or wait for its end")
    prefix = parent.turns if wanted.step_key is None else _seq_of(db, parent, wanted.step_key) - 1
    child = Run(
        id=asker.new_id(),
        workflow=parent.workflow,
        workflow_version_id=parent.workflow_version_id,
        input=parent.input,
        resolved=parent.resolved,
        budgets=parent.budgets,
        seed=parent.seed if wanted.seed is None else wanted.seed,
        purpose=parent.purpose,
        single_step=False,
        session=parent.session,
        tags=list(parent.tags),
        parent_run_id=parent.id,
        prefix_seq=prefix,
        turns=prefix,
    )
    if wanted.step_key is None:
        _keep_doubts(db, asker.clock, parent, child)
    return _queue(db, asker, child, 0)


def _keep_doubts(db: Session, clock: Clock, parent: Run, child: Run) -> None:
    """Let the new run ask a person, too, about calls that may or may not have happened.

    What a person has said already is not asked, nor called, again.
    """
    open_states = (EffectState.INTENT, EffectState.ANSWERED)
    query = select(Effect).where(Effect.run_id == parent.id, Effect.state.in_(open_states))
    for doubt in db.scalars(query).all():
        db.add(
            Effect(
                run_id=child.id,
                step_key=doubt.step_key,
                effect_key=doubt.effect_key,
                tool=doubt.tool,
                arguments=doubt.arguments,
                state=doubt.state,
                answer=doubt.answer,
                created_at=clock.now(),
            )
        )


def _seq_of(db: Session, run: Run, step_key: str) -> int:
    """Return the number of the first turn at or below a step."""
    below = tuple(step_key + mark for mark in ("/", "[", "{"))
    for turn in list_turns(db, run.id, 0, LAST_SEQ):
        if turn.step_key == step_key or turn.step_key.startswith(below):
            return turn.seq
    raise StepUnknown(f"the run has no turn at {step_key!r}: `camel-ext show` lists its turns")


def _wake(db: Session, clock: Clock, run: Run) -> Run:
    run.state, run.waiting_for, run.waiting_detail = State.QUEUED, None, None
    jobs.wake(db, clock, run.job_id)
    publish(db, clock, RunQueued(str(run.id), run.workflow))
    db.flush()
    return run


def _locked(db: Session, run_id: UUID, revision: int | None) -> Run:
    """Return a run as it stands while nobody else can change it: neither a person nor its worker.

    Whoever changes a run takes its job first: in another order two would wait for each other.
    """
    run = get_run(db, run_id)
    db.get_one(Job, run.job_id, with_for_update=True, populate_existing=True)
    db.refresh(run)
    if revision is not None:
        check_revision(run.revision, revision)
    return run


def merged(budgets: Json, given: BudgetsGiven) -> Json:
    """Return limits with those given taking the place of the old ones."""
    return {**budgets, **given.model_dump(exclude_none=True)}
