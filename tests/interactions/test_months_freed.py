"""An emptied month's disk is free at once, on PostgreSQL; nothing that anybody has is lost by it."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database, LockTooLong
from camel_ext.core.queue import TASKS
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.interactions import months as log_months
from camel_ext.interactions.archived import keep_archives_in
from camel_ext.interactions.models import RESTORE, SWEEP
from camel_ext.interactions.retention import start_restore
from tests.interactions.months import as_owner, ask
from tests.interactions.old_calls import (
    archives,
    done,
    in_hand,
    old_talk,
    places,
    read_all,
    started,
)
from tests.postgres import temporary_copy, two_roles

pytestmark = pytest.mark.slow
TENANT, OTHER = Tenant(UUID(int=1), UUID(int=2)), Tenant(uuid4(), uuid4())
PART = "interaction_bodies_first"  # whose months are over
TURNS = 120
EMPTY_BYTES = 32_768  # of its indexes and of what is stored aside


@pytest.fixture
async def divided(
    postgres_server: str, postgres_template: str, tmp_path: Path
) -> AsyncIterator[Runtime]:
    with temporary_copy(postgres_server, postgres_template) as url:
        runtime = Runtime(Database(url), SystemClock(), Random(), ThreadLanes())
        keep_archives_in(runtime.database, tmp_path / "archive")
        yield runtime
        await runtime.close()


def size_bytes(runtime: Runtime) -> int:
    (size,) = ask(runtime, "SELECT pg_total_relation_size(%s)", PART)
    return int(size)


async def swept(runtime: Runtime, tenant: Tenant = TENANT, **wanted: Any) -> None:
    await started(runtime, tenant, older_than_days=30, **wanted)
    await done(runtime, tenant, SWEEP)


@pytest.mark.parametrize("archive", [True, False], ids=["archived", "erased"])
async def test_it_is_free_when_the_sweep_ends(divided: Runtime, archive: bool) -> None:
    old = await old_talk(divided, TENANT, TURNS, days=90)
    fresh = await old_talk(divided, TENANT, 2, days=0)
    before, words = size_bytes(divided), await read_all(divided, TENANT, fresh)
    assert before > 3 * EMPTY_BYTES
    await swept(divided, archive=archive)
    assert size_bytes(divided) <= EMPTY_BYTES
    assert ask(divided, "SELECT count(*) FROM interactions") == [TURNS + 2]
    assert await read_all(divided, TENANT, fresh) == words
    here, away, erased = await places(divided, TENANT)
    assert (here, away | erased) == (set(fresh), set(old))


async def test_what_comes_back_finds_its_place(divided: Runtime) -> None:
    old = await old_talk(divided, TENANT, TURNS, days=90)
    words = await read_all(divided, TENANT, old)
    await swept(divided)
    (archive,) = await archives(divided, TENANT)
    await divided.write(TENANT, start_restore, divided.clock, divided.new_id, archive.id)
    context = await in_hand(divided, TENANT, RESTORE)
    await TASKS[RESTORE](context, **context.job.args)
    assert await read_all(divided, TENANT, old) == words
    assert (await places(divided, TENANT))[0] == set(old)


async def test_what_another_tenant_has_there_stays(divided: Runtime) -> None:
    """Also where whoever asks sees none of it: the function looks past the policies, and tells nothing."""
    theirs = await old_talk(divided, OTHER, 3, days=95)
    words = await read_all(divided, OTHER, theirs)
    await old_talk(divided, TENANT, TURNS, days=90)
    await swept(divided)
    url = divided.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    free, said = (
        f"SELECT camel_ext_free_month('{PART}')",
        "SELECT current_setting('camel_ext.system', true)",
    )
    with psycopg.connect(url) as nobody:
        assert nobody.execute(f"SELECT count(*) FROM {PART}").fetchone() == (0,)  # noqa: S608
        assert nobody.execute(free).fetchone() == (0,)
        assert nobody.execute(said).fetchone() in [("",), (None,)]
        assert nobody.execute(f"SELECT count(*) FROM {PART}").fetchone() == (0,)  # noqa: S608
    assert await read_all(divided, OTHER, theirs) == words
    await swept(divided, OTHER)
    assert size_bytes(divided) <= EMPTY_BYTES


async def test_what_is_in_use_is_left_for_the_next_time(divided: Runtime) -> None:
    await old_talk(divided, TENANT, TURNS, days=90)
    with as_owner(divided) as reader:
        reader.autocommit = False
        reader.execute("SELECT count(*) FROM interaction_bodies")  # and goes on
        before = size_bytes(divided)
        await swept(divided)
        assert size_bytes(divided) == before
        with pytest.raises(LockTooLong):
            await divided.write_system("test", log_months.free_month, PART)
        reader.rollback()
    assert await log_months.free_emptied(divided) > 0
    assert size_bytes(divided) <= EMPTY_BYTES


async def test_what_came_since_an_older_snapshot_is_not_lost(divided: Runtime) -> None:
    with as_owner(divided) as connection:
        connection.autocommit = False
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1")
        old = await old_talk(divided, TENANT, 3, days=90)
        with pytest.raises(psycopg.errors.RaiseException, match="older snapshot"):
            connection.execute("SELECT camel_ext_free_month(%s)", (PART,))
        connection.rollback()
    assert set(await read_all(divided, TENANT, old)) == set(old)


async def test_a_sweep_that_dies_before_it_frees_is_made_up_for(
    divided: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        """The process is gone."""

    async def die(_runtime: Runtime) -> int:
        raise Died

    await old_talk(divided, TENANT, TURNS, days=90)
    with monkeypatch.context() as patched:
        patched.setattr(log_months, "free_emptied", die)
        with pytest.raises(Died):
            await swept(divided)
    assert size_bytes(divided) > 3 * EMPTY_BYTES
    await log_months.keep_up(divided)
    assert size_bytes(divided) <= EMPTY_BYTES


async def test_a_role_that_owns_nothing_frees_it(postgres_server: str, tmp_path: Path) -> None:
    from camel_ext.core.migrate import migrate

    with two_roles(postgres_server) as (owner, app):
        database = Database(owner)
        migrate(database)
        database.close()
        runtime = Runtime(Database(app), SystemClock(), Random(), ThreadLanes())
        keep_archives_in(runtime.database, tmp_path)
        await old_talk(runtime, TENANT, TURNS, days=90)
        await swept(runtime)
        assert size_bytes(runtime) <= EMPTY_BYTES
        await runtime.close()
