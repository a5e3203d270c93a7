"""A journal row is filled in by a compiled plan exactly as SQLAlchemy would, or is left to it."""

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from camel_ext.core.journal import Append, journalled, plan_of
from camel_ext.core.models import Job, State
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant

INSERT = journalled(insert(Job))
STARTED = journalled(
    update(Job)
    .where(
        Job.org_id == bindparam("b_org_id"),
        Job.project_id == bindparam("b_project_id"),
        Job.id == bindparam("b_job_id"),
    )
    .values(state=State.RUNNING, started_at=bindparam("new_started_at"), worker_id=None)
)
WHERE = ("b_org_id", "b_project_id", "b_job_id")


def test_defaults_and_what_is_missing_are_left_to_sqlalchemy(runtime: Runtime) -> None:
    dialect = runtime.database.writer.dialect
    assert plan_of(INSERT, ("id", "kind"), dialect) is None  # columns with defaults of Python's
    assert plan_of(STARTED, WHERE, dialect) is None  # no `new_started_at`
    assert plan_of(STARTED, (*WHERE, "new_started_at"), dialect) is not None


async def test_a_planned_update_writes_its_constants_and_types(
    runtime: Runtime, tenant: Tenant
) -> None:
    now = runtime.clock.now()
    job_id = runtime.new_id()

    def make(db: Session) -> None:
        db.add(Job(id=job_id, kind="k", args={}, run_at=now, resources={}, trace_id="0" * 32,
                   created_at=now))  # fmt: skip

    await runtime.write(tenant, make)
    row = {"b_org_id": tenant.org_id, "b_project_id": tenant.project_id, "b_job_id": job_id}
    with pytest.raises(StatementError, match="new_started_at"):
        await runtime.gate.append(Append(tenant, [(STARTED, dict(row))]))
    with pytest.raises(StatementError):
        await runtime.gate.append(Append(tenant, [(STARTED, {**row, "new_started_at": "noon"})]))
    await runtime.gate.append(Append(tenant, [(STARTED, {**row, "new_started_at": now})]))

    def read(db: Session) -> Job:
        return db.scalars(select(Job)).one()

    job = await runtime.read(tenant, read)
    assert (job.state, job.started_at, job.worker_id) == (State.RUNNING, now, None)
