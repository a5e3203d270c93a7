"""`logs`: the log of model calls on the terminal, by filters, and as they come."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from camel_ext_client import Client
from camel_ext_client.shapes_interactions import InteractionRow
from rich.console import Console
from rich.text import Text

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import amount, cost, duration, moment, utc_now, write_json
from camel_ext.cli.runs import find_run
from camel_ext.cli.turns import Colours, cut

_SPANS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def show(
    here: Here,
    run: str | None,
    filters: dict[str, Any],
    *,
    since: str | None,
    limit: int,
    follow: bool,
) -> None:
    """Show what is in the log, oldest first, and go on with what comes where that is wanted."""
    colours = Colours()
    with here.connect() as client:
        wanted = wanted_of(client, run, filters, since)
        found = _following(client, wanted, limit) if follow else _newest(client, wanted, limit)
        count = 0
        for row in found:
            count += 1
            if here.as_json:
                write_json(row, line=True)
            else:
                show_row(here.out, row, colours)
    if not count:
        here.note("No call of a model matches. Without filters, the newest are shown.")


def wanted_of(
    client: Client, run: str | None, filters: dict[str, Any], since: str | None
) -> dict[str, Any]:
    """Return a filter as the API takes it, the run found and the time read.

    Raises: Stop.
    """
    wanted = dict(filters)
    if since is not None:
        wanted["since"] = read_since(since)
    if run is not None:
        wanted["run_id"] = find_run(client, run)
    return wanted


def _newest(client: Client, wanted: dict[str, Any], limit: int) -> Iterator[InteractionRow]:
    yield from reversed(list(islice(client.interactions.each(**wanted), limit)))


def _following(client: Client, wanted: dict[str, Any], limit: int) -> Iterator[InteractionRow]:
    """Yield the newest, then each that comes; after a gap in the connection nothing is missing."""
    last: int | None = None
    with closing(client.watch(["interactions"])) as messages:
        for message in messages:
            if message["type"] == "frame":
                continue
            fresh: list[InteractionRow] = []
            for row in client.interactions.each(**wanted):
                if len(fresh) == limit if last is None else row["ingest_seq"] <= last:
                    break
                fresh.append(row)
            yield from reversed(fresh)
            last = fresh[0]["ingest_seq"] if fresh else last or 0


def read_since(text: str) -> str:
    """Read `30m`, `2h`, `3d` or an ISO time.

    Raises: Stop.
    """
    span = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if span:
        return (utc_now() - timedelta(**{_SPANS[span[2]]: float(span[1])})).isoformat()
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        raise Stop(
            Exit.USAGE,
            f"--since {text}: that is no span and no time.",
            "Examples: --since 2h, --since 3d, --since 2026-11-22T10:00:00+00:00",
        ) from None
    return then.astimezone().isoformat()


def show_row(out: Console, row: InteractionRow, colours: Colours) -> None:
    """Show one call: who and what it took in a line, question and answer below."""
    at = moment(row["created_at"])
    who = row["agent_id"] or row["source"]
    head = Text.assemble(
        (f"{at.astimezone():%H:%M:%S}  " if at else "", "dim"), (who, f"bold {colours.of(who)}")
    )
    tokens = (row["prompt_tokens"] or 0) + (row["completion_tokens"] or 0)
    facts = [
        row["step_key"] or row["purpose"],
        f"{amount(tokens)} tokens",
        duration(row["total_ms"]),
    ]
    if row["cost_usd_micros"]:
        facts.append(cost(row["cost_usd_micros"]))
    head.append("   " + " · ".join(facts), style="dim")
    head.append(f"   {row['id']}", style="dim")
    out.print(head, soft_wrap=True)
    for mark, text in (("?", row["prompt_preview"]), ("→", row["answer_preview"])):
        if text:
            line = Text.assemble((f"          {mark} ", "dim"), cut(" ".join(text.split()), 2, 200))
            out.print(line, no_wrap=True, overflow="ellipsis")
    if row["error_code"]:
        out.print(Text(f"          ✗ {row['error_code']}", style="red"))
