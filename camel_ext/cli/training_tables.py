"""`train presets` and `train hyper`: the tables of the trainer, as the server has them."""

import json
from typing import Any

from camel_ext_client.training import Hyper
from rich.text import Text

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import Indented, plain, rows, table


def presets(here: Here) -> None:
    """Show presets with what they set."""
    with here.connect() as client:
        found = client.trainings.presets()
    if here.as_json:
        here.answer(found)
        return
    for each in found["items"]:
        mark = "  [quiet](the usual one)[/]" if each["name"] == found["default"] else ""
        here.out.print(f"[name]{plain(each['name'])}[/]{mark}")
        here.out.print(Indented(Text(each["words"]), 2, blank_below=False))
        values = "  ".join(f"{name}={_said(value)}" for name, value in each["differs"].items())
        here.out.print(Indented(Text(values or "every default", style="dim"), 2))
    here.note("One value otherwise: camel-ext train start ... --set beta=0.2")


def hyper(here: Here, name: str | None) -> None:
    """Show the table of hyper-parameters, or one of them in full."""
    with here.connect() as client:
        found = client.trainings.hyper()["items"]
    if name is not None:
        _show_one(here, found, name)
        return
    if here.as_json:
        here.answer(found)
        return
    made = table("name", ("default", {"justify": "right"}), "may be", ("meaning", {"ratio": 1}))
    lines = [
        [
            f"[name]{plain(each['name'])}[/]",
            plain(_said(each["default"])),
            f"[quiet]{plain(each['range'])}[/]",
            plain(each["meaning"].partition(":")[0].split(". ")[0].rstrip(".") + "."),
        ]
        for each in found
    ]
    here.out.print(rows(made, lines))
    here.note("One in full, with its paper: camel-ext train hyper NAME")


def _show_one(here: Here, found: list[Hyper], name: str) -> None:
    one = next((each for each in found if each["name"] == name), None)
    if one is None:
        raise Stop(
            Exit.NOT_FOUND, f"There is no hyper-parameter {name!r}.", "camel-ext train hyper"
        )
    if here.as_json:
        here.answer(one)
        return
    unit = f" {one['unit']}" if one["unit"] else ""
    here.out.print(f"[name]{plain(name)}[/]  {plain(_said(one['default']))}{plain(unit)}")
    here.out.print(Indented(Text(one["meaning"]), 2, blank_below=False))
    here.out.print(Indented(Text(f"may be {one['range']}", style="dim"), 2, blank_below=False))
    if one["source"]:
        here.out.print(Indented(Text(one["source"], style="dim"), 2, blank_below=False))


def _said(value: Any) -> str:
    if isinstance(value, list):
        return "all linear" if len(value) == 7 else ",".join(value)
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)
