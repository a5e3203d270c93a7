"""`jobs limits` and `jobs limit`: how many jobs at once may use a workflow, a model or a device."""

from camel_ext_client.jobs import Limit

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import amount, plain, plural, rows, table

FIXED = {"no_wrap": True}
NUMBER = {"no_wrap": True, "justify": "right"}


def show(here: Here) -> None:
    """Show every limit, and how much of it is used."""
    with here.connect() as client:
        found = client.jobs.limits()["items"]
    _list(here, found)


def change(here: Here, name: str, at_once: int | None, *, off: bool) -> None:
    """Set a limit, or drop it."""
    if (at_once is None) != off:
        raise Stop(
            Exit.USAGE,
            "Say how many jobs at once, or --off.",
            f"Try: camel-ext jobs limit {name} 2",
        )
    with here.connect() as client:
        if at_once is None:
            _list(here, client.jobs.drop_limit(name)["items"])
            return
        limit = client.jobs.set_limit(name, at_once)
    if here.as_json:
        here.answer(limit)
        return
    waiting = (
        f"; {plural(limit['waiting'], 'job')} of this project waiting" if limit["waiting"] else ""
    )
    here.out.print(
        f"At most {plural(at_once, 'job')} at once use {plain(name)}: {limit['running']} now{waiting}."
    )


def _list(here: Here, found: list[Limit]) -> None:
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note("No limit. Set one: camel-ext jobs limit workflow:NAME 2")
        return
    made = table(("limit of", FIXED), ("running", NUMBER), ("at once", NUMBER), ("waiting", NUMBER))
    lines = [
        [
            f"[name]{plain(each['name'])}[/]",
            amount(each["running"]),
            amount(each["at_once"]),
            amount(each["waiting"]) if each["waiting"] else "[quiet]0[/]",
        ]
        for each in found
    ]
    here.out.print(rows(made, lines))
