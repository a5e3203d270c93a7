"""What the base itself says of each answer: computed once, and kept for every later training.

A loop that retrains on overlapping data asks for the same numbers again and again. They are kept by
the tokens they were computed for, in a file for each way of computing, so that a cached number is the
very one that would be computed now. Losing the file costs time, nothing else.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import torch

from camel_ext.training.trainer.failures import disk_full_named
from camel_ext.training.trainer.layout import Ids

FORWARD = 2  # raise it when our forward pass rounds differently than before


class _Line(msgspec.Struct):
    key: str
    logps: list[float]


def reference_file(cache_dir: Path, base_sha256: str, dtype: torch.dtype) -> Path:
    """Return the file of all numbers that are computed in this very way, to the last bit."""
    way = f"{str(dtype).removeprefix('torch.')}-torch{torch.__version__}-{torch.get_num_threads()}"
    return cache_dir / "reference" / f"{base_sha256}-{way}-{FORWARD}.jsonl"


class ReferenceCache:
    """Log-probabilities of replies by the base; `path` None keeps them in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known = dict(_read(path)) if path else {}
        self.hits = self.misses = 0

    def logps(
        self, prompt: Ids, replies: Sequence[Ids], compute: Callable[[], list[float]]
    ) -> list[float]:
        """Return the log-probability of each reply, from the cache or by computing it now."""
        key = _key(prompt, replies)
        if key in self._known:
            self.hits += 1
            return self._known[key]
        self.misses += 1
        found = self._known[key] = compute()
        if self._path:
            self._append(self._path, _Line(key, found))
        return found

    def _append(self, path: Path, line: _Line) -> None:
        with disk_full_named("the reference log-probabilities", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab", buffering=0) as file:  # one write a line: others may append, too
                file.write(b"\n" + msgspec.json.encode(line) + b"\n")


def _key(prompt: Ids, replies: Sequence[Ids]) -> str:
    digest = hashlib.sha256()
    for ids in (prompt, *replies):
        digest.update(struct.pack(f"<Q{len(ids)}I", len(ids), *ids))
    return digest.hexdigest()


def _read(path: Path) -> dict[str, list[float]]:
    """Return all whole lines; a torn one is one that was not written."""
    found: dict[str, list[float]] = {}
    if not path.exists():
        return found
    for raw in path.read_bytes().splitlines():
        try:
            line = msgspec.json.decode(raw, type=_Line)
        except msgspec.DecodeError:
            continue
        found[line.key] = line.logps
    return found
