"""The journal: what agents did, appended turn by turn, each durable before the next begins.

An append is a list of (statement, parameters), made of plain values and not of ORM objects (group
commit: 6.8-7.5k turns/s against 1.6-2.4k, measured). It carries the fence of the job that writes; a
worker that lost its job gets `Fenced` and nothing of its append is kept. The journal takes rows and
knows no room: what a turn is belongs to workflows, what an interaction is to interactions.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Connection,
    Dialect,
    Executable,
    Insert,
    Uuid,
    any_,
    bindparam,
    insert,
    select,
)
from sqlalchemy.exc import CompileError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from camel_ext.core.database import held_alone, map_error
from camel_ext.core.errors import Conflict
from camel_ext.core.gate import Outcome, Signals
from camel_ext.core.models import Job, OutboxRow, State
from camel_ext.core.numbering import NUMBERED_HERE, NUMBERING_LOCK, with_numbers
from camel_ext.core.tenancy import SYSTEM, Tenant, TenantLeak, system_options

E = TypeVar("E", bound=Executable)
MARK = system_options("journal")
# One transaction-level lock makes the order of `ingest_seq` the order of commit across processes.
JOURNAL_LOCK = 0x63616D656C
Fences = dict[UUID, tuple[int, Tenant]]


class Fenced(Conflict):
    """Another worker took this job over: nothing of this append was kept."""


class AppendRefused(Conflict):
    """A row of this append is there already: a turn is written once."""


@dataclass(slots=True)
class Append:
    """One atomic, fenced addition to the journal.

    Every parameter set names its tenant and must name this one, as `org_id` and `project_id`, or as
    `b_org_id` and `b_project_id` where an UPDATE binds them in its WHERE. Without a job (a call through the
    gateway) there is no fence to check.
    """

    tenant: Tenant
    entries: list[tuple[Executable, dict[str, Any]]]
    job_id: UUID | None = None
    fence: int = 0
    signals: Signals = field(default_factory=set)


def is_journalled(statement: Executable) -> bool:
    """Tell whether a statement is marked as the journal's own."""
    return SYSTEM in statement.get_execution_options()


def journalled(statement: E) -> E:
    """Mark a Core statement as the journal's own, so that the tenancy check lets it through.

    Call it once, at import: the batch is grouped by the statement's identity.
    """
    return statement.execution_options(**MARK)


def apply_appends(
    connection: Connection, appends: Sequence[Append], signals: Signals
) -> list[Outcome]:
    """Write all appends of a batch; where one fails, write each in a savepoint of its own.

    Whatever they announce is numbered, and `NUMBERED_HERE` raised.
    """
    outcomes: list[Outcome] = [(None, None)] * len(appends)
    if connection.dialect.name == "postgresql":
        from camel_ext.core.journal_messages import written_at_once  # psycopg, where it is used

        if written_at_once(connection, appends):
            _raise_signals(appends, outcomes, signals)
            return outcomes
        hold_order(connection)
    fences = _fences(connection, appends)
    sound = []
    for place, append in enumerate(appends):
        try:
            check(append, fences)
            sound.append(place)
        except (Fenced, TenantLeak) as error:
            outcomes[place] = (None, error)
    chosen = [appends[place] for place in sound]
    savepoint = connection.begin_nested()
    try:
        _write(connection, chosen)
        savepoint.commit()
    except (SQLAlchemyError, TenantLeak, UnicodeError) as error:
        _raise_if_common(error)
        savepoint.rollback()
        for place in sound:
            outcomes[place] = _write_alone(connection, appends[place])
    _raise_signals(appends, outcomes, signals)
    return outcomes


def hold_order(connection: Connection) -> None:
    """Let nobody else append until this transaction ends: what is read now stays so until then."""
    if connection.dialect.name == "postgresql":
        connection.execute(held_alone(JOURNAL_LOCK, NUMBERING_LOCK, waits=True))


def append_here(db: Session, append: Append) -> None:
    """Write one append in the session's own transaction.

    Raises: AppendRefused, Fenced.
    """
    signals: Signals = db.info.setdefault("signals", set())
    ((_, failure),) = apply_appends(db.connection(), [append], signals)
    if failure is not None:
        raise failure


def _raise_signals(
    appends: Sequence[Append], outcomes: Sequence[Outcome], signals: Signals
) -> None:
    for append, (_, failure) in zip(appends, outcomes, strict=True):
        if failure is None:
            signals |= append.signals
            if any(statement is INSERT_OUTBOX for statement, _ in append.entries):
                signals.add(NUMBERED_HERE)


def _fences(connection: Connection, appends: Sequence[Append]) -> Fences:
    ids = {append.job_id for append in appends if append.job_id is not None}
    if not ids:
        return {}
    query = _HELD if connection.dialect.name == "sqlite" else _HELD_AND_LOCKED
    return fences_of(connection.execute(query, {"ids": list(ids)}))


def fences_of(rows: Iterable[Any]) -> Fences:
    """Return the fence under which each job may write, and whose it is, from the rows of `HELD`."""
    return {
        job_id: (fence if state == State.RUNNING else -1, Tenant(org_id, project_id))
        for job_id, fence, state, org_id, project_id in rows
    }


def check(append: Append, fences: Fences) -> None:
    """Make sure that an append is its tenant's, and that its job is held under its fence.

    Raises: Fenced, TenantLeak.
    """
    if append.job_id is not None:
        fence, owner = fences.get(append.job_id, (-1, append.tenant))
        if owner != append.tenant:
            raise TenantLeak("the job belongs to another tenant")
        if fence != append.fence:
            raise Fenced()
    org_id, project_id = append.tenant.org_id, append.tenant.project_id
    for _, parameters in append.entries:
        if _named(parameters, "org_id") != org_id or _named(parameters, "project_id") != project_id:
            raise TenantLeak("an entry of the append does not name the append's tenant")


def _named(parameters: dict[str, Any], name: str) -> Any:
    """Return whose row it is; an update names it `b_org_id`, in the WHERE that it binds."""
    return parameters.get(name, parameters.get(f"b_{name}"))


def grouped(appends: Sequence[Append]) -> Iterator[tuple[Executable, list[dict[str, Any]]]]:
    """Give each statement with the rows of all appends in their order, those of events last.

    Rows of other keys start another execution: a driver's executemany takes the keys of the first row
    and would drop what the others have besides.
    """
    groups: dict[int, list[tuple[Executable, list[dict[str, Any]]]]] = {}
    for append in appends:
        for statement, parameters in append.entries:
            runs = groups.setdefault(id(statement), [])
            if not runs or runs[-1][1][-1].keys() != parameters.keys():
                runs.append((statement, []))
            runs[-1][1].append(parameters)
    events = groups.pop(id(INSERT_OUTBOX), [])
    for runs in (*groups.values(), events):
        yield from runs


def _write(connection: Connection, appends: Sequence[Append]) -> None:
    for statement, rows in grouped(appends):
        if statement is INSERT_OUTBOX:
            rows = with_numbers(connection, rows)
        _execute(connection, statement, rows)


def _execute(connection: Connection, statement: Executable, rows: list[dict[str, Any]]) -> None:
    if connection.dialect.name == "postgresql":
        from camel_ext.core.bulk import insert_many  # where it is used

        if insert_many(connection, statement, rows):
            return
    filled, plan = None, plan_of(statement, tuple(rows[0]), connection.dialect)
    if plan is not None:
        with suppress(*UNFIT):
            filled = [plan.fill(row) for row in rows]
    if plan is None or filled is None:
        connection.execute(statement, rows)  # which also says what is wrong with a value
    else:
        connection.exec_driver_sql(
            plan.sql, filled, execution_options=statement.get_execution_options()
        )


UNFIT = (TypeError, ValueError, LookupError, AttributeError, RecursionError)  # for a row's value


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled statement and how a row fills it in: half of what `execute` takes (measured)."""

    sql: str
    slots: list[tuple[str | None, Callable[[Any], Any] | None, Any]]

    def fill(self, row: dict[str, Any]) -> tuple[Any, ...]:
        """Return the row's values as the driver takes them. Raises: UNFIT."""
        return tuple(
            [
                constant if name is None else row[name] if process is None else process(row[name])
                for name, process, constant in self.slots
            ]
        )


@lru_cache(maxsize=256)
def plan_of(statement: Executable, keys: tuple[str, ...], dialect: Dialect) -> Plan | None:
    """Return the plan for rows of these keys, or None where SQLAlchemy has more to do for each.

    Raises: CompileError where the statement's table has no such column.
    """
    _check_columns(statement, keys)
    compiled: Any = statement.compile(  # type: ignore[attr-defined]
        dialect=_by_position(dialect), column_keys=list(keys), for_executemany=True
    )
    if not compiled.positional or compiled.insert_prefetch or compiled.update_prefetch:
        return None
    values, processors = compiled.construct_params(_check=False), compiled._bind_processors
    slots = []
    for name in compiled.positiontup:
        process = processors.get(name)
        if name in keys:
            slots.append((name, process, None))
        elif compiled.binds[name].required:
            return None  # it is missing, which `execute` says
        else:
            value = values[name]
            slots.append((None, None, value if process is None else process(value)))
    return Plan(str(compiled), slots)


@lru_cache(maxsize=16)
def _by_position(dialect: Dialect) -> Dialect:
    """Return the dialect with parameters by position: psycopg takes them so, too, and sooner."""
    if dialect.positional:
        return dialect
    other = copy(dialect)
    other.paramstyle, other.positional = "format", True
    return other


def _check_columns(statement: Executable, keys: tuple[str, ...]) -> None:
    """Refuse a column that the table does not have: SQLAlchemy would drop it in silence."""
    if isinstance(statement, Insert):
        unknown = set(keys) - set(statement.table.c.keys())
        if unknown:
            raise CompileError(f"{statement.table} has no column {', '.join(sorted(unknown))}")


def _write_alone(connection: Connection, append: Append) -> Outcome:
    savepoint = connection.begin_nested()
    try:
        _write(connection, [append])
    except IntegrityError as error:
        savepoint.rollback()
        return None, AppendRefused(f"a turn is written once: {error.orig}")
    except (SQLAlchemyError, TenantLeak, UnicodeError) as error:
        _raise_if_common(error)
        savepoint.rollback()
        return None, error
    savepoint.commit()
    return None, None


def _raise_if_common(error: BaseException) -> None:
    """Raise what concerns the whole batch (disk full, no connection), not one append's rows."""
    mapped = map_error(error)
    if mapped is not None:
        raise mapped from error


_JOBS = select(Job.id, Job.fence, Job.state, Job.org_id, Job.project_id)
_HELD = journalled(_JOBS.where(Job.id.in_(bindparam("ids", expanding=True))))
# A claim waits until this append is committed; one order for all, or two would deadlock.
_HELD_AND_LOCKED = _HELD.order_by(Job.id).with_for_update(read=True)
# The same with one text for any number of jobs.
HELD_AND_LOCKED = journalled(
    _JOBS.where(Job.id == any_(bindparam("ids", type_=ARRAY(Uuid()))))
    .order_by(Job.id)
    .with_for_update(read=True)
)
INSERT_OUTBOX = journalled(insert(OutboxRow))
