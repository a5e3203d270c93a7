"""Following runs: what happens in them, as it happens, without a gap over lost connections.

The feed only says when to look; turns and states are read from the API, in order, so a message that
was missed costs time and nothing else. How it looks is `live`'s.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from camel_ext_client import ApiError, Client, Message
from camel_ext_client.shapes import FINAL, Run, Turn

GIVE_UP_S = 60.0  # a server that restarts is back before
STOPS_FOR = frozenset({"person", "budget", "pause"})  # nothing goes on until somebody says so


@dataclass(frozen=True, slots=True)
class TurnSeen:
    """A turn was committed; `answer` is what the model said, as a message, for a model's turn."""

    run_id: str
    turn: Turn
    answer: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class TextSeen:
    """Some text of an answer that is being made; it is not lasting, the turn is."""

    run_id: str
    stream: str
    text: str
    done: bool


@dataclass(frozen=True, slots=True)
class RunSeen:
    """How a run stands now."""

    run: Run


Seen = TurnSeen | TextSeen | RunSeen


def at_rest(run: Run) -> bool:
    """Tell whether nothing more happens in a run by itself."""
    return run["state"] in FINAL or (run["state"] == "waiting" and run["waiting_for"] in STOPS_FOR)


def follow(
    client: Client, run_ids: Iterable[str], *, give_up_s: float = GIVE_UP_S
) -> Iterator[Seen]:
    """Yield what happens in the runs until all are at rest; a lost server is waited for a while."""
    places = dict.fromkeys(run_ids, 0)
    if not places:
        return
    topics = [f"*:{run_id}" for run_id in places]
    with closing(client.watch(topics, give_up_s=give_up_s)) as messages:
        for message in messages:
            yield from _seen(client, places, message)
            if not places:
                return


def _seen(client: Client, places: dict[str, int], message: Message) -> Iterator[Seen]:
    kind, subject = message["type"], message.get("subject", "")
    if kind == "frame":
        if subject in places:
            yield TextSeen(
                subject, message.get("stream", ""), message.get("text", ""),
                message.get("done", False),
            )  # fmt: skip
    elif kind == "event":
        if subject in places:
            only_turns = message.get("event") == "workflows.turn.committed"
            yield from _look(client, places, subject, only_turns=only_turns)
    else:  # hello, reset, ping: anything may have happened
        for run_id in list(places):
            yield from _look(client, places, run_id)


def _look(
    client: Client, places: dict[str, int], run_id: str, *, only_turns: bool = False
) -> Iterator[Seen]:
    """Read the state before the turns, so that a final state comes after all of them."""
    run = None if only_turns else client.runs.get(run_id)
    for turn in client.runs.each_turn(run_id, after=places[run_id]):
        places[run_id] = turn["seq"]
        yield TurnSeen(run_id, turn, answer_of(client, turn))
    if run is not None:
        if at_rest(run):
            del places[run_id]
        yield RunSeen(run)


def answer_of(client: Client, turn: Turn) -> dict[str, Any] | None:
    """Return the message that a model's turn answered; None where it is no such turn."""
    if turn["interaction_id"] is None:
        return None
    try:
        return client.interactions.get(turn["interaction_id"])["answer"]
    except ApiError as error:
        if error.status != 404:
            raise
        return {"role": "assistant", "content": "(its interaction was erased)"}
