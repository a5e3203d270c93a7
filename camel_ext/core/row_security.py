"""Row-level security: PostgreSQL's own wall of tenancy, for whatever gets past ours.

Each transaction says whose rows it is for in the message of its first statement, so it costs no round trip:
a tenant's, or all of them, with the reason, for the work of the house itself (queue, dispatcher,
scheduler, journal). One that says nothing sees no row and writes none. What is said ends with the
transaction, so a pool of connections carries nothing over. SQLite has no such wall.

It guards against a forgotten filter, not against whoever can send SQL of their own: they could say
what they like (docs/adr/0018).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import Connection, Table, inspect

from camel_ext.core.models import Base, OrgScoped, Tenanted
from camel_ext.core.tenancy import Tenant

Acting = Tenant | str | None  # one tenant's rows; all, for the reason given; none
_acting: ContextVar[Acting] = ContextVar("acting", default=None)
_UNPLAIN = re.compile(r"[^\w -]")
POLICY = "tenancy"

# Sub-selects are worked out once a statement; bare, once a row (docs/adr/0018 has the costs).
_ORG = "(SELECT nullif(current_setting('camel_ext.org_id', true), '')::uuid)"
_PROJECT = "(SELECT nullif(current_setting('camel_ext.project_id', true), '')::uuid)"
_SYSTEM = "(SELECT coalesce(current_setting('camel_ext.system', true), '') <> '')"


@contextmanager
def acting_as(who: Acting) -> Iterator[None]:
    """Let transactions that begin in this block be for those rows."""
    token = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(token)


def beginning() -> tuple[str, ...]:
    """Return the statements that begin a transaction for whom this thread acts."""
    who = _acting.get()
    if isinstance(who, Tenant):
        return (
            "BEGIN",
            f"SELECT set_config('camel_ext.org_id', '{who.org_id}', true), "
            f"set_config('camel_ext.project_id', '{who.project_id}', true)",
        )
    if who is not None:
        reason = _UNPLAIN.sub("", who) or "system"
        return "BEGIN", f"SET LOCAL camel_ext.system = '{reason}'"
    return ("BEGIN",)


def protect(connection: Connection) -> None:
    """Put a policy on each tenanted table, and each of its partitions, that has none; migrations end with it.

    So a table of tomorrow is behind the wall without anybody thinking of it.
    """
    if connection.dialect.name != "postgresql":
        return
    there = set(inspect(connection).get_table_names())
    query = "SELECT tablename FROM pg_policies WHERE schemaname = current_schema() "
    guarded = set(connection.exec_driver_sql(f"{query} AND policyname = '{POLICY}'").scalars())
    parts = partitions(connection)
    for table, whose in _tenanted():
        for name in (table.name, *parts.get(table.name, ())):
            if name in there - guarded:
                connection.exec_driver_sql(
                    f'ALTER TABLE "{name}" ENABLE ROW LEVEL SECURITY; '
                    f'CREATE POLICY {POLICY} ON "{name}" USING ({whose} OR {_SYSTEM})',
                    execution_options={"no_parameters": True},  # two statements in one message
                )
                force(connection, name)


def partitions(connection: Connection) -> dict[str, list[str]]:
    """Return the tables that are parts of each partitioned one, none on SQLite.

    A statement to the whole is held to the whole's policy, one to a part by its name to the part's.
    """
    found: dict[str, list[str]] = {}
    if connection.dialect.name == "postgresql":
        query = (
            "SELECT p.relname, c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "JOIN pg_class p ON p.oid = i.inhparent WHERE c.relispartition AND c.relkind = 'r' "
            "AND p.relnamespace = current_schema()::regnamespace ORDER BY c.relname"
        )
        for whole, part in connection.exec_driver_sql(query):
            found.setdefault(whole, []).append(part)
    return found


def force(connection: Connection, table: str, *, on: bool = True) -> None:
    """Hold the table's owner to its policy, too, or (for a COPY, which knows none) not."""
    word = "FORCE" if on else "NO FORCE"
    connection.exec_driver_sql(f'ALTER TABLE "{table}" {word} ROW LEVEL SECURITY')


def tenanted_tables() -> list[Table]:
    """Return every table whose rows belong to an organisation."""
    return [table for table, _ in _tenanted()]


def passes_by(connection: Connection) -> bool:
    """Tell whether the connection's role walks past every policy: a superuser does."""
    query = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    return bool(connection.exec_driver_sql(query).scalar())


def _tenanted() -> Iterator[tuple[Table, str]]:
    """Give each tenanted table with the condition that a row is the acting tenant's."""
    for mapper in Base.registry.mappers:
        table = mapper.local_table
        if not issubclass(mapper.class_, OrgScoped) or not isinstance(table, Table):
            continue
        if table.metadata is Base.metadata:
            whose = f"org_id = {_ORG}"
            if issubclass(mapper.class_, Tenanted):
                whose = f"({whose} AND project_id = {_PROJECT})"
            yield table, whose
