"""What the API shows of the queue."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from camel_ext.core.concurrency import read_uses
from camel_ext.core.models import State, WaitingFor

MAX_PRIORITY = 1_000


def _names(uses: Any) -> Any:
    return read_uses(uses) if isinstance(uses, str) else uses


class LimitShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str = Field(description="`workflow:NAME`, `model:NAME` or `device:NAME`.")
    at_once: int = Field(description="How many jobs at once may use it.")
    running: int = Field(description="How many do, on a device those of all tenants.")
    waiting: int = Field(description="Due jobs of this project that use it and are not taken yet.")


class LimitsShown(BaseModel):
    items: list[LimitShown] = Field(description="Every limit that holds here, by name.")


class LimitChange(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"at_once": 2}]})

    at_once: int = Field(ge=0, le=10_000, description="How many jobs at once; 0: none for now.")


class JobShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The job's id.")
    queue: str = Field(description="Its queue: the room that it works for.")
    kind: str = Field(description="Name of the task, `room.verb_noun`.")
    args: dict[str, Any] = Field(description="What it works for, by id.")
    state: State = Field(description="One of the six states.")
    waiting_for: WaitingFor | None = Field(description="For whom it waits.")
    priority: int = Field(description="Higher is taken first.")
    run_at: datetime = Field(description="Not taken before this time.")
    uses: Annotated[list[str], BeforeValidator(_names)] = Field(
        description="What it uses that limits may bound."
    )
    waits_for_limit: LimitShown | None = Field(
        None, description="The limit that keeps it from being taken, where that is why it waits."
    )
    attempts: int = Field(description="Tries that failed so far.")
    max_attempts: int = Field(description="Failed tries after which it is dead.")
    takeovers: int = Field(description="Workers that died while they held it.")
    worker_id: UUID | None = Field(description="Who holds it now.")
    parent_id: UUID | None = Field(description="The job that asked for it.")
    cancel_requested_at: datetime | None = Field(description="When somebody asked it to stop.")
    dead_at: datetime | None = Field(description="When it ran out of tries.")
    error_code: str | None = Field(description="Stable code of its last failure.")
    error_detail: str | None = Field(description="What happened.")
    trace_id: str = Field(description="Ties it to the request that asked for it.")
    created_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When it was last taken.")
    finished_at: datetime | None = Field(description="When it ended.")


class DeadKindShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    queue: str = Field(description="The queue of the kind: its room.")
    kind: str = Field(description="Name of the task, `room.verb_noun`.")
    jobs: int = Field(description="Jobs of it that ran out of tries and that nobody queued again.")
    repeatable: bool = Field(description="Whether jobs of this kind can be queued again.")


class DeadLettersShown(BaseModel):
    total: int = Field(description="All of them.")
    items: list[DeadKindShown] = Field(description="By kind, those of which there is any.")


class DeadRepeat(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"queue": "workflows", "at_most": 50}]}
    )

    queue: str | None = Field(None, max_length=64, description="Only of this queue.")
    kind: str | None = Field(None, max_length=80, description="Only of this kind.")
    at_most: int = Field(50, ge=1, le=100, description="So many at a time.")
    cursor: str | None = Field(
        None, max_length=200, description="`next_cursor` of the answer before; null: begin."
    )


class DeadRefused(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    job_id: UUID = Field(description="The job, which stays dead.")
    kind: str = Field(description="Name of its task.")
    code: str = Field(description="Stable code of why it cannot be queued again.")
    detail: str = Field(description="Why, and what can be done instead.")


class DeadRepeated(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    repeated: int = Field(description="How many were queued again by this request.")
    refused: list[DeadRefused] = Field(description="Those that could not be.")
    next_cursor: str | None = Field(
        description="Send it as `cursor` to go on with the rest; null: that were all."
    )


class PriorityChange(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"priority": 10}]})

    priority: int = Field(
        ge=-MAX_PRIORITY,
        le=MAX_PRIORITY,
        description="Higher is taken first; 0 is usual.",
    )


class JobQueueShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str = Field(description="The room that its jobs work for.")
    paused_at: datetime | None = Field(description="Since when nobody takes from it.")
    queued: int = Field(description="Jobs that are due, or will be.")
    running: int = Field(description="Jobs that a worker holds.")
    waiting: int = Field(description="Jobs that wait for somebody or some time.")
    oldest_due_s: float | None = Field(description="For how long the longest due job has waited.")
    started_per_min: float = Field(
        description="Jobs that a worker took, per minute, over the last 5 minutes; one that was taken "
        "twice counts once."
    )
    finished_per_min: float = Field(
        description="Jobs that ended, however they did, per minute, over the last 5 minutes."
    )
    succeeded_last_hour: int = Field(description="Jobs that ended well in the last hour.")
    failed_last_hour: int = Field(description="Jobs that failed in the last hour.")
    dead: int = Field(description="Jobs that ran out of tries and that nobody queued again.")


class JobQueuesShown(BaseModel):
    items: list[JobQueueShown] = Field(description="Every queue, by name.")


class WorkerShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The worker's id, new with each start.")
    name: str = Field(description="Host and process.")
    queues: list[str] | None = Field(description="Queues it takes from; null: all.")
    concurrency: int = Field(description="Jobs it executes at a time.")
    held: int = Field(description="Jobs of this project that it holds.")
    started_at: datetime = Field(description="When it started.")
    heartbeat_at: datetime = Field(description="When it was last heard of.")
    draining_since: datetime | None = Field(description="Since when it takes no more jobs.")


class WorkersShown(BaseModel):
    items: list[WorkerShown] = Field(description="Every worker, longest at work first.")
