"""The shapes of judgements, batches and queues, with the names that the server's OpenAPI says."""

from typing import Any, Literal, TypedDict

from camel_ext_client.shapes import State

JudgeKind = Literal["person", "verifier", "agent", "model"]
AnnotationKind = Literal["rating", "thumbs", "labels", "correction", "choice", "ranking", "verdict"]


class Judge(TypedDict, total=False):
    """In whose name something is judged, where that is not who sends it."""

    kind: JudgeKind
    name: str
    version: str | None


class Annotation(TypedDict):
    """One judgement."""

    id: str
    kind: AnnotationKind
    judge_kind: JudgeKind
    judge: str
    judge_version: str | None
    principal_id: str
    interaction_ids: list[str]
    score: float | None
    value: dict[str, Any]
    rationale: str | None
    time_spent_ms: int | None
    guideline_version: str | None
    blind: bool
    batch_id: str | None
    queue_item_id: str | None
    supersedes_id: str | None
    current: bool
    created_at: str
    withdrawn_at: str | None
    withdrawn_by_id: str | None


class Example(TypedDict):
    """One of the first verdicts of a batch."""

    interaction_id: str
    state: str
    score: float | None
    reason: str


class Batch(TypedDict):
    """A verifier over many answers."""

    id: str
    verifier: str
    params: dict[str, Any]
    per_subject: dict[str, str]
    version: str
    wanted: dict[str, Any] | None
    at_most: int
    dry_run: bool
    state: State
    total: int | None
    done: int
    passed: int
    failed: int
    unfound: int
    unanswered: int
    mean_score: float | None
    examples: list[Example]
    principal_id: str
    error_code: str | None
    error_detail: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    undoing: bool
    undone: int
    undone_at: str | None


class Queue(TypedDict):
    """Answers that people shall judge."""

    id: str
    name: str
    kind: AnnotationKind
    guideline: str
    guideline_version: str | None
    labels: list[str] | None
    blind: bool
    annotators: int
    reservation_s: int
    items_total: int
    items_done: int
    items_reserved: int
    principal_id: str
    created_at: str
    closed_at: str | None


class Subject(TypedDict):
    """An answer to judge; no prompt: it is the first one's."""

    interaction_id: str
    prompt: list[dict[str, Any]] | None
    answer: dict[str, Any] | None


class QueueItem(TypedDict):
    """One judgement that a queue wants."""

    id: str
    queue_id: str
    kind: AnnotationKind
    interaction_ids: list[str]
    reserved_until: str | None
    done_at: str | None
    annotation_id: str | None
    subjects: list[Subject]


class NextItem(TypedDict):
    """What `next` gives; no item: nothing is left for you now."""

    item: QueueItem | None
    following: list[QueueItem]
    items_open: int


class ListedItem(TypedDict):
    """An item of a queue without its texts; while the queue is blind, others are null."""

    id: str
    subject_set: int
    interaction_ids: list[str]
    state: str
    reserved_by_id: str | None
    reserved_until: str | None
    done_by_id: str | None
    done_at: str | None
    annotation_id: str | None
    skipped_by_id: str | None
    skipped_at: str | None
    skip_reason: str | None


class QueuePerson(TypedDict):
    """What one person did of a queue."""

    principal_id: str
    done: int
    done_in_last_hour: int
    first_recent_at: str | None
    judged_per_hour: float | None
    last_at: str


class QueueProgress(TypedDict):
    """How far a queue is; the four states sum to the total."""

    items_total: int
    done: int
    open: int
    reserved: int
    skipped: int
    judged_per_hour: float | None
    left_s: float | None
    people: list[QueuePerson]
