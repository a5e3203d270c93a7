"""`interactions`: calls that were made elsewhere, brought into the log; calls of the log, taken along."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from camel_ext_client import Client
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from camel_ext.cli.command import Here
from camel_ext.cli.files import read_lines, write_out, write_whole
from camel_ext.cli.log import wanted_of
from camel_ext.cli.output import plain, plural, size


def import_file(here: Here, file: Path) -> None:
    """Send a file's lines in parts; what a part brought stays, whatever becomes of the next."""
    recorded = duplicates = 0
    with here.connect(timeout_s=120.0) as client:
        for part in client.interactions.import_calls(read_lines(file)):
            recorded += part["recorded"]
            duplicates += part["duplicates"]
    if here.as_json:
        here.answer({"recorded": recorded, "duplicates": duplicates})
        return
    known = f", {duplicates} known already" if duplicates else ""
    here.out.print(f"Recorded: {plural(recorded, 'call')} of {plain(file)}{known}")


def export(
    here: Here,
    output: Path | None,
    run: str | None,
    filters: dict[str, Any],
    *,
    since: str | None,
    bodies: bool,
    skip_missing: bool,
) -> None:
    """Write calls as JSON lines, newest first; a file is there whole or not at all."""
    count = 0

    def lines(client: Client, progress: Progress) -> Iterator[bytes]:
        nonlocal count
        bar = progress.add_task("", total=None)
        wanted = wanted_of(client, run, filters, since)
        for call in client.interactions.export(bodies=bodies, skip_missing=skip_missing, **wanted):
            yield json.dumps(call, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            count += 1
            progress.update(bar, description=plural(count, "call"))

    progress = Progress(
        TextColumn("  {task.description}"), TimeElapsedColumn(),
        console=here.err, transient=True, disable=here.as_json or not here.err.is_terminal,
    )  # fmt: skip
    with here.connect() as client, progress:
        if output is None:
            write_out(lines(client, progress))
            return
        written = write_whole(output, lines(client, progress))
    if here.as_json:
        here.answer({"file": str(output), "calls": count, "size_bytes": written})
        return
    here.out.print(
        f"Written: [name]{plain(output)}[/]  [quiet]{plural(count, 'call')}, {size(written)}[/]",
        soft_wrap=True,
    )
