"""The seam to the rooms above: tasks that a schedule can start, by name.

A room registers what it can start, with the shape of its arguments; this room knows the names and never
imports the rooms. It is not the queue: a task here makes a run, an evaluation, a version, and *that*
asks the queue for its work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.models import State
from camel_ext.scheduling.errors import ArgumentsInvalid, TaskUnknown

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asking:
    """In whose name something is started, by which schedule, and where its time and chance come from."""

    schedule: str
    principal_id: UUID
    clock: Clock
    new_id: Callable[[], UUID]
    new_seed: Callable[[], int]
    trace_id: str


@dataclass(frozen=True, slots=True)
class Schedulable:
    """A task that a schedule can start.

    `start` makes the thing in the session's transaction and returns its id; `look` returns the states of
    those that are still there; `stop` asks one to end. `path` is where the thing is read, with `{id}`.
    """

    name: str
    words: str
    arguments: type[BaseModel]
    path: str
    start: Callable[[Session, Asking, Any], UUID]
    look: Callable[[Session, Sequence[UUID]], dict[UUID, State]]
    stop: Callable[[Session, Asking, UUID], object]


SCHEDULABLE: dict[str, Schedulable] = {}


def schedulable(task: Schedulable) -> Schedulable:
    """Register a task under its name."""
    SCHEDULABLE[task.name] = task
    return task


def states_of(entity: Any) -> Callable[[Session, Sequence[UUID]], dict[UUID, State]]:
    """Return the `look` of a table whose rows have an `id` and a `state`."""

    def look(db: Session, ids: Sequence[UUID]) -> dict[UUID, State]:
        query = select(entity.id, entity.state).where(entity.id.in_(ids))
        return {row.id: row.state for row in db.execute(query)}

    return look


def find_schedulable(name: str) -> Schedulable:
    """Return the task of that name.

    Raises: TaskUnknown.
    """
    task = SCHEDULABLE.get(name)
    if task is None:
        listed = ", ".join(sorted(SCHEDULABLE))
        raise TaskUnknown(f"there is no task {name[:80]!r} to schedule; there are: {listed}")
    return task


def read_arguments(task: Schedulable, arguments: Json) -> BaseModel:
    """Return the arguments in the task's own shape.

    Raises: ArgumentsInvalid, naming the first field that is wrong.
    """
    try:
        return task.arguments.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_context=False, include_input=False, include_url=False)[0]
        field = ".".join(("arguments", *map(str, first["loc"])))
        raise ArgumentsInvalid(f"{field}: {first['msg']}") from error
