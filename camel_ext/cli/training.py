"""`train`: starting trainings, watching their curves, showing what came of them.

Steps are read from the API in their order, so who comes late sees the whole curve, and a lost server is
waited for. How it looks is `curves`'.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import typer
from camel_ext_client import Client, Unreachable
from camel_ext_client.shapes import FINAL, State
from camel_ext_client.training import Training
from rich.live import Live
from rich.text import Text

from camel_ext.cli.command import Here
from camel_ext.cli.curves import Seen, alarms, curves, picture, step_line, title
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.finding import Noun, find_id
from camel_ext.cli.output import (
    Indented,
    age,
    duration,
    moment,
    plain,
    rows,
    short,
    size,
    state_shown,
    table,
    utc_now,
    write_json,
)

LOOK_S, LOOK_MAX_S, GIVE_UP_S = 0.2, 1.0, 60.0
TRAINING = Noun(
    "training", "trainings", "camel-ext train", "Start one: camel-ext train start --help"
)
STATES = ("queued", "running", "waiting", "succeeded", "failed", "cancelled")
OUTSIDE = frozenset(  # causes that are not in the training itself
    {"training.disk_full", "training.trainer_lost", "training.out_of_memory", "core.worker_lost"}
)
_CODES = {"succeeded": Exit.OK, "failed": Exit.FAILED, "cancelled": Exit.CANCELLED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed after `train start`."""

    name: str
    base: str
    dataset: str
    preset: str | None
    given: list[str]
    seed: int
    priority: int
    dry_run: bool


def start(here: Here, wanted: Wanted, *, watching: bool) -> None:
    """Start a training; watch it to its end unless only its start was wanted."""
    hyper = read_hyper(wanted.given)
    with here.connect() as client:
        made = client.trainings.start(
            wanted.name, base=wanted.base, dataset=wanted.dataset, preset=wanted.preset,
            hyper=hyper, seed=wanted.seed, priority=wanted.priority, dry_run=wanted.dry_run,
        )  # fmt: skip
        ended = _watched(here, client, made) if watching else made
        _end(here, client, ended)


def read_hyper(given: list[str]) -> dict[str, Any]:
    """Read `NAME=VALUE`s; a value is JSON where it can be read as that, else a word.

    Raises: Stop.
    """
    read: dict[str, Any] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not name:
            raise Stop(
                Exit.USAGE, f"--set {each}: that is no NAME=VALUE.", "Example: --set beta=0.2"
            )
        try:
            read[name.strip()] = json.loads(value)
        except ValueError:
            read[name.strip()] = value
    return read


def watch(here: Here, wanted: str) -> None:
    """Watch a training to its end."""
    with here.connect() as client:
        found = client.trainings.get(find_training(client, wanted))
        _end(here, client, _watched(here, client, found))


def find_training(client: Client, wanted: str) -> str:
    """Return the id of a training. Raises: Stop."""
    return find_id(wanted, TRAINING, client.trainings.each())


def _watched(here: Here, client: Client, training: Training) -> Training:
    seen = Seen(training)
    if here.as_json:
        for fresh in _following(client, seen):
            for metric in fresh:
                write_json({"type": metric["kind"], **metric}, line=True)
    elif here.err.is_terminal:
        live = Live(
            get_renderable=lambda: picture(seen), console=here.err, refresh_per_second=4,
            transient=True,
        )  # fmt: skip
        with live:
            for _ in _following(client, seen):
                pass
    else:
        for fresh in _following(client, seen):
            for metric in fresh:
                if metric["kind"] == "step":
                    here.note(step_line(metric))
    return seen.training


def _following(client: Client, seen: Seen) -> Iterator[list[Any]]:
    """Yield the points that came, until the training has ended and all of them are seen."""
    pause_s, lost_s = LOOK_S, 0.0
    while True:
        try:
            now = client.trainings.get(seen.training["id"])  # before the points: none is missed
            fresh = _fresh(client, seen)
        except Unreachable:
            if lost_s >= GIVE_UP_S:
                raise
            lost_s += LOOK_MAX_S
            time.sleep(LOOK_MAX_S)
            continue
        seen.training, lost_s = now, 0.0
        yield fresh
        if now["state"] in FINAL:
            return
        time.sleep(pause_s)
        pause_s = min(LOOK_MAX_S, pause_s * 1.2)


def _fresh(client: Client, seen: Seen) -> list[Any]:
    steps = _after(client, seen, "step", seen.steps)
    looks = _after(client, seen, "eval", seen.looks)
    seen.steps += steps
    seen.looks += looks
    return [*steps, *looks]


def _after(client: Client, seen: Seen, kind: Any, known: list[Any]) -> list[Any]:
    after = known[-1]["step"] if known else -1
    return list(client.trainings.each_metric(seen.training["id"], kind, after=after))


def _end(here: Here, client: Client, training: Training) -> None:
    """Show a training and end with the code of its state."""
    if here.as_json:
        write_json({"type": "training", "training": training}, line=True)
    else:
        _show(here, client, training)
    code = _CODES.get(training["state"], Exit.OK)
    if code is not Exit.OK:
        raise typer.Exit(code)


def show(here: Here, wanted: str, *, card: bool, batch: bool) -> None:
    """Show a training, or its model card alone."""
    with here.connect() as client:
        training = client.trainings.get(find_training(client, wanted))
        if card:
            _print_card(here, training)
        elif here.as_json:
            steps = list(client.trainings.each_metric(training["id"]))
            looks = list(client.trainings.each_metric(training["id"], "eval"))
            here.answer({**training, "steps": steps, "looks": looks})
        else:
            _show(here, client, training, batch=batch)


def _print_card(here: Here, training: Training) -> None:
    text = training.get("card")
    if not text:
        raise Stop(
            Exit.NOT_FOUND, "There is no model card: it is written with the adapter.",
            f"camel-ext train show {short(training['id'])} says how far it is.",
        )  # fmt: skip
    if here.as_json:
        here.answer({"card": text})
    else:
        typer.echo(text, nl=False)


def _show(here: Here, client: Client, training: Training, *, batch: bool = False) -> None:
    out = here.out
    took = _took(training)
    out.print(
        f"{title(training)}  {state_shown(training['state'])}  "
        f"[quiet]on {plain(training['dataset'])}, preset {plain(training['preset'])}, "
        f"seed {training['seed']}{took}[/]",
        soft_wrap=True,
    )
    seen = Seen(
        training,
        list(client.trainings.each_metric(training["id"])),
        list(client.trainings.each_metric(training["id"], "eval")),
    )
    if training.get("preflight") and (training["dry_run"] or batch):
        _show_preflight(here, cast(dict[str, Any], training["preflight"]))
    for line in (*curves(seen), *alarms(training)):
        out.print(line)
    if training["state"] == "failed":
        _show_failure(here, training)
    result = training.get("result")
    if result:
        files = result.get("files", {})
        for name, facts in files.items():
            out.print(
                f"  {plain(name)}  {size(facts['size_bytes'])}  [quiet]{facts['sha256'][:16]}[/]"
            )
    for hint in _what_next(training):
        here.note(hint)


def _took(training: Training) -> str:
    began, ended = moment(training["started_at"]), moment(training["finished_at"])
    if began is None or ended is None:
        return ""
    return f", {duration((ended - began).total_seconds() * 1000)}"


def _show_failure(here: Here, training: Training) -> None:
    here.out.print(Indented(Text(str(training["error_detail"]), style="red"), 2, blank_below=False))
    if training["error_advice"]:
        here.out.print(Indented(Text(training["error_advice"]), 2, blank_below=False))
    console = (training.get("console_tail") or "").splitlines()[-5:]
    if console:
        here.out.print(Indented(Text("\n".join(console), style="dim"), 2, blank_below=False))


def _show_preflight(here: Here, found: dict[str, Any]) -> None:
    out = here.out
    free = found.get("memory_free_bytes")
    said = [
        f"{found.get('pairs')} pairs, {found.get('held_out')} held out",
        f"{found.get('steps')} updates",
        f"about {duration(float(found.get('seconds') or 0) * 1000)}",
        f"{size(float(found.get('memory_bytes') or 0))} of memory"
        + (f" ({size(free)} free)" if free else ""),
    ]
    out.print(f"  {plain(' · '.join(said))}")
    for warning in found.get("warnings") or []:
        out.print(Text.assemble("  ", (f"! {warning['code']}  ", "yellow"), warning["words"]))
    for pair in found.get("first_batch") or []:
        out.print(Text.assemble("  ", (f"pair {str(pair.get('pair_hash'))[:12]}", "dim")))
        for part, style in (("prompt", "dim"), ("chosen", "green"), ("rejected", "red")):
            head = Text.assemble(
                (f"{part} ", "bold"), (f"{pair.get(f'{part}_tokens')} tokens", "dim")
            )
            out.print(Indented(head, 4, blank_below=False))
            out.print(Indented(Text(str(pair.get(part)), style=style), 6, blank_below=False))


def _what_next(training: Training) -> list[str]:
    name = short(training["id"])
    base = training["base"].partition("@")[0]
    match training["state"]:
        case "succeeded" if training["dry_run"]:
            return ["Only looked: the same command without --dry-run trains."]
        case "succeeded":
            adapter = f"{base}/{training['name']}"
            return [
                f"Try it: camel-ext models move ALIAS {adapter}   Card: camel-ext train show {name} --card"
            ]
        case "failed" | "cancelled" if _can_go_on(training):
            return [f"Go on where it was: camel-ext train resume {name}"]
        case "failed" | "cancelled":
            return ["Start another: camel-ext train start --help"]
        case _:
            return [f"Watch it: camel-ext train watch {name}"]


def _can_go_on(training: Training) -> bool:
    """Tell whether the same training again could end otherwise, or has something to begin with."""
    return bool(training["progress"].get("checkpoint_step")) or training["error_code"] in OUTSIDE


def list_trainings(here: Here, state: str | None, limit: int) -> None:
    """Show trainings, newest first."""
    if state is not None and state not in STATES:
        raise Stop(Exit.USAGE, f"There is no state {state!r}.", f"There are: {', '.join(STATES)}")
    with here.connect() as client:
        found = list(islice(client.trainings.each(state=cast(State | None, state)), limit))
        if here.as_json:
            here.answer(found)
            return
        if not found:
            environment = client.trainings.environment()
            here.note(
                f"No training{f' is {state}' if state else ' yet'}. {_first_step(environment)}"
            )
            return
    made = table(
        ("training", {"no_wrap": True}), "adapter", "state", "pairs", "preset",
        ("step", {"justify": "right"}), ("margin", {"justify": "right"}), "when",
    )  # fmt: skip
    here.out.print(rows(made, [_row(each) for each in found]))


def _first_step(environment: Any) -> str:
    if not environment["ready"] and environment["slots"]:
        return f"{environment['advice']}."
    return "Start one: camel-ext train start NAME --base MODEL --dataset DATASET"


def _row(training: Training) -> list[str]:
    progress = training["progress"]
    margin = progress.get("margin")
    step = f"{progress.get('step', 0)}/{progress['steps']}" if progress.get("steps") else ""
    return [
        f"[id]{short(training['id'])}[/]",
        f"[name]{plain(training['base'].partition('@')[0])}/{plain(training['name'])}[/]",
        state_shown(training["state"]) + ("[quiet] look[/]" if training["dry_run"] else ""),
        plain(training["dataset"]),
        plain(training["preset"]),
        step,
        f"{margin:.2f}" if isinstance(margin, int | float) else "",
        age(training["created_at"], utc_now()),
    ]


def cancel(here: Here, wanted: str) -> None:
    """Stop a training, and wait until it has left its checkpoint."""
    with here.connect() as client:
        seen = Seen(client.trainings.cancel(find_training(client, wanted)))
        for _ in _following(client, seen):
            pass
        if here.as_json:
            here.answer(seen.training)
        else:
            _show(here, client, seen.training)


def resume(here: Here, wanted: str, *, watching: bool) -> None:
    """Go on with a training; watch it unless only its start was wanted."""
    with here.connect() as client:
        training = client.trainings.resume(find_training(client, wanted))
        ended = _watched(here, client, training) if watching else training
        _end(here, client, ended)
