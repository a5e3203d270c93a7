"""A leading scheduler on a database: ticks, late ones, clocks that jump, leases that change hands."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from camel_ext.core.leading import Led
from camel_ext.core.models import State
from camel_ext.scheduling import ticking
from camel_ext.scheduling.models import Firing, Reason, Schedule
from camel_ext.scheduling.schedules import pause_schedule, resume_schedule
from tests.fakes.clock import START
from tests.scheduling.conftest import OTHER, Desk


def minutes(firings: list[Firing]) -> list[float]:
    return [(firing.tick_at - START).total_seconds() / 60 for firing in firings]


async def test_each_tick_fires_once_and_starts_its_task(desk: Desk) -> None:
    schedule, scheduler = await desk.save(), desk.scheduler()
    for _ in range(3):
        desk.clock.advance(60)
        await scheduler.turn()
        assert await scheduler.turn() == 1.0  # nothing more is due
        await desk.work()
        await desk.end_thing((await desk.things())[-1].id)
    firings = await desk.firings(schedule.id)
    assert minutes(firings) == [1, 2, 3]
    assert {firing.state for firing in firings} == {State.SUCCEEDED}
    things = await desk.things()
    assert [firing.started_id for firing in firings] == [thing.id for thing in things]
    assert [thing.args for thing in things] == [{"label": "often"}] * 3


async def test_it_sleeps_until_the_next_tick_and_no_longer(desk: Desk) -> None:
    await desk.save()
    desk.clock.advance(59.7)
    assert await desk.scheduler().turn() == pytest.approx(0.3)


async def test_jitter_moves_the_start_and_not_the_tick(desk: Desk) -> None:
    schedule, scheduler = await desk.save(jitter_s=30), desk.scheduler()
    desk.clock.advance(60)
    await scheduler.turn()
    firing = (await desk.firings(schedule.id))[0]
    assert minutes([firing]) == [1]
    assert timedelta(0) < firing.due_at - firing.tick_at < timedelta(seconds=30)
    assert await desk.work() == []
    desk.clock.advance(30)
    assert await desk.work() == [State.SUCCEEDED]


@pytest.mark.parametrize(
    ("policy", "fired"),
    [("none", [9]), ("last", [9]), ("all", [5, 6, 7, 8, 9])],
)
async def test_after_a_silence(desk: Desk, policy: str, fired: list[int]) -> None:
    schedule = await desk.save(catch_up=policy, catch_up_limit=5, grace_s=10)
    desk.clock.advance(9 * 60 + 30)
    await desk.scheduler().turn()
    firings = await desk.firings(schedule.id)
    assert minutes(firings) == fired
    if policy == "none":
        assert (firings[0].state, firings[0].reason, firings[0].missed) == (
            State.CANCELLED, Reason.MISSED, 8,
        )  # fmt: skip
    else:
        assert [firing.missed for firing in firings] == [9 - len(fired)] + [0] * (len(fired) - 1)
    assert await desk.work() == ([] if policy == "none" else [State.SUCCEEDED] * len(fired))


async def test_a_clock_set_back_repeats_nothing_and_goes_on_by_itself(desk: Desk) -> None:
    schedule, scheduler = await desk.save(overlap="allow"), desk.scheduler()
    for _ in range(5):
        desk.clock.advance(60)
        await scheduler.turn()
    desk.clock.jump(-180)
    for _ in range(5):
        await scheduler.turn()
        desk.clock.advance(60)
    await scheduler.turn()
    assert minutes(await desk.firings(schedule.id)) == [1, 2, 3, 4, 5, 6, 7]


async def test_a_clock_set_back_to_before_it_was_made_does_not_silence_it(desk: Desk) -> None:
    schedule, scheduler = await desk.save(overlap="allow"), desk.scheduler()
    desk.clock.jump(-3600)
    await scheduler.turn()
    for _ in range(2):
        desk.clock.advance(60)
        await scheduler.turn()
    assert minutes(await desk.firings(schedule.id)) == [-59, -58]


async def test_a_clock_set_far_ahead_and_right_again_loses_no_tick(desk: Desk) -> None:
    schedule, scheduler = await desk.save(overlap="allow"), desk.scheduler()
    desk.clock.jump(100 * 60)
    await scheduler.turn()
    assert minutes(await desk.firings(schedule.id)) == [100]  # catch-up: the last
    desk.clock.jump(-100 * 60)
    await scheduler.turn()
    for _ in range(3):
        desk.clock.advance(60)
        await scheduler.turn()
    assert minutes(await desk.firings(schedule.id)) == [1, 2, 3, 100]


async def test_once_is_once(desk: Desk) -> None:
    at = (START + timedelta(minutes=5)).isoformat()
    schedule = await desk.save(timing={"kind": "once", "at": at})
    for _ in range(10):
        desk.clock.advance(60)
        await desk.scheduler().turn()
    assert minutes(await desk.firings(schedule.id)) == [5]
    assert (await desk.schedule(schedule.id)).next_tick_at is None


async def test_a_pause_is_not_made_up_for(desk: Desk) -> None:
    schedule, scheduler = await desk.save(catch_up="all", overlap="allow"), desk.scheduler()
    desk.clock.advance(60)
    await scheduler.turn()
    await desk.ask(_pause, schedule.id)
    desk.clock.advance(600)
    await scheduler.turn()
    assert await desk.work() == [State.SUCCEEDED]  # the job, which found that it is paused
    assert [(f.state, f.reason) for f in await desk.firings(schedule.id)] == [
        (State.CANCELLED, Reason.PAUSED)
    ]
    await desk.ask(_resume, schedule.id)
    desk.clock.advance(60)
    await scheduler.turn()
    assert minutes(await desk.firings(schedule.id)) == [1, 12]


async def test_a_zone_that_is_no_more_pauses_its_schedule_and_no_other(desk: Desk) -> None:
    lost, kept = await desk.save("lost"), await desk.save("kept")
    gone = {"kind": "cron", "cron": "* * * * *", "timezone": "Mars/Base"}
    await desk.write(
        lambda db: db.execute(update(Schedule).where(Schedule.id == lost.id).values(timing=gone))
    )
    desk.clock.advance(60)
    await desk.scheduler().turn()
    found = await desk.schedule(lost.id)
    assert found.paused_at is not None
    assert "Mars/Base" in (found.pause_reason or "")
    assert minutes(await desk.firings(kept.id)) == [1]


async def test_all_tenants_are_served_and_kept_apart(desk: Desk) -> None:
    other = Desk(desk.runtime, desk.clock, OTHER)
    ours, theirs = await desk.save(), await other.save()
    desk.clock.advance(60)
    await desk.scheduler().turn()
    assert len(await desk.firings(ours.id)) == len(await other.firings(theirs.id)) == 1
    assert await desk.firings(theirs.id) == []


class TestLeases:
    async def test_one_leads_and_the_other_takes_over_when_it_falls_silent(
        self, desk: Desk
    ) -> None:
        schedule = await desk.save(overlap="allow")
        one, two = desk.scheduler("one"), desk.scheduler("two")
        desk.clock.advance(60)
        await one.turn()
        desk.clock.advance(10)
        other = await desk.save("other", timing={"kind": "every", "every_s": 1})
        desk.clock.advance(1)
        assert await two.turn() == 1.0  # due, but the other one leads
        assert await desk.firings(other.id) == []
        desk.clock.advance(15)
        await two.turn()
        assert len(await desk.firings(other.id)) == 1
        assert minutes(await desk.firings(schedule.id)) == [1]

    async def test_a_leader_that_was_held_up_writes_nothing(
        self, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        schedule = await desk.save()
        one, two = desk.scheduler("one"), desk.scheduler("two")
        desk.clock.advance(60)
        led = await one.leadership.take()  # and here it hangs, for longer than its lease
        assert led is not None
        desk.clock.advance(20)
        await two.turn()
        due = ticking.Due(schedule.id, desk.tenant)
        desk.clock.advance(60)
        assert await one._fire(led, due) is False
        assert "another scheduler leads" in caplog.text
        assert [f.fence for f in await desk.firings(schedule.id)] == [2]

    async def test_its_own_lease_that_ran_out_has_another_fence(self, desk: Desk) -> None:
        one = desk.scheduler("one")
        fences = []
        for _ in range(3):
            led = await one.leadership.take()
            assert led is not None
            fences.append(led.fence)
            desk.clock.advance(10 if len(fences) == 1 else 20)
        assert fences == [1, 1, 2]

    async def test_one_that_stops_gives_it_back(self, desk: Desk) -> None:
        one, two = desk.scheduler("one"), desk.scheduler("two")
        assert await one.leadership.take() is not None
        assert await two.leadership.take() is None
        await one.leadership.release()
        assert (await two.leadership.take()) == Led(two.leadership.id, 2, "scheduler")

    async def test_the_sole_one_waits_for_nobody(self, desk: Desk) -> None:
        assert await desk.scheduler("dead").turn() == 1.0
        assert await desk.scheduler("dead").leadership.take() is not None
        assert await desk.scheduler("new", sole=True).leadership.take() is not None


class TestWalls:
    """A scheduler that believed anything would still fire a tick once."""

    async def test_the_database_keeps_one_firing_of_a_tick(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        schedule, scheduler = await desk.save(overlap="allow"), desk.scheduler()
        desk.clock.advance(60)
        await scheduler.turn()
        back: dict[str, Any] = {"cursor_at": START, "next_tick_at": START + timedelta(minutes=1)}
        await desk.write(lambda db: db.execute(update(Schedule).values(**back)))
        monkeypatch.setattr(ticking, "_known", lambda *_: set())  # planted: it forgets
        await scheduler.turn()
        assert "was not fired" in caplog.text
        assert minutes(await desk.firings(schedule.id)) == [1]
        assert len(await _fire_jobs(desk)) == 1

    async def test_old_firings_are_forgotten(self, desk: Desk) -> None:
        schedule = await desk.save()
        scheduler = desk.scheduler(keep_s=3600.0)
        desk.clock.advance(60)
        await scheduler.turn()
        await desk.work()
        await desk.ask(_pause, schedule.id)
        desk.clock.advance(7200)
        await scheduler.turn()
        assert await desk.firings(schedule.id) == []


def _pause(db: Any, asking: Any, schedule_id: UUID) -> Schedule:
    return pause_schedule(db, asking, schedule_id, None, "a rest")


def _resume(db: Any, asking: Any, schedule_id: UUID) -> Schedule:
    return resume_schedule(db, asking, schedule_id, None)


async def _fire_jobs(desk: Desk) -> list[Any]:
    from sqlalchemy import select

    from camel_ext.core.models import Job

    query = select(Job).where(Job.kind == ticking.FIRE)
    found: list[Any] = await desk.read(lambda db: list(db.scalars(query)))
    return found
