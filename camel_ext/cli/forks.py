"""`fork` and `forks`: one logged call asked again, its answers beside the one that it got before."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, cast

import typer
from camel_ext_client import ApiError, Client
from camel_ext_client.shapes import FINAL, Fork, Variant
from camel_ext_client.shapes_interactions import Interaction
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.finding import ANSWER, RUN, Noun, find_answer, find_id
from camel_ext.cli.output import age, plain, plural, rows, short, state_shown, table, utc_now
from camel_ext.cli.turns import cut
from camel_ext.cli.working import text_in

Json = dict[str, Any]
LOOK_S, LOOK_MAX_S = 0.1, 1.0
SHOWN = 20  # answers; --json has all of them
FORK = Noun("fork", "forks", "camel-ext forks", "Make one: camel-ext fork RUN")
_CODES = {"succeeded": Exit.OK, "failed": Exit.FAILED, "cancelled": Exit.CANCELLED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed after `fork`."""

    call: str
    turn: int | None
    samples: int
    ways: list[Variant]
    seed: int | None
    priority: int


def ways(
    models: list[str], temperatures: list[float], top_p: float | None, max_tokens: int | None
) -> list[Variant]:
    """Return a variant for each pair of model and temperature."""
    asked: list[Json] = [{"model": model} for model in models] or [{}]
    hot: list[Json] = [{"temperature": each} for each in temperatures] or [{}]
    same = {"top_p": top_p, "max_tokens": max_tokens}
    given = {name: value for name, value in same.items() if value is not None}
    return [cast(Variant, {**one, **other, **given}) for one, other in product(asked, hot)]


def start(here: Here, wanted: Wanted, *, waiting: bool) -> None:
    """Start a fork; wait for its end unless only its start was wanted."""
    with here.connect() as client:
        made = client.forks.start(
            find_call(client, wanted.call, wanted.turn),
            samples=wanted.samples,
            variants=wanted.ways,
            seed=wanted.seed,
            priority=wanted.priority,
        )
        if not waiting:
            _detached(here, made)
            return
        _end(here, client, _until_it_ends(here, client, made))


def find_call(client: Client, wanted: str, turn: int | None) -> str:
    """Return the call that was meant: a run's turn, its last answer, or a call by its id.

    Raises: Stop.
    """
    if turn is not None:
        return find_answer(client, f"{wanted}:{turn}")
    if ":" in wanted:
        return find_answer(client, wanted)
    try:
        run_id = find_id(wanted, RUN, client.runs.each())
        turns = list(client.runs.each_turn(run_id))
    except (Stop, ApiError) as error:
        if wanted == "last" or not _unknown(error):
            raise
        return find_id(wanted, ANSWER, client.interactions.each())
    answered = [turn["interaction_id"] for turn in turns if turn["interaction_id"] is not None]
    if not answered:
        raise Stop(
            Exit.NOT_FOUND,
            "The run has no turn of a model yet.",
            f"camel-ext show {wanted} lists its turns.",
        )
    return answered[-1]


def _unknown(error: Stop | ApiError) -> bool:
    return error.code == Exit.NOT_FOUND if isinstance(error, Stop) else error.status == 404


def find_fork(client: Client, wanted: str) -> Fork:
    """Return a fork. Raises: Stop."""
    return client.forks.get(find_id(wanted, FORK, client.forks.each()))


def _detached(here: Here, made: Fork) -> None:
    if here.as_json:
        here.answer({"fork": made, "answers": []})
        return
    here.out.print(f"Started: [id]{made['id']}[/]", soft_wrap=True)
    here.note(f"Watch it: camel-ext forks watch {short(made['id'])}")


def watch(here: Here, wanted: str) -> None:
    """Wait for a fork's end, and show it."""
    with here.connect() as client:
        _end(here, client, _until_it_ends(here, client, find_fork(client, wanted)))


def show(here: Here, wanted: str) -> None:
    """Show a fork as it stands."""
    with here.connect() as client:
        _show(here, client, find_fork(client, wanted))


def cancel(here: Here, wanted: str) -> None:
    """Stop a fork."""
    with here.connect() as client:
        fork = client.forks.cancel(find_fork(client, wanted)["id"])
    if here.as_json:
        here.answer(fork)
        return
    stays = plural(fork["done"], "answer")
    if fork["state"] in FINAL:
        here.out.print(f"It is {state_shown(fork['state'])}, with {stays}.")
    else:
        here.out.print("It is told to stop; its answers until now stay.")


def _until_it_ends(here: Here, client: Client, fork: Fork) -> Fork:
    progress = Progress(
        TextColumn("  asking again"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=here.err, transient=True, disable=here.as_json or not here.err.is_terminal,
    )  # fmt: skip
    pause_s = LOOK_S
    with progress:
        bar = progress.add_task("", total=fork["total"])
        while fork["state"] not in FINAL:
            time.sleep(pause_s)
            pause_s = min(LOOK_MAX_S, pause_s * 1.2)
            fork = client.forks.get(fork["id"])
            progress.update(bar, completed=fork["done"] + fork["failed"])
    return fork


def _end(here: Here, client: Client, fork: Fork) -> None:
    """Show a fork that has ended, and end with the code of its state."""
    _show(here, client, fork)
    code = _CODES[fork["state"]]
    if code is not Exit.OK:
        raise typer.Exit(code)


def _show(here: Here, client: Client, fork: Fork) -> None:
    first = client.interactions.get(fork["interaction_id"])
    answers = _answers(client, fork, first)
    if here.as_json:
        here.answer({"fork": fork, "answers": answers})
        return
    out = here.out
    out.print(
        f"[name]{plain(first['agent_id'] or first['source'])}[/]  {state_shown(fork['state'])}  "
        f"[quiet]fork {fork['id']}[/]",
        soft_wrap=True,
    )
    refused = f", [bad]{fork['failed']} refused[/]" if fork["failed"] else ""
    out.print(f"  {fork['done']} of {plural(fork['total'], 'further answer')}{refused}")
    if fork["error_detail"]:
        out.print(f"  [bad]{plain(fork['error_detail'])}[/]", soft_wrap=True)
    out.print()
    fixed = {"no_wrap": True}
    made = table(("answer", fixed), ("asked", fixed), ("said", {"ratio": 1}))
    shown = [_row(first, "as it was"), *(_row(each, _way(fork, each)) for each in answers[:SHOWN])]
    out.print(rows(made, shown))
    for line in _what_next(fork, first, answers):
        here.note(line)


def _answers(client: Client, fork: Fork, first: Interaction) -> list[Json]:
    """Return the fork's answers by their numbers, without the prompt, which is the same for all."""
    root = first["forked_from_id"] or first["id"]
    family = client.interactions.export(forked_from_id=root, trace_id=fork["trace_id"])
    mine = [row for row in family if (row["external_id"] or "").startswith(f"{fork['id']}/")]
    for row in mine:
        for part in ("messages", "tools", "response_format", "response"):
            row.pop(part, None)
    return sorted(mine, key=_number)


def _number(found: Json) -> int:
    """Return an answer's number in its fork, which stands at the end of its external id."""
    return int(found["external_id"].rpartition("/")[2])


def _row(found: Mapping[str, Any], asked: str) -> list[RenderableType]:
    said = cut(text_in(found["answer"]), lines=6, chars=600)
    return [f"[id]{short(found['id'])}[/]", f"[quiet]{plain(asked)}[/]", Text(said)]


def _way(fork: Fork, found: Json) -> str:
    """Say by which of the fork's variants an answer was asked for."""
    variant: Json = fork["wanted"]["variants"][_number(found) // fork["wanted"]["samples"]]
    words = {"temperature": "t", "top_p": "top_p", "max_tokens": "max"}
    told = [str(variant["model"])] if variant["model"] else []
    told += [f"{words[name]} {variant[name]:g}" for name in words if variant[name] is not None]
    return " ".join(told) or "again"


def _what_next(fork: Fork, first: Interaction, answers: list[Json]) -> list[str]:
    name = short(fork["id"])
    if fork["state"] not in FINAL:
        return [f"Watch it: camel-ext forks watch {name}"]
    if not answers:
        return []
    more = []
    if len(answers) > SHOWN:
        rest = plural(len(answers) - SHOWN, "answer")
        more = [f"and {rest} more: camel-ext forks show {name} --json"]
    pair = f"{short(first['id'])} {short(answers[0]['id'])}"
    return [*more, f"Say which is better: camel-ext annotate choose {pair} second"]


def list_forks(here: Here, limit: int) -> None:
    """Show forks, newest first."""
    with here.connect() as client:
        found = list(islice(client.forks.each(), limit + 1))
    more, found = len(found) > limit, found[:limit]
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note(f"No fork yet. {FORK.maker}")
        return
    fixed = {"no_wrap": True}
    made = table(
        ("fork", fixed),
        ("state", fixed),
        ("answers", fixed),
        ("of call", fixed),
        ("started", fixed),
    )
    now = utc_now()
    here.out.print(rows(made, [_listed(fork, now) for fork in found]))
    if more:
        here.note(f"and older ones: --limit {limit * 5} shows more")


def _listed(fork: Fork, now: Any) -> list[str]:
    refused = f", {fork['failed']} refused" if fork["failed"] else ""
    return [
        f"[id]{short(fork['id'])}[/]",
        state_shown(fork["state"]),
        f"{fork['done']} of {fork['total']}{refused}",
        f"[id]{short(fork['interaction_id'])}[/]",
        age(fork["created_at"], now),
    ]
