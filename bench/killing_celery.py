"""Stock Celery in `killing`: its worker, as it comes or with late acknowledgement, and who asks it.

python -m bench.killing_celery work|ask early|late
"""

import os
import sys
import time
from typing import Any

from celery import Celery
from kombu import Queue

from bench.killing import AT_ONCE, STEPS
from bench.ledger_tools import write_line

QUEUE = "killing"


def make(late: bool) -> Any:
    """Return a plain application, as its documentation makes one for quorum queues."""
    app = Celery("killing", broker=os.environ["BENCH_BROKER"])
    app.conf.update(
        task_acks_late=late,
        task_reject_on_worker_lost=late,
        task_ignore_result=True,
        task_default_queue=QUEUE,
        task_queues=[Queue(QUEUE, queue_arguments={"x-queue-type": "quorum"})],
        worker_detect_quorum_queues=True,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"confirm_publish": True},
    )

    @app.task(name="killing.steps", shared=False)
    def steps(job: str) -> None:
        for n in range(STEPS):
            time.sleep(float(os.environ["BENCH_STEP_S"]))
            write_line(job, n)

    return app


if __name__ == "__main__":
    role, style = sys.argv[1:3]
    app = make(style == "late")
    if role == "work":
        app.worker_main(["worker", "--loglevel", "error", "--concurrency", str(AT_ONCE)])
    else:
        print("ready", flush=True)
        for line in sys.stdin:
            app.tasks["killing.steps"].apply_async([line.strip()])
            print(line.strip(), flush=True)
