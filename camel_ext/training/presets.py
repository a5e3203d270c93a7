"""Ready sets of hyper-parameters: how much time a training may take decides, the rest follows.

Everything in them can be overridden. They were chosen on the bundled model (135 million parameters) and
a CPU; what the numbers mean is in `hyper.py`.
"""

from dataclasses import dataclass
from typing import Final

from camel_ext.training.spec import Hyper


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of hyper-parameters and what it is for."""

    name: str
    words: str
    hyper: Hyper


PRESETS: Final = {
    preset.name: preset
    for preset in (
        Preset(
            "quick",
            "A minute: 24 updates of 4 pairs on the upper two fifths of the bundled model. For a first "
            "look, for demos, and for a loop that retrains often.",
            Hyper(
                learning_rate=4e-4,
                max_steps=24,
                last_layers=12,
                max_length=512,
                max_prompt_length=384,
                save_every_steps=12,
            ),
        ),
        Preset(
            "balanced",
            "Some minutes: three passes over the pairs, on the upper half of the layers, with held-out "
            "pairs looked at on the way.",
            Hyper(
                learning_rate=2e-4,
                epochs=3.0,
                last_layers=16,
                eval_every_steps=25,
                save_every_steps=25,
            ),
        ),
        Preset(
            "thorough",
            "As long as it takes: five slow passes over the pairs, on all layers, with twice the rank.",
            Hyper(
                learning_rate=1e-4,
                epochs=5.0,
                pairs_per_step=8,
                grad_accum=2,
                lora_r=32,
                lora_alpha=64,
                eval_every_steps=25,
                save_every_steps=25,
            ),
        ),
    )
}
