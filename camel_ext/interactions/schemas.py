"""What the wire accepts and shows of interactions.

The routes encode rows straight to JSON; these classes declare that very JSON, and a test holds that
both are equal.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from camel_ext.core.paging import Place, decode_cursor
from camel_ext.interactions.models import Purpose

Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class InteractionFilter(BaseModel):
    """Which interactions; what is left out does not matter."""

    model_config = ConfigDict(extra="forbid")

    run_id: UUID | None = Field(None, description="Turns of this run.")
    session: Word | None = Field(None, description="Calls of this session.")
    agent_id: Word | None = Field(None, description="Calls of this agent.")
    model_version_id: UUID | None = Field(None, description="Answered by this base version.")
    adapter_version_id: UUID | None = Field(None, description="Answered with this adapter.")
    trace_id: Word | None = Field(None, description="Made by this request.")
    forked_from_id: UUID | None = Field(None, description="Further answers to this one's prompt.")
    tag: Word | None = Field(None, description="Carrying this tag.")
    failed: bool | None = Field(None, description="Only those that failed, or only the others.")
    error_code: Word | None = Field(None, description="Failed with this code.")
    purpose: Purpose | None = Field(None, description="Asked for this.")
    alias: Word | None = Field(None, description="Asked by this alias.")
    since: AwareDatetime | None = Field(None, description="Recorded at or after this time.")
    until: AwareDatetime | None = Field(None, description="Recorded before this time.")
    text: Word | None = Field(None, description="Found in the beginnings of question or answer.")


class InteractionQuery(InteractionFilter):
    """A filter and the page that is wanted of it."""

    limit: int = Field(50, ge=1, le=500, description="Rows a page.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")

    @property
    def place(self) -> Place:
        return Place(self.limit, None if self.cursor is None else decode_cursor(self.cursor))


class ExportQuery(InteractionFilter):
    """A filter, and how much of each interaction is wanted."""

    bodies: bool = Field(True, description="With prompts, tools and answers; else only the rest.")


class InteractionListed(BaseModel):
    id: UUID = Field(description="Its id.")
    ingest_seq: int = Field(description="Order of commit.")
    created_at: datetime = Field(description="When it was recorded.")
    principal_id: UUID = Field(description="Who asked.")
    source: str = Field(description="What asked.")
    purpose: Purpose = Field(description="Why.")
    session: str | None = Field(description="Groups calls of one user.")
    tags: list[str] | None = Field(description="Words to find it by.")
    agent_id: str | None = Field(description="The agent.")
    agent_version: str | None = Field(description="Version of that agent.")
    run_id: UUID | None = Field(description="The run it was a turn of.")
    step_key: str | None = Field(description="The turn in that run.")
    parent_id: UUID | None = Field(description="The interaction whose prompt it continues.")
    trace_id: str | None = Field(description="Ties it to request and log lines.")
    model_version_id: UUID = Field(description="The base model's version.")
    adapter_version_id: UUID | None = Field(description="The adapter on it.")
    alias: str | None = Field(description="The name that was asked for.")
    engine: str = Field(description="Which engine answered.")
    prompt_tokens: int | None = Field(description="Tokens read.")
    completion_tokens: int | None = Field(description="Tokens written.")
    cost_usd_micros: int = Field(description="Cost in micro-USD.")
    ttft_ms: float | None = Field(description="Until the first token.")
    total_ms: float = Field(description="Until the end.")
    finish_reason: str | None = Field(description="Why the answer ended.")
    error_code: str | None = Field(description="Stable code of a failure.")
    prompt_preview: str = Field(description="How the user's last message begins.")
    answer_preview: str = Field(description="How the answer begins.")


class InteractionPage(BaseModel):
    """A page, newest first.

    A filter that no index serves looks at 5,000 rows a page: a page may then hold fewer rows than
    asked for, even none, and still have a `next_cursor`.
    """

    items: list[InteractionListed] = Field(description="The rows of this page.")
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: end.")
    searched_until: datetime | None = Field(
        description="How far back this page looked; null: to the end."
    )


class InteractionShown(InteractionListed):
    external_id: str | None = Field(description="Its id in the source.")
    forked_from_id: UUID | None = Field(description="The interaction it is another try of.")
    engine_build: str | None = Field(description="The engine's build.")
    quantization: str | None = Field(description="How the weights were packed.")
    template_hash: str | None = Field(description="Of the chat template.")
    prompt_hash: str = Field(description="Of all messages, canonical.")
    prefix_hash: str = Field(description="Of all messages but the last.")
    prompt_messages: int = Field(description="How many messages the prompt had.")
    params: dict[str, Any] = Field(description="Sampling parameters as sent.")
    seed: int | None = Field(description="Seed that was sent.")
    cached_tokens: int | None = Field(description="Tokens read from the cache.")
    error_detail: str | None = Field(description="What happened, for a person.")
    messages: list[dict[str, Any]] = Field(description="The whole prompt.")
    tools: list[dict[str, Any]] | None = Field(description="Tools that were offered.")
    response_format: dict[str, Any] | None = Field(description="Form the answer had to have.")
    answer: dict[str, Any] | None = Field(description="The answer's message.")
    response: dict[str, Any] | None = Field(description="What came back, whole.")
