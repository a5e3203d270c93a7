"""The journal: atomic fenced appends that share a transaction and none of each other's failures."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.journal import Append, AppendRefused, Fenced, journalled
from camel_ext.core.models import Job, State
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant, TenantLeak
from tests.core.tables import Book, Shelf

SHELF = journalled(insert(Shelf))
BOOK = journalled(insert(Book))


def owner(tenant: Tenant) -> dict[str, Any]:
    return {"org_id": tenant.org_id, "project_id": tenant.project_id}


def turn(runtime: Runtime, tenant: Tenant, name: str, **more: Any) -> Append:
    """One shelf and one book on it."""
    shelf_id = runtime.new_id()
    book = {"id": runtime.new_id(), "shelf_id": shelf_id, "title": name, **more}
    return Append(
        tenant,
        [
            (SHELF, {"id": shelf_id, "name": name, **owner(tenant)}),
            (BOOK, {**book, **owner(tenant)}),
        ],
    )


async def books(runtime: Runtime, tenant: Tenant) -> dict[str, str | None]:
    def read(db: Session) -> dict[str, str | None]:
        return {row.title: row.note for row in db.scalars(select(Book))}

    return await runtime.read(tenant, read)


async def held_job(runtime: Runtime, tenant: Tenant, fence: int = 3) -> UUID:
    """A running job under that fence."""

    def make(db: Session) -> UUID:
        job = jobs.enqueue(db, runtime.clock, runtime.new_id(), "test.nothing", {})
        job.state, job.fence = State.RUNNING, fence
        return job.id

    return await runtime.write(tenant, make)


class TestNeighbours:
    async def test_duplicates_and_lost_fences_hurt_nobody_else(
        self, core: Runtime, tenant: Tenant
    ) -> None:
        job_id = await held_job(core, tenant)
        good = [turn(core, tenant, f"good {n}") for n in range(5)]
        fenced = turn(core, tenant, "fenced")
        fenced.job_id, fenced.fence = job_id, 2
        held = turn(core, tenant, "held")
        held.job_id, held.fence = job_id, 3
        twin = turn(core, tenant, "twin")
        again = turn(core, tenant, "again")
        again.entries = [*again.entries, twin.entries[0]]
        foreign = turn(core, Tenant(core.new_id(), core.new_id()), "foreign")
        foreign.tenant = tenant
        unmarked = turn(core, tenant, "unmarked")
        unmarked.entries = [(insert(Shelf), unmarked.entries[0][1])]
        unknown = turn(core, tenant, "unknown", no_such_column=1)
        batch = [*good, fenced, held, twin, again, foreign, unmarked, unknown]
        results = await asyncio.gather(
            *(core.gate.append(append) for append in batch), return_exceptions=True
        )
        assert results[:5] == [None] * 5
        assert isinstance(results[5], Fenced)
        assert results[6:8] == [None, None]
        assert isinstance(results[8], AppendRefused)
        assert isinstance(results[9], TenantLeak)
        assert isinstance(results[10], TenantLeak)
        assert "no_such_column" in str(results[11])
        kept = await books(core, tenant)
        assert sorted(kept) == [*(f"good {n}" for n in range(5)), "held", "twin"]

    async def test_every_column_is_kept_whatever_the_others_have(
        self, core: Runtime, tenant: Tenant
    ) -> None:
        """executemany takes its columns from the first row, and drops what a later one has more."""
        batch = [
            turn(core, tenant, "0"),
            turn(core, tenant, "1", note="kept"),
            turn(core, tenant, "2"),
            turn(core, tenant, "3", note="kept, too"),
        ]
        await asyncio.gather(*(core.gate.append(append) for append in batch))
        kept = await books(core, tenant)
        assert kept == {"0": None, "1": "kept", "2": None, "3": "kept, too"}

    async def test_an_append_is_whole_or_not_there(self, core: Runtime, tenant: Tenant) -> None:
        first = turn(core, tenant, "first")
        await core.gate.append(first)
        half = turn(core, tenant, "half")
        half.entries[1] = first.entries[1]
        with pytest.raises(AppendRefused):
            await core.gate.append(half)
        names = await core.read(tenant, lambda db: db.scalars(select(Shelf.name)).all())
        assert names == ["first"]


class TestFence:
    @pytest.mark.parametrize("state", [s for s in State if s is not State.RUNNING])
    async def test_only_a_running_job_writes(
        self, core: Runtime, tenant: Tenant, state: State
    ) -> None:
        job_id = await held_job(core, tenant)

        def become(db: Session) -> None:
            db.execute(update(Job).values(state=state))

        await core.write(tenant, become)
        append = turn(core, tenant, "late")
        append.job_id, append.fence = job_id, 3
        with pytest.raises(Fenced):
            await core.gate.append(append)
        assert await books(core, tenant) == {}

    async def test_a_job_of_another_tenant_is_no_pass(self, core: Runtime, tenant: Tenant) -> None:
        job_id = await held_job(core, tenant)
        stranger = Tenant(core.new_id(), core.new_id())
        append = turn(core, stranger, "stolen")
        append.job_id, append.fence = job_id, 3
        with pytest.raises(TenantLeak):
            await core.gate.append(append)

    async def test_an_unknown_job_is_fenced(self, core: Runtime, tenant: Tenant) -> None:
        append = turn(core, tenant, "x")
        append.job_id, append.fence = core.new_id(), 0
        with pytest.raises(Fenced):
            await core.gate.append(append)
