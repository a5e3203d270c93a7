"""The log-probability of each reply token, without keeping the logits.

The gradient with respect to the hidden states is known as soon as the probabilities are: it is
computed in the same pass and only scaled later, so that no logits are kept or computed again (TRL's
fused head computes them twice, and on a CPU for the prompt's tokens too). It assumes a frozen head.
"""

from typing import Any

import torch
from torch import Tensor

LOGITS_BYTES = 32 * 1024 * 1024  # of one chunk: about what the caches of a core can hold


class _ReplyLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, target: Tensor, size: int, keep: bool
    ) -> tuple[Tensor, Tensor]:
        logps, tops = hidden.new_empty(len(hidden), dtype=torch.float32), torch.empty_like(target)
        gradient = torch.empty_like(hidden) if keep else None
        for start in range(0, len(hidden), size):
            rows = slice(start, start + size)
            wanted = target[rows, None]
            logits = (hidden[rows] @ weight.T).float()
            most, tops[rows] = logits.max(dim=-1)
            reached = logits.gather(-1, wanted)[:, 0] - most
            odds = logits.sub_(most[:, None]).exp_()
            total = odds.sum(dim=-1)
            logps[rows] = reached - total.log()
            if gradient is not None:
                expected = (odds.to(weight.dtype) @ weight) / total[:, None].to(weight.dtype)
                gradient[rows] = weight[wanted[:, 0]] - expected
        if gradient is not None:
            ctx.save_for_backward(gradient)
        hits = tops == target
        ctx.mark_non_differentiable(hits)
        return logps, hits

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * grads[0][:, None].to(gradient.dtype), None, None, None, None


def reply_log_probs(
    hidden: Tensor, weight: Tensor, target: Tensor, logits_bytes: int = LOGITS_BYTES
) -> tuple[Tensor, Tensor]:
    """Return each target's log-probability, and whether it is the likeliest token.

    Shapes: hidden (N, width), weight (vocabulary, width), target (N,); returns (N,) and (N,).
    Units: nats, in fp32.
    """
    size = max(1, logits_bytes // (4 * weight.shape[0]))
    keep = torch.is_grad_enabled() and hidden.requires_grad
    found: tuple[Tensor, Tensor] = _ReplyLogProbs.apply(hidden, weight, target, size, keep)
    return found
