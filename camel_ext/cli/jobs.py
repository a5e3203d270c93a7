"""`jobs` and `workers`: the queue on a terminal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, cast

from camel_ext_client import ApiError, Client
from camel_ext_client.jobs import Job, JobQueue, Worker
from camel_ext_client.shapes import State
from rich.text import Text

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.finding import Noun, find_id
from camel_ext.cli.output import (
    Indented,
    age,
    amount,
    duration,
    plain,
    plural,
    rows,
    short,
    state_shown,
    table,
    utc_now,
)

STATES = ("queued", "running", "waiting", "succeeded", "failed", "cancelled")
FIXED = {"no_wrap": True}
ROOMY = 100  # columns of a terminal
NUMBER = {"no_wrap": True, "justify": "right"}
JOB = Noun("job", "jobs", "camel-ext jobs", "Start a run: camel-ext run WORKFLOW")
WORKER = Noun("worker", "workers", "camel-ext workers", "Start one: camel-ext worker")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs were asked for."""

    queue: str | None
    state: str | None
    dead: bool
    worker: str | None


def list_jobs(here: Here, wanted: Wanted, limit: int) -> None:
    """Show jobs, newest first."""
    if wanted.state is not None and wanted.state not in STATES:
        raise Stop(
            Exit.USAGE,
            f"{wanted.state!r} is no state of a job.",
            f"Say one of {', '.join(STATES)}.",
        )
    state = cast(State | None, wanted.state)
    with here.connect() as client:
        worker = None if wanted.worker is None else find_id(wanted.worker, WORKER, _workers(client))
        each = client.jobs.each(queue=wanted.queue, state=state, dead=wanted.dead, worker=worker)
        found = list(islice(each, limit + 1))
    more, found = len(found) > limit, found[:limit]
    if here.as_json:
        here.answer(found)
        return
    if not found:
        if wanted.dead:
            here.note("No dead job.")
        else:
            asked = (wanted.queue, wanted.state, wanted.worker) != (None, None, None)
            here.note("No such job." if asked else f"No jobs yet. {JOB.maker}")
        return
    now = utc_now()
    last = ("why", {"ratio": 1}) if wanted.dead else ("asked for", FIXED)
    made = table(
        ("job", FIXED), ("kind", FIXED), ("state", FIXED), ("priority", NUMBER), ("tries", NUMBER),
        last,
    )  # fmt: skip
    here.out.print(rows(made, [_listed(job, now, why=wanted.dead) for job in found]))
    if more:
        here.note(f"and older ones: --limit {limit * 5} shows more")
    if wanted.dead:
        one = short(found[0]["id"])
        here.note(
            f"Queue one again: camel-ext jobs repeat {one}; all: camel-ext jobs repeat --dead"
        )


def _workers(client: Client) -> Iterator[Mapping[str, Any]]:
    """Yield the workers; where one may not see them all, those that hold jobs of the project."""
    try:
        yield from reversed(client.jobs.workers()["items"])
    except ApiError as error:
        if error.status != 403:
            raise
        holders = dict.fromkeys(job["worker_id"] for job in client.jobs.each(state="running"))
        yield from ({"id": holder} for holder in holders if holder is not None)


def _listed(job: Job, now: datetime, *, why: bool) -> list[str]:
    return [
        f"[id]{short(job['id'])}[/]",
        plain(job["kind"]),
        state_shown(job["state"], job["waiting_for"]) + _held_up(job),
        str(job["priority"] or ""),
        str(job["attempts"] or ""),
        plain(job["error_detail"] or "") if why else age(job["created_at"], now),
    ]


def _held_up(job: Job) -> str:
    """Say which limit a job waits for, where it does."""
    limit = job["waits_for_limit"]
    if limit is None:
        return ""
    return f" [warn]limit of {plain(limit['name'])} ({limit['running']} of {limit['at_once']})[/]"


def show(here: Here, wanted: str) -> None:
    """Show one job."""
    with here.connect() as client:
        job = client.jobs.get(find_id(wanted, JOB, client.jobs.each()))
    if here.as_json:
        here.answer(job)
        return
    now, out = utc_now(), here.out
    state = state_shown(job["state"], job["waiting_for"])
    state += _held_up(job)
    out.print(f"[name]{plain(job['kind'])}[/]  {state}  [quiet]job {job['id']}[/]", soft_wrap=True)
    facts = [f"asked for {age(job['created_at'], now)}", f"priority {job['priority']}"]
    if job["attempts"]:
        facts.append(f"{job['attempts']} of {job['max_attempts']} tries failed")
    if job["takeovers"]:
        facts.append(f"{plural(job['takeovers'], 'worker')} died under it")
    if job["state"] == "running" and job["worker_id"]:
        facts.append(f"held by worker {short(job['worker_id'])}")
    out.print(f"  {', '.join(facts)}")
    for name, value in job["args"].items():
        out.print(f"  {plain(name)} [id]{plain(value)}[/]", soft_wrap=True)
    if job["error_detail"]:
        out.print(f"  [bad]{plain(job['error_code'])}[/]", soft_wrap=True)
        out.print(Indented(Text(job["error_detail"]), 2, blank_below=False))
    if job["state"] == "failed":
        here.note(f"Queue it again: camel-ext jobs repeat {short(job['id'])}")


def cancel(here: Here, wanted: str) -> None:
    """Stop a job."""
    with here.connect() as client:
        job = client.jobs.cancel(find_id(wanted, JOB, client.jobs.each()))
    ended = job["finished_at"] is not None
    _say(here, job, f"It is {state_shown(job['state'])}." if ended else "It is told to stop.")


def repeat(here: Here, wanted: str) -> None:
    """Queue again what a failed job worked for."""
    with here.connect() as client:
        job = client.jobs.repeat(find_id(wanted, JOB, client.jobs.each(state="failed")))
    named = f"job [id]{short(job['id'])}[/]"
    is_done = job["state"] == "succeeded"
    _say(
        here, job, f"It was done already, by {named}." if is_done else f"Queued again, as {named}."
    )


def set_priority(here: Here, wanted: str, priority: int) -> None:
    """Move a job before or behind others."""
    with here.connect() as client:
        job = client.jobs.set_priority(find_id(wanted, JOB, client.jobs.each()), priority)
    _say(here, job, f"Its priority is {priority} now.")


def list_queues(here: Here) -> None:
    """Show every queue."""
    with here.connect() as client:
        found = client.jobs.queues()["items"]
    if here.as_json:
        here.answer(found)
        return
    made = table(
        ("\nqueue", FIXED), ("\nqueued", NUMBER), ("\noldest", NUMBER), ("\nrunning", NUMBER),
        ("\nwaiting", NUMBER), ("started\na min", NUMBER), ("finished\na min", NUMBER),
        ("last\nhour", NUMBER), ("\nfailed", NUMBER), ("\ndead", NUMBER),
    )  # fmt: skip
    made.padding = (0, 2 if here.out.width >= ROOMY else 1, 0, 0)
    here.out.print(rows(made, [_queue(each) for each in found]))
    if any(each["dead"] for each in found):
        here.note("Which, and why: camel-ext jobs --dead")


def _queue(each: JobQueue) -> list[str]:
    oldest_s = each["oldest_due_s"]
    paused = "" if each["paused_at"] is None else " [warn]paused[/]"
    return [
        f"[name]{plain(each['name'])}[/]{paused}",
        _count(each["queued"]),
        "" if oldest_s is None else duration(oldest_s * 1000),
        _count(each["running"]),
        _count(each["waiting"]),
        _rate(each["started_per_min"]),
        _rate(each["finished_per_min"]),
        _count(each["succeeded_last_hour"]),
        _count(each["failed_last_hour"], "bad"),
        _count(each["dead"], "bad"),
    ]


def _rate(per_min: float) -> str:
    if not per_min:
        return "[quiet]0.0[/]"
    return f"{per_min:,.1f}" if per_min < 1000 else amount(round(per_min))


def _count(number: int, style: str | None = None) -> str:
    if not number:
        return "[quiet]0[/]"
    return amount(number) if style is None else f"[{style}]{amount(number)}[/]"


def steer_queue(here: Here, name: str, *, pauses: bool) -> None:
    """Pause a queue, or let workers take from it again."""
    with here.connect() as client:
        queue = client.jobs.pause_queue(name) if pauses else client.jobs.resume_queue(name)
    waiting = plural(queue["queued"], "job")
    if pauses:
        words = f"{plain(name)} is paused, with {waiting} queued; what runs goes on."
    else:
        words = f"Workers take from {plain(name)} again; {waiting} queued."
    _say(here, queue, words)


def list_workers(here: Here) -> None:
    """Show every worker."""
    with here.connect() as client:
        found = client.jobs.workers()["items"]
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note(f"No worker runs. {WORKER.maker}")
        return
    now = utc_now()
    made = table(
        ("worker", FIXED), "host/process", "takes", ("holds", NUMBER), ("started", FIXED),
        ("heard of", FIXED), "",
    )  # fmt: skip
    here.out.print(rows(made, [_worker(each, now) for each in found]))
    busy = next((each for each in found if each["held"]), None)
    if busy is not None:
        here.note(f"What one holds: camel-ext jobs --worker {short(busy['id'])}")


def _worker(each: Worker, now: datetime) -> list[str]:
    takes = "all queues" if each["queues"] is None else ", ".join(each["queues"])
    return [
        f"[id]{short(each['id'])}[/]",
        plain(each["name"]),
        plain(takes),
        f"{each['held']} of {each['concurrency']}",
        age(each["started_at"], now),
        age(each["heartbeat_at"], now),
        "" if each["draining_since"] is None else "[warn]drains[/]",
    ]


def steer_worker(here: Here, wanted: str, *, drains: bool) -> None:
    """Drain a worker, or let it take jobs again."""
    with here.connect() as client:
        newest_first = client.jobs.workers()["items"][::-1]
        worker_id = find_id(wanted, WORKER, newest_first)
        change = client.jobs.drain_worker if drains else client.jobs.resume_worker
        worker = change(worker_id)
    if drains:
        words = f"It takes no more jobs, and holds {worker['held']} of this project."
    else:
        words = "It takes jobs again."
    _say(here, worker, words)


def _say(here: Here, answer: Job | JobQueue | Worker, words: str) -> None:
    if here.as_json:
        here.answer(answer)
    else:
        here.out.print(words)
