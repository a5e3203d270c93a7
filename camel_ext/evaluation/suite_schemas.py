"""What a suite is made of, for files and requests alike: cases in topics, and scorers.

Whether a scorer's verifier and parameters fit is asked when a suite is defined (suites), not here.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, model_validator

from camel_ext.evaluation.policy import MEASURES, Entry, ScorerName
from camel_ext.registry import Name

MAX_CASES = 10_000
MAX_INPUT_BYTES = 32_000

CaseId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*$", max_length=80)]
Topic = Annotated[
    str, StringConstraints(min_length=1, max_length=56, pattern=r"^[^\x00-\x1f]+$")
]  # `topic:<name>` is a tag of at most 64 letters
Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Text = Annotated[str, StringConstraints(max_length=8_000, pattern=r"^[^\x00]*$")]


def _storable(value: Any) -> Any:
    """Refuse what could not be stored or shown again."""
    try:
        raw = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise ValueError("it holds something that JSON cannot say") from None
    if b"\\u0000" in raw:
        raise ValueError("it holds a NUL character")
    if len(raw) > MAX_INPUT_BYTES:
        raise ValueError(f"it has {len(raw):,} bytes, at most {MAX_INPUT_BYTES:,} are taken")
    return value


Storable = AfterValidator(_storable)


class SuiteCase(Entry):
    """One thing that is asked, and what is known about a good answer."""

    topic: Topic = Field(description="What it is about: cases of a topic resemble each other.")
    input: Annotated[dict[str, JsonValue], Storable, Field(min_length=1)] = Field(
        description="What the workflow is given; of a model: `prompt`, or `messages`.",
        examples=[{"goal": "Why is the sky blue?"}],
    )
    expect: Annotated[JsonValue, Storable] = Field(
        None, description="What scorers may compare with: `per_case: {expected: expect}`."
    )
    id: CaseId | None = Field(None, description="Its name; left out, named by its input.")


class JudgeEntry(Entry):
    """A model that judges answers by criteria in words."""

    model: Word = Field(description="The alias or model that judges.", examples=["judge"])
    criteria: Annotated[str, StringConstraints(min_length=1, max_length=8_000)] = Field(
        description="What makes an answer good, as one would tell a person."
    )
    sees: Literal["one", "both"] = Field(
        "both",
        description="`both`: baseline and candidate side by side, asked in both orders, and a "
        "preference that turns with the order counts as none. `one`: a grade for each by itself, "
        "asked with the scale upwards and downwards.",
    )
    max_tokens: int = Field(256, ge=1, le=8_192, description="Longest reply of the judge.")


class SuiteScorer(Entry):
    """A check of an answer: a verifier with its parameters, or a judge."""

    verify: Word | None = Field(None, description="The verifier.", examples=["length"])
    params: Annotated[dict[str, JsonValue], Storable] = Field(
        {}, description="Its parameters.", examples=[{"unit": "words", "max": 15}]
    )
    per_case: dict[Word, Word] = Field(
        {},
        max_length=20,
        description="Parameters that each case gives: parameter to `input.FIELD`, `expect` or "
        "`expect.FIELD`; a bare FIELD is one of the input.",
        examples=[{"to": "goal"}],
    )
    judge: JudgeEntry | None = Field(None, description="Instead of a verifier: a judge model.")
    of: Word | None = Field(
        None,
        description="What of the output is checked, `FIELD` or `FIELD.FIELD`; left out, all of it.",
    )
    take: Literal["passed", "score"] = Field(
        "passed",
        description="What counts of a verdict: whether it passed, 1 or 0, or its finer score. Of a "
        "judge always the score.",
    )
    description: Annotated[str, StringConstraints(max_length=200)] = Field(
        "", description="What passing it means: `answers in at most 15 words`."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> "SuiteScorer":
        if (self.verify is None) == (self.judge is None):
            raise ValueError("give either `verify` or `judge`")
        if self.judge is not None and (self.params or self.per_case):
            raise ValueError("a judge takes no `params` and no `per_case`: say it in `criteria`")
        if both := self.params.keys() & self.per_case.keys():
            raise ValueError(f"`{min(both)}` is both in `params` and in `per_case`")
        return self

    @property
    def take_score(self) -> bool:
        """Whether the finer score counts, and not only whether it passed."""
        return self.judge is not None or self.take == "score"

    @property
    def sees_both(self) -> bool:
        """Whether it needs the answers of two evaluations."""
        return self.judge is not None and self.judge.sees == "both"


class SuiteContent(Entry):
    """Cases and scorers: what names a version."""

    cases: list[SuiteCase] = Field(
        min_length=1, max_length=MAX_CASES, description="What is asked; no case twice."
    )
    scorers: Annotated[dict[ScorerName, SuiteScorer], Field(min_length=1, max_length=20)] = Field(
        description="Checks of each answer, by name."
    )
    primary: ScorerName | None = Field(
        None, description="The scorer it is for; left out, the first."
    )

    @model_validator(mode="after")
    def _names(self) -> "SuiteContent":
        if taken := self.scorers.keys() & set(MEASURES):
            raise ValueError(f"`{min(taken)}` is measured anyway: call the scorer otherwise")
        if self.primary is not None and self.primary not in self.scorers:
            raise ValueError(f"`primary`: there is no scorer `{self.primary}`")
        return self


class SuiteCreate(SuiteContent):
    """A suite as it is written: a new name, or a known one for its next version."""

    name: Name = Field(description="Unique in the project.", examples=["brief-answers"])
    description: Text = Field("", description="What it examines, for people.")
