"""Commands about the log as a whole: the group `interactions`."""

from pathlib import Path
from typing import Annotated

import typer

from camel_ext.cli.call_filters import (
    ByAlias,
    Failed,
    OfAgent,
    OfRun,
    OfSession,
    Since,
    WithTag,
    WithText,
    chosen,
)
from camel_ext.cli.command import Here, command, group

PANEL = "Runs"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    calls = group(
        app, "interactions", list_, panel=PANEL, words="The log of model calls: bring calls in, take them along, let old ones leave, bring them back.",
        examples=[
            "camel-ext interactions import calls.jsonl", "camel-ext interactions export -o calls.jsonl --since 7d",
            "camel-ext interactions retention --keep-days 90",
        ],
    )  # fmt: skip
    command(calls, "import", examples=["camel-ext interactions import calls.jsonl"])(import_)
    command(
        calls, "export",
        examples=[
            "camel-ext interactions export -o calls.jsonl --since 7d",
            "camel-ext interactions export --agent writer --no-bodies | head",
        ],
    )(export)  # fmt: skip
    command(
        calls, "retention",
        examples=[
            "camel-ext interactions retention", "camel-ext interactions retention --keep-days 90",
            "camel-ext interactions retention --keep-days 30 --erase",
        ],
    )(retention)  # fmt: skip
    command(
        calls, "archive",
        examples=["camel-ext interactions archive", "camel-ext interactions archive --older-than 365"],
    )(archive)  # fmt: skip
    command(calls, "archives", examples=["camel-ext interactions archives"])(archives)
    command(
        calls, "restore", examples=["camel-ext interactions restore 019f3c2a"]
    )(restore)  # fmt: skip


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


def export(
    here: Here,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file. Left out: standard output."),
    ] = None,
    run_id: OfRun = None,
    agent: OfAgent = None,
    alias: ByAlias = None,
    session: OfSession = None,
    tag: WithTag = None,
    text: WithText = None,
    since: Since = None,
    failed: Failed = False,
    bodies: Annotated[
        bool, typer.Option("--bodies/--no-bodies", help="With prompts, tools and answers.")
    ] = True,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Without the words of archives that are away.")
    ] = False,
) -> None:
    """Write calls of the log as JSON lines, newest first: all, or those that the filters leave.

    A file is there whole or not at all. Calls that are recorded meanwhile are not in it.
    """
    from camel_ext.cli import interactions

    interactions.export(
        here, output, run_id, chosen(agent, alias, session, tag, text, failed=failed),
        since=since, bodies=bodies, skip_missing=skip_missing,
    )  # fmt: skip


def retention(
    here: Here,
    keep_days: Annotated[
        int | None, typer.Option("--keep-days", min=2, help="Calls older than this leave.")
    ] = None,
    erase: Annotated[
        bool, typer.Option("--erase", help="Erase their prompts and answers for good.")
    ] = False,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="Keep calls for ever.")] = False,
) -> None:
    """Show or set how long this project keeps its calls.

    It does nothing by itself: `interactions archive` follows it, or a schedule of the task
    `interactions.sweep`.
    """
    from camel_ext.cli import archiving

    archiving.retention(here, keep_days, erase=erase, for_ever=for_ever)


def archive(
    here: Here,
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than", metavar="DAYS", min=2, help="Left out: as the retention says."
        ),
    ] = None,
    erase: Annotated[
        bool, typer.Option("--erase", help="Erase prompts and answers for good instead.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch/--detach", help="Wait until it is done, or only start it.")
    ] = True,
) -> None:
    """Let old calls leave the log: into Parquet files on the server, still listed and readable.

    The exit code tells how it ended: 0 done, 1 failed (it says why), 8 cancelled.
    """
    from camel_ext.cli import archiving

    archiving.archive(here, older_than, erase=erase, waiting=watch)


def archives(
    here: Here,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
) -> None:
    """List files of archived calls, newest first."""
    from camel_ext.cli import archiving

    archiving.list_archives(here, limit)


def restore(
    here: Here,
    archive: Annotated[str, typer.Argument(metavar="ARCHIVE", help="Its id, or how that ends.")],
) -> None:
    """Bring an archive's calls back into the log; the file stays."""
    from camel_ext.cli import archiving

    archiving.restore(here, archive)
