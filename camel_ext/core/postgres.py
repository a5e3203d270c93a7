"""Connections to PostgreSQL that never wait for ever, on either end.

A server that lost us gives our locks back within half a minute (keepalives, `held_alone`); a server that
says nothing for `answer_s` is given up on here: a stalled network acknowledges every byte and answers
none, so no option of TCP helps. What is asked is not known here.
"""

from typing import Any, ClassVar

from psycopg import Connection as PsycopgConnection
from psycopg import OperationalError
from psycopg.errors import _WaitTimeout
from sqlalchemy import URL, Engine, create_engine

from camel_ext.core.database import Patience

CONNECT_S = 5
IDLE_MS = 600_000  # a transaction without a word; holders of locks are given less (held_alone)
KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
SESSION = (
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 "
    "-c tcp_user_timeout=20000"
)
IDLE = f"-c idle_in_transaction_session_timeout={IDLE_MS}"


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


def postgres_engine(url: URL, patience: Patience, *, size: int) -> Engine:
    """Return an engine whose connections are tried before use, and never wait for ever."""
    asked = url.set(drivername="postgresql").render_as_string(hide_password=False)
    own = str(url.query.get("options", ""))

    class Connection(PatientConnection):
        """One of this database."""

    Connection.patience = patience

    def connect() -> PatientConnection:
        ends = "" if patience.answer_s is None else IDLE  # who moves an installation computes long
        options = " ".join([own, SESSION, ends]).strip()
        return Connection.connect(
            asked, connect_timeout=CONNECT_S, options=options, tcp_user_timeout=20_000, **KEEPALIVE
        )

    return create_engine(
        url, creator=connect, pool_size=size, max_overflow=0, pool_pre_ping=True, pool_timeout=10
    )
