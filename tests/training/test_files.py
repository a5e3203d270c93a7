"""Weight files are looked into before anything loads them: good ones, broken ones, wicked ones."""

import contextlib
import gzip
import json
import pickle
import random
import struct
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from camel_ext.training.files import (
    FileRefused,
    SafetensorsHeader,
    check_safetensors,
    check_weights,
)
from tests.fakes.gguf import Tensor, gguf_bytes

GOOD: dict[str, Any] = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
    "nothing": {"dtype": "I64", "shape": [0, 7], "data_offsets": [32, 32]},
}


def safetensors(header: Any, data_bytes: int = 32, *, raw: bytes | None = None) -> bytes:
    body = json.dumps(header).encode() if raw is None else raw
    return struct.pack("<Q", len(body)) + body + b"\0" * data_bytes


def written(tmp_path: Path, raw: bytes, name: str = "adapter_model.safetensors") -> Path:
    path = tmp_path / name
    path.write_bytes(raw)
    return path


class Bomb:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was loaded",))


def test_reads_a_good_one(tmp_path: Path) -> None:
    header = check_weights(written(tmp_path, safetensors(GOOD)))
    assert isinstance(header, SafetensorsHeader)
    assert header.metadata == {"format": "pt"}
    assert {name: span.shape for name, span in header.tensors.items()} == {
        "a": (2, 3),
        "b": (4,),
        "nothing": (0, 7),
    }


def test_a_header_may_begin_as_a_pickle_does(tmp_path: Path) -> None:
    body = json.dumps(GOOD).encode()
    path = written(tmp_path, safetensors(None, raw=body + b" " * (0x280 - len(body))))
    assert path.read_bytes().startswith(b"\x80\x02")
    assert len(check_safetensors(path).tensors) == 3


def test_what_the_library_writes_is_read(tmp_path: Path) -> None:
    numpy, library = pytest.importorskip("numpy"), pytest.importorskip("safetensors.numpy")
    path = tmp_path / "x.safetensors"
    library.save_file({"w": numpy.ones((3, 5), dtype="float16")}, path)
    assert check_safetensors(path).tensors["w"].shape == (3, 5)


def test_gguf_is_known_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    raw = gguf_bytes({"general.architecture": "llama"}, {"t": Tensor((4,), [1.0] * 4)})
    header = check_weights(written(tmp_path, raw))
    assert not isinstance(header, SafetensorsHeader)
    assert header.architecture == "llama"
    with pytest.raises(FileRefused, match="truncated"):
        check_weights(written(tmp_path, raw[:-32], "model.gguf"))


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "model.gguf", "pytorch_model.bin"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_under_any_name_is_refused(tmp_path: Path, name: str, protocol: int) -> None:
    with pytest.raises(FileRefused, match="was not loaded"):
        check_weights(written(tmp_path, pickle.dumps(Bomb(), protocol) + b"\0" * 64, name))


def test_archives_are_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb()))
        archive.writestr("archive/data/0", b"\0" * 50_000_000)
    with pytest.raises(FileRefused, match="ZIP archive"):
        check_weights(path)
    with pytest.raises(FileRefused, match="gzip"):
        check_weights(written(tmp_path, gzip.compress(b"\0" * 10_000_000)))


def one(**changed: Any) -> dict[str, Any]:
    return {"a": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32], **changed}}


HUGE = 2**62


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x10",
        struct.pack("<Q", HUGE) + b"{}",
        struct.pack("<Q", 10**8 + 1) + b"{" * 100,
        safetensors(None, raw=b"{" * 100_000),
        safetensors(None, raw=b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        safetensors(None, raw=b'{"a":1,"a":2}'),
        safetensors(None, raw=b"\xff\xfe{}"),
        safetensors([]),
        safetensors({"__metadata__": {"n": 1}}, 0),
        safetensors({"a": []}),
        safetensors(one(dtype="PICKLE")),
        safetensors(one(shape=[-8])),
        safetensors(one(shape=[8.0])),
        safetensors(one(shape=[True, 8])),
        safetensors(one(shape=[HUGE, HUGE])),
        safetensors(one(shape=[1] * 9 + [8])),
        safetensors(one(data_offsets=[-32, 0])),
        safetensors(one(data_offsets=[32, 0])),
        safetensors(one(data_offsets=[0, 28])),
        safetensors(one(data_offsets=[0, HUGE])),
        safetensors(one(data_offsets=[0, 32, 64])),
        safetensors(one(data_offsets=[8, 40]), 40),
        safetensors(one(), 31),
        safetensors(one(), 33),
        safetensors({**one(), "b": one()["a"]}),
        safetensors({**one(), "b": one(data_offsets=[16, 48])["a"]}, 48),
    ],
)
def test_lies_are_refused_at_once(tmp_path: Path, raw: bytes) -> None:
    start_s = time.process_time()
    with pytest.raises(FileRefused, match="was not loaded"):
        check_weights(written(tmp_path, raw))
    assert time.process_time() - start_s < 0.5


def test_only_files_are_read(tmp_path: Path) -> None:
    for path in (tmp_path / "no", tmp_path, Path("/dev/zero")):
        with pytest.raises(FileRefused, match="no such file"):
            check_weights(path)


def test_every_truncation_and_much_noise_is_refused_or_harmless(tmp_path: Path) -> None:
    raw, rng = safetensors(GOOD), random.Random(5)
    for size in range(len(raw)):
        with pytest.raises(FileRefused):
            check_safetensors(written(tmp_path, raw[:size]))
    for _ in range(500):
        noisy = bytearray(raw)
        for _flip in range(rng.randint(1, 8)):
            noisy[rng.randrange(len(noisy))] = rng.randrange(256)
        with contextlib.suppress(FileRefused):
            check_safetensors(written(tmp_path, bytes(noisy)))
