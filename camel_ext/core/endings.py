"""How a held job ends: what its task came to, what its room is told, and one fenced update of its row.

Whatever happens to a job ends here, however long the database is away: nobody else could say it. What a
task is and what each of its ends means is `tasks`'; who claims and holds jobs is `queue`.
"""

import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from camel_ext.core import jobs
from camel_ext.core.deaths import announce_death
from camel_ext.core.errors import InsufficientStorage, Unavailable
from camel_ext.core.gate import Signals
from camel_ext.core.journal import Fenced
from camel_ext.core.models import State
from camel_ext.core.tasks import ON_FAILED, TaskContext, outcome_of

log = logging.getLogger(__name__)
AWAY = (Unavailable, InsufficientStorage)  # of the database: later it may work again


async def ending_of(
    context: TaskContext, max_takeovers: int, *, stopping: Callable[[], bool]
) -> dict[str, Any] | None:
    """Execute a job's task, tell its room of a failure, and return what its row shall say.

    None: say nothing, another worker holds it.
    """
    if context.job.takeovers >= max_takeovers:
        died = f"{context.job.takeovers} workers in turn died while they held this job"
        now = context.runtime.clock.now()
        values: dict[str, Any] | None = {
            "state": State.FAILED,
            "finished_at": now,
            "dead_at": now,
            "error_code": "core.worker_lost",
            "error_detail": died,
        }
    else:
        values = await outcome_of(context, stopping=stopping)
    failed = ON_FAILED.get(context.job.kind)
    if failed is None or values is None or values["state"] != State.FAILED:
        return values
    try:
        await failed(context, values["error_code"], values["error_detail"])
    except Fenced:
        return None
    except AWAY:
        return {"state": State.QUEUED, "run_at": context.runtime.clock.now()}  # to fail again
    except Exception:
        log.exception("job %s failed, and its room could not be told", context.job.id)
    return values


async def settle(
    context: TaskContext, values: dict[str, Any], retry_s: float, *, stopping: Callable[[], bool]
) -> None:
    """Write how the job went on, however long the database is away: nobody else could."""
    runtime, job = context.runtime, context.job
    if context.settled:
        return

    def write(connection: Connection, signals: Signals) -> None:
        jobs.settle(connection, job, values, runtime.database.now(connection, runtime.clock))
        if values.get("dead_at") is not None:
            announce_death(connection, signals, runtime.clock, job, values)

    while True:
        try:
            if values["state"] == State.SUCCEEDED:
                await runtime.gate.append(jobs.success(job, values["finished_at"]))
            else:
                await runtime.gate.write(write, acting="queue")
            return
        except Fenced:
            log.warning("job %s was taken over: its late end was refused", job.id)
            return
        except AWAY as error:
            log.warning("the end of job %s cannot be written yet: %s", job.id, error)
            if stopping():
                return  # the next worker does it again
            await runtime.clock.sleep(retry_s)
