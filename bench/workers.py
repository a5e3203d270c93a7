"""P1 on PostgreSQL: durable steps a second of four processes that share one database, then kill -9 of all.

The runs are those of `durable_steps`: ten no-op steps of 1.5 KB each, 100 at once in all. Arms:

    tools           ours: four processes on one PostgreSQL, one queue; each asks for its share of the runs
    dbos-postgres   DBOS: four processes on one PostgreSQL, each executing its share itself (its fastest way)

Each arm has a database of its own on one private server; both commit with `synchronous_commit=on` and
`fsync=on`, as each says itself. The CPU of PostgreSQL counts for both.

    python -m bench.workers [--blocks 3] [--runs 400] [--peer-runs 80]
"""

import argparse
import random
import shutil
import sys
import time
from typing import Any

from bench.durable_steps import CONCURRENCY, STEPS, Arm
from bench.method import abba, about, busy, cpu_s, interval, ratios, report, shown
from tests.postgres import Server, create_database, own_postgres, seeing_all, url_of

WORKERS, FLOOR = 4, 5.0
WARM_UP = 5
OURS, PEER = "tools", "dbos-postgres"
SQL = {
    OURS: """select runs.input ->> 'name', count(*) from turns
             join runs on runs.id = turns.run_id group by 1""",
    PEER: "select workflow_uuid, count(*) from dbos.operation_outputs group by 1",
}


class Team:
    """Four processes on a database of their own."""

    def __init__(self, arm: str, server: str, number: int) -> None:
        self.arm, name = arm, f"b{number}"
        create_database(server, name)
        self._url = url_of(server, name)
        spoken = self._url.replace("postgresql://", "postgresql+psycopg://")
        self.members = [
            Arm(
                arm,
                {
                    "PEER_URL": spoken,
                    "PEER_NAME": f"w{n}",
                    "CAMEL_EXT_DATABASE__URL": self._url,
                    "BENCH_CONCURRENCY": str(CONCURRENCY // WORKERS),
                },
            )
            for n in range(WORKERS)
        ]

    def execute(self, runs: int) -> float:
        """Have each do its share; return the seconds until all are done."""
        began_s = time.perf_counter()
        for member in self.members:
            member.ask(runs // WORKERS, CONCURRENCY // WORKERS)
        for member in self.members:
            member.answer()
        return time.perf_counter() - began_s

    def kill_during(self, runs: int, after_s: float) -> None:
        """Begin runs, and kill -9 all that long after."""
        for member in self.members:
            member.ask(runs // WORKERS, CONCURRENCY // WORKERS)
        time.sleep(after_s)
        for member in self.members:
            member.kill()

    def cpu_s(self) -> float:
        return sum(cpu_s(member.pid) for member in self.members)

    def lost(self) -> tuple[int, int]:
        """Return how many acknowledged steps are not there, and how many were acknowledged."""
        told: dict[str, int] = {}
        for member in self.members:
            for run, steps in member.acknowledged().items():
                told[run] = max(told.get(run, 0), steps)
        with seeing_all(self._url) as connection:
            there = dict(connection.execute(SQL[self.arm]).fetchall())
        missing = sum(max(0, steps - there.get(run, 0)) for run, steps in told.items())
        return missing, sum(told.values())


def block(arm: str, runs: int, server: Server, number: int, rng: random.Random) -> dict[str, Any]:
    """Measure four fresh processes, kill them, and count what was lost."""
    team = Team(arm, server.url, number)
    team.execute(WARM_UP * WORKERS)
    before_s, postgres_s = team.cpu_s(), cpu_s(server.pid)
    wall_s = team.execute(runs)
    steps = runs * STEPS
    result = {
        "steps_per_s": steps / wall_s,
        "cpu_us": (team.cpu_s() - before_s) / steps * 1e6,
        "postgres_cpu_us": (cpu_s(server.pid) - postgres_s) / steps * 1e6,
        "head": team.members[0].head,
    }
    team.kill_during(runs, rng.uniform(0.5, 1.5))
    result["lost"], result["acknowledged"] = team.lost()
    for member in team.members:
        shutil.rmtree(member.folder)
    return result


def main() -> None:
    """Run both, print one table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--peer-runs", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    load, rng = busy(), random.Random(options.seed)
    rows: dict[str, list[dict[str, Any]]] = {OURS: [], PEER: []}
    with own_postgres() as server:
        for number, arm in enumerate(abba([OURS, PEER], options.blocks)):
            runs = options.runs if arm == OURS else options.peer_runs
            rows[arm].append(block(arm, runs, server, number, rng))
            rate = rows[arm][-1]["steps_per_s"]
            print(f"  {arm}: {rate:.0f} steps/s", file=sys.stderr, flush=True)
    print(f"{'arm':15}{'steps/s':>24}{'CPU-us a step':>22}{'+ PostgreSQL':>22}{'lost/acked':>14}")
    for arm, each in rows.items():
        told = sum(row["acknowledged"] for row in each)
        cells = [
            shown([row[key] for row in each], 0)
            for key in ("steps_per_s", "cpu_us", "postgres_cpu_us")
        ]
        lost = sum(row["lost"] for row in each)
        print(
            f"{arm:15}{cells[0]:>24}{cells[1]:>22}{cells[2]:>22}{f'{lost}/{told}':>14}  {each[0]['head']}"
        )
    rate = ratios(*([row["steps_per_s"] for row in rows[arm]] for arm in (OURS, PEER)))
    met = "met" if interval(rate)[1] >= FLOOR else "NOT met"
    print(f"ratio {shown(rate, 1)}, floor {FLOOR:g}: {met}")
    report(
        about("workers", load, ["camel-extensions", "sqlalchemy"]),
        ratio=interval(rate),
        lost={arm: sum(row["lost"] for row in each) for arm, each in rows.items()},
    )


if __name__ == "__main__":
    main()
