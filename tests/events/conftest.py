"""A feed on a runtime, clients of it, and the app behind a real server on a loopback port."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pytest
import uvicorn
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from camel_ext.core import outbox
from camel_ext.core.gate import Signals
from camel_ext.core.outbox import Event, event_type
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.events import end_streams, frame_kind
from camel_ext.events.cursors import decode_cursor
from camel_ext.events.dispatcher import Dispatcher
from camel_ext.events.hub import Hub
from camel_ext.events.subscriber import Subscriber
from camel_ext.events.topics import parse_topics
from tests.conftest import House
from tests.fakes.sink import FakeSink

TOKENS = frame_kind("tests.tokens")


@event_type("tests.thing.happened")
@dataclass(frozen=True)
class ThingHappened(Event):
    n: int


@event_type("tests.other.happened")
@dataclass(frozen=True)
class OtherHappened(Event):
    n: int


async def happen(
    runtime: Runtime, tenant: Tenant, *numbers: int, subject: str = "it", other: bool = False
) -> None:
    """Commit one event for each number, in one transaction."""
    kind = OtherHappened if other else ThingHappened

    def publish(db: Session) -> None:
        for n in numbers:
            outbox.publish(db, runtime.clock, kind(subject, n))

    await runtime.write(tenant, publish)


async def prune(runtime: Runtime, before: datetime) -> None:
    """Drop all numbered events older than a time."""

    def drop(connection: Connection, _signals: Signals) -> None:
        for org_id, upto in outbox.prunable(connection, before):
            while outbox.prune(connection, org_id, upto):
                pass

    await runtime.gate.write(drop, acting="test")


async def until(condition: Callable[[], object], *, within_s: float = 8.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.002)


Connect = Callable[..., Awaitable[FakeSink]]


class FeedUnderTest:
    """A hub and a dispatcher that work in steps, or by themselves after `go()`."""

    def __init__(self, runtime: Runtime, tenant: Tenant, stack: AsyncExitStack) -> None:
        self.runtime = runtime
        self.tenant = tenant
        self.hub = Hub(runtime, queue_frames=8, heartbeat_s=1000.0)
        self.dispatcher = Dispatcher(runtime, self.hub, keep_s=3600.0, poll_s=0.05)
        self._stack = stack
        self._blocks: dict[int, AsyncExitStack] = {}

    async def happen(self, *numbers: int, subject: str = "it", other: bool = False) -> None:
        await happen(self.runtime, self.tenant, *numbers, subject=subject, other=other)

    async def dispatch(self) -> None:
        self.dispatcher.wake()
        await self.dispatcher.turn()

    def go(self) -> "asyncio.Task[None]":
        task = asyncio.create_task(self.dispatcher.run())
        self._stack.push_async_callback(_stop, task)
        return task

    async def connect(
        self,
        sink: FakeSink | None = None,
        *,
        topics: str = "*",
        after: str | None = None,
        tenant: Tenant | None = None,
    ) -> FakeSink:
        sink = sink or FakeSink()
        await self.subscriber(sink, topics=topics, after=after, tenant=tenant)
        return sink

    async def subscriber(
        self,
        sink: FakeSink,
        *,
        topics: str = "*",
        after: str | None = None,
        tenant: Tenant | None = None,
    ) -> Subscriber:
        place = None if after is None else decode_cursor(after)
        block = await self._stack.enter_async_context(AsyncExitStack())
        subscriber = await block.enter_async_context(
            self.hub.subscribed(tenant or self.tenant, parse_topics(topics), place, sink)
        )
        self._blocks[id(sink)] = block
        subscriber.start()
        if sink.messages or sink._reading.is_set():
            await until(lambda: subscriber.live)
        return subscriber

    async def drop(self, sink: FakeSink) -> None:
        await self._blocks.pop(id(sink)).aclose()


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})


@pytest.fixture
async def feed(runtime: Runtime, tenant: Tenant) -> AsyncIterator[FeedUnderTest]:
    async with AsyncExitStack() as stack:
        yield FeedUnderTest(runtime, tenant, stack)


def tenant_of(number: int, *, org: int = 0) -> Tenant:
    """A made-up tenant, for what needs no rows of identity."""
    return Tenant(UUID(int=1000 + org), UUID(int=number))


class StoppingServer(uvicorn.Server):
    """A server that ends its streams before it waits for them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await end_streams(self.config.app.state.runtime)  # type: ignore[union-attr]
        await super().shutdown(sockets)


@dataclass
class Served:
    """The app on a loopback port."""

    house: House
    port: int
    server: uvicorn.Server
    task: "asyncio.Task[None]"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/v1/events"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1/events"

    @property
    def key(self) -> str:
        return (self.house.data_dir / "owner.key").read_text().strip()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    async def happen(self, *numbers: int, subject: str = "it") -> None:
        await happen(self.house.runtime, self.house.owner.tenant, *numbers, subject=subject)


@asynccontextmanager
async def serving(house: House, ws: str, *, buffer_bytes: int = 0) -> AsyncIterator[Served]:
    listener = socket.create_server(("127.0.0.1", 0))
    if buffer_bytes:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
    config = uvicorn.Config(
        house.app,  # type: ignore[arg-type]
        lifespan="off",
        ws=ws,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
    server = StoppingServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield Served(house, listener.getsockname()[1], server, task)
    finally:
        server.should_exit = True
        await task


@pytest.fixture(params=["camel_ext.events.sockets:FramedSockets", "auto"])
async def served(request: pytest.FixtureRequest, house: House) -> AsyncIterator[Served]:
    """The app behind our own socket protocol, and behind uvicorn's."""
    async with serving(house, request.param) as served:
        yield served
