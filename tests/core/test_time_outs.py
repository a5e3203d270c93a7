"""What takes too long on PostgreSQL is ended, said so, and may be tried again; migrations may take long."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from camel_ext.core.database import (
    Database,
    DatabaseUnreachable,
    Limits,
    LockTooLong,
    StatementTooLong,
)
from tests.postgres import temporary_copy

QUICK = Limits(statement_s=0.3, lock_s=0.2, idle_transaction_s=0.4)


@pytest.fixture
def quick(postgres_server: str, postgres_template: str) -> Iterator[Database]:
    with temporary_copy(postgres_server, postgres_template) as url:
        database = Database(url, limits=QUICK)
        yield database
        database.close()


def sleep(connection: Connection, seconds: float) -> None:
    connection.exec_driver_sql("SELECT pg_sleep(%s)", (seconds,))


@pytest.mark.slow
class TestLimits:
    def test_a_long_statement_is_ended(self, quick: Database) -> None:
        began_s = time.monotonic()
        with pytest.raises(StatementTooLong) as caught, quick.begin("test") as connection:
            sleep(connection, 20)
        assert time.monotonic() - began_s < 5
        assert (caught.value.status, caught.value.retryable) == (503, True)
        assert not isinstance(caught.value, DatabaseUnreachable)  # which the queue waits out
        with quick.begin("test") as connection:
            sleep(connection, 0)  # the pool is fine

    def test_a_migration_may_take_long(self, quick: Database) -> None:
        with quick.begin_long("test") as connection:
            sleep(connection, 0.6)
        with pytest.raises(StatementTooLong), quick.begin("test") as connection:
            sleep(connection, 0.6)  # what was lifted ended with its transaction

    def test_a_lock_is_not_waited_for_long(self, quick: Database) -> None:
        with quick.begin("test") as first:
            first.exec_driver_sql("SELECT pg_advisory_xact_lock(4711)")
            with pytest.raises(LockTooLong), quick.begin("test") as second:
                second.exec_driver_sql("SELECT pg_advisory_xact_lock(4711)")

    def test_a_stuck_process_holds_no_locks(self, quick: Database) -> None:
        with pytest.raises(DatabaseUnreachable):
            self._stuck(quick)

    def test_nor_does_one_that_sent_many_rows(self, quick: Database) -> None:
        """What goes in one message ends so that the server counts on."""

        def stuck() -> None:
            with quick.begin("test") as connection:
                connection.exec_driver_sql("SELECT 1")
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", [(4713,), (4713,)])
                time.sleep(0.8)
                with quick.begin("test") as other:
                    other.exec_driver_sql("SELECT pg_advisory_xact_lock(4713)")
                connection.exec_driver_sql("SELECT 1")

        with pytest.raises(DatabaseUnreachable):
            stuck()

    def _stuck(self, quick: Database) -> None:
        with quick.begin("test") as stuck:
            stuck.exec_driver_sql("SELECT pg_advisory_xact_lock(4712)")
            time.sleep(0.8)
            with quick.begin("test") as other:
                other.exec_driver_sql("SELECT pg_advisory_xact_lock(4712)")
            stuck.exec_driver_sql("SELECT 1")

    def test_zero_is_no_limit(self, quick: Database) -> None:
        url = quick.url.render_as_string(hide_password=False)
        free = Database(url, limits=Limits(0, 0, 0))
        with free.begin("test") as connection:
            sleep(connection, 0.5)
            shown = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout")
            assert shown.scalar() == "0"
        free.close()
