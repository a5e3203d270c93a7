"""Pages of the log over ten million short rows on PostgreSQL, and how they grow from one million on.

One project owns all rows; they are made on the server (`generate_series`, no bodies; the table is unlogged
while it is filled, which reading does not notice) and vacuumed as autovacuum would. Each query is the
product's own, `list_interactions` on a tenant's session behind row-level security: 1,000 of each kind,
seeded, pages of 50, with its rows made into what the route encodes. HTTP is not in it.

    newest     the first page
    anywhere   a page at any depth, by cursor
    agent      one of three agents, at any depth
    run        the turns of one run
    failed     one in fifty, at any depth
    scanned    a filter that no index serves: 5,000 rows are looked at

    python -m bench.pages [--rows 1000000,3000000,10000000] [--queries 1000]
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import make_url

from bench.method import about, busy, cpu_s, report
from camel_ext import rooms
from camel_ext.core.database import Database
from camel_ext.core.migrate import migrate
from camel_ext.core.paging import Place
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions.schemas import InteractionFilter
from camel_ext.interactions.service import list_interactions
from tests.postgres import Server, create_database, own_postgres, url_of

BAR_MS = 100.0
WARM = 50
TENANT = Tenant(UUID(int=1), UUID(int=2))
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
STEP_US = 500_000  # ten million of them are two months
RUN_TURNS = 12
FILL = """
INSERT INTO interactions (
  org_id, project_id, id, principal_id, source, purpose, agent_id, run_id, model_version_id, alias, engine,
  prompt_hash, prefix_hash, prompt_messages, params, prompt_tokens, completion_tokens, total_ms,
  cost_usd_micros, finish_reason, error_code, prompt_preview, answer_preview, created_at)
SELECT
  %(org)s, %(project)s,
  (lpad(to_hex((%(began)s + n * %(step)s) / 1000), 12, '0') || '7' || substr(m, 1, 3) || '8'
    || substr(m, 4, 15))::uuid,
  '00000000-0000-0000-0000-000000000007', 'workflows', CASE n %% 10 WHEN 0 THEN 'eval' ELSE 'run' END,
  'agent-' || n %% 3, md5('run' || n / 12)::uuid, '00000000-0000-0000-0000-000000000001', 'small', 'local',
  m, '', 1, '{}', 200, 40, 900 + n %% 1000, 0, 'stop', CASE WHEN n %% 50 = 0 THEN 'x.lost' END,
  'Why is the sky blue, number ' || n, 'It scatters.', %(began)s + n * %(step)s
FROM (SELECT n, md5(n::text) AS m FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n) AS made
"""


def micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


class Log:
    """The table, grown in steps; its indexes are built anew after each, which is quicker."""

    def __init__(self, server: Server) -> None:
        create_database(server.url, "pages")
        self._superuser = make_url(server.url).set(database="pages").render_as_string(False)
        self._server = server
        self.database = Database(url_of(server.url, "pages"))
        rooms.import_models()
        migrate(self.database)
        self.rows = 0
        self._run("ALTER TABLE interactions_first SET UNLOGGED")  # where rows of that time go

    def grow(self, rows: int) -> float:
        """Grow to so many rows; return the size in GB."""
        with self._connected() as connection:
            found = connection.execute(
                "SELECT indexname, replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes "
                "WHERE tablename = 'interactions' "
                "AND indexname NOT LIKE 'pk_%'"
            ).fetchall()
            connection.execute("SET maintenance_work_mem = '512MB'")
            for name, _ in found:
                connection.execute(f'DROP INDEX "{name}"')  # type: ignore[arg-type]
            values = {
                "org": TENANT.org_id, "project": TENANT.project_id, "began": micros(BEGAN),
                "step": STEP_US, "first": self.rows, "last": rows - 1,
            }  # fmt: skip
            connection.execute(FILL, values)
            for _, words in found:
                connection.execute(words)
            connection.execute("VACUUM ANALYZE interactions")
            size = connection.execute(
                "SELECT pg_total_relation_size('interactions_first')"
            ).fetchone()
        self.rows = rows
        assert size is not None
        return float(size[0]) / 1e9

    def cpu_s(self) -> float:
        return time.process_time() + cpu_s(self._server.pid)

    def _run(self, words: str) -> None:
        with self._connected() as connection:
            connection.execute(words)  # type: ignore[arg-type]

    @contextmanager
    def _connected(self) -> Iterator["psycopg.Connection[Any]"]:
        with psycopg.connect(self._superuser, autocommit=True) as connection:
            yield connection


Ask = Callable[[Random, int], tuple[InteractionFilter, Place]]


def anywhere(rng: Random, rows: int) -> Place:
    at = BEGAN + timedelta(microseconds=rng.randrange(rows) * STEP_US)
    return Place(50, after=(at, UUID(int=rng.getrandbits(128))))


def run_of(rng: Random, rows: int) -> str:
    from hashlib import md5

    return str(UUID(md5(f"run{rng.randrange(rows) // RUN_TURNS}".encode()).hexdigest()))  # noqa: S324


def filtered(**wanted: Any) -> InteractionFilter:
    return InteractionFilter.model_validate(wanted)


KINDS: dict[str, Ask] = {
    "newest": lambda _rng, _rows: (filtered(), Place(50)),
    "anywhere": lambda rng, rows: (filtered(), anywhere(rng, rows)),
    "agent": lambda rng, rows: (
        filtered(agent_id=f"agent-{rng.randrange(3)}"),
        anywhere(rng, rows),
    ),
    "run": lambda rng, rows: (filtered(run_id=run_of(rng, rows)), Place(50)),
    "failed": lambda rng, rows: (filtered(failed=True), anywhere(rng, rows)),
    "scanned": lambda rng, rows: (
        filtered(text=f"number {rng.randrange(rows)}"),
        anywhere(rng, rows),
    ),
}


def measure(log: Log, kind: str, queries: int, seed: int) -> dict[str, float]:
    """Return p50 and p99 in milliseconds of so many seeded queries, and what one costs in CPU.

    CPU is PostgreSQL's and ours: it survives a busy machine, where a wait for a core is most of a time.
    """
    rng, took, began_cpu_s = Random(seed), list[float](), 0.0
    for number in range(queries + WARM):
        if number == WARM:
            began_cpu_s = log.cpu_s()
        wanted, place = KINDS[kind](rng, log.rows)
        began_s = time.perf_counter()
        page = log.database.read(TENANT, list_interactions, wanted, place)
        took_ms = (time.perf_counter() - began_s) * 1000
        if kind == "run":
            assert 0 < len(page.items) <= RUN_TURNS
        elif kind == "newest":
            assert len(page.items) == 50
        if number >= WARM:
            took.append(took_ms)
    took.sort()
    return {
        "p50_ms": took[len(took) // 2],
        "p99_ms": took[int(len(took) * 0.99)],
        "cpu_ms": (log.cpu_s() - began_cpu_s) / queries * 1000,
    }


def main() -> None:
    """Grow, measure after each step, print one table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="1000000,3000000,10000000")
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    load, found, sizes = busy(), dict[str, dict[str, dict[str, float]]](), dict[str, float]()
    steps = [int(each) for each in options.rows.split(",")]
    with own_postgres() as server:
        log = Log(server)
        for rows in steps:
            began_s = time.perf_counter()
            sizes[str(rows)] = log.grow(rows)
            took_s = time.perf_counter() - began_s
            print(
                f"  {rows:,} rows, {sizes[str(rows)]:.1f} GB, made in {took_s:.0f} s",
                file=sys.stderr,
            )
            for kind in KINDS:
                result = measure(log, kind, options.queries, options.seed)
                found.setdefault(kind, {})[str(rows)] = result
                print(f"  {kind}: {result}", file=sys.stderr, flush=True)
        log.database.close()
    print(f"{'p50 / p99 / CPU, ms':20}" + "".join(f"{rows:>22,}" for rows in steps))
    for kind, by_rows in found.items():
        cells = [
            f"{each['p50_ms']:.1f} / {each['p99_ms']:.1f} / {each['cpu_ms']:.1f}"
            for each in by_rows.values()
        ]
        print(f"{kind:20}" + "".join(f"{cell:>22}" for cell in cells))
    worst = max(each[str(steps[-1])]["p99_ms"] for each in found.values())
    print(f"worst p99 {worst:.1f} ms, bar {BAR_MS:g}: {'met' if worst <= BAR_MS else 'NOT met'}")
    report(about("pages", load, ["sqlalchemy", "psycopg"]), results=found, sizes_gb=sizes)


if __name__ == "__main__":
    main()
