"""What a comparison found, as plain values: the verdict, its interval, each guardrail, each topic.

They are computed by the gate and stored as they are; nothing here decides.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from camel_ext.evaluation.models import Verdict


@dataclass(frozen=True, slots=True)
class RailFinding:
    """How a guardrail fared: it holds where the worst that is credible lies within the margin."""

    measure: str
    better: str
    baseline: float
    candidate: float
    change: float
    worst: float
    margin: float
    margin_ratio: float | None
    level: float
    p: float
    p_adjusted: float
    held: bool
    broken: bool
    n: int
    unscored: int
    about_n_more: int | None


@dataclass(frozen=True, slots=True)
class TopicFinding:
    """One topic: a hint where to look, never a verdict."""

    topic: str
    n: int
    before: float
    after: float
    gain: float


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, and everything it rests on."""

    verdict: Verdict
    reason: str
    primary: str
    effect: float
    low: float
    high: float
    needed: float
    level: float
    alpha: float
    n: int
    topics: int
    method: str
    p: float
    baseline: float
    candidate: float
    fixed: int
    broken: int
    kept: int
    still_wrong: int
    unscored: int
    guardrails: list[RailFinding]
    about_n_more: int | None
    by_topic: list[TopicFinding]
    checks: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        return asdict(self)
