"""`status`: what a running server depends on, for a person or a machine."""

from datetime import datetime

import typer
from camel_ext_client.shapes_health import DependencySeen, LogMonths

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit
from camel_ext.cli.output import age, plain, plural, utc_now

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
        if (months := status.get("log_months")) is not None:
            here.out.print(f"  {_months_shown(months)}", soft_wrap=True)
        here.out.print(f"\n{WORDS[status['state']]}")
    if status["state"] != "ok":
        raise typer.Exit(Exit.FAILED)


def _months_shown(months: LogMonths) -> str:
    """Return how far the months of the log are made."""
    if months["ahead"] < 0:
        how = f"{MARKS['down']} {'log by months':16} [warn]this one is not made[/]"
    else:
        mark = MARKS["up"] if months["ahead"] and not months["outside"] else "[warn]![/]"
        ahead = plural(months["ahead"], "month") if months["ahead"] else "no month"
        how = f"{mark} {'log by months':16} made to {months['until'][:10]}, {ahead} ahead"
    if months["outside"]:
        how += "  [warn]calls lie outside of them: did a clock run ahead?[/]"
    return how


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
