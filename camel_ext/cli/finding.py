"""Finding a thing by what a person types: its id, the last letters of it, or `last`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from camel_ext_client import Client

from camel_ext.cli.exits import Exit, Stop

LOOK_BACK = 1_000  # things among which the end of an id is looked for


@dataclass(frozen=True, slots=True)
class Noun:
    """How a kind of thing is called, which command lists it and which makes the first."""

    one: str
    many: str
    lister: str
    maker: str


RUN = Noun("run", "runs", "camel-ext runs", "Start one: camel-ext run WORKFLOW")
ANSWER = Noun("answer", "answers", "camel-ext logs", "Start a run: camel-ext run WORKFLOW")


def find_id(wanted: str, noun: Noun, newest_first: Iterable[Mapping[str, Any]]) -> str:
    """Return the id that was meant.

    Raises: Stop.
    """
    try:
        return str(UUID(wanted))
    except ValueError:
        pass
    rows = iter(newest_first)
    if wanted in ("last", "-"):
        newest = next(rows, None)
        if newest is None:
            raise Stop(Exit.NOT_FOUND, f"There is no {noun.one} yet.", noun.maker)
        return str(newest["id"])
    letters = wanted.lower().replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{4,32}", letters):
        raise Stop(
            Exit.USAGE,
            f"{wanted!r} is not {'an' if noun.one[0] in 'aeiou' else 'a'} {noun.one}'s id.",
            "Give a whole id, its last letters (at least four), or `last`. "
            f"`{noun.lister}` lists them.",
        )
    ids = (str(row["id"]) for row in islice(rows, LOOK_BACK))
    found = [each for each in ids if each.replace("-", "").endswith(letters)]
    if len(found) == 1:
        return found[0]
    what = f"No {noun.one} ends" if not found else f"{len(found)} {noun.many} end"
    raise Stop(
        Exit.NOT_FOUND,
        f"{what} with {wanted} among the last {LOOK_BACK:,}.",
        f"`{noun.lister}` lists them.",
    )


def find_answer(client: Client, wanted: str) -> str:
    """Return the interaction of an answer: by its id, its last letters, or `RUN:N` for a turn.

    Raises: Stop.
    """
    run, colon, number = wanted.rpartition(":")
    if not colon:
        return find_id(wanted, ANSWER, client.interactions.each())
    if not number.isdecimal() or not run:
        raise Stop(Exit.USAGE, f"{wanted!r} is no turn of a run.", "Write RUN:N, such as last:2.")
    run_id = find_id(run, RUN, client.runs.each())
    turns = client.runs.turns(run_id, after=max(0, int(number) - 1), limit=1)["items"]
    if not turns or turns[0]["seq"] != int(number):
        raise Stop(
            Exit.NOT_FOUND, f"The run has no turn {number}.", f"camel-ext show {run} lists them."
        )
    interaction_id = turns[0]["interaction_id"]
    if interaction_id is None:
        raise Stop(
            Exit.USAGE,
            f"Turn {number} is a {turns[0]['kind']}'s, not a model's: there is no answer to judge.",
            f"camel-ext show {run} lists the turns.",
        )
    return interaction_id
