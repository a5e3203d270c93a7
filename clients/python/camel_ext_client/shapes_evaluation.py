"""The shapes of suites, evaluations, judgings and comparisons, as the server's OpenAPI names them."""

from typing import Any, Literal, TypedDict

from camel_ext_client.shapes import State

Verdict = Literal["better", "not_worse", "worse", "inconclusive"]


class Suite(TypedDict):
    """A name, under which versions of an examination follow one another."""

    id: str
    name: str
    description: str
    current_version_id: str
    revision: int
    created_at: str
    updated_at: str


class SuiteVersion(TypedDict):
    """Cases and scorers with this very content."""

    id: str
    suite_id: str
    number: int
    content_hash: str
    primary: str
    scorers: list[dict[str, Any]]
    case_count: int
    topic_count: int
    principal_id: str
    created_at: str


class WholeSuiteVersion(SuiteVersion):
    """The same with its cases."""

    cases: list[dict[str, Any]]


class Evaluation(TypedDict):
    """A suite's cases answered by one target, and scored."""

    id: str
    suite: str
    suite_version_id: str
    target_kind: Literal["workflow", "model"]
    target: str
    workflow_version_id: str | None
    pinned: dict[str, Any]
    engines: list[dict[str, Any]]
    target_hash: str
    seed: int
    parallel: int
    reuse: bool
    state: State
    total: int
    done: int
    reused: int
    failed: int
    means: dict[str, float]
    prompt_tokens: int
    completion_tokens: int
    cost_usd_micros: int
    principal_id: str
    error_code: str | None
    error_detail: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class EvaluationCase(TypedDict):
    """One case: who answered it, what was said, what each scorer found."""

    position: int
    case_id: str
    topic: str
    state: State
    run_id: str | None
    interaction_id: str | None
    answer: Any
    scores: dict[str, dict[str, Any]]
    latency_ms: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd_micros: int | None
    reused_from_id: str | None
    error_code: str | None
    error_detail: str | None


class EvaluationCases(TypedDict):
    """Cases in the suite's order."""

    items: list[EvaluationCase]
    next_after: int | None


class RailPlanned(TypedDict):
    """How surely a candidate that changes nothing passes a guardrail."""

    measure: str
    passes_equal: float | None


class Plan(TypedDict):
    """What an evaluation of both sides could show, and what it would take."""

    n: int
    topics: int
    alpha: float
    smallest_gain: float
    power: float
    power_at: dict[str, float]
    assumed: dict[str, float]
    assumed_from: str
    not_worse_equal: float
    guardrails: list[RailPlanned]
    reusable: int
    seconds: float | None
    cost_usd_micros: int | None
    warnings: list[str]


class Judging(TypedDict):
    """A judge that sees two evaluations' answers side by side."""

    id: str
    baseline_id: str
    candidate_id: str
    scorer: str
    model_version_id: str
    seed: int
    state: State
    total: int
    done: int
    found: dict[str, Any]
    bias: dict[str, Any]
    cost_usd_micros: int
    error_code: str | None
    error_detail: str | None
    created_at: str
    finished_at: str | None


class Comparison(TypedDict):
    """A candidate beside its baseline, and the verdict with all that it rests on."""

    id: str
    suite_version_id: str
    baseline_id: str
    candidate_id: str
    policy: dict[str, Any]
    policy_hash: str
    alpha: float
    verdict: Verdict
    effect: float
    low: float
    high: float
    level: float
    n: int
    topics: int
    result: dict[str, Any]
    result_hash: str
    principal_id: str
    created_at: str
