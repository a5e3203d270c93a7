"""The shapes of datasets, versions and pairs, with the names that the server's OpenAPI says."""

from typing import Any, Literal, TypedDict

from camel_ext_client.shapes import State

Split = Literal["train", "eval"]
FileFormat = Literal["jsonl", "parquet"]


class Dataset(TypedDict):
    """A name, under which versions follow one another."""

    id: str
    name: str
    last_number: int
    created_at: str


class Warned(TypedDict):
    """What a careful reader should know."""

    code: str
    words: str


class DatasetVersion(TypedDict):
    """A version: what was asked for, how far it is, and, once frozen, what it holds."""

    id: str
    dataset: str
    number: int
    origin: Literal["built", "reduced", "imported"]
    parent_id: str | None
    state: State
    content_hash: str | None
    pairs: int
    pairs_train: int
    pairs_eval: int
    done: int
    total: int | None
    wanted: dict[str, Any] | None
    at_most: int
    rules: dict[str, Any]
    exclude_runs: list[str]
    exclude_judges: list[str]
    statistics: dict[str, Any]
    warnings: list[Warned]
    principal_id: str
    error_code: str | None
    error_detail: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class JudgedBy(TypedDict):
    """A judge on whose word a pair rests."""

    kind: str
    name: str
    version: str | None
    principal_id: str


class Pair(TypedDict):
    """A better and a worse answer to one prompt."""

    position: int
    pair_hash: str
    prompt: list[dict[str, Any]]
    chosen: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None
    split: Split
    topic: str
    prompt_hash: str
    source: Literal["scores", "comparison", "correction", "file"]
    margin: float | None
    chosen_score: float | None
    rejected_score: float | None
    chosen_interaction_id: str | None
    rejected_interaction_id: str | None
    run_ids: list[str]
    annotation_ids: list[str]
    judges: list[JudgedBy]


class Pairs(TypedDict):
    """Pairs in order."""

    items: list[Pair]
    next_after: int | None


class Diff(TypedDict):
    """How two versions differ."""

    before_id: str
    after_id: str
    equal: bool
    kept: int
    added: int
    removed: int
    moved: int
    rescored: int
    added_hashes: list[str]
    removed_hashes: list[str]
    moved_hashes: list[str]
    rules: dict[str, list[Any]]


class Source(TypedDict):
    """How many pairs rest on a run or judge."""

    kind: Literal["run", "judge"]
    ref: str
    label: str
    pairs: int


class Lineage(TypedDict):
    """What a version's pairs rest on."""

    version_id: str
    parent_ids: list[str]
    pairs: int
    interactions: int
    annotations: int
    runs: int
    sources: list[Source]


class Touched(TypedDict):
    """A version with pairs that rest on a run or judge."""

    version_id: str
    dataset: str
    number: int
    pairs: int


class Blast(TypedDict):
    """What would go with some runs and judges."""

    version_id: str
    pairs: int
    touched: int
    touched_train: int
    touched_eval: int
    left: int
    topics_lost: list[str]
    unknown: list[str]
    sample: list[str]
