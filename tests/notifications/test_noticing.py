"""From events to notices: once each, whoever leads; held back and gathered as rules say."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from camel_ext.core.leading import Deposed
from camel_ext.core.models import State
from camel_ext.notifications import inbox, noticing
from camel_ext.notifications.errors import RuleInvalid, RuleNameTaken
from camel_ext.notifications.models import EventCursor
from camel_ext.notifications.noticing import REASON
from camel_ext.notifications.rules import BUILTIN, all_rules, change_rule, preview
from camel_ext.notifications.schemas import RuleChange, RulePreview
from camel_ext.workflows.events import RunFinished
from tests.notifications.conftest import ADA, OTHER, Desk, failed, waits
from tests.notifications.conftest import Receiver as Receiver


async def cursor(desk: Desk) -> int | None:
    found: EventCursor | None = await desk.runtime.read_system(
        REASON, lambda db: db.get(EventCursor, desk.tenant.org_id)
    )
    return None if found is None else found.seq


async def test_a_newcomer_is_told_what_waits_and_what_failed_without_any_setup(desk: Desk) -> None:
    succeeded = RunFinished("run-3", "solve", "succeeded", None, 3)
    await desk.happen(waits("run-1"), waits("run-2", "provider"), failed("run-2"), succeeded)
    await desk.leader().turn()
    titles = [notice.title for notice in await desk.notices()]
    assert titles == ["A run of solve waits for you", "A run of solve failed"]
    unread = await desk.read(inbox.count_unread, ADA)
    assert (unread.unread, unread.more) == (2, False)


async def test_each_event_is_noticed_once_by_each_rule(desk: Desk) -> None:
    await desk.channel("https://hooks.example.com/x")
    await desk.rule("one")
    await desk.rule("two", condition="event.data.state == 'failed'", event_types=[failed().type])
    await desk.happen(failed(), waits())
    leader = desk.leader()
    await leader.turn()
    await leader.turn()
    await desk.leader("two").turn()
    found = sorted((notice.rule, notice.type, notice.in_inbox) for notice in await desk.notices())
    assert found == [
        (BUILTIN, "workflows.run.finished", True),
        (BUILTIN, "workflows.run.waiting", True),
        ("one", "workflows.run.finished", False),
        ("one", "workflows.run.waiting", False),
        ("two", "workflows.run.finished", False),
    ]
    assert len(await desk.deliveries()) == 3
    assert await cursor(desk) == 2


async def test_what_a_room_says_of_messages_is_no_event_for_rules(desk: Desk) -> None:
    with pytest.raises(RuleInvalid, match="no rule can ask"):
        await desk.rule("loop", channel=None, event_types=["notifications.notice.added"])
    with pytest.raises(RuleInvalid, match="no rule can ask"):
        await desk.rule("flood", channel=None, event_types=["workflows.turn.committed"])


async def test_two_leaders_at_once_write_each_notice_once(desk: Desk) -> None:
    await desk.happen(*(failed(f"run-{n}") for n in range(20)))
    one, two = desk.leader("one"), desk.leader("two")
    ends = await asyncio.gather(one.turn(), two.turn(), return_exceptions=True)
    assert all(end is None or isinstance(end, int | float | Deposed) for end in ends), ends
    await one.turn()
    await two.turn()
    subjects = [notice.subject for notice in await desk.notices()]
    assert len(subjects) == len(set(subjects)) == 20


async def test_a_flood_is_taken_in_pieces_and_lost_by_none(desk: Desk) -> None:
    await desk.happen(*(failed(f"run-{n}") for n in range(120)))
    leader, pieces = desk.leader(), []
    while await leader.turn() == 0.0:
        pieces.append(len(await desk.notices()))
    assert pieces == [50, 100]
    assert len({notice.subject for notice in await desk.notices()}) == 120
    assert await cursor(desk) == 120


async def test_who_follows_is_not_woken_by_each_event(desk: Desk) -> None:
    await desk.happen(failed())
    assert await desk.leader("one").turn() == 5
    desk.clock.advance(1)
    await desk.happen(failed("run-2"))
    other = desk.leader("two")
    other._leadership._sole = False  # as on PostgreSQL
    assert await other.turn() == 5.0  # a third of the lease
    assert other._follows
    desk.clock.advance(20)  # the one that led is silent: its lease is over
    await other.turn()
    assert [notice.subject for notice in await desk.notices()] == ["run-1", "run-2"]


async def test_a_leader_that_was_held_up_writes_nothing(desk: Desk) -> None:
    """Its look is old: another one led since, and wrote what it found."""
    await desk.happen(failed())
    found = await desk.runtime.read_system(REASON, noticing.look, {})
    late = desk.leader("late")
    led = await late._lead()
    assert led is not None
    await desk.leader("other").turn()
    wanted = await late._wanted(found[0])

    def write(connection: Any, signals: set[str]) -> None:
        noticing.write(connection, signals, desk.runtime, led, found[0], wanted)

    with pytest.raises(Deposed):
        await desk.runtime.gate.write(write, acting="test")
    assert len(await desk.notices()) == 1


async def test_nothing_is_written_for_events_that_nobody_wants(desk: Desk) -> None:
    commits = desk.runtime.gate.commits
    await desk.happen(*(RunFinished(f"r{n}", "solve", "succeeded", None, 1) for n in range(50)))
    await desk.leader().turn()
    assert desk.runtime.gate.commits == commits + 3  # the events, their numbers, and the tidying
    assert await cursor(desk) is None


async def test_of_two_organisations_each_is_told_its_own(desk: Desk) -> None:
    await desk.happen(failed("ours"))
    await desk.happen(failed("theirs"), tenant=OTHER)
    await desk.leader().turn()
    assert [notice.subject for notice in await desk.notices()] == ["ours"]
    desk.tenant = OTHER
    assert [notice.subject for notice in await desk.notices()] == ["theirs"]


async def test_quiet_hours_hold_back_and_gather(desk: Desk) -> None:
    await desk.channel("https://hooks.example.com/x")
    await desk.rule(quiet_from="23:00", quiet_until="07:00")  # it is midnight, UTC
    leader = desk.leader()
    await desk.happen(failed("run-1"))
    await leader.turn()
    desk.clock.advance(3600)
    await desk.happen(failed("run-2"), failed("run-3"))
    await leader.turn()
    (held,) = await desk.deliveries()
    assert held.state is State.QUEUED
    assert (held.notices, held.due_at.hour) == (3, 7)
    assert held.subject == "A run of solve failed (and 2 more)"
    assert await desk.work() == []
    desk.clock.advance(7 * 3600)
    await desk.happen(failed("run-4"))
    await leader.turn()
    assert [each.notices for each in await desk.deliveries()] == [3, 1]


async def test_a_throttle_gathers_what_comes_meanwhile(desk: Desk) -> None:
    await desk.channel("https://hooks.example.com/x")
    await desk.rule(throttle_s=600)
    leader = desk.leader()
    for n in range(4):
        await desk.happen(failed(f"run-{n}"))
        await leader.turn()
        desk.clock.advance(60)
    first, second = await desk.deliveries()
    assert (first.notices, second.notices) == (1, 3)
    assert second.due_at - first.due_at == timedelta(seconds=600)


async def test_what_goes_out_just_now_gathers_nothing_more(desk: Desk, receiver: Receiver) -> None:
    await desk.channel(receiver.url)
    await desk.rule(digest="hourly")
    leader = desk.leader()
    await desk.happen(failed("run-1"))
    await leader.turn()
    desk.clock.advance(3600)
    assert await desk.work() == [State.SUCCEEDED]
    await desk.happen(failed("run-2"))
    await leader.turn()
    assert [each.notices for each in await desk.deliveries()] == [1, 1]


async def test_a_rule_that_was_off_makes_nothing_up(desk: Desk) -> None:
    rule = await desk.rule("mine", channel=None, enabled=False)
    await desk.happen(failed("while-off"))
    await desk.leader().turn()
    desk.clock.advance(1)
    body = RuleChange(name="mine", event_types=[failed().type])
    await desk.write(change_rule, desk.door, rule.id, 1, body)
    await desk.happen(failed("while-on"))
    await desk.leader().turn()
    mine = [notice.subject for notice in await desk.notices() if notice.rule == "mine"]
    assert mine == ["while-on"]


async def test_the_built_in_rule_is_changed_and_turned_off_like_any(desk: Desk) -> None:
    (rule,) = await desk.read(all_rules)
    with pytest.raises(RuleNameTaken):
        await desk.rule(BUILTIN, channel=None)
    off = RuleChange(name=BUILTIN, event_types=rule.event_types, enabled=False)
    await desk.write(change_rule, desk.door, rule.id, 0, off)
    (changed,) = await desk.read(all_rules)
    assert (changed.enabled, changed.revision) == (False, 1)
    await desk.happen(failed())
    await desk.leader().turn()
    assert await desk.notices() == []


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("event.data.state ==", "ends too early"),
        ("input.goal == 'x'", "only `event` is"),
        ("state == 'failed'", "only `event` is"),
    ],
)
async def test_a_condition_that_cannot_be_is_refused(
    desk: Desk, condition: str, words: str
) -> None:
    with pytest.raises(RuleInvalid, match=words):
        await desk.rule("mine", channel=None, condition=condition)


async def test_a_preview_says_what_would_have_been_noticed_and_what_could_not_be_told(
    desk: Desk,
) -> None:
    await desk.happen(failed(), waits(), RunFinished("run-3", "solve", "succeeded", None, 3))
    types = ["workflows.run.finished", "workflows.run.waiting"]
    wanted = RulePreview(event_types=types, condition="event.data.state == 'failed'")
    seen = await desk.read(preview, wanted)
    assert (seen.looked_at, seen.matched) == (3, 1)
    assert seen.items[0].title == "A run of solve failed"
    assert "there is no `state` here" in seen.problem


async def test_what_is_read_is_read_for_one_and_new_notices_are_not(desk: Desk) -> None:
    leader, other = desk.leader(), desk.runtime.new_id()
    await desk.happen(failed("run-1"), failed("run-2"), failed("run-3"))
    await leader.turn()
    first, *_ = await desk.notices()
    left = await desk.write(lambda db: inbox.mark_read(
        db, desk.clock, ADA, [first.id, first.id, other], everything=False))  # fmt: skip
    assert left.unread == 2
    assert (await desk.read(inbox.count_unread, other)).unread == 3
    left = await desk.write(lambda db: inbox.mark_read(db, desk.clock, ADA, [], everything=True))
    assert left.unread == 0
    desk.clock.jump(-3600)  # what comes after is unread, also where the clock was set back
    await desk.happen(failed("run-4"))
    await leader.turn()
    assert (await desk.read(inbox.count_unread, ADA)).unread == 1
