"""Routes of schedules: when a task is started, what comes next, and what came of it.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.

Written by `make client` from `schedules.py`: change that one.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.schedules import PATH, Firing, Schedulable, Schedule, Ticks, Timing, _body
from camel_ext_client.shapes import Page
from camel_ext_client.transport import Json


class Schedules:
    """`client.schedules`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def tasks(self) -> list[Schedulable]:
        """Return what can be scheduled, with the JSON Schema of its arguments."""
        return cast(list[Schedulable], await self._transport.get("/api/v1/schedulable-tasks"))

    async def preview(self, timing: Timing, *, count: int = 5, **more: Any) -> Ticks:
        """Return the next times of a timing; nothing is saved.

        More: starts_at, ends_at, jitter_s.
        """
        body: Json = {"timing": dict(timing), "count": count, **more}
        return cast(Ticks, await self._transport.send("POST", f"{PATH}/preview", body=body))

    async def create(
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
        return cast(Schedule, await self._transport.create(PATH, body))

    async def change(
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
        found = await self._transport.send(
            "PUT", f"{PATH}/{schedule_id}", body=body, headers=headers
        )
        return cast(Schedule, found)

    async def list(
        self,
        *,
        name: str | None = None,
        task: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Schedule]:
        """Return a page of schedules, newest first."""
        found = await self._transport.get(PATH, name=name, task=task, limit=limit, cursor=cursor)
        return cast(Page[Schedule], found)

    def each(self, *, task: str | None = None) -> AsyncIterator[Schedule]:
        """Yield all schedules, newest first."""
        return each(lambda at: self.list(task=task, limit=200, cursor=at))

    async def get(self, schedule_id: str) -> Schedule:
        """Return one schedule."""
        return cast(Schedule, await self._transport.get(f"{PATH}/{schedule_id}"))

    async def next(self, schedule_id: str, *, count: int = 5) -> Ticks:
        """Return a schedule's next times, as if it were not paused."""
        return cast(Ticks, await self._transport.get(f"{PATH}/{schedule_id}/next", count=count))

    async def pause(self, schedule_id: str, *, reason: str = "") -> Schedule:
        """Let a schedule fire no more until it is resumed."""
        path, body = (f"{PATH}/{schedule_id}/pause", {"reason": reason})
        return cast(Schedule, await self._transport.send("POST", path, body=body))

    async def resume(self, schedule_id: str) -> Schedule:
        """Let a paused schedule fire again, from now on."""
        return cast(Schedule, await self._transport.send("POST", f"{PATH}/{schedule_id}/resume"))

    async def run(self, schedule_id: str) -> Firing:
        """Fire a schedule now."""
        return cast(Firing, await self._transport.create(f"{PATH}/{schedule_id}/run", {}))

    async def delete(self, schedule_id: str, revision: int) -> Schedule:
        """Delete a schedule with its history, if it is at that revision; what it started stays."""
        headers = {"If-Match": f'"{revision}"'}
        found = await self._transport.send("DELETE", f"{PATH}/{schedule_id}", headers=headers)
        return cast(Schedule, found)

    async def firings(
        self, schedule_id: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Firing]:
        """Return a page of what a schedule fired and what came of it, the latest first."""
        path = f"{PATH}/{schedule_id}/firings"
        return cast(Page[Firing], await self._transport.get(path, limit=limit, cursor=cursor))

    def each_firing(self, schedule_id: str) -> AsyncIterator[Firing]:
        """Yield all that a schedule fired, the latest first."""
        return each(lambda at: self.firings(schedule_id, limit=200, cursor=at))
