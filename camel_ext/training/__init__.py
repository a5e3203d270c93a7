"""Training: a preference dataset and a base model in, a LoRA adapter with its provenance out.

The work is done by TRL and PEFT in a process of its own (`trainer`), the only place where torch is
loaded; this room starts it, watches it and registers what it made. It proves nothing (evaluation).
"""

from typing import TYPE_CHECKING, Any

from camel_ext.training.environment import Environment, environment_dir, find_environment
from camel_ext.training.errors import (
    BaseUnfit,
    DatasetUnfit,
    EnvironmentMissing,
    HyperInvalid,
    TrainingStateUnfit,
    TrainingUnknown,
)
from camel_ext.training.hyper import TABLE, HyperParameter
from camel_ext.training.models import MetricKind, TrainingJob, TrainingMetric
from camel_ext.training.presets import PRESETS, Preset, plan_hyper, read_overrides
from camel_ext.training.schemas import TrainingStart
from camel_ext.training.service import (
    cancel_training,
    count_trainings,
    get_training,
    list_metrics,
    list_trainings,
    list_trainings_of,
    list_trainings_under_way,
    resume_training,
    start_training,
)

if TYPE_CHECKING:
    from camel_ext.training.setting_up import Download, Steps, make_environment, plan_downloads

__all__ = [
    "PRESETS",
    "TABLE",
    "BaseUnfit",
    "DatasetUnfit",
    "Download",
    "Environment",
    "EnvironmentMissing",
    "HyperInvalid",
    "HyperParameter",
    "MetricKind",
    "Preset",
    "Steps",
    "TrainingJob",
    "TrainingMetric",
    "TrainingStart",
    "TrainingStateUnfit",
    "TrainingUnknown",
    "cancel_training",
    "count_trainings",
    "environment_dir",
    "find_environment",
    "get_training",
    "list_metrics",
    "list_trainings",
    "list_trainings_of",
    "list_trainings_under_way",
    "make_environment",
    "plan_downloads",
    "plan_hyper",
    "read_overrides",
    "resume_training",
    "start_training",
]


def __getattr__(name: str) -> Any:
    """Import what makes an environment when somebody asks for it: httpx costs a start 0.1 s."""
    if name in ("Download", "Steps", "make_environment", "plan_downloads"):
        from camel_ext.training import setting_up

        return getattr(setting_up, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
