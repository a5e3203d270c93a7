"""Commands about improving: improve, improvements, certificate, promote, rollback."""

from pathlib import Path
from typing import Annotated

import typer

from camel_ext.cli.command import Here, command, group

PANEL = "Improvement"

Which = Annotated[
    str,
    typer.Argument(metavar="IMPROVEMENT", help="Its id, the last letters of it, or `last`."),
]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why, for the record.")]
File = Annotated[
    Path, typer.Option("--file", "-f", metavar="FILE", help="What to learn and to prove.")
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="DIR", help="Write the certificate there: .json, .md, .html."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app, "improve", panel=PANEL,
        examples=[
            "camel-ext improve answer -f improve.yaml",
            "camel-ext improve answer --plan",
            "camel-ext improve answer --detach --json",
        ],
    )(improve)  # fmt: skip
    improvements = group(
        app, "improvements", list_, panel=PANEL,
        words="List improvements; watch, show, resume and cancel them.",
        examples=["camel-ext improvements", "camel-ext improvements watch last"],
    )  # fmt: skip
    command(improvements, "show", examples=["camel-ext improvements show last"])(show)
    command(improvements, "watch", examples=["camel-ext improvements watch last"])(watch)
    command(improvements, "resume", examples=["camel-ext improvements resume last"])(resume)
    command(improvements, "cancel", examples=["camel-ext improvements cancel last"])(cancel)
    command(
        app, "certificate", panel=PANEL,
        examples=["camel-ext certificate", "camel-ext certificate C-0007 -o var/certificate"],
    )(certificate)  # fmt: skip
    command(
        app, "promote", panel=PANEL,
        examples=[
            "camel-ext promote last --reason 'Read the broken ones, fine.'",
            "camel-ext promote 3f9a01bc --override --reason 'Wanted anyway for a trial.'",
            "camel-ext promote last --refuse --reason 'The broken ones matter.'",
        ],
    )(promote)  # fmt: skip
    command(
        app, "rollback", panel=PANEL,
        examples=["camel-ext rollback brief --reason 'Users complained.'"],
    )(rollback)  # fmt: skip


def improve(
    here: Here,
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="What shall get better.")],
    file: File = Path("improve.yaml"),
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Draw all sampling from this.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what it would do and could prove; start nothing.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch/--detach", help="Watch it to its end, or only start it.")
    ] = True,
    output: Folder = None,
    priority: Annotated[
        int, typer.Option("--priority", min=-100, max=100, help="Higher runs first.")
    ] = 0,
) -> None:
    """Improve a workflow: sample, judge, pair, train, prove, promote, as one job.

    Leaving does not end it: it belongs to the server. The exit code tells how it ended: 0 with a
    verdict, whatever that is; 1 failed, 7 waits for your decision, 8 cancelled.
    """
    from camel_ext.cli.improving import Wanted, improve

    improve(
        here, Wanted(workflow, file, seed, priority, output), watching=watch, only_plan=plan
    )  # fmt: skip


def list_(
    here: Here,
    workflow: Annotated[
        str | None, typer.Option("--workflow", help="Only of this workflow.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=1000, help="At most so many.")
    ] = 20,
) -> None:
    """List improvements, newest first, with verdicts and error budgets."""
    from camel_ext.cli.improvements import list_improvements

    list_improvements(here, workflow, limit)


def show(here: Here, improvement: Which = "last") -> None:
    """Show one improvement: its stages and what came of each."""
    from camel_ext.cli.improvements import show_improvement

    show_improvement(here, improvement)


def watch(here: Here, improvement: Which = "last", output: Folder = None) -> None:
    """Watch an improvement to its end; with --json, one line for each change."""
    from camel_ext.cli.improving import watch_improvement

    watch_improvement(here, improvement, output)


def resume(here: Here, improvement: Which = "last") -> None:
    """Go on with one that failed or was cancelled; what is done is not done again."""
    from camel_ext.cli.improvements import act

    act(here, improvement, "resume")


def cancel(here: Here, improvement: Which = "last") -> None:
    """Stop an improvement and everything that it started."""
    from camel_ext.cli.improvements import act

    act(here, improvement, "cancel")


def certificate(
    here: Here,
    which: Annotated[
        str,
        typer.Argument(metavar="CERTIFICATE", help="Its number (C-0007), id, or `last`."),
    ] = "last",
    output: Folder = None,
) -> None:
    """Show a certificate: verdict, effect with interval, guardrails, decision.

    With -o it is written as certificate.json, .md and .html; the page opens offline and prints.
    """
    from camel_ext.cli.certificates import show_certificate

    show_certificate(here, which, output)


def promote(
    here: Here,
    improvement: Which = "last",
    reason: Reason = "",
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse instead.")] = False,
    override: Annotated[
        bool, typer.Option("--override", help="Promote against the verdict; say why.")
    ] = False,
) -> None:
    """Decide about an improvement's candidate: promote it, or refuse it.

    Promoting moves the alias: the next run is answered by the adapter.
    """
    from camel_ext.cli.improvements import decide

    decide(here, improvement, reason, refuse=refuse, override=override)


def rollback(
    here: Here,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The alias that was promoted.")],
    reason: Reason = "",
) -> None:
    """Take the last promotion of an alias back; that is written down as a decision, too."""
    from camel_ext.cli.improvements import roll_back

    roll_back(here, alias, reason)
