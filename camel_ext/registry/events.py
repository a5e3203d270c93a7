"""What the registry announces: versions that are new, aliases that moved."""

from dataclasses import dataclass

from camel_ext.core.outbox import Event, event_type


@event_type("registry.version.registered")
@dataclass(frozen=True)
class VersionRegistered(Event):
    """The subject is the version."""

    model: str
    number: int


@event_type("registry.alias.moved")
@dataclass(frozen=True)
class AliasMoved(Event):
    """The subject is the alias's name; no versions: it was retired."""

    revision: int
    version_ids: list[str]
