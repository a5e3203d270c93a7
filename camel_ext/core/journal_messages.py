"""The journal on PostgreSQL: a batch goes to the server in two messages, not in ten.

Each statement of its own costs a message there, one back and two changes of process, which is most of
what a batch costs. So locks, fences, rows and what is to be numbered go together (libpq's pipeline), and
then the events with their numbers; the commit is the third. It is tried as if all were well. Where it is
not, nothing of it is kept, and `apply_appends` writes append by append and says which was at fault.

The statements and their order are the same; it adds no way past the tenants' walls: only what is marked
as the journal's own goes this way, after each append was compared with its tenant.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from psycopg import Cursor, Error
from sqlalchemy import ARRAY, Connection, Dialect, Executable, Uuid, any_, bindparam, or_, select
from sqlalchemy.exc import CompileError

from camel_ext.core.bulk import as_one
from camel_ext.core.database import held_alone
from camel_ext.core.errors import CamelExtError
from camel_ext.core.journal import (
    HELD_AND_LOCKED,
    INSERT_OUTBOX,
    JOURNAL_LOCK,
    UNFIT,
    Append,
    Plan,
    check,
    fences_of,
    grouped,
    is_journalled,
    plan_of,
)
from camel_ext.core.models import FeedHead, OutboxRow
from camel_ext.core.numbering import (
    DISPATCH_ROWS,
    MARK,
    MOVE_HEAD,
    NEW_HEAD,
    NUMBER,
    NUMBERING_LOCK,
    Heads,
    spans,
)
from camel_ext.core.postgres import PatientConnection

Rows = list[dict[str, Any]]
SAVEPOINT, BACK = "SAVEPOINT journal", "ROLLBACK TO SAVEPOINT journal"


class _Unfit(Exception):
    """This batch is for the careful way."""


def written_at_once(connection: Connection, appends: Sequence[Append]) -> bool:
    """Write a batch in two messages; tell whether that was done. Where it was not, nothing is kept."""
    try:
        batch = _Batch(connection.dialect, appends)
    except _Unfit:
        return False
    driver = cast(PatientConnection, connection.connection.driver_connection)
    try:
        batch.write(driver)
    except (_Unfit, Error, *UNFIT):
        # The careful way meets the error again, and knows whose it is; a lost connection says so here.
        connection.exec_driver_sql(BACK)
        return False
    return True


class _Batch:
    """A batch as the driver takes it."""

    def __init__(self, dialect: Dialect, appends: Sequence[Append]) -> None:
        self._dialect = dialect
        self._appends = appends
        self._jobs = list({append.job_id for append in appends if append.job_id is not None})
        self._events: list[Rows] = []
        self._writes: list[tuple[str, list[tuple[Any, ...]]]] = []
        for statement, rows in grouped(appends):
            if statement is INSERT_OUTBOX:
                self._events.append(rows)
            else:
                self._writes.append(self._filled(statement, rows))

    def _filled(self, statement: Executable, rows: Rows) -> tuple[str, list[tuple[Any, ...]]]:
        if not is_journalled(statement):
            raise _Unfit
        if (whole := as_one(statement, rows, self._dialect)) is not None:
            return whole[0], [whole[1:]]
        try:
            plan = plan_of(statement, tuple(rows[0]), self._dialect)
            if plan is not None:
                return plan.sql, [plan.fill(row) for row in rows]
        except (CompileError, *UNFIT):
            pass
        raise _Unfit

    def write(self, driver: PatientConnection) -> None:
        """Send all of it, and read the answers.

        Raises: _Unfit, and what the driver does.
        """
        held = pending = heads = None
        with driver.one_message():
            driver.execute(SAVEPOINT)
            driver.execute(_locks(self._dialect))
            if self._jobs:
                held = self._ask(driver, HELD_AND_LOCKED, {"ids": self._jobs})
            for sql, rows in self._writes:
                driver.cursor().executemany(sql, rows)
            if self._events:
                orgs = {row["org_id"] for rows in self._events for row in rows}
                pending = self._ask(driver, _PENDING, {})
                heads = self._ask(driver, _HEADS, {"orgs": list(orgs)})
        self._check(held)
        if pending is not None and heads is not None:
            self._announce(driver, pending.fetchall(), Heads(heads.fetchall()))

    def _check(self, held: "Cursor[Any] | None") -> None:
        fences = fences_of(() if held is None else held.fetchall())
        try:
            for append in self._appends:
                check(append, fences)
        except CamelExtError:
            raise _Unfit from None

    def _announce(self, driver: PatientConnection, pending: Sequence[Any], heads: Heads) -> None:
        """Number what others committed before, and write our events behind it."""
        if len(pending) == DISPATCH_ROWS:
            raise _Unfit  # there may be more of it
        places = [(row_id, heads.take(org_id)) for row_id, org_id in pending]
        numbered = [
            [row | {"seq": heads.take(row["org_id"])} for row in rows] for rows in self._events
        ]
        with driver.one_message():
            if places:
                self._send(driver, NUMBER, spans(places))
            for rows in numbered:
                self._send(driver, INSERT_OUTBOX, rows)
            for statement, rows in ((MOVE_HEAD, heads.moved), (NEW_HEAD, heads.fresh)):
                if rows:
                    self._send(driver, statement, rows)

    def _ask(
        self, driver: PatientConnection, statement: Executable, row: dict[str, Any]
    ) -> "Cursor[Any]":
        plan = self._plan(statement, row)
        return driver.execute(plan.sql, plan.fill(row))

    def _send(self, driver: PatientConnection, statement: Executable, rows: Rows) -> None:
        sql, values = self._filled(statement, rows)
        driver.cursor().executemany(sql, values)

    def _plan(self, statement: Executable, row: dict[str, Any]) -> Plan:
        plan = plan_of(statement, tuple(row), self._dialect)
        if plan is None:
            raise _Unfit
        return plan


@lru_cache(maxsize=16)
def _locks(dialect: Dialect) -> str:
    locks = held_alone(JOURNAL_LOCK, NUMBERING_LOCK, waits=True)
    return str(locks.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


_PENDING = (
    select(OutboxRow.id, OutboxRow.org_id)
    .where(OutboxRow.seq.is_(None))
    .order_by(OutboxRow.id)
    .limit(DISPATCH_ROWS)
    .execution_options(**MARK)
)
_HEADS = (
    select(FeedHead.org_id, FeedHead.last_seq)
    .where(
        or_(
            FeedHead.org_id == any_(bindparam("orgs", type_=ARRAY(Uuid()))),
            FeedHead.org_id.in_(select(OutboxRow.org_id).where(OutboxRow.seq.is_(None))),
        )
    )
    .execution_options(**MARK)
)
