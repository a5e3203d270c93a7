"""Forks: asking one logged call again, k ways from the identical prompt, without calling any tool.

Each answer is an interaction of purpose `sample`, tied to the one that it is another try of. What the
answers are worth is others' to say. The task that asks is in `forking`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.concurrency import MODEL
from camel_ext.core.models import FINAL_STATES, State
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.interactions import Call, needs, read_call, read_origins, read_said, sum_costs
from camel_ext.registry import ResolvedModel, find_target, resolve_version
from camel_ext.workflows.errors import ForkUnknown, NothingToFork
from camel_ext.workflows.events import ForkFinished
from camel_ext.workflows.models import Fork, Run
from camel_ext.workflows.runs import Asker
from camel_ext.workflows.schemas_forks import ForkStart, Variant

TASK = "workflows.fork_turn"
SOURCE = "fork"  # of its answers; their external ids are the fork's id and their number
Json = dict[str, Any]


class _Sent(msgspec.Struct):
    tools: list[Any] | None = None
    response_format: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked again: the call as the log has it, its prompt, and who answers each variant."""

    call: Call
    messages: list[Json]
    tools: list[Any] | None
    response_format: Json | None
    models: list[ResolvedModel]


def start_fork(db: Session, asker: Asker, wanted: ForkStart) -> Fork:
    """Queue a fork of an interaction.

    Raises: InteractionUnknown, NothingToFork, ModelUnknown, VersionUnknown.
    """
    question = read_question(db, wanted.interaction_id, wanted.variants)  # what is wrong, now
    fork = Fork(
        id=asker.new_id(),
        interaction_id=wanted.interaction_id,
        job_id=asker.new_id(),
        state=State.QUEUED,
        wanted=wanted.model_dump(mode="json", include={"samples", "variants"}),
        seed=asker.new_seed() if wanted.seed is None else wanted.seed,
        total=wanted.samples * len(wanted.variants),
        done=0,
        failed=0,
        losses=0,
        principal_id=asker.principal_id,
        trace_id=asker.trace_id,
        created_at=asker.clock.now(),
    )
    db.add(fork)
    args = {"fork_id": str(fork.id)}
    uses = {f"{MODEL}:{model.name}" for model in question.models}
    jobs.enqueue(db, asker.clock, fork.job_id, TASK, args, priority=wanted.priority, uses=uses)
    db.flush()
    return fork


def read_question(db: Session, interaction_id: UUID, variants: list[Variant]) -> Question:
    """Return what a fork asks.

    Raises: InteractionUnknown, NothingToFork, ModelUnknown, VersionUnknown.
    """
    call = read_call(db, interaction_id)
    said = read_said(db, interaction_id)
    sent = msgspec.json.decode(said.sent, type=_Sent)
    messages: list[Json] = msgspec.json.decode(said.prompt)
    if not messages:
        raise NothingToFork(f"the interaction {interaction_id} has no prompt to ask again")
    models = [_model(db, call, variant) for variant in variants]
    return Question(call, messages, sent.tools, sent.response_format, models)


def _model(db: Session, call: Call, variant: Variant) -> ResolvedModel:
    if variant.model is None:
        return resolve_version(db, call.target_id, alias=call.alias)
    try:
        version_id = UUID(variant.model)
    except ValueError:
        version_id = find_target(db, variant.model).id
    return resolve_version(db, version_id, alias=call.alias)


def get_fork(db: Session, fork_id: UUID, *, lock: bool = False) -> Fork:
    """Return a fork. Raises: ForkUnknown."""
    fork = db.get(Fork, fork_id, with_for_update=lock or None, populate_existing=lock)
    if fork is None:
        raise ForkUnknown(f"there is no fork {fork_id} in this project")
    return fork


def cost_of_fork(db: Session, fork_id: UUID) -> int:
    """Return what a fork's answers cost until now, in millionths of a dollar; failures count."""
    return sum_costs(db, SOURCE, f"{fork_id}/")


def list_forks(
    db: Session, where: Place, interaction_id: UUID | None = None
) -> tuple[list[Fork], str | None]:
    """Return a page of forks, newest first."""
    query = select(Fork)
    if interaction_id is not None:
        query = query.where(Fork.interaction_id == interaction_id)
    return fetch_page(db, query, Fork.created_at, Fork.id, where)


def cancel_fork(db: Session, clock: Clock, fork_id: UUID) -> Fork:
    """Stop a fork for good; its answers until now stay. A finished one stays as it is.

    Raises: ForkUnknown.
    """
    job = jobs.request_cancel(db, clock, get_fork(db, fork_id).job_id)  # the job is locked first
    fork = get_fork(db, fork_id, lock=True)
    if job.state.is_final and not fork.state.is_final:  # nobody is executing it: it ends here
        end_fork(db, clock, fork, State.CANCELLED)
    return fork


def end_fork(
    db: Session, clock: Clock, fork: Fork, state: State, error: tuple[str, str] | None = None
) -> None:
    """Write a fork's end, once."""
    if fork.state.is_final:
        return
    fork.state, fork.finished_at = state, clock.now()
    fork.error_code, fork.error_detail = error or (None, None)
    interaction_id = str(fork.interaction_id)
    said = ForkFinished(
        str(fork.id), interaction_id, state, fork.done, fork.failed, fork.error_code
    )
    publish(db, clock, said)
    db.flush()


@needs("workflows")
def read_under_way(db: Session, ids: Sequence[UUID]) -> set[UUID]:
    """Return those that a run or fork which has not ended may still read."""
    open_runs = set(db.scalars(select(Run.id).where(Run.state.not_in(FINAL_STATES))))
    forked = select(Fork.interaction_id).where(
        Fork.interaction_id.in_(ids), Fork.state.not_in(FINAL_STATES)
    )
    origins = read_origins(db, ids)
    return {each for each, origin in origins.items() if origin.run_id in open_runs} | set(
        db.scalars(forked)
    )
