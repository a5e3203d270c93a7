"""A worker of runs that can be killed in its process: from then on nothing it does has an effect.

Its model and its tool stop at every call until the test lets that very call go on, so that a test
knows exactly where each run stands.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.serving import Serving
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest
from camel_ext.settings import Settings
from camel_ext.workflows.calls import Patience
from camel_ext.workflows.process import Workshop
from camel_ext.workflows.tools import Limits, Sandbox, Tool
from tests.fakes.engine import FakeEngine

T = TypeVar("T")


class MortalThreads(ThreadLanes):
    """Real threads; who is dead never hears of what they did."""

    def __init__(self) -> None:
        super().__init__()
        self.dead = self.over = False
        self._hanging: list[asyncio.Future[None]] = []

    async def run(self, lane: str, fn: Callable[..., T], *args: object) -> T:
        await self._perhaps_hang()
        result = await super().run(lane, fn, *args)
        await self._perhaps_hang()
        return result

    async def _perhaps_hang(self) -> None:
        if self.dead and not self.over:
            hang = asyncio.get_running_loop().create_future()
            self._hanging.append(hang)
            await hang
        if self.over:
            raise asyncio.CancelledError  # nobody is left to be told

    def end(self) -> None:
        self.over = True
        for hang in self._hanging:
            if not hang.done():
                hang.set_result(None)


class Gates:
    """Calls that have come and wait to be let through, by key."""

    def __init__(self) -> None:
        self.waiting: dict[Any, asyncio.Future[None]] = {}

    async def pass_(self, key: Any) -> None:
        gate = self.waiting[key] = asyncio.get_running_loop().create_future()
        try:
            await gate
        finally:
            if self.waiting.get(key) is gate:
                del self.waiting[key]

    def open(self, key: Any) -> None:
        self.waiting[key].set_result(None)


class GatedEngine(FakeEngine):
    """Knows a call by its seed, which names run and place."""

    def __init__(self, gates: Gates) -> None:
        super().__init__()
        self.gates = gates

    async def chat(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        await self.gates.pass_(request.params["seed"])
        return await super().chat(request, timeout_s=timeout_s)


class MortalWorker:
    """One worker process."""

    def __init__(self, url: str, folder: Path, sent: list[str]) -> None:
        self.threads, self.gates, self.sent = MortalThreads(), Gates(), sent
        self.runtime = Runtime(Database(url), SystemClock(), Random(), self.threads)
        settings = Settings(data_dir=folder)
        serving = self.runtime.extras["serving"] = Serving(self.runtime, settings)
        serving.use(GatedEngine(self.gates))
        self.sandbox = Sandbox(Limits(wall_s=5), hidden=[])
        schema = {"type": "object", "properties": {}}
        send = Tool("send", "Send it.", schema, False, self._send)
        self.runtime.extras["workflows"] = Workshop(
            {"send": send}, self.sandbox, folder / "scratch", 5.0, 1000, Patience(0.1, 0.1, 6), 2048
        )
        self.worker = QueueWorker(
            self.runtime, name="mortal", concurrency=64, poll_s=0.02, heartbeat_s=0.1, sole=True
        )
        self.running = asyncio.get_running_loop().create_task(self.worker.run())

    async def _send(self, _given: dict[str, Any], context: Any) -> str:
        self.sent.append(context.effect_key)
        await self.gates.pass_(context.effect_key)
        return "sent"

    def kill(self) -> None:
        self.threads.dead = True

    def pauses(self, run_id: str) -> bool:
        """Tell whether the worker knows that this run is to pause."""
        return any(
            context.pause_requested and context.job.args["run_id"] == run_id
            for context, _ in self.worker._held.values()
        )

    async def end(self) -> None:
        """Let everything that hangs end."""
        self.worker.stop()
        self.threads.end()
        await asyncio.sleep(0)
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for _ in range(50):
            for each in rest:
                each.cancel()
            if not rest:
                break
            await asyncio.wait(rest, timeout=0.2)
            rest = {each for each in rest if not each.done()}
        ThreadLanes.close(self.threads)
        self.runtime.database.close()
        self.sandbox.close()
