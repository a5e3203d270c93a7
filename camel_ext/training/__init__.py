"""Training: a preference dataset and a base model in, a LoRA adapter with its provenance out.

The work is done by TRL and PEFT in a process of its own (`trainer`), the only place where torch is
loaded; this room starts it, watches it and registers what it made. It proves nothing (evaluation).
"""

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
    get_training,
    list_metrics,
    list_trainings,
    resume_training,
    start_training,
)

__all__ = [
    "PRESETS",
    "TABLE",
    "BaseUnfit",
    "DatasetUnfit",
    "EnvironmentMissing",
    "HyperInvalid",
    "HyperParameter",
    "MetricKind",
    "Preset",
    "TrainingJob",
    "TrainingMetric",
    "TrainingStart",
    "TrainingStateUnfit",
    "TrainingUnknown",
    "cancel_training",
    "get_training",
    "list_metrics",
    "list_trainings",
    "plan_hyper",
    "read_overrides",
    "resume_training",
    "start_training",
]
