"""What the wire accepts and shows of interactions.

The routes encode rows straight to JSON; these classes declare that very JSON, and a test holds that
both are equal.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from camel_ext.core.models import State
from camel_ext.core.paging import Place, decode_cursor
from camel_ext.interactions.models import ArchiveState, Purpose

Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Match = Annotated[
    str, StringConstraints(min_length=3, max_length=240, pattern=r"^[a-z_]+:[^\x00]+$")
]
WORDS = (
    "run_id", "session", "agent_id", "model_version_id", "adapter_version_id", "trace_id",
    "forked_from_id", "error_code", "purpose", "alias", "source", "step_key", "engine",
    "finish_reason",
)  # fmt: skip
MATCHED = (*WORDS, "tag")
KEEP_MIN_DAYS = 2  # younger prompts may still be continued (threads.CONTINUE_MS)
KEEP_MAX_DAYS = 36_500


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
    source: Word | None = Field(None, description="Asked by this: workflows, gateway, import.")
    step_key: Word | None = Field(None, description="This turn of a run.")
    engine: Word | None = Field(None, description="Answered by this engine.")
    finish_reason: Word | None = Field(None, description="Ended for this reason.")
    min_total_ms: float | None = Field(None, ge=0, description="Took at least this long.")
    max_total_ms: float | None = Field(None, ge=0, description="Took less than this.")
    min_tokens: int | None = Field(
        None, ge=0, lt=2**31, description="Read and wrote at least so many."
    )
    since: AwareDatetime | None = Field(None, description="Recorded at or after this time.")
    until: AwareDatetime | None = Field(None, description="Recorded before this time.")
    text: Word | None = Field(None, description="Found in the beginnings of question or answer.")
    one_of: list[Match] | None = Field(
        None,
        max_length=50,
        description="`field:value` of a word or id above; several values of one field are "
        "alternatives. Tried row by row.",
        examples=[["agent_id:writer", "agent_id:reviewer"]],
    )
    none_of: list[Match] | None = Field(
        None,
        max_length=50,
        description="`field:value` that must not be so; what has no such field is found.",
        examples=[["purpose:eval"]],
    )

    @model_validator(mode="after")
    def _readable(self) -> "InteractionFilter":
        read_matches(self.one_of)
        read_matches(self.none_of)
        return self


def read_matches(given: Sequence[str] | None) -> dict[str, list[Any]]:
    """Return values by field of what is written `field:value`. Raises: ValueError."""
    found: dict[str, list[Any]] = {}
    for each in given or ():
        name, _, value = each.partition(":")
        if name not in MATCHED:
            raise ValueError(f"`{name}` is none of {', '.join(MATCHED)}")
        try:
            read = InteractionFilter.model_validate({name: value})
        except ValidationError as error:
            raise ValueError(f"`{each}`: {error.errors()[0]['msg']}") from error
        found.setdefault(name, []).append(getattr(read, name))
    return found


class InteractionQuery(InteractionFilter):
    """A filter and the page that is wanted of it."""

    limit: int = Field(50, ge=1, le=500, description="Rows a page.")
    cursor: str | None = Field(None, description="`next_cursor` of a page: the older ones.")
    before: str | None = Field(None, description="`previous_cursor` of a page: the newer ones.")

    @model_validator(mode="after")
    def _one_way(self) -> "InteractionQuery":
        if self.cursor is not None and self.before is not None:
            raise ValueError("give either `cursor` (older) or `before` (newer)")
        return self

    @property
    def place(self) -> Place:
        older = None if self.cursor is None else decode_cursor(self.cursor)
        newer = None if self.before is None else decode_cursor(self.before)
        return Place(self.limit, older, newer)


class ExportQuery(InteractionFilter):
    """A filter, and how much of each interaction is wanted."""

    bodies: bool = Field(True, description="With prompts, tools and answers; else only the rest.")
    skip_missing: bool = Field(
        False,
        description="Leave words out whose archive's file is not there: such a line says which in "
        "`missing_archive`. Else nothing is exported.",
    )


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
    archive_id: UUID | None = Field(
        description="The archive that prompt and answer are read from; null: the log."
    )
    erased_at: datetime | None = Field(
        description="When prompt and answer were erased for good; what is left is this row."
    )


class InteractionPage(BaseModel):
    """A page, newest first.

    One filter is served by an index; for others a page looks at 5,000 rows: it may then hold fewer
    than asked for, even none, and still have a `next_cursor`. A page asked for with `before` holds
    the rows next to that one and newer; its `next_cursor` leads back down.
    """

    items: list[InteractionListed] = Field(description="The rows of this page.")
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: end.")
    previous_cursor: str | None = Field(
        description="Send it as `before` for newer rows, also those still to come; null: no row."
    )
    searched_until: datetime | None = Field(
        description="How far this page looked; null: to the end."
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


class ImportedShown(BaseModel):
    recorded: int = Field(description="Lines that are in the log now and were not before.")
    duplicates: int = Field(description="Lines whose `external_id` was there already.")
    ids: list[UUID] = Field(description="The interaction of each line, in their order.")


class FacetValue(BaseModel):
    value: str | None = Field(description="The value; null: it has none.")
    count: int = Field(description="How many of the calls that were looked at.")


class FacetsShown(BaseModel):
    """Counts by value, most frequent first, at most 50 values each.

    Each facet is counted with all filters but its own, so that it shows what else there is.
    """

    agent_id: list[FacetValue] = Field(description="By agent.")
    model_version_id: list[FacetValue] = Field(description="By base version.")
    adapter_version_id: list[FacetValue] = Field(description="By adapter.")
    alias: list[FacetValue] = Field(description="By the name that was asked for.")
    purpose: list[FacetValue] = Field(description="By purpose.")
    source: list[FacetValue] = Field(description="By what asked.")
    finish_reason: list[FacetValue] = Field(description="By how the answer ended.")
    error_code: list[FacetValue] = Field(description="By failure; null: it did not fail.")
    tag: list[FacetValue] = Field(description="By tag; null: without a tag.")
    rows: int = Field(description="At most so many calls, the newest, were looked at.")
    searched_until: datetime | None = Field(description="How far back; null: to the end.")


class CountShown(BaseModel):
    count: int = Field(description="How many were found, at most 10,000.")
    exact: bool = Field(description="False: there are at least so many.")
    searched_until: datetime | None = Field(description="How far back; null: to the end.")


class HistogramQuery(InteractionFilter):
    """A filter, whose times are the range, and how finely it is divided."""

    buckets: int = Field(60, ge=1, le=500, description="Parts of the same length.")


class BucketShown(BaseModel):
    since: datetime = Field(description="From this time to that of the next one.")
    count: int | None = Field(description="Calls; null: not looked at.")
    errors: int | None = Field(description="Those of them that failed; null: not looked at.")


class HistogramShown(BaseModel):
    """Parts of one length.

    Where it ends now, the parts stay where they are from one time to the next: the first may begin
    before `since`, the last end after now, and there may be a few fewer.
    """

    since: datetime = Field(description="Where it begins: as asked, or by the oldest call found.")
    until: datetime = Field(description="Where it ends: as asked, or by now.")
    buckets: list[BucketShown] = Field(description="Oldest first; none where nothing is found.")
    searched_until: datetime | None = Field(
        description="What is older was not looked at; null: all was."
    )


class RetentionSet(BaseModel):
    """How long calls are kept in the log, and what becomes of their words then."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"keep_days": 90, "archive": True}]}
    )

    keep_days: int = Field(
        ge=KEEP_MIN_DAYS, le=KEEP_MAX_DAYS, description="Calls older than this leave."
    )
    archive: bool = Field(
        True,
        description="To the archive, where they can be read and brought back; false: prompts and "
        "answers are erased for good.",
    )


class RetentionShown(BaseModel):
    """A project's retention. It does nothing by itself: a sweep, or a schedule of one, follows it."""

    model_config = ConfigDict(from_attributes=True)

    keep_days: int = Field(description="Calls older than this leave.")
    archive: bool = Field(description="To the archive, or erased for good.")
    principal_id: UUID = Field(description="Who said so last.")
    changed_at: datetime = Field(description="When.")


class SweepStart(BaseModel):
    """Which calls leave; what is left out is as the project's retention says."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{}, {"older_than_days": 365}]}
    )

    older_than_days: int | None = Field(
        None, ge=KEEP_MIN_DAYS, le=KEEP_MAX_DAYS, description="Calls older than this."
    )
    archive: bool | None = Field(None, description="To the archive, or erased for good.")


class SweepShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="Its id.")
    state: State = Field(description="One of the six states.")
    archive: bool = Field(description="To the archive, or erased for good.")
    until: datetime = Field(description="Calls recorded before this are old.")
    looked_at: int = Field(description="Old calls seen so far.")
    archived: int = Field(description="Calls whose words went to the archive.")
    erased: int = Field(description="Calls whose words were erased.")
    kept: int = Field(description="Calls whose words something still needs.")
    principal_id: UUID = Field(description="Who had it done.")
    job_id: UUID = Field(description="The job that does it.")
    error_code: str | None = Field(description="Stable code of a failure.")
    error_detail: str | None = Field(description="What happened, for a person.")
    created_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When it began.")
    finished_at: datetime | None = Field(description="When it ended.")


class ArchiveShown(BaseModel):
    """One file of archived calls."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="Its id, which its calls name as `archive_id`.")
    sweep_id: UUID = Field(description="The sweep that wrote it.")
    state: ArchiveState = Field(
        description="writing, moving, archived, restoring or restored: where its calls' words are."
    )
    file: str = Field(description="Its name in the project's folder of archives.")
    rows: int = Field(description="How many calls it holds.")
    size_bytes: int = Field(description="How large the file is.")
    sha256: str | None = Field(description="Of the file's bytes.")
    first_at: datetime | None = Field(description="When its oldest call was recorded.")
    last_at: datetime | None = Field(description="When its newest call was recorded.")
    created_at: datetime = Field(description="When it was begun.")
