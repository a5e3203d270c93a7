"""Bulk ingest on PostgreSQL: calls made elsewhere, 2 KB each, in batches of 500, all durable at the end.

Over HTTP, each side a server of its own on a database of its own of one private PostgreSQL (fsync on):

    ours       `POST /api/v1/interactions/import`, answered after the commit
    phoenix    Arize Phoenix, OTLP over HTTP, the same texts as spans; timed until its rows are there

and the rows alone, written by one connection to our own tables, to see what the way of writing costs:

    rows          as the journal writes them: one statement a table
    uncompressed  the same, bodies of up to 4 KB left uncompressed (`toast_tuple_target`): more disk, less CPU
    executemany   SQLAlchemy's: one message a row
    copy          COPY by a superuser, whom no policy holds: what PostgreSQL could do at best

CPU is the servers' and, apart, PostgreSQL's, for each call. Phoenix needs its environment (bench/README.md).

    python -m bench.ingest [--calls 20000] [--blocks 3] [--no-phoenix]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
import psycopg
from sqlalchemy import make_url

from bench.ingest_rows import WAYS, Rows
from bench.method import abba, about, busy, cpu_s, interval, report, shown
from tests.postgres import Server, create_database, own_postgres, seeing_all, url_of

BATCH = 500
BODY_BYTES = 2_048
SENDERS = 2
FLOOR = 20_000  # interactions a second and core of PostgreSQL
PEER = Path("var/peers/phoenix/bin")
WORDS = [
    "the",
    "plan",
    "says",
    "look",
    "at",
    "each",
    "part",
    "and",
    "tell",
    "what",
    "you",
    "would",
    "change",
    "and",
    "why",
    "it",
    "is",
    "so",
]


def calls(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """So many calls whose request and response take 2 KB together; each text is its own."""
    rng = Random(seed)
    made = []
    for number in range(count):
        text = " ".join(rng.choices(WORDS, k=200))
        call = {
            "model": "small",
            "session": f"user-{number % 500}",
            "request": {"messages": [{"role": "user", "content": f"{number} {text}"}],
                        "model": "small", "temperature": 0.7},
            "response": {
                "id": f"chatcmpl-{number}", "object": "chat.completion", "model": "small",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": text[:600]},
                             "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 210, "completion_tokens": 120},
            },
            "total_ms": 20.0,
        }  # fmt: skip
        size = len(msgspec.json.encode([call["request"], call["response"]]))
        call["request"]["messages"][0]["content"] += "." * (BODY_BYTES - size)  # type: ignore[index]
        made.append(call)
    return made


class Ours:
    """`camel-ext api` on PostgreSQL."""

    def __init__(self, url: str, folder: Path, port: int) -> None:
        env = {**os.environ, "CAMEL_EXT_DATABASE__URL": url, "CAMEL_EXT_DATA_DIR": str(folder)}
        words = ["up", "--port", str(port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "camel_ext.cli", *words],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._url, self._home = url, f"http://127.0.0.1:{port}"
        wait_for(f"{self._home}/readyz")
        key = (folder / "owner.key").read_text().strip()
        self._client = httpx.Client(
            base_url=self._home, headers={"Authorization": f"Bearer {key}"}, timeout=120
        )
        model = {"name": "base", "engine": "local", "file": "bundled"}
        self._client.post("/api/v1/models", json=model).raise_for_status()
        alias = {"name": "small", "targets": [{"target": "base"}]}
        self._client.post("/api/v1/aliases", json=alias).raise_for_status()

    def bodies(self, made: list[dict[str, Any]], _folder: Path) -> list[bytes]:
        lines = [msgspec.json.encode(each) for each in made]
        return [b"\n".join(lines[n : n + BATCH]) for n in range(0, len(lines), BATCH)]

    def send(self, body: bytes) -> None:
        answer = self._client.post(
            "/api/v1/interactions/import",
            content=body,
            headers={"Content-Type": "application/x-ndjson"},
        )
        answer.raise_for_status()
        assert answer.json()["recorded"] == BATCH

    def count(self) -> int:
        with seeing_all(self._url) as connection:
            return _count(connection, "interaction_bodies")


class Phoenix:
    """Arize Phoenix on PostgreSQL."""

    def __init__(self, url: str, folder: Path, port: int) -> None:
        env = {
            **os.environ,
            "PHOENIX_SQL_DATABASE_URL": url,
            "PHOENIX_WORKING_DIR": str(folder),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(port + 1),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }
        self.process = subprocess.Popen(
            [PEER / "phoenix", "serve"],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=(folder / "phoenix.log").open("wb"),
        )
        self._url = url
        wait_for(f"http://127.0.0.1:{port}/healthz")
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)

    def bodies(self, made: list[dict[str, Any]], folder: Path) -> list[bytes]:
        lines, bodies = folder / "calls.jsonl", folder / "bodies"
        lines.write_bytes(b"\n".join(msgspec.json.encode(each) for each in made))
        script = Path(__file__).parent / "peers" / "phoenix_spans.py"
        subprocess.run([PEER / "python", script, lines, bodies, "--batch", str(BATCH)], check=True)
        raw, found = memoryview(bodies.read_bytes()), []
        while raw:
            size = int.from_bytes(raw[:4], "big")
            found.append(bytes(raw[4 : 4 + size]))
            raw = raw[4 + size :]
        return found

    def send(self, body: bytes) -> None:
        """Send until it is taken: it answers 503 while its queue is full."""
        while True:
            answer = self._client.post(
                "/v1/traces", content=body, headers={"Content-Type": "application/x-protobuf"}
            )
            if answer.status_code not in (429, 503):
                break
            time.sleep(0.2)
        answer.raise_for_status()

    def count(self) -> int:
        with psycopg.connect(self._url) as connection:
            return _count(connection, "spans")


SIDES: dict[str, Callable[[str, Path, int], Any]] = {"ours": Ours, "phoenix": Phoenix}


def _count(connection: "psycopg.Connection[Any]", table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]  # noqa: S608
    assert row is not None
    return int(row[0])


def wait_for(url: str) -> None:
    """Wait until a server answers 200."""
    for _ in range(600):
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{url} did not answer within two minutes")


@contextmanager
def database(server: str, number: int) -> Iterator[str]:
    """A database of its own, dropped at the end: 20,000 calls take some 150 MB."""
    name = f"b{number}"
    create_database(server, name)
    yield url_of(server, name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def over_http(side: str, server: Server, url: str, count: int, port: int) -> dict[str, float]:
    """Send so many calls to a fresh server; return its rate and what a call costs."""
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as name:
        folder = Path(name)
        ours = SIDES[side](url, folder, port)
        try:
            warm, *bodies = ours.bodies(calls(count + BATCH), folder)
            ours.send(warm)
            _until(ours, BATCH)
            postgres_s, own_s = cpu_s(server.pid), cpu_s(ours.process.pid)
            began_s = time.perf_counter()
            with ThreadPoolExecutor(SENDERS) as pool:
                list(pool.map(ours.send, bodies))
            answered_s = time.perf_counter() - began_s
            _until(ours, BATCH + count)
            wall_s = time.perf_counter() - began_s
            return {
                "per_s": count / wall_s,
                "server_us": (cpu_s(ours.process.pid) - own_s) / count * 1e6,
                "postgres_us": (cpu_s(server.pid) - postgres_s) / count * 1e6,
                "behind_s": wall_s - answered_s,
            }
        finally:
            ours.process.terminate()
            ours.process.wait(30)


def _until(server: Any, count: int) -> None:
    while server.count() < count:
        time.sleep(0.05)


def rows_alone(way: str, server: Server, name: str, count: int) -> dict[str, float]:
    """Write the rows of so many calls; return what PostgreSQL and the writer spent on each."""
    superuser = make_url(server.url).set(database=name).render_as_string(hide_password=False)
    with Rows(url_of(server.url, name), calls(count + BATCH), superuser) as rows:
        if way == "uncompressed":
            with psycopg.connect(superuser) as connection:
                months = "SELECT part FROM camel_ext_months('interaction_bodies')"
                for (part,) in connection.execute(months).fetchall():
                    connection.execute(f"ALTER TABLE {part} SET (toast_tuple_target = 4080)")
        rows.write(way, 0, BATCH)
        postgres_s, own_s, began_s = cpu_s(server.pid), time.process_time(), time.perf_counter()
        rows.write(way, BATCH, count + BATCH)
        wall_s = time.perf_counter() - began_s
        return {
            "per_s": count / wall_s,
            "server_us": (time.process_time() - own_s) / count * 1e6,
            "postgres_us": (cpu_s(server.pid) - postgres_s) / count * 1e6,
        }


def main() -> None:
    """Measure all, print one table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--peer-calls", type=int, default=2_000)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--port", type=int, default=8110)
    parser.add_argument("--no-phoenix", action="store_true")
    options = parser.parse_args()
    load, found = busy(), dict[str, list[dict[str, float]]]()
    sides = ["ours"] if options.no_phoenix else ["ours", "phoenix"]
    with own_postgres() as server:
        for number, arm in enumerate(abba([*sides, *WAYS], options.blocks)):
            count = options.peer_calls if arm == "phoenix" else options.calls
            with database(server.url, number) as url:
                if arm in SIDES:
                    result = over_http(arm, server, url, count, options.port)
                else:
                    result = rows_alone(arm, server, f"b{number}", count)
            found.setdefault(arm, []).append(result)
            print(f"  {arm}: {result}", file=sys.stderr, flush=True)
    print(
        f"{'':13}{'calls/s':>26}{'CPU-us a call':>24}{'+ PostgreSQL':>24}{'a PostgreSQL core':>20}"
    )
    for arm, results in found.items():
        cells = [
            shown([r[key] for r in results], 0) for key in ("per_s", "server_us", "postgres_us")
        ]
        rate = interval([1e6 / r["postgres_us"] for r in results])
        print(f"{arm:13}{cells[0]:>26}{cells[1]:>24}{cells[2]:>24}{rate[0]:>18,.0f}/s")
    ours = interval([1e6 / r["postgres_us"] for r in found["rows"]])
    print(f"rows: {ours[0]:,.0f} calls a second and core of PostgreSQL, bar {FLOOR:,}: "
          f"{'met' if ours[1] >= FLOOR else 'NOT met'}")  # fmt: skip
    report(about("ingest", load, ["sqlalchemy", "psycopg"]), results=found)


if __name__ == "__main__":
    main()
