"""What this room announces: judgements that count or no longer do, and batches that came to an end."""

from dataclasses import dataclass

from camel_ext.core.outbox import Event, event_type


@event_type("annotations.annotation.added")
@dataclass(frozen=True)
class AnnotationAdded(Event):
    """The subject is the annotation; what was said stays in its row. A batch announces its end only."""

    kind: str
    judge_kind: str
    judge: str
    interaction_ids: list[str]
    supersedes_id: str | None


@event_type("annotations.annotation.withdrawn")
@dataclass(frozen=True)
class AnnotationWithdrawn(Event):
    """The subject is the annotation."""

    kind: str
    interaction_ids: list[str]


@event_type("annotations.batch.finished")
@dataclass(frozen=True)
class BatchFinished(Event):
    """The subject is the batch."""

    verifier: str
    state: str
    dry_run: bool
    done: int
    error_code: str | None


@event_type("annotations.batch.undone")
@dataclass(frozen=True)
class BatchUndone(Event):
    """The subject is the batch, whose verdicts count no more."""

    verifier: str
    undone: int
