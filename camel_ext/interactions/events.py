"""What the log announces: that a call of a model was recorded."""

from dataclasses import dataclass
from typing import Any

from camel_ext.core.outbox import Event, event_type


@event_type("interactions.interaction.recorded")
@dataclass(frozen=True)
class InteractionRecorded(Event):
    """The subject is the interaction; no content, which may be erased or be nobody's business."""

    purpose: str
    alias: str | None
    agent_id: str | None
    run_id: str | None
    session: str | None
    tokens: int
    error_code: str | None

    def payload(self) -> dict[str, Any]:
        """Return the fields as JSON values; `asdict` copies them deeply, 25 us a call (measured)."""
        fields = dict(vars(self))
        del fields["subject"]
        return fields


@event_type("interactions.interactions.imported")
@dataclass(frozen=True)
class InteractionsImported(Event):
    """Calls made elsewhere were taken in, one event for all of a request; the subject is the last."""

    calls: int


@event_type("interactions.retention.changed")
@dataclass(frozen=True)
class RetentionChanged(Event):
    """How long a project keeps its calls was set; null: for ever. The subject is the project."""

    keep_days: int | None
    archive: bool | None


@event_type("interactions.sweep.finished")
@dataclass(frozen=True)
class SweepFinished(Event):
    """Old calls were archived or erased, or that failed; the subject is the sweep."""

    state: str
    archived: int
    erased: int
    error_code: str | None


@event_type("interactions.archive.restored")
@dataclass(frozen=True)
class ArchiveRestored(Event):
    """An archive's calls are in the log again; the subject is the archive."""

    rows: int
