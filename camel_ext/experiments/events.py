"""What this room announces: how improvements go on, and what was decided."""

from dataclasses import dataclass

from camel_ext.core.outbox import Event, event_type


@event_type("experiments.improvement.queued")
@dataclass(frozen=True)
class ImprovementQueued(Event):
    """The subject is the improvement."""

    workflow: str
    alias: str


@event_type("experiments.improvement.staged")
@dataclass(frozen=True)
class StageEntered(Event):
    """A stage began or ended; the subject is the improvement."""

    workflow: str
    stage: str
    state: str


@event_type("experiments.improvement.waiting")
@dataclass(frozen=True)
class ImprovementWaiting(Event):
    """The verdict is there and a person has to decide; the subject is the improvement."""

    workflow: str
    verdict: str


@event_type("experiments.improvement.finished")
@dataclass(frozen=True)
class ImprovementFinished(Event):
    """The subject is the improvement."""

    workflow: str
    state: str
    verdict: str | None
    error_code: str | None


@event_type("experiments.certificate.issued")
@dataclass(frozen=True)
class CertificateIssued(Event):
    """The subject is the certificate."""

    number: int
    improvement_id: str
    verdict: str


@event_type("experiments.decision.made")
@dataclass(frozen=True)
class DecisionMade(Event):
    """The subject is the alias that was decided about."""

    decision_id: str
    kind: str
