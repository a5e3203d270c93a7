"""Tasks of batches: verify page by page, from wherever the batch is; take verdicts back.

Each page is read, checked and written on its own; who watches gets a frame of kind
`annotations.progress` after each: one JSON object a line, `{done, total, passed, failed}`.
"""

from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.annotations import batches, verifying
from camel_ext.annotations.errors import BatchStateUnfit
from camel_ext.annotations.models import Batch
from camel_ext.annotations.schemas_batches import BatchStart
from camel_ext.core.door import TenantDoor
from camel_ext.core.models import State
from camel_ext.core.queue import TaskContext, task
from camel_ext.events import frame_kind, show, show_end

PROGRESS = frame_kind("annotations.progress")


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the batch what its job failed of."""
    await _end(context, State.FAILED, (code, detail))


def cancel(db: Session, door: TenantDoor, *, batch_id: str) -> None:
    """Stop the batch of a job."""
    batches.cancel_batch(db, door.runtime.clock, UUID(batch_id))


def again(db: Session, door: TenantDoor, *, batch_id: str) -> UUID:
    """Let the same verifier check the same answers, as a new batch; return its job."""
    runtime, old = door.runtime, batches.get_batch(db, UUID(batch_id))
    wanted = BatchStart.model_validate(
        {
            "verifier": old.verifier,
            "params": old.params,
            "per_subject": old.per_subject,
            "filter": old.wanted,
            "interaction_ids": old.given_ids,
            "at_most": old.at_most,
            "dry_run": old.dry_run,
        }
    )
    made = batches.start_batch(db, runtime.clock, runtime.new_id, door.principal_id, wanted)
    return made.job_id


@task(batches.VERIFY, failed=mark_failed, cancel=cancel, again=again)
async def verify_batch(context: TaskContext, *, batch_id: str) -> None:
    """Check a batch's answers to their end."""
    try:
        async with context.until_cancelled(partial(_end, context, State.CANCELLED)):
            await _verify(context, UUID(batch_id))
    finally:
        show_end(context.runtime, context.job.tenant, batch_id)


async def give_up_undoing(context: TaskContext, _code: str, _detail: str) -> None:
    """Let the undoing be asked for again."""
    await context.write(batches.give_up_undoing, UUID(context.job.args["batch_id"]))


def undo_again(db: Session, door: TenantDoor, *, batch_id: str, **_was: str) -> UUID:
    """Go on taking a batch's verdicts back, for whoever asks now; return the new job."""
    runtime = door.runtime
    batch = batches.undo_batch(db, runtime.clock, runtime.new_id, door.principal_id, UUID(batch_id))
    if batch.undo_job_id is None:
        raise BatchStateUnfit("the batch is undone already")
    return batch.undo_job_id


@task(batches.UNDO, failed=give_up_undoing, again=undo_again)
async def undo_batch(context: TaskContext, *, batch_id: str, principal_id: str) -> None:
    """Take back a batch's verdicts, some at a time."""
    runtime, who = context.runtime, UUID(principal_id)
    while True:
        batch = await context.write(batches.undo_some, runtime.clock, who, UUID(batch_id))
        if batch.undone_at is not None:
            return


async def _verify(context: TaskContext, batch_id: UUID) -> None:
    runtime = context.runtime
    batch = await context.write(verifying.begin, runtime.clock, batch_id)
    if batch.total is None and not batch.state.is_final:
        await _count(context, batch)
    while not batch.state.is_final:
        page = await context.read(verifying.read_page, batch_id)
        checked = await verifying.check_page(runtime.threads, batch, page)
        context.ended = page.is_last  # an end that is being written is not cancelled any more
        batch = await context.write(
            verifying.write_page, runtime.clock, runtime.new_id, batch_id, page, checked
        )
        _tell(context, batch)


async def _count(context: TaskContext, batch: Batch) -> None:
    total, cursor = await context.read(verifying.count_more, batch, 0, None)
    while cursor is not None:
        total, cursor = await context.read(verifying.count_more, batch, total, cursor)
    await context.write(verifying.set_total, batch.id, total)


async def _end(context: TaskContext, state: State, error: tuple[str, str] | None = None) -> None:
    clock, batch_id = context.runtime.clock, UUID(context.job.args["batch_id"])

    def end(db: Session) -> None:
        batches.end_batch(db, clock, batches.get_batch(db, batch_id, lock=True), state, error)

    await context.write(end)


def _tell(context: TaskContext, batch: Batch) -> None:
    said = {name: getattr(batch, name) for name in ("done", "total", "passed", "failed")}
    show(context.runtime, context.job.tenant, batch.id, PROGRESS, said)
