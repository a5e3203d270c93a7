"""`run` and `watch`: start a run, follow it on the terminal, and end with the code of its state.

Leaving never ends a run: it belongs to the server.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from camel_ext_client import Client
from camel_ext_client.shapes import Definition, Run

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.following import RunSeen, TurnSeen, at_rest, follow
from camel_ext.cli.inputs import budgets, inputs, targets
from camel_ext.cli.live import LiveView, given_shown, output_shown, show_ending, what_next
from camel_ext.cli.output import plain, short, write_json
from camel_ext.cli.runs import find_run

_CODES = {
    "succeeded": Exit.OK,
    "failed": Exit.FAILED,
    "cancelled": Exit.CANCELLED,
    "waiting": Exit.WAITING,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed after `run`."""

    workflow: str
    text: str | None
    given: list[str]
    input_file: Path | None
    seed: int | None
    budget: list[str]
    single_step: bool
    priority: int
    tags: list[str]
    session: str | None
    models: list[str]
    purpose: str


def run(here: Here, wanted: Wanted, *, watching: bool, quiet: bool) -> None:
    """Start a run; watch it unless only its start was wanted."""
    limits, pinned = budgets(wanted.budget), targets(wanted.models)
    with here.connect() as client:
        workflow = _find_workflow(client, wanted.workflow)
        given = inputs(workflow, wanted.text, wanted.given, wanted.input_file)
        started = client.runs.start(
            wanted.workflow,
            given,
            budgets=limits,
            seed=wanted.seed,
            single_step=wanted.single_step,
            priority=wanted.priority,
            tags=wanted.tags,
            session=wanted.session,
            purpose=wanted.purpose,
            models=pinned,
        )
        if not watching:
            _detached(here, started)
            return
        ended = _watch(here, client, started, shown=not (quiet or here.as_json))
    _end(here, ended, quiet=quiet)


def _find_workflow(client: Client, name: str) -> Definition:
    known = client.workflows()
    for each in known:
        if each["name"] == name:
            return each
    listed = ", ".join(each["name"] for each in known)
    if not known:
        raise Stop(
            Exit.NOT_FOUND,
            "There is no workflow here yet.",
            "Apply a folder that has one, e.g. camel-ext apply -f examples/three-roles",
        )
    raise Stop(Exit.NOT_FOUND, f"There is no workflow {name!r}.", f"There is: {listed}.")


def _detached(here: Here, started: Run) -> None:
    if here.as_json:
        here.answer(started)
        return
    here.out.print(f"Started: [id]{started['id']}[/]", soft_wrap=True)
    for line in what_next(started):
        here.note(line)


def watch(here: Here, wanted: str) -> None:
    """Watch a run from its first turn; with --json, one line for each turn and state."""
    with here.connect() as client:
        found = client.runs.get(find_run(client, wanted))
        if here.as_json:
            ended = _watch_lines(client, found)
        else:
            ended = _watch(here, client, found, shown=True)
    _end(here, ended, quiet=False, told=here.as_json)


def _watch_lines(client: Client, found: Run) -> Run:
    ended = found
    for seen in follow(client, [found["id"]]):
        if isinstance(seen, TurnSeen):
            write_json({"type": "turn", "turn": seen.turn, "answer": seen.answer}, line=True)
        elif isinstance(seen, RunSeen):
            if seen.run != ended or at_rest(seen.run):
                write_json({"type": "run", "run": seen.run}, line=True)
            ended = seen.run
    return ended


def _watch(here: Here, client: Client, started: Run, *, shown: bool) -> Run:
    """Follow a run to its rest; where it is shown, turns and text appear as they come."""
    out = here.out
    view = LiveView(out)
    happenings = follow(client, [started["id"]])
    try:
        if shown:
            out.print(f"[name]{plain(started['workflow'])}[/]  {plain(given_shown(started))}")
            out.print(f"[quiet]run {started['id']}[/]\n", soft_wrap=True)
            view.show(happenings)
        else:
            for seen in happenings:
                if isinstance(seen, RunSeen):
                    view.runs[seen.run["id"]] = seen.run
    except KeyboardInterrupt:
        here.err.print(
            f"\n[quiet]You left; the run goes on. Come back:[/] camel-ext watch {short(started['id'])}"
        )
        raise typer.Exit(Exit.INTERRUPTED) from None
    return view.runs[started["id"]]


def _end(here: Here, run: Run, *, quiet: bool, told: bool = False) -> None:
    if here.as_json:
        if not told:
            here.answer(run)
    elif quiet:
        _only_output(here, run)
    else:
        show_ending(here.out, run)
    code = _CODES.get(run["state"], Exit.FAILED)
    if code is not Exit.OK:
        raise typer.Exit(code)


def _only_output(here: Here, run: Run) -> None:
    if run["state"] == "succeeded":
        typer.echo(output_shown(run["output"]))
        return
    what: Any = run["error_detail"] or run["waiting_detail"] or ""
    here.err.print(f"[state.{run['state']}]{run['state']}[/]  {plain(what)}", soft_wrap=True)
    for line in what_next(run):
        here.note(line)
