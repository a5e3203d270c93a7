"""`jobs repeat --dead`: all dead letters at once: how many there are, asked about, queued again."""

import sys

import typer
from camel_ext_client.jobs import DeadLetters, DeadRefused

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit
from camel_ext.cli.output import plain, plural, rows, short, table

SHOWN = 20  # refusals; --json tells all


def repeat_all(here: Here, queue: str | None, kind: str | None, *, sure: bool) -> None:
    """Show how many there are, ask on a terminal, and queue them again."""
    repeated, refused = 0, list[DeadRefused]()
    with here.connect() as client:
        found = client.jobs.dead(queue=queue, kind=kind)
        if found["total"] and not here.as_json:
            _ask(here, found, sure=sure)
        if found["total"]:
            for lot in client.jobs.repeat_all_dead(queue=queue, kind=kind):
                repeated += lot["repeated"]
                refused += lot["refused"]
                if lot["next_cursor"] is not None:
                    here.note(f"{repeated + len(refused)} of {found['total']}")
    if here.as_json:
        here.answer({"repeated": repeated, "refused": refused})
    elif not found["total"]:
        here.note("No dead letter." if queue is kind is None else "No dead letter of that.")
    else:
        here.out.print(f"{plural(repeated, 'job')} queued again.")
        _show(here, refused)
    if refused:
        raise typer.Exit(Exit.FAILED)


def _ask(here: Here, found: DeadLetters, *, sure: bool) -> None:
    kinds = ", ".join(f"{each['jobs']} of {plain(each['kind'])}" for each in found["items"])
    here.err.print(f"{plural(found['total'], 'dead letter')}: {kinds}.")
    if not sure and sys.stdin.isatty() and not typer.confirm("Queue them all again?", err=True):
        here.note("Nothing was queued.")
        raise typer.Exit(Exit.INTERRUPTED)


def _show(here: Here, refused: list[DeadRefused]) -> None:
    if not refused:
        return
    here.out.print(f"[bad]{plural(len(refused), 'job')} could not be and stay dead:[/]")
    made = table(("job", {"no_wrap": True}), ("kind", {"no_wrap": True}), ("why", {"ratio": 1}))
    listed = [
        [f"[id]{short(each['job_id'])}[/]", plain(each["kind"]), plain(each["detail"])]
        for each in refused[:SHOWN]
    ]
    here.out.print(rows(made, listed))
    if len(refused) > SHOWN:
        here.note(f"and {len(refused) - SHOWN} more: --json tells all")
