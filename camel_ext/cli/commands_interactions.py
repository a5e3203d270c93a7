"""Commands about the log as a whole: the group `interactions`."""

from pathlib import Path
from typing import Annotated

import typer

from camel_ext.cli.command import Here, command, group

PANEL = "Runs"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    calls = group(
        app, "interactions", list_, panel=PANEL, words="The log of model calls: bring calls in.",
        examples=["camel-ext interactions import calls.jsonl"],
    )  # fmt: skip
    command(calls, "import", examples=["camel-ext interactions import calls.jsonl"])(import_)


def list_(
    here: Here,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
) -> None:
    """Show the newest calls, oldest first; `logs` has the filters."""
    from camel_ext.cli import log

    log.show(here, None, {}, since=None, limit=limit, follow=False)


def import_(
    here: Here,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, one call each.")],
) -> None:
    """Record calls that were made elsewhere: chat completions, as they were asked and answered.

    A line holds `model` (an alias, or a version's id), `request`, `response` and `total_ms`, and may
    hold `external_id`, by which a call is recorded once however often its file comes.
    """
    from camel_ext.cli import interactions

    interactions.import_file(here, file)
