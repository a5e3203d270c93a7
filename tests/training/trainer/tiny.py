"""A llama so small that training it takes a second: random weights, every byte a token.

It is written as the GGUF that llama.cpp and the converter read. It knows nothing and is for tests only.
Bytes that are no text by themselves have no embedding, so that it never says them: llama.cpp tells
nothing of the tokens of a broken character.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter, TokenType

from camel_ext.training.spec import Base

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MERGES = ("h e", "l l", "he ll", "Ġ t", "Ġt he", "i n", "1 2")


@dataclass(frozen=True)
class Shape:
    """The size of a tiny llama."""

    layers: int = 3
    width: int = 64
    heads: int = 4
    kv_heads: int = 2
    inner: int = 96
    context: int = 512
    tied: bool = True
    rope_factors: bool = False
    cut: str = "smollm"
    template: str | None = TEMPLATE
    architecture: str = "llama"

    @property
    def head_width(self) -> int:
        return self.width // self.heads


def write_tiny(path: Path, shape: Shape = Shape(), seed: int = 0) -> Base:
    """Write the GGUF and return what a spec says of it."""
    writer = GGUFWriter(path, shape.architecture)
    _write_fields(writer, shape)
    for name, matrix in _weights(shape, seed):
        writer.add_tensor(name, matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return Base(gguf_path=str(path), sha256=sha256_of(path), name="tiny")


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tokens() -> list[str]:
    """Return the vocabulary: what each byte is written as, the merges, the special ones."""
    return [*SPECIAL, *_bytes_as_text(), *(merge.replace(" ", "") for merge in MERGES)]


def _bytes_as_text() -> list[str]:
    """Return GPT-2's spelling of the 256 bytes."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


def _is_text(token: str) -> bool:
    return token.isascii() and token not in SPECIAL


def _write_fields(writer: GGUFWriter, shape: Shape) -> None:
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_vocab_size(len(tokens()))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(shape.cut)
    writer.add_token_list(tokens())
    kinds = [TokenType.CONTROL] * len(SPECIAL)
    writer.add_token_types(kinds + [TokenType.NORMAL] * (len(tokens()) - len(SPECIAL)))
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(False)
    if shape.template is not None:
        writer.add_chat_template(shape.template)


def _weights(shape: Shape, seed: int) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    rng = np.random.default_rng(seed)

    def matrix(rows: int, columns: int) -> np.ndarray[Any, Any]:
        return rng.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)

    def norm() -> np.ndarray[Any, Any]:
        return rng.uniform(0.8, 1.2, shape.width).astype(np.float32)

    queries, keys = shape.width, shape.kv_heads * shape.head_width
    silent = [number for number, token in enumerate(tokens()) if not _is_text(token)]
    embedding = matrix(len(tokens()), shape.width) * 3
    embedding[silent] = 0
    yield "token_embd.weight", embedding
    for layer in range(shape.layers):
        yield f"blk.{layer}.attn_norm.weight", norm()
        yield f"blk.{layer}.attn_q.weight", matrix(queries, shape.width)
        yield f"blk.{layer}.attn_k.weight", matrix(keys, shape.width)
        yield f"blk.{layer}.attn_v.weight", matrix(keys, shape.width)
        yield f"blk.{layer}.attn_output.weight", matrix(shape.width, queries)
        yield f"blk.{layer}.ffn_norm.weight", norm()
        yield f"blk.{layer}.ffn_gate.weight", matrix(shape.inner, shape.width)
        yield f"blk.{layer}.ffn_up.weight", matrix(shape.inner, shape.width)
        yield f"blk.{layer}.ffn_down.weight", matrix(shape.width, shape.inner)
    yield "output_norm.weight", norm()
    if not shape.tied:
        head = matrix(len(tokens()), shape.width) * 3
        head[silent] = 0
        yield "output.weight", head
    if shape.rope_factors:
        yield "rope_freqs.weight", np.linspace(1, 4, shape.head_width // 2).astype(np.float32)
