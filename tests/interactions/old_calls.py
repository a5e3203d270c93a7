"""Calls of long ago, in talks and alone, and a sweep's job in hand without a worker."""

from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from camel_ext.core.clock import SystemClock
from camel_ext.core.ids import uuid7
from camel_ext.core.jobs import Claimed
from camel_ext.core.journal import Append
from camel_ext.core.models import Job, State
from camel_ext.core.queue import TASKS, TaskContext
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import Recorder, Thread
from camel_ext.interactions.models import Archive, Interaction, InteractionBody
from camel_ext.interactions.retention import start_sweep
from camel_ext.interactions.schemas import SweepStart
from camel_ext.interactions.service import get_interaction, read_said
from tests.fakes.clock import FakeClock
from tests.interactions.calls import MODEL, TOOLS, Json, answer, asker, prompt, said, user

DAY = timedelta(days=1)


def old_recorder(days: float) -> tuple[Recorder, FakeClock]:
    """A recorder whose calls were made so many days ago."""
    clock, rng = FakeClock(SystemClock().now() - days * DAY), Random(days)
    return Recorder(clock, lambda: uuid7(clock, rng)), clock


async def old_talk(
    runtime: Runtime, tenant: Tenant, turns: int, *, days: float, step: timedelta = timedelta(0), **who: Any
) -> list[UUID]:  # fmt: skip
    """Record a talk that began so many days ago, a turn every `step`; each goes on with the last."""
    recorder, clock = old_recorder(days)
    messages, thread, ids = [user("begin")], Thread(), []
    for number in range(turns):
        shared = len(messages) - 1 if number else 0
        asked = prompt(list(messages), shared, tools=TOOLS, temperature=0.5)
        made = recorder.record(
            asker(tenant, **who), MODEL, asked, answer(f"turn {number}"), thread=thread
        )
        await runtime.gate.append(Append(tenant, made.entries))
        made.keep()
        ids.append(made.id)
        messages = [*messages, said(f"turn {number}"), user(f"and {number}? é\n")]
        clock.jump(step.total_seconds() + 0.001)
    return ids


async def read_all(runtime: Runtime, tenant: Tenant, ids: list[UUID]) -> dict[UUID, Any]:
    """What was sent and returned, and what is shown, of each: the same wherever its body is."""

    def read(db: Session) -> dict[UUID, Any]:
        found = {}
        for each in ids:
            one = read_said(db, each)
            shown = get_interaction(db, each)
            found[each] = (one.sent, one.response, _without_place(shown))
        return found

    return await runtime.read(tenant, read)


def _without_place(shown: bytes) -> Json:
    row: Json = msgspec.json.decode(shown)
    row.pop("archive_id")
    return row


async def places(runtime: Runtime, tenant: Tenant) -> tuple[set[UUID], set[UUID], set[UUID]]:
    """Which interactions have a body in the log, which are archived, which erased."""

    def read(db: Session) -> tuple[set[UUID], set[UUID], set[UUID]]:
        rows = db.execute(
            select(Interaction.id, Interaction.archive_id, Interaction.erased_at)
        ).all()
        return (
            set(db.scalars(select(InteractionBody.id))),
            {row[0] for row in rows if row[1] is not None},
            {row[0] for row in rows if row[2] is not None},
        )

    return await runtime.read(tenant, read)


async def archives(runtime: Runtime, tenant: Tenant) -> list[Archive]:
    query = select(Archive).order_by(Archive.id)
    return await runtime.read(tenant, lambda db: list(db.scalars(query)))


async def started(runtime: Runtime, tenant: Tenant, **wanted: Any) -> UUID:
    """Ask for a sweep; return its id."""
    made = await runtime.write(
        tenant, start_sweep, runtime.clock, runtime.new_id, UUID(int=7), SweepStart(**wanted)
    )
    return made.id


async def in_hand(
    runtime: Runtime, tenant: Tenant, kind: str, context: type[TaskContext] = TaskContext
) -> TaskContext:
    """Take the open job of that kind, as another worker than the one before."""

    def take(db: Session) -> Claimed:
        open_jobs = select(Job).where(Job.kind == kind, Job.finished_at.is_(None))
        job = db.scalars(open_jobs).one()
        job.state, job.fence = State.RUNNING, job.fence + 1
        later = runtime.clock.now() + DAY
        return Claimed(
            job.id, tenant, kind, job.args, job.fence, 0, 5, 0, {}, "0" * 32, later, False, False
        )

    return context(runtime, await runtime.write(tenant, take))


async def end_job(runtime: Runtime, context: TaskContext) -> None:
    """Write the job's end, as its worker does."""

    def write(db: Session) -> None:
        job = update(Job).where(Job.id == context.job.id)
        db.execute(job.values(state=State.SUCCEEDED, finished_at=runtime.clock.now()))

    await runtime.write(context.job.tenant, write)


async def done(runtime: Runtime, tenant: Tenant, kind: str) -> None:
    """Do the open job of that kind to its end."""
    context = await in_hand(runtime, tenant, kind)
    await TASKS[kind](context, **context.job.args)
    await end_job(runtime, context)
