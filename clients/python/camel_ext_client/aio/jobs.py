"""Routes of the queue: jobs, job queues and workers.

Written by `make client` from `jobs.py`: change that one.
"""

from collections.abc import AsyncIterator
from typing import cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.jobs import (
    DEAD,
    LIMITS,
    PATH,
    QUEUES,
    WORKERS,
    DeadLetters,
    DeadRepeated,
    Job,
    JobQueue,
    JobQueues,
    Limit,
    Limits,
    Worker,
    Workers,
)
from camel_ext_client.shapes import Page, State


class Jobs:
    """`client.jobs`: what the queue holds, and how to steer it."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        queue: str | None = None,
        state: State | None = None,
        dead: bool = False,
        worker: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Job]:
        """Return a page of jobs, newest first.

        `dead`: only those that ran out of tries; `worker`: only those that the worker of this id holds.
        """
        asked = {"queue": queue, "state": state, "dead": dead, "worker": worker}
        found = await self._transport.get(PATH, **asked, limit=limit, cursor=cursor)
        return cast(Page[Job], found)

    def each(
        self,
        *,
        queue: str | None = None,
        state: State | None = None,
        dead: bool = False,
        worker: str | None = None,
    ) -> AsyncIterator[Job]:
        """Yield all jobs, newest first."""
        return each(
            lambda at: self.list(
                queue=queue, state=state, dead=dead, worker=worker, limit=200, cursor=at
            )
        )

    async def get(self, job_id: str) -> Job:
        """Return one job."""
        return cast(Job, await self._transport.get(f"{PATH}/{job_id}"))

    async def cancel(self, job_id: str) -> Job:
        """Stop a job and what it works for; one that has ended stays as it is."""
        return cast(Job, await self._transport.send("POST", f"{PATH}/{job_id}/cancel"))

    async def repeat(self, job_id: str) -> Job:
        """Queue again what a failed job worked for, and return the new job."""
        return cast(Job, await self._transport.send("POST", f"{PATH}/{job_id}/repeat"))

    async def dead(self, *, queue: str | None = None, kind: str | None = None) -> DeadLetters:
        """Return how many jobs ran out of tries and were not queued again, by kind."""
        return cast(DeadLetters, await self._transport.get(DEAD, queue=queue, kind=kind))

    async def repeat_dead(
        self,
        *,
        queue: str | None = None,
        kind: str | None = None,
        at_most: int = 50,
        cursor: str | None = None,
    ) -> DeadRepeated:
        """Queue some dead letters again, those that died last first; `next_cursor` goes on with the rest.

        Sent twice, because its answer was lost, it queues none of them twice.
        """
        body = {"queue": queue, "kind": kind, "at_most": at_most, "cursor": cursor}
        return cast(DeadRepeated, await self._transport.send("POST", f"{DEAD}/repeat", body=body))

    async def repeat_all_dead(
        self, *, queue: str | None = None, kind: str | None = None
    ) -> AsyncIterator[DeadRepeated]:
        """Queue all dead letters again, some at a time, and yield what became of each lot."""
        cursor: str | None = None
        while True:
            done = await self.repeat_dead(queue=queue, kind=kind, cursor=cursor)
            yield done
            cursor = done["next_cursor"]
            if cursor is None:
                return

    async def set_priority(self, job_id: str, priority: int) -> Job:
        """Move a job before or behind others; higher is taken first, 0 is usual."""
        body = {"priority": priority}
        return cast(Job, await self._transport.send("PUT", f"{PATH}/{job_id}/priority", body=body))

    async def queues(self) -> JobQueues:
        """Return every queue: how deep it is, how old, how fast.

        `started_per_min` and `finished_per_min` are of the last 5 minutes.
        """
        return cast(JobQueues, await self._transport.get(QUEUES))

    async def pause_queue(self, name: str) -> JobQueue:
        """Let nobody take jobs of this project from a queue; what runs goes on."""
        return cast(JobQueue, await self._transport.send("POST", f"{QUEUES}/{name}/pause"))

    async def resume_queue(self, name: str) -> JobQueue:
        """Let workers take from a queue again."""
        return cast(JobQueue, await self._transport.send("POST", f"{QUEUES}/{name}/resume"))

    async def limits(self) -> Limits:
        """Return how many jobs at once may use which workflow, model or device."""
        return cast(Limits, await self._transport.get(LIMITS))

    async def set_limit(self, name: str, at_once: int) -> Limit:
        """Let so many jobs at once use `workflow:NAME`, `model:NAME` or `device:NAME`."""
        body = {"at_once": at_once}
        return cast(Limit, await self._transport.send("PUT", f"{LIMITS}/{name}", body=body))

    async def drop_limit(self, name: str) -> Limits:
        """Let as many jobs use a thing as there are; return the limits that are left."""
        return cast(Limits, await self._transport.send("DELETE", f"{LIMITS}/{name}"))

    async def workers(self) -> Workers:
        """Return every worker; for an owner of the organisation that runs the installation."""
        return cast(Workers, await self._transport.get(WORKERS))

    async def drain_worker(self, worker_id: str) -> Worker:
        """Let a worker finish what it holds and take no more; a worker process then ends."""
        return cast(Worker, await self._transport.send("POST", f"{WORKERS}/{worker_id}/drain"))

    async def resume_worker(self, worker_id: str) -> Worker:
        """Let a draining worker take jobs again."""
        return cast(Worker, await self._transport.send("POST", f"{WORKERS}/{worker_id}/resume"))
