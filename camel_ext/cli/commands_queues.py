"""Commands about queues of answers that people judge: the group `queue`."""

from enum import StrEnum
from typing import Annotated

import typer

from camel_ext.cli.command import Here, command, group
from camel_ext.cli.commands_annotations import (
    PANEL,
    AtMost,
    Limit,
    OfAgent,
    OfRun,
    Purpose,
    Since,
    Tag,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The queue.")]


class Kind(StrEnum):
    """What a queue may ask for."""

    RATING = "rating"
    THUMBS = "thumbs"
    LABELS = "labels"
    CORRECTION = "correction"
    CHOICE = "choice"
    RANKING = "ranking"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    queues = group(
        app, "queue", queues_, panel=PANEL,
        words="Work through queues of answers to judge.",
        examples=["camel-ext queue", "camel-ext queue work tone"],
    )  # fmt: skip
    command(
        queues, "add",
        examples=[
            "camel-ext queue add tone thumbs --tag train --guideline 'Is it kind?'",
            "camel-ext queue add pairs choice --run last --blind",
        ],
    )(add)  # fmt: skip
    command(queues, "work", examples=["camel-ext queue work tone"])(work)
    command(queues, "show", examples=["camel-ext queue show tone"])(show_queue)
    command(queues, "close", examples=["camel-ext queue close tone"])(close)


def queues_(here: Here, limit: Limit = 20) -> None:
    """List queues, newest first."""
    from camel_ext.cli import queues

    queues.list_queues(here, limit)


def add(
    here: Here,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A new name.")],
    kind: Annotated[Kind, typer.Argument(help="What is asked of people.")],
    answer: Annotated[
        list[str] | None,
        typer.Option(
            "--of",
            metavar="ANSWER[,ANSWER]",
            help="What is judged together, not a filter. Repeatable.",
        ),
    ] = None,
    tag: Tag = None,
    run: OfRun = None,
    agent: OfAgent = None,
    purpose: Purpose = None,
    since: Since = None,
    at_most: AtMost = None,
    guideline: Annotated[
        str, typer.Option("--guideline", metavar="TEXT", help="The rules; @FILE takes its text.")
    ] = "",
    guideline_version: Annotated[
        str | None, typer.Option("--guideline-version", help="Version of these rules.")
    ] = None,
    labels: Annotated[
        list[str] | None, typer.Option("--label", help="One of the labels there are. Repeatable.")
    ] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Do not show who answered.")] = False,
    annotators: Annotated[
        int, typer.Option("--annotators", min=1, help="How many people judge each.")
    ] = 1,
    keep_s: Annotated[
        int, typer.Option("--keep", metavar="SECONDS", min=10, help="How long an item is kept.")
    ] = 900,
) -> None:
    """Make a queue; for `choice` and `ranking`, answers to the same prompt are put side by side."""
    from camel_ext.cli import batches, inputs, queues

    wanted = {
        "guideline": inputs.text_of(guideline, "--guideline"),
        "guideline_version": guideline_version,
        "labels": labels,
        "blind": blind,
        "annotators": annotators,
        "reservation_s": keep_s,
        **({} if at_most is None else {"at_most": at_most}),
    }
    chosen = batches.Chosen(tag, run, agent, purpose, since)
    queues.add(here, name, kind.value, answer or [], chosen, wanted)


def work(
    here: Here,
    name: Name,
) -> None:
    """Judge one item after the other: keys on a terminal, a line each from a pipe.

    `s` skips, `z` takes the last one back, `q` leaves; what you hold is given back. Nothing is lost
    when your reservation runs out: the item is taken again, unless somebody else has it by then.
    """
    from camel_ext.cli import working

    working.work(here, name)


def show_queue(here: Here, name: Name) -> None:
    """Show a queue: its rules, and how far it is."""
    from camel_ext.cli import queues

    queues.show(here, name)


def close(here: Here, name: Name) -> None:
    """Give nothing of a queue out any more; what is taken can still be judged."""
    from camel_ext.cli import queues

    queues.close(here, name)
