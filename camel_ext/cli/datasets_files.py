"""`dataset export` and `dataset import`: files of pairs, out and in.

Parquet is read here, where the file and whoever trusts it are, and sent as lines.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

from camel_ext_client import Client
from camel_ext_client.shapes_datasets import DatasetVersion, FileFormat, Split
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from camel_ext.cli.command import Here
from camel_ext.cli.datasets import find_version, named
from camel_ext.cli.datasets_building import end, watched
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.files import PARQUET, read_lines, write_out, write_whole
from camel_ext.cli.output import plain, plural, size


def export(
    here: Here, target: str, output: Path | None, wanted: str | None, split: str | None
) -> None:
    """Write a version to a file, or to standard output; a file is there whole or not at all."""
    by_name = "parquet" if output is not None and output.suffix == PARQUET else "jsonl"
    file_format = cast(FileFormat, wanted or by_name)
    with here.connect() as client, ExitStack() as stack:
        version = find_version(client, target)
        opened = client.datasets.export(
            version["id"], format=file_format, split=cast(Split | None, split)
        )
        pieces = stack.enter_context(opened)
        if output is None:
            write_out(pieces)
            return
        written = write_whole(output, pieces)
    said = {"version": named(version), "content_hash": version["content_hash"],
            "file": str(output), "size_bytes": written}  # fmt: skip
    if here.as_json:
        here.answer(said)
        return
    here.out.print(
        f"Written: [name]{plain(output)}[/]  [quiet]{size(written)}, {plain(named(version))}, "
        f"{version['content_hash']}[/]",
        soft_wrap=True,
    )


def import_file(here: Here, file: Path, name: str, given: dict[str, Any]) -> None:
    """Send a file's pairs and have them frozen; nothing of a file that is refused is kept."""
    how = {key: value for key, value in given.items() if value is not None}
    with here.connect(timeout_s=120.0) as client:
        lines = read_lines(file)
        first = next(lines, None)
        if first is None:
            raise Stop(Exit.USAGE, f"{file} is empty.", "A line holds prompt, chosen and rejected.")
        version = client.datasets.open_import(name, **how)
        try:
            _send(here, client, version, first, lines)
        except BaseException:  # whatever ends it: half a file is no version
            client.datasets.cancel(version["id"])
            raise
        frozen = client.datasets.freeze(version["id"])
        ended = watched(here, client, frozen)
    end(here, ended)


def _send(
    here: Here, client: Client, version: DatasetVersion, first: bytes, rest: Iterator[bytes]
) -> None:
    progress = Progress(
        TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn(),
        console=here.err, transient=True, disable=here.as_json or not here.err.is_terminal,
    )  # fmt: skip

    def lines() -> Iterator[bytes]:
        yield first
        yield from rest

    with progress:
        bar = progress.add_task("sending", total=None)
        for sent in client.datasets.send_lines(version["id"], lines()):
            progress.update(bar, description=f"sent {plural(sent['done'], 'pair')}")
