"""The task that trains: starts a trainer in the training's folder, watches it, keeps what it made.

It is safe to begin again at any point: the folder knows how far the trainer is, rows know which steps
they have, and an adapter that was kept is found again by its hash. Who watches gets a frame of kind
`training.step` for each event of the trainer: one JSON object a line.
"""

import asyncio
import errno
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.blobs import blobs_of
from camel_ext.core.door import TenantDoor
from camel_ext.core.errors import CamelExtError, InsufficientStorage
from camel_ext.core.models import State
from camel_ext.core.queue import TaskContext, task
from camel_ext.core.tasks import OURS_TO_MEND
from camel_ext.datasets import get_version
from camel_ext.events import frame_kind, show, show_end
from camel_ext.registry import get_version as get_model_version
from camel_ext.serving import with_file
from camel_ext.training import adapters, inputs, recording, service
from camel_ext.training.cards import Lineage, write_card
from camel_ext.training.elsewhere import Checkpoints, hand_over
from camel_ext.training.ending import End, Failure, death_of, end_of, failure_of
from camel_ext.training.environment import free_memory_bytes
from camel_ext.training.launcher import Trainer
from camel_ext.training.models import MetricKind, TrainingJob
from camel_ext.training.process import Yard, yard_of
from camel_ext.training.spec import TrainingSpec
from camel_ext.training.tailing import Event, Tail, read_console

log = logging.getLogger(__name__)
STEP: Final = frame_kind("training.step")
POLL_S: Final = 0.3
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
LEAVE_S: Final = 4.0  # a stopping server lets the trainer reach its next step, if it is near


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the training what its job failed of."""
    await _end(context, State.FAILED, Failure(code, detail))


def cancel(db: Session, door: TenantDoor, *, training_id: str) -> None:
    """Stop the training of a job."""
    service.cancel_training(db, door.runtime.clock, UUID(training_id))


def again(db: Session, door: TenantDoor, *, training_id: str) -> UUID:
    """Let the training of a job go on from its last checkpoint."""
    runtime = door.runtime
    return service.resume_training(db, runtime.clock, runtime.new_id, UUID(training_id)).job_id


@task(service.TASK, failed=mark_failed, cancel=cancel, again=again)
async def run_dpo(context: TaskContext, *, training_id: str) -> None:
    """Train an adapter to its end."""
    try:
        async with context.until_cancelled(partial(_end, context, State.CANCELLED)):
            await _train(context, UUID(training_id))
    finally:
        show_end(context.runtime, context.job.tenant, training_id)


async def _train(context: TaskContext, training_id: UUID) -> None:
    training = await context.write(recording.begin, context.runtime.clock, training_id)
    if training.state.is_final:
        return
    try:
        failure = await (await _Work.prepare(context, training)).run()
    except InsufficientStorage as error:
        failure = Failure(error.code, error.detail, "Free some space, then resume the training.")
    except CamelExtError as error:
        if error.retryable:
            raise
        failure = Failure(error.code, error.detail)
    except OSError as error:
        if error.errno not in FULL:
            raise
        failure = Failure(
            "training.disk_full",
            f"The disk is full, so {error.filename or 'a file'} could not be written; what was "
            "reached is kept.",
            "Free some space, then resume the training.",
        )
    if failure is not None:
        context.ended = True
        await _end(context, State.FAILED, failure)


@dataclass(slots=True)
class _Work:
    """One training under way in its folder."""

    context: TaskContext
    training: TrainingJob
    yard: Yard
    job_dir: Path
    spec: TrainingSpec
    tail: Tail
    checkpoints: Checkpoints | None  # where there is a blob store
    last: Event | None = None  # of the trainer that works now
    unwritten: list[Event] = field(default_factory=list)

    @classmethod
    async def prepare(cls, context: TaskContext, training: TrainingJob) -> "_Work":
        """Write what the trainer reads."""
        yard = yard_of(context.runtime)
        job_dir = yard.folder(training.id)
        source = await context.read(inputs.read_source, training)

        def write() -> TrainingSpec:
            return inputs.write_inputs(
                source,
                data_dir=yard.data_dir,
                job_dir=job_dir,
                cache_dir=yard.cache_dir,
                threads=yard.threads,
            )

        blobs = blobs_of(context.runtime)
        spec = await with_file(
            blobs, yard.data_dir, source.base_file, partial(context.runtime.disk.run, write)
        )
        kept = (
            None
            if blobs is None
            else Checkpoints(blobs, context.runtime.disk, training.id, job_dir)
        )
        if kept is not None:
            await kept.bring()
        return cls(context, training, yard, job_dir, spec, Tail(job_dir), kept)

    async def run(self) -> Failure | None:
        """Train until an adapter is registered; return why where none is."""
        try:
            return await self._run()
        finally:
            if self.checkpoints is not None:
                await self.checkpoints.stop()

    async def _run(self) -> Failure | None:
        while True:
            code = await self._one_trainer()
            how = end_of(code, self.last, looked=self.training.dry_run)
            if how == End.DONE:
                await self._finish()
                return None
            if how == End.FAILED and self.last is not None:
                return failure_of(self.last)
            if self.training.restarts >= self.yard.restarts:
                return death_of(code, self.training.restarts)
            self.training = await self.context.write(_count_restart, self.training.id)

    async def _one_trainer(self) -> int:
        """Start a trainer, watch it to its end, and return its exit code."""
        await self._take()  # what one before it said last
        waiting = {"kind": "phase", "name": "device", "at": self._now()}
        await self._note([waiting])
        self.last = None
        trainer = await self.yard.launcher.start(
            self.job_dir, look=self.training.dry_run, look_first=self.training.preflight is None
        )
        try:
            return await self._watch(trainer)
        except BaseException:  # whatever it is, no trainer is left behind
            grace_s = self.yard.stop_s if self.context.cancel_requested else LEAVE_S
            await trainer.stop(grace_s)
            if self.context.cancel_requested:
                await self._take()
            raise

    async def _watch(self, trainer: Trainer) -> int:
        ended = asyncio.ensure_future(trainer.wait())
        try:
            while not ended.done():
                await asyncio.wait({ended}, timeout=POLL_S)
                try:
                    await self._take()
                except OURS_TO_MEND as error:  # the trainer goes on
                    log.warning("training %s cannot be written yet: %s", self.training.id, error)
            await self._take()
            return ended.result()
        finally:
            ended.cancel()

    async def _take(self) -> None:
        """Write down what the trainer said since the last time, and show it."""
        self.unwritten += await self.context.runtime.disk.run(self.tail.read)
        if self.unwritten:
            events = list(_with_memory(self.unwritten))
            await self._note(events)
            self.last, self.unwritten = events[-1], []
            self._send_checkpoint(events)

    def _send_checkpoint(self, events: list[Event]) -> None:
        written = [str(each["path"]) for each in events if each["kind"] == "checkpoint"]
        if self.checkpoints is not None and written:
            self.checkpoints.send(written[-1])

    async def _note(self, events: list[Event]) -> None:
        console = await self.context.runtime.disk.run(read_console, self.job_dir)
        self.training, fresh = await self.context.write(
            recording.note, self.training.id, events, console
        )
        shown = [{name: event[name] for name in event if name != "first_batch"} for event in fresh]
        show(self.context.runtime, self.context.job.tenant, self.training.id, STEP, *shown)

    async def _finish(self) -> None:
        """Keep the adapter, write its card, register it, and say that it is done."""
        assert self.last is not None
        if self.training.dry_run:
            self.context.ended = True
            await _end(self.context, State.SUCCEEDED)
            return
        run = self.context.runtime.threads.run
        kept = await run(
            "work",
            adapters.keep_adapter,
            self.job_dir / "result",
            self.yard.models_dir,
            adapters.base_name(self.training),
            self.training.name,
            self.last.get("files") or {},
        )
        card = await self.context.read(_card, self.training.id, self.spec, kept, self.last)
        await run("work", adapters.write_card, self.yard.models_dir, kept, card)
        runtime = self.context.runtime
        if (blobs := blobs_of(runtime)) is not None:
            await hand_over(blobs, self.yard.models_dir, kept)
        self.context.ended = True  # an end that is being written is not cancelled any more

        def register(db: Session) -> None:
            training = service.get_training(db, self.training.id, lock=True)
            assert self.last is not None
            said = {name: value for name, value in self.last.items() if name not in ("kind", "at")}
            training.result = {**said, "files": kept.files, "file": kept.file}
            training.card = card
            training.adapter_version_id = adapters.register(
                db, runtime.clock, runtime.new_id, training, kept
            )
            service.end_training(db, runtime.clock, training, State.SUCCEEDED)

        await self.context.write(register)
        serving = runtime.extras.get("serving")
        if serving is not None:
            await serving.share_adapter(self.yard.models_dir / kept.file, kept.sha256)
        await run("work", adapters.drop_leftovers, self.job_dir)
        if self.checkpoints is not None:
            await self.checkpoints.drop()

    def _now(self) -> float:
        return self.context.runtime.clock.now().timestamp()


def _card(
    db: Session, training_id: UUID, spec: TrainingSpec, kept: adapters.Kept, result: Event
) -> str:
    training = service.get_training(db, training_id)
    lineage = Lineage(
        base_hash=get_model_version(db, training.base_version_id).content_hash,
        base_sha256=spec.base.sha256,
        dataset=get_version(db, training.dataset_version_id).statistics,
        steps=service.list_metrics(db, training_id),
        looks=service.list_metrics(db, training_id, MetricKind.EVAL),
        files=kept.files,
        result=result,
    )
    return write_card(training, lineage)


def _count_restart(db: Session, training_id: UUID) -> TrainingJob:
    training = service.get_training(db, training_id, lock=True)
    training.restarts += 1
    db.flush()
    return training


def _with_memory(events: Iterable[Event]) -> Iterator[Event]:
    """Compare what a look found with the memory that there is; raise an alarm where it is less."""
    for event in events:
        free = free_memory_bytes() if event["kind"] == "preflight" else None
        if free is None:
            yield event
            continue
        wanted = int(event.get("memory_bytes") or 0)
        if wanted > free:
            words = (
                f"It takes about {wanted / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free: take "
                "a larger `grad_accum`, a shorter `max_length` or fewer `last_layers`."
            )
            yield {"kind": "alarm", "at": event["at"], "code": "memory_short", "words": words}
        yield {**event, "memory_free_bytes": free}


async def _end(context: TaskContext, state: State, failure: Failure | None = None) -> None:
    """Write a training's end, with the last that its console said."""
    clock, training_id = context.runtime.clock, UUID(context.job.args["training_id"])
    job_dir = yard_of(context.runtime).folder(training_id)
    console = await context.runtime.disk.run(read_console, job_dir)

    def end(db: Session) -> None:
        training = service.get_training(db, training_id, lock=True)
        training.console_tail = console or training.console_tail
        error = None if failure is None else (failure.code, failure.detail, failure.advice)
        service.end_training(db, clock, training, state, error)

    await context.write(end)
