"""R15: the same kill test for us, stock Celery and DBOS: who loses jobs, and who repeats what was done.

A job is five steps in a row; each takes a while and then has an effect outside: a line in a ledger that
none of the arms controls. Three worker processes, four jobs at once each; jobs are asked for at an even
pace, and count once the asker was told that they are durable. Meanwhile a worker after another gets
`kill -9`, with all its children, and is started again at once; the last one stays away, as a machine
that burnt. Then everybody is waited for until the ledger has been still for a minute.

    ours          `camel-ext worker` on PostgreSQL and RabbitMQ; steps are tool steps of a run
    celery        stock Celery on the same RabbitMQ, as it comes: acknowledged as a task begins
    celery-late   the same with task_acks_late and task_reject_on_worker_lost
    dbos          DBOS on the same PostgreSQL, a queue; each worker has its executor id and keeps it

What is counted: jobs that never came to their end; effects that happened again, and of them those of steps
behind which the job had gone on already: a step that was under way when it was killed can happen twice
with anybody, as no transaction reaches the ledger; one that was finished need not.

    python -m bench.killing [--trials 2] [--jobs 300] [--kills 10] [--arm NAME ...]
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from bench.method import about, busy, report
from tests.brokers.servers import RabbitMQ
from tests.postgres import create_database, own_postgres, url_of

ROOT = Path(__file__).parents[1]
STEPS, AT_ONCE, WORKERS = 5, 4, 3
STEP_S, STILL_S, START_S = 0.2, 60.0, 120.0
ARMS = ("ours", "celery", "celery-late", "dbos")
DBOS = ROOT / "var" / "peers" / "dbos" / "bin" / "python"


@dataclass
class Services:
    """What the arms stand on."""

    postgres: str
    rabbit: str
    folder: Path
    count: int = 0

    def environment(self) -> dict[str, str]:
        """Return what the processes of a trial are told: a database and a ledger of their own."""
        self.count += 1
        name = f"k{self.count}"
        create_database(self.postgres, name)
        url = url_of(self.postgres, name)
        folder = self.folder / name
        folder.mkdir()
        return {
            **{key: value for key, value in os.environ.items() if "CAMEL_EXT" not in key},
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients" / "python")]),
            "BENCH_LEDGER": str(folder / "ledger"),
            "BENCH_STEP_S": str(STEP_S),
            "BENCH_BROKER": self.rabbit,
            "PEER_URL": url.replace("postgresql://", "postgresql+psycopg://"),
            "C_FORCE_ROOT": "1",  # Celery asks for it where the user is root
            "CAMEL_EXT_DATA_DIR": str(folder / "data"),
            "CAMEL_EXT_DATABASE__URL": url,
            "CAMEL_EXT_BROKER__URL": self.rabbit,
            "CAMEL_EXT_QUEUE__CONCURRENCY": str(AT_ONCE),
            "CAMEL_EXT_WORKFLOWS__TOOL_MODULES": '["bench.ledger_tools"]',
            "CAMEL_EXT_OBSERVABILITY__LOG_LEVEL": "error",
        }


def _commands(arm: str) -> tuple[list[str], list[str]]:
    """Return how a worker and the asker of an arm are started."""
    if arm == "ours":
        return (
            [sys.executable, "-m", "camel_ext.cli", "worker"],
            [sys.executable, "-m", "bench.killing_ours"],
        )
    if arm == "dbos":
        words = [str(DBOS), "bench/peers/dbos_killed.py"]
        told = [str(STEPS), str(AT_ONCE)]
        return [*words, "work", *told], [*words, "ask", *told]
    style = "late" if arm == "celery-late" else "early"
    words = [sys.executable, "-m", "bench.killing_celery"]
    return [*words, "work", style], [*words, "ask", style]


class Team:
    """Worker processes of an arm, each in a process group of its own."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._command, self._environment = command, environment
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, place: int) -> None:
        """Start the worker of a place; it keeps its name."""
        self._running[place] = subprocess.Popen(
            self._command, cwd=ROOT, env={**self._environment, "PEER_NAME": f"worker-{place}"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    def kill(self, place: int) -> None:
        """Kill -9 a worker with all its children."""
        process = self._running.pop(place, None)
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def end(self) -> None:
        for place in list(self._running):
            self.kill(place)


class Asker:
    """The process that asks; a job counts once its name came back."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.told: set[str] = set()
        assert self._out.readline().strip() == "ready", f"the asker died: {command}"
        threading.Thread(target=self._hear, daemon=True).start()

    @property
    def _out(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def ask(self, job: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(job + "\n")
        self._process.stdin.flush()

    def _hear(self) -> None:
        for line in self._out:
            self.told.add(line.strip())

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass
class Counted:
    """What the ledger says of one trial."""

    jobs: int
    lost: int
    effects: int
    repeated: int
    finished_repeated: int
    settled_s: float
    kills: int = 0
    lost_jobs: list[str] = field(default_factory=list)


def read_ledger(path: Path, told: set[str]) -> Counted:
    """Count jobs without an end, and effects that happened again."""
    seen: Counter[tuple[str, int]] = Counter()
    furthest: dict[str, int] = {}
    finished_repeated = 0
    for line in path.read_text().splitlines():
        job, step = line.rsplit(" ", 1)
        n = int(step)
        if job in told:
            seen[job, n] += 1
            finished_repeated += seen[job, n] > 1 and furthest[job] > n
            furthest[job] = max(furthest.get(job, -1), n)
    lost = sorted(job for job in told if any(not seen[job, n] for n in range(STEPS)))
    repeated = sum(times - 1 for times in seen.values())
    effects = sum(seen.values())
    return Counted(len(told), len(lost), effects, repeated, finished_repeated, 0.0, 0, lost)


def trial(arm: str, services: Services, seed: int, jobs: int, kills: int) -> Counted:
    """Ask, kill, wait, count."""
    rng, environment = random.Random(seed), services.environment()
    ledger = Path(environment["BENCH_LEDGER"])
    ledger.touch()
    work, ask = _commands(arm)
    team = Team(work, environment)
    with ExitStack() as stack:
        stack.callback(team.end)
        if arm == "dbos":  # whose workers make its tables; ours are made by who asks
            team.start(0)
            time.sleep(8.0)
        asker = Asker(ask, environment)
        stack.callback(asker.end)
        for place in range(1 if arm == "dbos" else 0, WORKERS):
            team.start(place)
        _warm_up(asker, ledger)
        killed_s = _kill_and_ask(rng, team, asker, jobs, kills)
        last_s = _until_still(ledger, asker.told)
        counted = read_ledger(ledger, {job for job in asker.told if job.startswith("job")})
    counted.settled_s, counted.kills = round(max(0.0, last_s - killed_s), 1), kills
    return counted


def _warm_up(asker: Asker, ledger: Path) -> None:
    """Wait until every worker had time to come, and one job went all the way."""
    deadline_s = time.monotonic() + START_S
    for number in range(WORKERS * AT_ONCE):
        asker.ask(f"warm-{number}")
    while ledger.read_text().count(f" {STEPS - 1}\n") < WORKERS * AT_ONCE:
        assert time.monotonic() < deadline_s, "no worker works"
        time.sleep(0.1)
    time.sleep(3.0)


def _kill_and_ask(rng: random.Random, team: Team, asker: Asker, jobs: int, kills: int) -> float:
    """Ask at an even pace, kill meanwhile; return when the last one was killed, for good."""
    span_s = jobs * STEPS * STEP_S / (WORKERS * AT_ONCE) * 2  # half of what they could do
    pause_s, killed_s = span_s / jobs, 0.0
    moments = sorted(rng.uniform(0.1 * span_s, 0.95 * span_s) for _ in range(kills))
    began_s = time.monotonic()
    for number in range(jobs):
        asker.ask(f"job-{number}")
        while moments and time.monotonic() - began_s >= moments[0]:
            moments.pop(0)
            place = rng.randrange(WORKERS)
            team.kill(place)
            killed_s = time.monotonic()
            if moments:
                team.start(place)
        time.sleep(max(0.0, began_s + (number + 1) * pause_s - time.monotonic()))
    assert not moments, "a kill came too late"
    return killed_s


def _until_still(ledger: Path, told: set[str]) -> float:
    """Wait until all jobs have ended, or nothing happens any more; return when the last thing did."""
    size, moved_s = ledger.stat().st_size, time.monotonic()
    while time.monotonic() - moved_s < STILL_S:
        if ledger.stat().st_size != size:
            size, moved_s = ledger.stat().st_size, time.monotonic()
        elif read_ledger(ledger, set(told)).lost == 0:
            time.sleep(2 * STEP_S * STEPS)  # whoever still repeats something
            if ledger.stat().st_size == size:
                break
        time.sleep(0.1)
    return moved_s


def main() -> None:
    """Try all arms; print one table and one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--arm", action="append", choices=ARMS)
    asked = parser.parse_args()
    load, rabbit = busy(), RabbitMQ()
    found: dict[str, list[Counted]] = {arm: [] for arm in asked.arm or ARMS}
    with ExitStack() as stack:
        postgres = stack.enter_context(own_postgres())
        stack.callback(rabbit.close)
        rabbit.start()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="killing-")))
        services = Services(postgres.url, rabbit.url, folder)
        for seed in range(asked.trials):
            for arm, counts in found.items():
                counts.append(trial(arm, services, seed, asked.jobs, asked.kills))
                print(f"  {arm}, seed {seed}: {counts[-1]}", file=sys.stderr, flush=True)
    _show(found)
    figures = {arm: [vars(each) for each in counts] for arm, counts in found.items()}
    report(about("R15", load, ["celery", "kombu", "sqlalchemy"]), arms=figures)


def _show(found: dict[str, list[Counted]]) -> None:
    names = ("jobs", "kills", "lost", "effects", "again", "finished", "settled s")
    print(f"{'arm':12}" + "".join(f"{name:>11}" for name in names))
    for arm, counts in found.items():
        sums: list[Any] = [
            sum(getattr(each, name) for each in counts)
            for name in ("jobs", "kills", "lost", "effects", "repeated", "finished_repeated")
        ]
        sums.append(max(each.settled_s for each in counts))
        print(f"{arm:12}" + "".join(f"{value:>11}" for value in sums))
    print(json.dumps({"steps": STEPS, "workers": WORKERS, "at_once": AT_ONCE, "step_s": STEP_S}))


if __name__ == "__main__":
    main()
