"""`annotate batch` and its like: a verifier over many answers, with its progress on the terminal."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import typer
from camel_ext_client import Client
from camel_ext_client.shapes import FINAL
from camel_ext_client.shapes_annotations import Batch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.finding import Noun, find_answer, find_id
from camel_ext.cli.log import read_since
from camel_ext.cli.output import (
    age,
    amount,
    plain,
    plural,
    rows,
    short,
    state_shown,
    table,
    utc_now,
)
from camel_ext.cli.runs import find_run

LOOK_S, LOOK_MAX_S = 0.1, 1.0
BATCH = Noun(
    "batch", "batches", "camel-ext annotate batches", "Start one: camel-ext annotate batch --help"
)
_CODES = {"succeeded": Exit.OK, "failed": Exit.FAILED, "cancelled": Exit.CANCELLED}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Answers by filter, as typed."""

    tag: str | None
    run: str | None
    agent: str | None
    purpose: str | None
    since: str | None

    def read(self, client: Client) -> dict[str, Any]:
        """Return the filter as the API takes it."""
        given = {
            "tag": self.tag,
            "run_id": None if self.run is None else find_run(client, self.run),
            "agent_id": self.agent,
            "purpose": self.purpose,
            "since": None if self.since is None else read_since(self.since),
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed after `annotate batch`."""

    verifier: str
    params: list[str]
    prompt_as: str | None
    answers: list[str]
    chosen: Chosen
    at_most: int | None
    dry_run: bool


def find_batch(client: Client, wanted: str) -> str:
    """Return the id of a batch. Raises: Stop."""
    return find_id(wanted, BATCH, client.annotations.batches.each())


def start(here: Here, wanted: Wanted, *, waiting: bool) -> None:
    """Start a batch; wait for its end unless only its start was wanted."""
    params = read_params(wanted.params)
    with here.connect() as client:
        ids = [find_answer(client, each) for each in wanted.answers]
        given = wanted.chosen.read(client)
        if ids and given:
            raise Stop(
                Exit.USAGE, "--of names answers, and the other options choose some by filter.",
                "Take one of the two ways.",
            )  # fmt: skip
        made = client.annotations.batches.start(
            wanted.verifier,
            params,
            filter=None if ids else given,
            interaction_ids=ids or None,
            per_subject={wanted.prompt_as: "prompt"} if wanted.prompt_as else None,
            at_most=wanted.at_most or 10_000,
            dry_run=wanted.dry_run,
        )
        ended = _watched(here, client, made) if waiting else made
    _end(here, ended)


def read_params(given: list[str]) -> dict[str, Any]:
    """Read `NAME=VALUE`s; a value is JSON where it can be read as that, else a text.

    Raises: Stop.
    """
    read: dict[str, Any] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not name:
            raise Stop(
                Exit.USAGE, f"--param {each}: that is no NAME=VALUE.", "Example: --param max=40"
            )
        try:
            read[name] = json.loads(value)
        except ValueError:
            read[name] = value
    return read


def watch(here: Here, wanted: str) -> None:
    """Wait for a batch's end."""
    with here.connect() as client:
        batch = client.annotations.batches.get(find_batch(client, wanted))
        ended = _watched(here, client, batch)
    _end(here, ended)


def _watched(here: Here, client: Client, batch: Batch) -> Batch:
    return _until(here, client, batch, "checking", "done", lambda b: b["state"] in FINAL)


def _until(
    here: Here, client: Client, batch: Batch, word: str, count: str, there: Callable[[Batch], bool]
) -> Batch:
    """Look at a batch until it is where it should be; a bar shows one of its counts."""
    progress = Progress(
        TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(), console=here.err, transient=True,
        disable=here.as_json or not here.err.is_terminal,
    )  # fmt: skip
    pause_s = LOOK_S
    with progress:
        bar = progress.add_task(f"{word} with {batch['verifier']}", total=batch["total"])
        while not there(batch):
            time.sleep(pause_s)
            pause_s = min(LOOK_MAX_S, pause_s * 1.2)
            batch = client.annotations.batches.get(batch["id"])
            now: Any = batch[count]  # type: ignore[literal-required]
            progress.update(bar, completed=now, total=batch["total"])
    return batch


def _end(here: Here, batch: Batch) -> None:
    """Show a batch and end with the code of its state."""
    if here.as_json:
        here.answer(batch)
    else:
        _show(here, batch)
    code = _CODES.get(batch["state"], Exit.OK)
    if code is not Exit.OK:
        raise typer.Exit(code)


def _show(here: Here, batch: Batch) -> None:
    out, name = here.out, short(batch["id"])
    dry = "  [warn]dry run[/]" if batch["dry_run"] else ""
    out.print(
        f"[name]{plain(batch['verifier'])}[/]  {state_shown(batch['state'])}{dry}  "
        f"[quiet]batch {batch['id']}[/]",
        soft_wrap=True,
    )
    if batch["state"] not in FINAL:
        here.note(f"Watch it: camel-ext annotate watch {name}")
        return
    out.print(f"  {_counted(batch)}")
    for example in batch["examples"]:
        style = {"passed": "ok", "failed": "bad"}.get(example["state"], "warn")
        out.print(
            f"  [{style}]{example['state']:8}[/][id]{short(example['interaction_id'])}[/]  "
            f"{plain(example['reason'])}",
            no_wrap=True,
            overflow="ellipsis",
        )
    if batch["error_detail"]:
        out.print(f"  [bad]{plain(batch['error_detail'])}[/]", soft_wrap=True)
    for line in _what_next(batch):
        here.note(line)


def _counted(batch: Batch) -> str:
    parts = [
        f"{plural(batch['done'], 'answer')}",
        f"[ok]{amount(batch['passed'])} passed[/]",
        f"[bad]{amount(batch['failed'])} failed[/]",
    ]
    if batch["mean_score"] is not None:
        parts.append(f"mean score {batch['mean_score']:.3f}")
    if batch["unfound"]:
        parts.append(f"[warn]{amount(batch['unfound'])} could not be checked[/]")
    if batch["unanswered"]:
        parts.append(f"{amount(batch['unanswered'])} without text")
    return " · ".join(parts)


def _what_next(batch: Batch) -> list[str]:
    name = short(batch["id"])
    if batch["done"] == 0:
        return ["No answer matches: `camel-ext logs` shows what there is."]
    more = []
    if batch["done"] == batch["at_most"]:
        more = [f"It stopped at --at-most {batch['at_most']}: older answers were not looked at."]
    if batch["dry_run"]:
        return [*more, "Nothing was written: the same command without --dry-run does it."]
    if batch["undone_at"]:
        return [f"Its {plural(batch['undone'], 'verdict')} were taken back."]
    return [
        *more,
        f"Look: camel-ext annotate list --batch {name}   Undo: camel-ext annotate undo {name}",
    ]


def list_batches(here: Here, limit: int) -> None:
    """Show batches, newest first."""
    with here.connect() as client:
        found = list(islice(client.annotations.batches.each(), limit))
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note(f"No batch yet. {BATCH.maker}")
        return
    right = {"justify": "right", "no_wrap": True}
    made = table(
        ("batch", {"no_wrap": True}), "verifier", "state", ("answers", right), ("passed", right),
        ("failed", right), ("mean", right), "when",
    )  # fmt: skip
    now = utc_now()
    here.out.print(rows(made, [_row(each, now) for each in found]))


def _row(batch: Batch, now: Any) -> list[str]:
    mean = batch["mean_score"]
    marks = [" dry run"] * batch["dry_run"] + [" undone"] * bool(batch["undone_at"])
    return [
        f"[id]{short(batch['id'])}[/]",
        plain(batch["verifier"]),
        state_shown(batch["state"]) + f"[quiet]{''.join(marks)}[/]",
        amount(batch["done"]),
        amount(batch["passed"]),
        amount(batch["failed"]),
        "" if mean is None else f"{mean:.3f}",
        age(batch["created_at"], now),
    ]


def cancel(here: Here, wanted: str) -> None:
    """Stop a batch, and wait until it has stopped."""
    with here.connect() as client:
        batch = client.annotations.batches.cancel(find_batch(client, wanted))
        ended = _until(here, client, batch, "stopping", "done", lambda b: b["state"] in FINAL)
    if here.as_json:
        here.answer(ended)
    else:
        _show(here, ended)


def undo(here: Here, wanted: str) -> None:
    """Take back a batch's verdicts, and wait until all are."""
    with here.connect() as client:
        batch = client.annotations.batches.undo(find_batch(client, wanted))
        ended = _until(here, client, batch, "taking back", "undone", lambda b: not b["undoing"])
    if ended["undone_at"] is None:
        raise Stop(
            Exit.FAILED,
            f"Only {plural(ended['undone'], 'verdict')} could be taken back.",
            f"Try again: camel-ext annotate undo {short(ended['id'])}",
        )
    if here.as_json:
        here.answer(ended)
        return
    here.out.print(
        f"Taken back: {plural(ended['undone'], 'verdict')} of batch [id]{short(ended['id'])}[/]. "
        "What they superseded counts again."
    )
