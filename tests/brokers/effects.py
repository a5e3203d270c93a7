"""Tasks whose effect is a row, and the judge of what they left; three of them are wrong on purpose.

The rows stand in `left_effects`, in the order in which they were written. What must hold is that nothing is
lost, nothing is done twice under one fence, and nothing late is kept: that fences of a job only rise; and
that each effect is told of.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from camel_ext.core import jobs, outbox
from camel_ext.core.gate import Signals
from camel_ext.core.models import State
from camel_ext.core.outbox import Event, event_type
from camel_ext.core.queue import TaskContext, task

RIGHT, UNFENCED, EARLY = "tests.effect", "tests.effect_unfenced", "tests.effect_after_ack"
UNTOLD = "tests.effect_without_outbox"
TABLE = """create table if not exists left_effects (
  number bigint generated always as identity, job_id uuid not null, fence bigint not null)"""


@event_type("tests.effect.left")
@dataclass(frozen=True)
class EffectLeft(Event):
    """The subject is the job."""

    fence: int


def _tell(db: Session, context: TaskContext) -> None:
    told = EffectLeft(str(context.job.id), context.job.fence)
    outbox.publish(db, context.runtime.clock, told)


def _leave_a_row(db: Session, context: TaskContext) -> None:
    words = "insert into left_effects (job_id, fence) values (%s, %s)"
    db.connection().exec_driver_sql(words, (context.job.id, context.job.fence))


def _note(db: Session, context: TaskContext) -> None:
    _leave_a_row(db, context)
    _tell(db, context)


@task(RIGHT)
async def leave(context: TaskContext, *, pause_ms: int) -> None:
    """Leave an effect under the job's fence."""
    await asyncio.sleep(pause_ms / 1000)
    await context.write(_note, context)
    await asyncio.sleep(pause_ms / 1000)


@task(UNFENCED)
async def leave_unfenced(context: TaskContext, *, pause_ms: int) -> None:
    """The bug: a worker that lost its job still writes for it."""
    await asyncio.sleep(pause_ms / 1000)
    await context.runtime.write(context.job.tenant, _note, context)
    await asyncio.sleep(pause_ms / 1000)


@task(EARLY)
async def leave_after_ack(context: TaskContext, *, pause_ms: int) -> None:
    """The bug: the job is signed off, as by a queue that acknowledges early, and done afterwards."""

    def sign_off(connection: Any, _signals: Signals) -> None:
        now = context.runtime.clock.now()
        jobs.settle(connection, context.job, {"state": State.SUCCEEDED, "finished_at": now}, now)

    await context.runtime.gate.write(sign_off, acting="test")
    await asyncio.sleep(2 * pause_ms / 1000)
    await context.runtime.write(context.job.tenant, _note, context)


@task(UNTOLD)
async def leave_untold(context: TaskContext, *, pause_ms: int) -> None:
    """The bug: the effect is told of in a commit of its own, as by who publishes behind a commit."""
    await context.write(_leave_a_row, context)
    await asyncio.sleep(pause_ms / 1000)
    await context.write(_tell, context)


def judge(connection: "psycopg.Connection[Any]", kind: str) -> list[str]:
    """Return what is wrong with the jobs of a kind, all of which should be over."""
    rows = connection.execute(
        "select id, state, fence, takeovers from jobs where kind = %s", (kind,)
    ).fetchall()
    left: dict[Any, list[int]] = defaultdict(list)
    for job_id, fence in connection.execute(
        "select job_id, fence from left_effects order by number"
    ):
        left[job_id].append(fence)
    wrong = []
    for job_id, state, fence, takeovers in rows:
        fences = left[job_id]
        if state != "succeeded":
            wrong.append(f"{job_id} is {state}")
        if not fences:
            wrong.append(f"{job_id} is lost: it left nothing")
            continue
        if len(set(fences)) != len(fences):
            wrong.append(f"{job_id} was done twice under one fence: {fences}")
        if fences != sorted(fences):
            wrong.append(f"{job_id}: a late worker wrote: {fences}")
        if fences[-1] != fence:
            wrong.append(f"{job_id}: ended under fence {fence}, done under {fences}")
        if len(fences) > fence or takeovers >= fence:
            wrong.append(f"{job_id}: {fence} claims, {takeovers} takeovers, {fences}")
    return wrong


def untold(connection: "psycopg.Connection[Any]") -> list[str]:
    """Return each effect of which no event tells."""
    words = (
        "select l.job_id, l.fence from left_effects l where not exists (select from outbox o where "
        "o.type = %s and o.subject = l.job_id::text and (o.payload->>'fence')::bigint = l.fence)"
    )
    rows = connection.execute(words, (EffectLeft.type,)).fetchall()
    return [f"{job_id}: nobody was told of what was left under {fence}" for job_id, fence in rows]
