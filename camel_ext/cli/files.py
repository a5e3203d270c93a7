"""Files that commands write and read: whole or not at all, and line by line."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from camel_ext.cli.exits import Exit, Stop

PARQUET = ".parquet"
LINE_MAX_BYTES = 4 * 2**20  # what has no line end for longer is no file of lines


def write_whole(output: Path, pieces: Iterable[bytes]) -> int:
    """Write beside the file and put it in its place at the end; return its bytes.

    Raises: Stop.
    """
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


def write_out(pieces: Iterable[bytes]) -> None:
    """Write to standard output as it is."""
    _write(sys.stdout.buffer, pieces)


def _write(file: BinaryIO, pieces: Iterable[bytes]) -> int:
    written = 0
    for piece in pieces:
        written += file.write(piece)
    file.flush()
    return written


def read_lines(file: Path) -> Iterator[bytes]:
    """Yield a file's lines of JSON, rows of Parquet by its name.

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
