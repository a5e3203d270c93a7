"""The feed across two servers on one PostgreSQL: what a client of the other server waits longer.

Two servers (`create_app(alone=False)`), each with half of the clients; all events are committed at the
first. An event's latency runs from just before its commit to the client's read; what is added is the
difference between the clients of the second server and those of the first. Arms: with Redis as the wake
(and NOTIFY), and with NOTIFY alone, each with fresh servers, interleaved ABBA. Every client checks every
event: no gap, no repetition. It says nothing about machines with a network between them.

    python -m bench.across [--clients 1000] [--events 100] [--blocks 3]
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from bench.epoll_clients import Clients
from bench.fanout import PAD, TOPIC, _serve
from bench.method import abba
from tests.brokers.servers import private_valkey
from tests.postgres import create_database, private_postgres, url_of

PAUSE_S = 0.05
ARMS = ("redis", "notify")


async def serve(folder: str) -> None:
    """Serve one of several, and commit events on command."""
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

    app = create_app(Settings(data_dir=Path(folder)), alone=False)

    async def emit(numbers: list[int]) -> None:
        runtime = app.state.runtime
        founded = await runtime.write_system(
            "bench", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
        )
        at_ns = time.monotonic_ns()

        def publish(db: Any) -> None:
            for n in numbers:
                outbox.publish(db, runtime.clock, Tick("bench", n, at_ns))

        await runtime.write(founded.tenant, publish)

    await _serve(app, "camel_ext.events.sockets:FramedSockets", emit)


class Server:
    """A server process."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.across", "--serve", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **env},
        )  # fmt: skip
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.key = (folder / "owner.key").read_text().strip()

    def send(self, events: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"0 {events} 1 {PAUSE_S}\n")
        self.process.stdin.flush()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


def listen(port: int, key: str, count: int, events: int, pipe: Any) -> None:
    """Read with so many clients in a process of its own; send what was seen."""
    clients = Clients(port, count, key, deflate=False)
    clients.begin(0)
    pipe.send("ready")
    clients.read_until(events * count, time.monotonic() + 120)
    latencies = sorted(clients.latencies_ns)
    pipe.send(
        {
            "p50_ms": latencies[len(latencies) // 2] / 1e6,
            "p99_ms": latencies[int(len(latencies) * 0.99)] / 1e6,
            "missing": events * count - clients.delivered,
            "gaps": clients.gaps,
            "repeated": clients.repeated,
        }
    )
    clients.close()


@contextmanager
def servers(env: dict[str, str]) -> Iterator[list[Server]]:
    with tempfile.TemporaryDirectory(prefix="bench-across-") as folder:
        made = [Server(Path(folder, name), env) for name in "ab"]
        try:
            yield made
        finally:
            for each in made:
                each.close()


def measure(env: dict[str, str], clients: int, events: int) -> dict[str, Any]:
    """Return what the clients of each server saw."""
    context = get_context("spawn")
    with servers(env) as made:
        ends = []
        for server in made:
            ours, theirs = context.Pipe()
            args = (server.port, server.key, clients // 2, events, theirs)
            process = context.Process(target=listen, args=args)
            process.start()
            ends.append((ours, process))
        for ours, _ in ends:
            assert ours.recv() == "ready"
        time.sleep(1.0)
        made[0].send(events)
        here, there = (ours.recv() for ours, _ in ends)
        for _, process in ends:
            process.join()
    return {"here": here, "there": there, "added_p99_ms": there["p99_ms"] - here["p99_ms"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--blocks", type=int, default=3)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
        return
    found: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
    with (
        private_postgres() as postgres,
        private_valkey() as valkey,
    ):
        for number, arm in enumerate(abba(ARMS, options.blocks)):
            name = f"across_{number}"
            create_database(postgres, name)
            env = {"CAMEL_EXT_DATABASE__URL": url_of(postgres, name)}
            if arm == "redis":
                env["CAMEL_EXT_REDIS__URL"] = valkey.url
            found[arm].append(measure(env, options.clients, options.events))
            print(json.dumps({"arm": arm, **found[arm][-1]}), flush=True)
    for arm in ARMS:
        added = [each["added_p99_ms"] for each in found[arm]]
        p99 = [each["there"]["p99_ms"] for each in found[arm]]
        print(f"{arm}: added p99 {median(added):.1f} ms, there p99 {median(p99):.1f} ms (medians)")


if __name__ == "__main__":
    main()
