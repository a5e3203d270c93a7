"""One run of the local model's process, from its start to its end.

It starts the child, learns its port, counts the calls inside and stops it. It never starts a second
one: when to restart and when to switch is the supervisor's (`supervisor.py`).
"""

import asyncio
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
from pydantic import SecretStr

from camel_ext.core.clock import Clock
from camel_ext.serving.engines.admission import Admission
from camel_ext.serving.engines.http import Endpoint, open_client
from camel_ext.serving.engines.protocol import Json
from camel_ext.serving.errors import EngineNotInstalled, EngineUnavailable

SCRIPT = Path(__file__).with_name("local_process.py")
STOP_TIMEOUT_S = 3.0
LOG_BYTES_MAX = 5 * 1024 * 1024
# The server closes idle connections after 5 s (httplib's default): we let go of them first.
KEEPALIVE_S = 3.0
# glibc: what was read of an adapter file goes back to the system, and does not stay as holes in the
# heap. Measured with twenty adapters: 1.1 times their bytes instead of 1.8.
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": "131072"}
WAIT_INSIDE = 4  # calls more than slots wait in the server itself, so that a free slot never idles


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """How the local model is run; `threads` 0 takes the cores, at most 4.

    Two threads on contended cores fall to a tenth of the speed of one (they spin): say 1 when
    something else computes on this machine. `context_tokens` is per slot, `slots` calls run at once.
    """

    model_path: Path
    log_path: Path
    slots: int = 8
    context_tokens: int = 2048
    threads: int = 0
    adapters_max: int = 20
    start_timeout_s: float = 60.0
    drain_timeout_s: float = 300.0
    stuck_after_s: float = 30.0

    @property
    def inside_max(self) -> int:
        """Return how many calls go into the server at once."""
        return self.slots + WAIT_INSIDE

    @property
    def threads_used(self) -> int:
        """Return how many threads compute."""
        return self.threads or default_threads(os.cpu_count() or 1)

    @property
    def fits_twice(self) -> bool:
        """Whether two servers, one draining and one serving, have a core for each thread."""
        return 2 * self.threads_used <= (os.cpu_count() or 1)


class ModelServer:
    """A child process that serves the model with one fixed set of adapters.

    `admission` says whose turn it is to go in, where no other server contends for the cores; `chats` has
    as many connections as calls may be inside; `side` is for health and metrics, which must not queue
    behind them.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        clients: Sequence[httpx.AsyncClient],
        endpoints: Sequence[Endpoint],
        adapter_ids: dict[Path, int],
        build: str,
        admission: Admission,
    ) -> None:
        self.adapter_ids, self.build, self.admission = adapter_ids, build, admission
        self.chats, self.side = endpoints
        self.alive = True
        self._process, self._clients = process, clients
        self._stopping: asyncio.Task[None] | None = None
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def pid(self) -> int:
        """Return the child's process id."""
        return self._process.pid

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Count one call inside, so that draining waits for it."""
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def wait_end(self) -> int:
        """Wait until the child ended, however; its stdout ends with it, before it is reaped."""
        assert self._process.stdout is not None
        await self._process.stdout.read()
        self.alive = False
        return await self._process.wait()

    async def drain(self, timeout_s: float) -> None:
        """Wait for the calls inside, but not longer than this, then stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        await self.stop()

    def kill(self) -> None:
        """End the child at once; the supervisor sees it and starts another."""
        self.alive = False
        with suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """End the child: by the end of its stdin, by SIGKILL if it does not listen. Idempotent.

        It is one task however many wait for it, so that a cancelled waiter leaves nothing half closed.
        """
        self.alive = False
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        await _end(self._process)
        for client in self._clients:
            await client.aclose()


async def start_model_server(
    options: LocalOptions, adapter_paths: Sequence[Path], clock: Clock
) -> ModelServer:
    """Start a child and return it when it answers.

    Raises: EngineUnavailable with the end of its log; EngineNotInstalled.
    """
    api_key = SecretStr(secrets.token_urlsafe(24))
    spawning = asyncio.create_task(_spawn(options))
    try:
        process = await asyncio.shield(spawning)
    except asyncio.CancelledError:  # asyncio leaks the pipes of a spawn that is cancelled itself
        await _end(await spawning)
        raise
    ready = None
    try:
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(options.start_timeout_s):
                ready = await _ask(process, _wish(options, adapter_paths, api_key))
    finally:
        if ready is None or "ready" not in ready:
            await _end(process)
    if ready is None or "failed" in ready:
        raise _not_started(options, ready)
    if "missing" in ready:
        raise EngineNotInstalled(
            f"The local engine is not installed ({ready['missing']}), so the bundled model cannot "
            "run. Install it with: pip install 'camel-extensions[local]'"
        )
    return _server(process, ready["ready"], options, adapter_paths, api_key, clock)


def _server(
    process: asyncio.subprocess.Process,
    ready: Json,
    options: LocalOptions,
    adapter_paths: Sequence[Path],
    api_key: SecretStr,
    clock: Clock,
) -> ModelServer:
    """Open the connections to a child that answers."""
    address, build = f"http://127.0.0.1:{ready['port']}/v1", ready["build"]
    who = "The local model's server"
    clients = [
        open_client(address, api_key=api_key, connections_max=most, keepalive_s=KEEPALIVE_S)
        for most in (options.inside_max, 2)
    ]
    endpoints = [
        Endpoint(client, clock, who=who, api_key=api_key, build=build) for client in clients
    ]
    ids = {path: index for index, path in enumerate(adapter_paths)}
    return ModelServer(
        process, clients, endpoints, ids, build, Admission(options.inside_max, clock)
    )


async def _spawn(options: LocalOptions) -> asyncio.subprocess.Process:
    """Start the script with an empty environment: no secret of ours reaches it."""
    path = options.log_path
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_suffix(path.suffix + ".1"))
    with path.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(SCRIPT),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **GIVES_BACK},
            start_new_session=True,  # Ctrl-C in the terminal is for us, not for the child
        )


async def _ask(process: asyncio.subprocess.Process, wish: Json) -> Json | None:
    """Send the wish and return the child's one line; None if it ended without."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(wish) + b"\n")
    await process.stdin.drain()
    line = await process.stdout.readline()
    answer: Json | None = msgspec.json.decode(line) if line.endswith(b"\n") else None
    return answer


async def _end(process: asyncio.subprocess.Process) -> None:
    """See that the child is gone and reaped, also when we are cancelled meanwhile."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
    await process.wait()


def _wish(options: LocalOptions, adapter_paths: Sequence[Path], api_key: SecretStr) -> Json:
    return {
        "model_path": str(options.model_path),
        "model_name": options.model_path.stem,
        "adapter_paths": [str(path) for path in adapter_paths],
        "api_key": api_key.get_secret_value(),
        "slots": options.slots,
        "context_tokens": options.context_tokens,
        "threads": options.threads_used,
    }


def default_threads(cores: int) -> int:
    """Return how many threads the model gets: one core is left to everything else, at most 4 used.

    llama.cpp's threads wait for one another spinning: two on two contended cores gave 3-5 tokens/s
    where one gave 38-57 (measured).
    """
    return max(1, min(4, cores - 1))


def _not_started(options: LocalOptions, answer: Json | None) -> EngineUnavailable:
    said = answer["failed"] if answer else f"no answer within {options.start_timeout_s:.0f} s"
    return EngineUnavailable(
        f"The local model's server did not start ({said}); nothing was generated. The end of its "
        f"log {options.log_path} says: {_tail(options.log_path)}"
    )


def _tail(path: Path, count: int = 600) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - count))
        return file.read().decode("utf-8", "replace").strip() or "(nothing)"
