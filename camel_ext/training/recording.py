"""Writes what a trainer says into rows, each step once, and tells which of it was new.

A trainer that goes on after a crash computes the steps since its last checkpoint again; they are known
by their number. How it ends is written by `service.end_training`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.models import State
from camel_ext.core.outbox import publish
from camel_ext.training.events import TrainingStarted
from camel_ext.training.models import MetricKind, TrainingJob, TrainingMetric
from camel_ext.training.service import get_training
from camel_ext.training.tailing import Event

SHOWN: Final = (
    "step", "steps", "epoch", "loss", "margin", "accuracy", "chosen_logps", "rejected_logps",
    "grad_norm", "learning_rate", "tokens_per_s", "eta_s", "rss_bytes",
)  # fmt: skip
ALARMS_MAX: Final = 100


def begin(db: Session, clock: Clock, training_id: UUID) -> TrainingJob:
    """Say that a training is being executed, and return it; an ended one is left alone."""
    training = get_training(db, training_id, lock=True)
    if training.state.is_final:
        return training
    training.state = State.RUNNING
    training.started_at = training.started_at or clock.now()
    publish(
        db, clock, TrainingStarted(str(training.id), training.name, training.base, training.dataset)
    )
    db.flush()
    return training


def note(
    db: Session, training_id: UUID, events: Sequence[Event], console: str
) -> tuple[TrainingJob, list[Event]]:
    """Write events on a training; return it, and those of them that were not there yet."""
    training = get_training(db, training_id, lock=True)
    reached = _reached(db, training_id)
    fresh = [event for event in events if _note(db, training, reached, event)]
    if console:
        training.console_tail = console
    db.flush()
    return training, fresh


def _reached(db: Session, training_id: UUID) -> dict[str, int]:
    """Return the last step that is known, by kind."""
    query = (
        select(TrainingMetric.kind, func.max(TrainingMetric.step))
        .where(TrainingMetric.training_id == training_id)
        .group_by(TrainingMetric.kind)
    )
    return {str(kind): step for kind, step in db.execute(query)}


def _note(db: Session, training: TrainingJob, reached: dict[str, int], event: Event) -> bool:
    """Write one event; False where it was known."""
    match event["kind"]:
        case MetricKind.STEP | MetricKind.EVAL:
            return _point(db, training, reached, event)
        case "phase":
            return _progress(training, {"phase": str(event.get("name"))})
        case "preflight":
            training.preflight = _values(event)
        case "alarm":
            return _alarm(training, event)
        case "checkpoint":
            return _checkpoint(training, int(event.get("step", 0)))
    return True


def _point(db: Session, training: TrainingJob, reached: dict[str, int], event: Event) -> bool:
    kind, step = str(event["kind"]), int(event.get("step", 0))
    if step <= reached.get(kind, -1):
        return False
    reached[kind] = step
    at = datetime.fromtimestamp(float(event["at"]), UTC)
    values = {name: value for name, value in _values(event).items() if name != "step"}
    db.add(
        TrainingMetric(
            training_id=training.id, kind=MetricKind(kind), step=step, at=at, values=values
        )
    )
    if kind == MetricKind.STEP:
        _progress(training, {name: event[name] for name in SHOWN if name in event})
    return True


def _progress(training: TrainingJob, said: dict[str, Any]) -> bool:
    before = training.progress
    training.progress = {**before, **said}
    return bool(training.progress != before)


def _alarm(training: TrainingJob, event: Event) -> bool:
    said = {
        "code": str(event.get("code")),
        "words": str(event.get("words")),
        "step": event.get("step"),
    }
    if said in training.alarms or len(training.alarms) >= ALARMS_MAX:
        return False
    training.alarms = [*training.alarms, said]
    return True


def _checkpoint(training: TrainingJob, step: int) -> bool:
    """Note a checkpoint: a training that gets further has not died in vain before."""
    if step <= training.progress.get("checkpoint_step", 0):
        return False
    training.restarts = 0
    return _progress(training, {"checkpoint_step": step})


def _values(event: Event) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in ("kind", "at")}
