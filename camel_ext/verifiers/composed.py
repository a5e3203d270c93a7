"""Checks made of checks: all_of and any_of, with weights for the score.

A part that could not be made (error, timeout) is never taken for a failure: it makes the whole
`error` or `timeout`, unless the other parts already decide.
"""

from typing import Any

from pydantic import Field, JsonValue, model_validator

from camel_ext.verifiers.registry import Params, example, read_params, verifier, verify_now
from camel_ext.verifiers.verdicts import Outcome, Verdict, found

MAX_DEPTH = 4


class Part(Params):
    """One check of several."""

    verify: str = Field(description="The verifier.")
    params: dict[str, JsonValue] = Field(default_factory=dict, description="Its parameters.")
    weight: float = Field(1.0, gt=0, le=1_000, description="Its share of the score.")


class ComposedParams(Params):
    """The checks to make."""

    model_config = example(checks=[{"verify": "length", "params": {"unit": "words", "max": 15}}])

    checks: list[Part] = Field(min_length=1, max_length=20, description="The checks.")

    @model_validator(mode="after")
    def _read_parts(self) -> "ComposedParams":
        if _depth(self.checks) > MAX_DEPTH:
            raise ValueError(f"checks are nested more than {MAX_DEPTH} deep")
        for part in self.checks:
            read_params(part.verify, part.params)
        return self


def _depth(checks: Any) -> int:
    inner = 0
    for part in checks if isinstance(checks, list) else ():
        params = part.params if isinstance(part, Part) else part.get("params", {})
        inner = max(inner, _depth(params.get("checks")) if isinstance(params, dict) else 0)
        if inner > MAX_DEPTH:
            break
    return inner + 1


@verifier("all_of", ComposedParams)
def all_of(params: ComposedParams, outcome: Outcome) -> Verdict:
    """Every one of several checks passes; the score is the weighted mean of theirs."""
    verdicts = _run(params, outcome)
    if failed := _first(verdicts, "failed"):
        return found(False, failed, score=_mean(params, verdicts))
    return _undecided(verdicts) or found(
        True, f"all {len(verdicts)} checks pass", score=_mean(params, verdicts)
    )


@verifier("any_of", ComposedParams)
def any_of(params: ComposedParams, outcome: Outcome) -> Verdict:
    """At least one of several checks passes; the score is the best of theirs."""
    verdicts = _run(params, outcome)
    best = max(verdict.score for verdict in verdicts)
    if passed := _first(verdicts, "passed"):
        return found(True, passed, score=best)
    reason = f"none of {len(verdicts)} checks passes"
    return _undecided(verdicts) or found(False, reason, score=best)


def _run(params: ComposedParams, outcome: Outcome) -> list[Verdict]:
    return [verify_now(part.verify, part.params, outcome) for part in params.checks]


def _first(verdicts: list[Verdict], state: str) -> str:
    for number, verdict in enumerate(verdicts, 1):
        if verdict.state == state:
            return f"check {number}: {verdict.reason}"
    return ""


def _undecided(verdicts: list[Verdict]) -> Verdict | None:
    for number, verdict in enumerate(verdicts, 1):
        if verdict.state in {"error", "timeout"}:
            return Verdict(verdict.state, 0.0, f"check {number}: {verdict.reason}")
    return None


def _mean(params: ComposedParams, verdicts: list[Verdict]) -> float:
    whole = sum(part.weight for part in params.checks)
    pairs = zip(params.checks, verdicts, strict=True)
    return sum(part.weight * verdict.score for part, verdict in pairs) / whole
