"""What the wire accepts and shows of forks: one logged call, asked again."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from camel_ext.core.models import State
from camel_ext.workflows.schemas import PinnedModel, Shown, Wire

MAX_SAMPLES = 64
MAX_VARIANTS = 16


class Variant(Wire):
    """How a call is asked again; what is left out is as it was."""

    model: PinnedModel | None = Field(
        None, description="`model`, `model/adapter@2`, or a version's id: who is asked."
    )
    temperature: float | None = Field(None, ge=0, le=2, description="Randomness; 0 is greedy.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus.")
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, description="The longest answer.")


class ForkStart(Wire):
    """Which call is asked again, how often and how."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "interaction_id": "019b0c2e-7c1a-7d31-9d52-0a4c8a3f1b11",
                    "samples": 4,
                    "variants": [{"temperature": 0.9}],
                }
            ]
        }
    )

    interaction_id: UUID = Field(description="The call.")
    samples: int = Field(4, ge=1, le=MAX_SAMPLES, description="Answers of each variant.")
    variants: Annotated[list[Variant], Field(min_length=1, max_length=MAX_VARIANTS)] = Field(
        default_factory=lambda: [Variant()], description="Ways to ask; left out, as it was asked."
    )
    seed: int | None = Field(None, ge=0, lt=2**31, description="Null: a random one, recorded.")
    priority: int = Field(0, ge=-100, le=100, description="Higher is asked first.")


class ForkShown(Shown):
    id: UUID = Field(description="Its id.")
    interaction_id: UUID = Field(description="The call that is asked again.")
    state: State = Field(description="One of the six states.")
    wanted: dict[str, Any] = Field(description="`samples` of each of the `variants`.")
    seed: int = Field(description="All its sampling is drawn from this.")
    total: int = Field(description="How many answers are wanted.")
    done: int = Field(description="How many there are.")
    failed: int = Field(description="How many the model refused.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened, or what it waits for.")
    principal_id: UUID = Field(description="Who asked for it.")
    trace_id: str = Field(description="Ties it to its interactions and logs.")
    created_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When it began.")
    finished_at: datetime | None = Field(description="When it ended.")
