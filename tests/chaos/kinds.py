"""Faults of every kind, so many trials of each, by one command that can be cut and goes on: `make chaos`.

    python -m tests.chaos.kinds --n 200                    # all kinds
    python -m tests.chaos.kinds --kind broker --n 50       # one
    python -m tests.chaos.kinds --jobs 2                   # two kinds at a time
    python -m tests.chaos.kinds --list                     # and how long each takes, once it was tried

Each kind is made in batches, by the very tests that `make test` runs with 20; after each batch the report is
written (`var/chaos/report.json`, and `.md` to read), and the next start goes on behind it. A batch in which
a test failed counts as violated, and its output is kept beside.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "var" / "chaos" / "report.json"
BATCH = 20
PROXY, BUS = "tests/faults/test_postgres_faults.py", "tests/core/test_bus.py"
GAPLESS = "test_nothing_acknowledged_is_lost_none_is_twice_and_the_feed_is_gapless"
BUS_HELD = "test_no_fault_of_the_network_holds_anybody_up"
LINES = "tests/brokers/test_lines.py"
LINE_TESTS = {
    "hints": "test_hints_whose_line_is_bad_hold_nobody_up_and_flow_again",
    "worker": "test_a_worker_whose_line_is_bad_does_each_job_once_and_hears_again",
    "events": "test_events_whose_line_is_bad_arrive_in_order_without_a_hole",
}
MESSAGES = "tests/brokers/test_messages.py::test_each_job_runs_once"
KINDS: dict[str, tuple[str, str]] = {
    "server": ("kill -9 of a server with runs in it, on SQLite", ""),
    "worker": (
        "kill -9 of workers, each fourth time RabbitMQ with its data, each third a zombie",
        "tests/brokers/test_kills.py::test_nothing_is_lost_and_nothing_done_twice",
    ),
    "api": (
        "kill -9 of one of two servers or of the worker, clients following",
        "tests/cluster/test_apis.py::"
        "test_clients_of_two_servers_see_one_gapless_feed_while_either_is_killed",
    ),
    "scheduler": (
        "kill -9 of one of three schedulers",
        "tests/scheduling/test_processes.py::test_killed_at_random_each_tick_fires_once",
    ),
    "broker": (
        "kill -9 of RabbitMQ, its data wiped",
        "tests/brokers/test_kills.py::test_a_broker_that_is_wiped_each_time_loses_nothing",
    ),
    "redis": (
        "kill -9 of Redis",
        "tests/faults/test_restarts.py::test_redis_killed_costs_no_event",
    ),
    "postgres": (
        "immediate stop of PostgreSQL, and start",
        "tests/faults/test_restarts.py::test_a_database_that_crashes_loses_nothing_acknowledged",
    ),
    **{
        f"postgres-{kind}": (
            f"connections to PostgreSQL: {kind.replace('_', ' ')}", f"{PROXY}::{GAPLESS}[{kind}]"
        )
        for kind in ("cut", "reset", "stalled", "half_open", "black_hole", "slow")
    },
    **{
        f"redis-{kind}": (
            f"connections to Redis: {kind.replace('_', ' ')}", f"{BUS}::{BUS_HELD}[{kind}]"
        )
        for kind in ("cut", "stalled", "half_open", "black_hole")
    },
    **{
        f"rabbitmq-{who}-{kind}": (
            f"connections to RabbitMQ, {who}: {kind.replace('_', ' ')}",
            f"{LINES}::{test}[{kind}]",
        )
        for who, test in LINE_TESTS.items()
        for kind in ("cut", "stalled", "half_open", "slow")
    },
    **{
        f"messages-{habit}": (f"messages through RabbitMQ: {habit}", f"{MESSAGES}[{habit}]")
        for habit in ("doubled", "late", "reordered", "lost")
    },
    "clocks": (
        "wall clocks of three workers and a client jump an hour",
        "tests/faults/test_clocks.py::test_no_lease_ends_early_and_each_job_runs_once",
    ),
}  # fmt: skip


@dataclass
class Done:
    """What was made of one kind so far."""

    trials: int = 0
    violated: int = 0  # batches
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    skipped: str = ""


def read_report(path: Path) -> dict[str, Done]:
    """Return what an earlier start left."""
    if not path.exists():
        return {}
    return {kind: Done(**told) for kind, told in json.loads(path.read_text()).items()}


def write_report(path: Path, found: dict[str, Done]) -> None:
    """Write the report, whole or not at all, and the same to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({kind: asdict(done) for kind, done in found.items()}, indent=1))
    fresh.replace(path)
    lines = ["| kind | trials | violated | what was done | seconds |", "|---|--:|--:|---|--:|"]
    for kind, done in found.items():
        counts = ", ".join(f"{count} {name}" for name, count in sorted(done.counts.items()))
        lines.append(
            f"| {KINDS[kind][0]} | {done.trials} | {done.violated} | {done.skipped or counts} "
            f"| {done.seconds:.0f} |"
        )
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")


def make_batch(kind: str, first: int, count: int, kept: Path) -> tuple[bool, Counter[str], str]:
    """Make some trials of a kind; return whether all held, what was done, and why it was skipped."""
    test = KINDS[kind][1]
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "report"
        env = {**os.environ, "FAULT_TRIALS": str(count), "FAULT_FIRST": str(first)}
        env["FAULT_REPORT"] = str(lines)
        words = ["-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", test]
        if not test:
            words = ["-m", "tests.chaos.trials", str(count), "--seed", str(first)]
        ended = subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        said = lines.read_text().splitlines() if lines.exists() else []
    if not test:
        said = ended.stdout.splitlines()[-1:]
    counts: Counter[str] = Counter()
    for line in said:
        if line.startswith("{"):
            counts.update({k: v for k, v in json.loads(line).items() if isinstance(v, int)})
    skipped = "" if counts or ended.returncode else ended.stdout.strip().splitlines()[-2]
    if ended.returncode:
        kept.mkdir(parents=True, exist_ok=True)
        (kept / f"{kind}-{first}.log").write_text(ended.stdout + ended.stderr)
    counts.pop("trials", None)
    return ended.returncode == 0, counts, skipped


def make(kind: str, n: int, done: Done, save: Any, advance: Any) -> None:
    """Make what is missing of a kind."""
    while done.trials < n and not done.skipped:
        count, began_s = min(BATCH, n - done.trials), time.monotonic()
        held, counts, done.skipped = make_batch(kind, done.trials, count, REPORT.parent)
        done.seconds += time.monotonic() - began_s
        if done.skipped:
            break
        done.trials += count
        done.violated += not held
        done.counts = dict(Counter(done.counts) + counts)
        save()
        advance(count)
    save()


def estimate(done: Done | None, n: int) -> str:
    """Return how long so many trials take, going by those that were made here."""
    if done is None or not done.trials:
        return "?"
    return f"~{done.seconds / done.trials * n / 60:.1f} min"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=200, help="trials of each kind")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this one")
    parser.add_argument("--fresh", action="store_true", help="forget what was made before")
    parser.add_argument("--list", action="store_true", help="name the kinds, and end")
    parser.add_argument(
        "--jobs", type=int, default=1, help="kinds at a time; each has servers of its own"
    )
    given = parser.parse_args()
    console = Console(stderr=True)
    found = {} if given.fresh else read_report(REPORT)
    if given.list:
        for kind, (words, _) in KINDS.items():
            console.print(
                f"{kind:26} {estimate(found.get(kind), given.n):>10}  {words}", soft_wrap=True
            )
        return 0
    kinds: list[str] = given.kind or list(KINDS)
    held = Lock()

    def save() -> None:
        with held:
            write_report(REPORT, found)

    for kind in kinds:
        found.setdefault(kind, Done())
    columns = TextColumn("{task.description:>20}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:

        def make_kind(kind: str) -> None:
            done = found[kind]
            bar = progress.add_task(kind, total=given.n, completed=done.trials)
            make(kind, given.n, done, save, partial(progress.advance, bar))
            if done.violated:
                console.print(f"{kind}: VIOLATED, see {REPORT.parent}")

        with ThreadPoolExecutor(given.jobs) as at_once:
            list(at_once.map(make_kind, kinds))
    sys.stdout.write(REPORT.with_suffix(".md").read_text())
    return 1 if any(found[kind].violated for kind in kinds) else 0


if __name__ == "__main__":
    sys.exit(main())
