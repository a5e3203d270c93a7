"""PostgreSQL gets a batch of the journal in two messages, and nothing of it where that was wrong."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.journal import AppendRefused, Fenced
from camel_ext.core.postgres import PatientConnection
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant, TenantLeak
from camel_ext.core.threads import ThreadLanes
from tests.core.tables import Shelf, create_own_tables
from tests.core.test_journal import books, held_job, turn
from tests.core.test_journal_numbers import announcing, feed, publish
from tests.postgres import temporary_copy

pytestmark = pytest.mark.slow
TENANT = Tenant(UUID(int=1), UUID(int=2))


@pytest.fixture
async def remote(postgres_server: str, postgres_template: str) -> AsyncIterator[Runtime]:
    with temporary_copy(postgres_server, postgres_template) as url:
        runtime = Runtime(Database(url), SystemClock(), Random(7), ThreadLanes())
        create_own_tables(runtime.database)
        for n in range(12):  # what is asked often is prepared
            await runtime.gate.append(announcing(runtime, TENANT, f"warm {n}"))
        yield runtime
        await runtime.close()


@contextmanager
def messages(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note each answer that was waited for to its end, and each statement sent on its own."""
    seen: list[str] = []
    wait = PatientConnection.wait

    def noting(self: PatientConnection, gen: Any, *args: Any) -> Any:
        seen.append(gen.__name__)
        return wait(self, gen, *args)

    with monkeypatch.context() as patched:
        patched.setattr(PatientConnection, "wait", noting)
        yield seen


def round_trips(seen: list[str]) -> int:
    """How often the server's answer was waited for: a statement alone, a pipeline's end, a commit."""
    alone, depth = 0, 0
    for name in seen:
        if name == "_enter_gen":
            depth += 1
        elif name == "_exit_gen":
            depth -= 1
            alone += 1
        elif depth == 0:
            alone += 1
    return alone


@pytest.mark.parametrize("count", [1, 25])
async def test_a_batch_is_three_round_trips_however_many_share_it(
    remote: Runtime, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    before = remote.gate.commits
    appends = [announcing(remote, TENANT, f"{n}") for n in range(count)]
    with messages(monkeypatch) as seen:
        await asyncio.gather(*(remote.gate.append(append) for append in appends))
    assert remote.gate.commits - before == 1
    assert round_trips(seen) == 3, seen  # the batch, its events, commit
    assert len(await books(remote, TENANT)) == 12 + count


async def test_what_doors_announced_costs_no_round_trip_more(
    remote: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(remote, TENANT, "by a door")
    with messages(monkeypatch) as seen:
        await remote.gate.append(announcing(remote, TENANT, "by the journal"))
    assert round_trips(seen) == 3, seen
    assert (await feed(remote, TENANT))[-2:] == [(13, "by a door"), (14, "by the journal")]


async def test_a_door_alone_is_its_statements_and_a_commit(
    remote: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with messages(monkeypatch) as seen:
        await publish(remote, TENANT, "it")
    assert round_trips(seen) == 2, seen  # no question whether the server is there, no savepoint


async def test_one_at_fault_leaves_the_others_whole(remote: Runtime) -> None:
    job_id = await held_job(remote, TENANT)
    first = announcing(remote, TENANT, "first")
    fenced = announcing(remote, TENANT, "fenced")
    fenced.job_id, fenced.fence = job_id, 2
    held = announcing(remote, TENANT, "held")
    held.job_id, held.fence = job_id, 3
    twin = announcing(remote, TENANT, "twin")
    twin.entries[0] = first.entries[0]
    unmarked = turn(remote, TENANT, "unmarked")
    unmarked.entries = [(insert(Shelf), unmarked.entries[0][1])]
    foreign = announcing(remote, Tenant(remote.new_id(), remote.new_id()), "foreign")
    foreign.tenant = TENANT
    results = []
    for wrong in ([fenced], [twin], [unmarked], [foreign], [fenced, twin, unmarked, foreign]):
        batch = [announcing(remote, TENANT, "good"), *wrong]
        if wrong == [twin]:
            await remote.gate.append(first)
        results.append(
            await asyncio.gather(
                *(remote.gate.append(append) for append in batch), return_exceptions=True
            )
        )
    assert all(result[0] is None for result in results)
    assert [type(result[1]) for result in results] == [
        Fenced, AppendRefused, TenantLeak, TenantLeak, Fenced,
    ]  # fmt: skip
    await remote.gate.append(held)
    told = await feed(remote, TENANT)
    assert [seq for seq, _ in told] == list(range(1, len(told) + 1))
    names = [subject for _, subject in told][12:]
    assert names == ["good", "first", *["good"] * 4, "held"]


async def test_two_processes_number_one_feed(remote: Runtime) -> None:
    other = Runtime(Database(str(remote.database.url.render_as_string(hide_password=False))),
                    SystemClock(), Random(8), ThreadLanes())  # fmt: skip

    async def write(runtime: Runtime, name: str) -> None:
        for n in range(30):
            await runtime.gate.append(announcing(runtime, TENANT, f"{name} {n}"))
            if n % 3 == 0:
                await publish(runtime, TENANT, f"{name} {n} door")

    await asyncio.gather(write(remote, "one"), write(other, "two"), write(remote, "three"))
    await remote.gate.append(announcing(remote, TENANT, "last"))
    told = sorted(await feed(remote, TENANT))
    assert [seq for seq, _ in told] == list(range(1, len(told) + 1))
    assert len(told) == 12 + 90 + 30 + 1
    for name in ("one", "two", "three"):
        mine = [subject for _, subject in told if subject.startswith(f"{name} ")]
        wanted = [
            each
            for n in range(30)
            for each in ([f"{name} {n}", f"{name} {n} door"] if n % 3 == 0 else [f"{name} {n}"])
        ]
        assert mine == wanted  # a door's event is before what its writer announced later
    await other.close()


async def test_a_message_larger_than_the_socket_arrives_whole(
    postgres_server: str, postgres_template: str
) -> None:
    """Several statements of megabytes, as an import has them: what did not fit at once was never sent."""
    with temporary_copy(postgres_server, postgres_template) as url:
        database = Database(url)
        database.patience.answer_s = 10.0
        with database.begin("test") as connection:
            connection.exec_driver_sql("CREATE TABLE wide (words text)")
        with database.begin("test") as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, PatientConnection)
            for _ in range(5):
                with raw.one_message(), raw.cursor() as cursor:
                    for _ in range(4):
                        cursor.execute("INSERT INTO wide VALUES (%s)", ("x" * 2_000_000,))
        with database.begin("test") as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM wide").scalar() == 20
        database.close()
