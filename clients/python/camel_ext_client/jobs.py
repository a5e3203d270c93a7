"""Routes of the queue: jobs, job queues and workers."""

from collections.abc import Iterator
from typing import Any, Literal, TypedDict, cast

from camel_ext_client.pages import each
from camel_ext_client.shapes import Page, State
from camel_ext_client.transport import Transport

PATH = "/api/v1/jobs"
QUEUES = "/api/v1/queues"
DEAD = "/api/v1/dead-letters"
WORKERS = "/api/v1/workers"
LIMITS = "/api/v1/limits"


class Limit(TypedDict):
    """How many jobs at once may use one thing."""

    name: str
    at_once: int
    running: int
    waiting: int


class Limits(TypedDict):
    items: list[Limit]


class Job(TypedDict):
    """One job: something that a worker executes."""

    id: str
    queue: str
    kind: str
    args: dict[str, Any]
    state: State
    waiting_for: Literal["person", "provider", "budget", "pause", "schedule"] | None
    priority: int
    run_at: str
    uses: list[str]
    waits_for_limit: Limit | None
    attempts: int
    max_attempts: int
    takeovers: int
    worker_id: str | None
    parent_id: str | None
    cancel_requested_at: str | None
    dead_at: str | None
    error_code: str | None
    error_detail: str | None
    trace_id: str
    created_at: str
    started_at: str | None
    finished_at: str | None


class DeadKind(TypedDict):
    """How many jobs of a kind ran out of tries."""

    queue: str
    kind: str
    jobs: int
    repeatable: bool


class DeadLetters(TypedDict):
    total: int
    items: list[DeadKind]


class DeadRefused(TypedDict):
    """A dead letter that could not be queued again."""

    job_id: str
    kind: str
    code: str
    detail: str


class DeadRepeated(TypedDict):
    """What became of some dead letters."""

    repeated: int
    refused: list[DeadRefused]
    next_cursor: str | None


class JobQueue(TypedDict):
    """One queue: the jobs of a room."""

    name: str
    paused_at: str | None
    queued: int
    running: int
    waiting: int
    oldest_due_s: float | None
    started_per_min: float
    finished_per_min: float
    succeeded_last_hour: int
    failed_last_hour: int
    dead: int


class JobQueues(TypedDict):
    items: list[JobQueue]


class Worker(TypedDict):
    """One process that executes jobs."""

    id: str
    name: str
    queues: list[str] | None
    concurrency: int
    held: int
    started_at: str
    heartbeat_at: str
    draining_since: str | None


class Workers(TypedDict):
    items: list[Worker]


class Jobs:
    """`client.jobs`: what the queue holds, and how to steer it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
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
        found = self._transport.get(PATH, **asked, limit=limit, cursor=cursor)
        return cast(Page[Job], found)

    def each(
        self,
        *,
        queue: str | None = None,
        state: State | None = None,
        dead: bool = False,
        worker: str | None = None,
    ) -> Iterator[Job]:
        """Yield all jobs, newest first."""
        return each(
            lambda at: self.list(
                queue=queue, state=state, dead=dead, worker=worker, limit=200, cursor=at
            )
        )

    def get(self, job_id: str) -> Job:
        """Return one job."""
        return cast(Job, self._transport.get(f"{PATH}/{job_id}"))

    def cancel(self, job_id: str) -> Job:
        """Stop a job and what it works for; one that has ended stays as it is."""
        return cast(Job, self._transport.send("POST", f"{PATH}/{job_id}/cancel"))

    def repeat(self, job_id: str) -> Job:
        """Queue again what a failed job worked for, and return the new job."""
        return cast(Job, self._transport.send("POST", f"{PATH}/{job_id}/repeat"))

    def dead(self, *, queue: str | None = None, kind: str | None = None) -> DeadLetters:
        """Return how many jobs ran out of tries and were not queued again, by kind."""
        return cast(DeadLetters, self._transport.get(DEAD, queue=queue, kind=kind))

    def repeat_dead(
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
        return cast(DeadRepeated, self._transport.send("POST", f"{DEAD}/repeat", body=body))

    def repeat_all_dead(
        self, *, queue: str | None = None, kind: str | None = None
    ) -> Iterator[DeadRepeated]:
        """Queue all dead letters again, some at a time, and yield what became of each lot."""
        cursor: str | None = None
        while True:
            done = self.repeat_dead(queue=queue, kind=kind, cursor=cursor)
            yield done
            cursor = done["next_cursor"]
            if cursor is None:
                return

    def set_priority(self, job_id: str, priority: int) -> Job:
        """Move a job before or behind others; higher is taken first, 0 is usual."""
        body = {"priority": priority}
        return cast(Job, self._transport.send("PUT", f"{PATH}/{job_id}/priority", body=body))

    def queues(self) -> JobQueues:
        """Return every queue: how deep it is, how old, how fast.

        `started_per_min` and `finished_per_min` are of the last 5 minutes.
        """
        return cast(JobQueues, self._transport.get(QUEUES))

    def pause_queue(self, name: str) -> JobQueue:
        """Let nobody take jobs of this project from a queue; what runs goes on."""
        return cast(JobQueue, self._transport.send("POST", f"{QUEUES}/{name}/pause"))

    def resume_queue(self, name: str) -> JobQueue:
        """Let workers take from a queue again."""
        return cast(JobQueue, self._transport.send("POST", f"{QUEUES}/{name}/resume"))

    def limits(self) -> Limits:
        """Return how many jobs at once may use which workflow, model or device."""
        return cast(Limits, self._transport.get(LIMITS))

    def set_limit(self, name: str, at_once: int) -> Limit:
        """Let so many jobs at once use `workflow:NAME`, `model:NAME` or `device:NAME`."""
        body = {"at_once": at_once}
        return cast(Limit, self._transport.send("PUT", f"{LIMITS}/{name}", body=body))

    def drop_limit(self, name: str) -> Limits:
        """Let as many jobs use a thing as there are; return the limits that are left."""
        return cast(Limits, self._transport.send("DELETE", f"{LIMITS}/{name}"))

    def workers(self) -> Workers:
        """Return every worker; for an owner of the organisation that runs the installation."""
        return cast(Workers, self._transport.get(WORKERS))

    def drain_worker(self, worker_id: str) -> Worker:
        """Let a worker finish what it holds and take no more; a worker process then ends."""
        return cast(Worker, self._transport.send("POST", f"{WORKERS}/{worker_id}/drain"))

    def resume_worker(self, worker_id: str) -> Worker:
        """Let a draining worker take jobs again."""
        return cast(Worker, self._transport.send("POST", f"{WORKERS}/{worker_id}/resume"))
