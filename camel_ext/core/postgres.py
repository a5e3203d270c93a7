"""Connections to PostgreSQL that never wait for ever, on either end.

A server that lost us gives our locks back within half a minute (keepalives, `held_alone`); a server that
says nothing for `answer_s` is given up on here: a stalled network acknowledges every byte and answers
none, so no option of TCP helps. What is asked is not known here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, ClassVar, cast

from psycopg import Connection as PsycopgConnection
from psycopg import Cursor, OperationalError, Pipeline
from psycopg.errors import _WaitTimeout
from psycopg.generators import send
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy import Connection as SqlConnection

from camel_ext.core.database import Limits, Patience
from camel_ext.core.row_security import beginning
from camel_ext.core.tenancy import guard_engine

CONNECT_S = 5
FRESH_S = 0.2  # a connection that was used within so long is taken to be there
KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
SESSION = (
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 "
    "-c tcp_user_timeout=20000"
)


class _Message(Pipeline):
    """What is sent together, ended by one Sync.

    psycopg asks for a Flush behind it, after which the server no longer counts how long the transaction
    is idle: a holder of our locks that falls silent would keep them. Without it we push out ourselves what
    did not fit into the socket at once: server and client would wait for each other.
    """

    def _exit_gen(self) -> Any:
        try:
            self._enqueue_sync()
            yield from self._communicate_gen()
        finally:
            yield from send(self.pgconn)
            yield from self._fetch_gen(flush=False)


class PatientConnection(PsycopgConnection[Any]):
    """Gives up on a server that says nothing for long, and is closed then.

    What begins a transaction goes with its first statement, in one message.
    """

    patience: ClassVar[Patience] = Patience()
    answered_s = -FRESH_S  # when the server last did, by the monotonic clock
    _unsaid: tuple[str, ...] = ()

    def begin(self, words: tuple[str, ...]) -> None:
        """Begin a transaction by these statements, as soon as there is something to do in it."""
        self._unsaid = words

    @contextmanager
    def one_message(self) -> Iterator[None]:
        """Send what is executed in the block together; its answers are there after it.

        Where something failed, all that came behind it was not done.
        """
        words, self._unsaid = self._unsaid, ()
        self._pipeline = self._pipeline or _Message(self)
        with self.pipeline():
            for each in words:
                self.cursor().execute(each, prepare=False)
            yield

    @property
    def is_sound(self) -> bool:
        """Whether its transaction, begun or about to begin, can be committed."""
        return bool(self._unsaid) or self.info.transaction_status is TransactionStatus.INTRANS

    def commit(self) -> None:
        """Commit; a transaction in which nothing was done never began."""
        if self._unsaid:
            self._unsaid = ()
        else:
            super().commit()

    def rollback(self) -> None:
        """Roll back; where nothing went wrong, what is prepared stays so.

        Each read ends so. psycopg forgets all statements then, as tables made in the transaction are
        gone: none of ours are. Without this no statement would ever be asked often enough to be
        prepared, and PostgreSQL would plan each anew.
        """
        self._unsaid = ()
        status = self.info.transaction_status
        if status is TransactionStatus.INTRANS:
            with self.lock:
                self.wait(self._exec_command(b"ROLLBACK"))
        elif status is not TransactionStatus.IDLE:
            super().rollback()

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server: the one place where psycopg does, whatever it is about to do."""
        if self._unsaid:  # it is no statement of a cursor of ours: COPY, a cursor on the server
            words, self._unsaid = self._unsaid, ()
            for each in words:
                self._wait(self._exec_command(each.encode()), interval, timeout)
        return self._wait(gen, interval, timeout)

    def _wait(self, gen: Any, interval: float, timeout: float | None) -> Any:
        answer_s = self.patience.answer_s
        try:
            answer = super().wait(gen, interval, answer_s if timeout is None else timeout)
        except _WaitTimeout:
            if timeout is not None:
                raise
            self.pgconn.finish()
            raise OperationalError(f"PostgreSQL said nothing for {answer_s:g} s") from None
        self.answered_s = monotonic()
        return answer

    @property
    def is_fresh(self) -> bool:
        """Whether the server answered a moment ago: there is no need to ask whether it is there."""
        return not self.closed and monotonic() - self.answered_s < FRESH_S


class PatientCursor(Cursor[Any]):
    """Takes the beginning of the transaction along with its first statement."""

    def execute(self, query: Any, params: Any = None, **how: Any) -> "PatientCursor":
        """Execute a statement; several in one text go alone, as the server takes them only so."""
        connection = cast(PatientConnection, self.connection)
        if connection._unsaid and isinstance(query, str) and ";" not in query:
            with connection.one_message():
                return super().execute(query, params, **how)
        return super().execute(query, params, **how)

    def executemany(self, query: Any, params_seq: Any, *, returning: bool = False) -> None:
        """Execute a statement for many rows."""
        connection = cast(PatientConnection, self.connection)
        if connection._pipeline is None:
            with connection.one_message():
                super().executemany(query, params_seq, returning=returning)
        else:
            super().executemany(query, params_seq, returning=returning)


def postgres_engine(url: URL, patience: Patience, limits: Limits, *, size: int) -> Engine:
    """Return an engine whose connections are tried before use, and never wait for ever.

    Its transactions say whose rows they are for as they begin. A connection that was
    used a moment ago is not tried: that would be one message more in each busy transaction.
    """
    asked = url.set(drivername="postgresql").render_as_string(hide_password=False)
    options = " ".join([str(url.query.get("options", "")), SESSION, _said(limits)]).strip()

    class Connection(PatientConnection):
        """One of this database."""

    Connection.patience = patience

    def connect() -> PatientConnection:
        return Connection.connect(
            asked,
            autocommit=True,  # we say BEGIN ourselves, below; commit and rollback work
            cursor_factory=PatientCursor,
            connect_timeout=CONNECT_S,
            options=options,
            tcp_user_timeout=20_000,
            **KEEPALIVE,
        )

    engine = create_engine(
        url, creator=connect, pool_size=size, max_overflow=0, pool_pre_ping=True, pool_timeout=10
    )

    tried = engine.dialect.do_ping

    def ping(connection: Any) -> bool:
        return connection.is_fresh or tried(connection)

    engine.dialect.do_ping = ping  # type: ignore[method-assign, assignment]

    @event.listens_for(engine, "begin")
    def _begin(connection: SqlConnection) -> None:
        cast(PatientConnection, connection.connection.driver_connection).begin(beginning())

    guard_engine(engine)
    return engine


def _said(limits: Limits) -> str:
    given = {
        "statement_timeout": limits.statement_s,
        "lock_timeout": limits.lock_s,
        "idle_in_transaction_session_timeout": limits.idle_transaction_s,
    }
    return " ".join(f"-c {name}={round(seconds * 1000)}" for name, seconds in given.items())
