"""Looks at a training before it starts: what it will cost, what the model will see, what looks wrong.

It loads no weights and trains nothing. Time is estimated from the multiplications to be done and from
how fast this machine does them now; memory from what is kept at once.
"""

import os
import time
from collections import Counter
from itertools import chain
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from camel_ext.training.spec import Hyper, PairRow, Split, read_pairs, read_spec
from camel_ext.training.trainer.bases import Opened, compute_dtype, open_base
from camel_ext.training.trainer.encoding import Encoded, Encoding, encode
from camel_ext.training.trainer.events import EventLog
from camel_ext.training.trainer.plan import adapted_layers, check_hyper, planned_steps
from camel_ext.training.trainer.sampling import PairOrder

PROCESS_BYTES = 700_000_000  # Python with torch and TRL, before any model (measured)
OVERHEAD = 1.4  # everything that is no matrix product: 29 % of a step (measured)
START_S = 10.0  # imports, loading the weights, the optimizer (measured)
CONVERT_S = 6.0  # for 100 million parameters (measured)
UNBALANCED = 2.0  # longer than this, and length alone may be what is learnt
FEW_PAIRS = 16
BELOW_BYTES_MAX = 2 * 1024**3  # forward.ACTIVATIONS_BYTES_MAX, whose module takes TRL


def look(job_dir: Path) -> dict[str, Any]:
    """Return what is found, and write it as the folder's `preflight` event.

    Raises: TrainingFailed when the training could not start.
    """
    spec = read_spec(job_dir)
    check_hyper(spec.hyper)
    torch.set_num_threads(spec.threads or os.cpu_count() or 1)
    opened = open_base(spec)
    rows = read_pairs(job_dir)
    encoding = encode(rows, opened.tokenizer, spec.hyper)
    train = encoding.of(Split.TRAIN)
    sizes = Sizes(opened.config, spec.hyper)
    dtype = compute_dtype(spec.hyper.dtype)
    steps = planned_steps(spec.hyper, len(train))
    found = {
        "pairs": len(train),
        "held_out": len(encoding.of(Split.EVAL)),
        "steps": steps,
        "tokens": sum(pair.tokens for pair in train),
        "longest_pair_tokens": max(pair.tokens for pair in train),
        "parameters": sizes.adapter,
        "dtype": str(dtype).removeprefix("torch."),
        "memory_bytes": sizes.memory_bytes(encoding.pairs, dtype),
        "seconds": sizes.seconds(encoding, steps, dtype),
        "first_batch": first_batch(train, opened, spec.hyper),
        "warnings": list(warnings(encoding, rows, spec.hyper)),
    }
    EventLog(job_dir).emit("preflight", **found)
    return found


class Sizes:
    """Counts weights and multiplications of a llama with an adapter."""

    def __init__(self, config: dict[str, Any], hyper: Hyper) -> None:
        self._hyper, self._width = hyper, config["hidden_size"]
        self._layers = config["num_hidden_layers"]
        self._adapted = len(adapted_layers(hyper, self._layers))
        self._inner = config["intermediate_size"]
        self._head = config["vocab_size"] * self._width
        queries = config["num_attention_heads"] * config["head_dim"]
        keys = config["num_key_value_heads"] * config["head_dim"]
        matrices = {
            "q_proj": (self._width, queries),
            "k_proj": (self._width, keys),
            "v_proj": (self._width, keys),
            "o_proj": (queries, self._width),
            "gate_proj": (self._width, self._inner),
            "up_proj": (self._width, self._inner),
            "down_proj": (self._inner, self._width),
        }
        self._layer = sum(rows * columns for rows, columns in matrices.values())
        self.base = self._layer * self._layers + self._head
        self.adapter = self._adapted * sum(
            hyper.lora_r * sum(matrices[name]) for name in hyper.target_modules if name in matrices
        )

    def memory_bytes(self, pairs: list[Encoded], dtype: torch.dtype) -> int:
        """Return about how much memory the training holds at its peak."""
        item = dtype.itemsize
        part = self._hyper.pairs_per_step // self._hyper.grad_accum
        longest = sorted((pair.tokens for pair in pairs), reverse=True)[:part]
        # for the backward pass a layer keeps about 12 rows of its width and 5 of the inner one
        kept = sum(longest) * self._adapted * (12 * self._width + 5 * self._inner) * item
        below = min(sum(pair.tokens for pair in pairs) * self._width * item, BELOW_BYTES_MAX)
        weights = self.base * item + self.adapter * 4 * 4  # weights, gradients, two moments
        return PROCESS_BYTES + weights + kept + below

    def seconds(self, encoding: Encoding, steps: int, dtype: torch.dtype) -> float:
        """Return about how long the training takes on this machine as it is now."""
        tokens = mean(pair.tokens for pair in encoding.pairs)
        replies = mean(len(pair.chosen) + len(pair.rejected) for pair in encoding.pairs)
        above = self._adapted * self._layer + self.adapter
        step = 2 * tokens * above + 2 * replies * self._head  # forward, and back to the inputs
        once = tokens * self._layers * self._layer + replies * self._head
        pairs = steps * self._hyper.pairs_per_step
        work = 2 * (pairs * step + len(encoding.pairs) * once)
        convert = CONVERT_S * self.base / 1e8
        return START_S + convert + OVERHEAD * work / flops_per_s(self._width, self._inner, dtype)


def flops_per_s(width: int, inner: int, dtype: torch.dtype) -> float:
    """Return how fast this machine multiplies now, by doing it for some 50 ms."""
    left, right = torch.ones(512, width, dtype=dtype), torch.ones(width, inner, dtype=dtype)
    torch.mm(left, right)
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < 0.05:
        torch.mm(left, right)
        rounds += 1
    return rounds * 2 * 512 * width * inner / (time.perf_counter() - began)


def first_batch(train: list[Encoded], opened: Opened, hyper: Hyper) -> list[dict[str, Any]]:
    """Return the first pairs as the model reads them, special tokens included.

    Only `chosen` and `rejected` are trained on; `prompt` is only read.
    """
    order = PairOrder(
        [pair.tokens for pair in train],
        seed=hyper.seed,
        pairs_per_step=hyper.pairs_per_step,
        bucketing=hyper.length_bucketing,
    )
    shown = []
    for number in list(order)[: hyper.pairs_per_step]:
        pair = train[number]
        parts = {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected}
        texts = {name: opened.tokenizer.decode(ids) for name, ids in parts.items()}
        lengths = {f"{name}_tokens": len(ids) for name, ids in parts.items()}
        shown.append({"pair_hash": pair.pair_hash, **texts, **lengths})
    return shown


def warnings(encoding: Encoding, rows: list[PairRow], hyper: Hyper) -> list[dict[str, str]]:
    """Return what looks wrong with the pairs, each as code and words."""
    train = encoding.of(Split.TRAIN)
    found = {
        reason: f"{count} of {len(rows)} pairs are left out."
        for reason, count in encoding.dropped.items()
    }
    if encoding.truncated:
        found["truncated"] = (
            f"{encoding.truncated} answers are cut at {hyper.max_length} tokens: their ends are not "
            "learnt. Raise max_length."
        )
    chosen, rejected = (
        mean(len(pair.chosen) for pair in train),
        mean(len(pair.rejected) for pair in train),
    )
    if max(chosen, rejected) > UNBALANCED * min(chosen, rejected):
        found["length_imbalance"] = (
            f"Chosen answers have {chosen:.0f} tokens on average and rejected ones {rejected:.0f}: "
            "length alone may be what is learnt. Balance it, unless length is what you judge."
        )
    if len(train) < FEW_PAIRS:
        found["few_pairs"] = f"{len(train)} pairs are few: expect them to be learnt by heart."
    repeated = Counter(chain.from_iterable((pair.chosen, pair.rejected) for pair in train))
    copies = sum(count - 1 for count in repeated.values())
    if copies > len(train) // 2:
        found["repeated_texts"] = f"{copies} answers are copies of others: they teach little new."
    if not encoding.of(Split.EVAL):
        found["nothing_held_out"] = "No pair is held out, so overfitting will not be seen."
    return [{"code": code, "words": words} for code, words in found.items()]
