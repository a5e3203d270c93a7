"""A LoRA layer's product in as few passes over memory as it takes.

PEFT computes `base(x) + B(A(x)) * scale` as three tensors of the layer's width, and autograd as many
on the way back. Here the small product is added into the large one. PEFT keeps the weights, their names
and everything else; with dropout, in bf16 or with the adapter off, its own forward pass runs.
"""

from collections.abc import Callable
from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor, nn


class _LoraProduct(torch.autograd.Function):
    """`x W' + scale (x A') B'` with W frozen. Shapes: x (N, in), W (out, in), A (r, in), B (out, r)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, a: Tensor, b: Tensor, scale: float) -> Tensor:
        inner = x @ a.T
        ctx.save_for_backward(x, weight, a, b, inner)
        ctx.scale = scale
        return torch.mm(x, weight.T).addmm_(inner, b.T, alpha=scale)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, None, Tensor, Tensor, None]:
        x, weight, a, b, inner = ctx.saved_tensors
        (outer,) = grads
        back = (outer @ b).mul_(ctx.scale)
        to_x = torch.mm(outer, weight).addmm_(back, a) if ctx.needs_input_grad[0] else None
        to_b = (outer.T @ inner).mul_(ctx.scale)
        return to_x, None, back.T @ x, to_b, None


def speed_up(model: nn.Module, adapter: str = "default") -> None:
    """Let every plain LoRA layer of the model compute its product in place."""
    for module in model.modules():
        if isinstance(module, Linear) and _is_plain(module, adapter):
            module.forward = _forward(module, adapter, module.forward)


def _is_plain(module: Linear, adapter: str) -> bool:
    return (
        adapter in module.lora_A
        and not module.use_dora[adapter]
        and isinstance(module.lora_dropout[adapter], nn.Identity)
        and module.base_layer.bias is None
    )


def _forward(module: Linear, adapter: str, theirs: Callable[..., Tensor]) -> Callable[..., Tensor]:
    a, b = module.lora_A[adapter], module.lora_B[adapter]
    scale: float = module.scaling[adapter]

    def forward(x: Tensor, *args: Any, **options: Any) -> Tensor:
        weight = module.base_layer.weight
        if module.disable_adapters or module.merged or weight.dtype != a.weight.dtype:
            return theirs(x, *args, **options)
        rows = x.reshape(-1, x.shape[-1])
        product: Tensor = _LoraProduct.apply(rows, weight, a.weight, b.weight, scale)
        return product.view(*x.shape[:-1], -1)

    return forward
