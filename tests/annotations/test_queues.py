"""Queues: what is put into one, who gets what, how long it is kept, what answers it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.annotations import ChoiceCreate, JudgementInvalid, LabelsCreate, ThumbsCreate
from camel_ext.annotations.errors import (
    ItemDone,
    ItemTaken,
    ItemUnknown,
    QueueClosed,
    QueueInvalid,
    QueueNameTaken,
    QueueUnknown,
    ReservationExpired,
)
from camel_ext.annotations.models import QueueItem
from camel_ext.annotations.queues import (
    Counted,
    close_queue,
    find_sets,
    list_queues,
    make_queue,
    show_queue,
)
from camel_ext.annotations.reservations import get_item, next_item, release_item, reserve_item
from camel_ext.annotations.schemas_queues import QueueCreate
from camel_ext.core.paging import Place
from camel_ext.interactions import InteractionUnknown
from tests.annotations.conftest import ADA, BEN, Desk, ben
from tests.interactions.calls import failed

CYN = UUID(int=43)


async def make(desk: Desk, **wanted: Any) -> Counted:
    given = QueueCreate(**{"name": "tone", "kind": "thumbs", **wanted})
    sets = await desk.read(find_sets, given)
    made: Counted = await desk.write(make_queue, desk.clock, desk.runtime.new_id, ADA, given, sets)
    return made


async def take(desk: Desk, queue: Counted, who: UUID = ADA) -> QueueItem | None:
    item: QueueItem | None = await desk.write(next_item, desk.clock, who, queue.queue.id)
    return item


async def must_take(desk: Desk, queue: Counted, who: UUID = ADA) -> QueueItem:
    item = await take(desk, queue, who)
    assert item is not None
    return item


async def items(desk: Desk) -> list[QueueItem]:
    def query(db: Session) -> list[QueueItem]:
        return list(db.scalars(select(QueueItem).order_by(QueueItem.place)))

    found: list[QueueItem] = await desk.read(query)
    return found


def thumbs(item: QueueItem, up: bool = True) -> ThumbsCreate:
    return ThumbsCreate(
        interaction_ids=[UUID(each) for each in item.interaction_ids], up=up, queue_item_id=item.id
    )


class TestFilling:
    async def test_from_a_filter_only_what_was_answered(self, desk: Desk) -> None:
        ids = []
        for text in "ab":
            ids.append(await desk.answered(text, tags=["t"]))
            desk.clock.advance(1)
        await desk.record("hello", failed(), tags=["t"])
        await desk.answered("c")
        queue = await make(desk, filter={"tag": "t"})
        assert queue.queue.items_total == 2
        found = [UUID(each.interaction_ids[0]) for each in await items(desk)]
        assert found == ids[::-1]

    async def test_at_most_some_of_a_filter(self, desk: Desk) -> None:
        for text in "abc":
            await desk.answered(text)
            desk.clock.advance(1)
        assert (await make(desk, filter={}, at_most=2)).queue.items_total == 2

    async def test_answers_to_the_same_prompt_stand_side_by_side(self, desk: Desk) -> None:
        for text in "abcde":
            await desk.record("one prompt", text)
        alone = (await desk.record("another prompt", "x")).id
        choices = await make(desk, kind="choice", filter={})
        assert choices.queue.items_total == 2  # five make two pairs, one is left over
        rankings = await make(desk, name="ranks", kind="ranking", filter={})
        assert rankings.queue.items_total == 1
        every = [each for item in await items(desk) for each in item.interaction_ids]
        assert len(every) == 2 * 2 + 5
        assert str(alone) not in every

    async def test_sets_are_shuffled_for_each_annotator(self, desk: Desk) -> None:
        sets = [[await desk.answered("a"), await desk.answered("b")] for _ in range(8)]
        await make(desk, kind="choice", sets=sets, annotators=3)
        shown = [each.interaction_ids for each in await items(desk)]
        firsts = sum(order[0] == str(sets[n % 8][0]) for n, order in enumerate(shown))
        assert 4 <= firsts <= 20  # of 24: no place belongs to the first of a set

    async def test_what_cannot_be_filled(self, desk: Desk) -> None:
        it = await desk.answered()
        with pytest.raises(QueueInvalid, match="`filter`: "):
            await make(desk, filter={"tag": "nobody"})
        with pytest.raises(QueueInvalid, match="same prompt"):
            await make(desk, kind="choice", filter={})
        with pytest.raises(InteractionUnknown, match="`sets`"):
            await make(desk, sets=[[it], [uuid4()]])
        many = [[it]] * 501
        with pytest.raises(QueueInvalid, match="`annotators`: 501 sets times 20"):
            await make(desk, sets=many, annotators=20)
        await make(desk, filter={})
        with pytest.raises(QueueNameTaken, match="tone"):
            await make(desk, filter={})

    @pytest.mark.parametrize(
        ("given", "named"),
        [
            ({}, "either `filter` or `sets`"),
            ({"filter": {}, "sets": [[UUID(int=1)]]}, "either `filter` or `sets`"),
            ({"sets": [[UUID(int=1), UUID(int=2)]]}, r"`sets\[0\]` holds 2: `thumbs` takes 1"),
            ({"kind": "choice", "sets": [[UUID(int=1)]]}, r"`sets\[0\]` holds 1: .* takes 2"),
            ({"kind": "ranking", "sets": [[UUID(int=1)] * 2]}, "twice"),
            ({"kind": "ranking", "sets": [[UUID(int=1)]]}, "takes 2 to 100"),
            ({"kind": "verdict", "filter": {}}, "kind"),
            ({"filter": {}, "labels": ["a"]}, "`labels`"),
            (
                {"kind": "ranking", "sets": [[UUID(int=n) for n in range(100)]] * 101},
                "`sets` hold 10100 answers",
            ),
            ({"filter": {}, "name": "Not A Name"}, "name"),
            ({"filter": {}, "guideline": "a\0"}, "NUL"),
            ({"filter": {}, "reservation_s": 1}, "reservation_s"),
            ({"filter": {}, "annotators": 0}, "annotators"),
        ],
    )
    def test_what_a_shape_knows(self, given: dict[str, Any], named: str) -> None:
        with pytest.raises(ValidationError, match=named):
            QueueCreate(**{"name": "tone", "kind": "thumbs", **given})


class TestTaking:
    async def test_everybody_gets_another_one(self, desk: Desk) -> None:
        queue = await make(desk, sets=[[await desk.answered(text)] for text in "ab"])
        first, second = await must_take(desk, queue), await must_take(desk, queue, BEN)
        assert first.id != second.id
        assert await take(desk, queue, CYN) is None
        assert first.reserved_until == desk.clock.now() + timedelta(seconds=900)

    async def test_who_has_one_gets_it_again_and_longer(self, desk: Desk) -> None:
        queue = await make(desk, sets=[[await desk.answered(text)] for text in "ab"])
        first = await must_take(desk, queue)
        desk.clock.advance(600)
        again = await must_take(desk, queue)
        assert again.id == first.id
        assert again.reserved_until == desk.clock.now() + timedelta(seconds=900)

    async def test_a_reservation_runs_out(self, desk: Desk) -> None:
        queue = await make(desk, sets=[[await desk.answered()]], reservation_s=60)
        mine = await must_take(desk, queue)
        desk.clock.advance(59)
        assert await take(desk, queue, BEN) is None
        desk.clock.advance(1)
        theirs = await must_take(desk, queue, BEN)
        assert theirs.id == mine.id
        with pytest.raises(ItemTaken, match="queue_item_id"):
            await desk.judge(thumbs(mine))

    async def test_many_at_once_never_get_the_same(self, desk: Desk) -> None:
        queue = await make(desk, sets=[[await desk.answered()] for _ in range(6)])
        people = [UUID(int=100 + n) for n in range(8)]
        taken = await asyncio.gather(*(take(desk, queue, who) for who in people))
        ids = [item.id for item in taken if item is not None]
        assert len(ids) == len(set(ids)) == 6

    async def test_several_annotators_are_different_people(self, desk: Desk) -> None:
        ids = [await desk.answered(text) for text in "ab"]
        queue = await make(desk, sets=[[each] for each in ids], annotators=2)
        for _ in ids:
            await desk.judge(thumbs(await must_take(desk, queue)))
        assert await take(desk, queue) is None
        mine = (await items(desk))[0]
        assert mine.done_by_id == ADA
        twin = next(i for i in await items(desk) if i.done_at is None)
        with pytest.raises(ItemDone, match="you judged"):
            await desk.write(reserve_item, desk.clock, ADA, twin.id)
        for _ in ids:
            await desk.judge(thumbs(await must_take(desk, queue, BEN)), ben)
        assert len(await desk.current(*ids)) == 4
        assert (await desk.read(show_queue, desk.clock, queue.queue.id)).items_done == 4

    async def test_giving_back_and_skipping(self, desk: Desk) -> None:
        queue = await make(desk, sets=[[await desk.answered(text)] for text in "ab"])
        first = await must_take(desk, queue)
        with pytest.raises(ItemTaken):
            await desk.write(release_item, desk.clock, BEN, first.id)
        await desk.write(release_item, desk.clock, ADA, first.id)
        assert (await must_take(desk, queue, BEN)).id == first.id

        def skip(db: Session) -> None:
            release_item(db, desk.clock, BEN, first.id, skip=True)

        await desk.write(skip)
        second = await must_take(desk, queue, BEN)
        assert second.id != first.id
        assert (await must_take(desk, queue)).id == first.id  # it comes when all others are taken

    async def test_a_closed_queue_gives_nothing_but_takes_what_is_out(self, desk: Desk) -> None:
        queue = await make(desk, sets=[[await desk.answered(text)] for text in "ab"])
        mine = await must_take(desk, queue)
        other = next(item for item in await items(desk) if item.id != mine.id)
        await desk.write(close_queue, desk.clock, queue.queue.id)
        with pytest.raises(QueueClosed):
            await take(desk, queue, BEN)
        with pytest.raises(QueueClosed):
            await desk.write(reserve_item, desk.clock, BEN, other.id)
        await desk.judge(thumbs(mine))
        assert (await desk.read(show_queue, desk.clock, queue.queue.id)).items_done == 1


class TestAnswering:
    async def test_the_queue_says_by_which_rules(self, desk: Desk) -> None:
        queue = await make(desk, sets=[[await desk.answered()]], blind=True, guideline_version="v3")
        item = await must_take(desk, queue)
        made = await desk.judge(thumbs(item))
        assert (made.blind, made.guideline_version) == (True, "v3")
        done = await desk.read(get_item, item.id)
        assert (done.done_by_id, done.annotation_id) == (ADA, made.id)
        assert done.reserved_until is None
        assert await take(desk, queue) is None

    async def test_once_judged_is_judged(self, desk: Desk) -> None:
        queue = await make(desk, sets=[[await desk.answered()]])
        item = await must_take(desk, queue)
        made = await desk.judge(thumbs(item))
        with pytest.raises(ItemDone, match="by you"):
            await desk.judge(thumbs(item))
        with pytest.raises(ItemDone, match="somebody else"):
            await desk.judge(thumbs(item), ben)
        again = thumbs(item, up=False).model_copy(update={"queue_item_id": None})
        assert (await desk.judge(again)).supersedes_id == made.id

    async def test_not_reserved_or_no_longer(self, desk: Desk) -> None:
        it = await desk.answered()
        queue = await make(desk, sets=[[it]], reservation_s=60)
        (item,) = await items(desk)
        with pytest.raises(ReservationExpired, match="queue_item_id"):
            await desk.judge(thumbs(item))
        await must_take(desk, queue)
        desk.clock.advance(60)
        with pytest.raises(ReservationExpired, match=str(item.id)):
            await desk.judge(thumbs(item))
        assert await desk.current(it) == []
        await desk.write(reserve_item, desk.clock, ADA, item.id)
        await desk.judge(thumbs(item))

    async def test_what_does_not_fit_the_queue(self, desk: Desk) -> None:
        a, b, c = [await desk.answered(text) for text in "abc"]
        labels = await make(desk, kind="labels", labels=["rude", "long"], sets=[[a]])
        item = await must_take(desk, labels)
        with pytest.raises(JudgementInvalid, match=r"`labels`: .*'kind'.*rude, long"):
            await desk.judge(
                LabelsCreate(interaction_ids=[a], labels=["kind"], queue_item_id=item.id)
            )
        with pytest.raises(JudgementInvalid, match=r"`kind`: .*labels"):
            await desk.judge(thumbs(item))
        with pytest.raises(JudgementInvalid, match=f"`interaction_ids`: .*{a}"):
            await desk.judge(
                LabelsCreate(interaction_ids=[b], labels=["rude"], queue_item_id=item.id)
            )
        pairs = await make(desk, name="pairs", kind="choice", sets=[[a, b]])
        pair = await must_take(desk, pairs)
        shown = [UUID(each) for each in pair.interaction_ids]
        with pytest.raises(JudgementInvalid, match="interaction_ids"):
            await desk.judge(
                ChoiceCreate(interaction_ids=[a, c], choice="tie", queue_item_id=pair.id)
            )
        made = await desk.judge(
            ChoiceCreate(interaction_ids=shown, choice="first", queue_item_id=pair.id)
        )
        assert made.interaction_ids == pair.interaction_ids

    async def test_withdrawing_asks_again(self, desk: Desk) -> None:
        queue = await make(desk, sets=[[await desk.answered()]])
        item = await must_take(desk, queue)
        made = await desk.judge(thumbs(item))
        await desk.withdraw(made.id)
        again = await must_take(desk, queue)
        assert (again.id, again.done_at, again.annotation_id) == (item.id, None, None)

    async def test_two_that_answer_at_once(self, desk: Desk) -> None:
        queue = await make(desk, sets=[[await desk.answered()]])
        item = await must_take(desk, queue)
        ends = await asyncio.gather(
            *(desk.judge(thumbs(item, up)) for up in (True, False)), return_exceptions=True
        )
        assert sorted(type(end).__name__ for end in ends) == ["Annotation", "ItemDone"]

    async def test_one_person_never_judges_a_set_twice(self, desk: Desk) -> None:
        """Not even who holds two items of it, and answers both at once."""
        it = await desk.answered()
        await make(desk, sets=[[it]], annotators=2)
        both = await items(desk)
        for each in both:
            await desk.write(reserve_item, desk.clock, ADA, each.id)
        ends = await asyncio.gather(
            *(desk.judge(thumbs(each)) for each in both), return_exceptions=True
        )
        assert sorted(type(end).__name__ for end in ends) == ["Annotation", "ItemDone"]

    async def test_what_is_not_there(self, desk: Desk) -> None:
        it, nobody = await desk.answered(), uuid4()
        with pytest.raises(ItemUnknown):
            await desk.judge(ThumbsCreate(interaction_ids=[it], up=True, queue_item_id=nobody))
        with pytest.raises(QueueUnknown):
            await desk.write(next_item, desk.clock, ADA, nobody)


async def test_no_queues_are_no_queue(desk: Desk) -> None:
    assert await desk.read(list_queues, desk.clock, Place(2)) == ([], None)


async def test_queues_are_listed_with_counts_in_two_queries(
    desk: Desk, statements: list[str]
) -> None:
    made = []
    for name in ("one", "two", "three"):
        sets = [[await desk.answered(text)] for text in "ab"]
        made.append(await make(desk, name=name, sets=sets))
        desk.clock.advance(1)
    await desk.judge(thumbs(await must_take(desk, made[2])))
    await must_take(desk, made[2])
    statements.clear()
    found, cursor = await desk.read(list_queues, desk.clock, Place(2))
    assert len(statements) == 2
    assert [each.queue.name for each in found] == ["three", "two"]
    assert (found[0].items_done, found[0].items_reserved) == (1, 1)
    assert (found[1].items_done, found[1].items_reserved) == (0, 0)
    assert cursor is not None
    named, _ = await desk.read(list_queues, desk.clock, Place(2), "one")
    assert [each.queue.id for each in named] == [made[0].queue.id]
