"""Tables of datasets: names, versions that are frozen once, their pairs, and where those come from.

A version's row changes while it is built and never again; a pair is written once. What trains on them is
training's business.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, ForeignKey, Index, String, event, inspect
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from camel_ext.core.models import Base, State, Tenanted
from camel_ext.datasets.errors import VersionFrozen


class Origin(StrEnum):
    """How a version came to be."""

    BUILT = "built"
    REDUCED = "reduced"
    IMPORTED = "imported"


class Split(StrEnum):
    """What a pair is for: learning from it, or watching the learning."""

    TRAIN = "train"
    EVAL = "eval"


class PairSource(StrEnum):
    """What says that the chosen answer is the better one."""

    SCORES = "scores"
    COMPARISON = "comparison"
    CORRECTION = "correction"
    FILE = "file"


class FileFormat(StrEnum):
    """How pairs are written to a file."""

    JSONL = "jsonl"
    PARQUET = "parquet"


class SourceKind(StrEnum):
    """What pairs can be traced to."""

    RUN = "run"
    JUDGE = "judge"


class Dataset(Tenanted, Base):
    """A name, under which versions follow one another."""

    __tablename__ = "datasets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), doc="Unique in the project.")
    last_number: Mapped[int] = mapped_column(doc="Number of the version asked for last.")
    created_at: Mapped[datetime] = mapped_column(doc="When its first version was asked for.")

    __table_args__ = (
        Index("uq_datasets_name", "org_id", "project_id", "name", unique=True),
        Index("ix_datasets_created", "org_id", "project_id", "created_at", "id"),
    )


class DatasetVersion(Tenanted, Base):
    """What was asked for, how far it is, and, once frozen, what it holds."""

    __tablename__ = "dataset_versions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dataset_id: Mapped[UUID] = mapped_column(ForeignKey("datasets.id"), doc="Whose version.")
    dataset: Mapped[str] = mapped_column("dataset_name", String(64), doc="Its dataset's name.")
    number: Mapped[int] = mapped_column(doc="Counts the versions asked for, from 1.")
    origin: Mapped[Origin] = mapped_column(doc="Built, reduced or imported.")
    parent_id: Mapped[UUID | None] = mapped_column(doc="The version that it was reduced from.")
    wanted: Mapped[dict[str, Any] | None] = mapped_column(doc="The filter of what was looked at.")
    given_ids: Mapped[list[Any] | None] = mapped_column(
        deferred=True, doc="The interactions, up to 2 MB: read by who needs them; null: a filter."
    )
    at_most: Mapped[int] = mapped_column(doc="How many interactions it looks at, at most.")
    rules: Mapped[dict[str, Any]] = mapped_column(doc="What makes a pair, and which split it gets.")
    exclude_runs: Mapped[list[Any]] = mapped_column(doc="Runs that are left out.")
    exclude_judges: Mapped[list[Any]] = mapped_column(doc="Judges whose word does not count.")
    state: Mapped[State] = mapped_column(default=State.QUEUED, doc="Succeeded means frozen.")
    done: Mapped[int] = mapped_column(default=0, doc="How much it has looked at or received.")
    total: Mapped[int | None] = mapped_column(doc="How much there is; null: not known yet.")
    content_hash: Mapped[str | None] = mapped_column(String(80), doc="Of its pairs; null: none.")
    pairs_train: Mapped[int] = mapped_column(default=0, doc="Pairs to learn from.")
    pairs_eval: Mapped[int] = mapped_column(default=0, doc="Pairs to watch the learning by.")
    statistics: Mapped[dict[str, Any]] = mapped_column(doc="What was found and what it is like.")
    warnings: Mapped[list[Any]] = mapped_column(
        doc="What a careful reader should know: code, words."
    )
    principal_id: Mapped[UUID] = mapped_column(doc="Who asked for it.")
    job_id: Mapped[UUID | None] = mapped_column(
        doc="The job that builds it; null: a file comes in."
    )
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was asked for.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When its building began.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it was frozen, or failed.")

    __table_args__ = (
        Index(
            "uq_dataset_versions_number",
            "org_id", "project_id", "dataset_id", "number",
            unique=True,
        ),
        Index("ix_dataset_versions_created", "org_id", "project_id", "created_at", "id"),
        Index("ix_dataset_versions_hash", "org_id", "project_id", "content_hash"),
    )  # fmt: skip

    @property
    def pairs(self) -> int:
        """How many pairs it holds."""
        return self.pairs_train + self.pairs_eval


class DatasetPair(Tenanted, Base):
    """A better and a worse answer to one prompt, and who says so."""

    __tablename__ = "dataset_pairs"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    version_id: Mapped[UUID] = mapped_column(primary_key=True, doc="The version that holds it.")
    position: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, doc="Its place, from 0."
    )
    pair_hash: Mapped[str] = mapped_column(String(64), doc="Of prompt, tools and both answers.")
    prompt_hash: Mapped[str] = mapped_column(String(64), doc="Of the prompt's messages.")
    prompt: Mapped[list[Any]] = mapped_column(doc="Messages before the answer.")
    tools: Mapped[list[Any] | None] = mapped_column(doc="Tools that were offered.")
    chosen: Mapped[list[Any]] = mapped_column(doc="The better answer: one message.")
    rejected: Mapped[list[Any]] = mapped_column(doc="The worse answer: one message.")
    split: Mapped[Split] = mapped_column(doc="Train or eval.")
    topic: Mapped[str] = mapped_column(String(64), doc="Its topic; without one, its prompt's hash.")
    source: Mapped[PairSource] = mapped_column(doc="What says that one is better.")
    margin: Mapped[float | None] = mapped_column(doc="By how much, from 0 to 1; null: not known.")
    chosen_score: Mapped[float | None] = mapped_column(doc="Of the better answer, from 0 to 1.")
    rejected_score: Mapped[float | None] = mapped_column(doc="Of the worse answer, from 0 to 1.")
    chosen_interaction_id: Mapped[UUID | None] = mapped_column(
        doc="Where the better answer was given; null: somebody wrote it."
    )
    rejected_interaction_id: Mapped[UUID | None] = mapped_column(
        doc="Where the worse answer was given."
    )
    run_ids: Mapped[list[Any]] = mapped_column(doc="Runs that the answers come from.")
    annotation_ids: Mapped[list[Any]] = mapped_column(doc="Judgements that it rests on.")
    judges: Mapped[list[Any]] = mapped_column(doc="Who judged: kind, name, version, principal.")

    __table_args__ = (
        Index(
            "uq_dataset_pairs_hash",
            "org_id", "project_id", "version_id", "pair_hash",
            unique=True,
        ),
    )  # fmt: skip


class DatasetSource(Tenanted, Base):
    """How many pairs of a frozen version rest on one run, or on one judge's word."""

    __tablename__ = "dataset_sources"

    org_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-20)
    project_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-19)
    kind: Mapped[SourceKind] = mapped_column(primary_key=True, doc="Run or judge.")
    ref: Mapped[str] = mapped_column(
        String(240), primary_key=True, doc="The run's id; a person's id; another judge's name."
    )
    version_id: Mapped[UUID] = mapped_column(primary_key=True, doc="The version.")
    label: Mapped[str] = mapped_column(String(240), doc="What people call it.")
    pairs: Mapped[int] = mapped_column(doc="How many of its pairs.")

    __table_args__ = (
        Index("ix_dataset_sources_version", "org_id", "project_id", "version_id", "kind", "ref"),
        {"sqlite_with_rowid": False},
    )


class DatasetExport(Tenanted, Base):
    """A frozen version as a file in the operator's folder."""

    __tablename__ = "dataset_exports"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("dataset_versions.id"), doc="What.")
    dataset: Mapped[str] = mapped_column(String(64), doc="Its dataset.")
    number: Mapped[int] = mapped_column(doc="Its number.")
    split: Mapped[Split | None] = mapped_column(doc="Only pairs of this split.")
    format: Mapped[FileFormat] = mapped_column(doc="How they are written.")
    file: Mapped[str] = mapped_column(String(120), doc="Name in the project's folder of exports.")
    state: Mapped[State] = mapped_column(doc="One of the six states.")
    size_bytes: Mapped[int | None] = mapped_column(BigInteger, doc="Of the file.")
    sha256: Mapped[str | None] = mapped_column(String(64), doc="Of the file.")
    principal_id: Mapped[UUID] = mapped_column(doc="In whose name.")
    job_id: Mapped[UUID] = mapped_column(doc="The job that writes it.")
    error_code: Mapped[str | None] = mapped_column(String(120), doc="Stable code of its failure.")
    error_detail: Mapped[str | None] = mapped_column(doc="What happened, for a person.")
    created_at: Mapped[datetime] = mapped_column(doc="When it was asked for.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it began.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it reached a final state.")

    __table_args__ = (
        Index("ix_dataset_exports_created", "org_id", "project_id", "created_at", "id"),
    )


@event.listens_for(DatasetPair, "before_update")
@event.listens_for(DatasetPair, "before_delete")
@event.listens_for(DatasetVersion, "before_delete")
def _refuse(_mapper: Mapper[Any], _connection: Connection, row: object) -> None:
    raise VersionFrozen(f"a row of {type(row).__name__} is written once and never changed")


@event.listens_for(DatasetVersion, "before_update")
def _refuse_frozen(_mapper: Mapper[Any], _connection: Connection, row: DatasetVersion) -> None:
    before = inspect(row).attrs.state.history
    was = before.deleted[0] if before.deleted else row.state
    if State(was).is_final and any(each.history.has_changes() for each in inspect(row).attrs):
        raise VersionFrozen(
            f"version {row.number} of {row.dataset} is {was}: it never changes, build the next one"
        )
