"""Answers to judge and judges to judge them, on a runtime of each database and in the running app."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from camel_ext.annotations import (
    Annotation,
    AnyCreate,
    Batch,
    BatchStart,
    Judge,
    JudgeKind,
    Judgement,
    annotate,
    get_batch,
    read_current,
    start_batch,
    undo_batch,
    withdraw,
)
from camel_ext.core.database import Database
from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.identity import Bootstrapped, bootstrap
from tests.conftest import House
from tests.fakes.clock import FakeClock
from tests.interactions.conftest import Record, recording
from tests.statements import counted

LONG_S = 30.0  # the machine may be busy: a wait that ends by time is a failure, not a measure
ADA, BEN = UUID(int=41), UUID(int=42)
ada = Judge(JudgeKind.PERSON, "ada", None, ADA)
ben = Judge(JudgeKind.PERSON, "ben", None, BEN)


@dataclass(slots=True)
class Desk:
    """Short ways to do what the services do, each in a transaction of its own."""

    runtime: Runtime
    tenant: Tenant
    clock: FakeClock
    record: Record

    async def write(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.runtime.write(self.tenant, fn, *args)

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.runtime.read(self.tenant, fn, *args)

    async def answered(self, text: str = "yes", **who: Any) -> UUID:
        """The id of a recorded answer."""
        return (await self.record(reply=text, **who)).id

    async def judge(self, wanted: AnyCreate, judge: Judge = ada) -> Annotation:
        made: Annotation = await self.write(
            annotate, self.runtime.clock, self.runtime.new_id, judge, wanted
        )
        return made

    async def withdraw(self, annotation_id: UUID, principal_id: UUID = ADA, **how: Any) -> Any:
        def take(db: Session) -> Annotation:
            return withdraw(db, self.runtime.clock, principal_id, annotation_id, **how)

        return await self.write(take)

    async def start(self, **wanted: Any) -> Batch:
        """A queued batch."""
        made: Batch = await self.write(
            start_batch, self.clock, self.runtime.new_id, ADA, BatchStart(**wanted)
        )
        return made

    async def batch(self, batch_id: UUID) -> Batch:
        found: Batch = await self.read(get_batch, batch_id)
        return found

    async def run(self, **wanted: Any) -> Batch:
        """A batch at its end."""
        made = await self.start(**wanted)
        async with self.working():
            return await self.until(made.id, lambda batch: batch.state.is_final)

    async def undo(self, batch_id: UUID) -> Batch:
        """A batch whose verdicts are taken back."""
        await self.write(undo_batch, self.clock, self.runtime.new_id, ADA, batch_id)
        async with self.working():
            return await self.until(batch_id, lambda batch: batch.undone_at is not None)

    async def until(self, batch_id: UUID, there: Callable[[Batch], bool]) -> Batch:
        """Wait until a batch is as it should be."""
        async with asyncio.timeout(LONG_S):
            while not there(batch := await self.batch(batch_id)):  # noqa: ASYNC110 - it is a row
                await asyncio.sleep(0.005)
        return batch

    @asynccontextmanager
    async def working(self, **how: Any) -> AsyncIterator[None]:
        """A worker that executes jobs until the block ends; real time passes for it."""
        worker = QueueWorker(self.runtime, name="test", concurrency=4, poll_s=0.0, **how)
        running = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            worker.stop()
            await running

    async def current(self, *ids: UUID) -> list[Judgement]:
        found: dict[UUID, list[Judgement]] = await self.read(read_current, ids)
        return [each for one in ids for each in found.get(one, [])]


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    """Services on each database, with time by hand."""
    clock = FakeClock()
    runtime = Runtime(Database(database_url), clock, Random(7), ThreadLanes())

    def found(db: Session) -> Bootstrapped:
        return bootstrap(db, clock, runtime.new_id)

    tenant = (await runtime.write_system("test", found)).tenant
    yield Desk(runtime, tenant, clock, recording(runtime, tenant))
    await runtime.close()


@pytest.fixture
def house_record(house: House) -> Record:
    """Records a call in the running app, as its owner."""
    return recording(house.runtime, house.owner.tenant, house.owner.principal_id)


@pytest.fixture
def statements(desk: Desk) -> Iterator[list[str]]:
    """What the desk's readers execute, from here on."""
    with counted(desk.runtime) as seen:
        yield seen


@pytest.fixture
def house_statements(house: House) -> Iterator[list[str]]:
    """What the running app's readers execute for tables of this room."""
    with counted(house.runtime, ("annotation",)) as seen:
        yield seen
