"""What a firing does when its time has come: overlap, failure, a person's wish, and exactly one start."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.models import Job, State, WaitingFor
from camel_ext.core.paging import Place
from camel_ext.scheduling.firings import (
    MOST_WAITING,
    carry_out,
    list_firings,
    repeat_firing,
    run_now,
)
from camel_ext.scheduling.models import Cause, Firing, Reason, Schedule
from camel_ext.scheduling.schedules import delete_schedule
from camel_ext.scheduling.schemas import FiringShown
from tests.scheduling.conftest import ADA, Desk

TURN_S = 2.0


async def ticked(desk: Desk, schedule: Schedule, count: int = 1) -> list[Firing]:
    """The firings after so many more minutes, each carried out as far as it goes."""
    scheduler = desk.scheduler(sole=True)
    for _ in range(count):
        desk.clock.advance(60)
        await scheduler.turn()
        await desk.work()
    return await desk.firings(schedule.id)


def told(firings: list[Firing]) -> list[tuple[str, str | None]]:
    return [(str(each.state), each.reason and str(each.reason)) for each in firings]


class TestOverlap:
    async def test_skip_starts_nothing_while_one_is_under_way(self, desk: Desk) -> None:
        schedule = await desk.save(overlap="skip")
        firings = await ticked(desk, schedule, 3)
        skipped = ("cancelled", "overlap")
        assert told(firings) == [("succeeded", None), skipped, skipped]
        await desk.end_thing((await desk.things())[0].id)
        assert told(await ticked(desk, schedule))[-1] == ("succeeded", None)
        assert len(await desk.things()) == 2

    async def test_allow_starts_all(self, desk: Desk) -> None:
        schedule = await desk.save(overlap="allow")
        await ticked(desk, schedule, 3)
        assert len(await desk.things()) == 3

    async def test_queue_starts_one_after_the_other_in_order(self, desk: Desk) -> None:
        schedule = await desk.save(overlap="queue")
        firings = await ticked(desk, schedule, 3)
        assert [each.state for each in firings] == [State.SUCCEEDED, State.WAITING, State.WAITING]
        assert firings[1].waiting_for == WaitingFor.SCHEDULE
        for count in (2, 3):
            await desk.end_thing((await desk.things())[-1].id)
            desk.clock.advance(TURN_S)
            await desk.work()
            assert len(await desk.things()) == count
        firings = await desk.firings(schedule.id)
        things = await desk.things()
        assert [each.started_id for each in firings] == [thing.id for thing in things]

    async def test_a_queue_has_an_end(self, desk: Desk) -> None:
        schedule = await desk.save(overlap="queue")
        firings = await ticked(desk, schedule, MOST_WAITING + 3)
        states = [each.state for each in firings]
        assert states.count(State.WAITING) == MOST_WAITING
        assert told(firings)[-2:] == [("cancelled", "overlap")] * 2

    async def test_cancel_other_starts_once_the_other_is_over(self, desk: Desk) -> None:
        schedule = await desk.save(overlap="cancel_other")
        await ticked(desk, schedule)
        first = (await desk.things())[0]
        await _hold(desk, first)  # a worker is at it: it ends when it hears
        firings = await ticked(desk, schedule)
        assert [each.state for each in firings] == [State.SUCCEEDED, State.WAITING]
        held = (await desk.things())[0]
        assert held.cancel_requested_at is not None
        await desk.end_thing(first.id, State.CANCELLED)
        desk.clock.advance(TURN_S)
        await desk.work()
        assert [each.state for each in await desk.firings(schedule.id)] == [State.SUCCEEDED] * 2
        assert len(await desk.things()) == 2

    async def test_what_somebody_deleted_or_cancelled_is_in_nobodys_way(self, desk: Desk) -> None:
        schedule = await desk.save(overlap="skip")
        await ticked(desk, schedule)
        first = (await desk.things())[0]
        await desk.write(lambda db: db.execute(delete(Job).where(Job.id == first.id)))
        firing = (await ticked(desk, schedule))[-1]
        assert firing.state is State.SUCCEEDED
        desk.clock.advance(60)
        await desk.end_thing((await desk.things())[-1].id)
        await desk.scheduler(sole=True).turn()
        waiting = (await desk.firings(schedule.id))[-1]
        await desk.write(jobs.request_cancel, desk.clock, waiting.job_id)
        assert told(await ticked(desk, schedule))[-2:] == [("cancelled", None), ("succeeded", None)]


class TestStarting:
    async def test_carried_out_twice_it_starts_once(self, desk: Desk) -> None:
        schedule = await desk.save()
        firings = await ticked(desk, schedule)

        def again(db: Session) -> Firing | None:
            return carry_out(db, desk.runtime, "0" * 32, firings[0].id)

        await desk.write(again)
        assert len(await desk.things()) == 1

    async def test_what_cannot_be_started_says_why_and_the_next_tick_tries_again(
        self, desk: Desk
    ) -> None:
        schedule = await desk.save()

        await desk.write(lambda db: _set_arguments(db, schedule.id, {"label": "unknown"}))
        firing = (await ticked(desk, schedule))[0]
        assert (firing.state, firing.error_code, firing.error_detail) == (
            State.FAILED, "core.not_found", "there is no such thing",
        )  # fmt: skip
        assert firing.over_at is not None
        await desk.write(lambda db: _set_arguments(db, schedule.id, {}))
        firing = (await ticked(desk, schedule))[-1]
        assert firing.error_code == "scheduling.arguments_invalid"
        assert "arguments.label" in (firing.error_detail or "")
        mended = {"label": "mended"}
        await desk.write(lambda db: _set_arguments(db, schedule.id, mended))
        job_id = await desk.write(repeat_firing, desk.runtime, ADA, firing.id)
        assert await desk.work() == [State.SUCCEEDED]
        again = next(f for f in await desk.firings(schedule.id) if f.job_id == job_id)
        assert (again.cause, again.state) == (Cause.PERSON, State.SUCCEEDED)
        assert (await desk.things())[-1].args == mended

    async def test_a_schedule_deleted_meanwhile_starts_nothing(self, desk: Desk) -> None:
        schedule = await desk.save(jitter_s=3600)
        desk.clock.advance(60)
        await desk.scheduler().turn()
        await desk.ask(delete_schedule, schedule.id, 1)
        desk.clock.advance(3600)
        assert await desk.work() == [State.SUCCEEDED]
        assert await desk.things() == []


class TestRunNow:
    async def test_fires_at_once_also_while_it_is_paused(self, desk: Desk) -> None:
        schedule = await desk.save(paused=True)
        firing = await desk.write(run_now, desk.runtime, ADA, schedule.id)
        assert firing.cause is Cause.PERSON
        assert await desk.work() == [State.SUCCEEDED]
        assert len(await desk.things()) == 1

    async def test_twice_in_one_microsecond_is_twice(self, desk: Desk) -> None:
        schedule = await desk.save(overlap="allow")
        one, two = [await desk.write(run_now, desk.runtime, ADA, schedule.id) for _ in range(2)]
        assert two.tick_at - one.tick_at == timedelta.resolution
        await desk.work()
        assert len(await desk.things()) == 2

    async def test_keeps_to_the_overlap_policy(self, desk: Desk) -> None:
        schedule = await desk.save(overlap="skip")
        await ticked(desk, schedule)
        await desk.write(run_now, desk.runtime, ADA, schedule.id)
        await desk.work()
        assert (await desk.firings(schedule.id))[-1].reason is Reason.OVERLAP


async def test_the_history_says_how_what_was_started_is_now(desk: Desk) -> None:
    schedule = await desk.save(overlap="allow")
    await ticked(desk, schedule, 3)
    things = await desk.things()
    await desk.end_thing(things[0].id)
    await desk.end_thing(things[1].id, State.FAILED)
    page: list[FiringShown]
    page, following = await desk.read(list_firings, schedule.id, Place(2))
    rest, _ = await desk.read(list_firings, schedule.id, Place(2, _place(following)))
    found = [*page, *rest]
    assert [each.started_state for each in found] == ["queued", "failed", "succeeded"]
    assert found[0].started_path == f"/things/{things[2].id}"


def _place(cursor: str | None):  # type: ignore[no-untyped-def]
    from camel_ext.core.paging import decode_cursor

    assert cursor is not None
    return decode_cursor(cursor)


async def _hold(desk: Desk, thing: Job) -> None:
    def hold(db: Session) -> None:
        held = db.get_one(Job, thing.id)
        held.state, held.worker_id = State.RUNNING, desk.worker_id

    await desk.write(hold)


def _set_arguments(db: Session, schedule_id: UUID, arguments: dict[str, Any]) -> None:
    db.get_one(Schedule, schedule_id).arguments = arguments
