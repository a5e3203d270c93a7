"""Judging: what counts, what is refused, what is taken back; on both databases."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.annotations import (
    Annotation,
    AnnotationUnknown,
    AnyCreate,
    ChoiceCreate,
    CorrectionCreate,
    Judge,
    JudgeKind,
    JudgementInvalid,
    LabelsCreate,
    RankingCreate,
    RatingCreate,
    ThumbsCreate,
    VerdictCreate,
    annotate_many,
)
from camel_ext.annotations.errors import NotYours, Superseded, WrittenOnce
from camel_ext.annotations.models import AnnotationSubject
from camel_ext.core.models import OutboxRow
from camel_ext.interactions import InteractionUnknown
from tests.annotations.conftest import BEN, Desk, ada, ben
from tests.interactions.calls import answer, failed

numeric = Judge(JudgeKind.VERIFIER, "numeric", "sha256:1", UUID(int=9))


class TestWorth:
    """Each kind, from what was sent to score and value."""

    @pytest.mark.parametrize(
        ("rating", "low", "high", "score"), [(4, 1, 5, 0.75), (1, 1, 5, 0.0), (0.5, 0, 1, 0.5)]
    )
    async def test_a_rating(
        self, desk: Desk, rating: float, low: float, high: float, score: float
    ) -> None:
        it = await desk.answered()
        await desk.judge(RatingCreate(interaction_ids=[it], rating=rating, low=low, high=high))
        (found,) = await desk.current(it)
        assert found.score == score
        assert found.value == {"rating": rating, "low": low, "high": high}

    async def test_thumbs_labels_and_correction(self, desk: Desk) -> None:
        it = await desk.answered()
        await desk.judge(ThumbsCreate(interaction_ids=[it], up=True))
        await desk.judge(LabelsCreate(interaction_ids=[it], labels=["rude", "long"]))
        await desk.judge(CorrectionCreate(interaction_ids=[it], text="no"))
        assert [(each.score, each.value) for each in await desk.current(it)] == [
            (1.0, {"up": True}),
            (None, {"labels": ["rude", "long"]}),
            (None, {"text": "no"}),
        ]

    async def test_choice_and_ranking_stand_under_each_answer(self, desk: Desk) -> None:
        a, b, c, d = [await desk.answered(text) for text in "abcd"]
        await desk.judge(ChoiceCreate(interaction_ids=[b, a], choice="first"))
        await desk.judge(ChoiceCreate(interaction_ids=[b, c], choice="tie"))
        await desk.judge(ChoiceCreate(interaction_ids=[b, d], choice="both_bad"))
        await desk.judge(RankingCreate(interaction_ids=[c, b, a], ranking=[[a], [b, c]]))
        values = [each.value for each in await desk.current(b)]
        assert values == [
            {"chosen_id": str(b)},
            {"chosen_id": None},
            {"chosen_id": None, "both_bad": True},
            {"ranking": [[str(a)], [str(b), str(c)]]},
        ]
        assert len(await desk.current(a)) == 2
        assert (await desk.current(a))[0].interaction_ids == (b, a)  # as it was shown

    @pytest.mark.parametrize(
        ("given", "score"),
        [
            ({"state": "passed"}, 1.0),
            ({"state": "failed"}, 0.0),
            ({"state": "failed", "score": 0.25}, 0.25),
            ({"state": "timeout"}, None),
            ({"state": "error", "reason": "no number"}, None),
        ],
    )
    async def test_a_verdict(self, desk: Desk, given: dict[str, Any], score: float | None) -> None:
        it = await desk.answered()
        await desk.judge(VerdictCreate(interaction_ids=[it], **given), numeric)
        (found,) = await desk.current(it)
        assert found.score == score
        assert found.value["state"] == given["state"]
        assert (found.judge, found.judge_version) == ("numeric", "sha256:1")

    async def test_what_is_said_besides_is_kept(self, desk: Desk) -> None:
        it = await desk.answered()
        made = await desk.judge(
            ThumbsCreate(
                interaction_ids=[it],
                up=False,
                rationale="too long",
                time_spent_ms=1500,
                guideline_version="v2",
                blind=True,
            )
        )
        said = (made.rationale, made.time_spent_ms, made.guideline_version, made.blind)
        assert said == ("too long", 1500, "v2", True)

    async def test_an_answer_that_failed_can_be_judged(self, desk: Desk) -> None:
        it = (await desk.record("hello", failed())).id
        await desk.judge(ThumbsCreate(interaction_ids=[it], up=False))
        assert len(await desk.current(it)) == 1


class TestSuperseding:
    async def test_the_same_judge_of_the_same_counts_once(self, desk: Desk) -> None:
        it = await desk.answered()
        old = await desk.judge(RatingCreate(interaction_ids=[it], rating=2))
        new = await desk.judge(RatingCreate(interaction_ids=[it], rating=5))
        assert new.supersedes_id == old.id
        assert [each.id for each in await desk.current(it)] == [new.id]

    async def test_another_judge_kind_or_version_counts_beside(self, desk: Desk) -> None:
        it = await desk.answered()
        await desk.judge(RatingCreate(interaction_ids=[it], rating=2))
        await desk.judge(RatingCreate(interaction_ids=[it], rating=2), ben)
        await desk.judge(ThumbsCreate(interaction_ids=[it], up=True))
        verdict = VerdictCreate(interaction_ids=[it], state="passed")
        await desk.judge(verdict, numeric)
        await desk.judge(verdict, Judge(JudgeKind.VERIFIER, "numeric", "sha256:2", BEN))
        again = Judge(JudgeKind.VERIFIER, "numeric", "sha256:2", UUID(int=77))  # whoever runs it
        await desk.judge(verdict, again)
        assert len(await desk.current(it)) == 5

    async def test_a_choice_is_the_same_whatever_the_order_shown(self, desk: Desk) -> None:
        a, b = await desk.answered("a"), await desk.answered("b")
        await desk.judge(ChoiceCreate(interaction_ids=[a, b], choice="first"))
        new = await desk.judge(ChoiceCreate(interaction_ids=[b, a], choice="first"))
        assert [each.id for each in await desk.current(a)] == [new.id]

    async def test_a_model_asked_the_other_way_round_says_another_thing(self, desk: Desk) -> None:
        a, b = await desk.answered("a"), await desk.answered("b")
        model = Judge(JudgeKind.MODEL, "judge", "1", BEN)
        await desk.judge(ChoiceCreate(interaction_ids=[a, b], choice="first"), model)
        await desk.judge(ChoiceCreate(interaction_ids=[b, a], choice="first"), model)
        assert len(await desk.current(a)) == 2

    async def test_a_named_one_must_be_what_counts(self, desk: Desk) -> None:
        it = await desk.answered()
        first = await desk.judge(RatingCreate(interaction_ids=[it], rating=2))
        named = RatingCreate(interaction_ids=[it], rating=3, supersedes_id=first.id)
        second = await desk.judge(named)
        with pytest.raises(Superseded, match=str(second.id)):
            await desk.judge(named)
        await desk.withdraw(second.id)
        with pytest.raises(Superseded, match="withdrawn"):
            await desk.judge(RatingCreate(interaction_ids=[it], rating=1, supersedes_id=second.id))

    async def test_nobody_supersedes_another_ones_word(self, desk: Desk) -> None:
        it, other = await desk.answered(), await desk.answered()
        made = await desk.judge(RatingCreate(interaction_ids=[it], rating=2))
        mine: AnyCreate = RatingCreate(interaction_ids=[it], rating=3, supersedes_id=made.id)
        with pytest.raises(JudgementInvalid, match="supersedes_id"):
            await desk.judge(mine, ben)
        for wrong in (
            ThumbsCreate(interaction_ids=[it], up=True, supersedes_id=made.id),
            RatingCreate(interaction_ids=[other], rating=3, supersedes_id=made.id),
        ):
            with pytest.raises(JudgementInvalid, match="supersedes_id"):
                await desk.judge(wrong)
        with pytest.raises(AnnotationUnknown):
            await desk.judge(ThumbsCreate(interaction_ids=[it], up=True, supersedes_id=uuid4()))

    async def test_of_two_at_once_that_name_the_same_one_wins(self, desk: Desk) -> None:
        it = await desk.answered()
        first = await desk.judge(RatingCreate(interaction_ids=[it], rating=2))
        named = [
            RatingCreate(interaction_ids=[it], rating=rating, supersedes_id=first.id)
            for rating in (1, 3, 4, 5)
        ]
        ends = await asyncio.gather(*map(desk.judge, named), return_exceptions=True)
        assert sum(isinstance(end, Annotation) for end in ends) == 1
        assert sum(isinstance(end, Superseded) for end in ends) == 3

    async def test_many_at_once_are_few_statements_and_in_order(self, desk: Desk) -> None:
        ids = [await desk.answered() for _ in range(5)]
        wanted = [RatingCreate(interaction_ids=[each], rating=3) for each in ids]
        twice = [*wanted, RatingCreate(interaction_ids=[ids[0]], rating=5)]

        def write(db: Session) -> list[Annotation]:
            clock, new_id = desk.runtime.clock, desk.runtime.new_id
            return annotate_many(db, clock, new_id, ada, twice)

        made: list[Annotation] = await desk.write(write)
        assert made[-1].supersedes_id == made[0].id
        assert [each.score for each in await desk.current(ids[0])] == [1.0]
        assert len(await desk.current(*ids)) == 5


class TestWithdrawing:
    async def test_nothing_of_it_counts_any_more(self, desk: Desk) -> None:
        it = await desk.answered()
        await desk.judge(RatingCreate(interaction_ids=[it], rating=2))
        made = await desk.judge(RatingCreate(interaction_ids=[it], rating=3))
        gone = await desk.withdraw(made.id)
        assert gone.withdrawn_at == desk.clock.now()
        assert await desk.current(it) == []
        assert (await desk.withdraw(made.id)).withdrawn_at == gone.withdrawn_at  # once is enough
        again = await desk.judge(RatingCreate(interaction_ids=[it], rating=4))
        assert again.supersedes_id is None
        assert len(await desk.current(it)) == 1

    async def test_only_the_writer_and_owners_may(self, desk: Desk) -> None:
        made = await desk.judge(ThumbsCreate(interaction_ids=[await desk.answered()], up=True))
        with pytest.raises(NotYours):
            await desk.withdraw(made.id, BEN)
        gone = await desk.withdraw(made.id, BEN, as_owner=True)
        assert gone.withdrawn_by_id == BEN

    async def test_a_superseded_one_is_not_withdrawn(self, desk: Desk) -> None:
        it = await desk.answered()
        old = await desk.judge(RatingCreate(interaction_ids=[it], rating=2))
        new = await desk.judge(RatingCreate(interaction_ids=[it], rating=3))
        with pytest.raises(Superseded, match=str(new.id)):
            await desk.withdraw(old.id)
        with pytest.raises(AnnotationUnknown):
            await desk.withdraw(uuid4())

    async def test_rows_are_written_once(self, desk: Desk) -> None:
        made = await desk.judge(ThumbsCreate(interaction_ids=[await desk.answered()], up=True))

        def change(db: Session) -> None:
            row = db.scalars(select(Annotation).where(Annotation.id == made.id)).one()
            row.score = 0.0
            db.flush()

        def remove(db: Session) -> None:
            db.delete(db.scalars(select(AnnotationSubject)).one())
            db.flush()

        for forbidden in (change, remove):
            with pytest.raises(WrittenOnce):
                await desk.write(forbidden)


class TestBadInput:
    """What only the database can know; what a shape can know is below."""

    async def test_an_unknown_answer(self, desk: Desk) -> None:
        it, nobody = await desk.answered(), uuid4()
        with pytest.raises(InteractionUnknown, match=f"`interaction_ids`: .*{nobody}"):
            await desk.judge(ChoiceCreate(interaction_ids=[it, nobody], choice="tie"))
        assert await desk.current(it) == []

    @pytest.mark.parametrize("text", ["yes", "  yes\n"])
    async def test_a_correction_that_corrects_nothing(self, desk: Desk, text: str) -> None:
        it = await desk.answered("yes")
        with pytest.raises(JudgementInvalid, match="`text`: "):
            await desk.judge(CorrectionCreate(interaction_ids=[it], text=text))

    async def test_a_correction_of_parts_and_of_nothing(self, desk: Desk) -> None:
        parts = {"role": "assistant", "content": [{"type": "text", "text": "yes"}]}
        it = (await desk.record("hello", answer(message=parts))).id
        with pytest.raises(JudgementInvalid, match="`text`: "):
            await desk.judge(CorrectionCreate(interaction_ids=[it], text="yes"))
        silent = (await desk.record("hello", failed())).id
        with pytest.raises(JudgementInvalid, match="no answer"):
            await desk.judge(CorrectionCreate(interaction_ids=[silent], text="yes"))


A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.mark.parametrize(
    ("kind", "given", "named"),
    [
        (RatingCreate, {"interaction_ids": [A], "rating": 6}, "`rating` is 6"),
        (RatingCreate, {"interaction_ids": [A], "rating": 1, "low": 2, "high": 2}, "`high`"),
        (RatingCreate, {"interaction_ids": [A], "rating": float("nan")}, "rating"),
        (RatingCreate, {"interaction_ids": [A, B], "rating": 1}, "interaction_ids"),
        (ThumbsCreate, {"interaction_ids": [], "up": True}, "interaction_ids"),
        (ThumbsCreate, {"interaction_ids": [A], "up": True, "extra": 1}, "extra"),
        (ThumbsCreate, {"interaction_ids": [A], "up": True, "time_spent_ms": -1}, "time_spent_ms"),
        (ThumbsCreate, {"interaction_ids": [A], "up": True, "rationale": "\0"}, "NUL"),
        (LabelsCreate, {"interaction_ids": [A], "labels": []}, "labels"),
        (LabelsCreate, {"interaction_ids": [A], "labels": ["a", "a"]}, "more than once"),
        (LabelsCreate, {"interaction_ids": [A], "labels": [" "]}, "empty"),
        (LabelsCreate, {"interaction_ids": [A], "labels": ["a\0"]}, "NUL"),
        (CorrectionCreate, {"interaction_ids": [A], "text": ""}, "empty"),
        (CorrectionCreate, {"interaction_ids": [A], "text": " \n"}, "empty"),
        (CorrectionCreate, {"interaction_ids": [A], "text": "a\0b"}, "NUL"),
        (CorrectionCreate, {"interaction_ids": [A], "text": "\ud800"}, "half a character"),
        (ChoiceCreate, {"interaction_ids": [A], "choice": "first"}, "interaction_ids"),
        (ChoiceCreate, {"interaction_ids": [A, B, C], "choice": "first"}, "interaction_ids"),
        (ChoiceCreate, {"interaction_ids": [A, A], "choice": "first"}, "`interaction_ids`"),
        (ChoiceCreate, {"interaction_ids": [A, B], "choice": "third"}, "choice"),
        (RankingCreate, {"interaction_ids": [A, B], "ranking": [[A], [C]]}, f"names {C}"),
        (RankingCreate, {"interaction_ids": [A, B], "ranking": [[A, B], [A]]}, "more than once"),
        (RankingCreate, {"interaction_ids": [A, B, C], "ranking": [[A], [B]]}, f"leaves out {C}"),
        (RankingCreate, {"interaction_ids": [A, B], "ranking": [[], [A, B]]}, "ranking"),
        (VerdictCreate, {"interaction_ids": [A], "state": "passed", "score": 1.5}, "score"),
        (VerdictCreate, {"interaction_ids": [A], "state": "error", "score": 0.0}, "`score`"),
    ],
)
def test_a_shape_refuses_and_names_the_field(kind: Any, given: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        kind(**given)


async def test_judging_is_announced(desk: Desk) -> None:
    it = await desk.answered()
    made = await desk.judge(ThumbsCreate(interaction_ids=[it], up=True))
    await desk.withdraw(made.id)

    def told(db: Session) -> list[tuple[str, str, dict[str, Any]]]:
        query = select(OutboxRow).where(OutboxRow.type.startswith("annotations"))
        return [(row.type, row.subject, row.payload) for row in db.scalars(query)]

    added, gone = await desk.read(told)
    assert added == (
        "annotations.annotation.added",
        str(made.id),
        {
            "kind": "thumbs",
            "judge_kind": "person",
            "judge": "ada",
            "interaction_ids": [str(it)],
            "supersedes_id": None,
        },
    )
    assert gone[:2] == ("annotations.annotation.withdrawn", str(made.id))


async def test_reading_what_counts_is_a_query_for_five_hundred(
    desk: Desk, statements: list[str]
) -> None:
    ids = [await desk.answered() for _ in range(3)]
    for each in ids:
        await desk.judge(ThumbsCreate(interaction_ids=[each], up=True))
    statements.clear()
    found = await desk.current(*ids, *(uuid4() for _ in range(400)))
    assert len(found) == 3
    assert len(statements) == 1
