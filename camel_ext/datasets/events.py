"""What this room announces: versions that are being built, and how that ended."""

from dataclasses import dataclass

from camel_ext.core.outbox import Event, event_type


@event_type("datasets.version.queued")
@dataclass(frozen=True)
class VersionQueued(Event):
    """The subject is the version; what its pairs say stays in its rows."""

    dataset: str
    number: int
    origin: str


@event_type("datasets.version.finished")
@dataclass(frozen=True)
class VersionFinished(Event):
    """The subject is the version; it succeeded only with pairs, which are frozen then."""

    dataset: str
    number: int
    state: str
    pairs: int
    content_hash: str | None
    error_code: str | None


@event_type("datasets.export.finished")
@dataclass(frozen=True)
class ExportFinished(Event):
    """The subject is the export; it succeeded only with its whole file in place."""

    dataset: str
    number: int
    file: str
    state: str
    error_code: str | None
