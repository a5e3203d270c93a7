"""Goal R9: hundreds of seeded histories of workers, clients and faults, and not one violation."""

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from sqlalchemy import event

from camel_ext.core import journal, leases
from camel_ext.core.database import Database, DatabaseUnreachable
from camel_ext.core.gate import Lane, WriteGate
from camel_ext.core.models import Base
from camel_ext.core.queue import TASKS
from tests.simulator.loop import Deadlock, VirtualLoop, simulate
from tests.simulator.world import KIND, SimStep, World, take_steps

TRIGGER = """CREATE TRIGGER one_end BEFORE UPDATE OF state ON jobs
WHEN OLD.state IN ('succeeded', 'failed', 'cancelled') AND NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'a final state was left'); END"""
BREACHES = (
    "CREATE TABLE sim_breaches (what TEXT)",
    """CREATE TRIGGER old_fence AFTER INSERT ON sim_steps
    WHEN NOT EXISTS (SELECT 1 FROM jobs
        WHERE id = NEW.job_id AND fence = NEW.fence AND state = 'running')
    BEGIN INSERT INTO sim_breaches VALUES (NEW.job_id || ' ' || NEW.seq); END""",
)
TABLES = ("sim_breaches", "jobs", "workers", "outbox", "feed_heads", "sim_steps")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One file for all seeds; emptied between them. Nothing here is about the disk: no fsync."""
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('simulator') / 'world.db'}")

    @event.listens_for(made.writer, "connect")
    def _fast(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    with made.begin() as connection:
        marked = connection.execution_options(tenant_system="ddl")
        Base.metadata.create_all(marked)
        SimStep.metadata.create_all(marked)
        for statement in (TRIGGER, *BREACHES):
            marked.exec_driver_sql(statement)

    def refuse(_connection: Any) -> None:
        if World.current.away:
            raise DatabaseUnreachable("cut off")

    event.listen(made.writer, "begin", refuse, insert=True)
    event.listen(made.reader, "begin", refuse, insert=True)
    TASKS[KIND] = take_steps
    yield made
    TASKS.pop(KIND, None)
    made.close()


def trial(seed: int, database: Database) -> World:
    world = World(seed, database)
    with database.begin() as connection:
        marked = connection.execution_options(tenant_system="test")
        for table in TABLES:
            marked.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
    world.trace_hash = simulate(Random(seed), world.run())
    return world


def violations_of(seed: int, database: Database) -> list[str]:
    try:
        return trial(seed, database).violations
    except (Exception, Deadlock) as error:
        return [f"broke down: {error!r}"]


@pytest.mark.parametrize("seed", range(24))
def test_a_history(database: Database, seed: int) -> None:
    assert violations_of(seed, database) == []


@pytest.mark.slow
def test_three_hundred_histories(database: Database) -> None:
    failed = {seed: found for seed in range(300) if (found := violations_of(seed, database))}
    assert failed == {}, f"failing seeds: {sorted(failed)}"


async def _answer_early(self: WriteGate, append: Any) -> None:
    asyncio.ensure_future(self._submit(Lane.JOURNAL, append)).add_done_callback(
        lambda done: done.cancelled() or done.exception()
    )


PLANTED: dict[str, tuple[Any, str, Any]] = {
    "no fence": (journal, "_check", lambda _append, _fences: None),
    "early acknowledgement": (WriteGate, "append", _answer_early),
    "no sweeper": (leases, "sweep", lambda *_: 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_caught(
    database: Database, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    """Goal R13: a simulator that finds nothing proves nothing."""
    monkeypatch.setattr(*PLANTED[bug])
    assert any(violations_of(seed, database) for seed in range(60))


@pytest.mark.parametrize("seed", [3, 17])
def test_a_seed_gives_the_same_history(database: Database, seed: int) -> None:
    first, second = (trial(seed, database).trace_hash for _ in range(2))
    assert first == second
    assert first != trial(seed + 1, database).trace_hash


def test_time_is_virtual_and_a_deadlock_is_seen() -> None:
    async def sleep() -> float:
        await asyncio.sleep(86400)
        return asyncio.get_running_loop().time()

    assert simulate(Random(1), sleep()) >= 86400
    loop = VirtualLoop(Random(1))

    async def stuck() -> None:
        await asyncio.Event().wait()

    waiting = loop.create_task(stuck())
    with pytest.raises(Deadlock):
        loop.run_until_complete(waiting)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(waiting)
    loop.close()
