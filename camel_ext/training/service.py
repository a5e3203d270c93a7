"""Trainings: asking for one, finding it, stopping it, going on with it, and how it ends.

What a running one writes is in `recording`, what becomes of its adapter in `adapters`, and the loop
around its process in `tasks`. No torch, and no file is touched here.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.concurrency import ITS_DEVICE
from camel_ext.core.hashing import content_hash
from camel_ext.core.models import State
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.datasets import DatasetVersion, VersionUnready, find_version, get_version
from camel_ext.registry import (
    EngineKind,
    ModelKind,
    ModelUnknown,
    find_target,
    get_alias,
    resolve_version,
)
from camel_ext.registry import get_version as get_model_version
from camel_ext.training.errors import BaseUnfit, DatasetUnfit, TrainingStateUnfit, TrainingUnknown
from camel_ext.training.events import TrainingFinished
from camel_ext.training.models import MetricKind, TrainingJob, TrainingMetric
from camel_ext.training.presets import plan_hyper
from camel_ext.training.schemas import TrainingStart
from camel_ext.training.spec import Hyper

TASK = "training.run_dpo"
RESOURCE = "training"  # what a worker has `settings.training.slots` of
NewId = Callable[[], UUID]


def start_training(
    db: Session, clock: Clock, new_id: NewId, principal_id: UUID, wanted: TrainingStart
) -> TrainingJob:
    """Queue the training of an adapter, or, with `dry_run`, only a look at it.

    Raises: ModelUnknown, AliasUnknown, VersionUnknown, BaseUnfit; DatasetUnknown, VersionUnready,
    DatasetUnfit; HyperInvalid.
    """
    base, base_name, base_hash = _base(db, wanted.base)
    pairs = _pairs(db, wanted)
    hyper = plan_hyper(wanted.preset, wanted.hyper, wanted.seed)
    training = TrainingJob(
        id=new_id(),
        name=wanted.name,
        base=base_name,
        base_version_id=base,
        dataset=f"{pairs.dataset}@{pairs.number}",
        dataset_version_id=pairs.id,
        dataset_hash=pairs.content_hash,
        preset=wanted.preset,
        hyper=msgspec.to_builtins(hyper),
        seed=wanted.seed,
        spec_hash=_spec_hash(base_hash, str(pairs.content_hash), hyper),
        priority=wanted.priority,
        dry_run=wanted.dry_run,
        state=State.QUEUED,
        progress={},
        alarms=[],
        restarts=0,
        principal_id=principal_id,
        job_id=new_id(),
        created_at=clock.now(),
    )
    db.add(training)
    _enqueue(db, clock, training)
    db.flush()
    return training


def _enqueue(db: Session, clock: Clock, training: TrainingJob) -> None:
    jobs.enqueue(
        db,
        clock,
        training.job_id,
        TASK,
        {"training_id": str(training.id)},
        priority=training.priority,
        resources={RESOURCE: 1},
        uses={ITS_DEVICE},
    )


def _spec_hash(base_hash: str, dataset_hash: str, hyper: Hyper) -> str:
    return content_hash(
        {"base": base_hash, "dataset": dataset_hash, "hyper": msgspec.to_builtins(hyper)}
    )


def _base(db: Session, target: str) -> tuple[UUID, str, str]:
    """Return (version id, name for people, content hash) of what can be trained upon."""
    try:
        version = find_target(db, target)
    except ModelUnknown as unknown:
        version = get_model_version(db, _only_share(db, target, unknown))
    resolved = resolve_version(db, version.id)
    if version.kind == ModelKind.ADAPTER:
        raise BaseUnfit(
            f"{target!r} is an adapter, and an adapter is trained upon its base: name "
            f"{resolved.name!r}"
        )
    if version.engine != EngineKind.LOCAL:
        raise BaseUnfit(
            f"{target!r} runs at a provider, whose weights are not here: name a model with "
            "`engine: local` and a GGUF file"
        )
    return version.id, f"{resolved.name}@{version.number}", version.content_hash


def _only_share(db: Session, target: str, unknown: ModelUnknown) -> UUID:
    """Return the version that an alias stands for, where it stands for one."""
    if "/" in target or "@" in target:
        raise unknown
    alias = get_alias(db, target)
    if len(alias.targets) != 1:
        raise BaseUnfit(
            f"the alias {target!r} stands for {len(alias.targets)} versions: name the one to train upon"
        )
    return UUID(alias.targets[0]["version_id"])


def _pairs(db: Session, wanted: TrainingStart) -> DatasetVersion:
    if wanted.dataset_version_id is not None:
        version = get_version(db, wanted.dataset_version_id)
    else:
        version = find_version(db, str(wanted.dataset))
    name = f"{version.dataset}@{version.number}"
    if version.state != State.SUCCEEDED:
        why = f": {version.error_detail}" if version.error_detail else ""
        what_now = "build the next one" if version.state.is_final else "wait until it is frozen"
        raise VersionUnready(f"{name} is {version.state}{why}; {what_now}, then train")
    if not version.pairs_train:
        raise DatasetUnfit(
            f"{name} holds no pair to train on ({version.pairs_eval} are "
            "held out): build a version with a smaller `eval_ratio`, or of more candidates"
        )
    return version


def get_training(db: Session, training_id: UUID, *, lock: bool = False) -> TrainingJob:
    """Return a training. Raises: TrainingUnknown."""
    training = db.get(
        TrainingJob, training_id, with_for_update=lock or None, populate_existing=lock
    )
    if training is None:
        raise TrainingUnknown(f"there is no training {training_id} in this project")
    return training


def list_trainings(
    db: Session, where: Place, state: State | None = None
) -> tuple[list[TrainingJob], str | None]:
    """Return a page of trainings, newest first, without their long texts."""
    heavy = (TrainingJob.card, TrainingJob.console_tail, TrainingJob.preflight, TrainingJob.result)
    query = select(TrainingJob).options(*(defer(each, raiseload=True) for each in heavy))
    if state is not None:
        query = query.where(TrainingJob.state == state)
    return fetch_page(db, query, TrainingJob.created_at, TrainingJob.id, where)


def list_trainings_of(db: Session, version_id: UUID, limit: int) -> list[TrainingJob]:
    """Return trainings that made this adapter's version, newest first; equal ones make the same."""
    query = (
        select(TrainingJob)
        .where(TrainingJob.adapter_version_id == version_id)
        .options(defer(TrainingJob.card), defer(TrainingJob.console_tail))
        .order_by(TrainingJob.created_at.desc(), TrainingJob.id.desc())
    )
    return list(db.scalars(query.limit(limit)))


def count_trainings(db: Session) -> int:
    """Count the trainings that made an adapter."""
    made = TrainingJob.adapter_version_id.is_not(None)
    query = select(func.count()).select_from(TrainingJob)
    return db.scalar(query.where(TrainingJob.state == State.SUCCEEDED, made)) or 0


def list_trainings_under_way(db: Session, at_most: int) -> list[TrainingJob]:
    """Return the newest trainings that have not ended, without their long texts."""
    heavy = (TrainingJob.card, TrainingJob.console_tail, TrainingJob.preflight, TrainingJob.result)
    query = select(TrainingJob).options(*(defer(each, raiseload=True) for each in heavy))
    query = query.where(TrainingJob.state.in_((State.QUEUED, State.RUNNING, State.WAITING)))
    newest = query.order_by(TrainingJob.created_at.desc(), TrainingJob.id.desc())
    return list(db.scalars(newest.limit(at_most)))


def list_metrics(
    db: Session,
    training_id: UUID,
    kind: MetricKind = MetricKind.STEP,
    after: int = -1,
    limit: int = 10_000,
) -> Sequence[TrainingMetric]:
    """Return points of a training's curve after a step, in order.

    Raises: TrainingUnknown.
    """
    get_training(db, training_id)
    query = select(TrainingMetric).where(
        TrainingMetric.training_id == training_id,
        TrainingMetric.kind == kind,
        TrainingMetric.step > after,
    )
    return db.scalars(query.order_by(TrainingMetric.step).limit(limit)).all()


def cancel_training(db: Session, clock: Clock, training_id: UUID) -> TrainingJob:
    """Stop a training; a running one leaves a checkpoint, from which it can go on. An ended one stays.

    Raises: TrainingUnknown.
    """
    job_id = get_training(db, training_id).job_id
    job = jobs.request_cancel(db, clock, job_id)  # the job is locked first
    training = get_training(db, training_id, lock=True)
    if job.state.is_final and not training.state.is_final:  # nobody is executing it: it ends here
        end_training(db, clock, training, State.CANCELLED)
    return training


def resume_training(db: Session, clock: Clock, new_id: NewId, training_id: UUID) -> TrainingJob:
    """Queue a failed or cancelled training again: it goes on from its last checkpoint.

    Raises: TrainingUnknown, TrainingStateUnfit.
    """
    training = get_training(db, training_id, lock=True)
    if training.state not in (State.FAILED, State.CANCELLED):
        raise TrainingStateUnfit(
            f"the training is {training.state}: only a failed or cancelled one can go on"
        )
    training.state, training.finished_at, training.restarts = State.QUEUED, None, 0
    training.error_code = training.error_detail = training.error_advice = None
    training.job_id = new_id()
    _enqueue(db, clock, training)
    db.flush()
    return training


def end_training(
    db: Session,
    clock: Clock,
    training: TrainingJob,
    state: State,
    error: tuple[str, str, str | None] | None = None,
) -> None:
    """Write a training's end, once; `error` is its code, what happened, and what to try."""
    if training.state.is_final:
        return
    training.state, training.finished_at = state, clock.now()
    training.error_code, training.error_detail, training.error_advice = error or (None, None, None)
    adapter = training.adapter_version_id
    said = TrainingFinished(
        str(training.id),
        training.name,
        state,
        training.error_code,
        str(adapter) if adapter else None,
    )
    publish(db, clock, said)
    db.flush()


def list_over(db: Session, training_ids: Collection[UUID], before: datetime) -> list[UUID]:
    """Return those of these trainings that ended before a time."""
    over = select(TrainingJob.id).where(
        TrainingJob.id.in_(training_ids), TrainingJob.finished_at < before
    )
    return list(db.scalars(over))
