"""Notifications on a runtime with time by hand, a leader that is driven by hand, and a real receiver."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from camel_ext.core import jobs, leases
from camel_ext.core.database import Database
from camel_ext.core.door import TenantDoor
from camel_ext.core.jobs import Claimed
from camel_ext.core.models import State, Worker
from camel_ext.core.outbox import Event, number_committed, publish
from camel_ext.core.queue import ON_FAILED, TaskContext, outcome_of
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.notifications.channels import create_channel
from camel_ext.notifications.deliveries import DELIVER
from camel_ext.notifications.leader import Leader
from camel_ext.notifications.models import Channel, Delivery, Notice, Rule
from camel_ext.notifications.rules import create_rule
from camel_ext.notifications.schemas import ChannelCreate, RuleChange
from camel_ext.notifications.sending import EXTRA, Office
from camel_ext.settings import Settings
from camel_ext.workflows.events import RunFinished, RunWaiting
from tests.fakes.clock import FakeClock
from tests.fakes.threads import InlineThreads

ADA = UUID(int=41)
TENANT, OTHER = Tenant(UUID(int=1), UUID(int=2)), Tenant(UUID(int=3), UUID(int=4))
HOME = ["127.0.0.0/8"]


def failed(subject: str = "run-1") -> RunFinished:
    return RunFinished(subject, "solve", "failed", "serving.provider_failed", 3)


def waits(subject: str = "run-1", waiting_for: str = "person") -> RunWaiting:
    return RunWaiting(subject, "solve", waiting_for, "may I?")


@dataclass
class Desk:
    """Short ways to do what doors, the leader and workers do, each in a transaction of its own."""

    runtime: Runtime
    clock: FakeClock
    settings: Settings
    tenant: Tenant = TENANT
    worker_id: UUID | None = field(default=None, init=False)

    @property
    def door(self) -> TenantDoor:
        return TenantDoor(self.runtime, self.tenant, ADA)

    async def write(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.runtime.write(self.tenant, fn, *args)

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.runtime.read(self.tenant, fn, *args)

    async def happen(self, *events: Event, tenant: Tenant | None = None) -> None:
        """Publish and number events."""

        def say(db: Session) -> None:
            for event in events:
                publish(db, self.clock, event)

        await self.runtime.write(tenant or self.tenant, say)
        await self.runtime.gate.write(
            lambda connection, _: number_committed(connection), acting="test"
        )

    async def channel(self, url: str, name: str = "hook", **fields: Any) -> Channel:
        body = {"name": name, "config": {"kind": "webhook", "url": url}} | fields
        made: Channel = await self.write(
            create_channel, self.door, ChannelCreate.model_validate(body)
        )
        return made

    async def rule(self, name: str = "all", channel: str | None = "hook", **fields: Any) -> Rule:
        body = {
            "name": name, "channel": channel,
            "event_types": ["workflows.run.finished", "workflows.run.waiting"],
        } | fields  # fmt: skip
        made: Rule = await self.write(create_rule, self.door, RuleChange.model_validate(body))
        return made

    def leader(self, name: str = "one") -> Leader:
        return Leader(self.runtime, name=name, lease_s=15, poll_s=5, keep_s=90 * 86_400)

    async def notices(self) -> list[Notice]:
        query = select(Notice).order_by(Notice.created_at, Notice.id)
        found: list[Notice] = await self.read(lambda db: list(db.scalars(query)))
        return found

    async def deliveries(self) -> list[Delivery]:
        query = select(Delivery).order_by(Delivery.created_at, Delivery.id)
        found: list[Delivery] = await self.read(lambda db: list(db.scalars(query)))
        return found

    async def work(self, *, dies: bool = False) -> list[State]:
        """Send what is due, as a worker does; `dies`: before it can write how that went."""
        ends = []
        for job in await self.runtime.gate.write(self._claim, acting="test"):
            context = (Dying if dies else TaskContext)(self.runtime, job)
            values = await outcome_of(context, stopping=lambda: False)
            if dies:
                self.worker_id = None  # the next one takes over
                continue
            assert values is not None
            if values["state"] == State.FAILED:
                await ON_FAILED[DELIVER](context, values["error_code"], values["error_detail"])
            settle = partial(_settle, job=job, values=values, now=self.clock.now())
            await self.runtime.gate.write(settle, acting="test")
            ends.append(values["state"])
        return ends

    def _claim(self, connection: Connection, _signals: object) -> list[Claimed]:
        now = self.runtime.database.now(connection, self.clock)
        if self.worker_id is None:
            leases.reoffer(connection, now, leases.all_workers(connection))
            self.worker_id = self.runtime.new_id()
            leases.register(
                connection,
                Worker(
                    id=self.worker_id, name="test", started_at=now, heartbeat_at=now,
                    lease_until=now + timedelta(days=9999),
                ),
            )  # fmt: skip
        leases.sweep(connection, self.worker_id, now, now)
        kinds = frozenset({DELIVER})
        return jobs.claim(connection, self.worker_id, now, slots=100, free={}, kinds=kinds)


def _settle(connection: Connection, _signals: object, **what: Any) -> None:
    jobs.settle(connection, **what)


class Dying(TaskContext):
    """Writes that a try begins, and nothing after it."""

    written = 0

    async def write(self, fn: Callable[..., Any], *args: Any) -> Any:
        self.written += 1
        if self.written > 1:
            raise RuntimeError("the process died here")
        return await TaskContext.write(self, fn, *args)


@pytest.fixture
async def desk(sqlite_url: str) -> AsyncIterator[Desk]:
    """Services on SQLite, with time by hand."""
    clock = FakeClock()
    runtime = Runtime(Database(sqlite_url), clock, Random(7), InlineThreads())
    settings = Settings.model_validate(
        {"outbound": {"allowed_networks": HOME}, "notifications": {"public_url": "https://cx.test"}}
    )
    runtime.extras[EXTRA] = Office(runtime, settings)
    yield Desk(runtime, clock, settings)
    await runtime.close()


@pytest.fixture
async def threaded(sqlite_url: str) -> AsyncIterator[Desk]:
    """The same on real threads, for what blocks one: mail, and Apprise."""
    clock = FakeClock()
    runtime = Runtime(Database(sqlite_url), clock, Random(7), ThreadLanes())
    settings = Settings()
    runtime.extras[EXTRA] = Office(runtime, settings)
    yield Desk(runtime, clock, settings)
    await runtime.close()


@dataclass
class Heard:
    """A request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A real HTTP server that answers what it is told to."""

    port: int = 0
    answers: list[tuple[int, str]] = field(default_factory=list)  # in turn; then 204
    heard: list[Heard] = field(default_factory=list)
    extra: str = ""  # more headers of an answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=s3cret"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.heard.append(Heard(first.split()[1], headers, body))
        status, said = self.answers.pop(0) if self.answers else (204, "")
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: {len(said)}\r\n{self.extra}\r\n{said}".encode()
        )
        await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver of webhooks on a free port."""
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()
