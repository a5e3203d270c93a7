"""What follows from the hyper-parameters alone: whether they go together, and how many updates come.

It imports no library, so that a look before the training need not load TRL for it.
"""

import math

from camel_ext.training.spec import LINEAR_LAYERS, Hyper
from camel_ext.training.trainer.failures import TrainingFailed


def planned_steps(hyper: Hyper, pairs: int) -> int:
    """Return how many updates the training makes."""
    per_epoch = math.ceil(pairs / hyper.pairs_per_step)
    return hyper.max_steps or math.ceil(hyper.epochs * per_epoch)


def adapted_layers(hyper: Hyper, layers: int) -> range:
    """Return the numbers of the layers that bear the adapter, of a base with so many."""
    return range(max(0, layers - (hyper.last_layers or layers)), layers)


def check_hyper(hyper: Hyper) -> None:
    """Refuse what no training can be made of.

    Raises: TrainingFailed.
    """
    if hyper.pairs_per_step % hyper.grad_accum:
        raise TrainingFailed(
            "parts_unequal",
            f"{hyper.pairs_per_step} pairs cannot be taken in {hyper.grad_accum} equal parts.",
            "Choose grad_accum so that it divides pairs_per_step.",
        )
    unknown = sorted(set(hyper.target_modules) - set(LINEAR_LAYERS))
    if unknown or not hyper.target_modules:
        raise TrainingFailed(
            "target_unknown",
            f"The adapter cannot be put on {', '.join(unknown) or 'nothing'}.",
            f"Choose target_modules among: {', '.join(LINEAR_LAYERS)}.",
        )
