"""Tenancy, once, below everything, failing closed.

Two walls stand on every session. The *hook* adds the tenant's criteria to each ORM statement and
marks it with the tenanted tables it scoped; new rows are stamped at the flush. The *check* refuses
any SQL that names a tenanted table without that mark. Work across tenants goes through one named
door, `system_session(reason)`, or carries `system_options(reason)` on the statement.

It knows organisations and projects as ids only: who is a member of them is identity's.
"""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Executable, event
from sqlalchemy.engine import ExecutionContext
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ClauseElement

from camel_ext.core.errors import CamelExtError
from camel_ext.core.models import Base, OrgScoped, Tenanted

SCOPED = "tenant_scoped"
SYSTEM = "tenant_system"
_flushing: ContextVar[bool] = ContextVar("flushing", default=False)


class TenantLeak(CamelExtError):
    """A statement would have reached rows of other tenants: it was refused."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose rows a session may see and write."""

    org_id: UUID
    project_id: UUID


def bind_tenant(session: Session, tenant: Tenant) -> Session:
    """Put the tenant on the session; without one every tenanted statement is refused."""
    session.info["tenant"] = tenant
    return session


def current_tenant(session: Session) -> Tenant:
    """Return the session's tenant.

    Raises: TenantLeak where none is bound.
    """
    tenant = session.info.get("tenant")
    if tenant is None:
        raise TenantLeak("this session has no tenant: bind one, or use system_session")
    return tenant  # type: ignore[no-any-return]


def system_session(session: Session, reason: str) -> Session:
    """Open the one door across tenants; a test lists who walks through it, and why."""
    session.info["system"] = reason
    return session


def system_options(reason: str) -> dict[str, Any]:
    """Return execution options that let a Core statement of core itself pass the check."""
    return {SYSTEM: reason}


def guard_engine(engine: Engine) -> None:
    """Put the fail-closed check on every cursor of this engine."""
    event.listen(engine, "before_cursor_execute", _refuse_unmarked)


class GuardedSession(Session):
    """The only session class of the house; its events are the hook."""


@event.listens_for(GuardedSession, "do_orm_execute")
def _scope(state: ORMExecuteState) -> None:
    reason = state.session.info.get("system")
    if reason is not None:
        state.update_execution_options(**{SYSTEM: reason})
        return
    tables = _entity_tables(state.statement)
    if not tables:
        return
    tenant = current_tenant(state.session)
    if state.is_insert:
        _stamp_inserted(state, tenant)
    elif state.is_update:
        _refuse_moving(state)
    state.statement = state.statement.options(*_criteria(tenant))
    state.update_execution_options(**{SCOPED: tables})


@event.listens_for(GuardedSession, "before_flush")
def _stamp(session: Session, _context: object, _instances: object) -> None:
    _flushing.set(True)
    if session.info.get("system") is not None:
        return
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, OrgScoped):
            _own(row, current_tenant(session))


@event.listens_for(GuardedSession, "after_flush_postexec")
def _flushed(_session: Session, _context: object) -> None:
    _flushing.set(False)


@event.listens_for(GuardedSession, "after_soft_rollback")
def _rolled_back(_session: Session, _previous: object) -> None:
    _flushing.set(False)  # a failed flush never reaches after_flush_postexec


def _own(row: OrgScoped, tenant: Tenant) -> None:
    for name in ("org_id", "project_id") if isinstance(row, Tenanted) else ("org_id",):
        mine = getattr(tenant, name)
        if getattr(row, name, None) is None:
            setattr(row, name, mine)
        elif getattr(row, name) != mine:
            raise TenantLeak(f"{type(row).__name__} belongs to another {name[:-3]}")


def _stamp_inserted(state: ORMExecuteState, tenant: Tenant) -> None:
    rows = state.parameters if isinstance(state.parameters, list) else None
    if rows is None or getattr(state.statement, "_values", None):
        raise TenantLeak("insert() takes its rows as a list of parameters, which can be checked")
    for row in rows:
        for name in ("org_id", "project_id"):
            if row.setdefault(name, getattr(tenant, name)) != getattr(tenant, name):
                raise TenantLeak(f"a row to insert belongs to another {name[:-3]}")


def _refuse_moving(state: ORMExecuteState) -> None:
    if isinstance(state.parameters, list):
        raise TenantLeak("bulk update by primary key walks past the tenant: use update().where()")
    values = getattr(state.statement, "_values", None) or {}
    named = {getattr(column, "key", column) for column in values} | set(state.parameters or {})
    if named & {"org_id", "project_id"}:
        raise TenantLeak("a row never moves to another organisation or project")


@lru_cache(maxsize=256)
def _criteria(tenant: Tenant) -> tuple[Any, ...]:
    org_id, project_id = tenant.org_id, tenant.project_id
    return (
        with_loader_criteria(OrgScoped, lambda cls: cls.org_id == org_id, include_aliases=True),
        with_loader_criteria(
            Tenanted, lambda cls: cls.project_id == project_id, include_aliases=True
        ),
    )


def _entity_tables(statement: Executable) -> frozenset[str]:
    """Return the tenanted tables that the statement reaches as ORM entities."""
    found = set()
    for element in _elements(statement):
        entity = element._annotations.get("parententity") or element._annotations.get(
            "parentmapper"
        )
        mapper = getattr(entity, "mapper", None)
        if mapper is not None and issubclass(mapper.class_, OrgScoped):
            found.add(mapper.local_table.name)
    return frozenset(found)


def _elements(statement: Executable) -> Iterable[ClauseElement]:
    yield statement  # type: ignore[misc]
    entity = getattr(statement, "entity_description", None)  # update(), delete(), insert()
    if entity is not None:
        yield statement.table  # type: ignore[attr-defined]
    yield from visitors.iterate(statement)  # type: ignore[arg-type, misc]


@lru_cache(maxsize=1)
def _tenanted_names() -> re.Pattern[str]:
    names = [m.local_table.name for m in Base.registry.mappers if issubclass(m.class_, OrgScoped)]  # type: ignore[attr-defined]
    return re.compile(r"\b(" + "|".join(sorted(names, key=len, reverse=True)) + r")\b")


@lru_cache(maxsize=4096)
def _tables_in(sql: str) -> frozenset[str]:
    return frozenset(_tenanted_names().findall(sql))


def _refuse_unmarked(
    _conn: Connection,
    _cursor: object,
    statement: str,
    _parameters: object,
    context: ExecutionContext | None,
    _executemany: bool,
) -> None:
    tables = _tables_in(statement)
    if not tables or _flushing.get():
        return
    options = context.execution_options if context is not None else {}
    if SYSTEM in options or tables <= options.get(SCOPED, frozenset()):
        return
    unscoped = ", ".join(sorted(tables - options.get(SCOPED, frozenset())))
    raise TenantLeak(f"this statement reaches {unscoped} without the tenant's filter")
