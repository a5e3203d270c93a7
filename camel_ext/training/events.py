"""What this room announces: trainings that began and that ended. Steps are frames, not events."""

from dataclasses import dataclass

from camel_ext.core.outbox import Event, event_type


@event_type("training.training.started")
@dataclass(frozen=True)
class TrainingStarted(Event):
    """The subject is the training; told again when it goes on after a crash."""

    name: str
    base: str
    dataset: str


@event_type("training.training.finished")
@dataclass(frozen=True)
class TrainingFinished(Event):
    """The subject is the training; `adapter_version_id` is there where it made one."""

    name: str
    state: str
    error_code: str | None
    adapter_version_id: str | None
