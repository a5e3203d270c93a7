"""Histories by seed: the ground they stand on, one trial, and what was wrong in it.

    python -m tests.simulator 10000 --seed 1 --world cluster

The tables are the real ones, without the unique walls that would hide a fault, and with triggers that
write down each breach of a fence. All seeds share one file, emptied between them, without fsync: nothing
here is about the disk.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import event

from camel_ext.core.database import Database, DatabaseUnreachable
from camel_ext.core.models import Base
from camel_ext.core.queue import TASKS
from camel_ext.rooms import import_models
from camel_ext.scheduling import SCHEDULABLE, tasks
from camel_ext.scheduling.ticking import FIRE
from tests.simulator.cluster import MADE_BY_SCHEDULE, MAKE, Cluster, ServedDatabase
from tests.simulator.loop import Deadlock, simulate
from tests.simulator.world import KIND, SimStep, World, take_steps

WORLDS: dict[str, tuple[type[World], type[Database]]] = {
    "machine": (World, Database),
    "cluster": (Cluster, ServedDatabase),
}
GROUND = (
    "DROP INDEX uq_schedule_firings_tick",
    "CREATE TABLE sim_breaches (what TEXT)",
    """CREATE TRIGGER one_end AFTER UPDATE OF state ON jobs
    WHEN OLD.state IN ('succeeded', 'failed', 'cancelled') AND NEW.state <> OLD.state
    BEGIN INSERT INTO sim_breaches VALUES ('a final state was left: ' || hex(NEW.id)); END""",
    """CREATE TRIGGER old_fence AFTER INSERT ON sim_steps
    WHEN NOT EXISTS (SELECT 1 FROM jobs
        WHERE id = NEW.job_id AND fence = NEW.fence AND state = 'running')
    BEGIN INSERT INTO sim_breaches VALUES
        ('step ' || NEW.seq || ' was written under an old fence: ' || hex(NEW.job_id)); END""",
    """CREATE TRIGGER old_leader AFTER INSERT ON schedule_firings
    WHEN NOT EXISTS (SELECT 1 FROM leader_leases WHERE name = 'scheduler' AND fence = NEW.fence)
    BEGIN INSERT INTO sim_breaches VALUES ('one that leads no more fired'); END""",
)
TABLES = (
    "sim_breaches", "jobs", "workers", "outbox", "feed_heads", "sim_steps", "schedule_firings",
    "schedules", "leader_leases", "published_heads",
)  # fmt: skip


class _Bugs(logging.Handler):
    """Hears what the code itself calls a bug of ours, and goes on after."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.found.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


@contextmanager
def opened(folder: Path, kind: str) -> Iterator[Database]:
    """Lay the ground for the histories of one world."""
    import_models()
    made = WORLDS[kind][1](f"sqlite:///{folder / f'{kind}.db'}")

    @event.listens_for(made.writer, "connect")
    def _fast(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    def refuse(_connection: Any) -> None:
        if World.current.is_unreachable():
            raise DatabaseUnreachable("cut off")

    with made.writer.begin() as connection:
        marked = connection.execution_options(tenant_system="ddl")
        Base.metadata.create_all(marked)
        SimStep.metadata.create_all(marked)
        for statement in GROUND:
            marked.exec_driver_sql(statement)
    event.listen(made.writer, "begin", refuse, insert=True)
    event.listen(made.reader, "begin", refuse, insert=True)
    known = dict(TASKS)
    TASKS.clear()
    TASKS.update({KIND: take_steps, FIRE: tasks.fire})
    SCHEDULABLE[MAKE] = MADE_BY_SCHEDULE
    try:
        yield made
    finally:
        SCHEDULABLE.pop(MAKE, None)
        TASKS.clear()
        TASKS.update(known)
        made.close()


def trial(kind: str, seed: int, database: Database) -> World:
    """Let one history happen; what was wrong stands in its `violations`."""
    world = WORLDS[kind][0](seed, database)
    with database.writer.begin() as connection:
        marked = connection.execution_options(tenant_system="test")
        for table in TABLES:
            marked.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
    bugs, log = _Bugs(), logging.getLogger("camel_ext")
    log.addHandler(bugs)
    try:
        world.trace_hash = simulate(Random(seed), world.run())
    finally:
        log.removeHandler(bugs)
    world.violations += bugs.found[:3]
    return world


def violations_of(kind: str, seed: int, database: Database) -> list[str]:
    """Return what was wrong in one history."""
    try:
        return trial(kind, seed, database).violations
    except (Exception, Deadlock) as error:
        return [f"broke down: {error!r}"]
