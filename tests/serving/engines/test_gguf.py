"""The header reader on good files, on every truncation, and on files that lie."""

import contextlib
import hashlib
import random
import struct
import time
from pathlib import Path

import pytest

from camel_ext.serving.engines.gguf import read_header
from camel_ext.serving.errors import ModelFileMissing, ModelFileWrong
from tests.fakes.gguf import Tensor, entry, gguf_bytes, text

FIELDS: dict[str, str | float | int] = {
    "general.architecture": "llama",
    "tokenizer.chat_template": "{{ messages }}",
    "llama.block_count": 2,
    "x.scale": 0.5,
}
GOOD = gguf_bytes(FIELDS, {"a": Tensor((4, 2), [1.0] * 8), "b": Tensor((3,), [0.0] * 3)})


def written(tmp_path: Path, raw: bytes) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(raw)
    return path


def test_reads_a_good_one(tmp_path: Path) -> None:
    header = read_header(written(tmp_path, GOOD))
    assert (header.version, header.kind, header.architecture) == (3, "model", "llama")
    assert header.fields["llama.block_count"] == 2
    assert header.tensors == {"a": 0, "b": 0}
    assert header.quantization == "F32"
    assert header.template_sha256 == hashlib.sha256(b"{{ messages }}").hexdigest()


def test_keeps_arrays_as_their_length(tmp_path: Path) -> None:
    words = text("words") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("bc")
    numbers = text("numbers") + struct.pack("<IIQ", 9, 4, 3) + b"\0" * 12
    raw = b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + words + numbers
    assert read_header(written(tmp_path, raw)).fields == {"words": 2, "numbers": 3}


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelFileMissing, match="camel-ext models pull"):
        read_header(tmp_path / "no.gguf")
    with pytest.raises(ModelFileMissing):
        read_header(tmp_path)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    end = len(GOOD) - 20  # the last tensor's padding is not needed
    for size in range(end):
        with pytest.raises(ModelFileWrong):
            read_header(written(tmp_path, GOOD[:size]))


def two_tensors(names: tuple[str, str], offsets: tuple[int, int]) -> bytes:
    """Two F32 tensors of eight weights, described as told, over 64 bytes."""
    raw = b"GGUF" + struct.pack("<IQQ", 3, 2, 0)
    for name, offset in zip(names, offsets, strict=True):
        raw += text(name) + struct.pack("<IQIQ", 1, 8, 0, offset)
    return raw + b"\0" * (-len(raw) % 32) + b"\0" * 64


def test_tensors_lie_on_bytes_of_their_own(tmp_path: Path) -> None:
    assert len(read_header(written(tmp_path, two_tensors(("a", "b"), (32, 0)))).tensors) == 2
    for offsets in ((0, 0), (0, 16), (16, 0)):
        with pytest.raises(ModelFileWrong, match="same bytes"):
            read_header(written(tmp_path, two_tensors(("a", "b"), offsets)))
    with pytest.raises(ModelFileWrong, match="two tensors 'a'"):
        read_header(written(tmp_path, two_tensors(("a", "a"), (0, 32))))


HUGE = 2**62


@pytest.mark.parametrize(
    "raw",
    [
        b"GGML" + GOOD[4:],
        b"GGUF" + struct.pack("<IQQ", 99, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, HUGE, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, HUGE),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", HUGE) + b"x" * 50,
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<I", 77) + b"x" * 50,
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 8, HUGE),
        b"GGUF"
        + struct.pack("<IQQ", 3, 0, 1)
        + text("k")
        + struct.pack("<IIQ", 9, 9, 1)
        + b"x" * 9,
        b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<I", 5) + b"\0" * 60,
        b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<IQIQ", 1, HUGE, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<IQIQ", 1, 1, 0, HUGE),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + entry("general.alignment", 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + entry("general.alignment", "wide"),
    ],
)
def test_lies_are_refused_at_once(tmp_path: Path, raw: bytes) -> None:
    start_s = time.process_time()
    with pytest.raises(ModelFileWrong, match="It was not loaded"):
        read_header(written(tmp_path, raw))
    assert time.process_time() - start_s < 0.2


def test_noise_never_crashes_it(tmp_path: Path) -> None:
    rng = random.Random(5)
    for _ in range(500):
        raw = bytearray(GOOD)
        for _flip in range(rng.randint(1, 8)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        with contextlib.suppress(ModelFileWrong):
            read_header(written(tmp_path, bytes(raw)))
