"""Checks of a text: exact, contains, regex, numeric, length. Pure functions, no model, no network."""

import math
import re
import unicodedata
from typing import Annotated, Literal

from pydantic import Field, model_validator

from camel_ext.verifiers.patterns import TIMEOUT_S, PatternWrong, compile_pattern, search
from camel_ext.verifiers.registry import Params, example, verifier
from camel_ext.verifiers.verdicts import Outcome, Verdict, broken, excerpt, found, late

Normal = Literal["trim", "spaces", "case", "punctuation", "accents", "quotes"]
_NUMBER = re.compile(
    r"(?<![\w.])[-+\u2212]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,3})?%?"
)
Texts = Annotated[list[str], Field(min_length=1, max_length=1_000)]


def normalise(text: str, how: list[Normal]) -> str:
    """Return the text without the differences that do not matter."""
    text = unicodedata.normalize("NFC", text)
    if "accents" in how:
        parts = unicodedata.normalize("NFD", text)
        text = "".join(c for c in parts if not unicodedata.combining(c))
    if "case" in how:
        text = text.casefold()
    if "punctuation" in how:
        text = "".join(c for c in text if not unicodedata.category(c).startswith("P"))
    if "spaces" in how:
        text = " ".join(text.split())
    if "trim" in how:
        text = text.strip()
    if "quotes" in how:
        text = text.strip("\"'` \u201c\u201d\u2018\u2019")
    return text


class ExactParams(Params):
    """What the text must be."""

    model_config = example(expected="Paris")

    expected: str | int | float | bool | list[str] = Field(
        description="The right text, or several of which one must be given."
    )
    normalise: list[Normal] = Field(default=["trim"], description="Differences that do not matter.")


@verifier("exact", ExactParams)
def exact(params: ExactParams, outcome: Outcome) -> Verdict:
    """The text equals the expected one, apart from the differences that are said not to matter."""
    expected = params.expected if isinstance(params.expected, list) else [_as_text(params.expected)]
    given = normalise(outcome.text, params.normalise)
    if given in {normalise(text, params.normalise) for text in expected}:
        return found(True, "the text is as expected")
    return found(False, f"expected {_one_of(expected)}, got “{excerpt(given)}”")


class ContainsParams(Params):
    """What must or must not be in the text."""

    model_config = example(none=["As an AI"])

    all: Texts | None = Field(None, description="Each of these must be there.")
    any: Texts | None = Field(None, description="At least one of these must be there.")
    none: Texts | None = Field(None, description="None of these may be there.")
    normalise: list[Normal] = Field(default=["case"], description="Differences that do not matter.")

    @model_validator(mode="after")
    def _want_one(self) -> "ContainsParams":
        if self.all is None and self.any is None and self.none is None:
            raise ValueError("give `all`, `any` or `none`")
        return self


@verifier("contains", ContainsParams)
def contains(params: ContainsParams, outcome: Outcome) -> Verdict:
    """Certain texts are, or are not, somewhere in the text; the score is the share that holds."""
    given = normalise(outcome.text, params.normalise)

    def has(text: str) -> bool:
        return normalise(text, params.normalise) in given

    missing = [text for text in params.all or [] if not has(text)]
    unwanted = [text for text in params.none or [] if has(text)]
    no_choice = params.any is not None and not any(map(has, params.any))
    wanted = len(params.all or []) + len(params.none or []) + (params.any is not None)
    reasons = []
    if missing:
        reasons.append(f"missing: {_listed(missing)}")
    if no_choice:
        reasons.append(f"none of these: {_listed(params.any or [])}")
    if unwanted:
        reasons.append(f"not wanted: {_listed(unwanted)}")
    held = wanted - len(missing) - len(unwanted) - no_choice
    reason = "; ".join(reasons) or "everything asked for holds"
    return found(not reasons, reason, score=held / wanted)


class RegexParams(Params):
    """A pattern, and where it must match."""

    model_config = example(pattern=r"\.$")

    pattern: str = Field(description="A regular expression (Python's, as the `regex` module).")
    flags: str = Field("", description="Letters: i no case, m lines, s dot is any.")
    whole: bool = Field(False, description="The whole text must match, not a part.")
    absent: bool = Field(False, description="The pattern must not match.")

    @model_validator(mode="after")
    def _compile(self) -> "RegexParams":
        compile_pattern(self.pattern, self.flags)
        return self


@verifier("regex", RegexParams)
def regex(params: RegexParams, outcome: Outcome) -> Verdict:
    """The text matches a regular expression; one that backtracks for ever ends as a timeout."""
    try:
        match = search(params.pattern, outcome.text, flags=params.flags, whole=params.whole)
    except TimeoutError:
        return late(f"the pattern took more than {TIMEOUT_S:g} s")
    except PatternWrong as error:
        return broken(str(error))
    shown = f"matches “{excerpt(match.group())}”" if match else "the pattern does not match"
    return found((match is None) == params.absent, shown)


class NumericParams(Params):
    """The right number and how far off is still right."""

    model_config = example(expected=5)

    expected: float | str = Field(description="The right number; a text is read as one.")
    tolerance: float = Field(0.0, ge=0, description="Largest difference that is still right.")
    relative: float = Field(1e-9, ge=0, description="The same as a share of the right number.")
    take: Literal["last", "first", "only"] = Field(
        "last", description="Which number of the text counts; `only` wants exactly one."
    )

    @model_validator(mode="after")
    def _read(self) -> "NumericParams":
        if isinstance(self.expected, str) and len(numbers_in(self.expected)) != 1:
            raise ValueError(f"`expected` is not one number: {excerpt(self.expected)}")
        return self

    @property
    def number(self) -> float:
        value = self.expected
        return numbers_in(value)[0] if isinstance(value, str) else value


def numbers_in(text: str) -> list[float]:
    """Return the numbers in a text: 1,234.5 and -3e2 and 50% (0.5) are numbers, x2 is none."""
    numbers = []
    for token in _NUMBER.findall(text):
        digits = token.rstrip("%").replace(",", "").replace("\u2212", "-")
        numbers.append(float(digits) / (100 if token.endswith("%") else 1))
    return [n for n in numbers if math.isfinite(n)]


@verifier("numeric", NumericParams)
def numeric(params: NumericParams, outcome: Outcome) -> Verdict:
    """A number in the text, by default the last, equals the expected one within a tolerance."""
    numbers = numbers_in(outcome.text)
    if not numbers:
        return found(False, "there is no number in the text")
    if params.take == "only" and len(numbers) != 1:
        return found(False, f"there are {len(numbers)} numbers in the text, one was wanted")
    given = numbers[0] if params.take == "first" else numbers[-1]
    right = math.isclose(given, params.number, abs_tol=params.tolerance, rel_tol=params.relative)
    return found(right, f"got {given:g}, expected {params.number:g}")


class LengthParams(Params):
    """How long the text may be."""

    model_config = example(unit="words", max=15)

    unit: Literal["characters", "words", "sentences", "lines"] = Field(
        "words", description="What is counted."
    )
    min: int = Field(0, ge=0, description="At least so many.")
    max: int | None = Field(None, ge=0, description="At most so many.")

    @model_validator(mode="after")
    def _ordered(self) -> "LengthParams":
        if self.max is not None and self.max < self.min:
            raise ValueError("`max` is less than `min`")
        return self


@verifier("length", LengthParams)
def length(params: LengthParams, outcome: Outcome) -> Verdict:
    """The text has at least and at most so many characters, words, sentences or lines."""
    count = _count(outcome.text, params.unit)
    shown = f"{count} {params.unit}"
    if count < params.min:
        return found(False, f"{shown}, at least {params.min} wanted", score=count / params.min)
    if params.max is not None and count > params.max:
        return found(False, f"{shown}, at most {params.max} wanted", score=params.max / count)
    return found(True, shown)


def _count(text: str, unit: str) -> int:
    if unit == "characters":
        return len(text)
    if unit == "words":
        return len(text.split())
    if unit == "lines":
        return sum(1 for line in text.splitlines() if line.strip())
    ends = re.split(r"[.!?\u2026\u3002\uff01\uff1f]+(?=\s|$)", text)
    return sum(1 for part in ends if any(c.isalnum() for c in part))


def _as_text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return (
        value if isinstance(value, str) else f"{value:g}" if value != int(value) else f"{value:.0f}"
    )


def _one_of(texts: list[str]) -> str:
    shown = f"“{excerpt(texts[0])}”"
    others = "another" if len(texts) == 2 else f"{len(texts) - 1} others"
    return shown if len(texts) == 1 else f"{shown} or {others}"


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - 5} more" if len(texts) > 5 else ""
    return ", ".join(f"“{excerpt(text, 40)}”" for text in texts[:5]) + more
