"""Finding a run, listing runs, and the things one can do with a run."""

import re
from collections.abc import Callable
from itertools import islice
from typing import Any

from camel_ext_client import Client
from camel_ext_client.shapes import Run

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.finding import RUN, find_id
from camel_ext.cli.live import given_shown, what_next
from camel_ext.cli.output import (
    age,
    amount,
    cost,
    duration,
    plain,
    rows,
    short,
    state_shown,
    table,
    utc_now,
)

DONE = {
    "pause": "It pauses before its next turn",
    "resume": "It goes on",
    "step": "It does one turn",
    "cancel": "It is told to stop",
    "retry": "A new run",
    "decide": "It goes on",
}


def find_run(client: Client, wanted: str) -> str:
    """Return the id of a run from an id, its last letters, or `last`.

    Raises: Stop.
    """
    return find_id(wanted, RUN, client.runs.each())


def list_runs(here: Here, chosen: dict[str, str | None], limit: int) -> None:
    """Show runs, newest first."""
    with here.connect() as client:
        found = list(islice(client.runs.each(**chosen), limit + 1))
    more, found = len(found) > limit, found[:limit]
    if here.as_json:
        here.answer(found)
        return
    if not found:
        chose = any(each is not None for each in chosen.values())
        here.note("No run is like that." if chose else f"No run yet. {RUN.maker}")
        return
    right = {"justify": "right", "no_wrap": True}
    fixed = {"no_wrap": True}
    made = table(
        ("run", fixed), ("workflow", fixed), ("state", fixed), ("turns", right),
        ("tokens", right), ("time", right), ("started", fixed),
        ("given", {"overflow": "ellipsis", "no_wrap": True, "ratio": 1}),
    )  # fmt: skip
    now = utc_now()
    here.out.print(rows(made, [_row(run, now) for run in found]))
    if more:
        here.note(f"and older ones: --limit {limit * 5} shows more")


def _row(run: Run, now: Any) -> list[str]:
    return [
        f"[id]{short(run['id'])}[/]",
        plain(run["workflow"]),
        state_shown(run["state"], run["waiting_for"]),
        str(run["turns"]),
        amount(run["prompt_tokens"] + run["completion_tokens"]),
        duration(run["running_ms"]),
        age(run["created_at"], now),
        f"[quiet]{plain(given_shown(run))}[/]",
    ]


def act(here: Here, wanted: str, word: str, do: Callable[[Client, str], Run]) -> None:
    """Do one thing with a run, and say how it stands."""
    with here.connect() as client:
        run = do(client, find_run(client, wanted))
    told(here, word, run)


def told(here: Here, word: str, run: Run) -> None:
    """Say what was done with a run."""
    if here.as_json:
        here.answer(run)
        return
    state = state_shown(run["state"], run["waiting_for"])
    price = f" · {cost(run['cost_usd_micros'])}" if run["cost_usd_micros"] else ""
    here.out.print(
        f"{DONE[word]}: [id]{run['id']}[/]  {state}  [quiet]{run['turns']} turns{price}[/]",
        soft_wrap=True,
    )
    for line in what_next(run) if word != "cancel" else ():
        here.note(line)


def decide(here: Here, wanted: str, word: Any, step_key: str | None, result: str) -> None:
    """Give a person's word on a call that was in flight."""
    with here.connect() as client:
        run_id = find_run(client, wanted)
        key = step_key or _awaited(client.runs.get(run_id))
        run = client.runs.decide(run_id, key, word, result)
    told(here, "decide", run)


def _awaited(run: Run) -> str:
    """Return the step that a run waits at, from its waiting_detail."""
    named = re.search(r" at (\S+) was being called", run["waiting_detail"] or "")
    if run["waiting_for"] != "person" or named is None:
        raise Stop(
            Exit.CONFLICT,
            f"The run is {run['state']} and does not say which call it waits for.",
            "Name it with --at STEP; `camel-ext show` lists its turns.",
        )
    return named[1]
