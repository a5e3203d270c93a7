"""Pairs as Parquet: TRL's columns as lists of {role, content}, ours beside them, read back exactly.

What a struct of two texts cannot hold (calls of tools, parts, other keys) stands once more, whole, in the
column `exact`. pyarrow is imported with the first file. Files are read where their owner is: the server
takes lines only, because a Parquet page of some bytes may unpack to gigabytes before anybody can look.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from camel_ext.datasets.errors import FileInvalid, ParquetMissing
from camel_ext.datasets.files import Line
from camel_ext.datasets.pair import Json

ROWS = 200  # of one batch
UNPACKED_MAX_BYTES = 2**30  # of one row group, as the file itself announces it
RATIO_MAX = 200  # unpacked over packed; texts reach 10
TEXTS = ("prompt", "chosen", "rejected")


def _arrow() -> Any:
    try:
        return import_module("pyarrow")
    except ModuleNotFoundError:
        raise ParquetMissing() from None


class Written:
    """Takes what a writer of Parquet writes, until somebody fetches it."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._place = 0

    def write(self, part: Any) -> int:
        """Take bytes."""
        raw = bytes(part)
        self._parts.append(raw)
        self._place += len(raw)
        return len(raw)

    def tell(self) -> int:
        """Return how many bytes were taken."""
        return self._place

    def flush(self) -> None:
        """Do nothing: nobody waits on the other side."""

    def close(self) -> None:
        """Take no more."""
        self.closed = True

    def fetch(self) -> bytes:
        """Return what was taken since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


class ParquetWriter:
    """Turns lines of pairs into the pieces of one Parquet file, one row group a piece."""

    def __init__(self) -> None:
        arrow = _arrow()
        self._schema = schema(arrow)
        self._table: Callable[..., Any] = arrow.Table.from_pylist
        self._sink = Written()
        parquet = import_module("pyarrow.parquet")
        self._writer = parquet.ParquetWriter(self._sink, self._schema, compression="zstd")

    def piece(self, lines: bytes) -> bytes:
        """Return the next bytes of the file, with these lines in them."""
        rows = [as_row(msgspec.json.decode(line)) for line in lines.split(b"\n") if line]
        if rows:
            self._writer.write_table(self._table(rows, schema=self._schema))
        return self._sink.fetch()

    def end(self) -> bytes:
        """Return the last bytes of the file."""
        self._writer.close()
        return self._sink.fetch()


def schema(arrow: Any) -> Any:
    """Return the columns of a file of pairs."""
    text, number = arrow.string(), arrow.float64()
    messages = arrow.list_(arrow.struct([("role", text), ("content", text)]))
    judge = [("kind", text), ("name", text), ("version", text), ("principal_id", text)]
    kinds = {
        **dict.fromkeys(TEXTS, messages),
        **dict.fromkeys(("margin", "chosen_score", "rejected_score"), number),
        **dict.fromkeys(("run_ids", "annotation_ids"), arrow.list_(text)),
        "judges": arrow.list_(arrow.struct(judge)),
    }
    columns = [(name, kinds.get(name, text)) for name in Line.__struct_fields__]
    return arrow.schema([*columns, ("exact", text)])


def as_row(line: Json) -> Json:
    """Return a line as a row: what structs of two texts cannot hold stands whole in `exact`."""
    row = dict(line)
    for name in TEXTS:
        row[name] = [
            {"role": message["role"], "content": _shown(message.get("content"))}
            for message in line[name]
        ]
    tools = line.get("tools")
    row["tools"] = None if tools is None else _text(tools)
    exact = {name: line[name] for name in TEXTS}
    is_plain = all(row[name] == line[name] for name in TEXTS)
    row["exact"] = None if is_plain else _text(exact)
    return row


def as_line(row: Json) -> bytes:
    """Return a row as a line of JSON; one of another's file may lack our columns."""
    line = {name: value for name, value in row.items() if value is not None and name != "exact"}
    for name in TEXTS:
        if isinstance(line.get(name), list):
            line[name] = [_without_nulls(message) for message in line[name]]
    if isinstance(line.get("tools"), str):
        line["tools"] = msgspec.Raw(line["tools"].encode())
    if isinstance(row.get("exact"), str):
        line.update(msgspec.json.decode(row["exact"], type=dict[str, msgspec.Raw]))
    return msgspec.json.encode(line)


def _without_nulls(message: Any) -> Any:
    """Leave out what a struct adds to each of its messages because one of them has it."""
    if not isinstance(message, dict):
        return message
    return {key: value for key, value in message.items() if value is not None or key == "content"}


def _shown(content: Any) -> str | None:
    return content if isinstance(content, str) or content is None else _text(content)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def read_parquet(path: Path) -> Iterator[bytes]:
    """Yield the rows of a file as lines of JSON, some at a time held in memory.

    Raises: FileInvalid, naming the row where one is at fault; ParquetMissing.
    """
    arrow = _arrow()
    parquet = import_module("pyarrow.parquet")
    row = 0
    try:
        with parquet.ParquetFile(path) as file:
            _check(file.metadata)
            for batch in file.iter_batches(batch_size=ROWS):
                for each in batch.to_pylist():
                    row += 1
                    yield _line_of(each, row)
    except (arrow.ArrowException, OSError) as error:
        raise FileInvalid(
            f"after row {row}: it is not a Parquet file that can be read: {error}"
        ) from error


def _line_of(row: Json, number: int) -> bytes:
    try:
        return as_line(row)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise FileInvalid(f"row {number}: it cannot be said in JSON: {error}") from error


def _check(metadata: Any) -> None:
    """Refuse what would unpack to much more than it is."""
    for place in range(metadata.num_row_groups):
        group = metadata.row_group(place)
        columns = [group.column(each) for each in range(group.num_columns)]
        packed = sum(column.total_compressed_size for column in columns)
        unpacked = sum(column.total_uncompressed_size for column in columns)
        if unpacked > UNPACKED_MAX_BYTES or unpacked > RATIO_MAX * max(packed, 1):
            raise FileInvalid(
                f"row group {place} has {packed:,} bytes and would unpack to {unpacked:,}: refused"
            )
