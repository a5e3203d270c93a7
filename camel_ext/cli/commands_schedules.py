"""Commands about time: the group `schedules`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from camel_ext.cli.command import Here, command, group
from camel_ext.cli.commands_runs import PANEL

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
CronOption = Annotated[
    str | None,
    typer.Option("--cron", metavar="'M H D M W'", help="Minute, hour, day, month, weekday."),
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--zone", "-z", metavar="ZONE", help="Whose clocks cron reads. Default: this machine's."
    ),
]
EveryOption = Annotated[
    str | None, typer.Option("--every", metavar="SPAN", help="An interval: 45s, 30m, 6h, 2d.")
]
At = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="Once: 2027-01-01T09:00, in the zone.")
]
From = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Not before; an interval's first.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Not after.")]
JITTER = typer.Option("--jitter", metavar="SPAN", help="Each starts up to so much later.")
Jitter = Annotated[str, JITTER]
Arg = Annotated[
    list[str] | None,
    typer.Option("--arg", "-a", metavar="NAME=VALUE", help="One argument. Repeatable."),
]
ArgumentsFile = Annotated[
    Path | None,
    typer.Option("--arguments", metavar="FILE", help="All arguments, as YAML or JSON."),
]
OVERLAP = typer.Option("--overlap", help="While an earlier one is under way.")
CATCH_UP = typer.Option("--catch-up", help="Of times that passed while nobody looked.")
AT_MOST = typer.Option("--at-most", min=1, max=100, help="With --catch-up all: the last.")
GRACE = typer.Option(
    "--grace", metavar="SPAN", help="With --catch-up none: so late still counts as on time."
)
DESCRIPTION = typer.Option("--description", help="What it is for.")
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Save without asking.")]


class CatchUp(StrEnum):
    """What becomes of times that passed while nobody looked."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


class Overlap(StrEnum):
    """What happens while an earlier one is under way."""

    SKIP = "skip"
    QUEUE = "queue"
    CANCEL_OTHER = "cancel_other"
    ALLOW = "allow"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    schedules = group(
        app, "schedules", list_, panel=PANEL,
        words="Start runs, evaluations, improvements and more by the clock.",
        examples=["camel-ext schedules", "camel-ext schedules history nightly"],
    )  # fmt: skip
    command(
        schedules, "add",
        examples=[
            "camel-ext schedules add nightly evaluation.start_evaluation --cron '30 2 * * *' "
            "--arg suite=brief-answers --arg workflow=answer",
            "camel-ext schedules add hourly workflows.start_run --every 1h --arguments run.yaml "
            "--overlap queue",
        ],
    )(add)  # fmt: skip
    command(
        schedules, "change",
        examples=[
            "camel-ext schedules change nightly --cron '0 4 * * *'",
            "camel-ext schedules change nightly --arg suite=long-answers --overlap queue",
        ],
    )(change)  # fmt: skip
    command(
        schedules, "preview",
        examples=["camel-ext schedules preview --cron '30 2 * * *' --zone Europe/Berlin"],
    )(preview)  # fmt: skip
    command(schedules, "tasks", examples=["camel-ext schedules tasks"])(tasks)
    command(schedules, "show", examples=["camel-ext schedules show nightly"])(show)
    command(
        schedules, "pause", examples=["camel-ext schedules pause nightly --reason 'moving house'"]
    )(pause)
    command(schedules, "resume", examples=["camel-ext schedules resume nightly"])(resume)
    command(schedules, "run", examples=["camel-ext schedules run nightly"])(run_now)
    command(schedules, "history", examples=["camel-ext schedules history nightly -n 50"])(history)
    command(schedules, "remove", examples=["camel-ext schedules remove nightly"])(remove)


def list_(here: Here, limit: Limit = 50) -> None:
    """List schedules with their next time."""
    from camel_ext.cli import schedules

    schedules.list_schedules(here, limit)


def add(
    here: Here,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A new name.")],
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="What is started: `camel-ext schedules tasks`.")
    ],
    cron: CronOption = None,
    zone: Zone = None,
    every: EveryOption = None,
    at: At = None,
    from_: From = None,
    until: Until = None,
    jitter: Jitter = "0s",
    arg: Arg = None,
    arguments: ArgumentsFile = None,
    overlap: Annotated[Overlap, OVERLAP] = Overlap.SKIP,
    catch_up: Annotated[CatchUp, CATCH_UP] = CatchUp.LAST,
    at_most: Annotated[int, AT_MOST] = 10,
    grace: Annotated[str, GRACE] = "60s",
    description: Annotated[str, DESCRIPTION] = "",
    yes: Yes = False,
) -> None:
    """Show the next five times, and save the schedule.

    A value of --arg is read as JSON where it is some, else it is a text.
    """
    from camel_ext.cli import schedules

    when = schedules.Times(cron, zone, every, at, from_, until, jitter)
    more = _policy(overlap, catch_up, at_most, grace, description)
    schedules.add(here, name, task, when, (arg or [], arguments), more, sure=yes)


def change(
    here: Here,
    name: Name,
    task: Annotated[
        str | None, typer.Option("--task", metavar="TASK", help="Start something else.")
    ] = None,
    cron: CronOption = None,
    zone: Annotated[
        str | None,
        typer.Option(
            "--zone", "-z", metavar="ZONE", help="Whose clocks cron reads. Default: as before."
        ),
    ] = None,
    every: EveryOption = None,
    at: At = None,
    from_: From = None,
    until: Until = None,
    jitter: Annotated[str | None, JITTER] = None,
    arg: Arg = None,
    arguments: ArgumentsFile = None,
    overlap: Annotated[Overlap | None, OVERLAP] = None,
    catch_up: Annotated[CatchUp | None, CATCH_UP] = None,
    at_most: Annotated[int | None, AT_MOST] = None,
    grace: Annotated[str | None, GRACE] = None,
    description: Annotated[str | None, DESCRIPTION] = None,
    yes: Yes = False,
) -> None:
    """Show the next five times, and save what is given; the rest stays as it is.

    --arg changes that argument alone, --arguments all; --from '' or --until '' takes the bound away.
    """
    from camel_ext.cli import schedules

    when = schedules.Times(cron, zone, every, at, from_, until, jitter)
    more = _policy(overlap, catch_up, at_most, grace, description)
    schedules.change(here, name, task, when, (arg or [], arguments), more, sure=yes)


def _policy(
    overlap: Overlap | None,
    catch_up: CatchUp | None,
    at_most: int | None,
    grace: str | None,
    description: str | None,
) -> dict[str, Any]:
    """Return what of these was given, as the client takes it. Raises: Stop."""
    from camel_ext.cli import schedules

    given = {
        "overlap": overlap and overlap.value,
        "catch_up": catch_up and catch_up.value,
        "catch_up_limit": at_most,
        "grace_s": None if grace is None else schedules.span_s("--grace", grace),
        "description": description,
    }
    return {name: value for name, value in given.items() if value is not None}


def preview(
    here: Here,
    cron: CronOption = None,
    zone: Zone = None,
    every: EveryOption = None,
    at: At = None,
    from_: From = None,
    until: Until = None,
    jitter: Jitter = "0s",
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=100, help="How many.")] = 5,
) -> None:
    """Show the next times of a timing; nothing is saved."""
    from camel_ext.cli import schedules

    schedules.preview(here, schedules.Times(cron, zone, every, at, from_, until, jitter), count)


def tasks(here: Here) -> None:
    """List what can be scheduled, with its arguments; --json gives their whole schema."""
    from camel_ext.cli import schedules

    schedules.list_tasks(here)


def show(here: Here, name: Name) -> None:
    """Show a schedule, its next five times and what came of the last ones."""
    from camel_ext.cli import schedules

    schedules.show(here, name)


def pause(
    here: Here,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why, for people.")] = "",
) -> None:
    """Let a schedule fire no more until it is resumed."""
    from camel_ext.cli import schedules

    schedules.pause(here, name, reason)


def resume(here: Here, name: Name) -> None:
    """Let a paused schedule fire again, from now on."""
    from camel_ext.cli import schedules

    schedules.resume(here, name)


def run_now(here: Here, name: Name) -> None:
    """Fire a schedule now, paused or not."""
    from camel_ext.cli import schedules

    schedules.run_now(here, name)


def history(here: Here, name: Name, limit: Limit = 20) -> None:
    """Show what a schedule fired and what came of it, the latest first."""
    from camel_ext.cli import schedules

    schedules.history(here, name, limit)


def remove(here: Here, name: Name) -> None:
    """Delete a schedule with its history; what it started stays."""
    from camel_ext.cli import schedules

    schedules.remove(here, name)
