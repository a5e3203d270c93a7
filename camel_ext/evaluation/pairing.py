"""From the scores of two evaluations to pairs of numbers, case by case, with what is missing said.

A measure without bounds is paired where both have it. A score lies between 0 and 1, so nothing has to be
left out: what could not be scored is taken against the candidate in `careful`, for it in `generous`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from camel_ext.evaluation.errors import NothingToCompare, ScorerUnknown
from camel_ext.evaluation.statistics import Topics

if TYPE_CHECKING:
    from camel_ext.evaluation.statistics import Floats

Values = Mapping[str, float | None]
Preferences = Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Scores:
    """What one evaluation found: of each case its topic, and of each measure a value or None."""

    topics: Mapping[str, str]
    values: Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Measure:
    """What is looked at: its name, which way is good, and whether it lies between 0 and 1."""

    name: str
    sign: int = 1
    bounded: bool = True


@dataclass(frozen=True, slots=True)
class Pairs:
    """One measure of the cases that both evaluations have; gains go up where things get better."""

    topics: Topics  # of `careful` and `generous`
    labels: list[str]  # topics of the pairs that are known
    before: "Floats"
    after: "Floats"
    gain: "Floats"
    careful: "Floats"
    careful_before: "Floats"
    generous: "Floats"
    unscored: int


def pair_up(
    baseline: Scores, candidate: Scores, measure: Measure, preferences: Preferences
) -> Pairs:
    """Return the pairs of one measure, in the order of the baseline's cases.

    Raises: ScorerUnknown; NothingToCompare where fewer than two topics are left.
    """
    import numpy as np

    cases = [case for case in baseline.topics if case in candidate.topics]
    old, new = _sides(baseline, candidate, measure.name, preferences)
    if not measure.bounded:
        cases = [case for case in cases if _known(old, new, case)]
    labels = [baseline.topics[case] for case in cases]
    there = np.array([_known(old, new, case) for case in cases], dtype=bool)
    if len({label for label, known in zip(labels, there, strict=True) if known}) < 2:
        raise NothingToCompare(
            f"both evaluations have {int(there.sum())} values of `{measure.name}`, in fewer than two "
            "topics: there is nothing to compare"
        )
    good, bad = (1.0, 0.0) if measure.sign > 0 else (0.0, 1.0)
    careful_before, careful_after = _filled(old, cases, good), _filled(new, cases, bad)
    generous = _filled(new, cases, good) - _filled(old, cases, bad)
    return Pairs(
        topics=Topics(labels),
        labels=[label for label, known in zip(labels, there, strict=True) if known],
        before=careful_before[there],
        after=careful_after[there],
        gain=measure.sign * (careful_after - careful_before)[there],
        careful=measure.sign * (careful_after - careful_before),
        careful_before=careful_before,
        generous=measure.sign * generous,
        unscored=int((~there).sum()),
    )


def _sides(
    baseline: Scores, candidate: Scores, name: str, preferences: Preferences
) -> tuple[Values, Values]:
    """Return the values of both sides; who is preferred has 1, the other one 0, a tie 1/2 each."""
    if name in preferences:
        said = preferences[name]
        old = {case: None if p is None else (1 - p) / 2 for case, p in said.items()}
        return old, {case: None if p is None else (1 + p) / 2 for case, p in said.items()}
    for side in (baseline, candidate):
        if name not in side.values:
            known = ", ".join(f"`{each}`" for each in sorted(side.values))
            raise ScorerUnknown(f"nothing called `{name}` was measured: there is {known}")
    return baseline.values[name], candidate.values[name]


def _known(old: Values, new: Values, case: str) -> bool:
    return old.get(case) is not None and new.get(case) is not None


def _filled(values: Values, cases: list[str], missing: float) -> "Floats":
    import numpy as np

    found = [values.get(case) for case in cases]
    return np.array([missing if each is None else each for each in found], dtype=np.float64)
