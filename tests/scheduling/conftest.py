"""Schedules on a runtime with time by hand, and a task to schedule whose things are jobs."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select, update
from sqlalchemy.orm import Session

from camel_ext.core import jobs, leases
from camel_ext.core.database import Database
from camel_ext.core.errors import NotFound
from camel_ext.core.jobs import Claimed
from camel_ext.core.models import Job, State, Worker
from camel_ext.core.queue import ON_FAILED, TaskContext, outcome_of
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.scheduling import SCHEDULABLE, Asking, Schedulable, Scheduler, schedulable, states_of
from camel_ext.scheduling.models import Firing, Schedule
from camel_ext.scheduling.schedules import create_schedule
from camel_ext.scheduling.schemas import ScheduleCreate
from camel_ext.scheduling.ticking import FIRE
from tests.fakes.clock import FakeClock
from tests.fakes.threads import InlineThreads

THING = "tests.make_thing"
MADE = "tests.thing"  # the kind of job that a thing is
ADA = UUID(int=41)
TENANT, OTHER = Tenant(UUID(int=1), UUID(int=2)), Tenant(UUID(int=3), UUID(int=4))


class ThingMake(BaseModel):
    """What a thing is made with."""

    label: str = Field(description="Which.")


def make_thing(db: Session, asking: Asking, wanted: ThingMake) -> UUID:
    if wanted.label == "unknown":
        raise NotFound("there is no such thing")
    thing_id = asking.new_id()
    jobs.enqueue(db, asking.clock, thing_id, MADE, {"label": wanted.label})
    db.flush()
    return thing_id


@pytest.fixture(autouse=True)
def _thing() -> Iterator[None]:
    register_thing()
    yield
    SCHEDULABLE.pop(THING, None)


def register_thing() -> None:
    schedulable(
        Schedulable(
            name=THING,
            words="Make a thing.",
            arguments=ThingMake,
            path="/things/{id}",
            start=make_thing,
            look=states_of(Job),
            stop=lambda db, asking, one: jobs.request_cancel(db, asking.clock, one),
        )
    )


def asking_on(runtime: Runtime) -> Asking:
    """ADA asks, through a door."""
    seed = lambda: runtime.rng.getrandbits(31)  # noqa: E731
    return Asking("", ADA, runtime.clock, runtime.new_id, seed, "0" * 32)


def wanted(name: str = "often", **fields: Any) -> ScheduleCreate:
    """A schedule of the thing, every minute."""
    base = {
        "name": name,
        "task": THING,
        "arguments": {"label": name},
        "timing": {"kind": "every", "every_s": 60},
    }
    return ScheduleCreate.model_validate(base | fields)


@dataclass
class Desk:
    """Short ways to do what doors, schedulers and workers do, each in a transaction of its own."""

    runtime: Runtime
    clock: FakeClock
    tenant: Tenant = TENANT
    worker_id: UUID | None = field(default=None, init=False)

    async def write(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.runtime.write(self.tenant, fn, *args)

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.runtime.read(self.tenant, fn, *args)

    async def ask(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Call a service that takes who asks."""
        return await self.write(fn, asking_on(self.runtime), *args)

    async def save(self, name: str = "often", **fields: Any) -> Schedule:
        made: Schedule = await self.ask(create_schedule, wanted(name, **fields))
        return made

    def scheduler(self, name: str = "one", **how: Any) -> Scheduler:
        return Scheduler(self.runtime, name=name, **how)

    async def schedule(self, schedule_id: UUID) -> Schedule:
        found: Schedule = await self.read(lambda db: db.get_one(Schedule, schedule_id))
        return found

    async def firings(self, schedule_id: UUID) -> list[Firing]:
        """All firings, in the order of their ticks."""
        query = (
            select(Firing)
            .where(Firing.schedule_id == schedule_id)
            .order_by(Firing.tick_at, Firing.id)
        )
        found: list[Firing] = await self.read(lambda db: list(db.scalars(query)))
        return found

    async def things(self) -> list[Job]:
        """What was started, in order."""
        query = select(Job).where(Job.kind == MADE).order_by(Job.created_at, Job.id)
        found: list[Job] = await self.read(lambda db: list(db.scalars(query)))
        return found

    async def end_thing(self, thing_id: UUID, state: State = State.SUCCEEDED) -> None:
        def end(db: Session) -> None:
            ended = {"state": state, "finished_at": self.clock.now()}
            db.execute(update(Job).where(Job.id == thing_id).values(**ended))

        await self.write(end)

    async def work(self) -> list[State]:
        """Carry out every firing that is due, as a worker does; return how their jobs ended."""
        ends = []
        for job in await self.runtime.gate.write(self._claim, acting="test"):
            context = TaskContext(self.runtime, job)
            values = await outcome_of(context, stopping=lambda: False)
            assert values is not None
            if values["state"] == State.FAILED:
                await ON_FAILED[FIRE](context, values["error_code"], values["error_detail"])
            settle = partial(_settle, job=job, values=values, now=self.clock.now())
            await self.runtime.gate.write(settle, acting="test")
            ends.append(values["state"])
        return ends

    def _claim(self, connection: Connection, _signals: object) -> list[Claimed]:
        now = self.runtime.database.now(connection, self.clock)
        if self.worker_id is None:
            self.worker_id = self.runtime.new_id()
            leases.register(
                connection,
                Worker(
                    id=self.worker_id, name="test", started_at=now, heartbeat_at=now,
                    lease_until=now + timedelta(days=9999),
                ),
            )  # fmt: skip
        leases.sweep(connection, self.worker_id, now, now)
        kinds = frozenset({FIRE})
        return jobs.claim(connection, self.worker_id, now, slots=100, free={}, kinds=kinds)


def _settle(connection: Connection, _signals: object, **what: Any) -> None:
    jobs.settle(connection, **what)


@pytest.fixture
async def desk(sqlite_url: str) -> AsyncIterator[Desk]:
    """Services on SQLite, with time by hand: PostgreSQL has a clock of its own."""
    clock = FakeClock()
    runtime = Runtime(Database(sqlite_url), clock, Random(7), InlineThreads())
    yield Desk(runtime, clock)
    await runtime.close()
