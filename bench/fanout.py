"""P6: CPU of a server for each event it delivers to each client, beside a plain Starlette broadcast.

Arms, each a uvicorn process of its own with the same raw epoll client: `ours` is the whole product
(commit with fsync, numbering, framing, tenant and topic filter, heartbeats), `plain` a Starlette
WebSocket endpoint and `for client in clients: await client.send_text(text)` with the same bytes and
nothing stored. Every client checks every event: no gap, no repetition. Latency runs from just before
the commit (ours) or the loop (plain) to the client's read. CPU is what /proc says
of all threads of the server process. Runs are interleaved ABBA; intervals are 95 % bootstrap of the median
ratio. It says nothing about many machines, TLS or clients that are slow.

Each size is run with clients that ask for compression, as browsers and client libraries do unless
told not to (uvicorn's default then compresses every message for every client; ours sends the same
uncompressed frame to all), and with clients that do not; with single events, and with events that
happen together, which ours writes together.

    python -m bench.fanout [--clients 200 1000] [--events 40] [--blocks 5] [--batch 1 5]
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.epoll_clients import Clients
from bench.method import interval

TOPIC = "bench.tick.happened"
PAD = "x" * 200
Emit = Callable[[list[int]], Awaitable[None]]


# --- the servers: commands on stdin, answers on stdout ---


async def serve_ours(folder: str) -> None:
    """Serve the whole product and commit events on command."""
    from camel_ext.app import create_app
    from camel_ext.core import outbox
    from camel_ext.core.outbox import Event, event_type
    from camel_ext.identity import bootstrap
    from camel_ext.settings import Settings

    @event_type(TOPIC)
    @dataclass(frozen=True)
    class Tick(Event):
        n: int
        at_ns: int
        pad: str = PAD

    app = create_app(Settings(data_dir=Path(folder)))

    async def emit(numbers: list[int]) -> None:
        runtime = app.state.runtime
        tenant = getattr(app.state, "bench_tenant", None)
        if tenant is None:
            found = await runtime.write_system(
                "bench", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
            )
            tenant = app.state.bench_tenant = found.tenant
        at_ns = time.monotonic_ns()

        def publish(db: Any) -> None:
            for n in numbers:
                outbox.publish(db, runtime.clock, Tick("bench", n, at_ns))

        await runtime.write(tenant, publish)

    await _serve(app, "camel_ext.events.sockets:FramedSockets", emit)


async def serve_plain(_folder: str) -> None:
    """Serve a plain broadcast."""
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket, WebSocketDisconnect

    clients: set[WebSocket] = set()

    async def endpoint(client: WebSocket) -> None:
        await client.accept()
        clients.add(client)
        try:
            await client.send_text('{"type":"hello"}')
            while True:
                await client.receive_text()
        except WebSocketDisconnect:
            clients.discard(client)

    async def emit(numbers: list[int]) -> None:
        at_ns = time.monotonic_ns()
        for n in numbers:
            text = json.dumps(
                {
                    "type": "event",
                    "cursor": "ZXYAAAAAAAAB",
                    "event": TOPIC,
                    "subject": "bench",
                    "payload": {"n": n, "at_ns": at_ns, "pad": PAD},
                    "trace_id": None,
                    "at": "2026-11-01T00:00:00.000000Z",
                },
                separators=(",", ":"),
            )
            for client in list(clients):
                await client.send_text(text)

    app = Starlette(routes=[WebSocketRoute("/api/v1/events", endpoint)])
    await _serve(app, "auto", emit)


async def _serve(app: Any, ws: str, emit: Emit) -> None:
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(
        app,
        ws=ws,
        log_level="error",
        access_log=False,
        ws_ping_interval=None,  # clients do not read while the other arm runs
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event to wait for
        await asyncio.sleep(0.01)
    print(listener.getsockname()[1], flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        first, events, batch, pause_s = line.split()
        pause, n, end = float(pause_s), int(first), int(first) + int(events)
        due = time.monotonic()
        while n < end:
            await emit(list(range(n, min(n + int(batch), end))))
            n += int(batch)
            due += pause
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        print("sent", flush=True)
    server.should_exit = True
    await task


# --- the measurement ---


class Arm:
    """A server process and its clients."""

    def __init__(self, name: str, clients: int, deflate: bool) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-fanout-")
        command = [sys.executable, "-m", "bench.fanout", "--serve", name, self._folder.name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        port = int(self._read())
        key = Path(self._folder.name, "owner.key")
        secret = key.read_text().strip() if key.exists() else None
        self._clients = Clients(port, clients, secret, deflate)
        self._count = clients
        self._next = 0

    def run(self, events: int, batch: int, pause_s: float) -> dict[str, float]:
        """Deliver events to every client; return what it cost."""
        first, self._next = self._next, self._next + events
        self._clients.begin(first)
        before = self._cpu_s()
        assert self._process.stdin is not None
        self._process.stdin.write(f"{first} {events} {batch} {pause_s}\n")
        self._process.stdin.flush()
        total, started = events * self._count, time.monotonic()
        self._clients.read_until(total, started + 120)
        wall_s = time.monotonic() - started
        self._read()
        latencies = sorted(self._clients.latencies_ns)
        return {
            "cpu_us": (self._cpu_s() - before) * 1e6 / total,
            "p50_ms": latencies[len(latencies) // 2] / 1e6,
            "p99_ms": latencies[int(len(latencies) * 0.99)] / 1e6,
            "wall_s": wall_s,
            "missing": total - self._clients.delivered,
            "gaps": self._clients.gaps,
            "repeated": self._clients.repeated,
        }

    def rss_kb(self) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._clients.close()
        self._process.stdin.close()
        self._process.wait(20)
        self._folder.cleanup()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def _cpu_s(self) -> float:
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def measure(clients: int, events: int, blocks: int, batch: int, deflate: bool) -> dict[str, Any]:
    """Run both arms interleaved and compare them."""
    arms = {name: Arm(name, clients, deflate) for name in ("ours", "plain")}
    pause_s = max(
        0.02, clients * batch * (2e-4 if deflate else 1e-4)
    )  # so that the slower arm is at some 60 % load
    runs: dict[str, list[dict[str, float]]] = {"ours": [], "plain": []}
    try:
        for arm in arms.values():
            arm.run(max(batch, events // 4), batch, pause_s)
        for _ in range(blocks):
            for name in ("ours", "plain", "plain", "ours"):
                runs[name].append(arms[name].run(events, batch, pause_s))
        rss = {name: arm.rss_kb() for name, arm in arms.items()}
    finally:
        for arm in arms.values():
            arm.close()
    result: dict[str, Any] = {
        "clients": clients,
        "events": events,
        "batch": batch,
        "deflate": deflate,
    }
    result["rss_kb"] = rss
    for name, some in runs.items():
        result[name] = {
            key: round(statistics.median(run[key] for run in some), 3)
            for key in ("cpu_us", "p50_ms", "p99_ms")
        } | {key: sum(run[key] for run in some) for key in ("missing", "gaps", "repeated")}
    for key in ("cpu_us", "p99_ms"):
        ratios = [o[key] / p[key] for o, p in zip(runs["ours"], runs["plain"], strict=True)]
        result[f"ratio_{key}"] = [round(x, 3) for x in interval(ratios)]
    return result


def show(results: list[dict[str, Any]]) -> None:
    """Print the table."""
    print(
        f"{'clients':>7} {'deflate':>7} {'batch':>5} {'arm':>6} {'CPU µs':>8} {'p50 ms':>8} {'p99 ms':>8} "
        f"{'gaps':>5} {'dups':>5} {'CPU ratio [95 %]':>24} {'p99 ratio [95 %]':>24}"
    )
    for result in results:
        for name in ("plain", "ours"):
            arm, tail = result[name], ""
            if name == "ours":
                both = (result["ratio_cpu_us"], result["ratio_p99_ms"])
                tail = " ".join(f"{f'{m:.3f} [{lo:.3f}, {hi:.3f}]':>24}" for m, lo, hi in both)
            lost = arm["gaps"] + arm["missing"]
            print(
                f"{result['clients']:>7} {result['deflate']!s:>7} {result['batch']:>5} {name:>6} {arm['cpu_us']:>8.1f} "
                f"{arm['p50_ms']:>8.1f} {arm['p99_ms']:>8.1f} {lost:>5.0f} "
                f"{arm['repeated']:>5.0f} {tail}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--events", type=int, default=40, help="times batch")
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument(
        "--batch", type=int, nargs="+", default=[1, 5], help="events that happen together"
    )
    parser.add_argument("--serve", nargs=2, metavar=("ARM", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        arms = {"ours": serve_ours, "plain": serve_plain}
        asyncio.run(arms[options.serve[0]](options.serve[1]))
        return
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"the host was not idle before the start: load {load:.2f}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results = [
        measure(clients, options.events * batch, options.blocks, batch, deflate)
        for clients in options.clients
        for deflate in (False, True)
        for batch in options.batch
    ]
    show(results)
    packages = {name: version(name) for name in ("starlette", "uvicorn", "websockets")}
    print(
        json.dumps(
            {
                "goal": "P6",
                "load_before": load,
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "python": platform.python_version(),
                "packages": packages,
                "results": results,
            }
        )
    )


if __name__ == "__main__":
    main()
