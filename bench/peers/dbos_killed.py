"""R15's peer: DBOS on PostgreSQL. Runs in its own environment (`dbos.txt`), knows nothing of us.

A worker has the executor id that `PEER_NAME` gives it, and takes workflows from a queue; the asker enqueues
each line of stdin through DBOS's client, as its documentation does from outside.

    python dbos_killed.py work|ask STEPS AT_ONCE
"""

import os
import sys
import threading
import time

from dbos import DBOS, DBOSClient

ROLE, STEPS, AT_ONCE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
QUEUE, URL, STEP_S = "killing", os.environ["PEER_URL"], float(os.environ["BENCH_STEP_S"])
LEDGER = os.open(os.environ["BENCH_LEDGER"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


@DBOS.step()
def enter(job, n):
    time.sleep(STEP_S)
    os.write(LEDGER, f"{job} {n}\n".encode())


@DBOS.workflow()
def steps(job):
    for n in range(STEPS):
        enter(job, n)


def work():
    config = {
        "name": "killing",
        "system_database_url": URL,
        "executor_id": os.environ["PEER_NAME"],
        "log_level": "ERROR",
        "console_log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=AT_ONCE)
    print("ready", flush=True)
    threading.Event().wait()


def ask():
    client = DBOSClient(system_database_url=URL)
    print("ready", flush=True)
    for line in sys.stdin:
        name = line.strip()
        client.enqueue(
            {"queue_name": QUEUE, "workflow_name": steps.__qualname__, "workflow_id": name}, name
        )
        print(name, flush=True)


if __name__ == "__main__":
    work() if ROLE == "work" else ask()
