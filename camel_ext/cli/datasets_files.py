"""`dataset export` and `dataset import`: files of pairs, out and in.

Parquet is read here, where the file and whoever trusts it are, and sent as lines.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

from camel_ext_client import Client
from camel_ext_client.shapes_datasets import DatasetVersion, FileFormat, Split
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from camel_ext.cli.command import Here
from camel_ext.cli.datasets import find_version, named
from camel_ext.cli.datasets_building import end, watched
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import plain, plural, size

PARQUET = ".parquet"
LINE_MAX_BYTES = 4 * 2**20  # what has no line end for longer is no file of lines


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
            _write(sys.stdout.buffer, pieces)
            return
        written = _write_whole(output, pieces)
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


def _write_whole(output: Path, pieces: Iterator[bytes]) -> int:
    """Write beside the file and put it in its place at the end. Raises: Stop."""
    beside = output.with_name(f".{output.name}.part")
    try:
        with beside.open("wb") as file:
            written = _write(file, pieces)
        beside.replace(output)
    except OSError as error:
        raise Stop(Exit.USAGE, f"{output} cannot be written: {error.strerror}.") from error
    finally:
        beside.unlink(missing_ok=True)
    return written


def _write(file: BinaryIO, pieces: Iterator[bytes]) -> int:
    written = 0
    for piece in pieces:
        written += file.write(piece)
    file.flush()
    return written


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


def read_lines(file: Path) -> Iterator[bytes]:
    """Yield a file's pairs as lines of JSON, Parquet by its name.

    Raises: Stop, FileInvalid.
    """
    if not file.is_file():
        raise Stop(Exit.USAGE, f"There is no file {file}.")
    if file.suffix == PARQUET:
        from camel_ext.datasets import read_parquet  # here: JSON lines need none of it

        yield from read_parquet(file)
        return
    try:
        with file.open("rb") as opened:
            while line := opened.readline(LINE_MAX_BYTES):
                yield line
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be read: {error.strerror}.") from error
