"""Tasks that there are for these tests alone."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.door import TenantDoor
from camel_ext.core.errors import Unavailable
from camel_ext.core.queue import TASKS, TaskContext, task
from camel_ext.core.tasks import AGAIN, CANCEL
from tests.jobs.shelf import KIND, PLAIN, Ran


@pytest.fixture
def ran() -> Iterator[Ran]:
    """What the two tasks of this test did, in order; `fail` fails, `hold` never ends."""
    registries: list[dict[str, Any]] = [TASKS, CANCEL, AGAIN]
    known, done = [dict(each) for each in registries], Ran()

    def cancel(db: Session, door: TenantDoor, *, word: str, job_id: str) -> None:
        jobs.request_cancel(db, door.runtime.clock, UUID(job_id))

    def again(db: Session, door: TenantDoor, *, word: str, job_id: str) -> UUID:
        runtime = door.runtime
        new_id = runtime.new_id()
        args = {"word": f"{word} again", "job_id": str(new_id)}
        jobs.enqueue(db, runtime.clock, new_id, KIND, args)
        return new_id

    @task(KIND, cancel=cancel, again=again)
    async def fill(_context: TaskContext, *, word: str, job_id: str) -> None:
        done.append(word)
        if word == "fail":
            raise Unavailable("nobody answers")
        if word == "hold":
            await asyncio.Event().wait()

    @task(PLAIN)
    async def tidy(_context: TaskContext, *, word: str, job_id: str) -> None:
        done.append(word)
        if word == "fail":
            raise Unavailable("nobody answers")
        if word == "hold":
            await asyncio.Event().wait()

    yield done
    for registry, before in zip(registries, known, strict=True):
        registry.clear()
        registry.update(before)
