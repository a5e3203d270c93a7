"""Opens a base model for training: its folder, its tokenizer, its frozen weights."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from camel_ext.training.spec import Precision, TrainingSpec
from camel_ext.training.trainer.convert import ROPE_FACTORS, converted_base
from camel_ext.training.trainer.failures import TrainingFailed

WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Opened:
    """A converted base of which no weights are loaded yet."""

    folder: Path
    config: dict[str, Any]
    tokenizer: PreTrainedTokenizerFast


def open_base(spec: TrainingSpec) -> Opened:
    """Return the base of a spec, converted now if it was not before.

    Raises: TrainingFailed when it is missing, wrong, or cannot read texts of that length.
    """
    folder = converted_base(spec.base, Path(spec.cache_dir))
    config: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
    context, wanted = config["max_position_embeddings"], spec.hyper.max_length
    if wanted > context:
        raise TrainingFailed(
            "longer_than_context",
            f"max_length is {wanted}, and {spec.base.name} reads {context} tokens at most.",
            f"Set max_length to {context} or less.",
        )
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    return Opened(folder, config, tokenizer)


def load_weights(opened: Opened, dtype: torch.dtype) -> LlamaForCausalLM:
    """Return the model with its weights, frozen."""
    base: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(
        opened.folder, local_files_only=True, use_safetensors=True, dtype=dtype
    )
    with safe_open(opened.folder / WEIGHTS, "pt") as file:
        if ROPE_FACTORS in file.keys():  # noqa: SIM118 - it is no dict
            base.model.rotary_emb.inv_freq /= file.get_tensor(ROPE_FACTORS)
    return base.requires_grad_(False)


def compute_dtype(precision: Precision) -> torch.dtype:
    """Return in what the model computes on this machine."""
    if precision is Precision.AUTO:
        tiles: bool = torch.cpu._is_amx_tile_supported()
        return torch.bfloat16 if tiles else torch.float32
    return torch.bfloat16 if precision is Precision.BF16 else torch.float32
