"""P1: durable steps a second at 100 concurrent runs, acknowledged after fsync, and then kill -9.

A run is ten no-op steps of 1.5 KB each. Arms, each a process of its own on a database of its own:

    tools       ours: ten tool steps through queue, worker, execution, journal and event dispatcher
    agents      ours: ten agent steps on an engine that answers at once, every call recorded
    dbos        DBOS on SQLite as it ships: rollback journal, synchronous=FULL
    dbos-wal    DBOS handed an engine with journal_mode=WAL, synchronous=FULL (ours to give, not its default)
    langgraph   LangGraph, SqliteSaver, durability="sync"; WAL, synchronous=FULL

All commit with `synchronous=FULL`; each arm says what its connection answers. The start of the runs is
inside the time. Every block: start, warm up, measure, look whether every step is there, then begin
more runs and kill -9 in the middle of them: what had been acknowledged must be in the file. (That a step
begins says that those before it were acknowledged: each step notes it.) Power loss is not tried.

Peers live in `var/peers/<name>`, from `bench/peers/<name>.txt`. They get fewer runs (steps a second do
not depend on it), so that the whole does not take hours.

    python -m bench.durable_steps [--blocks 5] [--runs 1000] [--peer-runs 100] [--arm NAME ...]
"""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.method import abba, about, busy, cpu_s, interval, ratios, report, shown

ROOT = Path(__file__).parents[1]
PEER_HOMES = ROOT / "var" / "peers"
STEPS, CONCURRENCY, WARM_UP = 10, 100, 20
PEERS = ("dbos", "dbos-wal", "langgraph")
GOALS = {"dbos": (20.0, 10.0), "dbos-wal": (20.0, 10.0), "langgraph": (15.0, 5.0)}

OURS_SQL = """select json_extract(runs.input, '$.name'), count(*) from turns
              join runs on runs.id = turns.run_id group by 1"""
DBOS_SQL = "select workflow_uuid, count(*) from operation_outputs group by 1"
LANGGRAPH_SQL = (
    "select thread_id, max(json_extract(metadata, '$.step')) from checkpoints group by 1"
)


def _command(arm: str, folder: str) -> list[str]:
    if arm in ("tools", "agents"):
        return [sys.executable, "-m", "bench.ours_steps", folder, arm]
    peer = arm.partition("-")[0]
    python = PEER_HOMES / peer / "bin" / "python"
    style = {
        "dbos": ["shipped", "async"],  # its faster style of the two, each time
        "dbos-wal": ["wal", "sync"],
        "dbos-postgres": ["postgres", "sync"],
        "langgraph": ["sync"],
    }[arm]
    return [str(python), f"bench/peers/{peer}_steps.py", folder, *style]


class Arm:
    """One process, spoken to by lines."""

    def __init__(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix=f"p1-{name}-"))
        self._process = subprocess.Popen(
            _command(name, str(self.folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
        )
        self.head: dict[str, Any] = self.answer()

    @property
    def pid(self) -> int:
        return self._process.pid

    def execute(self, runs: int) -> dict[str, float]:
        """Execute so many runs and return what they took."""
        spent = cpu_s(self._process.pid)
        self.ask(runs)
        answer = self.answer()
        steps = runs * STEPS
        return {
            "steps_per_s": steps / answer["wall_s"],
            "cpu_us_per_step": (cpu_s(self._process.pid) - spent) / steps * 1e6,
            "steps_per_commit": steps / answer["commits"] if "commits" in answer else 0.0,
        }

    def kill_during(self, runs: int, after_s: float) -> None:
        """Begin runs, and kill -9 that long after."""
        self.ask(runs)
        time.sleep(after_s)
        self.kill()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def durable(self) -> dict[str, int]:
        """Return how many steps of each run are in the file."""
        ours = self.name in ("tools", "agents")
        path = self.folder / ("camel-ext.db" if ours else "peer.db")
        sql = OURS_SQL if ours else DBOS_SQL if "dbos" in self.name else LANGGRAPH_SQL
        with sqlite3.connect(path) as connection:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
            return dict(connection.execute(sql).fetchall())

    def acknowledged(self) -> dict[str, int]:
        """Return how many steps of each run its caller was told of: those before one that began."""
        told: dict[str, int] = {}
        for line in (self.folder / "acks").read_text().splitlines():
            name, _, step = line.rpartition(" ")
            told[name] = max(told.get(name, 0), int(step))
        return told

    def ask(self, runs: int, concurrency: int = CONCURRENCY) -> None:
        """Have so many runs begun."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{runs} {concurrency}\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait until they have ended, and return what they took."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{self.name} died"
        answer: dict[str, Any] = json.loads(line)
        return answer


def block(name: str, runs: int, rng: random.Random) -> dict[str, Any]:
    """Measure one fresh process, kill it, and count what was lost."""
    arm = Arm(name)
    arm.execute(WARM_UP)
    result: dict[str, Any] = arm.execute(runs)
    finished = WARM_UP + runs
    arm.kill_during(runs, rng.uniform(0.3, 1.5))
    there, told = arm.durable(), arm.acknowledged()
    told |= {f"run-{n}": STEPS for n in range(finished)}
    result["acknowledged"] = sum(told.values())
    result["lost"] = sum(max(0, steps - there.get(run, 0)) for run, steps in told.items())
    result["head"] = arm.head
    shutil.rmtree(arm.folder)
    return result


def table(results: dict[str, list[dict[str, Any]]], peers: list[str]) -> dict[str, Any]:
    """Print the table and return its figures."""
    figures: dict[str, Any] = {}

    def column(arm: str, key: str) -> list[float]:
        return [row[key] for row in results[arm]]

    print(f"{'arm':10} {'steps/s':>24} {'CPU-us a step':>22} {'lost/acked':>14}  durability")
    for arm, rows in results.items():
        lost, told = sum(column(arm, "lost")), sum(column(arm, "acknowledged"))
        head = rows[0]["head"]
        mode = f"{head['journal_mode']}, synchronous={head['synchronous']}"
        rate, cpu = shown(column(arm, "steps_per_s"), 0), shown(column(arm, "cpu_us_per_step"), 0)
        print(f"{arm:10} {rate:>24} {cpu:>22} {f'{lost}/{told}':>14}  {mode}  {head['peer']}")
        figures[arm] = {
            "steps_per_s": interval(column(arm, "steps_per_s")),
            "cpu_us_per_step": interval(column(arm, "cpu_us_per_step")),
            "lost": lost,
            "acknowledged": told,
            **head,
        }
    for ours in (arm for arm in results if arm not in PEERS):
        for peer in (arm for arm in results if arm in peers):
            rate = ratios(column(ours, "steps_per_s"), column(peer, "steps_per_s"))
            cpu_ratio = ratios(column(peer, "cpu_us_per_step"), column(ours, "cpu_us_per_step"))
            aim, floor = GOALS[peer]
            low = interval(rate)[1]
            word = "aim met" if low >= aim else "floor met" if low >= floor else "NOT met"
            print(
                f"{ours} / {peer}: {shown(rate, 1)} x steps/s, {shown(cpu_ratio, 1)} x less CPU;"
                f" aim {aim:g}, floor {floor:g}: {word}"
            )
            figures[f"{ours}/{peer}"] = {"rate": interval(rate), "cpu": interval(cpu_ratio)}
    return figures


def main() -> None:
    """Run all arms, print one table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--peer-runs", type=int, default=100)
    parser.add_argument("--arm", action="append", choices=("tools", "agents", *PEERS))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    load, rng = busy(), random.Random(options.seed)
    arms = options.arm or ["tools", "agents", *PEERS]
    results: dict[str, list[dict[str, Any]]] = {arm: [] for arm in arms}
    for arm in abba(arms, options.blocks):
        runs = options.peer_runs if arm in PEERS else options.runs
        results[arm].append(block(arm, runs, rng))
        last = results[arm][-1]
        print(f"  {arm}: {last['steps_per_s']:.0f} steps/s", file=sys.stderr, flush=True)
    figures = table(results, list(PEERS))
    report(about("P1", load, ["camel-extensions", "sqlalchemy"]), seed=options.seed, arms=figures)


if __name__ == "__main__":
    main()
