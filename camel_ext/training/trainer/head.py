"""The log-probability of each reply token, without keeping the logits.

The gradient with respect to the hidden states is known as soon as the probabilities are: it is
computed in the same pass and only scaled later, so that no logits are kept or computed again (TRL's
fused head computes them twice, and on a CPU for the prompt's tokens too). It assumes a frozen head.
"""

from typing import Any

import torch
from torch import Tensor

LOGITS_BYTES = 32 * 1024 * 1024  # of one chunk


class Head:
    """The last matrix of a model; its logits pass through one buffer, chunk by chunk.

    The buffer is kept: to take 32 MB anew for each chunk cost a fifth of the product (page faults).
    """

    def __init__(self, weight: Tensor, logits_bytes: int = LOGITS_BYTES) -> None:
        rows = max(1, logits_bytes // (weight.shape[0] * weight.element_size()))
        self._weight, self._buffer = weight, weight.new_empty(rows, weight.shape[0])

    def log_probs(self, hidden: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return each target's log-probability, and whether no token is likelier.

        Shapes: hidden (N, width), target (N,); returns (N,) and (N,).
        Units: nats, in fp32.
        """
        hidden = hidden.to(self._weight.dtype)
        keep = torch.is_grad_enabled() and hidden.requires_grad
        found: tuple[Tensor, Tensor] = _LogProbs.apply(
            hidden, self._weight, target, self._buffer, keep
        )
        return found


class _LogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, target: Tensor, buffer: Tensor, keep: bool
    ) -> tuple[Tensor, Tensor]:
        logps = hidden.new_empty(len(hidden), dtype=torch.float32)
        hits = torch.empty_like(target, dtype=torch.bool)
        gradient = torch.empty_like(hidden) if keep else None
        for start in range(0, len(hidden), len(buffer)):
            rows = slice(start, start + len(buffer))
            wanted = target[rows, None]
            logits = torch.mm(hidden[rows], weight.T, out=buffer[: len(wanted)])
            most = logits.amax(dim=-1, keepdim=True)
            reached = logits.gather(-1, wanted) - most
            hits[rows] = reached[:, 0] == 0
            odds = logits.sub_(most).exp_()
            total = odds.sum(dim=-1, keepdim=True, dtype=torch.float32)
            logps[rows] = (reached.float() - total.log())[:, 0]
            if gradient is not None:
                expected = torch.mm(odds, weight, out=gradient[rows])
                expected.div_(-total).add_(weight[wanted[:, 0]])
        if gradient is not None:
            ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(hits)
        return logps, hits

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * grads[0][:, None].to(gradient.dtype), None, None, None, None
