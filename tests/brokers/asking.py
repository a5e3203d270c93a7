"""Who asks for jobs in a trial, waits until they are over, and looks whether each was done once."""

import asyncio

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.models import FINAL_STATES, Job
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.brokers.effects import RIGHT
from tests.postgres import seeing_all


async def ask(runtime: Runtime, tenant: Tenant, pause_ms: int, kind: str = RIGHT) -> None:
    """Ask for a job whose effect comes after a pause, in a commit of its own."""

    def add(db: Session) -> None:
        jobs.enqueue(db, runtime.clock, runtime.new_id(), kind, {"pause_ms": pause_ms})

    await runtime.write(tenant, add)


async def until_over(runtime: Runtime, tenant: Tenant, patience_s: float = 60.0) -> None:
    """Wait until no job is open."""

    def count_open(db: Session) -> int:
        still = select(func.count()).select_from(Job).where(Job.state.not_in(FINAL_STATES))
        return db.scalar(still) or 0

    async with asyncio.timeout(patience_s):
        while await runtime.read(tenant, count_open):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def not_once(database: str) -> list[str]:
    """Return each job that was not done exactly once, by its first holder."""
    with seeing_all(database) as connection:
        rows = connection.execute(
            "select j.id, j.state, j.fence, j.takeovers, count(e.number) from jobs j "
            "left join left_effects e on e.job_id = j.id group by j.id"
        ).fetchall()
    return [str(row) for row in rows if row[1:] != ("succeeded", 1, 0, 1)]
