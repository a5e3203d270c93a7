"""The wire to a broker: no wait on it is without end, and where it is encrypted, the other end is proved.

py-amqp waits for ever for every answer but a confirmation (a channel, a declaration, a goodbye), and spins
on a frame of which the rest does not come; Kombu checks no host name. So Kombu is given a transport of
ours, a few lines on top of its own, for `amqp://` and `amqps://`. It knows no queue and no message.
"""

import errno
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amqp.transport import SSLTransport, TCPTransport
from kombu import Connection, Producer
from kombu.transport import TRANSPORT_ALIASES, pyamqp

GOODBYE_S = 1.0  # a broker that is silent for so long is left without one


class _Patient:
    """Gives up a frame whose rest is not there yet, and keeps what came of it."""

    def _read(self, n: int, initial: bool = False, _errnos: Any = None) -> bytes:
        try:
            read: bytes = super()._read(n, initial, (errno.EINTR,))  # type: ignore[misc]
        except (BlockingIOError, ssl.SSLWantReadError) as error:
            raise TimeoutError("the broker is silent") from error
        return read


class _Plain(_Patient, TCPTransport):
    """TCP."""


class _Encrypted(_Patient, SSLTransport):
    """TLS."""


class _Link(pyamqp.Connection):
    """A connection on which every wait ends after `connect_timeout`."""

    def Transport(  # noqa: N802 - py-amqp's name
        self,
        host: str,
        connect_timeout: float,
        ssl: Any = False,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        **options: Any,
    ) -> Any:
        waits = {
            "connect_timeout": connect_timeout,
            "read_timeout": read_timeout,
            "write_timeout": write_timeout,
        }
        if not ssl:
            return _Plain(host, **waits, **options)
        name = host.rpartition(":")[0].strip("[]") or host
        checks = {"server_hostname": name, "cert_reqs": _required()}
        told = ssl if isinstance(ssl, dict) else {}
        return _Encrypted(host, ssl=checks | told, **waits, **options)

    def connect(self, callback: Any = None) -> Any:
        try:
            connected = super().connect(callback)
            self.transport.sock.settimeout(self.connect_timeout)
        except BaseException:
            self.collect()  # py-amqp leaves its socket open after some failures
            raise
        return connected

    def close(self, *args: Any, **options: Any) -> Any:
        try:
            return super().close(*args, **options)
        finally:
            self.collect()


class _Careful:
    """Has such connections, and closes one that broke before there is another: Kombu forgets it."""

    Connection = _Link
    _last: _Link | None = None

    def establish_connection(self) -> _Link:
        if self._last is not None:
            self._last.collect()
        made: _Link = super().establish_connection()  # type: ignore[misc]
        self._last = made
        return made


class Transport(_Careful, pyamqp.Transport):
    """Kombu's `amqp://`, with such connections."""


class EncryptedTransport(_Careful, pyamqp.SSLTransport):
    """Kombu's `amqps://`, with such connections."""


TRANSPORT_ALIASES["amqp"] = f"{__name__}:Transport"
TRANSPORT_ALIASES["amqps"] = f"{__name__}:EncryptedTransport"


@dataclass(frozen=True, slots=True)
class Papers:
    """Whom we trust, and how we prove who we are; None: the system's authorities, and not at all."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def options(self, url: str) -> dict[str, Any] | None:
        """Return what Kombu is told for this URL, or None where nothing is encrypted."""
        files = {
            "ca_certs": self.ca_file,
            "certfile": self.certificate_file,
            "keyfile": self.key_file,
        }
        given = {name: str(path) for name, path in files.items() if path is not None}
        if url.startswith("amqps://"):
            return given | {"cert_reqs": _required()}
        if url.startswith("rediss://"):
            checks = {"ssl_cert_reqs": _required(), "ssl_check_hostname": True}
            return {f"ssl_{name}": path for name, path in given.items()} | checks
        return None


NO_PAPERS = Papers()


class Line:
    """One connection to publish on: made when it is first needed, and anew after a failure. Blocks.

    It belongs to one thread. `make` returns a connection that is still to be opened, `prepare` what is
    published with, once it is open.
    """

    def __init__(
        self,
        make: Callable[[], Connection],
        prepare: Callable[[Connection], Producer],
        timeout_s: float,
    ) -> None:
        self._make, self._prepare, self._timeout_s = make, prepare, timeout_s
        self._connection: Connection | None = None
        self._producer: Producer | None = None

    def producer(self) -> Producer:
        """Return what is published with; one that the broker or a balancer closed meanwhile is replaced.

        Raises: whatever the driver does.
        """
        if self._producer is None or self._was_closed():
            self.drop()
            connection = self._connection = self._make()
            others = max(0, len(connection.alt) - 1)  # each of its hosts is asked once
            connection.ensure_connection(max_retries=others, timeout=self._timeout_s * (others + 1))
            self._producer = self._prepare(connection)
        return self._producer

    def drop(self) -> None:
        """Close it without a word, after a failure: nobody may be there to answer."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            connection.collect()

    def close(self) -> None:
        """Close it with a goodbye, as far as the broker answers soon."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            hurry(connection)
            connection.release()

    def _was_closed(self) -> bool:
        connection = self._connection
        if connection is None or connection.transport.driver_type != "amqp":
            return connection is None
        try:
            connection.drain_events(timeout=0)
        except TimeoutError:  # silent, and there
            return False
        except (OSError, *connection.connection_errors):
            return True
        return False


def hurry(connection: Connection | None) -> None:
    """Let nothing more on a connection wait for longer than a goodbye may."""
    sock = getattr(
        getattr(getattr(connection, "_connection", None), "_transport", None), "sock", None
    )
    if sock is not None:
        sock.settimeout(GOODBYE_S)


def _required() -> ssl.VerifyMode:
    return ssl.CERT_REQUIRED
