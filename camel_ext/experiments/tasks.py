"""The task that drives an improvement through its stages, from wherever its rows say it is.

It starts what a stage plans, watches it, and writes what came of it; every write is a transaction under
the job's fence. Who watches gets a frame of kind `experiments.progress` at each change: one JSON object
a line, `{stage, done, total, words}`.
"""

import asyncio
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from camel_ext.core.door import TenantDoor
from camel_ext.core.errors import CamelExtError, InsufficientStorage
from camel_ext.core.journal import Fenced
from camel_ext.core.models import WaitingFor
from camel_ext.core.queue import Stopped, TaskContext, Wait, task
from camel_ext.events import Feed, frame_kind
from camel_ext.experiments import driving
from camel_ext.experiments.improvements import TASK, cancel_improvement, resume_improvement
from camel_ext.experiments.stages import Look, Stage
from camel_ext.workflows import Asker, asker_for, asker_of

FEED = "events"
PROGRESS = frame_kind("experiments.progress")
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the improvement what its job failed of."""
    drive = await _drive(context)
    await context.write(driving.fail, drive.asker, drive.improvement_id, code, detail)


def cancel(db: Session, door: TenantDoor, *, improvement_id: str) -> None:
    """Stop the improvement of a job."""
    cancel_improvement(db, asker_of(door), UUID(improvement_id))


def again(db: Session, door: TenantDoor, *, improvement_id: str) -> UUID:
    """Let the improvement of a job go on; stages that are done are not done again."""
    return resume_improvement(db, asker_of(door), UUID(improvement_id)).job_id


@task(TASK, failed=mark_failed, cancel=cancel, again=again)
async def improve(context: TaskContext, *, improvement_id: str) -> None:
    """Drive an improvement to its end, or to where a person has to decide."""
    try:
        drive = await _drive(context)
        await drive.run()
    except asyncio.CancelledError:
        if not context.cancel_requested:
            raise  # the worker stops or lost its lease: the improvement goes on elsewhere
        context.ended = True
        drive = await _drive(context)
        await context.write(driving.cancel, drive.asker, drive.improvement_id)
        raise Stopped from None
    finally:
        if (feed := _feed(context)) is not None:
            feed.frames.end(context.job.tenant, improvement_id)


class _Drive:
    """One improvement in this worker's hands."""

    def __init__(self, context: TaskContext, asker: Asker, improvement_id: UUID) -> None:
        self.context = context
        self.asker = asker
        self.improvement_id = improvement_id
        self._told = ""

    async def run(self) -> None:
        """Go through the stages that are still to be done; a failed one is data, not our error."""
        try:
            found = await self.context.write(driving.enter, self.asker, self.improvement_id)
            improvement, stages = found
            if improvement.state.is_final:
                return
            for stage in stages:
                await self._do(stage)
            self.context.ended = True  # an end that is being written is not cancelled any more
            await self.context.write(driving.succeed, self.asker, self.improvement_id)
        except (Fenced, InsufficientStorage):
            raise
        except CamelExtError as error:
            if error.retryable:
                raise
            self.context.ended = True
            said = (error.code, error.detail)
            await self.context.write(driving.fail, self.asker, self.improvement_id, *said)

    async def _do(self, stage: Stage) -> None:
        context, asker, improvement_id = self.context, self.asker, self.improvement_id
        await context.runtime.threads.run("work", stage.warm)
        await context.write(driving.begin, asker, improvement_id, stage)
        self._tell(stage, 0, 1, "")
        while not await context.write(driving.start_some, asker, improvement_id, stage):
            pass
        looks = await self._watch(stage)
        if await context.write(driving.end, asker, improvement_id, stage, looks) is None:
            raise Wait(WaitingFor.PERSON, detail="the verdict is there: promote, or refuse")
        self._tell(stage, 1, 1, "")

    async def _watch(self, stage: Stage) -> dict[UUID, Look]:
        """Look at a stage's children until all are over, less often the longer they take."""
        where = (self.asker, self.improvement_id, stage)
        children = await self.context.read(driving.children_of, *where)
        looks: dict[UUID, Look] = {}
        pause_s = FIRST_PAUSE_S
        while pending := [
            child for child in children if child not in looks or not looks[child].over
        ]:
            looks |= await self.context.read(driving.look_at, *where, pending)
            going = [look for look in looks.values() if not look.over]
            self._tell_children(stage, children, looks, going)
            if going or len(looks) < len(children):
                await self.context.runtime.clock.sleep(pause_s)
                pause_s = min(LONGEST_PAUSE_S, pause_s * 1.5)
        return {child: looks[child] for child in children}

    def _tell_children(
        self, stage: Stage, children: list[UUID], looks: dict[UUID, Look], going: list[Look]
    ) -> None:
        words = next((look.words for look in going if look.words), "")
        if len(children) == 1 and looks:
            look = next(iter(looks.values()))
            self._tell(stage, look.total if look.over else look.done, look.total, words)
        else:
            share = sum(look.share for look in looks.values())
            self._tell(stage, round(share, 2), len(children), words)

    def _tell(self, stage: Stage, done: float, total: float, words: str) -> None:
        said = {"stage": stage.name, "done": done, "total": total, "words": words}
        text = msgspec.json.encode(said).decode()
        feed = _feed(self.context)
        if feed is not None and text != self._told:
            self._told = text
            feed.frames.emit(
                self.context.job.tenant, str(self.improvement_id), PROGRESS, text + "\n"
            )


async def _drive(context: TaskContext) -> _Drive:
    improvement_id = UUID(context.job.args["improvement_id"])
    improvement = await context.read(driving.find, improvement_id)
    asker = asker_for(context, improvement.principal_id)
    return _Drive(context, asker, improvement_id)


def _feed(context: TaskContext) -> Feed | None:
    """Return the process's feed, where one is open."""
    return context.runtime.extras.get(FEED)
