"""Limits on how many jobs at once may use one thing: set, dropped, shown. Claims keep to them (core)."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core import concurrency, jobs
from camel_ext.core.clock import Clock
from camel_ext.core.concurrency import KINDS, LimitSeen
from camel_ext.core.door import TenantDoor
from camel_ext.core.models import ConcurrencyLimit, Job, State
from camel_ext.core.tenancy import current_tenant
from camel_ext.jobs.errors import LimitNameUnfit, LimitUnknown


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job, and the full limit that keeps it where it is, where there is one."""

    row: Job
    waits_for_limit: LimitSeen | None

    def __getattr__(self, name: str) -> object:
        return getattr(self.row, name)


async def see_limits(door: TenantDoor) -> list[LimitSeen]:
    """Return the limits that hold for the door's project, by name."""
    now = door.runtime.clock.now()
    return await door.runtime.read_system(
        "what limits hold", concurrency.list_limits, door.tenant, now
    )


async def see_jobs(door: TenantDoor, rows: list[Job]) -> list[JobSeen]:
    """Return jobs with what each waits for: no query more where none of them is due and uses a thing."""
    now = door.runtime.clock.now()
    due = [row.id for row in rows if row.state == State.QUEUED and row.uses and row.run_at <= now]
    limits = await see_limits(door) if due else []
    return [
        JobSeen(row, concurrency.waits_for(row.uses, limits) if row.id in due else None)
        for row in rows
    ]


def check_name(name: str) -> None:
    """Refuse what names no thing.

    Raises: LimitNameUnfit.
    """
    kind, _, thing = name.partition(":")
    if kind not in KINDS or not thing.isprintable() or not thing.strip(" |*") or "|" in thing:
        raise LimitNameUnfit(
            f"{name!r} names nothing that has limits: say workflow:NAME, model:NAME (as in "
            "models.yaml), or device:NAME (training.device of a worker, mostly its host)"
        )


def set_limit(db: Session, clock: Clock, principal_id: UUID, name: str, at_once: int) -> None:
    """Let so many jobs at once use a thing; what runs already goes on.

    Raises: LimitNameUnfit.
    """
    check_name(name)
    row = _find(db, name)
    if row is None:
        row = ConcurrencyLimit(name=name, at_once=at_once)
        db.add(row)
    row.at_once, row.principal_id, row.updated_at = at_once, principal_id, clock.now()
    db.flush()
    jobs.signal(db)


def drop_limit(db: Session, name: str) -> None:
    """Let as many jobs use a thing as there are.

    Raises: LimitUnknown.
    """
    row = _find(db, name)
    if row is None:
        raise LimitUnknown(f"there is no limit of {name!r} in this project")
    db.delete(row)
    db.flush()
    jobs.signal(db)


def _find(db: Session, name: str) -> ConcurrencyLimit | None:
    tenant = current_tenant(db)
    return db.get(ConcurrencyLimit, (tenant.org_id, tenant.project_id, name))
