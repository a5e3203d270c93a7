"""A build that failed is queued again by its job: the same question, each pair once, one version for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import func, select, update

from camel_ext.core.door import TenantDoor
from camel_ext.core.models import Job, State
from camel_ext.core.queue import TASKS, QueueWorker
from camel_ext.datasets import DatasetVersion, Origin, Without, building, start_without
from camel_ext.datasets.errors import ImportNotKept, VersionFrozen
from camel_ext.datasets.importing import close_import
from camel_ext.datasets.models import DatasetPair
from camel_ext.datasets.reading import write_pairs
from camel_ext.datasets.versions import BUILD
from camel_ext.jobs import service
from tests.conftest import House
from tests.datasets.conftest import ADA, LONG_S, Yard
from tests.datasets.test_importing import lines, opened, sent
from tests.interactions.conftest import Record
from tests.jobs.repeating import broken, repeated


async def repeat(yard: Yard, version: DatasetVersion) -> DatasetVersion:
    """Queue a version's job again, as the door does; return the version that the new job builds."""
    door = TenantDoor(yard.runtime, yard.tenant, ADA)
    job: Job = await yard.write(service.repeat_job, door, version.job_id)
    return await yard.version(UUID(job.args["version_id"]))


async def half_built(yard: Yard, like: DatasetVersion, **wanted: Any) -> DatasetVersion:
    """A version whose worker died when some of its pairs were written."""
    asked = await yard.start(**wanted)
    await yard.write(building.begin, yard.clock, asked.id)
    await yard.write(write_pairs, asked.id, 0, (await yard.pairs(like))[:2])
    return asked


@asynccontextmanager
async def giving_up(yard: Yard) -> AsyncIterator[None]:
    """A worker that takes every job for one under which all workers have died."""
    worker = QueueWorker(yard.runtime, name="late", concurrency=1, poll_s=0.0, max_takeovers=0)
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await running


async def dead(yard: Yard, version: DatasetVersion) -> DatasetVersion:
    """The version once its job was written off."""
    async with giving_up(yard), asyncio.timeout(LONG_S):
        while True:
            job: Job = await yard.read(service.get_job, version.job_id)
            if job.dead_at is not None:
                break
            await asyncio.sleep(0.005)
    assert job.error_code == "core.worker_lost"
    return await yard.version(version.id)


async def unheard(yard: Yard, version: DatasetVersion) -> None:
    """Write the version's job off without telling the version, as where its room could not be told."""
    values = {"state": State.FAILED, "dead_at": yard.clock.now(), "finished_at": yard.clock.now()}
    await yard.write(
        lambda db: db.execute(update(Job).where(Job.id == version.job_id).values(**values))
    )


async def rows_of(yard: Yard, version: DatasetVersion) -> int:
    query = select(func.count()).where(DatasetPair.version_id == version.id)
    found: int = await yard.read(lambda db: db.scalar(query))
    return found


async def test_one_killed_midway_and_written_off_is_built_whole_as_the_next_version(
    yard: Yard,
) -> None:
    await yard.scored()
    wanted: Any = {"rules": {"eval_ratio": 0.34, "seed": 3}, "exclude_runs": [UUID(int=9)]}
    whole = await yard.build(**wanted)
    lost = await dead(yard, await half_built(yard, whole, **wanted))
    assert (lost.state, lost.error_code) == (State.FAILED, "core.worker_lost")
    yard.clock.advance(1)
    await yard.scored(topics=1, prompts=1)  # it was not there to be asked about
    anew = await repeat(yard, lost)
    assert (anew.number, anew.dataset, anew.rules) == (3, lost.dataset, lost.rules)
    done = await yard.finish(anew.id)
    assert (done.state, done.content_hash) == (State.SUCCEEDED, whole.content_hash)
    assert await yard.pairs(done) == await yard.pairs(whole)
    assert (await rows_of(yard, lost), await rows_of(yard, done)) == (0, whole.pairs)
    old: Job = await yard.read(service.get_job, lost.job_id)
    assert old.dead_at is None


async def test_said_twice_it_is_one_version(yard: Yard) -> None:
    lost = await dead(yard, await yard.start())
    one, other = await repeat(yard, lost), await repeat(yard, lost)
    assert (one.id, one.job_id, one.number) == (other.id, other.job_id, lost.number + 1)
    await yard.finish(one.id)
    assert (await repeat(yard, lost)).number == one.number + 1, "who asks after its end means anew"


@pytest.mark.parametrize("given", [False, True], ids=["a filter", "given calls"])
async def test_one_that_never_heard_of_its_end_goes_on_as_itself(yard: Yard, given: bool) -> None:
    await yard.scored()
    wanted: Any = {"interaction_ids": yard.ids} if given else {}
    whole = await yard.build(**wanted)
    lost = await half_built(yard, whole, **wanted)
    await unheard(yard, lost)
    one, other = await repeat(yard, lost), await repeat(yard, lost)
    assert (one.id, other.job_id) == (lost.id, one.job_id)
    done = await yard.finish(lost.id)
    assert await yard.pairs(done) == await yard.pairs(whole)
    assert await rows_of(yard, done) == whole.pairs


async def test_a_reduced_one_leaves_the_same_out(yard: Yard) -> None:
    await yard.scored(topics=2, prompts=1)
    whole = await yard.build()
    (run_id,) = (await yard.pairs(whole))[0].run_ids
    reduced = await yard.without(whole.id, run_ids=[run_id])
    wanted = Without(run_ids=[run_id])
    asked = await yard.write(start_without, yard.clock, yard.runtime.new_id, ADA, whole.id, wanted)
    done = await yard.finish((await repeat(yard, await dead(yard, asked))).id)
    assert (done.origin, done.parent_id, done.number) == (Origin.REDUCED, whole.id, 4)
    assert done.content_hash == reduced.content_hash != whole.content_hash


async def arrived(yard: Yard) -> DatasetVersion:
    """A file of three lines that is about to be frozen."""
    version = await opened(yard)
    await sent(yard, version, lines(1, 2, 3))
    found: DatasetVersion = await yard.write(
        close_import, yard.clock, yard.runtime.new_id, version.id
    )
    return found


async def test_a_file_that_never_heard_of_its_end_is_frozen_with_each_line_once(
    yard: Yard,
) -> None:
    asked = await arrived(yard)
    await unheard(yard, asked)
    assert (await repeat(yard, asked)).id == asked.id
    done = await yard.finish(asked.id)
    assert (done.state, done.pairs, await rows_of(yard, done)) == (State.SUCCEEDED, 3, 3)


async def test_a_file_that_failed_has_to_come_again(yard: Yard) -> None:
    lost = await dead(yard, await arrived(yard))
    with pytest.raises(ImportNotKept, match="import the file again"):
        await repeat(yard, lost)
    job: Job = await yard.read(service.get_job, lost.job_id)
    assert job.dead_at is not None, "it stays where people look for it"


async def test_what_is_frozen_is_not_built_again(yard: Yard) -> None:
    await yard.scored(topics=1)
    version = await yard.build()
    await unheard(yard, version)
    with pytest.raises(VersionFrozen, match="nothing is left to build"):
        await repeat(yard, version)


async def test_over_http_it_is_the_next_version(
    house: House, house_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house_record("Why?", "no judge")
    client, wanted = house.client, {"name": "brief", "filter": {}}
    with monkeypatch.context() as patched:
        patched.setitem(TASKS, BUILD, broken)
        made = (await client.post("/api/v1/datasets", json=wanted)).json()
        first = await ended(client, made["id"])
    assert first["error_code"] == "core.internal"
    args = await repeated(client, version_id=made["id"])
    second = await ended(client, args["version_id"])
    assert (second["number"], second["wanted"]) == (2, made["wanted"])
    assert second["error_code"] == "datasets.no_pairs", "nobody judged"


async def ended(client: AsyncClient, version_id: str) -> dict[str, Any]:
    async with asyncio.timeout(LONG_S):
        while True:
            found = (await client.get(f"/api/v1/dataset-versions/{version_id}")).json()
            if found["state"] in ("succeeded", "failed"):
                return dict(found)
            await asyncio.sleep(0.01)
