"""Organisations take turns where more is due than is looked at; alone, all is as it was."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from camel_ext.core import jobs, leases
from camel_ext.core.claiming import CANDIDATES
from camel_ext.core.gate import Signals
from camel_ext.core.models import Worker
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant

BIG, SMALL = Tenant(UUID(int=1), UUID(int=2)), Tenant(UUID(int=3), UUID(int=4))
KIND = "tests.share"
MANY = CANDIDATES * 3


async def ask(runtime: Runtime, tenant: Tenant, count: int, priority: int = 0) -> list[UUID]:
    ids = [runtime.new_id() for _ in range(count)]

    def ask(db: Session) -> None:
        for job_id in ids:
            jobs.enqueue(db, runtime.clock, job_id, KIND, {}, priority=priority)

    await runtime.write(tenant, ask)
    return ids


class Claimer:
    """A worker that claims, and counts what it says to the database."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self.worker_id = runtime, runtime.new_id()
        self.statements = 0

    async def claim(self, slots: int) -> list[jobs.Claimed]:
        def claim(connection: Connection, _signals: Signals) -> list[jobs.Claimed]:
            now = self.runtime.clock.now() + timedelta(seconds=1)
            if not self.statements:
                leases.register(
                    connection,
                    Worker(
                        id=self.worker_id, name="w", started_at=now, heartbeat_at=now,
                        lease_until=now,
                    ),
                )  # fmt: skip
            self.statements = 0

            def count(*_args: object) -> None:
                self.statements += 1

            event.listen(connection, "before_cursor_execute", count)
            kinds = frozenset({KIND})
            held = jobs.claim(connection, self.worker_id, now, slots=slots, free={}, kinds=kinds)
            event.remove(connection, "before_cursor_execute", count)
            return held

        return await self.runtime.gate.write(claim, acting="test")


@pytest.fixture
def claimer(core: Runtime) -> Claimer:
    return Claimer(core)


def shares(held: list[jobs.Claimed]) -> Counter[UUID]:
    return Counter(job.tenant.org_id for job in held)


async def test_many_jobs_of_one_do_not_starve_the_few_of_another(
    core: Runtime, claimer: Claimer
) -> None:
    await ask(core, BIG, MANY, priority=100)
    few = await ask(core, SMALL, 3)
    held = await claimer.claim(8)
    assert shares(held) == {BIG.org_id: 5, SMALL.org_id: 3}
    assert {job.id for job in held if job.tenant == SMALL} == set(few)
    assert claimer.statements == 5  # registered? one page, more than one? by turns, the claim


async def test_what_runs_already_counts(core: Runtime, claimer: Claimer) -> None:
    await ask(core, BIG, MANY)
    assert shares(await claimer.claim(6)) == {BIG.org_id: 6}
    await ask(core, SMALL, 3)
    for _ in range(3):  # one place after the other becomes free
        assert shares(await claimer.claim(1)) == {SMALL.org_id: 1}
    assert shares(await claimer.claim(1)) == {BIG.org_id: 1}


async def test_of_two_big_ones_each_gets_half(core: Runtime, claimer: Claimer) -> None:
    await ask(core, BIG, MANY)
    await ask(core, SMALL, MANY)
    assert shares(await claimer.claim(40)) == {BIG.org_id: 20, SMALL.org_id: 20}


async def test_within_an_organisation_priority_decides(core: Runtime, claimer: Claimer) -> None:
    await ask(core, BIG, MANY)
    urgent = await ask(core, BIG, 2, priority=5)
    await ask(core, SMALL, 1)
    held = await claimer.claim(3)
    assert {job.id for job in held if job.tenant == BIG} == set(urgent)


async def test_alone_it_costs_a_look_more_only_where_much_is_due(
    core: Runtime, claimer: Claimer
) -> None:
    ids = sorted(await ask(core, BIG, CANDIDATES))  # all at one time: the id decides
    assert [job.id for job in await claimer.claim(4)] == ids[:4]
    assert claimer.statements == 3
    await ask(core, BIG, MANY, priority=-1)
    assert [job.id for job in await claimer.claim(4)] == ids[4:8]
    assert claimer.statements == 4
