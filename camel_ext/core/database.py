"""Where the database is and how it is opened: SQLite in WAL mode, or PostgreSQL, by URL alone.

On SQLite one connection writes and several read (`query_only`); on PostgreSQL one pool serves both.
Who may write when is the write gate's business; what the tables are is each room's.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Select,
    cast,
    create_engine,
    event,
    extract,
    func,
    make_url,
    select,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from camel_ext.core.clock import Clock
from camel_ext.core.errors import CamelExtError, InsufficientStorage, Invalid, Unavailable
from camel_ext.core.models import EPOCH, UtcDateTime
from camel_ext.core.row_security import Acting, acting_as
from camel_ext.core.tenancy import (
    GuardedSession,
    Tenant,
    bind_tenant,
    guard_engine,
    system_session,
)

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseUnreachable(Unavailable):
    """The database does not answer."""

    def __init__(
        self, detail: str = "", *, retry_after_s: float | None = None, reason: str = ""
    ) -> None:
        """Say so; `reason` is for logs and terminals alone, as it may tell where the database is."""
        super().__init__(detail, retry_after_s=retry_after_s)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.detail}: {self.reason}" if self.reason else self.detail


class DatabaseUrl(Invalid):
    """The database URL is not one we can use."""


class StatementTooLong(Unavailable):
    """A statement took longer than the database allows (`database.statement_s`)."""


class LockTooLong(Unavailable):
    """Another transaction held what this one needed for too long (`database.lock_s`)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long PostgreSQL lets things take; 0: as long as they like."""

    statement_s: float = 45.0
    lock_s: float = 10.0
    idle_transaction_s: float = 600.0


@dataclass
class Patience:
    """How long one wait for an answer of PostgreSQL may be; None: as long as it takes, as a migration."""

    answer_s: float | None = None


class Database:
    """Engines for one database.

    Connections of SQLite wait at most `busy_s` for a lock; nothing but the gate ever writes, so only
    a migration from outside can make them wait.
    """

    def __init__(
        self,
        url: str,
        *,
        readers: int = 4,
        writers: int = 6,
        busy_s: float = 5.0,
        limits: "Limits | None" = None,
    ) -> None:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend not in ("sqlite", "postgresql"):
            raise DatabaseUrl(
                f"database.url starts with {backend!r}: use sqlite:///FILE or postgresql://..."
            )
        self.is_sqlite = backend == "sqlite"
        self.connections_max = readers + (1 if self.is_sqlite else writers)
        self.patience = Patience()
        self.url = parsed if self.is_sqlite else parsed.set(drivername="postgresql+psycopg")
        if self.is_sqlite:
            if parsed.database in (None, "", ":memory:"):
                raise DatabaseUrl("database.url names no file: a journal in memory is not durable")
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
            self.writer = _sqlite_engine(url, size=1, busy_s=busy_s, read_only=False)
            self.reader = _sqlite_engine(url, size=readers, busy_s=busy_s, read_only=True)
        else:
            from camel_ext.core.postgres import postgres_engine  # psycopg, where it is used

            size = readers + writers
            engine = postgres_engine(self.url, self.patience, limits or Limits(), size=size)
            self.writer = self.reader = engine

    def connections_in_use(self) -> int:
        """Return how many connections are in somebody's hands now."""
        pools = {id(engine.pool): engine.pool for engine in (self.reader, self.writer)}
        return sum(pool.checkedout() for pool in pools.values() if isinstance(pool, QueuePool))

    @contextmanager
    def begin_long(self, acting: Acting) -> Iterator[Connection]:
        """Open a write transaction that may take its time (migrations): no limit on statements."""
        with self.begin(acting) as connection:
            if not self.is_sqlite:
                lift_limits(connection)
            yield connection

    @contextmanager
    def begin(self, acting: Acting = None) -> Iterator[Connection]:
        """Open a write transaction; commit at the end, or roll back on any error.

        `acting`: whose rows it may reach on PostgreSQL; a reason stands for everybody's.
        """
        with mapped_errors(), acting_as(acting), self.writer.begin() as connection:
            yield connection

    def session_on(self, connection: Connection, tenant: Tenant | None) -> GuardedSession:
        """Return a session inside the connection's transaction, in the savepoint that is open there.

        Its `commit` only flushes; its `rollback` undoes that savepoint.
        """
        session = GuardedSession(
            connection, expire_on_commit=False, join_transaction_mode="rollback_only"
        )
        if tenant is not None:
            bind_tenant(session, tenant)
        return session

    def read(
        self,
        tenant: Tenant | None,
        fn: Callable[Concatenate[GuardedSession, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call `fn(session, ...)` without writing. Blocking: use a thread.

        On SQLite all of it sees one snapshot, on PostgreSQL each statement what was committed before it.
        """
        with (
            mapped_errors(),
            acting_as(tenant),
            GuardedSession(self.reader, expire_on_commit=False) as session,
        ):
            if tenant is not None:
                bind_tenant(session, tenant)
            return fn(session, *args, **kwargs)

    def read_system(
        self,
        reason: str,
        fn: Callable[Concatenate[GuardedSession, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call `fn(session, ...)` across tenants, for the reason given. Blocking: use a thread."""
        with (
            mapped_errors(),
            acting_as(reason),
            GuardedSession(self.reader, expire_on_commit=False) as session,
        ):
            system_session(session, reason)
            return fn(session, *args, **kwargs)

    def lease_now(self, connection: Connection, clock: Clock) -> datetime:
        """Return the time that leases are measured in, which no jump of a wall clock moves.

        On SQLite all workers live in one process: its monotonic clock, counted from 1970. On
        PostgreSQL the server's clock.
        """
        if self.is_sqlite:
            return EPOCH + timedelta(seconds=clock.monotonic_s())
        return self.now(connection, clock)

    def now(self, connection: Connection, clock: Clock) -> datetime:
        """Return the time that jobs are due by: the server's, or this machine's on SQLite."""
        if self.is_sqlite:
            return clock.now()
        moment: datetime = connection.scalar(select(func.clock_timestamp()))  # type: ignore[assignment]
        return moment.astimezone(EPOCH.tzinfo)

    def sql_now(self, clock: Clock) -> datetime | ColumnElement[datetime]:
        """Return the same for a statement to look up itself, so that the server is not asked twice.

        It stands still during the statement, so that an index can be searched by it.
        """
        return clock.now() if self.is_sqlite else SERVER_NOW

    def close(self) -> None:
        self.reader.dispose()
        self.writer.dispose()


SERVER_NOW: ColumnElement[datetime] = type_coerce(
    cast(extract("epoch", func.statement_timestamp()) * 1_000_000, BigInteger), UtcDateTime()
)
LOCK_IDLE_MS = 10_000  # a lock's holder that says nothing for so long is stalled or gone


def held_alone(*numbers: int, waits: bool) -> Select[Any]:
    """Return what takes locks of PostgreSQL until its transaction ends, or its holder falls silent.

    A stalled network keeps a dead holder's connection open for hours; the server ends it here.
    """
    bounded = func.set_config("idle_in_transaction_session_timeout", str(LOCK_IDLE_MS), True)
    lock = func.pg_advisory_xact_lock if waits else func.pg_try_advisory_xact_lock
    return select(*(lock(number) for number in numbers), bounded)


def lift_limits(connection: Connection) -> None:
    """Let this transaction on PostgreSQL take its time; its waits for locks stay limited."""
    words = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
    connection.exec_driver_sql(words, execution_options={"no_parameters": True})


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn the driver's errors about disk and connection into ours."""
    try:
        yield
    except SQLAlchemyError as error:
        mapped = map_error(error)
        if mapped is None:
            raise
        raise mapped from error


def map_error(error: BaseException | None) -> CamelExtError | None:
    """Return our error for a driver's about disk or connection, or None where it is a bug of ours.

    It looks through what the error came from: a savepoint that cannot be rolled back because SQLite
    gave up the whole transaction says nothing of the full disk behind it.
    """
    while error is not None:
        if isinstance(error, DatabaseUnreachable | InsufficientStorage):
            return error
        if isinstance(error, DBAPIError) and _is_full(error.orig):
            return InsufficientStorage()
        if isinstance(error, DBAPIError) and (late := _LATE.get(_sqlstate(error))) is not None:
            return late(retry_after_s=5.0)
        if isinstance(error, PoolTimeout) or (isinstance(error, DBAPIError) and _is_away(error)):
            reason = str(error.orig if isinstance(error, DBAPIError) else error)
            said = "the database does not answer"
            return DatabaseUnreachable(said, retry_after_s=1.0, reason=reason)
        error = error.__cause__ or error.__context__
    return None


def _is_full(original: Any) -> bool:
    code = getattr(original, "sqlite_errorcode", 0) or 0
    return code & 0xFF == sqlite3.SQLITE_FULL or getattr(original, "sqlstate", None) == "53100"


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


_LATE = {"57014": StatementTooLong, "55P03": LockTooLong}


def _is_away(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:  # SQLite calls a missing column operational, too: that is a bug of ours
        return code & 0xFF in _SQLITE_AWAY
    return error.connection_invalidated or isinstance(error, OperationalError)


_SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}


def transaction_alive(connection: Connection) -> bool:
    """Tell whether the transaction still stands.

    On some errors SQLite gives it up by itself. On PostgreSQL it goes with its connection, and after an
    error its commit is a rollback that nobody hears of.
    """
    if connection.invalidated:
        return False
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        return bool(driver.in_transaction)
    return driver.is_sound  # type: ignore[no-any-return]


def _sqlite_engine(url: str, *, size: int, busy_s: float, read_only: bool) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": busy_s},
    )
    pragmas = ["journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384"]
    if read_only:
        pragmas = ["query_only=ON", "cache_size=-8192"]

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    guard_engine(engine)
    return engine
