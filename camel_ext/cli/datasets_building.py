"""`dataset build`, `cancel` and `without`: versions in the making, with their progress on the terminal."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from camel_ext_client import Client
from camel_ext_client.shapes import FINAL
from camel_ext_client.shapes_datasets import Blast, DatasetVersion
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from camel_ext.cli.batches import Chosen
from camel_ext.cli.command import Here
from camel_ext.cli.datasets import find_version, named, show_version
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.finding import find_answer
from camel_ext.cli.inputs import from_file
from camel_ext.cli.output import amount, plain, plural
from camel_ext.cli.runs import find_run

LOOK_S, LOOK_MAX_S = 0.1, 1.0
_CODES = {"succeeded": Exit.OK, "failed": Exit.FAILED, "cancelled": Exit.CANCELLED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed after `dataset build`."""

    name: str
    chosen: Chosen
    answers: list[str]
    rules_file: Path | None
    rules: dict[str, Any]
    exclude_runs: list[str]
    exclude_judges: list[str]
    at_most: int | None

    def read_rules(self) -> dict[str, Any]:
        """Return the file's rules with those that were typed on top. Raises: Stop."""
        read = {} if self.rules_file is None else from_file(self.rules_file)
        given = {name: value for name, value in self.rules.items() if value not in (None, [])}
        if given.get("near_duplicates") == 0:
            given["near_duplicates"] = None
        return {**read, **given}


def build(here: Here, wanted: Wanted, *, waiting: bool) -> None:
    """Start building a version; wait for its end unless only its start was wanted."""
    rules = wanted.read_rules()
    with here.connect() as client:
        ids = [find_answer(client, each) for each in wanted.answers]
        given = wanted.chosen.read(client)
        if ids and given:
            raise Stop(
                Exit.USAGE, "--of names answers, and the other options choose some by filter.",
                "Take one of the two ways.",
            )  # fmt: skip
        version = client.datasets.build(
            wanted.name,
            filter=None if ids else given,
            interaction_ids=ids or None,
            rules=rules,
            exclude_runs=[find_run(client, each) for each in wanted.exclude_runs],
            exclude_judges=wanted.exclude_judges,
            at_most=wanted.at_most or 20_000,
        )
        ended = watched(here, client, version) if waiting else version
    end(here, ended)


def watched(here: Here, client: Client, version: DatasetVersion) -> DatasetVersion:
    """Look at a version until it is at its end, with a bar on a terminal."""
    progress = Progress(
        TextColumn("  {task.description}"), BarColumn(), TextColumn("{task.completed:,}"),
        TimeElapsedColumn(), console=here.err, transient=True,
        disable=here.as_json or not here.err.is_terminal,
    )  # fmt: skip
    pause_s = LOOK_S
    with progress:
        bar = progress.add_task(f"building {plain(named(version))}", total=version["total"])
        while version["state"] not in FINAL:
            time.sleep(pause_s)
            pause_s = min(LOOK_MAX_S, pause_s * 1.2)
            version = client.datasets.version(version["id"])
            progress.update(bar, completed=version["done"], total=version["total"])
    return version


def end(here: Here, version: DatasetVersion) -> None:
    """Show a version and end with the code of its state."""
    if here.as_json:
        here.answer(version)
    else:
        show_version(here, version)
    code = _CODES.get(version["state"], Exit.OK)
    if code is not Exit.OK:
        raise typer.Exit(code)


def cancel(here: Here, target: str) -> None:
    """Stop a build, and wait until it has stopped."""
    with here.connect() as client:
        version = client.datasets.cancel(find_version(client, target)["id"])
        ended = watched(here, client, version)
    if here.as_json:
        here.answer(ended)
    else:
        show_version(here, ended)


def without(here: Here, target: str, runs: list[str], judges: list[str], *, dry_run: bool) -> None:
    """Show what leaves; build the next version without it unless only a look was wanted."""
    if not runs and not judges:
        raise Stop(
            Exit.USAGE,
            "Nothing is named that shall leave.",
            "Name runs with --run, judges with --judge.",
        )
    with here.connect() as client:
        version = find_version(client, target)
        named_runs = [find_run(client, each) for each in runs]
        blast = client.datasets.preview_without(version["id"], run_ids=named_runs, judges=judges)
        if dry_run or not blast["touched"]:
            _show_blast(here, version, blast, dry_run=dry_run)
            return
        if not here.as_json:
            _say(here, version, blast)
        reduced = client.datasets.build_without(version["id"], run_ids=named_runs, judges=judges)
        ended = watched(here, client, reduced)
    end(here, ended)


def _show_blast(here: Here, version: DatasetVersion, blast: Blast, *, dry_run: bool) -> None:
    if here.as_json:
        here.answer(blast)
        return
    _say(here, version, blast)
    if not blast["touched"]:
        here.note("Nothing to leave out: no version was built.")
    elif dry_run:
        here.note("The same without --dry-run builds the next version without them.")


def _say(here: Here, version: DatasetVersion, blast: Blast) -> None:
    out = here.out
    out.print(
        f"[name]{plain(named(version))}[/]: [warn]{amount(blast['touched'])}[/] of "
        f"{plural(blast['pairs'], 'pair')} would go ({amount(blast['touched_train'])} train, "
        f"{amount(blast['touched_eval'])} eval), {amount(blast['left'])} stay"
    )
    if blast["topics_lost"]:
        out.print(
            f"  [quiet]topics without a pair then: {plain(', '.join(blast['topics_lost']))}[/]"
        )
    for word in blast["unknown"]:
        out.print(f"  [warn]touches nothing:[/] {plain(word)}")
