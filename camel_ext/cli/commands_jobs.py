"""Commands about the queue of jobs: the groups `jobs` and `workers`."""

from typing import Annotated

import typer

from camel_ext.cli.command import Here, command, group
from camel_ext.cli.commands_server import PANEL
from camel_ext.cli.exits import Exit, Stop

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Its id, its last letters, or `last`.")]
QueueName = Annotated[
    str, typer.Argument(metavar="QUEUE", help="Its name, as `camel-ext jobs queues` lists them.")
]
WorkerId = Annotated[str, typer.Argument(metavar="WORKER", help="Its id, or its last letters.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    jobs = group(
        app, "jobs", list_, panel=PANEL, words="See what the queue holds, and steer it.",
        examples=["camel-ext jobs", "camel-ext jobs --dead", "camel-ext jobs --worker 3f9a01bc"],
    )  # fmt: skip
    command(jobs, "show", examples=["camel-ext jobs show last"])(show)
    command(jobs, "cancel", examples=["camel-ext jobs cancel last"])(cancel)
    command(
        jobs, "repeat",
        examples=["camel-ext jobs repeat 3f9a01bc", "camel-ext jobs repeat --dead --queue training"],
    )(repeat)  # fmt: skip
    command(jobs, "priority", examples=["camel-ext jobs priority last 10"])(priority)
    command(jobs, "queues", examples=["camel-ext jobs queues --json"])(queues)
    command(jobs, "pause", examples=["camel-ext jobs pause training"])(pause)
    command(jobs, "resume", examples=["camel-ext jobs resume training"])(resume)
    command(jobs, "limits", examples=["camel-ext jobs limits"])(limits)
    command(
        jobs, "limit",
        examples=["camel-ext jobs limit workflow:solve 2", "camel-ext jobs limit model:big --off"],
    )(limit)  # fmt: skip
    workers = group(
        app, "workers", list_workers, panel=PANEL, words="See who executes jobs; drain a worker.",
        examples=["camel-ext workers", "camel-ext workers drain 3f9a01bc"],
    )  # fmt: skip
    command(workers, "drain", examples=["camel-ext workers drain 3f9a01bc"])(drain)
    command(workers, "resume", examples=["camel-ext workers resume 3f9a01bc"])(resume_worker)


def list_(
    here: Here,
    queue: Annotated[str | None, typer.Option("--queue", "-q", help="Only of this queue.")] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            "-s",
            help="Only queued, running, waiting, succeeded, failed or cancelled ones.",
        ),
    ] = None,
    dead: Annotated[
        bool, typer.Option("--dead", help="Only those that ran out of tries, with the cause.")
    ] = False,
    worker: Annotated[
        str | None,
        typer.Option(
            "--worker",
            "-w",
            metavar="WORKER",
            help="Only those that this worker holds: its id, or its last letters.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
) -> None:
    """List jobs, newest first."""
    from camel_ext.cli import jobs

    jobs.list_jobs(here, jobs.Wanted(queue, state, dead, worker), limit)


def show(here: Here, job_id: JobId = "last") -> None:
    """Show a job: what it works for, where it is, what went wrong."""
    from camel_ext.cli import jobs

    jobs.show(here, job_id)


def cancel(here: Here, job_id: JobId) -> None:
    """Stop a job and what it works for."""
    from camel_ext.cli import jobs

    jobs.cancel(here, job_id)


def repeat(
    here: Here,
    job_id: Annotated[
        str | None,
        typer.Argument(metavar="JOB", help="Its id, its last letters, or `last`."),
    ] = None,
    dead: Annotated[
        bool, typer.Option("--dead", help="All that ran out of tries, after a look at how many.")
    ] = False,
    queue: Annotated[
        str | None, typer.Option("--queue", "-q", help="With --dead: only of this queue.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="With --dead: only of this kind, `workflows.run`.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="With --dead: queue them without asking.")
    ] = False,
) -> None:
    """Queue again what a failed job worked for, or what all dead letters did."""
    from camel_ext.cli import dead_letters, jobs

    if dead == (job_id is not None):
        raise Stop(
            Exit.USAGE,
            "--dead means all dead letters, and a JOB is one." if dead else "Which job?",
            "Name one, as `camel-ext jobs` lists them, or say --dead for all that ran out of tries.",
        )
    if job_id is None:
        dead_letters.repeat_all(here, queue, kind, sure=yes)
    elif queue is not None or kind is not None:
        raise Stop(Exit.USAGE, "--queue and --kind go with --dead.", "A JOB needs neither.")
    else:
        jobs.repeat(here, job_id)


def priority(
    here: Here,
    job_id: JobId,
    number: Annotated[
        int,
        typer.Argument(metavar="PRIORITY", min=-1000, max=1000, help="Higher is taken first."),
    ],
) -> None:
    """Move a job before or behind others."""
    from camel_ext.cli import jobs

    jobs.set_priority(here, job_id, number)


def queues(here: Here) -> None:
    """Show every queue: how deep it is, how old, how fast; rates are of the last 5 minutes."""
    from camel_ext.cli import jobs

    jobs.list_queues(here)


def pause(here: Here, name: QueueName) -> None:
    """Let nobody take jobs from a queue; what runs goes on."""
    from camel_ext.cli import jobs

    jobs.steer_queue(here, name, pauses=True)


def resume(here: Here, name: QueueName) -> None:
    """Let workers take from a queue again."""
    from camel_ext.cli import jobs

    jobs.steer_queue(here, name, pauses=False)


def limits(here: Here) -> None:
    """Show how many jobs at once may use which workflow, model or device."""
    from camel_ext.cli import job_limits

    job_limits.show(here)


def limit(
    here: Here,
    name: Annotated[
        str, typer.Argument(metavar="THING", help="`workflow:NAME`, `model:NAME` or `device:NAME`.")
    ],
    at_once: Annotated[
        int | None, typer.Argument(metavar="N", min=0, help="How many jobs at once; 0: none.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Drop the limit.")] = False,
) -> None:
    """Bound how many jobs at once may use a thing, whichever workers execute them."""
    from camel_ext.cli import job_limits

    job_limits.change(here, name, at_once, off=off)


def list_workers(here: Here) -> None:
    """List workers, and how many jobs of this project each holds."""
    from camel_ext.cli import jobs

    jobs.list_workers(here)


def drain(here: Here, worker_id: WorkerId) -> None:
    """Let a worker finish what it holds and take no more; a worker process then ends."""
    from camel_ext.cli import jobs

    jobs.steer_worker(here, worker_id, drains=True)


def resume_worker(here: Here, worker_id: WorkerId) -> None:
    """Let a draining worker take jobs again."""
    from camel_ext.cli import jobs

    jobs.steer_worker(here, worker_id, drains=False)
