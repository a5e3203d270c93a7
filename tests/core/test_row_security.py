"""PostgreSQL's own wall: what a statement without a filter reaches when ours are gone."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from random import Random
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Connection, event, func, insert, select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.migrate import migrate
from camel_ext.core.models import Job
from camel_ext.core.row_security import acting_as, beginning, passes_by, tenanted_tables
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant, bind_tenant, system_options
from camel_ext.core.threads import ThreadLanes
from tests.postgres import temporary_copy, two_roles

PAST_OURS = system_options("a test of what stands behind our own wall")


@dataclass
class Two:
    """A database where two tenants have a job each."""

    url: str
    runtime: Runtime
    a: Tenant
    b: Tenant

    @property
    def database(self) -> Database:
        return self.runtime.database


@pytest.fixture
async def two(postgres_server: str, postgres_template: str) -> AsyncIterator[Two]:
    with temporary_copy(postgres_server, postgres_template) as url:
        runtime = Runtime(Database(url), SystemClock(), Random(7), ThreadLanes())
        made = Two(url, runtime, Tenant(uuid4(), uuid4()), Tenant(uuid4(), uuid4()))
        for tenant in (made.a, made.b):
            await runtime.write(tenant, ask, runtime)
        yield made
        await runtime.close()


def ask(db: Session, runtime: Runtime) -> None:
    jobs.enqueue(db, runtime.clock, runtime.new_id(), "test.walls", {})


def owners(connection: Connection) -> set[UUID]:
    """Whose jobs a hand-written statement reaches that no filter was added to."""
    marked = connection.execution_options(**PAST_OURS)
    return {row.org_id for row in marked.exec_driver_sql("SELECT org_id FROM jobs")}


@pytest.mark.slow
class TestTheWall:
    def test_every_tenanted_table_stands_behind_it(self, two: Two) -> None:
        query = (
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relrowsecurity "
            "AND relforcerowsecurity AND oid IN (SELECT polrelid FROM pg_policy)"
        )
        with psycopg.connect(two.url) as connection:
            behind = {row[0] for row in connection.execute(query)}
        names = {table.name for table in tenanted_tables()}
        assert len(names) > 40
        assert names - behind == set()

    def test_who_says_nothing_sees_and_writes_nothing(self, two: Two) -> None:
        with psycopg.connect(two.url) as connection:
            for table in tenanted_tables():
                query = f'SELECT count(*) FROM "{table.name}"'  # noqa: S608
                assert connection.execute(query).fetchone() == (0,)
            assert connection.execute("UPDATE jobs SET priority = 9").rowcount == 0
            assert connection.execute("DELETE FROM jobs").rowcount == 0
            copied = "INSERT INTO feed_heads (org_id, last_seq, pruned_seq) VALUES (%s, 1, 0)"
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                connection.execute(copied, (two.a.org_id,))

    def test_a_tenant_reaches_only_its_own(self, two: Two) -> None:
        with two.database.begin(two.a) as connection:
            assert owners(connection) == {two.a.org_id}
            marked = connection.execution_options(**PAST_OURS)
            assert marked.exec_driver_sql("UPDATE jobs SET priority = 9").rowcount == 1
            assert marked.exec_driver_sql("DELETE FROM jobs").rowcount == 1
        assert jobs_of(two, two.b) == 1

    def test_a_tenant_writes_for_no_other(self, two: Two) -> None:
        row = {"org_id": two.b.org_id, "last_seq": 1, "pruned_seq": 0}
        from camel_ext.core.models import FeedHead

        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            two.database.begin(two.a) as connection,
        ):
            connection.execute(insert(FeedHead).execution_options(**PAST_OURS), [row])

    def test_another_project_of_the_organisation_is_another_tenant(self, two: Two) -> None:
        with two.database.begin(Tenant(two.a.org_id, uuid4())) as connection:
            assert owners(connection) == set()

    def test_the_house_itself_says_why_it_looks_at_all(self, two: Two) -> None:
        with two.database.begin("a test") as connection:
            assert owners(connection) == {two.a.org_id, two.b.org_id}
            said = connection.exec_driver_sql("SELECT current_setting('camel_ext.system')")
            assert said.scalar() == "a test"
        with two.database.begin("schedules") as connection:  # which is a table's name, too
            assert owners(connection) == {two.a.org_id, two.b.org_id}

    @pytest.mark.parametrize("who", ["tenant", "system"])
    def test_a_pooled_connection_carries_nothing_over(self, two: Two, who: str) -> None:
        alone = Database(two.url, readers=1)
        pids = set()
        for acting in (two.a if who == "tenant" else "a test", None):
            with alone.begin(acting) as connection:
                pids.add(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar())
                seen = owners(connection)
        assert len(pids) == 1
        assert seen == set()
        alone.close()

    def test_a_session_whose_hook_is_gone_sees_its_own_rows(self, two: Two) -> None:
        """Goal S2: the first wall taken away, other tenants' rows stay out of reach."""

        def look(session: Session) -> set[UUID]:
            return owners(session.connection())

        assert two.database.read(two.a, look) == {two.a.org_id}
        assert two.database.read(None, look) == set()
        assert two.database.read_system("test", look) == {two.a.org_id, two.b.org_id}

    def test_it_costs_no_statement(self, two: Two) -> None:
        seen: list[str] = []
        event.listen(
            two.database.reader, "before_cursor_execute", lambda *told: seen.append(told[2])
        )
        assert jobs_of(two, two.a) == 1
        assert [words.partition(" ")[0] for words in seen] == ["SELECT"]


def jobs_of(two: Two, tenant: Tenant) -> int:
    def count(session: Session) -> int:
        return bind_tenant(session, tenant).scalar(select(func.count(Job.id))) or 0

    return two.database.read(tenant, count)


@pytest.fixture
def roles(postgres_server: str) -> Iterator[tuple[str, str]]:
    with two_roles(postgres_server) as urls:
        yield urls


@pytest.mark.slow
async def test_a_role_that_owns_nothing_works(roles: tuple[str, str]) -> None:
    owner, app = roles
    database = Database(owner)
    migrate(database)
    database.close()
    runtime = Runtime(Database(app), SystemClock(), Random(7), ThreadLanes())
    tenant = Tenant(uuid4(), uuid4())
    migrate(runtime.database)  # nothing to do, and no right to do it
    await runtime.write(tenant, ask, runtime)
    assert await runtime.read(tenant, lambda db: len(db.scalars(select(Job)).all())) == 1
    assert await runtime.read(None, lambda db: len(owners(db.connection()))) == 0
    with runtime.database.begin() as connection:
        assert not passes_by(connection)
        with pytest.raises(ProgrammingError, match="must be owner"):
            connection.exec_driver_sql("ALTER TABLE workers DISABLE ROW LEVEL SECURITY")
    await runtime.close()


@pytest.mark.slow
def test_a_superuser_is_known_to_walk_past(postgres_server: str) -> None:
    database = Database(postgres_server)
    with database.begin() as connection:
        assert passes_by(connection)
    database.close()


def test_a_reason_says_no_sql() -> None:
    with acting_as("x'; DROP TABLE jobs --"):
        assert beginning() == ("BEGIN", "SET LOCAL camel_ext.system = 'x DROP TABLE jobs --'")
    with acting_as("';"):
        assert beginning() == ("BEGIN", "SET LOCAL camel_ext.system = 'system'")
    assert beginning() == ("BEGIN",)
