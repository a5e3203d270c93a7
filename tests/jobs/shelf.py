"""Jobs of two kinds that do next to nothing: asked for, looked at until they end."""

import asyncio
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.door import TenantDoor
from camel_ext.core.models import FINAL_STATES, Job, State
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import bootstrap
from camel_ext.jobs import service

KIND, PLAIN = "shelf.fill", "attic.tidy"
WHO = UUID(int=5)
Ran = list[str]


async def put(
    runtime: Runtime, tenant: Tenant, word: str, kind: str = KIND, **options: Any
) -> UUID:
    """Queue a job, and return its id."""
    job_id = runtime.new_id()
    args = {"word": word, "job_id": str(job_id)}

    def ask(db: Session) -> None:
        jobs.enqueue(db, runtime.clock, job_id, kind, args, **options)

    await runtime.write(tenant, ask)
    return job_id


async def ended(runtime: Runtime, tenant: Tenant, job_id: UUID, *states: State) -> Job:
    async with asyncio.timeout(10):
        while True:
            job: Job = await runtime.read(tenant, service.get_job, job_id)
            if job.state in (states or FINAL_STATES):
                return job
            await asyncio.sleep(0.01)


def door(runtime: Runtime, tenant: Tenant) -> TenantDoor:
    return TenantDoor(runtime, tenant, WHO)


async def other_tenant(runtime: Runtime) -> Tenant:
    founded = await runtime.write_system(
        "test", lambda db: bootstrap(db, runtime.clock, runtime.new_id, org="other")
    )
    return founded.tenant
