"""Watches the numbers of a training for the ways in which preference training goes wrong.

An alarm is said once; it does not end the training, except for a loss that is no number.
"""

import math
from collections import deque
from collections.abc import Iterator

from camel_ext.training.spec import Loss
from camel_ext.training.trainer.failures import TrainingFailed
from camel_ext.training.trainer.trainers import Seen

WINDOW = 5  # steps that are averaged, so that one odd pair is no alarm
FALLEN_NATS = 0.5  # per token: the chosen answers have become 40 % less likely, token by token
MARGIN_MAX = 15.0  # the sigmoid loss is below 1e-6 there: nothing is learnt any more but excess


class Alarms:
    """Keeps what it needs of the last steps."""

    def __init__(self, loss: Loss) -> None:
        self._margins_count = loss is Loss.SIGMOID  # IPO has its own end, KTO compares no pairs
        self._moved: deque[float] = deque(maxlen=WINDOW)
        self._margins: deque[float] = deque(maxlen=WINDOW)
        self._said: set[str] = set()

    def check(self, seen: Seen, loss: float, grad_norm: float) -> Iterator[tuple[str, str]]:
        """Yield (code, words) of each new alarm.

        Raises: TrainingFailed when loss or gradient is no number.
        """
        if not math.isfinite(loss) or not math.isfinite(grad_norm):
            raise TrainingFailed(
                "loss_not_finite",
                f"The loss became {loss} (gradient norm {grad_norm}), so the weights are lost.",
                "Halve the learning rate, or raise beta; with bf16, try fp32. The last checkpoint is "
                "from before.",
            )
        self._moved.append(_mean(seen.moved))
        self._margins.append(_mean(list(seen.margins.values())))
        if len(self._moved) == WINDOW:
            yield from self._new()

    def _new(self) -> Iterator[tuple[str, str]]:
        moved, margin = _mean(list(self._moved)), _mean(list(self._margins))
        if moved < -FALLEN_NATS and "chosen_falling" not in self._said:
            self._said.add("chosen_falling")
            yield (
                "chosen_falling",
                f"The chosen answers lost {-moved:.2f} nats a token against the base: the model learns "
                "to avoid both answers of a pair. A lower learning rate, fewer steps or a higher beta "
                "holds it closer to the base.",
            )
        if self._margins_count and margin > MARGIN_MAX and "margin_explosion" not in self._said:
            self._said.add("margin_explosion")
            yield (
                "margin_explosion",
                f"The margins have grown to {margin:.1f}: the pairs are learnt by heart. Fewer steps, a "
                "lower learning rate or more pairs would generalise better.",
            )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
