"""The log by months on PostgreSQL: where rows lie, how months come, and whose they are."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import make_url, select

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database, LockTooLong
from camel_ext.core.ids import uuid7
from camel_ext.core.journal import Append, AppendRefused
from camel_ext.core.migrate import migrate
from camel_ext.core.paging import Place
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.interactions import (
    InteractionFilter,
    list_interactions,
    months_seen,
    read_external_ids,
)
from camel_ext.interactions.models import Interaction, InteractionBody
from camel_ext.interactions.months import MARGIN, Months, agreed, first_id, keep_up, read_months
from tests.fakes.clock import FakeClock
from tests.interactions.calls import MODEL, answer, asker, prompt, user
from tests.interactions.conftest import Record
from tests.interactions.months import MONTHS, as_owner, ask, drop_months, month, part_of
from tests.interactions.old_calls import DAY, old_recorder, old_talk, read_all
from tests.postgres import temporary_copy, two_roles

TENANT = Tenant(UUID(int=1), UUID(int=2))
LOGS = ("interactions", "interaction_bodies")


@pytest.fixture
async def divided(postgres_server: str, postgres_template: str) -> AsyncIterator[Runtime]:
    """A runtime on PostgreSQL."""
    with temporary_copy(postgres_server, postgres_template) as url:
        runtime = running(url)
        yield runtime
        await runtime.close()


def running(url: str) -> Runtime:
    return Runtime(Database(url), SystemClock(), Random(), ThreadLanes())


async def recorded(runtime: Runtime, days_ahead: float = 0, tenant: Tenant = TENANT) -> UUID:
    """Record a call at that time; its id."""
    return (await old_talk(runtime, tenant, 1, days=-days_ahead))[0]


@pytest.mark.slow
class TestWhereRowsLie:
    async def test_a_call_lies_in_its_month(self, divided: Runtime) -> None:
        one = await recorded(divided)
        assert part_of(divided, one) == month()
        assert part_of(divided, one, "interaction_bodies") == month(log="interaction_bodies")
        assert ask(divided, "SELECT count(*) FROM interactions_default") == [0]

    async def test_what_no_month_takes_is_kept_all_the_same_and_told(
        self, divided: Runtime, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert not (await divided.read_system("test", read_months)).outside
        far = await recorded(divided, days_ahead=400)
        near = await recorded(divided)
        assert part_of(divided, far) == "interactions_default"
        assert set(await read_all(divided, TENANT, [far, near])) == {far, near}
        page = await divided.read(TENANT, list_interactions, InteractionFilter(), Place())
        assert [row["id"] for row in page.items] == [far, near]
        with caplog.at_level(logging.WARNING, "camel_ext.interactions.months"):
            await keep_up(divided)
        assert "outside of all months" in caplog.text
        told = await divided.read_system("test", read_months)
        assert (told.outside, told.count) == (True, 4)
        assert months_seen(divided) == told

    async def test_an_order_of_commit_over_all_parts(self, divided: Runtime) -> None:
        ids = [await recorded(divided, days) for days in (0, -400, 400, 0)]
        query = select(Interaction.id).order_by(Interaction.ingest_seq)
        assert await divided.read(TENANT, lambda db: list(db.scalars(query))) == ids


@pytest.mark.slow
class TestMonthsToCome:
    async def test_are_made_ahead_and_take_what_came_before_them(self, divided: Runtime) -> None:
        drop_months(divided, 1, 2)
        late = await recorded(divided, days_ahead=32)  # the next month, or the one after
        assert part_of(divided, late) == "interactions_default"
        before = await read_all(divided, TENANT, [late])
        await keep_up(divided)
        assert part_of(divided, late) in (month(1), month(2))
        assert part_of(divided, late, "interaction_bodies").startswith("interaction_bodies_2")
        assert await read_all(divided, TENANT, [late]) == before
        told = await divided.read_system("test", read_months)
        assert (told.count, told.outside) == (4, False)
        assert told.until > SystemClock().now() + timedelta(days=58)

    async def test_are_made_by_a_role_that_owns_nothing(self, postgres_server: str) -> None:
        with two_roles(postgres_server) as (owner, app):
            database = Database(owner)
            migrate(database)
            database.close()
            drop_months(owner, 1, 2)
            runtime = running(app)
            await keep_up(runtime)
            assert ask(owner, MONTHS) == sorted(
                ["interactions_default", "interactions_first", month(), month(1), month(2)]
            )
            (held_by,) = ask(
                owner, "SELECT tableowner FROM pg_tables WHERE tablename = %s", month(2)
            )
            assert held_by == make_url(owner).username
            one = await recorded(runtime)
            assert part_of(owner, one) == month()
            with (
                psycopg.connect(app) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(f"DROP TABLE {month(2)}")
            await runtime.close()

    async def test_are_made_once_by_two_at_once(self, divided: Runtime) -> None:
        other = running(divided.database.url.render_as_string(hide_password=False))
        for _ in range(3):
            drop_months(divided, 1, 2)
            await asyncio.gather(keep_up(divided), keep_up(other), keep_up(divided))
            assert ask(divided, MONTHS) == sorted(
                ["interactions_default", "interactions_first", month(), month(1), month(2)]
            )
        await other.close()

    async def test_wait_for_nobody_and_nobody_waits_for_them(self, divided: Runtime) -> None:
        drop_months(divided, 2)
        with as_owner(divided) as reader:
            reader.autocommit = False
            reader.execute("SELECT count(*) FROM interactions")  # and goes on
            with pytest.raises(LockTooLong):
                await keep_up(divided)
            await recorded(divided)
            reader.rollback()
        await keep_up(divided)
        assert month(2) in ask(divided, MONTHS)

    async def test_have_what_the_last_one_has(self, divided: Runtime) -> None:
        drop_months(divided, 2)
        with as_owner(divided) as connection:
            name = month(1, "interaction_bodies")
            connection.execute(f"ALTER TABLE {name} SET (toast_tuple_target = 4080)")
        await keep_up(divided)
        options = "SELECT reloptions FROM pg_class WHERE relname = %s"
        assert ask(divided, options, month(2, "interaction_bodies")) == [
            ["toast_tuple_target=4080"]
        ]
        counted = "SELECT count(*) FROM pg_indexes WHERE tablename = %s"
        assert ask(divided, counted, month(2)) == ask(divided, counted, month())

    async def test_a_function_is_asked_for_little(self, divided: Runtime) -> None:
        for said in ("'jobs', 1", "'interactions', 13", "'interactions', -1"):
            with pytest.raises(psycopg.errors.InvalidParameterValue):
                ask(divided, f"SELECT camel_ext_add_month({said})")
        assert ask(divided, "SELECT camel_ext_free_month('jobs')") == [0]


@pytest.mark.slow
async def test_each_part_stands_behind_the_wall_by_its_own_name(divided: Runtime) -> None:
    other = Tenant(uuid4(), uuid4())
    drop_months(divided, 2)
    await keep_up(divided)
    for days in (-400, 0, 62, 400):
        await recorded(divided, days)
    url = divided.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    seen = 0
    for part in ask(divided, "SELECT inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c "
                    "ON c.oid = i.inhrelid WHERE c.relkind = 'r'"):  # fmt: skip
        counted = f"SELECT count(*) FROM {part}"  # noqa: S608
        seen += ask(divided, counted)[0]
        with psycopg.connect(url) as connection:
            for org_id, project_id in (("", ""), (str(other.org_id), str(other.project_id))):
                said = "SELECT set_config('camel_ext.org_id', %s, true), set_config('camel_ext.project_id', %s, true)"
                connection.execute(said, (org_id, project_id))
                assert connection.execute(counted).fetchone() == (0,), part
                assert connection.execute(f"DELETE FROM {part}").rowcount == 0  # noqa: S608
    assert seen == 8


class TestAnExternalId:
    async def test_is_used_once_over_all_months(
        self, runtime: Runtime, tenant: Tenant, record: Record
    ) -> None:
        old, _ = old_recorder(400)
        first = old.record(asker(tenant, external_id="x"), MODEL, prompt([user("a")]), answer("b"))
        await runtime.gate.append(Append(tenant, first.entries))
        with pytest.raises(AppendRefused):
            await record("one", external_id="x")
        await record("one", external_id="x", source="elsewhere")
        assert await runtime.read(tenant, read_external_ids, asker(tenant).source, "") == {"x"}

    async def test_of_two_at_once_one_is_refused_and_leaves_nothing(
        self, runtime: Runtime, tenant: Tenant, record: Record
    ) -> None:
        url = runtime.database.url.render_as_string(hide_password=False)
        other = runtime if runtime.database.is_sqlite else running(url)
        recorder, _ = old_recorder(90)
        for number in range(8):
            who = asker(tenant, external_id=f"x{number}")
            made = recorder.record(who, MODEL, prompt([user("a")]), answer("b"))
            ended = await asyncio.gather(
                other.gate.append(Append(tenant, made.entries)),
                record("one", external_id=f"x{number}"),
                return_exceptions=True,
            )
            assert [type(each) for each in ended if each is not None].count(AppendRefused) == 1
        query = select(Interaction.external_id).order_by(Interaction.external_id)
        kept = await runtime.read(tenant, lambda db: list(db.scalars(query)))
        assert kept == [f"x{number}" for number in range(8)]
        bodies = await runtime.read(tenant, lambda db: list(db.scalars(select(InteractionBody.id))))
        assert len(bodies) == 8
        if other is not runtime:
            await other.close()


class TestTimesAndIds:
    def test_agree_where_no_clock_jumped(self) -> None:
        clock = FakeClock(datetime(2026, 5, 1, tzinfo=UTC))
        one = uuid7(clock, Random(1))
        at = datetime(2026, 5, 1, tzinfo=UTC)
        for later in (timedelta(0), timedelta(hours=5), -timedelta(days=2), MARGIN, -MARGIN):
            assert agreed(one, at + later) == at + later
        assert agreed(one, at + 2 * MARGIN) == at + MARGIN
        assert agreed(one, at - 300 * DAY) == at - MARGIN
        assert agreed(uuid4(), at) == at
        assert first_id(at) < one < first_id(at + timedelta(milliseconds=1))

    async def test_of_a_clock_that_jumped_the_row_is_still_found(
        self, runtime: Runtime, tenant: Tenant, record: Record
    ) -> None:
        recorder, clock = old_recorder(300)
        early = uuid7(clock, Random(3))
        clock.jump(timedelta(days=200).total_seconds())
        made = recorder.record(
            asker(tenant), MODEL, prompt([user("a")]), answer("b"), interaction_id=early
        )
        await runtime.gate.append(Append(tenant, made.entries))
        await record("now")
        query = select(Interaction.created_at).where(Interaction.id == early)
        at = await runtime.read(tenant, lambda db: db.scalars(query).one())
        around = InteractionFilter(since=at - DAY, until=at + DAY)
        page = await runtime.read(tenant, list_interactions, around, Place())
        assert [row["id"] for row in page.items] == [early]


@pytest.mark.parametrize(
    "wish", [{}, {"tag": "t"}, {"text": "begin"}, {"failed": False}, {"session": "s"}]
)
async def test_pages_of_a_time_are_the_same_over_months(
    runtime: Runtime, tenant: Tenant, wish: dict[str, object]
) -> None:
    """Every page by time and cursor, forth and back, beside what a filter by hand gives."""
    made = []
    for days in range(0, 150, 10):
        made += await old_talk(runtime, tenant, 1, days=days, session="s", tags=("t",))
    now, ids = SystemClock().now(), made
    for since, until in ((145, -1), (95, 35), (61, 59), (35, 5)):
        filters = {"since": now - since * DAY, "until": now - until * DAY, **wish}
        wanted = InteractionFilter.model_validate(filters)
        expected = [each for n, each in enumerate(ids) if until < 10 * n < since]
        seen, place = list[UUID](), Place(2)
        while True:
            page = await runtime.read(tenant, list_interactions, wanted, place)
            seen += [row["id"] for row in page.items]
            if page.next_cursor is None:
                break
            last = page.items[-1]
            place = Place(2, after=(last["created_at"], last["id"]))
        assert seen == expected
        oldest = Place(50, before=(now - 200 * DAY, UUID(int=0)))
        page = await runtime.read(tenant, list_interactions, wanted, oldest)
        assert [row["id"] for row in page.items] == expected


@pytest.mark.parametrize(
    ("until", "ahead"),
    [((2027, 2), 2), ((2027, 1), 1), ((2026, 12), 0), ((2026, 11), -1), ((2027, 12), 12)],
)
def test_months_ahead_are_those_beyond_this_one(until: tuple[int, int], ahead: int) -> None:
    months = Months(5, datetime(*until, 1, tzinfo=UTC), outside=False)
    assert months.ahead(datetime(2026, 11, 30, 23, tzinfo=UTC)) == ahead
