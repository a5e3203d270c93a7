"""`certificate`: a certificate on the terminal, and as files that open anywhere."""

import json
import re
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from camel_ext_client import Client
from rich.console import Console
from rich.text import Text

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import plain, table

LOOK_BACK = 1_000
WIDTH = 61
VERDICTS = {
    "better": ("↗ Better", "bold green"),
    "not_worse": ("= Not worse", "bold"),
    "worse": ("↘ Worse", "bold red"),
    "inconclusive": ("◌ Inconclusive", "bold yellow"),
}


def show_certificate(here: Here, which: str, output: Path | None) -> None:
    """Show a certificate, or write it as files."""
    with here.connect() as client:
        certificate_id = find_certificate(client, which)
        shown = client.certificates.get(certificate_id)
        if output is not None:
            save_certificate(client, certificate_id, output)
    if here.as_json:
        here.answer(shown)
        return
    show_verdict(here.out, shown)
    if output is not None:
        here.out.print(f"  [quiet]written to[/] {output}/certificate.html, .md, .json",
                       soft_wrap=True)  # fmt: skip


def find_certificate(client: Client, which: str) -> str:
    """Return the id of a certificate from an id, its number, or `last`.

    Raises: Stop.
    """
    try:
        return str(UUID(which))
    except ValueError:
        pass
    number = re.fullmatch(r"(?:[cC]-?)?0*(\d{1,9})", which)
    cursor: str | None = None
    looked = 0
    while looked < LOOK_BACK:
        page = client.certificates.list(limit=200, cursor=cursor)
        for each in page["items"]:
            if which == "last" or (number and each["number"] == int(number[1])):
                return each["id"]
        looked, cursor = looked + len(page["items"]), page["next_cursor"]
        if cursor is None:
            break
    if looked == 0:
        raise Stop(
            Exit.NOT_FOUND,
            "There is no certificate yet.",
            "Improve a workflow: camel-ext improve WORKFLOW -f improve.yaml",
        )
    raise Stop(
        Exit.NOT_FOUND,
        f"There is no certificate {which!r}.",
        "Give its number (C-0007), its id, or `last`; `camel-ext improvements` lists them.",
    )


def save_certificate(client: Client, certificate_id: str, folder: Path) -> None:
    """Write certificate.json, .md and .html into a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shown = client.certificates.get(certificate_id)
        text = json.dumps(shown, ensure_ascii=False, indent=2) + "\n"
        (folder / "certificate.json").write_text(text, "utf-8")
        (folder / "certificate.md").write_bytes(client.certificates.markdown(certificate_id))
        (folder / "certificate.html").write_bytes(client.certificates.html(certificate_id))
    except OSError as error:
        raise Stop(Exit.USAGE, f"Cannot write to {folder} ({error.strerror}).") from error


def show_verdict(out: Console, shown: dict[str, Any]) -> None:
    """Show the verdict with its interval drawn to scale, guardrails, and the decision."""
    word, style = VERDICTS.get(shown["verdict"], (shown["verdict"], "bold"))
    low, high = shown["interval"]
    out.print()
    out.print(Text.assemble("  ", (word, style), f"  {_points(shown['effect'])} points", (
        f"  {100 * shown['level']:.3g} % interval {_points(low)} to {_points(high)}, "
        f"n = {shown['n']} goals in {shown['topics']} topics", "dim")))  # fmt: skip
    out.print(_interval(low, shown["effect"], high, style))
    baseline, candidate = shown["baseline"], shown["candidate"]
    out.print(f"  [quiet]before[/]  {plain(baseline['target'])}: {baseline['passed']} of "
              f"{shown['n']}    [quiet]after[/]  {plain(candidate['target'])}: "
              f"{candidate['passed']} of {shown['n']}    {shown['fixed']} fixed, "
              f"{shown['broken']} broken", soft_wrap=True)  # fmt: skip
    if shown["guardrails"]:
        out.print(_guardrails(shown["guardrails"]))
    decision = shown["decision"]
    said = "nothing is decided yet" if decision is None else decision["kind"]
    who = "" if decision is None else f" by {plain(decision['decided_by'])}"
    out.print(f"  [quiet]decision[/]  {said}{who}  [quiet]· {shown['name']} · "
              f"{shown['pairs']} pairs · seed {shown['seed']} · {shown['wall_s']:.0f} s[/]\n",
              soft_wrap=True)  # fmt: skip


def _guardrails(rails: list[dict[str, Any]]) -> Any:
    right: dict[str, Any] = {"justify": "right"}
    made = table("  guardrail", ("before", right), ("after", right), ("worst case", right),
                 ("margin", right), "")  # fmt: skip
    for rail in islice(rails, 20):
        seconds = rail["measure"] == "latency_ms"
        values = [rail[key] for key in ("baseline", "candidate", "worst", "margin")]
        shown = [f"{v:.0f} ms" if seconds else f"{100 * v:.1f}" for v in values]
        held = "[ok]✓ held[/]" if rail["held"] else "[bad]✗ not held[/]"
        made.add_row(f"  {plain(rail['description'] or rail['measure'])}", *shown, held)
    return made


def _interval(low: float, effect: float, high: float, style: str) -> Text:
    """Return the interval on a rule from -100 to +100 points, or closer where that tells more."""
    reach = max(0.1, min(1.0, 1.15 * max(abs(low), abs(high))))

    def at(value: float) -> int:
        return max(0, min(WIDTH - 1, round((value + reach) / (2 * reach) * (WIDTH - 1))))

    cells = ["─"] * WIDTH
    for index in range(at(low), at(high) + 1):
        cells[index] = "━"
    cells[at(0)] = "┼"
    cells[at(low)], cells[at(high)], cells[at(effect)] = "├", "┤", "●"
    line = Text("  ")
    for index, cell in enumerate(cells):
        inside = at(low) <= index <= at(high)
        line.append(cell, style=style if inside else "dim")
    line.append(f"  {_points(-reach)} … 0 … {_points(reach)}", style="dim")
    return line


def _points(share: float) -> str:
    value = round(100 * share, 1)
    return f"{value:+.1f}".replace("-", "\u2212") if value else "0"
