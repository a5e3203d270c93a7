"""Routes of schedules: when a task is started, what comes next, and what came of it.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NotRequired, TypedDict, cast

from camel_ext_client.pages import each
from camel_ext_client.shapes import Page, State
from camel_ext_client.transport import Json, Transport

PATH = "/api/v1/schedules"
CatchUp = Literal["none", "last", "all"]
Overlap = Literal["skip", "queue", "cancel_other", "allow"]


class CronTiming(TypedDict):
    """By the clocks of a zone."""

    kind: Literal["cron"]
    cron: str
    timezone: NotRequired[str]


class EveryTiming(TypedDict):
    """By a stop-watch."""

    kind: Literal["every"]
    every_s: int


class OnceTiming(TypedDict):
    """One moment."""

    kind: Literal["once"]
    at: str


Timing = CronTiming | EveryTiming | OnceTiming


class Schedulable(TypedDict):
    """A task that a schedule can start."""

    name: str
    words: str
    arguments: dict[str, Any]
    path: str


class Tick(TypedDict):
    """One time to come."""

    at: str
    local: str
    clocks_changed: bool


class Ticks(TypedDict):
    """Times to come, and what they follow from."""

    words: str
    jitter_s: int
    items: list[Tick]


class Schedule(TypedDict):
    """When a task is started, with which arguments."""

    id: str
    name: str
    description: str
    task: str
    arguments: dict[str, Any]
    timing: Timing
    words: str
    starts_at: str | None
    ends_at: str | None
    jitter_s: int
    catch_up: CatchUp
    catch_up_limit: int
    grace_s: int
    overlap: Overlap
    paused: bool
    paused_at: str | None
    pause_reason: str | None
    next_at: str | None
    last_tick_at: str | None
    principal_id: str
    revision: int
    created_at: str
    updated_at: str


class Firing(TypedDict):
    """One tick of a schedule, or one wish of a person, and what came of it."""

    id: str
    schedule_id: str
    cause: Literal["tick", "person"]
    tick_at: str
    due_at: str
    task: str
    state: State
    waiting_for: str | None
    reason: str | None
    started_id: str | None
    started_path: str | None
    started_state: State | None
    missed: int
    principal_id: str
    error_code: str | None
    error_detail: str | None
    created_at: str
    finished_at: str | None


class Schedules:
    """`client.schedules`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def tasks(self) -> list[Schedulable]:
        """Return what can be scheduled, with the JSON Schema of its arguments."""
        return cast(list[Schedulable], self._transport.get("/api/v1/schedulable-tasks"))

    def preview(self, timing: Timing, *, count: int = 5, **more: Any) -> Ticks:
        """Return the next times of a timing; nothing is saved.

        More: starts_at, ends_at, jitter_s.
        """
        body: Json = {"timing": dict(timing), "count": count, **more}
        return cast(Ticks, self._transport.send("POST", f"{PATH}/preview", body=body))

    def create(
        self,
        name: str,
        task: str,
        timing: Timing,
        arguments: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Schedule:
        """Make a schedule.

        More: description, starts_at, ends_at, jitter_s, catch_up, catch_up_limit, grace_s, overlap,
        paused.
        """
        body = _body(task, timing, arguments, more) | {"name": name}
        return cast(Schedule, self._transport.create(PATH, body))

    def change(
        self,
        schedule_id: str,
        revision: int,
        task: str,
        timing: Timing,
        arguments: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Schedule:
        """Replace all of a schedule but its name, if it is at that revision; more as in `create`."""
        body = _body(task, timing, arguments, more)
        headers = {"If-Match": f'"{revision}"'}
        found = self._transport.send("PUT", f"{PATH}/{schedule_id}", body=body, headers=headers)
        return cast(Schedule, found)

    def list(
        self,
        *,
        name: str | None = None,
        task: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Schedule]:
        """Return a page of schedules, newest first."""
        found = self._transport.get(PATH, name=name, task=task, limit=limit, cursor=cursor)
        return cast(Page[Schedule], found)

    def each(self, *, task: str | None = None) -> Iterator[Schedule]:
        """Yield all schedules, newest first."""
        return each(lambda at: self.list(task=task, limit=200, cursor=at))

    def get(self, schedule_id: str) -> Schedule:
        """Return one schedule."""
        return cast(Schedule, self._transport.get(f"{PATH}/{schedule_id}"))

    def next(self, schedule_id: str, *, count: int = 5) -> Ticks:
        """Return a schedule's next times, as if it were not paused."""
        return cast(Ticks, self._transport.get(f"{PATH}/{schedule_id}/next", count=count))

    def pause(self, schedule_id: str, *, reason: str = "") -> Schedule:
        """Let a schedule fire no more until it is resumed."""
        path, body = f"{PATH}/{schedule_id}/pause", {"reason": reason}
        return cast(Schedule, self._transport.send("POST", path, body=body))

    def resume(self, schedule_id: str) -> Schedule:
        """Let a paused schedule fire again, from now on."""
        return cast(Schedule, self._transport.send("POST", f"{PATH}/{schedule_id}/resume"))

    def run(self, schedule_id: str) -> Firing:
        """Fire a schedule now."""
        return cast(Firing, self._transport.create(f"{PATH}/{schedule_id}/run", {}))

    def delete(self, schedule_id: str, revision: int) -> Schedule:
        """Delete a schedule with its history, if it is at that revision; what it started stays."""
        headers = {"If-Match": f'"{revision}"'}
        found = self._transport.send("DELETE", f"{PATH}/{schedule_id}", headers=headers)
        return cast(Schedule, found)

    def firings(
        self, schedule_id: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Firing]:
        """Return a page of what a schedule fired and what came of it, the latest first."""
        path = f"{PATH}/{schedule_id}/firings"
        return cast(Page[Firing], self._transport.get(path, limit=limit, cursor=cursor))

    def each_firing(self, schedule_id: str) -> Iterator[Firing]:
        """Yield all that a schedule fired, the latest first."""
        return each(lambda at: self.firings(schedule_id, limit=200, cursor=at))


def _body(task: str, timing: Timing, arguments: Mapping[str, Any] | None, more: Json) -> Json:
    return {"task": task, "timing": dict(timing), "arguments": dict(arguments or {}), **more}
