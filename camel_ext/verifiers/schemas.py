"""What the wire shows of verifiers."""

from typing import Any

from pydantic import BaseModel, Field


class VerifierShown(BaseModel):
    name: str = Field(description="Its name.")
    description: str = Field(description="What it checks.")
    parameters: dict[str, Any] = Field(
        description="JSON Schema of its parameters, with `examples`. One with `x-per-subject` is best "
        "filled by each answer: name it in a batch's `per_subject`."
    )
    slow: bool = Field(description="It takes seconds for an answer, not milliseconds.")
