"""Turns a base model's GGUF into what torch loads: safetensors, a config and a tokenizer.

Done once for each base and kept by its sha256, because it takes seconds and the result is always the
same: the weights are bit-equal to those of transformers' own GGUF loader, which takes four times as
long and gives a model that cannot be saved or trained. It knows the llama architecture and no other,
and refuses what it does not know rather than train on something else than the engine serves.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.torch import save_file

from camel_ext.training.files import FileRefused, check_gguf
from camel_ext.training.spec import Base
from camel_ext.training.trainer.failures import TrainingFailed, disk_full_named
from camel_ext.training.trainer.tokenizer import build_tokenizer

CONVERTER = 1  # part of the folder's name: raise it when the same GGUF would convert differently
ARCHITECTURE = "llama"
ROPE_FACTORS = "rope_factors"

LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
TOP_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


def converted_base(base: Base, cache_dir: Path) -> Path:
    """Return the folder with the converted base, made now if it is not there yet.

    Raises: TrainingFailed when the file is missing, another one, hostile, or of an unknown kind.
    """
    folder = cache_dir / "bases" / f"{base.sha256}-{CONVERTER}"
    if folder.is_dir():
        return folder
    path = _checked(base)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with disk_full_named("the converted base model", folder.parent):
        part = Path(tempfile.mkdtemp(prefix=".convert-", dir=folder.parent))
        try:
            _convert(path, part)
            _settle(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder


def permuted(rows: np.ndarray, heads: int) -> np.ndarray:
    """Return the rows of a q or k matrix in llama.cpp's interleaved rotary order.

    Shapes: rows (heads * head_dim, n); returns the same.
    Source: LlamaModel.permute in llama.cpp's convert_hf_to_gguf.py.
    """
    pairs = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return pairs.swapaxes(1, 2).reshape(rows.shape)


def unpermuted(rows: np.ndarray, heads: int) -> np.ndarray:
    """Return the rows of a q or k matrix in torch's half-split rotary order: `permuted` undone."""
    pairs = rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:])
    return pairs.swapaxes(1, 2).reshape(rows.shape)


def _checked(base: Base) -> Path:
    """Return the path of the base after its header and all of its bytes were checked."""
    path = Path(base.gguf_path)
    try:
        header = check_gguf(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileRefused as error:
        raise TrainingFailed(
            "base_refused" if path.exists() else "base_missing",
            error.detail,
            f"Bring the file of {base.name} back, or train on another base.",
        ) from error
    if digest != base.sha256:
        raise TrainingFailed(
            "base_changed",
            f"{path} has sha256 {digest}, and {base.name} is registered as {base.sha256}.",
            "Register the file you mean as a model of its own, and train on that.",
        )
    if header.architecture != ARCHITECTURE or header.kind != "model":
        raise _unsupported(f"{base.name} is a {header.kind} of architecture {header.architecture}")
    return path


def _unsupported(what: str) -> TrainingFailed:
    return TrainingFailed(
        "base_unsupported",
        f"{what}, which this trainer cannot convert.",
        "Train on a GGUF of the llama architecture (SmolLM2, Llama, Mistral, TinyLlama and their kin).",
    )


def _convert(path: Path, folder: Path) -> None:
    reader = GGUFReader(path)
    fields = _Fields(reader)
    config = _config(
        fields, tied=not any(tensor.name == "output.weight" for tensor in reader.tensors)
    )
    shapes = {_torch_name(each.name)[0]: _shape(each) for each in reader.tensors}
    _check_shapes(shapes, config)
    tensors = dict(_tensors(reader, config))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True))
    build_tokenizer(fields.all()).save_pretrained(folder)


class _Fields:
    """The key-value part of a GGUF, as Python values."""

    def __init__(self, reader: GGUFReader) -> None:
        self._fields = reader.fields

    def get(self, key: str, default: Any = None) -> Any:
        field = self._fields.get(key)
        return default if field is None else field.contents()

    def need(self, key: str) -> Any:
        value = self.get(key)
        if value is None:
            raise _unsupported(f"The base's GGUF does not say {key}")
        return value

    def count(self, key: str, default: int | None = None) -> int:
        """Return a size of the architecture."""
        key = f"{ARCHITECTURE}.{key}"
        value = self.need(key) if default is None else self.get(key, default)
        if not isinstance(value, int) or value < 1:
            raise _unsupported(f"The base says {key} = {str(value)[:40]}")
        return value

    def all(self) -> dict[str, Any]:
        """Return the tokenizer's fields, arrays included."""
        return {
            key: field.contents()
            for key, field in self._fields.items()
            if key.startswith("tokenizer.")
        }


def _config(fields: _Fields, *, tied: bool) -> dict[str, Any]:
    """Return transformers' LlamaConfig as plain values."""
    if (scaling := fields.get("llama.rope.scaling.type")) not in {None, "none"}:
        raise _unsupported(f"The base stretches its positions ({scaling})")
    heads, width = fields.count("attention.head_count"), fields.count("embedding_length")
    tokens = fields.need("tokenizer.ggml.tokens")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "vocab_size": len(tokens),
        "hidden_size": width,
        "intermediate_size": fields.count("feed_forward_length"),
        "num_hidden_layers": fields.count("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": fields.count("attention.head_count_kv", heads),
        "head_dim": fields.count("rope.dimension_count", width // heads),
        "max_position_embeddings": fields.count("context_length"),
        "rms_norm_eps": fields.need("llama.attention.layer_norm_rms_epsilon"),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": fields.get("llama.rope.freq_base", 10_000.0),
        },
        "tie_word_embeddings": tied,
        "bos_token_id": fields.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": fields.get("tokenizer.ggml.eos_token_id"),
        "dtype": "float32",
    }


def _tensors(reader: GGUFReader, config: dict[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for tensor in reader.tensors:
        name, kind = _torch_name(tensor.name)
        weights = dequantize(tensor.data, tensor.tensor_type)
        if kind in heads:
            weights = unpermuted(weights, heads[kind])
        yield name, torch.from_numpy(np.array(weights, dtype=np.float32, order="C"))


def _shape(tensor: Any) -> tuple[int, ...]:
    """Return a tensor's shape in torch's order; ggml has the fastest dimension first."""
    return tuple(int(size) for size in reversed(tensor.shape))


def _check_shapes(found: dict[str, tuple[int, ...]], config: dict[str, Any]) -> None:
    """Refuse a base that is not whole: what is missing would be made up at random."""
    width, inner, layers = (
        config[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers")
    )
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    head = (config["vocab_size"], width)
    expected = {"model.embed_tokens.weight": head, "model.norm.weight": (width,)}
    if not config["tie_word_embeddings"]:
        expected["lm_head.weight"] = head
    if ROPE_FACTORS in found:
        expected[ROPE_FACTORS] = (config["head_dim"] // 2,)
    shapes = {
        "attn_norm": (width,),
        "attn_q": (queries, width),
        "attn_k": (keys, width),
        "attn_v": (keys, width),
        "attn_output": (width, queries),
        "ffn_norm": (width,),
        "ffn_gate": (inner, width),
        "ffn_up": (inner, width),
        "ffn_down": (width, inner),
    }
    if len(found) != len(expected) + layers * len(shapes):
        raise _unsupported(f"The base has {len(found)} tensors, which are not its {layers} layers")
    for number in range(layers):
        for kind, shape in shapes.items():
            expected[f"model.layers.{number}.{LAYER_NAMES[kind]}.weight"] = shape
    if wrong := sorted(name for name in expected if found.get(name) != expected[name]):
        raise _unsupported(f"The base's {wrong[0]} has the shape {found.get(wrong[0])}")


def _torch_name(name: str) -> tuple[str, str]:
    """Return transformers' name of a tensor, and what it is within its layer."""
    if name in TOP_NAMES:
        return TOP_NAMES[name], ""
    if name == "rope_freqs.weight":
        return ROPE_FACTORS, ""
    match name.split("."):
        case ["blk", number, kind, "weight"] if kind in LAYER_NAMES:
            return f"model.layers.{number}.{LAYER_NAMES[kind]}.weight", kind
    raise _unsupported(f"The base has a tensor {name[:60]!r}")


def _settle(part: Path, folder: Path) -> None:
    """Put the finished folder in its place; whoever came first wins, and both are equal."""
    for path in part.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    try:
        part.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
