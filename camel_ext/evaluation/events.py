"""What evaluation announces: evaluations that ended, verdicts that were written."""

from dataclasses import dataclass

from camel_ext.core.models import State
from camel_ext.core.outbox import Event, event_type


@event_type("evaluation.evaluation.started")
@dataclass(frozen=True)
class EvaluationStarted(Event):
    """The subject is the evaluation."""

    suite: str
    total: int


@event_type("evaluation.evaluation.finished")
@dataclass(frozen=True)
class EvaluationFinished(Event):
    """The subject is the evaluation."""

    suite: str
    state: State
    error_code: str | None


@event_type("evaluation.comparison.made")
@dataclass(frozen=True)
class ComparisonMade(Event):
    """The subject is the comparison."""

    verdict: str
    baseline_id: str
    candidate_id: str


@event_type("evaluation.judging.finished")
@dataclass(frozen=True)
class JudgingFinished(Event):
    """The subject is the judging."""

    state: State
    error_code: str | None
