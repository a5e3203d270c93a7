"""The write gate: who shares a commit, whose failure is whose, and that nobody hears a false success."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, event, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core.database import Database, DatabaseUnreachable, map_error
from camel_ext.core.errors import CamelExtError, InsufficientStorage
from camel_ext.core.gate import GateClosed, Lane, Signals
from camel_ext.core.journal import Append, journalled
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from tests.core.tables import Shelf, create_own_tables
from tests.fakes.clock import FakeClock

INSERT = journalled(insert(Shelf))


def shelf(runtime: Runtime, tenant: Tenant, name: str, row_id: UUID | None = None) -> Append:
    row = {
        "org_id": tenant.org_id,
        "project_id": tenant.project_id,
        "id": row_id or runtime.new_id(),
        "name": name,
    }
    return Append(tenant, [(INSERT, row)])


def put(db: Session, name: str, row_id: UUID) -> str:
    db.add(Shelf(id=row_id, name=name))
    return name


async def names(runtime: Runtime, tenant: Tenant) -> list[str]:
    def read(db: Session) -> list[str]:
        return sorted(db.scalars(select(Shelf.name)))

    return await runtime.read(tenant, read)


class TestSharing:
    async def test_what_came_during_a_commit_shares_the_next(
        self, core: Runtime, tenant: Tenant
    ) -> None:
        appends = [shelf(core, tenant, f"{n:03}") for n in range(100)]
        await asyncio.gather(*(core.gate.append(append) for append in appends))
        assert core.gate.commits <= 2
        assert len(await names(core, tenant)) == 100

    async def test_an_append_costs_few_statements(self, core: Runtime, tenant: Tenant) -> None:
        counted: list[str] = []

        def count(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
            counted.append(statement)

        event.listen(core.database.writer, "before_cursor_execute", count)
        await asyncio.gather(*(core.gate.append(shelf(core, tenant, "x")) for _ in range(100)))
        inserts = [sql for sql in counted if sql.startswith("INSERT")]
        wanted = core.gate.commits if core.database.is_sqlite else 0  # test_journal_messages counts
        assert len(inserts) == wanted
        assert core.gate.commits <= 2

    async def test_rows_keep_the_order_of_their_appends(
        self, core: Runtime, tenant: Tenant
    ) -> None:
        wanted = [f"{n:03}" for n in range(50)]
        await asyncio.gather(*(core.gate.append(shelf(core, tenant, name)) for name in wanted))
        order = "rowid" if core.database.is_sqlite else "ctid"

        def stored(connection: Connection) -> list[str]:
            sql = f"SELECT name FROM own_shelves ORDER BY {order}"  # noqa: S608
            options = {"tenant_system": "test"}
            marked = connection.execution_options(**options)
            return [row[0] for row in marked.exec_driver_sql(sql)]

        with core.database.begin() as connection:
            assert stored(connection) == wanted


class TestOnesFailure:
    async def test_a_door_that_raises_hurts_no_neighbour(
        self, core: Runtime, tenant: Tenant
    ) -> None:
        taken = core.new_id()

        def fails(db: Session) -> None:
            put(db, "half", core.new_id())
            db.flush()
            raise RuntimeError("a bug")

        results = await asyncio.gather(
            core.write(tenant, put, "first", taken),
            core.write(tenant, fails),
            core.write(tenant, put, "twin", taken),
            core.gate.append(shelf(core, tenant, "turn")),
            core.write(tenant, put, "last", core.new_id()),
            return_exceptions=True,
        )
        assert isinstance(results[1], RuntimeError)
        assert sum(isinstance(result, IntegrityError) for result in results) == 1
        assert len(await names(core, tenant)) == 3

    async def test_a_failing_commit_fails_every_caller(self, core: Runtime, tenant: Tenant) -> None:
        def refuse(_connection: Connection) -> None:
            raise OSError("the disk is gone")

        event.listen(core.database.writer, "commit", refuse)
        results = await asyncio.gather(
            core.gate.append(shelf(core, tenant, "turn")),
            core.write(tenant, put, "door", core.new_id()),
            core.gate.bulk(lambda *_: None, [1, 2, 3]),
            return_exceptions=True,
        )
        event.remove(core.database.writer, "commit", refuse)
        assert all(isinstance(result, OSError) for result in results)
        assert await names(core, tenant) == []
        assert await core.write(tenant, put, "after", core.new_id()) == "after"

    async def test_a_malformed_append_is_answered_too(self, core: Runtime, tenant: Tenant) -> None:
        """Whatever is raised, nobody waits for ever."""
        broken: Any = Append(tenant, [("not a pair",)])  # type: ignore[list-item]
        with pytest.raises(ValueError, match="unpack"):
            await asyncio.wait_for(core.gate.append(broken), 5)
        await core.gate.append(shelf(core, tenant, "after"))

    async def test_signals_are_raised_after_the_commit_and_only_then(
        self, core: Runtime, tenant: Tenant
    ) -> None:
        heard: list[int] = []
        core.gate.listen("bell", lambda: heard.append(core.gate.commits))

        def ring(_connection: Connection, signals: Signals) -> None:
            signals.add("bell")

        def ring_and_fail(_connection: Connection, signals: Signals) -> None:
            signals.add("bell")
            raise RuntimeError

        await core.gate.write(ring)
        assert heard == [1]
        with pytest.raises(RuntimeError):
            await core.gate.write(ring_and_fail)
        assert heard == [1]


class TestCancelledCallers:
    @pytest.mark.parametrize("lane", ["door", "journal"])
    async def test_the_work_is_done_whole_and_signalled(
        self, core: Runtime, tenant: Tenant, lane: str
    ) -> None:
        heard = asyncio.Event()
        core.gate.listen("bell", heard.set)

        def ring(connection: Connection, signals: Signals) -> None:
            with core.database.session_on(connection, tenant) as db:
                put(db, "done", core.new_id())
                db.commit()
            signals.add("bell")

        append = shelf(core, tenant, "done")
        append.signals = {"bell"}
        work = core.gate.write(ring) if lane == "door" else core.gate.append(append)
        caller = asyncio.create_task(work)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await core.gate.drain()
        assert heard.is_set()
        assert await names(core, tenant) == ["done"]

    async def test_a_dying_loop_leaves_nobody_waiting(self, core: Runtime, tenant: Tenant) -> None:
        waiters = [
            asyncio.create_task(core.gate.append(shelf(core, tenant, "x"))) for _ in range(3)
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert core.gate._pump is not None
        core.gate._pump.cancel()
        results = await asyncio.wait_for(asyncio.gather(*waiters, return_exceptions=True), 5)
        assert all(isinstance(result, GateClosed) for result in results)


class TestLanes:
    async def test_bulk_lets_the_journal_through(self, core: Runtime, tenant: Tenant) -> None:
        rows = 2_000
        applied: list[int] = []
        done_at: list[int] = []

        def apply(_connection: Connection, row: int, _signals: Signals) -> None:
            applied.append(row)

        bulk = asyncio.create_task(core.gate.bulk(apply, range(rows)))
        await asyncio.sleep(0)
        await core.gate.append(shelf(core, tenant, "turn"))
        done_at.append(len(applied))
        await bulk
        assert len(applied) == rows
        if core.database.is_sqlite:  # on PostgreSQL they never meet
            assert done_at[0] <= 1_500  # two batches of 500 at most stood before it

    async def test_a_bulk_batch_ends_by_time(self, core: Runtime, clock: FakeClock) -> None:
        batches: list[int] = []

        def slow(_connection: Connection, _row: int, _signals: Signals) -> None:
            clock.advance(0.006)

        before = core.gate.commits
        await core.gate.bulk(slow, range(12))
        batches.append(core.gate.commits - before)
        assert batches == [3]  # 4 rows of 6 ms pass 20 ms

    async def test_an_order_within_a_lane_is_kept(self, core: Runtime) -> None:
        if not core.database.is_sqlite:
            pytest.skip("on PostgreSQL doors run side by side")
        seen: list[int] = []

        def noting(n: int) -> Callable[[Connection, Signals], None]:
            return lambda _connection, _signals: seen.append(n)

        await asyncio.gather(*(core.gate.write(noting(n), Lane.DOOR) for n in range(100)))
        assert seen == list(range(100))


def _fill(runtime: Runtime, tenant: Tenant, size: int) -> Callable[[Session], None]:
    def fill(db: Session) -> None:
        for _ in range(size):
            db.add(Shelf(id=runtime.new_id(), name="x" * 40))
        db.flush()

    return fill


class TestDiskFull:
    """On SQLite a full disk may end the transaction itself: nobody may slip through alone."""

    @pytest.fixture
    def small(self, tmp_path: Path, sqlite_template: Path, clock: FakeClock) -> Runtime:
        shutil.copy(sqlite_template, tmp_path / "small.db")
        runtime = Runtime(
            Database(f"sqlite:///{tmp_path / 'small.db'}"), clock, Random(1), ThreadLanes()
        )
        create_own_tables(runtime.database)
        return runtime

    def _limit(self, runtime: Runtime, extra_pages: int | None) -> None:
        with runtime.database.writer.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            pages = driver.execute("PRAGMA page_count").fetchone()[0]
            limit = 2**30 if extra_pages is None else pages + extra_pages
            driver.execute(f"PRAGMA max_page_count={limit}")

    async def test_is_said_clearly_and_passes(self, small: Runtime, tenant: Tenant) -> None:
        self._limit(small, 3)
        results = await asyncio.gather(
            small.write(tenant, put, "door", small.new_id()),
            small.write(tenant, _fill(small, tenant, 3000)),
            *(small.gate.append(shelf(small, tenant, f"{n}")) for n in range(5)),
            return_exceptions=True,
        )
        assert isinstance(results[1], InsufficientStorage)
        refused = sum(isinstance(result, InsufficientStorage) for result in results)
        acknowledged = sum(not isinstance(result, BaseException) for result in results)
        assert refused + acknowledged == len(results)
        assert len(await names(small, tenant)) == acknowledged
        self._limit(small, None)
        await small.write(tenant, _fill(small, tenant, 3000))
        assert len(await names(small, tenant)) == acknowledged + 3000
        await small.close()

    async def test_appends_never_slip_through(self, small: Runtime, tenant: Tenant) -> None:
        self._limit(small, 2)
        outcomes: list[Any] = []
        for n in range(20):
            batch = [shelf(small, tenant, f"{n} {m} " + "x" * 30) for m in range(20)]
            outcomes += await asyncio.gather(
                *(small.gate.append(append) for append in batch), return_exceptions=True
            )
        refused = [o for o in outcomes if isinstance(o, BaseException)]
        assert refused
        assert {type(o) for o in refused} == {InsufficientStorage}
        assert len(await names(small, tenant)) == len(outcomes) - len(refused)
        await small.close()


class TestErrorsOfTheDatabase:
    async def test_a_locked_file_is_unavailable(
        self, tmp_path: Path, sqlite_template: Path, clock: FakeClock, tenant: Tenant
    ) -> None:
        path = tmp_path / "locked.db"
        shutil.copy(sqlite_template, path)
        runtime = Runtime(
            Database(f"sqlite:///{path}", busy_s=0.05), clock, Random(1), ThreadLanes()
        )
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnreachable):
            await runtime.write(tenant, put, "x", runtime.new_id())
        other.close()
        await runtime.close()

    async def test_a_bug_in_sql_is_not_an_outage(self, core: Runtime) -> None:
        if not core.database.is_sqlite:
            pytest.skip("PostgreSQL has another class for it")

        def broken(connection: Connection, _signals: Signals) -> None:
            connection.exec_driver_sql("SELECT a FROM nowhere")

        with pytest.raises(Exception, match="no such table") as caught:
            await core.gate.write(broken)
        assert not isinstance(caught.value, CamelExtError)
        assert map_error(caught.value) is None

    async def test_a_snapshot_cannot_write(self, core: Runtime, tenant: Tenant) -> None:
        if not core.database.is_sqlite:
            pytest.skip("PostgreSQL rolls the snapshot back")

        def sneaky(db: Session) -> None:
            put(db, "x", core.new_id())
            db.commit()

        with pytest.raises(Exception, match="readonly"):
            await core.read(tenant, sneaky)

    async def test_a_read_leaves_nothing_behind(self, core: Runtime, tenant: Tenant) -> None:
        if core.database.is_sqlite:
            pytest.skip("SQLite refuses it, see above")

        def sneaky(db: Session) -> None:
            put(db, "x", core.new_id())
            db.flush()

        await core.read(tenant, sneaky)
        assert await core.read(tenant, lambda db: db.scalar(select(func.count(Shelf.id)))) == 0
