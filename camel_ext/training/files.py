"""Looks into weight files before anything loads them: safetensors and GGUF, and nothing else.

Files come from other people, and a pickle runs code when it is read. So a file is known by its first
bytes and never by its name, its header is bounded before it is parsed, and every tensor must lie
inside the file, on its own bytes. Nothing is decompressed, so a ZIP bomb is only a wrong file. It
loads no weights and needs no torch.
Source: the safetensors format (huggingface/safetensors, README), GGUF version 3 (ggml-org/ggml).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from camel_ext.core.errors import CamelExtError, Invalid
from camel_ext.serving import GgufHeader, read_gguf_header

HEADER_BYTES_MAX: Final = 100_000_000  # the bound of the safetensors library itself
TENSORS_MAX: Final = 100_000
DIMS_MAX: Final = 8
DTYPE_BITS: Final = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"), 8),
}
KNOWN_OTHERS: Final = (
    (b"PK\x03\x04", "a ZIP archive, as PyTorch's own files are: they hold pickles, which run code"),
    (b"\x80", "a pickle, which would run code"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"\x89HDF", "an HDF5 file"),
)


class FileRefused(Invalid):
    """The file is not what it says, or not of a kind that is ever loaded."""


@dataclass(frozen=True, slots=True)
class TensorSpan:
    """Where a tensor lies: `start` and `end` in bytes after the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SafetensorsHeader:
    """What a safetensors file says of itself, checked against its size."""

    tensors: dict[str, TensorSpan]
    metadata: dict[str, str]


def check_weights(path: Path) -> SafetensorsHeader | GgufHeader:
    """Return the header of a safetensors or GGUF file, told apart by their first bytes.

    Raises: FileRefused on everything else, whatever its name.
    """
    with _opened(path) as file:
        head = file.read(9)
    if head.startswith(b"GGUF"):
        return check_gguf(path)
    return check_safetensors(path)


def check_gguf(path: Path) -> GgufHeader:
    """Return the header of a GGUF file.

    Raises: FileRefused when it is none, is truncated, or lies about what it holds.
    """
    try:
        return read_gguf_header(path)
    except CamelExtError as error:
        raise FileRefused(error.detail) from error


def check_safetensors(path: Path) -> SafetensorsHeader:
    """Return the header of a safetensors file.

    Raises: FileRefused when it is none, when its header is broken or huge, or when its tensors
    overlap, leave gaps or reach past the end.
    """
    size = path.stat().st_size if path.is_file() else 0
    with _opened(path) as file:
        head = file.read(8)
        length = int.from_bytes(head, "little")
        if len(head) < 8 or not 2 <= length <= min(HEADER_BYTES_MAX, size - 8):
            raise _refused(path, _looks_like(head, size))
        raw = file.read(length)
    if not raw.startswith(b"{"):
        raise _refused(path, _looks_like(head, size))
    return _header(path, _parsed(path, raw), size - 8 - length)


def _looks_like(head: bytes, size: int) -> str:
    """Say what a file that is no safetensors seems to be.

    A good one may begin as a pickle does: its first bytes are the length of its header.
    """
    for magic, what in KNOWN_OTHERS:
        if head.startswith(magic):
            return f"it is {what}"
    return f"it is neither safetensors nor GGUF ({size} bytes that begin with {head!r})"


def _opened(path: Path) -> Any:
    if not path.is_file():  # a device or a pipe would be read for ever
        raise _refused(path, "there is no such file")
    return path.open("rb")


def _parsed(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(raw, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"its header is no JSON ({str(error)[:100]})") from None
    if not isinstance(parsed, dict) or len(parsed) > TENSORS_MAX:
        raise _refused(path, "its header is no table of tensors")
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _header(path: Path, parsed: dict[str, Any], data_bytes: int) -> SafetensorsHeader:
    metadata = parsed.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _refused(path, "its metadata is not text")
    tensors = {name: _span(path, name, entry) for name, entry in parsed.items()}
    at = 0
    for name, span in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if span.start != at:
            raise _refused(
                path, f"the tensor {name[:60]!r} overlaps another, or leaves a gap before it"
            )
        at = span.end
    if at != data_bytes:
        raise _refused(path, f"its tensors take {at} bytes and it holds {data_bytes}")
    return SafetensorsHeader(tensors, metadata)


def _span(path: Path, name: str, entry: Any) -> TensorSpan:
    """Return where a tensor lies, after its length was compared with its shape."""
    match entry:
        case {
            "dtype": str(dtype),
            "shape": list(shape),
            "data_offsets": [int(start), int(end)],
        } if (
            _is_shape(shape)
            and 0 <= start <= end
            and (end - start) * 8 == math.prod(shape) * DTYPE_BITS.get(dtype, -1)
        ):
            return TensorSpan(dtype, tuple(shape), start, end)
        case _:
            raise _refused(path, f"the tensor {name[:60]!r} is described wrongly")


def _is_shape(shape: list[Any]) -> bool:
    return len(shape) <= DIMS_MAX and all(type(dim) is int and dim >= 0 for dim in shape)


def _refused(path: Path, what: str) -> FileRefused:
    return FileRefused(
        f"{path} was not loaded: {what}. Only safetensors and GGUF files are; convert it where you "
        "trust it, or fetch it again."
    )
