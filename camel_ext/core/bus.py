"""The bus between processes: what is worth hearing now, and what nobody needs to keep.

Redis, where a URL is set; otherwise there is none, and everything goes by the database. What is said may
be lost at any time, by us too: the rows are the truth. So nobody waits to say something, and who
comes back after a broken connection is told that it may have missed something.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from camel_ext.core.dependencies import REDIS, Dependency, DependencyDown, Policy
from camel_ext.core.runtime import Runtime

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger(__name__)
EXTRA = "bus"
WAITING_MAX = 10_000  # messages; the oldest go first
BATCH = 256
BACKOFF_MAX_S = 5.0
POLICY = Policy(timeout_s=2.0, tries=1, failures=3, open_s=1.0)
Heard = Callable[[bytes], None]


class _Said(msgspec.Struct, array_like=True):
    """One message on the wire."""

    who: bytes
    kind: str
    content: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Said).decode


class Bus:
    """One per process with a `redis.url`; it belongs to the event loop."""

    def __init__(self, runtime: Runtime, url: str, prefix: str, policy: Policy = POLICY) -> None:
        self.dependency = Dependency(
            runtime.clock,
            REDIS,
            policy,
            lost="text is not seen live that another process makes; limits count in each "
            "process; repeated questions are asked of the model",
            meanwhile="the feed, runs and answers go on by the database, a little later",
        )
        runtime.dependencies[REDIS] = self.dependency
        self._runtime, self._url = runtime, url
        self._timeout_s = policy.timeout_s
        self._channel = f"{prefix}:bus"
        self._prefix = prefix
        self._me = runtime.new_id().bytes
        self._waiting: deque[bytes] = deque(maxlen=WAITING_MAX)
        self._said = asyncio.Event()
        self._listeners: dict[str, Heard] = {}
        self._returns: list[Callable[[], None]] = []
        self._scripts: Redis | None = None
        self._hearing = False
        self._went: set[str] = set()  # which connection was good since it last broke

    @property
    def alive(self) -> bool:
        """Tell whether others are heard now."""
        return self._hearing

    def say(self, kind: str, content: bytes = b"") -> None:
        """Tell the other processes, if they hear it; never waits."""
        self._waiting.append(_encode(_Said(self._me, kind, content)))
        self._said.set()

    def hear(self, kind: str, heard: Heard) -> None:
        """Call back on the loop with what others say of that kind."""
        self._listeners[kind] = heard

    def on_return(self, callback: Callable[[], None]) -> None:
        """Call back whenever others are heard anew: something may have been missed."""
        self._returns.append(callback)

    async def script(self, text: str, keys: list[str], arguments: list[Any]) -> Any:
        """Run a Lua script on the server and return its answer.

        Raises: DependencyDown.
        """
        from redis.exceptions import RedisError

        if self._scripts is None:
            self._scripts = self._connect()
        client = self._scripts
        named = [f"{self._prefix}:{key}" for key in keys]

        async def run() -> Any:
            answer: Any = client.eval(text, len(named), *named, *arguments)
            return await answer

        try:
            return await self.dependency.call(run, (RedisError, OSError))
        except (TimeoutError, RedisError, OSError) as error:
            raise DependencyDown(f"Redis did not answer ({type(error).__name__})") from error

    async def keep(self, work: "Callable[[Redis], Awaitable[None]]") -> None:
        """Do that work on a connection, and on the next one when it breaks; until cancelled."""
        failures = 0
        while True:
            client = self._connect()
            try:
                await work(client)
            except Exception as error:
                self.dependency.failed(error)
                failures = 0 if work.__name__ in self._went else failures
                self._went.discard(work.__name__)
                if failures == 0:
                    log.warning(
                        "Redis is lost, the database serves alone: %s", type(error).__name__
                    )
                await self._runtime.clock.sleep(min(BACKOFF_MAX_S, 0.1 * 2.0**failures))
                failures = min(failures + 1, 10)
            finally:
                self._hearing = False
                await client.aclose()

    async def send(self, client: "Redis") -> None:
        """Publish what was said, many at a time."""
        while True:
            await self._said.wait()
            self._said.clear()
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                pipe = client.pipeline(transaction=False)
                for message in some:
                    pipe.publish(self._channel, message)
                async with asyncio.timeout(self._timeout_s):
                    await pipe.execute()
                self._went.add("send")
                self.dependency.worked()

    async def listen(self, client: "Redis") -> None:
        """Hand on what others say."""
        async with client.pubsub() as heard:
            await heard.subscribe(self._channel)
            while True:
                async with asyncio.timeout(self._timeout_s):
                    first = await heard.get_message(timeout=self._timeout_s / 2)
                if first is not None and first["type"] == "subscribe":
                    break
            self._hearing = True
            self._went.add("listen")
            self.dependency.worked()
            for callback in self._returns:
                callback()
            await self._listen_on(heard)

    async def _listen_on(self, heard: Any) -> None:
        quiet_s = self._timeout_s
        while True:
            message = await heard.get_message(ignore_subscribe_messages=True, timeout=quiet_s)
            if message is None:  # quiet, or half open: a ping tells
                async with asyncio.timeout(quiet_s):
                    await heard.ping()
                    while (answer := await heard.get_message(timeout=quiet_s)) is not None:
                        if answer["type"] == "pong":
                            break
                        self._take(answer)
                    else:
                        raise ConnectionError("no answer to a ping")
                continue
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] != "message":
            return
        try:
            said = _decode(message["data"])
        except (msgspec.MsgspecError, TypeError):
            return  # of a stranger
        listener = None if said.who == self._me else self._listeners.get(said.kind)
        if listener is not None:
            listener(said.content)

    def _connect(self) -> "Redis":
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        client: Redis = Redis.from_url(
            self._url,
            socket_connect_timeout=self._timeout_s,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )
        return client

    async def close(self) -> None:
        """Close the connection of scripts."""
        if self._scripts is not None:
            await self._scripts.aclose()


def bus_of(runtime: Runtime) -> Bus | None:
    """Return the process's bus, where it has one."""
    bus: Bus | None = runtime.extras.get(EXTRA)
    return bus


@asynccontextmanager
async def bussed(
    runtime: Runtime,
    url: str | None,
    prefix: str,
    signals: frozenset[str],
    policy: Policy = POLICY,
) -> AsyncIterator[None]:
    """While the block lasts, be on the bus, and pass these signals of commits on over it, too."""
    if url is None:
        yield
        return
    bus = runtime.extras[EXTRA] = Bus(runtime, url, prefix, policy)
    gate = runtime.gate
    for signal in signals:
        gate.listen(signal, partial(bus.say, f"signal.{signal}"), elsewhere=False)
        bus.hear(f"signal.{signal}", _passer(gate.signal_from_elsewhere, signal))
    bus.on_return(partial(gate.signal_from_elsewhere, signals))
    tasks = {
        asyncio.create_task(bus.keep(bus.send), name="bus-out"),
        asyncio.create_task(bus.keep(bus.listen), name="bus-in"),
    }
    try:
        yield
    finally:
        while tasks:  # a cancellation that comes while it connects may be lost in the library
            for task in tasks:
                task.cancel()
            tasks = (await asyncio.wait(tasks, timeout=0.5))[1]
        await bus.close()
        del runtime.extras[EXTRA]


def _passer(passing: Callable[[frozenset[str]], None], signal: str) -> Heard:
    def heard(_content: bytes) -> None:
        passing(frozenset({signal}))

    return heard
