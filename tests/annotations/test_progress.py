"""How far a queue is: states, pace, who did what; several items at once; what is hidden while blind."""

from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from camel_ext.annotations.errors import QueueUnknown
from camel_ext.annotations.models import QueueItem
from camel_ext.annotations.progress import list_items, show_progress
from camel_ext.annotations.queues import Counted
from camel_ext.annotations.reservations import next_items, release_item
from camel_ext.annotations.schemas_queues import ItemListed, ItemState, QueueProgress
from camel_ext.core.paging import Place, decode_cursor
from tests.annotations.conftest import ADA, BEN, Desk, ben
from tests.annotations.test_queues import make, must_take, thumbs
from tests.interactions.conftest import Record

QUEUES = "/api/v1/annotation-queues"
ITEMS = "/api/v1/annotation-queue-items"


async def queue_of(desk: Desk, sets: int, **wanted: Any) -> Counted:
    return await make(desk, sets=[[await desk.answered(str(n))] for n in range(sets)], **wanted)


async def take_some(desk: Desk, queue: Counted, count: int, who: UUID = ADA) -> list[QueueItem]:
    found: list[QueueItem] = await desk.write(next_items, desk.clock, who, queue.queue.id, count)
    return found


async def page_of(
    desk: Desk, queue: Counted, who: UUID = ADA, state: ItemState | None = None
) -> list[ItemListed]:
    found, _ = await desk.read(list_items, desk.clock, who, queue.queue.id, Place(50), state)
    shown: list[ItemListed] = found
    return shown


async def progress_of(desk: Desk, queue: Counted, who: UUID = ADA) -> QueueProgress:
    found: QueueProgress = await desk.read(show_progress, desk.clock, who, queue.queue.id)
    return found


async def skip(desk: Desk, item: QueueItem, reason: str | None, who: UUID = ADA) -> None:
    await desk.write(
        lambda db: release_item(db, desk.clock, who, item.id, skip=True, reason=reason)
    )


class TestSeveralAtOnce:
    async def test_what_one_has_comes_first(self, desk: Desk) -> None:
        queue = await queue_of(desk, 4)
        first, second = await take_some(desk, queue, 2)
        assert [each.id for each in await take_some(desk, queue, 2)] == [first.id, second.id]
        await desk.judge(thumbs(first))
        third, fourth = [each.id for each in await take_some(desk, queue, 2)]
        assert third == second.id
        assert fourth not in (first.id, second.id)

    async def test_nobody_gets_what_another_keeps(self, desk: Desk) -> None:
        queue = await queue_of(desk, 3)
        mine = {each.id for each in await take_some(desk, queue, 2)}
        theirs = [each.id for each in await take_some(desk, queue, 2, BEN)]
        assert len(theirs) == 1
        assert not mine & set(theirs)

    async def test_two_of_one_set_are_never_of_one_person(self, desk: Desk) -> None:
        queue = await queue_of(desk, 2, annotators=3)
        held = await take_some(desk, queue, 5)
        assert [each.subject_set for each in held] == [0, 1]
        assert [each.subject_set for each in await take_some(desk, queue, 5, BEN)] == [0, 1]

    async def test_what_is_kept_no_longer_is_anybodys(self, desk: Desk) -> None:
        queue = await queue_of(desk, 2, reservation_s=10)
        assert len(await take_some(desk, queue, 2)) == 2
        desk.clock.advance(11)
        assert len(await take_some(desk, queue, 2, BEN)) == 2
        assert await take_some(desk, queue, 2) == []


class TestItems:
    async def test_each_has_its_state(self, desk: Desk) -> None:
        queue = await queue_of(desk, 4)
        done = await must_take(desk, queue)
        await desk.judge(thumbs(done))
        skipped = await must_take(desk, queue)
        await skip(desk, skipped, "I do not know it")
        taken = await must_take(desk, queue)
        found = {each.id: each for each in await page_of(desk, queue, BEN)}
        states = [each.state for each in found.values()]
        assert states == [ItemState.DONE, ItemState.SKIPPED, ItemState.RESERVED, ItemState.OPEN]
        assert (found[done.id].done_by_id, found[done.id].annotation_id is None) == (ADA, False)
        assert found[skipped.id].skip_reason == "I do not know it"
        assert found[skipped.id].skipped_by_id == ADA
        assert (found[taken.id].reserved_by_id, found[taken.id].reserved_until is None) == (
            ADA, False,
        )  # fmt: skip
        for state in ItemState:
            (only,) = await page_of(desk, queue, state=state)
            assert only.state == state

    async def test_pages_follow_one_another(self, desk: Desk, statements: list[str]) -> None:
        queue = await queue_of(desk, 3, annotators=2)
        every = [each.id for each in await page_of(desk, queue)]
        seen, place = list[UUID](), Place(2)
        statements.clear()
        for _ in range(3):
            found, cursor = await desk.read(list_items, desk.clock, ADA, queue.queue.id, place)
            seen += [each.id for each in found]
            if cursor is not None:
                place = Place(2, decode_cursor(cursor))
        assert (seen, cursor) == (every, None)
        assert len(every) == 6
        assert len(statements) == 2 * 3

    async def test_skipped_it_is_still_judged(self, desk: Desk) -> None:
        queue = await queue_of(desk, 1)
        await skip(desk, await must_take(desk, queue), None)
        await desk.judge(thumbs(await must_take(desk, queue)))
        (only,) = await page_of(desk, queue)
        assert (only.state, only.skip_reason, only.skipped_by_id) == (ItemState.DONE, None, ADA)


class TestProgress:
    async def test_counts_and_pace(self, desk: Desk, statements: list[str]) -> None:
        queue = await queue_of(desk, 10)
        fresh = await progress_of(desk, queue)
        assert (fresh.open, fresh.done, fresh.judged_per_hour, fresh.left_s) == (10, 0, None, None)
        for _ in range(4):
            await desk.judge(thumbs(await must_take(desk, queue)))
            desk.clock.advance(60)
        await desk.judge(thumbs(await must_take(desk, queue, BEN)), ben)
        await skip(desk, await must_take(desk, queue), None)
        await must_take(desk, queue, BEN)
        statements.clear()
        found = await progress_of(desk, queue)
        assert len(statements) == 3
        assert (found.done, found.open, found.reserved, found.skipped) == (5, 3, 1, 1)
        assert found.judged_per_hour == pytest.approx(60)  # four more in four minutes
        assert found.left_s == pytest.approx(300)
        assert [(each.principal_id, each.done) for each in found.people] == [(ADA, 4), (BEN, 1)]
        assert found.people[0].judged_per_hour == pytest.approx(45)
        assert found.people[1].judged_per_hour is None
        desk.clock.advance(3601)
        later = await progress_of(desk, queue)
        assert (later.judged_per_hour, later.reserved) == (None, 0)
        assert [each.done_in_last_hour for each in later.people] == [0, 0]

    async def test_while_blind_only_oneself_is_seen(self, desk: Desk) -> None:
        queue = await queue_of(desk, 4, blind=True)
        await desk.judge(thumbs(await must_take(desk, queue)))
        await skip(desk, await must_take(desk, queue), "too hard")
        await must_take(desk, queue)
        found = await page_of(desk, queue, BEN)
        assert [each.state for each in found] == ["done", "skipped", "reserved", "open"]
        for each in found:
            assert each.done_by_id is None
            assert each.reserved_by_id is None
            assert each.annotation_id is None
            assert each.skip_reason is None
        assert (await progress_of(desk, queue, BEN)).people == []
        mine = await page_of(desk, queue)
        assert (mine[0].done_by_id, mine[1].skip_reason) == (ADA, "too hard")
        assert [each.principal_id for each in (await progress_of(desk, queue)).people] == [ADA]

    async def test_what_is_not_there(self, desk: Desk) -> None:
        for read in (
            lambda db: show_progress(db, desk.clock, ADA, UUID(int=1)),
            lambda db: list_items(db, desk.clock, ADA, UUID(int=1), Place()),
        ):
            with pytest.raises(QueueUnknown):
                await desk.read(read)


async def test_over_http(client: AsyncClient, house_record: Record) -> None:
    ids = [str((await house_record(reply=text)).id) for text in "abc"]
    body = {"name": "tone", "kind": "thumbs", "sets": [[each] for each in ids]}
    queue = (await client.post(QUEUES, json=body)).json()
    place = f"{QUEUES}/{queue['id']}"
    given = (await client.post(f"{place}/next", params={"count": 2})).json()
    assert [given["item"]["interaction_ids"], given["following"][0]["interaction_ids"]] == [
        ids[:1], ids[1:2],
    ]  # fmt: skip
    assert given["following"][0]["subjects"][0]["answer"]["content"] == "b"
    path = f"{ITEMS}/{given['item']['id']}/release"
    wrong = await client.post(path, json={"reason": "why"})
    assert wrong.status_code == 422
    assert (await client.post(path, json={"skip": True, "reason": "why"})).status_code == 200
    page = (await client.get(f"{place}/items", params={"limit": 1})).json()
    assert (page["items"][0]["state"], page["items"][0]["skip_reason"]) == ("skipped", "why")
    rest = (await client.get(f"{place}/items", params={"cursor": page["next_cursor"]})).json()
    assert [each["state"] for each in rest["items"]] == ["reserved", "open"]
    progress = (await client.get(f"{place}/progress")).json()
    assert (progress["items_total"], progress["skipped"], progress["people"]) == (3, 1, [])
    assert (await client.post(f"{place}/next", params={"count": 6})).status_code == 422
