"""A restore that was written off is queued again by its job, and brings each call back once."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from camel_ext.core.door import TenantDoor
from camel_ext.core.models import Job, State
from camel_ext.core.queue import ON_FAILED, TASKS, TaskContext
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import leaving, restoring
from camel_ext.interactions.archived import keep_archives_in
from camel_ext.interactions.errors import RetentionTakesAgain
from camel_ext.interactions.models import RESTORE, SWEEP, Archive, ArchiveState, InteractionBody
from camel_ext.interactions.retention import get_archive, set_retention, start_restore
from camel_ext.interactions.schemas import RetentionSet
from camel_ext.jobs import service
from tests.conftest import House
from tests.interactions.old_calls import (
    archives,
    done,
    end_job,
    in_hand,
    old_talk,
    places,
    read_all,
    started,
)
from tests.interactions.test_retention import ARCHIVES, SWEEPS, until
from tests.interactions.test_retention_crashes import died
from tests.jobs.repeating import broken, repeated

WHO = UUID(int=7)
TURNS = 6
Ids = list[UUID]


@pytest.fixture
async def talk(
    runtime: Runtime, tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Ids:
    """An archived talk whose file comes back two calls a commit."""
    keep_archives_in(runtime.database, tmp_path)
    monkeypatch.setattr(leaving, "LOOK_ROWS", 2)
    ids = await old_talk(runtime, tenant, TURNS, days=40)
    await started(runtime, tenant, older_than_days=30)
    await done(runtime, tenant, SWEEP)
    return ids


async def asked(runtime: Runtime, tenant: Tenant) -> Archive:
    """The archive, asked back."""
    (archive,) = await archives(runtime, tenant)
    found: Archive = await runtime.write(
        tenant, start_restore, runtime.clock, runtime.new_id, archive.id
    )
    return found


async def write_off(runtime: Runtime, context: TaskContext, *, tells: bool = True) -> None:
    """End a job as dead, as its worker does; `tells`: its room hears of it before."""
    if tells:
        await ON_FAILED[RESTORE](context, "core.worker_lost", "100 workers in turn died")
    now = runtime.clock.now()

    def write(db: Session) -> None:
        job = update(Job).where(Job.id == context.job.id)
        db.execute(job.values(state=State.FAILED, finished_at=now, dead_at=now))

    await runtime.write(context.job.tenant, write)


async def repeat(runtime: Runtime, tenant: Tenant, job_id: UUID) -> Job:
    job: Job = await runtime.write(
        tenant, service.repeat_job, TenantDoor(runtime, tenant, WHO), job_id
    )
    return job


async def bodies(runtime: Runtime, tenant: Tenant) -> int:
    query = select(func.count()).select_from(InteractionBody)
    found: int = await runtime.read(tenant, lambda db: db.scalar(query))
    return found


@pytest.mark.parametrize("tells", [True, False], ids=["told", "never told"])
async def test_what_was_killed_midway_comes_back_once(
    runtime: Runtime, tenant: Tenant, talk: Ids, tells: bool
) -> None:
    before = await read_all(runtime, tenant, talk)
    archive = await asked(runtime, tenant)
    assert archive.job_id is not None
    assert await died(runtime, tenant, RESTORE, 2, after=True)
    assert await bodies(runtime, tenant) == 4, "it died when some were back"
    await write_off(runtime, await in_hand(runtime, tenant, RESTORE), tells=tells)
    one = await repeat(runtime, tenant, archive.job_id)
    other = await repeat(runtime, tenant, archive.job_id)
    assert one.id == other.id != archive.job_id
    assert (one.state, one.kind) == (State.QUEUED, RESTORE)
    assert await read_all(runtime, tenant, talk) == before
    await done(runtime, tenant, RESTORE)
    assert await places(runtime, tenant) == (set(talk), set(), set())
    assert await bodies(runtime, tenant) == TURNS
    assert await read_all(runtime, tenant, talk) == before
    old: Job = await runtime.read(tenant, service.get_job, archive.job_id)
    assert old.dead_at is None


async def test_what_is_back_already_is_not_brought_again(
    runtime: Runtime, tenant: Tenant, talk: Ids
) -> None:
    """Somebody asked for the archive itself meanwhile: the dead job is nobody's concern any more."""
    first = await asked(runtime, tenant)
    assert first.job_id is not None
    await write_off(runtime, await in_hand(runtime, tenant, RESTORE))
    second = await asked(runtime, tenant)
    context = await in_hand(runtime, tenant, RESTORE)
    await restoring.restore(context, second.id)
    await end_job(runtime, context)
    job = await repeat(runtime, tenant, first.job_id)
    assert (job.id, job.state) == (second.job_id, State.SUCCEEDED)
    assert await bodies(runtime, tenant) == TURNS
    kept = await runtime.read(tenant, get_archive, first.id)
    assert kept.state == ArchiveState.RESTORED


async def test_what_the_retention_would_take_again_stays_dead(
    runtime: Runtime, tenant: Tenant, talk: Ids
) -> None:
    archive = await asked(runtime, tenant)
    assert archive.job_id is not None
    await write_off(runtime, await in_hand(runtime, tenant, RESTORE))
    wanted = RetentionSet(keep_days=30)
    await runtime.write(tenant, set_retention, runtime.clock, WHO, wanted, None)
    with pytest.raises(RetentionTakesAgain):
        await repeat(runtime, tenant, archive.job_id)
    job: Job = await runtime.read(tenant, service.get_job, archive.job_id)
    assert job.dead_at is not None


async def test_over_http_it_comes_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, tenant, client = house.runtime, house.owner.tenant, house.client
    talk = await old_talk(runtime, tenant, 3, days=40)
    made = (await client.post(SWEEPS, json={"older_than_days": 30})).json()
    assert (await until(house, f"{SWEEPS}/{made['id']}"))["archived"] == 3
    (archive,) = (await client.get(ARCHIVES)).json()["items"]
    with monkeypatch.context() as patched:
        patched.setitem(TASKS, RESTORE, broken)
        assert (await client.post(f"{ARCHIVES}/{archive['id']}/restore")).status_code == 202
        await until(house, f"{ARCHIVES}/{archive['id']}", ("archived",))
    assert await repeated(client, archive_id=archive["id"]) == {"archive_id": archive["id"]}
    await until(house, f"{ARCHIVES}/{archive['id']}", ("restored",))
    assert await places(runtime, tenant) == (set(talk), set(), set())
