"""What the wire accepts and shows of trainings, presets and hyper-parameters."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from camel_ext.core.models import State
from camel_ext.registry import NAME_PATTERN
from camel_ext.training.models import MetricKind
from camel_ext.training.presets import DEFAULT_PRESET, overrides_schema, read_overrides

RESERVED_NAMES = frozenset({"versions", "adapters"})  # they end paths of the registry's API
PRIORITY_MAX = 100


def _not_reserved(name: str) -> str:
    if name in RESERVED_NAMES:
        raise ValueError(f"`{name}` cannot name an adapter; take another name")
    return name


AdapterName = Annotated[
    str,
    StringConstraints(pattern=NAME_PATTERN, max_length=64),
    AfterValidator(_not_reserved),
]
Target = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=200)]
Overrides = Annotated[
    dict[str, JsonValue],
    AfterValidator(read_overrides),
    WithJsonSchema(overrides_schema()),
]


class TrainingStart(BaseModel):
    """What is to be trained, on what, and how."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: AdapterName = Field(
        description="Name of the adapter: it becomes `base/name` in the registry.",
        examples=["brevity"],
    )
    base: Target = Field(
        description="The model to train upon: `model`, `model@version`, or an alias of one.",
        examples=["bundled"],
    )
    dataset: Target | None = Field(
        None,
        description="The pairs: `name` (its newest frozen version), `name@3`, `name@sha256:1f3a...`. "
        "Give this or `dataset_version_id`.",
        examples=["brevity-pairs"],
    )
    dataset_version_id: UUID | None = Field(None, description="The pairs, by their version's id.")
    preset: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        DEFAULT_PRESET, description="Where the hyper-parameters start from: quick, balanced, ..."
    )
    hyper: Overrides = Field(
        default_factory=dict, description="What differs from the preset; GET .../hyper explains."
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Order of the pairs, first weights, dropout.")
    priority: int = Field(
        0, ge=-PRIORITY_MAX, le=PRIORITY_MAX, description="Higher is trained first."
    )
    dry_run: bool = Field(
        False,
        description="Only look: memory, time, the first batch as the model sees it, warnings.",
    )

    @model_validator(mode="after")
    def _one_dataset(self) -> "TrainingStart":
        if (self.dataset is None) == (self.dataset_version_id is None):
            raise ValueError("give either `dataset` or `dataset_version_id`")
        return self


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class AlarmShown(Shown):
    code: str = Field(description="Stable code, such as `chosen_falling`.")
    words: str = Field(description="What was seen, and what helps.")
    step: int | None = Field(None, description="At which step.")


class TrainingListed(Shown):
    """A training as lists show it."""

    id: UUID = Field(description="Its id.")
    name: str = Field(description="The adapter's name.")
    base: str = Field(description="The base, `model@version`.")
    base_version_id: UUID = Field(description="The base's version.")
    dataset: str = Field(description="The pairs, `name@version`.")
    dataset_version_id: UUID = Field(description="The pairs' version.")
    preset: str = Field(description="What the hyper-parameters started from.")
    seed: int = Field(description="Order of the pairs and first weights.")
    priority: int = Field(description="Higher is trained first.")
    dry_run: bool = Field(description="It only looks, and trains nothing.")
    state: State = Field(description="One of the six states.")
    progress: dict[str, Any] = Field(
        description="phase, step, steps, loss, margin, accuracy, tokens_per_s, eta_s, rss_bytes, ..."
    )
    progress_ratio: float = Field(description="Share of the updates that are done, in [0, 1].")
    alarms: list[AlarmShown] = Field(description="What went wrong meanwhile.")
    adapter_version_id: UUID | None = Field(description="The version that came of it.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened.")
    error_advice: str | None = Field(description="What to try.")
    principal_id: UUID = Field(description="Who asked for it.")
    created_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When it first began.")
    finished_at: datetime | None = Field(description="When it ended.")


class TrainingShown(TrainingListed):
    """A training with everything that is known of it."""

    dataset_hash: str = Field(description="Content hash of the pairs.")
    hyper: dict[str, Any] = Field(description="All hyper-parameters, as they are used.")
    spec_hash: str = Field(description="Of base, pairs and hyper-parameters: equal, equal adapter.")
    preflight: dict[str, Any] | None = Field(
        description="pairs, tokens, memory_bytes, seconds, first_batch, warnings."
    )
    result: dict[str, Any] | None = Field(description="Files with sizes and hashes, and costs.")
    card: str | None = Field(description="The model card, Markdown.")
    restarts: int = Field(description="Trainers in turn that died before they got any further.")
    console_tail: str | None = Field(description="The last lines that its libraries said.")


class MetricShown(Shown):
    kind: MetricKind = Field(description="`step`: an update; `eval`: the pairs held out.")
    step: int = Field(description="At which step.")
    at: datetime = Field(description="When it was measured.")
    values: dict[str, Any] = Field(
        description="loss, margin, accuracy, chosen_logps, rejected_logps, grad_norm, "
        "learning_rate, ...; `eval` has the best and the worst pairs, too."
    )


class MetricsShown(BaseModel):
    items: list[MetricShown] = Field(description="Points, in the order of their steps.")
    next_after: int | None = Field(description="Send it as `after` for more; null: no more yet.")


class ConsoleShown(BaseModel):
    """Lines of a console. Where its folder is not on this machine, the last ones that were kept."""

    text: str = Field(description="Whole lines, at most 64 KB.")
    next_after: int | None = Field(
        description="Send it as `after` for what comes next; null: there is no more to come."
    )


class PresetShown(BaseModel):
    name: str = Field(description="Its name.")
    words: str = Field(description="What it is for.")
    hyper: dict[str, Any] = Field(description="All hyper-parameters that it stands for.")
    differs: dict[str, Any] = Field(description="Those of them that are not the default.")


class PresetsShown(BaseModel):
    items: list[PresetShown] = Field(description="Every preset.")
    default: str = Field(description="Which one is taken where none is named.")


class HyperShown(BaseModel):
    name: str = Field(description="Its name.")
    meaning: str = Field(description="What it does.")
    default: Any = Field(description="What it is where nobody says anything.")
    range: str = Field(description="What it may be.")
    unit: str = Field(description="In what it is counted; empty: it has no unit.")
    source: str = Field(description="The paper; empty: plain engineering.")


class HyperTableShown(BaseModel):
    items: list[HyperShown] = Field(description="Every hyper-parameter.")


class EnvironmentShown(BaseModel):
    """Whether this server can train, and with what."""

    ready: bool = Field(description="PyTorch and the rest are there.")
    python: str | None = Field(description="The interpreter that trains; null: none yet.")
    versions: dict[str, str] = Field(description="Versions of what is there.")
    slots: int = Field(description="Trainings that run at the same time.")
    advice: str | None = Field(description="What to do where it cannot train.")
