"""`status`: what a running server depends on, for a person or a machine."""

from datetime import datetime

import typer
from camel_ext_client.shapes import DependencySeen

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit
from camel_ext.cli.output import age, plain, utc_now

MARKS = {"up": "[ok]✓[/]", "down": "[bad]✗[/]", "unknown": "[quiet]·[/]", "off": "[quiet]·[/]"}
WORDS = {
    "ok": "[ok]All that is used works.[/]",
    "degraded": "[warn]It runs, with limits[/]: see the lines with ✗.",
    "down": "[bad]The database is away[/]: nothing is read or written until it is back.",
}


def show_status(here: Here) -> None:
    """Show each dependency; exit with 1 where one is down."""
    with here.connect() as client:
        status = client.status()
    if here.as_json:
        here.answer(status)
    else:
        now = utc_now()
        for each in status["dependencies"]:
            _show(here, each, now)
        here.out.print(f"\n{WORDS[status['state']]}")
    if status["state"] != "ok":
        raise typer.Exit(Exit.FAILED)


def _how(each: DependencySeen) -> str:
    """Return how it is asked, in a few words."""
    policy = each["policy"]
    if policy is None:
        return ""
    tries = "" if policy["tries"] == 1 else f", {policy['tries']} tries"
    failed = f", {each['failed']} of {each['calls']} calls failed" if each["failed"] else ""
    alone = "" if each["circuit"] == "closed" else f", circuit {each['circuit']}"
    return (
        f"  [quiet]{policy['timeout_s']:g} s{tries}, {policy['at_once']} at once{failed}{alone}[/]"
    )


def _show(here: Here, each: DependencySeen, now: datetime) -> None:
    state = {"off": "not set", "unknown": "not asked yet"}.get(each["state"], each["state"])
    shows_since = each["state"] == "down" and each["since"] is not None
    since = f" since {str(each['since'])[:19]}Z, {age(each['since'], now)}" if shows_since else ""
    error = f"  [quiet]{plain(each['error'])}[/]" if each["error"] else ""
    how, out = _how(each), here.out
    out.print(
        f"  {MARKS[each['state']]} {each['name']:16} {state}{since}{error}{how}", soft_wrap=True
    )
    if each["state"] == "down":
        out.print(f"      lost: {plain(each['lost'])}", soft_wrap=True)
    if each["state"] in ("down", "off"):
        out.print(f"      [quiet]meanwhile: {plain(each['meanwhile'])}[/]", soft_wrap=True)
