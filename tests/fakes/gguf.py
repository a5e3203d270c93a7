"""Writes small GGUF files: good ones, and the pieces to make wicked ones.

Only what the tests need: scalar and string fields, F32 tensors. It is not a converter.
"""

import random
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ALIGNMENT = 32


@dataclass(frozen=True)
class Tensor:
    """An F32 tensor; `shape` in ggml's order, the fastest dimension first."""

    shape: Sequence[int]
    values: Sequence[float]


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def entry(name: str, value: str | float | int) -> bytes:
    if isinstance(value, str):
        return text(name) + struct.pack("<I", 8) + text(value)
    if isinstance(value, float):
        return text(name) + struct.pack("<If", 6, value)
    return text(name) + struct.pack("<II", 4, value)


def gguf_bytes(
    fields: Mapping[str, str | float | int], tensors: Mapping[str, Tensor] | None = None
) -> bytes:
    """Return a GGUF, version 3."""
    tensors = tensors or {}
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields))
    head += b"".join(entry(name, value) for name, value in fields.items())
    data = b""
    for name, tensor in tensors.items():
        head += text(name) + struct.pack("<I", len(tensor.shape))
        head += struct.pack(f"<{len(tensor.shape)}Q", *tensor.shape)
        head += struct.pack("<IQ", 0, len(data))
        data += _padded(struct.pack(f"<{len(tensor.values)}f", *tensor.values))
    return _padded(head) + data


def write_random_lora(path: Path, *, seed: int, strength: float, rank: int = 4) -> Path:
    """Write a LoRA for SmolLM2-135M that turns the attention of six layers at random."""
    rng, width = random.Random(seed), 576
    tensors = {}
    for layer in range(10, 16):
        base = f"blk.{layer}.attn_output.weight"
        a = [rng.gauss(0, strength) for _ in range(width * rank)]
        b = [rng.gauss(0, strength) for _ in range(rank * width)]
        tensors[f"{base}.lora_a"] = Tensor((width, rank), a)
        tensors[f"{base}.lora_b"] = Tensor((rank, width), b)
    fields: dict[str, str | float | int] = {
        "general.architecture": "llama",
        "general.type": "adapter",
        "adapter.type": "lora",
        "adapter.lora.alpha": float(rank),
    }
    path.write_bytes(gguf_bytes(fields, tensors))
    return path


def _padded(raw: bytes) -> bytes:
    return raw + b"\0" * (-len(raw) % ALIGNMENT)
