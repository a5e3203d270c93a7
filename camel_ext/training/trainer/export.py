"""Writes the adapter: as PEFT reads it, and as a GGUF LoRA for the local engine.

What llama.cpp cannot express is refused, never dropped: DoRA, ranks that differ from layer to layer,
modules saved whole, a bias, layers of other names.
Source: llama.cpp, convert_lora_to_gguf.py and src/llama-adapter.cpp (scale = alpha / rank).
"""

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter
from peft import LoraConfig, PeftModel, get_peft_model_state_dict
from safetensors.numpy import load_file
from safetensors.torch import save_file

from camel_ext.training.files import check_safetensors
from camel_ext.training.trainer.convert import LAYER_NAMES, permuted
from camel_ext.training.trainer.failures import TrainingFailed, disk_full_named

WEIGHTS, CONFIG, GGUF = "adapter_model.safetensors", "adapter_config.json", "adapter.gguf"
GGUF_NAMES = {theirs: ours for ours, theirs in LAYER_NAMES.items()}
PREFIX = "base_model.model.model.layers."


def save_adapter(model: PeftModel, lora: LoraConfig, base_name: str, folder: Path) -> None:
    """Write the adapter as PEFT's `from_pretrained` reads it; equal adapters give equal bytes."""
    with disk_full_named("the adapter", folder):
        folder.mkdir(parents=True, exist_ok=True)
        tensors = get_peft_model_state_dict(model)
        save_file({name: tensors[name].contiguous() for name in sorted(tensors)}, folder / WEIGHTS)
        said = {**lora.to_dict(), "base_model_name_or_path": base_name, "inference_mode": True}
        (folder / CONFIG).write_text(json.dumps(said, indent=2, sort_keys=True, default=sorted))


def export_gguf(folder: Path, base_config: dict[str, Any], name: str) -> Path:
    """Write `adapter.gguf` (F16) beside the two files of PEFT's form and return its path.

    Raises: TrainingFailed when llama.cpp cannot express the adapter, or it is of another base.
    """
    said = json.loads((folder / CONFIG).read_bytes())
    _check_expressible(said)
    check_safetensors(folder / WEIGHTS)
    heads = {
        "attn_q": base_config["num_attention_heads"],
        "attn_k": base_config["num_key_value_heads"],
    }
    path = folder / GGUF
    part = path.with_suffix(".part")
    with disk_full_named("the adapter's GGUF", folder):
        writer = GGUFWriter(part, "llama")
        writer.add_type("adapter")
        writer.add_name(name)
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", _alpha(said))
        for key, matrix in sorted(load_file(folder / WEIGHTS).items()):
            target, kind, side = _place(key, matrix.shape, base_config)
            if side == "lora_b" and kind in heads:
                matrix = permuted(matrix, heads[kind])
            writer.add_tensor(f"{target}.weight.{side}", np.ascontiguousarray(matrix, np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    return path


def _alpha(said: dict[str, Any]) -> float:
    """Return the alpha that gives PEFT's scale when it is divided by the rank."""
    alpha, rank = float(said["lora_alpha"]), said["r"]
    return alpha * math.sqrt(rank) if said.get("use_rslora") else alpha


def _check_expressible(said: dict[str, Any]) -> None:
    wrong = [
        words
        for key, words in {
            "use_dora": "DoRA",
            "rank_pattern": "ranks that differ between layers",
            "alpha_pattern": "alphas that differ between layers",
            "modules_to_save": "modules that are saved whole",
            "lora_bias": "biases in the adapter",
            "layer_replication": "replicated layers",
            "trainable_token_indices": "trained tokens",
        }.items()
        if said.get(key)
    ]
    if said.get("bias", "none") != "none":
        wrong.append("trained biases")
    if said.get("peft_type") != "LORA":
        wrong.append(f"an adapter of kind {said.get('peft_type')}")
    if wrong:
        raise TrainingFailed(
            "adapter_inexpressible",
            f"The local engine cannot express {', '.join(wrong)}, so there is no GGUF of this adapter.",
            "Train a plain LoRA, or serve the safetensors with an engine that knows it.",
        )


def _place(key: str, shape: tuple[int, ...], base_config: dict[str, Any]) -> tuple[str, str, str]:
    """Return llama.cpp's name of the adapted matrix, its kind, and the side of the product."""
    match key.removeprefix(PREFIX).split("."):
        case [number, part, module, ("lora_A" | "lora_B") as side, "weight"] if (
            key.startswith(PREFIX)
            and number.isdigit()
            and (kind := GGUF_NAMES.get(f"{part}.{module}")) is not None
        ):
            if (
                int(number) >= base_config["num_hidden_layers"]
                or _width(kind, side, base_config) not in shape
            ):
                raise _other_base(key)
            return f"blk.{number}.{kind}", kind, side.lower()
    raise TrainingFailed(
        "adapter_inexpressible",
        f"The adapter has a matrix {key[:80]!r}, which the local engine has no place for.",
        "Adapt the linear layers of attention and feed-forward only.",
    )


def _width(kind: str, side: str, base: dict[str, Any]) -> int:
    """Return the width of the base at this side of an adapted matrix."""
    hidden, inner = base["hidden_size"], base["intermediate_size"]
    queries = base["num_attention_heads"] * base["head_dim"]
    keys = base["num_key_value_heads"] * base["head_dim"]
    ins = {"attn_output": queries, "ffn_down": inner}
    outs = {
        "attn_q": queries,
        "attn_k": keys,
        "attn_v": keys,
        "ffn_gate": inner,
        "ffn_up": inner,
    }
    width: int = (ins if side == "lora_A" else outs).get(kind, hidden)
    return width


def _other_base(key: str) -> TrainingFailed:
    return TrainingFailed(
        "adapter_of_another_base",
        f"The adapter's matrix {key[:80]!r} does not fit this base.",
        "Export it with the base it was trained on.",
    )
