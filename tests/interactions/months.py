"""A log by months, looked at and changed past the platform, as the owner of its tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from camel_ext.core.runtime import Runtime

MONTHS = "SELECT part FROM camel_ext_months('interactions') ORDER BY part"


@contextmanager
def as_owner(url: str | Runtime) -> Iterator["psycopg.Connection[Any]"]:
    """A connection that says it is the house's, each statement its own transaction."""
    if isinstance(url, Runtime):
        named = url.database.url.set(drivername="postgresql")
        url = named.render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True, options="-c camel_ext.system=test") as connection:
        yield connection


def ask(url: str | Runtime, query: str, *values: Any) -> list[Any]:
    """The first column of what is found."""
    with as_owner(url) as connection:
        return [row[0] for row in connection.execute(query, values)]


def part_of(url: str | Runtime, interaction_id: UUID, log: str = "interactions") -> str:
    """The part that an id's row lies in."""
    (part,) = ask(url, f"SELECT tableoid::regclass::text FROM {log} WHERE id = %s", interaction_id)  # noqa: S608
    return str(part)


def month(ahead: int = 0, log: str = "interactions") -> str:
    """The name of this month's part, or of one to come."""
    now = datetime.now(UTC)  # noqa: TID251 - the server's, as its function asks it
    year, number = divmod(now.year * 12 + now.month - 1 + ahead, 12)
    return f"{log}_{year}_{number + 1:02}"


def drop_months(url: str | Runtime, *ahead: int) -> None:
    """As if upkeep had not been there for so long."""
    with as_owner(url) as connection:
        for log in ("interactions", "interaction_bodies"):
            for each in ahead:
                connection.execute(f"DROP TABLE {month(each, log)}")
