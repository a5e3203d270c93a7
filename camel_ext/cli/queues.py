"""`queue`: making, listing, showing and closing queues; working through one is `working`'s."""

from itertools import islice
from typing import Any

from camel_ext_client import Client
from camel_ext_client.shapes_annotations import AnnotationKind, Queue
from rich.text import Text

from camel_ext.cli.batches import Chosen
from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.finding import find_answer
from camel_ext.cli.output import (
    Indented,
    age,
    amount,
    duration,
    plain,
    plural,
    rows,
    table,
    utc_now,
)


def find_queue(client: Client, name: str) -> Queue:
    """Return a queue by its name. Raises: Stop."""
    found = client.annotations.queues.list(name=name, limit=1)["items"]
    if not found:
        raise Stop(
            Exit.NOT_FOUND,
            f"There is no queue {name!r}.",
            "`camel-ext queue` lists them; `camel-ext queue add NAME KIND` makes one.",
        )
    return found[0]


def list_queues(here: Here, limit: int) -> None:
    """Show queues, newest first."""
    with here.connect() as client:
        found = list(islice(client.annotations.queues.each(), limit))
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note("No queue yet. Make one: camel-ext queue add NAME thumbs --run last")
        return
    right = {"justify": "right", "no_wrap": True}
    made = table("queue", "asks for", ("done", right), ("of", right), ("taken", right), "made")
    now = utc_now()
    here.out.print(rows(made, [_row(each, now) for each in found]))


def _row(queue: Queue, now: Any) -> list[str]:
    closed = " [quiet]closed[/]" if queue["closed_at"] else ""
    return [
        f"[name]{plain(queue['name'])}[/]{closed}",
        queue["kind"],
        amount(queue["items_done"]),
        amount(queue["items_total"]),
        amount(queue["items_reserved"]),
        age(queue["created_at"], now),
    ]


def add(
    here: Here,
    name: str,
    kind: AnnotationKind,
    answers: list[str],
    chosen: Chosen,
    wanted: dict[str, Any],
) -> None:
    """Make a queue."""
    with here.connect() as client:
        sets = [[find_answer(client, one) for one in each.split(",")] for each in answers]
        given = chosen.read(client)
        if sets and given:
            raise Stop(
                Exit.USAGE, "--of names answers, and the other options choose some by filter.",
                "Take one of the two ways.",
            )  # fmt: skip
        made = client.annotations.queues.create(
            name, kind, filter=None if sets else given, sets=sets or None, **wanted
        )
    if here.as_json:
        here.answer(made)
        return
    here.out.print(f"[name]{plain(name)}[/] asks for {plural(made['items_total'], 'judgement')}.")
    here.note(f"Begin: camel-ext queue work {name}")


def show(here: Here, name: str) -> None:
    """Show a queue's rules, and how far it is."""
    with here.connect() as client:
        queue = find_queue(client, name)
    if here.as_json:
        here.answer(queue)
        return
    out = here.out
    closed = f"  [warn]closed {age(queue['closed_at'], utc_now())}[/]" if queue["closed_at"] else ""
    out.print(f"[name]{plain(queue['name'])}[/]  asks for {queue['kind']}{closed}")
    facts = [
        f"{amount(queue['items_done'])} of {amount(queue['items_total'])} judged",
        f"{amount(queue['items_reserved'])} taken",
        f"{plural(queue['annotators'], 'person')} each".replace("persons", "people"),
        f"an item is kept {duration(queue['reservation_s'] * 1000)}",
        *(["blind"] if queue["blind"] else []),
    ]
    out.print("  " + " · ".join(facts))
    if queue["labels"]:
        out.print(f"  labels  {plain(', '.join(queue['labels']))}")
    if queue["guideline"]:
        out.print(Indented(Text(queue["guideline"]), 2))
    if not queue["closed_at"]:
        here.note(f"Work on it: camel-ext queue work {name}")


def close(here: Here, name: str) -> None:
    """Close a queue."""
    with here.connect() as client:
        queue = client.annotations.queues.close(find_queue(client, name)["id"])
    if here.as_json:
        here.answer(queue)
        return
    left = queue["items_total"] - queue["items_done"]
    here.out.print(f"[name]{plain(name)}[/] is closed; {plural(left, 'item')} stay unjudged.")
