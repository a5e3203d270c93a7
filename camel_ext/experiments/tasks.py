"""The task that drives an improvement through its stages, from wherever its rows say it is.

It starts what a stage plans, watches it, and writes what came of it; every write is a transaction under
the job's fence. Who watches gets a frame of kind `experiments.progress` at each change: one JSON object
a line, `{stage, done, total, words}`.
"""

from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.door import TenantDoor
from camel_ext.core.errors import CamelExtError, InsufficientStorage
from camel_ext.core.journal import Fenced
from camel_ext.core.models import WaitingFor
from camel_ext.core.queue import TaskContext, Wait, task
from camel_ext.events import frame_kind, show, show_end
from camel_ext.experiments import driving
from camel_ext.experiments.improvements import TASK, cancel_improvement, resume_improvement
from camel_ext.experiments.stages import Look, Stage
from camel_ext.workflows import Asker, asker_for, asker_of

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

    async def cancel_it() -> None:
        drive = await _drive(context)
        await context.write(driving.cancel, drive.asker, drive.improvement_id)

    try:
        async with context.until_cancelled(cancel_it):
            drive = await _drive(context)
            await drive.run()
    finally:
        show_end(context.runtime, context.job.tenant, improvement_id)


class _Drive:
    """One improvement in this worker's hands."""

    def __init__(self, context: TaskContext, asker: Asker, improvement_id: UUID) -> None:
        self.context = context
        self.asker = asker
        self.improvement_id = improvement_id
        self._told: dict[str, object] = {}

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
        if said != self._told:
            self._told = said
            job = self.context.job
            show(self.context.runtime, job.tenant, self.improvement_id, PROGRESS, said)


async def _drive(context: TaskContext) -> _Drive:
    improvement_id = UUID(context.job.args["improvement_id"])
    improvement = await context.read(driving.find, improvement_id)
    asker = asker_for(context, improvement.principal_id)
    return _Drive(context, asker, improvement_id)
