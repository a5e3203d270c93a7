"""How many jobs at once may use a workflow, a model or a device, whichever workers execute them.

A job names what it uses (`workflow:solve`, `model:big`); where it needs the device of whoever takes it, it
says `device:*`, and its claim writes that worker's device down. What runs is counted in the very
transaction that claims, and claims that limits concern go one after another, so no limit is ever exceeded;
a place is free when its job's row no longer says `running`: by its end, or because its worker died. Limits
of workflows and models are a project's, those of devices hold for all tenants together.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, func, not_, or_, select, true
from sqlalchemy.orm import Session

from camel_ext.core.database import held_alone
from camel_ext.core.models import ConcurrencyLimit, Job, State
from camel_ext.core.tenancy import Tenant, system_options

MARK = system_options("queue")
WORKFLOW, MODEL, DEVICE = "workflow", "model", "device"
KINDS = (WORKFLOW, MODEL, DEVICE)
ITS_DEVICE = f"{DEVICE}:*"
ONE_AT_A_TIME = 4_117_018  # of PostgreSQL's advisory locks
BAR = "|"

Key = tuple[UUID | None, UUID | None, str]
"""(organisation, project, name); a device is nobody's."""


class Candidate(Protocol):
    """A due job, as far as limits need it."""

    id: UUID
    org_id: UUID
    project_id: UUID
    uses: str


def write_uses(names: Iterable[str]) -> str:
    """Return names of things as a row keeps them, so that one of them is found by `|name|`."""
    distinct = sorted(set(names))
    return f"{BAR}{BAR.join(distinct)}{BAR}" if distinct else ""


def read_uses(text: str) -> list[str]:
    """Return the names that a row keeps."""
    return text.strip(BAR).split(BAR) if text else []


def is_device(name: str) -> bool:
    """Tell whether a name is of a device."""
    return name.startswith(f"{DEVICE}:")


def uses_thing(name: str) -> ColumnElement[bool]:
    """Return the condition that a job uses this; any device counts, as it is known with the claim."""
    written = f"{BAR}{DEVICE}:" if is_device(name) else f"{BAR}{name}{BAR}"
    return func.replace(Job.uses, written, "") != Job.uses  # LIKE of SQLite sees no case


def taken_on(uses: str, device: str | None) -> str:
    """Return what a job uses on a worker of that device."""
    names = read_uses(uses)
    if device is None or not any(map(is_device, names)):
        return uses
    return write_uses(f"{DEVICE}:{device}" if is_device(each) else each for each in names)


@dataclass
class Places:
    """What is free under each limit, during one claim."""

    device: str | None
    limits: dict[Key, int] = field(default_factory=dict)
    used: Counter[Key] | None = None

    @classmethod
    def open(
        cls, connection: Connection, rows: Sequence[Candidate], device: str | None
    ) -> "Places":
        """Return the places for these candidates: no statement, one, or three where limits concern them.

        The whole installation's limits are read; there are few.
        """
        places = cls(device)
        if any(row.uses for row in rows):
            query = select(
                ConcurrencyLimit.org_id, ConcurrencyLimit.project_id, ConcurrencyLimit.name,
                ConcurrencyLimit.at_once,
            )  # fmt: skip
            for org_id, project_id, name, at_once in connection.execute(
                query.execution_options(**MARK)
            ):
                places.limits[_key(org_id, project_id, name)] = at_once
        if places.limits:
            places.used = places._count(connection)
        return places

    def fits(self, row: Candidate) -> bool:
        """Tell whether a job may be taken beside all that runs."""
        return self.used is None or all(
            self.used[key] < self.limits[key] for key in self._limited(row)
        )

    def take(self, row: Candidate) -> None:
        """Count a job that is being taken."""
        if self.used is not None:
            self.used.update(self._limited(row))

    def free(self) -> ColumnElement[bool]:
        """Return the condition that a job uses nothing that is full."""
        if self.used is None:
            return true()
        full = [key for key, at_once in self.limits.items() if self.used[key] >= at_once]
        mine = self._device_key()
        conditions = [
            uses_thing(name)
            if org_id is None
            else and_(Job.org_id == org_id, Job.project_id == project_id, uses_thing(name))
            for org_id, project_id, name in full
            if org_id is not None or (org_id, project_id, name) == mine
        ]
        return not_(or_(*conditions)) if conditions else true()

    def _limited(self, row: Candidate) -> list[Key]:
        names = read_uses(taken_on(row.uses, self.device))
        keys = [_key(row.org_id, row.project_id, name) for name in names]
        return [key for key in keys if key in self.limits]

    def _device_key(self) -> Key | None:
        return None if self.device is None else (None, None, f"{DEVICE}:{self.device}")

    @staticmethod
    def _count(connection: Connection) -> Counter[Key]:
        """Count what runs, once no other claim can add to it before this one is committed."""
        if connection.dialect.name == "postgresql":
            connection.execute(held_alone(ONE_AT_A_TIME, waits=True))
        return _counted(connection.execute(_running().execution_options(**MARK)))


def _key(org_id: UUID, project_id: UUID, name: str) -> Key:
    return (None, None, name) if is_device(name) else (org_id, project_id, name)


def _running() -> Any:
    return (
        select(Job.org_id, Job.project_id, Job.uses, func.count())
        .where(Job.state == State.RUNNING, Job.uses != "")
        .group_by(Job.org_id, Job.project_id, Job.uses)
    )


def _counted(rows: Iterable[Any]) -> Counter[Key]:
    counts: Counter[Key] = Counter()
    for org_id, project_id, uses, count in rows:
        for name in read_uses(uses):
            counts[_key(org_id, project_id, name)] += count
    return counts


# -- for people ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LimitSeen:
    """A limit at a moment: how many of its places are taken, and how many due jobs wait."""

    name: str
    at_once: int
    running: int
    waiting: int

    @property
    def is_full(self) -> bool:
        return self.running >= self.at_once


def list_limits(db: Session, tenant: Tenant, now: datetime) -> list[LimitSeen]:
    """Return the limits that hold for a project, by name: one statement, or three. System session.

    What other tenants run on a device counts; that it is theirs is not told.
    """
    of_mine = and_(
        ConcurrencyLimit.org_id == tenant.org_id, ConcurrencyLimit.project_id == tenant.project_id
    )
    of_devices = ConcurrencyLimit.name.startswith(f"{DEVICE}:", autoescape=True)
    query = select(ConcurrencyLimit.name, ConcurrencyLimit.at_once).where(or_(of_mine, of_devices))
    limits = dict(db.execute(query).all())
    if not limits:
        return []
    running = _counted(db.execute(_running()))
    due = (
        select(Job.org_id, Job.project_id, Job.uses, func.count())
        .where(Job.state == State.QUEUED, Job.run_at <= now, Job.uses != "")
        .where(Job.org_id == tenant.org_id, Job.project_id == tenant.project_id)
        .group_by(Job.org_id, Job.project_id, Job.uses)
    )
    waiting: Counter[str] = Counter()
    for _, _, uses, count in db.execute(due):
        mine = read_uses(uses)
        devices = any(map(is_device, mine))
        for name in limits:
            waiting[name] += count if name in mine or (devices and is_device(name)) else 0
    return [
        LimitSeen(
            name, limits[name], running[_key(tenant.org_id, tenant.project_id, name)], waiting[name]
        )
        for name in sorted(limits)
    ]  # fmt: skip


def waits_for(uses: str, limits: list[LimitSeen]) -> LimitSeen | None:
    """Return the full limit that keeps a due job where it is, where there is one.

    A job waits for a device only while every device that has a limit is full.
    """
    names = read_uses(uses)
    for limit in limits:
        if limit.is_full and limit.name in names and not is_device(limit.name):
            return limit
    devices = [limit for limit in limits if is_device(limit.name)]
    if devices and any(map(is_device, names)) and all(limit.is_full for limit in devices):
        return devices[0]
    return None
