"""A job that runs out of tries is announced, once, with what it was; one that fails for good is not dead."""

import asyncio

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.errors import Invalid, Unavailable
from camel_ext.core.models import Job, OutboxRow, State
from camel_ext.core.queue import TASKS, TaskContext, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.working import working


@pytest.mark.parametrize(("fails_with", "told"), [(Unavailable, 1), (Invalid, 0)])
async def test_the_word_of_a_death(
    runtime: Runtime, tenant: Tenant, fails_with: type[Exception], told: int
) -> None:
    @task("tests.die")
    async def die(_context: TaskContext) -> None:
        raise fails_with("it does not work")

    job_id = runtime.new_id()

    def ask(db: Session) -> None:
        jobs.enqueue(db, runtime.clock, job_id, "tests.die", {}, max_attempts=1)

    try:
        await runtime.write(tenant, ask)
        async with working(runtime), asyncio.timeout(20):
            while True:
                job = await runtime.read(tenant, lambda db: db.get_one(Job, job_id))
                if job.state is State.FAILED:
                    break
                await asyncio.sleep(0.02)
    finally:
        TASKS.pop("tests.die")
    query = select(OutboxRow).where(OutboxRow.type == "jobs.job.died")
    found = await runtime.read(tenant, lambda db: list(db.scalars(query)))
    assert [(row.subject, row.payload["kind"]) for row in found] == [(str(job_id), "tests.die")][
        :told
    ]
    assert (job.dead_at is not None) == bool(told)
