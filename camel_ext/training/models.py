"""Tables of training: what was asked for, how far it is, what came of it, and its curves.

What a training computes lies in its folder (`spec`); a row says how it is going. The adapter it made is
a version in the registry, which says where the file is.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from camel_ext.core.models import Base, State, Tenanted


class MetricKind(StrEnum):
    """What a point of a curve was measured on: one update, or the pairs held out."""

    STEP = "step"
    EVAL = "eval"


class TrainingJob(Tenanted, Base):
    """One adapter to be trained: from what, how, how far it is, and what came of it."""

    __tablename__ = "training_jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), doc="The adapter's name, below its base's.")
    base: Mapped[str] = mapped_column(String(140), doc="The base as people write it, `model@1`.")
    base_version_id: Mapped[UUID] = mapped_column(
        ForeignKey("model_versions.id"), doc="The version that is trained upon."
    )
    dataset: Mapped[str] = mapped_column(String(80), doc="The pairs as people write it, `name@2`.")
    dataset_version_id: Mapped[UUID] = mapped_column(
        ForeignKey("dataset_versions.id"), doc="The frozen version that is learnt from."
    )
    dataset_hash: Mapped[str] = mapped_column(String(80), doc="Content hash of these pairs.")
    preset: Mapped[str] = mapped_column(String(64), doc="What the hyper-parameters started from.")
    hyper: Mapped[dict[str, Any]] = mapped_column(doc="All of them, as they are used.")
    seed: Mapped[int] = mapped_column(doc="Order of the pairs and first weights.")
    spec_hash: Mapped[str] = mapped_column(
        String(80), doc="Of base, pairs and hyper-parameters: equal hash, equal adapter."
    )
    priority: Mapped[int] = mapped_column(doc="Higher is trained first.")
    dry_run: Mapped[bool] = mapped_column(Boolean, doc="It only looks, and trains nothing.")
    state: Mapped[State] = mapped_column(default=State.QUEUED, doc="One of the six states.")
    progress: Mapped[dict[str, Any]] = mapped_column(
        doc="Its phase and the newest step: step, steps, loss, margin, accuracy, eta_s, ..."
    )
    alarms: Mapped[list[Any]] = mapped_column(doc="What went wrong meanwhile: code, words, step.")
    preflight: Mapped[dict[str, Any] | None] = mapped_column(
        doc="What was found before it began: memory, time, the first batch, warnings."
    )
    result: Mapped[dict[str, Any] | None] = mapped_column(doc="Files with sizes and hashes, costs.")
    card: Mapped[str | None] = mapped_column(doc="The model card, written from the lineage.")
    adapter_version_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("model_versions.id"), doc="The version that came of it."
    )
    restarts: Mapped[int] = mapped_column(
        default=0, doc="Trainers in turn that died before they got any further."
    )
    console_tail: Mapped[str | None] = mapped_column(doc="The last lines that its libraries said.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    error_advice: Mapped[str | None] = mapped_column(doc="What to try.")
    principal_id: Mapped[UUID] = mapped_column(doc="Who asked for it.")
    job_id: Mapped[UUID] = mapped_column(doc="The job that executes it.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was asked for.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it first began.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it reached a final state.")

    __table_args__ = (
        Index("ix_training_jobs_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_training_jobs_state", "org_id", "project_id", "state", "created_at", "id"),
    )

    @property
    def progress_ratio(self) -> float:
        """How much of the updates is done, in [0, 1]."""
        if self.state == State.SUCCEEDED:
            return 1.0
        steps = self.progress.get("steps") or 0
        return min(1.0, self.progress.get("step", 0) / steps) if steps else 0.0


class TrainingMetric(Tenanted, Base):
    """A point of a training's curves; written once, whoever computes the step again."""

    __tablename__ = "training_metrics"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    training_id: Mapped[UUID] = mapped_column(primary_key=True, doc="Whose curve.")
    kind: Mapped[MetricKind] = mapped_column(primary_key=True, doc="An update, or a look.")
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, doc="At which step.")
    at: Mapped[datetime] = mapped_column(doc="When it was measured.")
    values: Mapped[dict[str, Any]] = mapped_column(doc="loss, margin, accuracy and the rest.")

    __table_args__ = ({"sqlite_with_rowid": False},)
