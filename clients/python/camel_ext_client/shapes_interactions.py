"""The shapes of the log, with the names that the server's OpenAPI says."""

from typing import Any, TypedDict

from camel_ext_client.shapes import Page


class InteractionRow(TypedDict):
    """One call of a model, as lists show it."""

    id: str
    ingest_seq: int
    created_at: str
    principal_id: str
    source: str
    purpose: str
    session: str | None
    tags: list[str] | None
    agent_id: str | None
    agent_version: str | None
    run_id: str | None
    step_key: str | None
    parent_id: str | None
    trace_id: str | None
    model_version_id: str
    adapter_version_id: str | None
    alias: str | None
    engine: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd_micros: int
    ttft_ms: float | None
    total_ms: float
    finish_reason: str | None
    error_code: str | None
    prompt_preview: str
    answer_preview: str
    archive_id: str | None
    erased_at: str | None


class Interaction(InteractionRow):
    """One call of a model with all that was sent and returned."""

    external_id: str | None
    forked_from_id: str | None
    engine_build: str | None
    quantization: str | None
    template_hash: str | None
    prompt_hash: str
    prefix_hash: str
    prompt_messages: int
    params: dict[str, Any]
    seed: int | None
    cached_tokens: int | None
    error_detail: str | None
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None
    response_format: dict[str, Any] | None
    answer: dict[str, Any] | None
    response: dict[str, Any] | None


class InteractionPage(Page[InteractionRow]):
    """A page of the log; one that searched far may be short and still have a next one."""

    previous_cursor: str | None
    searched_until: str | None


class Imported(TypedDict):
    """What became of lines of calls: `ids` has one for each, in their order."""

    recorded: int
    duplicates: int
    ids: list[str]
