"""The shapes of answers: plain dicts, with the names and types that the server's OpenAPI says.

Times are ISO 8601 texts in UTC, ids are texts. A newer server may send more fields than stand here.
"""

from typing import Any, Generic, Literal, TypedDict, TypeVar

T = TypeVar("T")
State = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
FINAL: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})
STOPS_FOR: frozenset[str] = frozenset({"person", "budget", "pause"})  # nothing goes on by itself


class Page(TypedDict, Generic[T]):
    """One page of a list, newest first."""

    items: list[T]
    next_cursor: str | None


class Run(TypedDict):
    """One execution of a workflow."""

    id: str
    workflow: str
    workflow_version_id: str
    purpose: Literal["run", "sample", "eval"]
    state: State
    waiting_for: str | None
    waiting_detail: str | None
    input: dict[str, Any]
    output: Any
    error_code: str | None
    error_detail: str | None
    resolved: dict[str, Any]
    budgets: dict[str, Any]
    seed: int
    single_step: bool
    parent_run_id: str | None
    prefix_seq: int
    session: str | None
    tags: list[str]
    turns: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd_micros: int
    running_ms: int
    principal_id: str
    trace_id: str
    revision: int
    created_at: str
    started_at: str | None
    finished_at: str | None


def at_rest(run: Run) -> bool:
    """Tell whether nothing more happens in a run by itself: it ended, or waits for somebody."""
    return run["state"] in FINAL or (run["state"] == "waiting" and run["waiting_for"] in STOPS_FOR)


class Variant(TypedDict, total=False):
    """How a call is asked again; what is left out is as it was."""

    model: str
    temperature: float
    top_p: float
    max_tokens: int


class Fork(TypedDict):
    """One logged call, asked again from the identical prompt."""

    id: str
    interaction_id: str
    state: State
    wanted: dict[str, Any]
    seed: int
    total: int
    done: int
    failed: int
    error_code: str | None
    error_detail: str | None
    principal_id: str
    trace_id: str
    created_at: str
    started_at: str | None
    finished_at: str | None


class Turn(TypedDict):
    """One durable step of a run."""

    run_id: str
    seq: int
    step_key: str
    kind: Literal["model", "tool", "verify"]
    name: str
    interaction_id: str | None
    input: Any
    output: Any
    total_ms: float
    created_at: str


class Turns(TypedDict):
    """A part of a run's turns, in order."""

    items: list[Turn]
    next_after: int | None


class Budgets(TypedDict, total=False):
    """Limits of a run; what is left out is as the workflow says."""

    max_turns: int
    max_tokens: int
    max_seconds: float
    max_cost_usd: float


class Change(TypedDict):
    """What applying files did, or would do, to one name."""

    kind: str
    name: str
    change: Literal["added", "changed", "unchanged", "retired"]
    content_hash: str | None


class Applied(TypedDict):
    """The answer to applying files."""

    name: str
    revision: int
    dry_run: bool
    changes: list[Change]
    warnings: list[str]
    problems: list[dict[str, Any]]


class Configuration(TypedDict):
    """Files that were applied together."""

    name: str
    revision: int
    files: dict[str, str]
    updated_at: str


class Definition(TypedDict):
    """An agent or workflow as it stands now."""

    kind: Literal["agent", "workflow"]
    name: str
    version_id: str
    content_hash: str
    content: dict[str, Any]
    configuration: str
    updated_at: str


class Tool(TypedDict):
    """A tool that agents and workflows may use."""

    name: str
    description: str
    parameters: dict[str, Any]
    idempotent: bool


class Verifier(TypedDict):
    """A check of an answer that needs no model."""

    name: str
    description: str
    parameters: dict[str, Any]
    slow: bool


class Model(TypedDict):
    """A model or an adapter, by name."""

    id: str
    name: str
    kind: Literal["base", "adapter"]
    description: str
    api_key_env: str | None
    api_key_file: str | None
    source: str
    configuration: str | None
    current_version_id: str | None
    revision: int
    created_at: str
    updated_at: str


class ModelVersion(TypedDict):
    """A model with one very content."""

    id: str
    model_id: str
    number: int
    content_hash: str
    kind: Literal["base", "adapter"]
    engine: str
    config: dict[str, Any]
    base_version_id: str | None
    prompt_usd_micros_per_m: int
    completion_usd_micros_per_m: int
    cached_usd_micros_per_m: int | None
    source: str
    principal_id: str
    created_at: str


class Share(TypedDict):
    """One version's part of an alias's traffic."""

    version_id: str
    weight: float


class Target(TypedDict, total=False):
    """Where an alias shall point: `model`, `model/adapter`, either with `@version`."""

    target: str
    weight: float


class Alias(TypedDict):
    """What agents and clients name."""

    id: str
    name: str
    targets: list[Share]
    configuration: str | None
    revision: int
    retired_at: str | None
    created_at: str
    updated_at: str
    split: bool


class Move(TypedDict):
    """One move of an alias."""

    id: str
    revision: int
    from_targets: list[Share]
    to_targets: list[Share]
    principal_id: str
    reason: str
    created_at: str


class Me(TypedDict):
    """Who the key acts as."""

    principal_id: str
    name: str
    kind: str
    role: Literal["viewer", "editor", "owner"]
    org_id: str
    project_id: str


class Principal(TypedDict):
    """Somebody of the organisation."""

    id: str
    kind: str
    name: str
    created_at: str


class Overview(TypedDict):
    """The whole at a glance: the loop in counts, what goes on, what waits, how workflows do."""

    at: str
    loop: dict[str, int]
    under_way: dict[str, list[dict[str, Any]]]
    waiting: dict[str, list[dict[str, Any]]]
    certificates: list[dict[str, Any]]
    latest_move: dict[str, Any] | None
    workflows: list[dict[str, Any]]


class Key(TypedDict):
    """A key without its secret."""

    id: str
    name: str
    prefix: str
    principal_id: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    for_browser: bool


class SignInCode(TypedDict):
    """A code that signs in once."""

    code: str
    expires_at: str


class SignedIn(TypedDict):
    """A browser's own key, shown this once, and who it acts as."""

    secret: str
    expires_at: str
    me: Me


class KeyMade(Key):
    """A key just made; its secret is shown this once."""

    secret: str | None


class Event(TypedDict):
    """A state change, as a page of the feed shows it."""

    cursor: str
    event: str
    subject: str
    payload: dict[str, Any]
    trace_id: str | None
    at: str


class Events(TypedDict):
    """A page of events, oldest first."""

    items: list[Event]
    cursor: str
    more: bool
    reset: bool


class Stream(TypedDict):
    """A text that is being made, so far."""

    stream: str
    kind: str
    subject: str
    text: str
    start: int
    offset: int
    done: bool
