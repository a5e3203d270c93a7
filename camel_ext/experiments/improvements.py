"""Improvements: asking for one, reading, stopping and resuming it, and what a person decides about it.

What happens in between is the stages' and the task's. Nothing is started whose configuration does not
fit what is there: workflow, agent, alias, goals.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.door import check_revision
from camel_ext.core.models import Job, State, WaitingFor
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.experiments import decisions
from camel_ext.experiments.budget import Budget, get_budget
from camel_ext.experiments.certificates import evidence_of
from camel_ext.experiments.checks import findings
from camel_ext.experiments.config import ImproveConfig
from camel_ext.experiments.decisions import Decider
from camel_ext.experiments.errors import (
    ConfigWrong,
    ImprovementStateUnfit,
    ImprovementUnknown,
)
from camel_ext.experiments.events import ImprovementFinished, ImprovementQueued
from camel_ext.experiments.models import Decision, DecisionKind, Improvement
from camel_ext.experiments.order import STAGES
from camel_ext.experiments.schemas import ImproveStart, Promote, Refuse
from camel_ext.experiments.setting import Setting, read_setting
from camel_ext.experiments.stages import load_way
from camel_ext.workflows import Asker

TASK = "experiments.improve"


def start_improvement(db: Session, asker: Asker, wanted: ImproveStart) -> Improvement:
    """Queue an improvement of a workflow.

    Raises: ConfigWrong, DefinitionUnknown, and what an unknown alias raises.
    """
    setting, config = check(db, wanted)
    improvement_id, job_id = asker.new_id(), asker.new_id()
    improvement = Improvement(
        id=improvement_id,
        workflow=wanted.workflow,
        workflow_version_id=setting.workflow_version_id,
        agent=setting.agent,
        alias=setting.alias,
        baseline_version_id=setting.baseline_version_id,
        candidate_version_id=setting.candidate_version_id,
        config=config.model_dump(mode="json"),
        policy_hash=config.policy_hash,
        seed=asker.new_seed() if wanted.seed is None else wanted.seed,
        state=State.QUEUED,
        priority=wanted.priority,
        job_id=job_id,
        principal_id=asker.principal_id,
        trace_id=asker.trace_id,
        revision=1,
        created_at=asker.clock.now(),
    )
    db.add(improvement)
    _enqueue(db, asker, improvement, job_id)
    return improvement


def check(db: Session, wanted: ImproveStart) -> tuple[Setting, ImproveConfig]:
    """Return what an improvement would work on, with its configuration.

    Raises: ConfigWrong with the first thing that does not fit.
    """
    config = wanted.config
    for found in findings(config):
        raise ConfigWrong(found.message, found.path, found.fix)
    setting = read_setting(db, wanted.workflow, config)
    budget = get_budget(db, wanted.workflow, config.gate.level)
    if budget.level != config.gate.level:
        raise ConfigWrong(
            f"the error budget of {wanted.workflow!r} was fixed at {budget.level:g} by its first "
            f"look, and {budget.cycles} looks are spent.",
            ("gate", "level"),
            f"Write `level: {budget.level:g}`: a budget that could be changed would be none.",
        )
    return setting, config


def budget_for(db: Session, wanted: ImproveStart) -> Budget:
    """Return the error budget that an improvement would spend from."""
    return get_budget(db, wanted.workflow, wanted.config.gate.level)


def get_improvement(db: Session, improvement_id: UUID) -> Improvement:
    """Return an improvement. Raises: ImprovementUnknown."""
    improvement = db.get(Improvement, improvement_id)
    if improvement is None:
        raise ImprovementUnknown(f"there is no improvement {improvement_id} in this project")
    return improvement


def list_improvements(
    db: Session, where: Place, state: State | None, workflow: str | None
) -> tuple[list[Improvement], str | None]:
    """Return a page of improvements, newest first."""
    query = select(Improvement)
    if state is not None:
        query = query.where(Improvement.state == state)
    if workflow is not None:
        query = query.where(Improvement.workflow == workflow)
    return fetch_page(db, query, Improvement.created_at, Improvement.id, where)


def cancel_improvement(
    db: Session, asker: Asker, improvement_id: UUID, revision: int | None = None
) -> Improvement:
    """Stop an improvement and what it started, for good; a finished one stays as it is.

    Raises: ImprovementUnknown, PreconditionFailed.
    """
    improvement = _locked(db, improvement_id, revision)
    if improvement.state.is_final:
        return improvement
    improvement.revision += 1
    job = jobs.request_cancel(db, asker.clock, improvement.job_id)
    if job.state.is_final:  # nobody is executing it: it ends here, with whatever it started
        stop_children(db, asker, improvement.id)
        finish(db, asker, improvement, State.CANCELLED)
    db.flush()
    return improvement


def resume_improvement(
    db: Session, asker: Asker, improvement_id: UUID, revision: int | None = None
) -> Improvement:
    """Go on with one that failed or was cancelled: stages that are done are not done again.

    Raises: ImprovementUnknown, ImprovementStateUnfit, PreconditionFailed.
    """
    improvement = _locked(db, improvement_id, revision)
    if improvement.state not in (State.FAILED, State.CANCELLED):
        raise ImprovementStateUnfit(
            f"the improvement is {improvement.state}: only a failed or cancelled one is resumed"
        )
    improvement.revision += 1
    improvement.state, improvement.finished_at = State.QUEUED, None
    improvement.error_code = improvement.error_detail = None
    improvement.job_id = asker.new_id()
    _enqueue(db, asker, improvement, improvement.job_id)
    return improvement


def promote(db: Session, asker: Asker, improvement_id: UUID, wanted: Promote) -> Decision:
    """Promote the candidate of an improvement by a person's word, at once or after the fact.

    Raises: ImprovementUnknown, ImprovementStateUnfit, NotProven, AliasMovedSince.
    """
    improvement = _decidable(db, improvement_id)
    if wanted.override and not wanted.reason.strip():
        raise ImprovementStateUnfit("to decide against the verdict, say why: `reason`")
    decision = decisions.promote(
        db,
        _decider(asker),
        improvement,
        evidence_of(db, improvement),
        reason=wanted.reason or "approved",
        override=wanted.override,
    )
    return _decided(db, asker, improvement, decision)


def refuse(db: Session, asker: Asker, improvement_id: UUID, wanted: Refuse) -> Decision:
    """Refuse the candidate of an improvement by a person's word: the alias stays.

    Raises: ImprovementUnknown, ImprovementStateUnfit.
    """
    improvement = _decidable(db, improvement_id)
    decision = decisions.refuse(
        db,
        _decider(asker),
        improvement,
        evidence_of(db, improvement),
        reason=wanted.reason or "refused",
    )
    return _decided(db, asker, improvement, decision)


def roll_back(db: Session, asker: Asker, alias: str, reason: str) -> Decision:
    """Take the last promotion of an alias back.

    Raises: AliasUnknown, NothingToRollBack, AliasMovedSince.
    """
    return decisions.roll_back(db, _decider(asker), alias, reason=reason or "rolled back")


def finish(
    db: Session, asker: Asker, improvement: Improvement, state: State,
    error: tuple[str, str] | None = None,
) -> None:  # fmt: skip
    """Write an improvement's end, once."""
    if improvement.state.is_final:
        return
    improvement.state, improvement.waiting_for = state, None
    improvement.finished_at = asker.clock.now()
    improvement.error_code, improvement.error_detail = error or (None, None)
    publish(
        db,
        asker.clock,
        ImprovementFinished(
            str(improvement.id),
            improvement.workflow,
            state,
            improvement.verdict,
            improvement.error_code,
        ),
    )
    db.flush()


def stop_children(db: Session, asker: Asker, improvement_id: UUID) -> None:
    """Cancel everything that an improvement's open stages started."""
    way = load_way(db, improvement_id, asker)
    for stage in STAGES:
        row = way.stages.get(stage.name)
        if row is None or row.state != State.RUNNING:
            continue
        for child in row.children:
            stage.stop(db, way, UUID(child))
        row.state, row.finished_at = State.CANCELLED, asker.clock.now()


def _decidable(db: Session, improvement_id: UUID) -> Improvement:
    """Return an improvement about which a person may decide now.

    Raises: ImprovementStateUnfit.
    """
    improvement = _locked(db, improvement_id, None)
    waits = improvement.waiting_for == WaitingFor.PERSON
    if improvement.verdict is None or not (waits or improvement.state.is_final):
        where = f"in its stage {improvement.stage}" if improvement.stage else "not begun"
        raise ImprovementStateUnfit(
            f"there is no verdict to decide about: the improvement is {improvement.state}, {where}"
        )
    if improvement.decision_id is not None:
        made = decisions.get_decision(db, improvement.decision_id)
        undone = decisions.find_undoing(db, made.id)
        if made.kind == DecisionKind.PROMOTION and undone is None:
            raise ImprovementStateUnfit("its candidate is promoted already, and in use")
    return improvement


def _decided(db: Session, asker: Asker, improvement: Improvement, decision: Decision) -> Decision:
    improvement.decision_id = decision.id
    improvement.revision += 1
    if improvement.state == State.WAITING:
        improvement.state, improvement.waiting_for = State.QUEUED, None
        jobs.wake(db, asker.clock, improvement.job_id)
    db.flush()
    return decision


def _enqueue(db: Session, asker: Asker, improvement: Improvement, job_id: UUID) -> None:
    args = {"improvement_id": str(improvement.id)}
    jobs.enqueue(db, asker.clock, job_id, TASK, args, priority=improvement.priority)
    said = ImprovementQueued(str(improvement.id), improvement.workflow, improvement.alias)
    publish(db, asker.clock, said)
    db.flush()


def _decider(asker: Asker) -> Decider:
    return Decider(asker.principal_id, asker.clock, asker.new_id)


def _locked(db: Session, improvement_id: UUID, revision: int | None) -> Improvement:
    """Return an improvement while nobody else can change it; its job is locked first."""
    improvement = get_improvement(db, improvement_id)
    db.get_one(Job, improvement.job_id, with_for_update=True, populate_existing=True)
    db.refresh(improvement, with_for_update=True)
    if revision is not None:
        check_revision(improvement.revision, revision)
    return improvement
