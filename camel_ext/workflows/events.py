"""What this room announces: how runs and their turns go on, and that files were applied."""

from dataclasses import dataclass

from camel_ext.core.outbox import Event, event_type


@event_type("workflows.run.queued")
@dataclass(frozen=True)
class RunQueued(Event):
    workflow: str


@event_type("workflows.run.started")
@dataclass(frozen=True)
class RunStarted(Event):
    workflow: str
    turns: int


@event_type("workflows.run.waiting")
@dataclass(frozen=True)
class RunWaiting(Event):
    workflow: str
    waiting_for: str
    detail: str


@event_type("workflows.run.finished")
@dataclass(frozen=True)
class RunFinished(Event):
    workflow: str
    state: str
    error_code: str | None
    turns: int


@event_type("workflows.turn.committed")
@dataclass(frozen=True)
class TurnCommitted(Event):
    """The subject is the run: whoever watches it gets its turns, too."""

    seq: int
    step_key: str
    kind: str
    name: str
    preview: str
    total_ms: float
    tokens: int


@event_type("workflows.fork.finished")
@dataclass(frozen=True)
class ForkFinished(Event):
    interaction_id: str
    state: str
    done: int
    failed: int
    error_code: str | None


@event_type("workflows.configuration.applied")
@dataclass(frozen=True)
class ConfigurationApplied(Event):
    name: str
    revision: int
