"""P1's peer: DBOS Transact on SQLite or PostgreSQL. Runs in its own environment (`dbos.txt`), knows nothing of us.

`MODE` is `shipped` (the rollback journal that DBOS leaves SQLite with) or `wal` (an engine of ours with
`journal_mode=WAL`, which DBOS lets one hand in); both with `synchronous=FULL`; or `postgres`: the database
that `PEER_URL` names. Speaks on stdin and stdout:
a line `RUNS CONCURRENCY` is answered by one JSON line when all those workflows have ended.

    python dbos_steps.py FOLDER MODE STYLE      # STYLE: sync | async
"""

import asyncio
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import sqlalchemy as sa
from dbos import DBOS, SetWorkflowID

FOLDER, MODE, STYLE = sys.argv[1:4]
STEPS, PAYLOAD = 10, "x" * 1500
ACKS = os.open(f"{FOLDER}/acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
URL = os.environ["PEER_URL"] if MODE == "postgres" else f"sqlite:///{FOLDER}/peer.db"
PRAGMAS = []


def engine():
    made = sa.create_engine(URL)

    @sa.event.listens_for(made, "connect")
    def prepare(connection, _record):
        connection.isolation_level = "IMMEDIATE"
        for pragma in (
            "busy_timeout=30000",
            "foreign_keys=ON",
            "journal_mode=WAL",
            "synchronous=FULL",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return made


config = {
    "name": "bench",
    "system_database_url": URL,
    "log_level": "ERROR",
    "console_log_level": "ERROR",
    "max_executor_threads": 128,
}
if MODE == "wal":
    config["system_database_engine"] = engine()
DBOS(config=config)


@DBOS.step()
def noop(name, n):
    os.write(ACKS, f"{name} {n}\n".encode())
    return PAYLOAD


@DBOS.workflow()
def ten(name):
    for n in range(STEPS):
        noop(name, n)


@DBOS.step()
async def anoop(name, n):
    os.write(ACKS, f"{name} {n}\n".encode())
    return PAYLOAD


@DBOS.workflow()
async def aten(name):
    for n in range(STEPS):
        await anoop(name, n)


def one(name):
    with SetWorkflowID(name):
        ten(name)


async def aone(name, gate):
    async with gate:
        with SetWorkflowID(name):
            await aten(name)


def run(first, runs, concurrency):
    whose = os.environ.get("PEER_NAME", "run")
    names = [f"{whose}-{n}" for n in range(first, first + runs)]
    if STYLE == "sync":
        with ThreadPoolExecutor(concurrency) as pool:
            list(pool.map(one, names))
        return

    async def all_of_them():
        gate = asyncio.Semaphore(concurrency)
        await asyncio.gather(*(aone(name, gate) for name in names))

    asyncio.run(all_of_them())


def synchronous():
    """What a connection of its own pool says."""
    from dbos._dbos import _get_dbos_instance

    with _get_dbos_instance()._sys_db.engine.connect() as connection:
        if MODE == "postgres":
            return {
                name: connection.exec_driver_sql(f"SHOW {name}").scalar()
                for name in ("synchronous_commit", "fsync")
            }
        return {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "journal_mode")
        }


DBOS.launch()
print(json.dumps({"peer": f"dbos {version('dbos')}", **synchronous()}), flush=True)
first = 0
for line in sys.stdin:
    runs, concurrency = map(int, line.split())
    began = time.perf_counter()
    run(first, runs, concurrency)
    first += runs
    print(json.dumps({"wall_s": time.perf_counter() - began}), flush=True)
