"""Archived calls as Parquet files: whole or not there, read back before anybody relies on them.

A row holds a call's metadata by column, what was sent (`request`) and what came back (`response`) as the
very text of JSON that it was, prompts whole: a file needs no other file, and no database, to be read.
pyarrow is imported with the first file. It knows no tables.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from camel_ext.core.models import to_micros
from camel_ext.interactions.errors import (
    ArchiveAway,
    ArchiveFolderUnusable,
    ArchiveUnreadable,
    ParquetMissing,
)

Json = dict[str, Any]
READ_BYTES = 2**20
REMEDIES = (
    "bring the file back to its folder or the blob store, or export with skip_missing=true, which names "
    "each call whose words are left out"
)
TEXTS = ("request", "response", "token_ids", "logprobs")  # of a body; text of JSON, or null


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file beside those of bodies."""

    name: str
    kind: type


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is whole, in its place, on disk, and was read back."""

    rows: int
    size_bytes: int
    sha256: str
    first_at: datetime
    last_at: datetime


def require_parquet() -> None:
    """Refuse where no Parquet can be written. Raises: ParquetMissing."""
    if find_spec("pyarrow") is None:
        raise ParquetMissing()


class ArchiveFile:
    """A file in the making, beside its place."""

    def __init__(self, folder: Path, name: str, columns: Sequence[Column]) -> None:
        require_parquet()
        self._target, self._aside = folder / name, folder / f".{name}.part"
        self._schema = _schema(columns)
        self._digest, self.rows = _Digest(), 0
        self._first_at: datetime | None = None
        self._last_at: datetime | None = None
        with _usable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._aside.open("wb")
        parquet = import_module("pyarrow.parquet")
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def add(self, rows: Sequence[Json]) -> None:
        """Add rows as one row group."""
        arrow = import_module("pyarrow")
        with _usable(self._target.parent):
            self._writer.write_table(arrow.Table.from_pylist(rows, schema=self._schema))
        for row in rows:
            self._digest.add(row, self._schema.names)
            at = row["created_at"]
            self._first_at = at if self._first_at is None else min(self._first_at, at)
            self._last_at = at if self._last_at is None else max(self._last_at, at)
        self.rows += len(rows)

    def finish(self) -> Written:
        """Sync it, read it back, put it in its place.

        Raises: ArchiveFolderUnusable, ArchiveUnreadable.
        """
        folder = self._target.parent
        with _usable(folder):
            self._writer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        self._compare()
        sha256, size_bytes = hash_of(self._aside)
        with _usable(folder):
            self._aside.replace(self._target)
            _sync(folder)
        assert self._first_at is not None
        assert self._last_at is not None
        return Written(self.rows, size_bytes, sha256, self._first_at, self._last_at)

    def _compare(self) -> None:
        found, rows = _Digest(), 0
        for group in read_groups(self._aside):
            for row in group:
                found.add(row, self._schema.names)
                rows += 1
        if (rows, found.hex) != (self.rows, self._digest.hex):
            raise ArchiveUnreadable(f"{self._aside}: it does not hold what was written; kept all")

    def drop(self) -> None:
        """Leave nothing of it."""
        with suppress(OSError):  # what is still to be written may not fit
            self._file.close()
        self._aside.unlink(missing_ok=True)


class _Digest:
    """A hash over rows as they are read, whatever the file makes of them on disk."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, row: Json, names: Sequence[str]) -> None:
        values = [row[name] for name in names]
        plain = [to_micros(each) if isinstance(each, datetime) else each for each in values]
        self._hash.update(msgspec.msgpack.encode(plain))

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()


def _schema(columns: Sequence[Column]) -> Any:
    arrow = import_module("pyarrow")
    kinds = {
        str: arrow.string(),
        int: arrow.int64(),
        float: arrow.float64(),
        datetime: arrow.timestamp("us", tz="UTC"),
        list: arrow.list_(arrow.string()),
    }
    own = [(column.name, kinds[column.kind]) for column in columns]
    made = arrow.schema([*own, *((name, arrow.string()) for name in TEXTS)])
    return made.with_metadata({"camel_ext": "interactions 1"})


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArchiveFolderUnusable(
            f"{folder} cannot be written ({error.strerror}): mend it, or set "
            "CAMEL_EXT_INTERACTIONS__ARCHIVE_DIR to a folder that can"
        ) from error


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def hash_of(path: Path) -> tuple[str, int]:
    """Return a file's SHA-256 and its size in bytes. Raises: ArchiveUnreadable."""
    hasher, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while piece := file.read(READ_BYTES):
                hasher.update(piece)
                size += len(piece)
    except OSError as error:
        raise ArchiveUnreadable(f"{path} cannot be read: {error.strerror}") from error
    return hasher.hexdigest(), size


def read_groups(path: Path) -> Iterator[list[Json]]:
    """Yield the rows of a file, one row group at a time. Raises: ArchiveUnreadable."""
    with _readable(path), import_module("pyarrow.parquet").ParquetFile(path) as file:
        for place in range(file.metadata.num_row_groups):
            yield file.read_row_group(place).to_pylist()


def read_ids(path: Path) -> list[UUID]:
    """Return the ids of a file's calls, in its order. Raises: ArchiveUnreadable."""
    with _readable(path), import_module("pyarrow.parquet").ParquetFile(path) as file:
        column = file.read(columns=["id"]).column("id")
        return [UUID(each) for each in column.to_pylist()]


def find_rows(path: Path, ids: Sequence[UUID], names: Sequence[str]) -> list[Json]:
    """Return some columns of those calls that the file holds; only their row groups are read.

    Raises: ArchiveUnreadable.
    """
    wanted = [("id", "in", [str(each) for each in ids])]
    with _readable(path):
        parquet = import_module("pyarrow.parquet")
        found: list[Json] = parquet.read_table(
            path, columns=list(names), filters=wanted
        ).to_pylist()
    return found


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    require_parquet()
    try:
        yield
    except FileNotFoundError as error:
        raise ArchiveAway(f"the archive {path} is not there: {REMEDIES}") from error
    except (import_module("pyarrow").ArrowException, OSError) as error:
        raise ArchiveUnreadable(f"{path} cannot be read: {error}") from error
