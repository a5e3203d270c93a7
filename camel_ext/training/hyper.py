"""Hyper-parameters: what each means, what it may be, and where it comes from.

This is the one table that requests are checked with, that the command line and the guide show, and that
a model card quotes. The defaults are those of `spec.Hyper`. It computes nothing (trainer), and what
goes well together is said by `presets`.
"""

from dataclasses import MISSING, dataclass, fields
from enum import Enum
from typing import Any, Final, get_type_hints

import msgspec

from camel_ext.training.spec import LINEAR_LAYERS, Hyper

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HyperParameter:
    """One of them: meaning, bounds (both included), unit and the paper it comes from.

    `above` is a bound that is not included. `source` is empty where it is only engineering.
    """

    name: str
    meaning: str
    low: float | None = None
    high: float | None = None
    above: float | None = None
    unit: str = ""
    source: str = ""

    @property
    def default(self) -> Any:
        """What it is where nobody says anything, as JSON has it."""
        return _DEFAULTS[self.name]

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it may be; empty where it is a number or a switch."""
        kind = TYPES[self.name]
        if isinstance(kind, type) and issubclass(kind, Enum):
            return tuple(str(each.value) for each in kind)
        return LINEAR_LAYERS if self.name == "target_modules" else ()

    @property
    def range(self) -> str:
        """What it may be, in words."""
        if self.choices:
            return " | ".join(self.choices)
        if self.low is None and self.above is None:
            return "true | false"
        start = f"> {self.above:g}" if self.above is not None else f">= {self.low:g}"
        end = "" if self.high is None else f", <= {self.high:g}"
        return start + end


DPO: Final = "Rafailov et al. 2023, arXiv 2305.18290"
LORA: Final = "Hu et al. 2021, arXiv 2106.09685"
QLORA: Final = "Dettmers et al. 2023, arXiv 2305.14314"
WARMUP: Final = "Goyal et al. 2017, arXiv 1706.02677"

TYPES: Final[Json] = get_type_hints(Hyper)
_DEFAULTS: Final[Json] = {
    each.name: msgspec.to_builtins(each.default)
    for each in fields(Hyper)
    if each.default is not MISSING
}

TABLE: Final = (
    HyperParameter(
        "loss",
        "What is optimised: `sigmoid` is DPO; `ipo` stops at a fixed margin and so overfits less on "
        "few or noiseless pairs; `kto` judges each answer by itself, which suits verdicts better "
        "than comparisons.",
        source=f"{DPO}; IPO: Azar et al. 2023, arXiv 2310.12036; KTO: Ethayarajh et al. 2024, "
        "arXiv 2402.01306",
    ),
    HyperParameter(
        "beta",
        "How strongly the adapter is held to its base: larger stays closer. For `ipo` the margin it "
        "stops at is 1 / (2 beta) nats a token.",
        above=0,
        high=10,
        source=f"{DPO}, section 4",
    ),
    HyperParameter(
        "learning_rate",
        "Size of the steps after the warm-up. LoRA takes about ten times what training all weights "
        "takes. Too high, and the chosen answers fall, too.",
        above=0,
        high=0.1,
        source="Biderman et al. 2024, arXiv 2405.09673",
    ),
    HyperParameter(
        "lr_schedule",
        "How the learning rate goes on after the warm-up, until the last step.",
        source="cosine: Loshchilov and Hutter 2016, arXiv 1608.03983",
    ),
    HyperParameter(
        "warmup_ratio",
        "Share of the steps in which the learning rate rises from zero.",
        low=0,
        high=1,
        source=WARMUP,
    ),
    HyperParameter(
        "epochs",
        "How often each pair is seen. More than three mostly learns the pairs by heart.",
        above=0,
        high=100,
        source="Tunstall et al. 2023 (Zephyr), arXiv 2310.16944, section 5",
    ),
    HyperParameter(
        "max_steps",
        "Number of updates; given, it wins over `epochs`. Null: as many as the epochs take.",
        low=1,
        high=1_000_000,
        unit="steps",
    ),
    HyperParameter(
        "pairs_per_step",
        "Pairs behind one update: more make it steadier, and slower.",
        low=1,
        high=4096,
        unit="pairs",
        source="McCandlish et al. 2018, arXiv 1812.06162",
    ),
    HyperParameter(
        "grad_accum",
        "In how many equal parts the pairs of one update are computed: more parts take less memory, "
        "and change no result. It divides `pairs_per_step`.",
        low=1,
        high=4096,
        unit="parts",
    ),
    HyperParameter(
        "max_length",
        "Longest prompt and answer together; a longer answer loses its end.",
        low=16,
        high=131_072,
        unit="tokens",
    ),
    HyperParameter(
        "max_prompt_length",
        "Longest prompt; pairs with a longer one are left out, and counted.",
        low=8,
        high=131_072,
        unit="tokens",
    ),
    HyperParameter(
        "lora_r",
        "Rank of the adapter: how much it can hold, and how large its file is.",
        low=1,
        high=512,
        source=LORA,
    ),
    HyperParameter(
        "lora_alpha",
        "The adapter's weight is `lora_alpha` / `lora_r`; twice the rank is usual.",
        low=1,
        high=4096,
        source=f"{LORA}, section 4.1",
    ),
    HyperParameter(
        "lora_dropout",
        "Share of the adapter's inputs that each step leaves out, against learning by heart.",
        low=0,
        high=0.9,
        source=QLORA,
    ),
    HyperParameter(
        "target_modules",
        "Which matrices of a layer get an adapter; all of them learn best.",
        source=f"{QLORA}, section 4",
    ),
    HyperParameter(
        "last_layers",
        "Adapt only so many layers, counted from the top: faster and lighter, because what lies "
        "below is computed once per pair. Null: all layers.",
        low=1,
        high=1024,
        unit="layers",
        source="Lee et al. 2022, arXiv 2210.11466",
    ),
    HyperParameter(
        "dtype",
        "In what the model computes; the adapter is always fp32. `auto`: bf16 where the processor "
        "has AMX, fp32 elsewhere (without AMX bf16 is slower).",
        source="Kalamkar et al. 2019, arXiv 1905.12322",
    ),
    HyperParameter(
        "seed",
        "Decides the order of the pairs, the adapter's first weights and its dropout. Same seed, "
        "same pairs, same machine: the same adapter, bit by bit.",
        low=0,
        high=2**31 - 1,
        source="Dodge et al. 2020, arXiv 2002.06305",
    ),
    HyperParameter(
        "eval_every_steps",
        "How often the pairs held out are looked at; 0: at the end only.",
        low=0,
        high=1_000_000,
        unit="steps",
    ),
    HyperParameter(
        "save_every_steps",
        "How often a checkpoint is written, which is what a crash costs; 0: at the end only.",
        low=0,
        high=1_000_000,
        unit="steps",
    ),
    HyperParameter(
        "length_bucketing",
        "Puts pairs of like length into one update, which evens out the memory.",
        source="Khomenko et al. 2017, arXiv 1708.05604",
    ),
    HyperParameter(
        "reference_cache",
        "Keeps what the base says of each pair, so that the next training need not compute it.",
    ),
    HyperParameter(
        "max_grad_norm",
        "A longer gradient is cut to this, against single steps that destroy.",
        above=0,
        high=1_000,
        source="Pascanu et al. 2012, arXiv 1211.5063",
    ),
    HyperParameter(
        "weight_decay",
        "How strongly the optimizer (AdamW) pulls the adapter back to zero.",
        low=0,
        high=1,
        source="Loshchilov and Hutter 2017, arXiv 1711.05101",
    ),
)
BY_NAME: Final = {each.name: each for each in TABLE}
