"""Dead letters: how many there are of what, and queueing all of them again, some at a time.

Each is queued again in a transaction of its own, as if somebody had said so of it alone: what cannot be
holds up no other, and whoever is interrupted goes on with those that are left.
"""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.door import TenantDoor
from camel_ext.core.errors import CamelExtError
from camel_ext.core.models import Job
from camel_ext.core.paging import Place, fetch_page
from camel_ext.core.tasks import AGAIN, TASKS
from camel_ext.jobs.errors import JobKindUnknown
from camel_ext.jobs.service import check_queue, of_queue, queue_again


@dataclass(frozen=True, slots=True)
class DeadKind:
    """The dead letters of one kind."""

    queue: str
    kind: str
    jobs: int
    repeatable: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A dead letter that could not be queued again."""

    job_id: UUID
    kind: str
    code: str
    detail: str


@dataclass(slots=True)
class Repeated:
    """What became of some dead letters."""

    next_cursor: str | None
    repeated: int = 0
    refused: list[Refused] = field(default_factory=list)


def count_dead(db: Session, queue: str | None, kind: str | None) -> list[DeadKind]:
    """Return how many jobs ran out of tries and were not queued again, by kind.

    Raises: QueueUnknown, JobKindUnknown.
    """
    query = select(Job.kind, func.count()).where(*_dead(queue, kind))
    return [
        DeadKind(jobs.queue_of(each), each, count, each in AGAIN)
        for each, count in db.execute(query.group_by(Job.kind).order_by(Job.kind))
    ]


async def repeat_dead(
    door: TenantDoor, queue: str | None, kind: str | None, where: Place
) -> Repeated:
    """Queue a page of dead letters again, those that died last first.

    What dies meanwhile comes before the place of the next page, so that pages have an end.
    Raises: QueueUnknown, JobKindUnknown; what the server, not the job, is at fault for.
    """
    found, following = await door.read(_list_dead, queue, kind, where)
    done = Repeated(following)
    for job in found:
        try:
            done.repeated += await door.write(_repeat, door, job.id)
        except CamelExtError as error:
            if error.status >= 500:
                raise
            done.refused.append(Refused(job.id, job.kind, error.code, error.detail))
    return done


def _list_dead(
    db: Session, queue: str | None, kind: str | None, where: Place
) -> tuple[list[Job], str | None]:
    query = select(Job).where(*_dead(queue, kind))
    return fetch_page(db, query, Job.dead_at, Job.id, where)  # type: ignore[arg-type] # none is null


def _repeat(db: Session, door: TenantDoor, job_id: UUID) -> bool:
    """Queue one again; False: somebody did so since we looked."""
    job = db.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None or job.dead_at is None:
        return False
    queue_again(db, door, job)
    return True


def _dead(queue: str | None, kind: str | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Job.dead_at.is_not(None)]
    if queue is not None:
        check_queue(queue)
        found.append(of_queue(queue))
    if kind is not None:
        if kind not in TASKS:
            raise JobKindUnknown(
                f"kind: there is no kind of job {kind!r}; there are {', '.join(sorted(TASKS))}"
            )
        found.append(Job.kind == kind)
    return found
