"""Pages of a log of 24 months on PostgreSQL, divided by months and in one table, in one run.

The same rows, made on the server, without bodies, are in both; each query is the product's own, asked in
turn of one and of the other, and then explained. HTTP is not in it.

    python -m bench.months [--rows 480000] [--queries 300]
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import event, make_url

from bench.pages import FILL, TENANT, filtered, micros
from camel_ext import rooms
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.migrate import migrate
from camel_ext.core.paging import Place
from camel_ext.interactions.months import first_id
from camel_ext.interactions.schemas import InteractionFilter
from camel_ext.interactions.service import list_interactions
from tests.postgres import create_database, own_postgres, url_of

MONTHS = 24
LOG = "interactions"
Ask = Callable[[Random], tuple[InteractionFilter, Place]]


def month_starts(now: datetime) -> list[datetime]:
    """Return where each of the months begins, and where the last one ends."""
    first = now.year * 12 + now.month - MONTHS
    return [datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(first, first + MONTHS + 1)]


def fill(superuser: str, rows: int, starts: list[datetime], *, divided: bool) -> None:
    """Put the rows in, and divide the past by months as time would have, or put all in one table."""
    step_us = (micros(starts[-1]) - micros(starts[0])) // rows
    with psycopg.connect(superuser, autocommit=True) as connection:
        run: Callable[..., Any] = connection.execute
        run("DROP TABLE interactions_first")
        parts = [r[0] for r in run("SELECT part FROM camel_ext_months('interactions')").fetchall()]
        for part in parts:
            if not divided or not part.endswith("_default"):
                run(f"DROP TABLE {part}")
        bounds = starts if divided else [starts[0], starts[-1]]
        for begin, end in itertools.pairwise(bounds):
            name = f"interactions_{begin:%Y_%m}"
            run(
                f"CREATE TABLE {name} PARTITION OF interactions "
                f"FOR VALUES FROM ('{first_id(begin)}') TO ('{first_id(end)}')"
            )
            run(f"CREATE INDEX ON {name} (ingest_seq)")
        run(FILL, {
            "org": TENANT.org_id, "project": TENANT.project_id, "began": micros(starts[0]),
            "step": step_us, "first": 0, "last": rows - 1,
        })  # fmt: skip
        if not divided:
            whole = f"interactions_{starts[0]:%Y_%m}"
            run(f"ALTER TABLE interactions DETACH PARTITION {whole}")
            owner = run(
                "SELECT tableowner FROM pg_tables WHERE tablename = 'interactions'"
            ).fetchone()
            condition = run(
                "SELECT qual FROM pg_policies WHERE tablename = 'interactions'"
            ).fetchone()
            run("ALTER TABLE interactions RENAME TO interactions_none")
            run(f"ALTER TABLE {whole} RENAME TO interactions")
            run(f"ALTER TABLE interactions OWNER TO {owner[0]}")
            run("ALTER TABLE interactions ENABLE ROW LEVEL SECURITY")
            run("ALTER TABLE interactions FORCE ROW LEVEL SECURITY")
            run(f"CREATE POLICY tenancy ON interactions USING ({condition[0]})")
        else:
            owner = run(
                "SELECT tableowner FROM pg_tables WHERE tablename = 'interactions'"
            ).fetchone()
            for begin in starts[:-1]:
                run(f"ALTER TABLE interactions_{begin:%Y_%m} OWNER TO {owner[0]}")
        run("VACUUM ANALYZE interactions")


def kinds(starts: list[datetime]) -> dict[str, Ask]:
    """Return what is asked, by name."""
    span = starts[-1] - starts[0]

    def at(rng: Random) -> datetime:
        return starts[0] + rng.random() * span

    def anywhere(rng: Random) -> Place:
        return Place(50, after=(at(rng), UUID(int=rng.getrandbits(128))))

    def day(rng: Random) -> InteractionFilter:
        since = at(rng)
        return filtered(since=since, until=since + timedelta(days=1))

    return {
        "newest": lambda _: (filtered(), Place(50)),
        "anywhere": lambda rng: (filtered(), anywhere(rng)),
        "one day": lambda rng: (day(rng), Place(50)),
        "agent, newest": lambda rng: (filtered(agent_id=f"agent-{rng.randrange(3)}"), Place(50)),
        "agent, anywhere": lambda rng: (
            filtered(agent_id=f"agent-{rng.randrange(3)}"), anywhere(rng),
        ),
        "failed, newest": lambda _: (filtered(failed=True), Place(50)),
    }  # fmt: skip


def explained(database: Database, ask: Callable[[Any], object]) -> tuple[float, float, int]:
    """Return planning and execution in ms, and how many parts were planned for, of the last statement."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _k: object, words: str, values: Any, *_rest: object) -> None:
        seen.append((words, values))

    event.listen(database.reader, "before_cursor_execute", note)
    database.read(TENANT, ask)
    event.remove(database.reader, "before_cursor_execute", note)
    words, values = seen[-1]

    def look(session: Any) -> Any:
        marked = session.connection().execution_options(tenant_system="bench")
        driver = marked.connection.driver_connection
        return driver.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {words}", values).fetchone()[0][0]

    plan = database.read(TENANT, look)
    return plan["Planning Time"], plan["Execution Time"], str(plan).count("'Relation Name'")


def main() -> None:
    """Measure both, print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=480_000)
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    starts = month_starts(SystemClock().now())
    rooms.import_models()
    with own_postgres() as server:
        both: dict[str, Database] = {}
        for name in ("months", "one"):
            create_database(server.url, name)
            both[name] = Database(url_of(server.url, name))
            migrate(both[name])
            superuser = make_url(server.url).set(database=name).render_as_string(False)
            fill(superuser, options.rows, starts, divided=name == "months")
        print(
            f"{options.rows} rows, {MONTHS} months; medians in ms: asked | planned, executed, parts"
        )
        for kind, ask in kinds(starts).items():
            rng = Random(kind)
            took: dict[str, list[float]] = {name: [] for name in both}
            plans: dict[str, list[tuple[float, float, int]]] = {name: [] for name in both}
            for number in range(options.queries):
                wanted, place = ask(rng)
                for name, database in both.items():
                    began = time.perf_counter()
                    database.read(TENANT, list_interactions, wanted, place)
                    took[name].append((time.perf_counter() - began) * 1e3)
                    if number % 10 == 0:
                        plans[name].append(
                            explained(
                                database,
                                lambda db, w=wanted, p=place: list_interactions(db, w, p),  # type: ignore[misc]
                            )
                        )
            line = [f"{kind:16}"]
            for name in both:
                planned, executed, parts = (
                    statistics.median(c) for c in zip(*plans[name], strict=True)
                )
                asked = statistics.median(took[name])
                line.append(f"{name} {asked:6.2f} | {planned:5.2f} {executed:5.2f} {parts:3.0f}")
            print("   ".join(line), flush=True)
        for database in both.values():
            database.close()


if __name__ == "__main__":
    main()
