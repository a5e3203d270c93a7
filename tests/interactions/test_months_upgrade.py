"""A log of before becomes one of months while it is written to: nothing is lost, refused or done twice."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.ids import uuid7
from camel_ext.core.migrate import alembic_config, current_revision, migrate, newest_revision
from camel_ext.core.models import to_micros
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant, system_options
from camel_ext.core.threads import ThreadLanes
from camel_ext.interactions import read_external_ids
from camel_ext.interactions.months import keep_up
from tests.fakes.clock import FakeClock
from tests.interactions.months import as_owner, ask, month, part_of
from tests.interactions.old_calls import DAY, old_talk
from tests.postgres import create_database, url_of

TENANT = Tenant(UUID(int=1), UUID(int=2))
LOGS = ("interactions", "interaction_bodies")
pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def before(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Database]:
    """A database as 0020 left it."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    else:
        server, name = request.getfixturevalue("postgres_server"), f"old_{uuid4().hex}"
        create_database(server, name)
        database = Database(url_of(server, name))
    go(database, command.upgrade, "0020")
    yield database
    database.close()


def go(database: Database, way: Any, revision: str) -> None:
    with database.begin("test") as connection:
        config = alembic_config()
        options = system_options("test")
        config.attributes["connection"] = connection.execution_options(**options)
        way(config, revision)


def old_row(number: int, days: float, external_id: str | None) -> dict[str, Any]:
    """A call as a server of before writes it."""
    clock = FakeClock(SystemClock().now() - days * DAY)
    return {
        "org_id": TENANT.org_id, "project_id": TENANT.project_id, "id": uuid7(clock, Random(number)),
        "principal_id": UUID(int=7), "source": "import", "external_id": external_id, "purpose": "run",
        "model_version_id": UUID(int=1), "engine": "local", "prompt_hash": "", "prefix_hash": "",
        "prompt_messages": 1, "params": "{}", "total_ms": 1.0, "cost_usd_micros": 3,
        "prompt_preview": f"call {number}", "answer_preview": "", "created_at": to_micros(clock.now()),
    }  # fmt: skip


def write(database: Database, rows: list[dict[str, Any]]) -> None:
    """Write calls and bodies as SQL, which is the same before and after."""
    body = {"keep_messages": 0, "messages": "", "envelope": "{}", "cuts": "[]"}
    bodies = [{n: row[n] for n in ("org_id", "project_id", "id")} | body for row in rows]
    with database.begin("test") as connection:
        marked = connection.execution_options(**system_options("test"))
        for table, some in zip(LOGS, (rows, bodies), strict=True):
            names = ", ".join(some[0])
            places = ", ".join("?" if database.is_sqlite else "%s" for _ in some[0])
            for row in some:
                values = tuple(
                    each.hex if database.is_sqlite and isinstance(each, UUID) else each
                    for each in row.values()
                )
                marked.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({places})", values)  # noqa: S608


def keys(database: Database) -> dict[str, UUID]:
    with database.begin("test") as connection:
        marked = connection.execution_options(**system_options("test"))
        found = marked.exec_driver_sql(
            "SELECT external_id, interaction_id FROM interaction_external_ids"
        )
        return {row[0]: UUID(str(row[1])) for row in found}


def old_rows(count: int = 40) -> list[dict[str, Any]]:
    """Calls of five months, every third with an external id."""
    return [old_row(n, 4 * (count - n), f"x{n}" if n % 3 == 0 else None) for n in range(count)]


def url(database: Database) -> str:
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


async def test_what_was_there_stays_and_is_used_once(before: Database) -> None:
    rows = old_rows()
    write(before, rows)
    migrate(before)
    assert current_revision(before) == newest_revision()
    assert keys(before) == {row["external_id"]: row["id"] for row in rows if row["external_id"]}
    runtime = Runtime(before, SystemClock(), Random(), ThreadLanes())
    assert await runtime.read(TENANT, read_external_ids, "import", "x1") == {"x12", "x15", "x18"}
    (new,) = await old_talk(runtime, TENANT, 1, days=0)
    if not before.is_sqlite:
        assert {part_of(url(before), row["id"]) for row in rows} == {"interactions_first"}
        assert part_of(url(before), new) == "interactions_first", "until months begin"
        numbers = ask(url(before), "SELECT ingest_seq FROM interactions ORDER BY ingest_seq")
        assert numbers == list(range(1, len(rows) + 2))
        assert ask(
            url(before), "SELECT count(*) FROM pg_constraint WHERE conname LIKE 'ck_before%%'"
        ) == [0]
        (there,) = await old_talk(runtime, TENANT, 1, days=-65)
        assert part_of(url(before), there) in {month(2), "interactions_default"}


async def test_a_downgrade_gives_one_table_again(before: Database) -> None:
    rows = old_rows(9)
    write(before, rows)
    migrate(before)
    go(before, command.downgrade, "0020")
    write(before, [old_row(100, 1, "y")])
    with pytest.raises(Exception, match=r"(?i)unique"):
        write(before, [old_row(101, 1, "y")])
    migrate(before)
    assert set(keys(before)) == {"x0", "x3", "x6", "y"}


def revision() -> ModuleType:
    found = ScriptDirectory.from_config(alembic_config()).get_revision("0021")
    return found.module


@pytest.fixture
def old_postgres(postgres_server: str) -> Iterator[Database]:
    name = f"old_{uuid4().hex}"
    create_database(postgres_server, name)
    database = Database(url_of(postgres_server, name))
    go(database, command.upgrade, "0020")
    yield database
    database.close()


class TestOnPostgres:
    @pytest.mark.parametrize("step", range(1, 8))
    def test_killed_at_each_step_it_goes_on(
        self, old_postgres: Database, step: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Dead after so many statements, with a server of before that goes on writing between."""

        class Died(BaseException):
            """The process is gone."""

        write(old_postgres, old_rows())
        module = revision()
        monkeypatch.setattr(module, "FILL_ROWS", 10)
        left = step * 4

        def say(connection: Any, sql: str) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise Died
            return connection.exec_driver_sql(sql, execution_options={"no_parameters": True})

        with monkeypatch.context() as dying:
            dying.setattr(module, "_say", say)
            with suppress(Died):
                module.prepare(old_postgres)
        write(old_postgres, [old_row(200 + step, 0, f"between{step}")])
        migrate(old_postgres)
        named = {f"x{n}" for n in range(0, 40, 3)} | {f"between{step}"}
        assert set(keys(old_postgres)) == named
        assert ask(url(old_postgres), "SELECT count(*) FROM interactions") == [41]

    def test_servers_of_before_go_on_writing_meanwhile_and_after(
        self, old_postgres: Database
    ) -> None:
        rows = old_rows(200)
        write(old_postgres, rows)
        ended, written, errors = threading.Event(), list[dict[str, Any]](), list[Exception]()
        other = Database(url(old_postgres))

        def work() -> None:
            number = 1000
            while not ended.is_set():
                row = old_row(number, 0, f"x{number}")
                try:
                    write(other, [row])
                except Exception as error:
                    errors.append(error)
                    return
                written.append(row)
                number += 1

        worker = threading.Thread(target=work)
        worker.start()
        while not written and not errors:
            worker.join(0.01)
        migrate(old_postgres)
        since = len(written)
        while len(written) < since + 3 and not errors:
            worker.join(0.01)
        ended.set()
        worker.join()
        other.close()
        assert errors == []
        assert keys(old_postgres) == {
            row["external_id"]: row["id"] for row in [*rows, *written] if row["external_id"]
        }
        with pytest.raises(Exception, match="used once"):
            write(old_postgres, [old_row(5000, 0, written[-1]["external_id"])])

    def test_rows_of_no_month_are_put_aside(self, old_postgres: Database) -> None:
        far = old_row(1, -500, None)
        write(old_postgres, [*old_rows(5), far])
        migrate(old_postgres)
        assert part_of(url(old_postgres), far["id"]) == "interactions_default"
        assert (
            part_of(url(old_postgres), far["id"], "interaction_bodies")
            == "interaction_bodies_default"
        )

    def test_the_swap_looks_at_no_row(self, old_postgres: Database) -> None:
        """It holds everybody up: what the first partition promises was validated before."""
        write(old_postgres, old_rows())
        revision().prepare(old_postgres)
        query = "SELECT conrelid::regclass::text FROM pg_constraint WHERE conname LIKE 'ck_before%%' AND convalidated"
        assert set(ask(url(old_postgres), query)) == set(LOGS)

    async def test_rights_given_by_hand_are_kept(
        self, old_postgres: Database, postgres_server: str
    ) -> None:
        role = f"reader_{uuid4().hex[:8]}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {role} LOGIN")
        with as_owner(url(old_postgres)) as connection:
            connection.execute(f"GRANT SELECT ON interactions TO {role}")
        write(old_postgres, old_rows(3))
        migrate(old_postgres)
        runtime = Runtime(old_postgres, SystemClock(), Random(), ThreadLanes())
        await keep_up(runtime)
        named = old_postgres.url.set(drivername="postgresql", username=role)
        assert ask(
            named.render_as_string(hide_password=False), "SELECT count(*) FROM interactions"
        ) == [3]
