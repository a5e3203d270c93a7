"""What the wire accepts and shows of exports: versions as files in the operator's folder."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from camel_ext.core.models import State
from camel_ext.datasets.models import FileFormat, Split
from camel_ext.datasets.schemas import Shown, Wire

Version = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9:@._-]+$")
]


class ExportStart(Wire):
    """Which version, as what file."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": "brief", "format": "parquet"}]}
    )

    version: Version = Field(
        description="A dataset's newest frozen version by its name; one by number, hash or id.",
        examples=["brief", "brief@3"],
    )
    split: Split | None = Field(None, description="Only pairs of this split.")
    format: FileFormat = Field(FileFormat.JSONL, description="jsonl or parquet.")


class ExportShown(Shown):
    id: UUID = Field(description="Its id.")
    version_id: UUID = Field(description="The version that is written.")
    dataset: str = Field(description="Its dataset.")
    number: int = Field(description="Its number.")
    split: Split | None = Field(description="Only pairs of this split.")
    format: FileFormat = Field(description="jsonl or parquet.")
    file: str = Field(description="Name of the file, in the project's folder of exports.")
    state: State = Field(description="Succeeded: the whole file is there.")
    size_bytes: int | None = Field(description="Of the file.")
    sha256: str | None = Field(description="Of the file.")
    principal_id: UUID = Field(description="Who asked for it, or in whose name.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened.")
    created_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When it began.")
    finished_at: datetime | None = Field(description="When it ended.")
