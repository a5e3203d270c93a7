"""`annotate`: judging answers by hand, listing judgements, taking one back."""

import re
from itertools import islice
from typing import Any

from camel_ext_client import Client
from camel_ext_client.shapes_annotations import Annotation, AnnotationKind

from camel_ext.cli.batches import find_batch
from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.finding import Noun, find_answer, find_id
from camel_ext.cli.output import age, plain, rows, short, table, utc_now

ANNOTATION = Noun(
    "judgement",
    "judgements",
    "camel-ext annotate list --all",
    "Make one: camel-ext annotate --help",
)


def list_annotations(
    here: Here,
    answer: str | None,
    batch: str | None,
    filters: dict[str, str | None],
    *,
    current: bool,
    limit: int,
) -> None:
    """Show judgements, newest first."""
    with here.connect() as client:
        if answer is not None:
            filters = {**filters, "interaction_id": find_answer(client, answer)}
        if batch is not None:
            filters = {**filters, "batch_id": find_batch(client, batch)}
        every = client.annotations.each(current=current, **filters)
        found = list(islice(every, limit + 1))
    more, found = len(found) > limit, found[:limit]
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note(
            "Nothing is judged yet, or nothing matches. Judge an answer: camel-ext annotate thumbs "
            "last:1 up   Let a verifier do it: camel-ext annotate batch --help"
        )
        return
    fixed = {"no_wrap": True}
    made = table(
        ("judgement", fixed), ("by", fixed), ("kind", fixed), ("of", fixed), ("score", fixed),
        ("when", fixed), ("said", {"overflow": "ellipsis", "no_wrap": True, "ratio": 1}),
    )  # fmt: skip
    now = utc_now()
    here.out.print(rows(made, [_row(each, now) for each in found]))
    if more:
        here.note(f"and older ones: --limit {limit * 5} shows more")


def _row(found: Annotation, now: Any) -> list[str]:
    of = ", ".join(short(each) for each in found["interaction_ids"][:3])
    more = len(found["interaction_ids"]) - 3
    mark = "" if found["current"] else "[quiet](counts no more) [/]"
    return [
        f"[id]{short(found['id'])}[/]",
        plain(found["judge"]),
        found["kind"],
        of + (f" +{more}" if more > 0 else ""),
        "" if found["score"] is None else f"{found['score']:.2f}",
        age(found["created_at"], now),
        mark + plain(said_shown(found)),
    ]


def said_shown(found: Annotation) -> str:
    """Return what a judgement says in one line."""
    value = found["value"]
    if found["kind"] == "rating":
        said = f"{value['rating']:g} of {value['low']:g} to {value['high']:g}"
    elif found["kind"] == "thumbs":
        said = "up" if value["up"] else "down"
    elif found["kind"] == "labels":
        said = ", ".join(value["labels"])
    elif found["kind"] == "choice":
        none = "both bad" if value.get("both_bad") else "tie"
        said = none if value["chosen_id"] is None else f"{short(value['chosen_id'])} is better"
    elif found["kind"] == "ranking":
        said = " > ".join(" = ".join(map(short, group)) for group in value["ranking"])
    elif found["kind"] == "verdict":
        said = f"{value['state']}: {value['reason']}" if value["reason"] else value["state"]
    else:
        said = str(value.get("text", ""))
    line = " ".join(said.split())
    return f"{line}  ({found['rationale']})" if found["rationale"] else line


def judge(
    here: Here,
    kind: AnnotationKind,
    answers: list[str],
    value: dict[str, Any],
    *,
    why: str | None,
    guideline: str | None,
) -> None:
    """Judge answers as people name them."""
    with here.connect() as client:
        ids = [find_answer(client, each) for each in answers]
        _add(here, client, kind, ids, value, why, guideline)


def rank(
    here: Here, answers: list[str], order: str, *, why: str | None, guideline: str | None
) -> None:
    """Rank answers by their places in what was typed."""
    places = read_order(order, len(answers))
    with here.connect() as client:
        ids = [find_answer(client, each) for each in answers]
        value = {"ranking": [[ids[place] for place in group] for group in places]}
        _add(here, client, "ranking", ids, value, why, guideline)


def read_order(order: str, count: int) -> list[list[int]]:
    """Read `2 > 1 = 3` as places, from 0, in groups, the best first.

    Raises: Stop, where a place is unknown, missing or there twice.
    """
    if not re.fullmatch(r"\s*\d+(\s*[>=]\s*\d+)*\s*", order):
        raise Stop(
            Exit.USAGE, f"{order!r} is no order.", "Write places with > and =, such as 2 > 1 = 3."
        )
    groups = [[int(place) - 1 for place in group.split("=")] for group in order.split(">")]
    places = [place for group in groups for place in group]
    if sorted(places) != list(range(count)):
        raise Stop(
            Exit.USAGE,
            f"{order!r} does not name each of the {count} answers once.",
            f"They are called 1 to {count}, in the order they stand in.",
        )
    return groups


def _add(
    here: Here,
    client: Client,
    kind: AnnotationKind,
    ids: list[str],
    value: dict[str, Any],
    why: str | None,
    guideline: str | None,
) -> None:
    made = client.annotations.add(kind, ids, rationale=why, guideline_version=guideline, **value)
    if here.as_json:
        here.answer(made)
        return
    before = " It takes the place of what you said before." if made["supersedes_id"] else ""
    here.out.print(
        f"Kept: [id]{short(made['id'])}[/]  {kind}  {plain(said_shown(made))}.{before}",
        soft_wrap=True,
    )
    here.note(f"Take it back: camel-ext annotate withdraw {short(made['id'])}")


def withdraw(here: Here, wanted: str) -> None:
    """Take a judgement back."""
    with here.connect() as client:
        every = client.annotations.each(current=wanted in ("last", "-"))
        found = client.annotations.withdraw(find_id(wanted, ANNOTATION, every))
    if here.as_json:
        here.answer(found)
        return
    here.out.print(f"Taken back: [id]{short(found['id'])}[/]  {plain(said_shown(found))}")
