"""Reads the header of a GGUF file, and believes no number in it before it was checked.

Models and adapters come from other people: every length is compared with what the file still holds
before a byte is read or memory is taken, and every tensor must lie inside the file. It loads no
weights and writes nothing.
Source: the GGUF specification, version 3 (ggml-org/ggml, docs/gguf.md).
"""

import hashlib
import struct
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from camel_ext.serving.errors import ModelFileMissing, ModelFileWrong

KEYS_MAX, TENSORS_MAX, ITEMS_MAX = 10_000, 100_000, 4_000_000
STRING_BYTES_MAX = 4 * 1024 * 1024
HEADER_BYTES_MAX = 256 * 1024 * 1024  # a vocabulary of 256k words takes about 10 MB
SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
}
SCALARS[12] = "<d"
STRING, ARRAY = 8, 9

# ggml type: (name, weights per block, bytes per block)
TENSOR_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210),
    20: ("IQ4_NL", 32, 18), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 30: ("BF16", 1, 2),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF says of itself; long arrays are kept as their length."""

    version: int
    fields: dict[str, Any]
    tensors: dict[str, int]

    @property
    def kind(self) -> str:
        """Return `model` or `adapter`."""
        return str(self.fields.get("general.type", "model"))

    @property
    def architecture(self) -> str:
        """Return the architecture, like `llama`."""
        return str(self.fields.get("general.architecture", "unknown"))

    @property
    def quantization(self) -> str:
        """Return the type of most matrices, like `Q4_1` (vectors stay in F32 and are not counted)."""
        kinds = Counter(self.tensors.values())
        names = [(count, self._name(kind)) for kind, count in kinds.items()]
        quantized = [pair for pair in names if pair[1] != "F32"]
        return max(quantized or names or [(0, "unknown")])[1]

    @property
    def template_sha256(self) -> str | None:
        """Return the hash of the chat template inside, or None without one."""
        template = self.fields.get("tokenizer.chat_template")
        return hashlib.sha256(template.encode()).hexdigest() if isinstance(template, str) else None

    @staticmethod
    def _name(kind: int) -> str:
        return TENSOR_TYPES[kind][0] if kind in TENSOR_TYPES else f"type{kind}"


def read_header(path: Path) -> GgufHeader:
    """Return the header of the file.

    Raises: ModelFileMissing; ModelFileWrong when it is no GGUF, is truncated, or lies about sizes.
    """
    try:
        with path.open("rb") as file:
            return _Reader(file, path).header()
    except (FileNotFoundError, IsADirectoryError):
        raise ModelFileMissing(
            f"There is no model file at {path}; nothing can be generated with it. Run `camel-ext "
            "models pull`, or set the path of your own GGUF."
        ) from None


class _Reader:
    """A cursor that never reads past the end of the file."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self._size = path.stat().st_size
        self._header_end = min(self._size, HEADER_BYTES_MAX)
        self._at = 0

    def header(self) -> GgufHeader:
        if self._take(4) != b"GGUF":
            raise self._wrong("it does not begin with GGUF")
        version = self._number("<I")
        if version not in {2, 3}:
            raise self._wrong(f"GGUF version {version} is not known (2 and 3 are)")
        tensor_count = self._count(TENSORS_MAX, "tensors", least_bytes=24)
        key_count = self._count(KEYS_MAX, "keys", least_bytes=13)
        fields = {}
        for _ in range(key_count):
            name = self._string()
            fields[name] = self._value(self._number("<I"))
        tensors, spans = {}, []
        for _ in range(tensor_count):
            name, kind, start, end = self._tensor()
            if name in tensors:
                raise self._wrong(f"it has two tensors {name[:60]!r}")
            tensors[name] = kind
            spans.append((start, end))
        self._check_spans(fields, sorted(spans))
        return GgufHeader(version=version, fields=fields, tensors=tensors)

    def _tensor(self) -> tuple[str, int, int, int]:
        """Return name, type, and where the tensor begins and ends after the start of the data."""
        name, dims = self._string(), self._number("<I")
        if not 1 <= dims <= 4:
            raise self._wrong(f"the tensor {name[:60]!r} has {dims} dimensions")
        weights = 1
        for _ in range(dims):
            weights *= self._number("<Q")
        kind, offset = self._number("<I"), self._number("<Q")
        _, block, block_bytes = TENSOR_TYPES.get(kind, ("unknown", 1, 0))
        return name, kind, offset, offset + -(-weights // block) * block_bytes

    def _check_spans(self, fields: dict[str, Any], spans: list[tuple[int, int]]) -> None:
        """Check that every tensor lies inside the file, on bytes of its own."""
        alignment = fields.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 1 <= alignment <= 65_536:
            raise self._wrong(f"its alignment is {alignment!r}")
        start = -(-self._at // alignment) * alignment
        if any(end > following for (_, end), (following, _) in pairwise(spans)):
            raise self._wrong("two of its tensors lie on the same bytes")
        end = spans[-1][1] if spans else 0
        if end and start + end > self._size:
            raise self._wrong(
                f"its tensors need {start + end} bytes and it has {self._size}: it is truncated"
            )

    def _value(self, kind: int) -> Any:
        if kind in SCALARS:
            return self._number(SCALARS[kind])
        if kind == STRING:
            return self._string()
        if kind == ARRAY:
            return self._array()
        raise self._wrong(f"it holds a value of unknown type {kind}")

    def _array(self) -> int:
        """Skip an array (vocabularies, never of arrays here) and return its length."""
        kind = self._number("<I")
        if kind != STRING and kind not in SCALARS:
            raise self._wrong(f"it holds an array of type {kind}")
        least = 8 if kind == STRING else struct.calcsize(SCALARS[kind])
        count = self._count(ITEMS_MAX, "items of an array", least_bytes=least)
        if kind == STRING:
            for _ in range(count):
                self._skip(self._count(STRING_BYTES_MAX, "bytes of a string", least_bytes=1))
        else:
            self._skip(count * least)
        return count

    def _string(self) -> str:
        length = self._count(STRING_BYTES_MAX, "bytes of a string", least_bytes=1)
        return self._take(length).decode("utf-8", "replace")

    def _count(self, most: int, what: str, *, least_bytes: int) -> int:
        """Read a count, and check it against a bound and against the bytes that are left."""
        count: int = self._number("<Q")
        if count > most or count * least_bytes > self._header_end - self._at:
            raise self._wrong(f"it claims {count} {what}, which it cannot hold")
        return count

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _take(self, count: int) -> bytes:
        raw = self._file.read(count) if count <= self._header_end - self._at else b""
        if len(raw) != count:
            raise self._wrong("it ends in the middle of its header")
        self._at += count
        return raw

    def _skip(self, count: int) -> None:
        self._at += count
        if self._at > self._header_end:
            raise self._wrong("it ends in the middle of its header")
        self._file.seek(self._at)

    def _wrong(self, what: str) -> ModelFileWrong:
        return ModelFileWrong(
            f"{self._path} cannot be used as a model: {what}. It was not loaded. Fetch it again, or "
            "point to another GGUF."
        )
