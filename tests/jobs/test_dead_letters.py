"""All dead letters at once: counted, queued again page by page, each once; what cannot be says why."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from camel_ext.core.door import TenantDoor
from camel_ext.core.errors import QuotaExceeded, Unavailable
from camel_ext.core.models import Job, State
from camel_ext.core.paging import Place, decode_cursor
from camel_ext.core.runtime import Runtime
from camel_ext.core.tasks import AGAIN
from camel_ext.core.tenancy import Tenant
from camel_ext.jobs import service
from camel_ext.jobs.dead_letters import DeadKind, Repeated, count_dead, repeat_dead
from camel_ext.jobs.errors import JobKindUnknown, QueueUnknown
from tests.jobs.shelf import KIND, PLAIN, Ran, door, ended, other_tenant, put
from tests.statements import counted
from tests.working import working

OURS = DeadKind("shelf", KIND, 5, True)
FIRST = Place(limit=50)


@contextmanager
def executed(runtime: Runtime) -> Iterator[list[str]]:
    """Collect the SQL about jobs of all that the runtime reads and writes by."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "jobs" in statement:
            seen.append(statement)

    engines = {runtime.database.reader, runtime.database.writer}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


async def died(runtime: Runtime, tenant: Tenant, count: int, kind: str = KIND) -> list[UUID]:
    """So many dead letters."""
    ids = [await put(runtime, tenant, "fail", kind, max_attempts=1) for _ in range(count)]
    async with working(runtime):
        for each in ids:
            assert (await ended(runtime, tenant, each)).dead_at is not None
    return ids


async def total(runtime: Runtime, tenant: Tenant) -> int:
    return sum(each.jobs for each in await runtime.read(tenant, count_dead, None, None))


async def all_pages(by: TenantDoor, limit: int) -> list[Repeated]:
    pages = [await repeat_dead(by, None, None, Place(limit))]
    while pages[-1].next_cursor is not None:
        after = decode_cursor(pages[-1].next_cursor)
        pages.append(await repeat_dead(by, None, None, Place(limit, after)))
    return pages


async def test_they_are_counted_by_kind(runtime: Runtime, tenant: Tenant, ran: Ran) -> None:
    await died(runtime, tenant, 5)
    await died(runtime, tenant, 1, PLAIN)
    await put(runtime, tenant, "x")  # it lives
    plain = DeadKind("attic", PLAIN, 1, False)
    with counted(runtime, ("jobs",)) as seen:
        assert await runtime.read(tenant, count_dead, None, None) == [plain, OURS]
    assert len(seen) == 1
    assert await runtime.read(tenant, count_dead, "shelf", None) == [OURS]
    assert await runtime.read(tenant, count_dead, None, PLAIN) == [plain]
    assert await runtime.read(tenant, count_dead, "shelf", PLAIN) == []
    assert await runtime.read(await other_tenant(runtime), count_dead, None, None) == []


async def test_each_is_queued_again_once_and_what_cannot_be_says_why(
    runtime: Runtime, tenant: Tenant, ran: Ran
) -> None:
    plain = await died(runtime, tenant, 2, PLAIN)
    await died(runtime, tenant, 5)
    by = door(runtime, tenant)
    pages = await all_pages(by, 3)
    assert [each.repeated for each in pages] == [3, 2, 0]
    refused = [each for page in pages for each in page.refused]
    assert [each.job_id for each in refused] == plain[::-1]
    assert {(each.kind, each.code) for each in refused} == {(PLAIN, "jobs.job_not_repeatable")}
    assert all("start anew" in each.detail for each in refused)
    async with working(runtime):
        while ran.count("fail again") < 5:
            await runtime.clock.sleep(0.01)
    assert sum(page.repeated for page in await all_pages(by, 3)) == 0
    assert ran.count("fail again") == 5
    assert await total(runtime, tenant) == 2, "what cannot be is where people look for it"


async def test_only_of_a_queue_or_kind(runtime: Runtime, tenant: Tenant, ran: Ran) -> None:
    await died(runtime, tenant, 2, PLAIN)
    await died(runtime, tenant, 2)
    by = door(runtime, tenant)
    assert (await repeat_dead(by, "attic", None, FIRST)).repeated == 0
    assert (await repeat_dead(by, "attic", KIND, FIRST)) == Repeated(None)
    assert (await repeat_dead(by, None, KIND, FIRST)).repeated == 2
    with pytest.raises(QueueUnknown, match=r"'shelves'.*attic.*shelf"):
        await repeat_dead(by, "shelves", None, FIRST)
    with pytest.raises(JobKindUnknown, match=r"kind: .*'shelf\.burn'.*shelf\.fill"):
        await repeat_dead(by, None, "shelf.burn", FIRST)


async def test_one_refusal_undoes_its_own_and_holds_up_no_other(
    runtime: Runtime, tenant: Tenant, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await died(runtime, tenant, 3)
    before = AGAIN[KIND]

    def picky(db: Session, by: TenantDoor, *, word: str, job_id: str) -> UUID:
        made = before(db, by, word=word, job_id=job_id)
        if job_id == str(ids[1]):
            raise QuotaExceeded("the month's budget is used up")
        return made

    monkeypatch.setitem(AGAIN, KIND, picky)
    done = await repeat_dead(door(runtime, tenant), None, None, FIRST)
    assert done.repeated == 2
    (refused,) = done.refused
    assert (refused.job_id, refused.code) == (ids[1], "core.quota_exceeded")
    assert refused.detail == "the month's budget is used up"
    listed, _ = await runtime.read(tenant, _queued)
    assert len(listed) == 2, "the refused one left nothing behind"


def _queued(db: Session) -> tuple[list[Job], str | None]:
    return service.list_jobs(db, Place(), "shelf", State.QUEUED, dead=False)


async def test_who_was_interrupted_goes_on_with_the_rest(
    runtime: Runtime, tenant: Tenant, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await died(runtime, tenant, 4)
    by, before = door(runtime, tenant), AGAIN[KIND]

    def away(db: Session, by: TenantDoor, *, word: str, job_id: str) -> UUID:
        if job_id == str(ids[1]):
            raise Unavailable("the database is away")
        return before(db, by, word=word, job_id=job_id)

    with monkeypatch.context() as patched:
        patched.setitem(AGAIN, KIND, away)
        with pytest.raises(Unavailable):
            await repeat_dead(by, None, None, FIRST)
    assert await total(runtime, tenant) == 2
    assert (await repeat_dead(by, None, None, FIRST)).repeated == 2
    listed, _ = await runtime.read(tenant, _queued)
    assert len(listed) == 4


async def test_what_dies_meanwhile_makes_no_endless_walk(
    runtime: Runtime, tenant: Tenant, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await died(runtime, tenant, 4)
    monkeypatch.setattr("camel_ext.jobs.dead_letters.queue_again", _dies_at_once(runtime))
    pages = await all_pages(door(runtime, tenant), 2)
    assert [each.repeated for each in pages] == [2, 2]
    assert await total(runtime, tenant) == len(ids)


def _dies_at_once(runtime: Runtime) -> Callable[..., None]:
    def again(_db: Session, _door: TenantDoor, job: Job) -> None:
        job.dead_at = runtime.clock.now()

    return again


@pytest.mark.parametrize("count", [2, 12])
async def test_a_page_costs_one_read_and_the_same_for_each_job(
    runtime: Runtime, tenant: Tenant, ran: Ran, count: int
) -> None:
    await died(runtime, tenant, count)
    by = door(runtime, tenant)
    with executed(runtime) as seen:
        assert (await repeat_dead(by, None, None, Place(100))).repeated == count
    assert len(seen) == 1 + 3 * count  # the page; each locked, its new one stored, it left alone


async def test_another_organisations_stay_as_they_are(
    runtime: Runtime, tenant: Tenant, ran: Ran
) -> None:
    await died(runtime, tenant, 2)
    theirs = door(runtime, await other_tenant(runtime))
    assert await repeat_dead(theirs, None, None, FIRST) == Repeated(None)
    assert await total(runtime, tenant) == 2
