"""Keeps one model server running: starts it when first needed, again when it died, anew for adapters.

A new adapter file cannot be loaded into a running server, so a changed set means a second process:
start it, switch, drain the first. It sends no chat itself and retries none (`local.py` does).
"""

import asyncio
import hashlib
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from camel_ext.core.clock import Clock
from camel_ext.core.errors import CamelExtError
from camel_ext.core.threads import Threads
from camel_ext.serving.engines.gguf import read_header
from camel_ext.serving.engines.model_server import LocalOptions, ModelServer, start_model_server
from camel_ext.serving.engines.retry import RetryPolicy
from camel_ext.serving.errors import AdapterUnknown, EngineTimeout, EngineUnavailable

logger = logging.getLogger(__name__)
STEADY_S = 30.0  # a server that ran so long starts again at once when it dies
BACKOFF = RetryPolicy(base_s=0.5, cap_s=30.0)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the model file is, read from the file itself."""

    sha256: str
    quantization: str
    template_sha256: str | None
    architecture: str


def read_facts(path: Path) -> ModelFacts:
    """Read a model's header and hash the whole file (98 MB: about 0.2 s).

    Raises: ModelFileMissing, ModelFileWrong.
    """
    header = read_header(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ModelFacts(digest, header.quantization, header.template_sha256, header.architecture)


class Supervisor:
    """The one that knows which model server is current."""

    def __init__(
        self, options: LocalOptions, *, clock: Clock, rng: Random, threads: Threads
    ) -> None:
        self.facts: ModelFacts | None = None
        self.restarts = 0
        self.last_error = ""
        self._options, self._clock, self._rng, self._threads = options, clock, rng, threads
        self._current: ModelServer | None = None
        self._wanted: dict[Path, None] = {}  # adapters, least recently used first
        self._change: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._not_before_s = 0.0
        self._closed = False

    @property
    def current(self) -> ModelServer | None:
        """Return the server that answers now, if one does."""
        return self._current if self._current and self._current.alive else None

    async def ready(self, adapter: Path | None, timeout_s: float) -> ModelServer:
        """Return a server that has this adapter; start or switch if there is none.

        Raises: EngineTimeout, EngineUnavailable; AdapterUnknown; ModelFileMissing, ModelFileWrong.
        """
        if adapter is not None and not self._has(self.current, adapter):
            await self._check_adapter(adapter)
        try:
            async with asyncio.timeout(timeout_s):
                while not self._has(server := self.current, adapter):
                    self._want(adapter)
                    await self._wait_for(self._begin_change())
        except TimeoutError:
            raise EngineTimeout(
                f"The local model's server was not ready within {timeout_s:.1f} s; nothing was "
                f"generated. It goes on starting: ask again. {self.last_error}"
            ) from None
        assert server is not None
        self._want(adapter)
        return server

    def suspect(self, server: ModelServer) -> None:
        """Look after a server that let a call time out: it may be slow, or stuck for good."""
        if server is self._current and self._probe is None:
            self._probe = self._spawn(self._kill_if_stuck(server))

    async def close(self) -> None:
        """Stop every process; idempotent."""
        self._closed = True
        change, server = self._change, self._current
        if change is not None:
            change.cancel()
            with suppress(asyncio.CancelledError, CamelExtError):
                await change
        server = self._current or server
        self._current = None
        if server is not None:
            await server.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @staticmethod
    async def _wait_for(change: asyncio.Task[None]) -> None:
        """Wait for a change that others wait for too: leaving does not cancel it."""
        await asyncio.wait({change})
        if change.cancelled():
            raise EngineUnavailable("The local engine was closed; nothing was generated.")
        change.result()

    @staticmethod
    def _has(server: ModelServer | None, adapter: Path | None) -> bool:
        return server is not None and (adapter is None or adapter in server.adapter_ids)

    def _want(self, adapter: Path | None) -> None:
        """Note that an adapter is in use; beyond the limit the longest unused one goes."""
        if adapter is None:
            return
        self._wanted.pop(adapter, None)
        self._wanted[adapter] = None
        while len(self._wanted) > self._options.adapters_max:
            del self._wanted[next(iter(self._wanted))]

    def _begin_change(self) -> asyncio.Task[None]:
        """Return the change that is under way, or begin one."""
        if self._closed:
            raise EngineUnavailable("The local engine is closed; nothing was generated.")
        if self._change is None or self._change.done():
            self._change = self._spawn(self._replace())
        return self._change

    async def _replace(self) -> None:
        """Start a server with the wanted adapters, make it current, drain the one before."""
        await self._clock.sleep(max(0.0, self._not_before_s - self._clock.monotonic_s()))
        if self.facts is None:
            self.facts = await self._threads.run("work", read_facts, self._options.model_path)
        try:
            server = await start_model_server(self._options, tuple(self._wanted), self._clock)
        except CamelExtError as error:
            self._wanted = dict.fromkeys(self.current.adapter_ids if self.current else ())
            self._back_off(error.detail)
            raise
        before, self._current = self.current, server
        self._spawn(self._watch(server))
        if before is not None:
            self._spawn(self._retire(before))
        logger.info("local model server %d started, %d adapters", server.pid, len(self._wanted))

    async def _retire(self, server: ModelServer) -> None:
        try:
            await server.drain(self._options.drain_timeout_s)
        finally:
            await server.stop()

    async def _watch(self, server: ModelServer) -> None:
        """Start again what died without being asked to."""
        started_s = self._clock.monotonic_s()
        try:
            code = await server.wait_end()
        finally:
            await server.stop()
        if self._closed or server is not self._current:
            return
        self._current = None
        self.restarts += 1
        detail = f"The local model's server died (exit code {code}) and is started again."
        logger.warning(detail)
        if self._clock.monotonic_s() - started_s >= STEADY_S:
            self._failures = 0
        self._back_off(detail)
        self._begin_change()

    async def _kill_if_stuck(self, server: ModelServer) -> None:
        """Kill a server whose compute loop is silent: unlike /health, /metrics is answered by it."""
        try:
            await server.side.get("/metrics", timeout_s=self._options.stuck_after_s)
        except EngineTimeout:
            logger.warning("local model server %d is stuck and is killed", server.pid)
            server.kill()
        finally:
            self._probe = None

    def _back_off(self, detail: str) -> None:
        """Put the next start off, the longer the more often it failed; the first is free."""
        self.last_error = detail
        pause_s = BACKOFF.pause_s(self._failures, self._rng) if self._failures else 0.0
        self._failures += 1
        self._not_before_s = self._clock.monotonic_s() + pause_s

    async def _check_adapter(self, path: Path) -> None:
        """Refuse what is no adapter for this model before a process is started for it."""
        header = await self._threads.run("work", read_header, path)
        architecture = self.facts.architecture if self.facts else header.architecture
        if header.kind != "adapter" or header.architecture != architecture:
            raise AdapterUnknown(
                f"{path} is a {header.kind} for {header.architecture}, not an adapter for "
                f"{architecture}; nothing was generated. Convert the adapter to GGUF first."
            )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run in the background; who does not wait for it still finds its error in `last_error`."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.last_error = str(error)
