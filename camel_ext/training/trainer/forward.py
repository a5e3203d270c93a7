"""Our forward pass of a llama for preferences: packed, and only where something can change.

TRL calls the model as it always does and gets the per-token log-probabilities back in its own grid,
so its losses and metrics stay its own. What differs is what is computed for them:

- each prompt once, for both of its replies, and no padding (`layout`);
- the layers below the adapter never change, so what leaves them is computed once for each pair and
  kept, also for the reference (`Activations`);
- the head only for tokens of replies (`head`).

It is for training and scoring; it never generates.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface, LlamaForCausalLM
from trl.trainer.utils import FusedCausalLMOutput

from camel_ext.training.trainer.head import Head
from camel_ext.training.trainer.layout import Ids, Layout, Unit, layout_of, pack

ATTENTION = "camel_ext_units"
ACTIVATIONS_BYTES_MAX = 2 * 1024**3  # pairs beyond it are computed anew in every update


def _attend(
    _module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    *,
    scaling: float,
    layout: Layout,
    **_options: Any,
) -> tuple[Tensor, None]:
    """Attend within each unit by itself.

    Shapes: query (1, heads, T, head_dim), key and value (1, fewer heads, T, head_dim).
    """
    sizes = [len(unit) for unit in layout.units]
    queries, keys, values = (part.split(sizes, dim=2) for part in (query, key, value))
    attended = [
        functional.scaled_dot_product_attention(
            q, k, v, attn_mask=unit.mask.to(q.dtype), scale=scaling, enable_gqa=True
        )
        for unit, q, k, v in zip(layout.units, queries, keys, values, strict=True)
    ]
    return torch.cat(attended, dim=2).transpose(1, 2), None


AttentionInterface.register(ATTENTION, _attend)


class Activations:
    """What leaves the frozen layers, kept for each prompt and reply while memory lasts.

    Every value is computed by the pair it first came with, alone, so that it does not depend on the
    batch (matrix products round differently in other company): a resumed training finds the same.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._kept: dict[tuple[Ids, Ids | None], Tensor] = {}
        self._left = budget_bytes

    def of(self, unit: Unit, compute: Callable[[Unit], Tensor]) -> Tensor:
        """Return the unit's activations in packed order."""
        keys = [(unit.prompt, None), *((unit.prompt, reply) for reply in unit.replies)]
        if all(key in self._kept for key in keys):
            return torch.cat([self._kept[key] for key in keys])
        found = compute(unit)
        sizes = [len(unit.prompt), *map(len, unit.replies)]
        for key, piece in zip(keys, found.split(sizes), strict=True):
            self._keep(key, piece)
        return found

    def _keep(self, key: tuple[Ids, Ids | None], piece: Tensor) -> None:
        size = piece.numel() * piece.element_size()
        if key not in self._kept and size <= self._left:
            self._left -= size
            self._kept[key] = piece.clone()


class PairForward:
    """The forward pass of one base model, with or without an adapter on its upper layers."""

    def __init__(self, base: LlamaForCausalLM, first: int, budget_bytes: int) -> None:
        """Take the base; layers below `first` bear no adapter."""
        self._base, self._first = base, first
        self._activations = Activations(budget_bytes)
        self._head = Head(base.lm_head.weight)
        self.tokens = 0  # computed so far, each prompt once
        self.last_logps = torch.zeros(0)  # of the last call's rows, without gradient
        base.config._attn_implementation = ATTENTION

    def replace(self) -> None:
        """Let the base answer TRL's calls by this pass."""
        self._base.forward = self.__call__

    def __call__(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
        *,
        fused_lm_head: bool = True,
        use_cache: bool = False,
        **_options: Any,
    ) -> FusedCausalLMOutput:
        """Return what TRL's fused head returns; the metrics that cost a pass are left out."""
        assert fused_lm_head
        assert not use_cache
        layout = layout_of(input_ids, attention_mask, labels)
        logps, hits = self._predict(layout)
        grid = logps.new_zeros(input_ids.shape[0], input_ids.shape[1] - 1)
        log_probs = grid.index_put((layout.row, layout.column), logps)
        top = torch.zeros_like(grid, dtype=torch.bool)
        top[layout.row, layout.column] = hits
        self.last_logps = log_probs.detach().sum(dim=1)
        return FusedCausalLMOutput(log_probs=log_probs, entropy=grid, mean_logits=grid, is_top1=top)

    def prepare(self, prompt: Ids, replies: Iterable[Ids]) -> None:
        """Compute and keep what leaves the frozen layers for a pair by itself."""
        if self._first:
            self._activations.of(Unit(prompt, tuple(replies)), self._below)

    @torch.no_grad()
    def score(self, prompt: Ids, replies: Iterable[Ids]) -> list[float]:
        """Return the log-probability of each reply by the model as it is now, with no other company.

        Units: nats, summed over the reply's tokens.
        """
        rows = [(prompt, reply) for reply in replies]
        layout = pack(rows)
        logps, _ = self._predict(layout)
        sums = torch.zeros(len(rows)).index_add_(0, layout.row, logps)
        found: list[float] = sums.tolist()
        return found

    def _predict(self, layout: Layout) -> tuple[Tensor, Tensor]:
        self.tokens += len(layout.ids)
        model = self._base.model
        hidden = self._through(self._entering(layout), layout, self._first, len(model.layers))
        predicting = model.norm(hidden[0, layout.source])
        return self._head.log_probs(predicting, layout.target)

    def _entering(self, layout: Layout) -> Tensor:
        """Return what enters the first adapted layer. Shapes: (1, T, width)."""
        if not self._first:
            return self._base.model.embed_tokens(layout.ids)[None]
        return torch.cat([self._activations.of(u, self._below) for u in layout.units])[None]

    @torch.no_grad()
    def _below(self, unit: Unit) -> Tensor:
        """Return what leaves the frozen layers for one unit. Shapes: (tokens, width)."""
        layout = pack([(unit.prompt, reply) for reply in unit.replies])
        hidden = self._base.model.embed_tokens(layout.ids)[None]
        return self._through(hidden, layout, 0, self._first)[0]

    def _through(self, hidden: Tensor, layout: Layout, first: int, last: int) -> Tensor:
        model, positions = self._base.model, layout.positions[None]
        rotary = model.rotary_emb(hidden, position_ids=positions)
        for layer in model.layers[first:last]:
            hidden = layer(
                hidden, position_ids=positions, position_embeddings=rotary, layout=layout
            )
        return hidden
