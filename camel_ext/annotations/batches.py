"""Batches: asking for a verifier over many answers, how far it is, stopping it, taking it all back.

What a batch checks and writes page by page is `verifying`'s; the loop around it the tasks'.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.annotations.errors import BatchStateUnfit, BatchUnknown
from camel_ext.annotations.events import BatchFinished, BatchUndone
from camel_ext.annotations.judgements import NewId, verifier_version
from camel_ext.annotations.judging import take_back
from camel_ext.annotations.models import Annotation, Batch
from camel_ext.annotations.schemas_batches import BatchStart
from camel_ext.annotations.subjects import require
from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.models import State
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.verifiers import read_params

VERIFY = "annotations.verify_batch"
UNDO = "annotations.undo_batch"
UNDO_ROWS = 200  # taken back in one commit: some 20 ms of the one writer
SOME_PROMPT = "What a user may say."  # stands for each answer's own while parameters are checked


def start_batch(
    db: Session, clock: Clock, new_id: NewId, principal_id: UUID, wanted: BatchStart
) -> Batch:
    """Queue a verifier over answers; those recorded later are not among them.

    Raises: UnknownVerifier, VerifierParamsWrong, InteractionUnknown.
    """
    given: dict[str, object] = {**wanted.params, **dict.fromkeys(wanted.per_subject, SOME_PROMPT)}
    read_params(wanted.verifier, given)
    ids = wanted.interaction_ids
    if ids is not None:
        require(db, ids)
    batch = Batch(
        id=new_id(),
        verifier=wanted.verifier,
        params=wanted.params,
        per_subject=wanted.per_subject,
        version=verifier_version(wanted.verifier, wanted.params, wanted.per_subject),
        wanted=_until_now(clock, wanted),
        given_ids=None if ids is None else [str(each) for each in ids],
        at_most=wanted.at_most,
        dry_run=wanted.dry_run,
        state=State.QUEUED,
        total=None if ids is None else min(len(ids), wanted.at_most),
        done=0, passed=0, failed=0, unfound=0, unanswered=0, score_sum=0.0, undone=0,
        examples=[],
        principal_id=principal_id,
        job_id=new_id(),
        created_at=clock.now(),
    )  # fmt: skip
    db.add(batch)
    jobs.enqueue(db, clock, batch.job_id, VERIFY, {"batch_id": str(batch.id)})
    db.flush()
    return batch


def _until_now(clock: Clock, wanted: BatchStart) -> dict[str, object] | None:
    if wanted.filter is None:
        return None
    now = clock.now() + timedelta.resolution  # what is recorded at this very moment is among them
    until = min(wanted.filter.until or now, now)
    closed = wanted.filter.model_copy(update={"until": until})
    return closed.model_dump(mode="json", exclude_none=True)


def get_batch(db: Session, batch_id: UUID, *, lock: bool = False) -> Batch:
    """Return a batch. Raises: BatchUnknown."""
    batch = db.get(Batch, batch_id, with_for_update=lock or None, populate_existing=lock)
    if batch is None:
        raise BatchUnknown(f"there is no batch {batch_id} in this project")
    return batch


def list_batches(db: Session, where: Place) -> tuple[list[Batch], str | None]:
    """Return a page of batches, newest first."""
    return fetch_page(db, select(Batch), Batch.created_at, Batch.id, where)


def cancel_batch(db: Session, clock: Clock, batch_id: UUID) -> Batch:
    """Stop a batch for good; its verdicts until now stay and can be undone. A finished one stays.

    Raises: BatchUnknown.
    """
    job = jobs.request_cancel(db, clock, get_batch(db, batch_id).job_id)  # the job is locked first
    batch = get_batch(db, batch_id, lock=True)
    if job.state.is_final and not batch.state.is_final:  # nobody is executing it: it ends here
        end_batch(db, clock, batch, State.CANCELLED)
    return batch


def end_batch(
    db: Session, clock: Clock, batch: Batch, state: State, error: tuple[str, str] | None = None
) -> None:
    """Write a batch's end, once."""
    if batch.state.is_final:
        return
    batch.state, batch.finished_at = state, clock.now()
    batch.error_code, batch.error_detail = error or (None, None)
    publish(
        db,
        clock,
        BatchFinished(
            str(batch.id), batch.verifier, state, batch.dry_run, batch.done, batch.error_code
        ),
    )
    db.flush()


def undo_batch(
    db: Session, clock: Clock, new_id: NewId, principal_id: UUID, batch_id: UUID
) -> Batch:
    """Queue taking back every verdict of a batch: what each superseded counts again.

    `undone_at` says when it is done; undoing twice does nothing more.
    Raises: BatchUnknown, BatchStateUnfit.
    """
    batch = get_batch(db, batch_id, lock=True)
    if not batch.state.is_final:
        raise BatchStateUnfit(f"the batch is {batch.state}: cancel it, or wait for its end")
    if batch.dry_run:
        raise BatchStateUnfit("the batch was a dry run: it wrote nothing that could be undone")
    if batch.undone_at is None:
        args = {"batch_id": str(batch_id), "principal_id": str(principal_id)}
        job = jobs.enqueue(db, clock, new_id(), UNDO, args, dedupe_key=f"{UNDO} {batch_id}")
        batch.undo_job_id = job.id
    db.flush()
    return batch


def give_up_undoing(db: Session, batch_id: UUID) -> None:
    """Say that nobody takes a batch's verdicts back any more: it can be asked for again."""
    get_batch(db, batch_id, lock=True).undo_job_id = None
    db.flush()


def undo_some(db: Session, clock: Clock, principal_id: UUID, batch_id: UUID) -> Batch:
    """Take back a bounded number of a batch's verdicts; done when `undone_at` is there."""
    batch = get_batch(db, batch_id, lock=True)
    query = (
        select(Annotation.id)
        .where(Annotation.batch_id == batch_id, Annotation.withdrawn_at.is_(None))
        .order_by(Annotation.created_at, Annotation.id)
        .limit(UNDO_ROWS)
    )
    ids = db.scalars(query).all()
    take_back(db, clock, principal_id, ids)
    batch.undone += len(ids)
    if len(ids) < UNDO_ROWS and batch.undone_at is None:
        batch.undone_at = clock.now()
        publish(db, clock, BatchUndone(str(batch.id), batch.verifier, batch.undone))
    db.flush()
    return batch
