"""Tables of judgements: annotations, what they are about, batches of verdicts, queues and their items.

An annotation is written once. The newest of a stance that is not withdrawn counts; older ones stay
where they are. So judging again never changes a row, and taking the newest back restores what was said
before. What a judgement is worth for training is the datasets room's business.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, ForeignKey, Index, String, column, event
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from camel_ext.annotations.errors import WrittenOnce
from camel_ext.core.models import Base, BigId, State, Tenanted, system_index


class JudgeKind(StrEnum):
    """Who judges."""

    PERSON = "person"
    VERIFIER = "verifier"
    AGENT = "agent"
    MODEL = "model"


class AnnotationKind(StrEnum):
    """In which form something is judged."""

    RATING = "rating"
    THUMBS = "thumbs"
    LABELS = "labels"
    CORRECTION = "correction"
    CHOICE = "choice"
    RANKING = "ranking"
    VERDICT = "verdict"


class Annotation(Tenanted, Base):
    """One judgement of one answer, or of several side by side; written once."""

    __tablename__ = "annotations"

    seq: Mapped[int] = mapped_column(
        BigId, primary_key=True, autoincrement=True, doc="Order of writing: the newest counts."
    )
    id: Mapped[UUID] = mapped_column(doc="Its id.")
    kind: Mapped[AnnotationKind] = mapped_column(doc="In which form it was judged.")
    judge_kind: Mapped[JudgeKind] = mapped_column(doc="What kind of judge.")
    judge: Mapped[str] = mapped_column(String(120), doc="Name of the person, verifier or model.")
    judge_version: Mapped[str | None] = mapped_column(
        String(80), doc="Of a verifier: the hash of name and parameters; of a model: its version."
    )
    principal_id: Mapped[UUID] = mapped_column(doc="Who wrote it down, or had it done.")
    interaction_ids: Mapped[list[Any]] = mapped_column(doc="What was judged, in shown order.")
    stance: Mapped[str] = mapped_column(
        String(64), doc="Hash of judge, kind and what was judged: of each, the newest counts."
    )
    score: Mapped[float | None] = mapped_column(
        doc="From 0 to 1; null: this kind has none, or nothing was found."
    )
    value: Mapped[dict[str, Any]] = mapped_column(doc="The judgement in its kind's own terms.")
    rationale: Mapped[str | None] = mapped_column(doc="Why, in words.")
    time_spent_ms: Mapped[int | None] = mapped_column(BigInteger, doc="How long it took to judge.")
    guideline_version: Mapped[str | None] = mapped_column(
        String(80), doc="Of the rules it was judged by."
    )
    blind: Mapped[bool] = mapped_column(doc="The judge did not see who had answered.")
    batch_id: Mapped[UUID | None] = mapped_column(doc="The batch that made it.")
    queue_item_id: Mapped[UUID | None] = mapped_column(doc="The item of a queue that it answers.")
    supersedes_id: Mapped[UUID | None] = mapped_column(doc="What counted before it was written.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was written.")
    withdrawn_at: Mapped[datetime | None] = mapped_column(doc="Since when it does not count.")
    withdrawn_by_id: Mapped[UUID | None] = mapped_column(doc="Who took it back.")

    __table_args__ = (
        system_index("uq_annotations_id", "id", unique=True),
        Index("ix_annotations_stance", "org_id", "project_id", "stance", "seq"),
        Index("ix_annotations_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_annotations_kind", "org_id", "project_id", "kind", "created_at", "id"),
        Index(
            "ix_annotations_judge_kind", "org_id", "project_id", "judge_kind", "created_at", "id"
        ),
        Index("ix_annotations_judge", "org_id", "project_id", "judge", "created_at", "id"),
        Index("ix_annotations_principal", "org_id", "project_id", "principal_id", "created_at", "id"),
        Index(
            "ix_annotations_batch",
            "org_id", "project_id", "batch_id", "created_at", "id",
            sqlite_where=column("batch_id").is_not(None),
            postgresql_where=column("batch_id").is_not(None),
        ),
        {"sqlite_autoincrement": True},
    )  # fmt: skip


class AnnotationSubject(Tenanted, Base):
    """One of the answers that an annotation is about, in the order that its lists are read."""

    __tablename__ = "annotation_subjects"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    interaction_id: Mapped[UUID] = mapped_column(primary_key=True, doc="What is judged.")
    created_at: Mapped[datetime] = mapped_column(primary_key=True, doc="As its annotation's.")
    annotation_id: Mapped[UUID] = mapped_column(primary_key=True, doc="The judgement.")
    position: Mapped[int] = mapped_column(doc="Its place in the order shown, from 0.")

    __table_args__ = ({"sqlite_with_rowid": False},)


class Batch(Tenanted, Base):
    """A verifier over many answers: what it is to check, how far it is, what it found."""

    __tablename__ = "annotation_batches"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    verifier: Mapped[str] = mapped_column(String(80), doc="Which verifier.")
    params: Mapped[dict[str, Any]] = mapped_column(doc="Its parameters, the same for each answer.")
    per_subject: Mapped[dict[str, Any]] = mapped_column(
        doc="Parameters that each answer gives itself, such as its prompt."
    )
    version: Mapped[str] = mapped_column(String(80), doc="Hash of verifier and parameters.")
    wanted: Mapped[dict[str, Any] | None] = mapped_column(doc="The filter; null: ids were given.")
    given_ids: Mapped[list[Any] | None] = mapped_column(
        deferred=True, doc="The ids, up to 10,000: no list reads them; null: a filter was given."
    )
    at_most: Mapped[int] = mapped_column(doc="How many answers it checks at most.")
    dry_run: Mapped[bool] = mapped_column(doc="It looks and counts, and writes no judgement.")
    state: Mapped[State] = mapped_column(default=State.QUEUED, doc="One of the six states.")
    total: Mapped[int | None] = mapped_column(doc="How many it will look at; null: not counted.")
    done: Mapped[int] = mapped_column(default=0, doc="How many it has looked at.")
    passed: Mapped[int] = mapped_column(default=0, doc="How many passed.")
    failed: Mapped[int] = mapped_column(default=0, doc="How many did not.")
    unfound: Mapped[int] = mapped_column(default=0, doc="Where the check itself broke or was late.")
    unanswered: Mapped[int] = mapped_column(default=0, doc="How many hold no text to check.")
    score_sum: Mapped[float] = mapped_column(default=0.0, doc="Of those that passed or failed.")
    examples: Mapped[list[Any]] = mapped_column(doc="The first verdicts of each outcome.")
    cursor: Mapped[str | None] = mapped_column(String(200), doc="Where the filter goes on.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who asked for it.")
    job_id: Mapped[UUID] = mapped_column(doc="The job that executes it.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was asked for.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it began.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it reached a final state.")
    undo_job_id: Mapped[UUID | None] = mapped_column(
        doc="The job that takes its verdicts back; null: none does, or it failed."
    )
    undone: Mapped[int] = mapped_column(default=0, doc="How many verdicts were taken back.")
    undone_at: Mapped[datetime | None] = mapped_column(doc="When all of them were.")

    __table_args__ = (
        Index("ix_annotation_batches_created", "org_id", "project_id", "created_at", "id"),
    )

    @property
    def mean_score(self) -> float | None:
        """The mean over what was found; null: nothing was."""
        found = self.passed + self.failed
        return self.score_sum / found if found else None

    @property
    def undoing(self) -> bool:
        """Its verdicts are being taken back."""
        return self.undo_job_id is not None and self.undone_at is None


class Queue(Tenanted, Base):
    """A list of answers that people shall judge, in one form and by one set of rules."""

    __tablename__ = "annotation_queues"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), doc="Unique in the project.")
    kind: Mapped[AnnotationKind] = mapped_column(doc="In which form is judged.")
    guideline: Mapped[str] = mapped_column(doc="By which rules, for people.")
    guideline_version: Mapped[str | None] = mapped_column(String(80), doc="Of these rules.")
    labels: Mapped[list[Any] | None] = mapped_column(doc="The labels there are; null: any.")
    blind: Mapped[bool] = mapped_column(doc="Who answered is not shown.")
    annotators: Mapped[int] = mapped_column(doc="How many people judge each item.")
    reservation_s: Mapped[int] = mapped_column(doc="How long an item is kept for who took it.")
    items_total: Mapped[int] = mapped_column(doc="Judgements wanted: sets times annotators.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who made it.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was made.")
    closed_at: Mapped[datetime | None] = mapped_column(doc="Since when it gives nothing out.")

    __table_args__ = (
        Index("uq_annotation_queues_name", "org_id", "project_id", "name", unique=True),
        Index("ix_annotation_queues_created", "org_id", "project_id", "created_at", "id"),
    )


class QueueItem(Tenanted, Base):
    """One judgement that a queue wants; several of one set are of different people."""

    __tablename__ = "annotation_queue_items"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    queue_id: Mapped[UUID] = mapped_column(ForeignKey("annotation_queues.id"), doc="Whose it is.")
    subject_set: Mapped[int] = mapped_column(doc="Which set of answers, from 0.")
    place: Mapped[int] = mapped_column(BigInteger, doc="Its turn: skipped ones go to the end.")
    interaction_ids: Mapped[list[Any]] = mapped_column(doc="The answers, in the order to show.")
    reserved_by_id: Mapped[UUID | None] = mapped_column(doc="Who took it.")
    reserved_until: Mapped[datetime | None] = mapped_column(doc="How long it is kept for them.")
    done_by_id: Mapped[UUID | None] = mapped_column(doc="Who judged it.")
    done_at: Mapped[datetime | None] = mapped_column(doc="When.")
    annotation_id: Mapped[UUID | None] = mapped_column(doc="The judgement.")
    skipped_by_id: Mapped[UUID | None] = mapped_column(doc="Who skipped it last.")
    skipped_at: Mapped[datetime | None] = mapped_column(doc="When.")
    skip_reason: Mapped[str | None] = mapped_column(String(500), doc="Why, in their words.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was put into the queue.")

    __table_args__ = (
        Index(
            "ix_annotation_queue_items_open",
            "org_id", "project_id", "queue_id", "place", "id",
            sqlite_where=column("done_at").is_(None),
            postgresql_where=column("done_at").is_(None),
        ),
        Index(
            "ix_annotation_queue_items_set", "org_id", "project_id", "queue_id", "subject_set", "id"
        ),
    )  # fmt: skip


@event.listens_for(Annotation, "before_update")
@event.listens_for(Annotation, "before_delete")
@event.listens_for(AnnotationSubject, "before_update")
@event.listens_for(AnnotationSubject, "before_delete")
def _refuse(_mapper: Mapper[Any], _connection: Connection, row: object) -> None:
    raise WrittenOnce(f"a row of {type(row).__name__} is written once and never changed or removed")
