"""Connections to PostgreSQL that never wait for ever, on either end.

A server that lost us gives our locks back within half a minute (keepalives, `held_alone`); a server that
says nothing for `answer_s` is given up on here: a stalled network acknowledges every byte and answers
none, so no option of TCP helps. What is asked is not known here.
"""

from typing import Any, ClassVar

from psycopg import Connection as PsycopgConnection
from psycopg import OperationalError
from psycopg.errors import _WaitTimeout
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy import Connection as SqlConnection

from camel_ext.core.database import Limits, Patience
from camel_ext.core.row_security import begin_words
from camel_ext.core.tenancy import guard_engine, system_options

CONNECT_S = 5
KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
SESSION = (
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 "
    "-c tcp_user_timeout=20000"
)
BEGINS = {**system_options("begin"), "no_parameters": True}  # a reason may name a table


class PatientConnection(PsycopgConnection[Any]):
    """Gives up on a server that says nothing for long, and is closed then."""

    patience: ClassVar[Patience] = Patience()

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server: the one place where psycopg does."""
        answer_s = self.patience.answer_s
        if timeout is not None or answer_s is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, answer_s)
        except _WaitTimeout:
            self.pgconn.finish()
            raise OperationalError(f"PostgreSQL said nothing for {answer_s:g} s") from None


def postgres_engine(url: URL, patience: Patience, limits: Limits, *, size: int) -> Engine:
    """Return an engine whose connections are tried before use, and never wait for ever.

    Its transactions say whose rows they are for in the message that begins them.
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
            connect_timeout=CONNECT_S,
            options=options,
            tcp_user_timeout=20_000,
            **KEEPALIVE,
        )

    engine = create_engine(
        url, creator=connect, pool_size=size, max_overflow=0, pool_pre_ping=True, pool_timeout=10
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: SqlConnection) -> None:
        connection.exec_driver_sql(begin_words(), execution_options=BEGINS)

    guard_engine(engine)
    return engine


def _said(limits: Limits) -> str:
    given = {
        "statement_timeout": limits.statement_s,
        "lock_timeout": limits.lock_s,
        "idle_in_transaction_session_timeout": limits.idle_transaction_s,
    }
    return " ".join(f"-c {name}={round(seconds * 1000)}" for name, seconds in given.items())
