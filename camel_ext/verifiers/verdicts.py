"""What is checked (an outcome) and what came of it (a verdict). No verifier lives here."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["passed", "failed", "error", "timeout"]
MAX_TEXT_CHARS = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is checked: a text, and the JSON value in it if somebody has read it already."""

    text: str
    parsed: Any = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found; on `error` and `timeout` nothing was found, so `passed` is None."""

    state: State
    score: float
    reason: str

    @property
    def passed(self) -> bool | None:
        return {"passed": True, "failed": False}.get(self.state)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can say it, `passed` included."""
        return {**asdict(self), "passed": self.passed}


class SchemaWrong(ValueError):
    """The JSON Schema itself cannot be used."""


def found(good: bool, reason: str, *, score: float | None = None) -> Verdict:
    """Return a verdict of a check that ran; the score is 1 or 0 unless it is finer."""
    value = (1.0 if good else 0.0) if score is None else min(max(score, 0.0), 1.0)
    return Verdict("passed" if good else "failed", value, reason)


def broken(reason: str) -> Verdict:
    """Return a verdict of a check that could not be made: it says nothing about the outcome."""
    return Verdict("error", 0.0, reason)


def late(reason: str) -> Verdict:
    """Return a verdict of a check that took too long: it says nothing about the outcome."""
    return Verdict("timeout", 0.0, reason)


def excerpt(text: str, limit: int = 80) -> str:
    """Return the start of a text in one line, for a reason."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
