"""GET /api/v1/overview over a large log: how long the whole at a glance takes.

The log is `bench.million`'s; runs are added here, one for twelve calls over the same thirty days, as many
as such a log would have. The first time (nothing counted yet) and the next ones are shown apart: without
HTTP, on one snapshot, as the door reads it. The bar is 50 ms at a million calls.

    python -m bench.million --data-dir /tmp/million
    python -m bench.overview --data-dir /tmp/million
"""

import argparse
import statistics
import time
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import func, insert, select

from bench.method import about, busy, report
from camel_ext import rooms
from camel_ext.core.clock import SystemClock
from camel_ext.core.counting import GrowingCounts
from camel_ext.core.database import Database
from camel_ext.core.ids import uuid7
from camel_ext.core.migrate import migrate
from camel_ext.core.tenancy import Tenant
from camel_ext.experiments.overview import read_overview
from camel_ext.identity.models import Project
from camel_ext.interactions.models import Interaction, Purpose
from camel_ext.workflows import Run

BAR_MS = 50.0
CALLS_A_RUN = 12
WORKFLOWS = ("proposer_executor_review", "support_triage", "research_brief", "sql_helper")


def add_runs(database: Database, tenant: Tenant, wanted: int) -> int:
    """Add finished runs until there are that many; return how many there are."""
    clock, rng = SystemClock(), Random(7)
    there = database.read(tenant, lambda db: db.scalar(select(func.count(Run.id)))) or 0
    rows: list[dict[str, Any]] = []
    for _ in range(max(0, wanted - there)):
        at = clock.now() - timedelta(seconds=rng.uniform(0, 30 * 86400))
        rows.append(
            {
                "id": uuid7(clock, rng), "workflow": rng.choice(WORKFLOWS),
                "workflow_version_id": tenant.org_id, "job_id": tenant.org_id,
                "purpose": rng.choices((Purpose.RUN, Purpose.SAMPLE), (9, 1))[0],
                "state": rng.choices(("succeeded", "failed"), (7, 3))[0],
                "input": {"goal": "Name three rivers of Europe."}, "resolved": {}, "budgets": {},
                "seed": 1, "single_step": False, "prefix_seq": 0, "tags": [], "turns": 12,
                "prompt_tokens": 900, "completion_tokens": 240, "cost_usd_micros": 41,
                "running_ms": 9000, "principal_id": tenant.org_id, "trace_id": "0" * 32,
                "revision": 1, "created_at": at, "started_at": at, "finished_at": at,
            }
        )  # fmt: skip
    for start in range(0, len(rows), 5_000):
        with (
            database.writer.begin() as connection,
            database.session_on(connection, tenant) as session,
        ):
            session.execute(insert(Run), rows[start : start + 5_000])
            session.commit()
    return there + len(rows)


def measure(
    database: Database, tenant: Tenant, times: int
) -> tuple[float, list[float], list[float]]:
    """Return milliseconds of the first reading, and of those after it: by the clock, and of CPU."""
    growing, took, spent = GrowingCounts(), list[float](), list[float]()
    for _ in range(times + 1):
        began, worked = time.perf_counter(), time.thread_time()
        database.read(tenant, read_overview, SystemClock(), growing, timedelta(hours=1))
        spent.append((time.thread_time() - worked) * 1000)
        took.append((time.perf_counter() - began) * 1000)
    return took[0], took[1:], spent[1:]


def main() -> None:
    """Measure; print one line and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--times", type=int, default=30)
    options = parser.parse_args()
    rooms.import_models()
    database = Database(f"sqlite:///{options.data_dir}/camel-ext.db")
    migrate(database)
    project = database.read_system("bench", lambda db: db.scalars(select(Project)).first())
    assert project is not None
    tenant = Tenant(project.org_id, project.id)
    calls = database.read(tenant, lambda db: db.scalar(select(func.count(Interaction.id)))) or 0
    runs, load = add_runs(database, tenant, calls // CALLS_A_RUN), busy()
    first, later, spent = measure(database, tenant, options.times)
    cpu = statistics.median(spent)
    median, p95 = statistics.median(later), sorted(later)[int(0.95 * len(later))]
    met = "met" if p95 <= BAR_MS else "NOT met"
    print(
        f"{calls:,} calls, {runs:,} runs: first {first:.1f} ms, then median {median:.1f} ms "
        f"({cpu:.1f} of CPU), p95 {p95:.1f} ms  <= {BAR_MS:g}: {met}"
    )
    figures = {
        "calls": calls, "runs": runs, "first_ms": first, "median_ms": median, "cpu_ms": cpu, "p95_ms": p95,
    }  # fmt: skip
    report(about("overview", load, ["camel-extensions", "sqlalchemy"]), figures=figures)


if __name__ == "__main__":
    main()
