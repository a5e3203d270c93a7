"""Building versions: what enters, what comes of it, and what a death, a cancel or nothing at all does."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.annotations import ThumbsCreate
from camel_ext.core.models import OutboxRow, State
from camel_ext.datasets import DatasetVersion, PairSource, Split, building, cancel_build
from camel_ext.datasets.errors import BuildInvalid, VersionFrozen, VersionUnready
from camel_ext.datasets.models import DatasetPair
from camel_ext.datasets.pair import text_of
from camel_ext.datasets.reading import list_pairs, write_pairs
from camel_ext.interactions import Purpose
from tests.datasets.conftest import ADA, BEN, LONG_S, Yard, ben, length
from tests.interactions.calls import answer, prompt, user


class TestBuild:
    async def test_judged_answers_become_frozen_pairs(self, yard: Yard) -> None:
        answers = await yard.scored(topics=3, prompts=2)
        version = await yard.build(rules={"eval_ratio": 0.34, "seed": 3})
        assert (version.state, version.number, version.error_code) == (State.SUCCEEDED, 1, None)
        assert (version.pairs, version.pairs_train, version.pairs_eval) == (6, 4, 2)
        pairs = await yard.pairs(version)
        assert [pair.pair_hash for pair in pairs] == sorted(pair.pair_hash for pair in pairs)
        good, fair, poor = answers[1, 0]
        (one,) = [pair for pair in pairs if pair.chosen_interaction_id == good]
        assert one.rejected_interaction_id == poor != fair
        assert text_of(one.prompt) == "question number 0 about the subject 1"
        assert (text_of(one.chosen), text_of(one.rejected)) == ("good 1 0", "poor 1 0")
        assert (one.topic, one.margin, one.source) == ("subject 1", 1.0, PairSource.SCORES)
        assert [judge.name for judge in one.judges] == ["length"]
        assert len(one.annotation_ids) == 2
        assert len({pair.topic for pair in pairs if pair.split is Split.EVAL}) == 1
        found = version.statistics["found"]
        assert (found["looked_at"], found["candidates"], found["prompts_paired"]) == (18, 18, 6)
        assert version.statistics["interactions"] == 12
        assert {each["code"] for each in version.warnings} == {"few_pairs"}

    async def test_the_same_is_the_same_by_hash_and_said_so(self, yard: Yard) -> None:
        await yard.scored()
        one, two = await yard.build(), await yard.build()
        assert (one.number, two.number) == (1, 2)
        assert one.content_hash == two.content_hash
        same = [each["words"] for each in two.warnings if each["code"] == "same_content"]
        assert same == ["it holds exactly the pairs of brief@1."]
        assert (await yard.build(rules={"min_margin": 1, "seed": 1})).content_hash is not None

    async def test_only_runs_and_samples_enter(self, yard: Yard) -> None:
        entered = []
        for purpose in Purpose:
            ids = [
                await yard.answer(f"{word} {purpose}", f"question of {purpose}", purpose=purpose)
                for word in ("good", "poor")
            ]
            await yard.verdicts(dict(zip(ids, (1.0, 0.0), strict=True)))
            entered += ids if purpose in (Purpose.RUN, Purpose.SAMPLE) else []
        by_filter = await yard.build()
        by_ids = await yard.build(interaction_ids=yard.ids)
        for version in (by_filter, by_ids):
            pairs = await yard.pairs(version)
            used = {each.chosen_interaction_id for each in pairs}
            used |= {each.rejected_interaction_id for each in pairs}
            assert used == set(entered)
            left_out = version.statistics["found"]["left_out"]
            assert left_out["other_purpose"] == 2 * (len(Purpose) - 2)

    async def test_corrections_choices_and_people_count(self, yard: Yard) -> None:
        london = await yard.answer("London.", "What is the capital of France?")
        await yard.correct(london, "Paris.")
        one = await yard.answer("yes it does", "Does water boil?")
        other = await yard.answer("no it does not", "Does water boil?")
        await yard.choose(one, other)
        up = await yard.answer("a kind answer", "Who are you?")
        down = await yard.answer("a rude answer", "Who are you?")
        await yard.judge(ThumbsCreate(interaction_ids=[up], up=True))
        await yard.judge(ThumbsCreate(interaction_ids=[down], up=False), ben)
        version = await yard.build(rules={"split_by": "prompt"})
        pairs = {pair.source: pair for pair in await yard.pairs(version)}
        assert text_of(pairs[PairSource.CORRECTION].chosen) == "Paris."
        assert pairs[PairSource.COMPARISON].chosen_interaction_id == one
        assert {judge.principal_id for judge in pairs[PairSource.SCORES].judges} == {ADA, BEN}

    async def test_what_is_recorded_after_the_asking_is_not_in_it(self, yard: Yard) -> None:
        await yard.scored(topics=1, prompts=1)
        yard.clock.advance(1)
        asked = await yard.start()
        yard.clock.advance(1)
        await yard.scored(topics=2, prompts=1)
        assert (await yard.finish(asked.id)).statistics["found"]["looked_at"] == 3

    async def test_a_further_try_has_the_run_of_what_it_is_a_try_of(self, yard: Yard) -> None:
        run_id = yard.runtime.new_id()
        first = await yard.answer("poor", run_id=run_id)
        other = await yard.answer("good", purpose=Purpose.SAMPLE, forked_from_id=first)
        await yard.verdicts({first: 0.0, other: 1.0})
        (pair,) = await yard.pairs(await yard.build())
        assert pair.run_ids == (run_id,)
        excluded = await yard.build(exclude_runs=[run_id])
        assert excluded.error_code == "datasets.no_pairs"
        assert excluded.statistics["found"]["left_out"] == {"excluded_runs": 2}

    async def test_an_excluded_judge_does_not_count(self, yard: Yard) -> None:
        one, other = await yard.answer("good"), await yard.answer("poor")
        await yard.choose(one, other)
        await yard.choose(other, one, ben)
        (pair,) = await yard.pairs(await yard.build(exclude_judges=["ben"]))
        assert pair.chosen_interaction_id == one
        (pair,) = await yard.pairs(await yard.build(exclude_judges=[str(ADA)]))
        assert pair.chosen_interaction_id == other

    async def test_what_is_no_chat_is_left_out_and_counted(self, yard: Yard) -> None:
        """The log keeps whatever a client sent: it must not stop the building of all the rest."""
        await yard.scored(topics=1, prompts=1)
        odd: Any = ["no tool"]
        asked = prompt([user("Why?")], tools=odd)
        silent = answer(message={"role": "assistant", "content": 7})
        ids = [(await yard.record(asked, "yes")).id, (await yard.record("Why?", silent)).id]
        await yard.verdicts(dict.fromkeys(ids, 1.0))
        version = await yard.build()
        assert version.pairs == 1
        left_out = version.statistics["found"]["left_out"]
        assert left_out == {"unanswered": 1, "unreadable": 1}

    async def test_many_pages_are_looked_at(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("camel_ext.datasets.candidates.PAGE", 4)
        await yard.scored(topics=3, prompts=1)
        whole = await yard.build()
        assert (whole.statistics["found"]["looked_at"], whole.pairs) == (9, 3)
        by_ids = await yard.build(interaction_ids=yard.ids)
        assert by_ids.content_hash == whole.content_hash
        assert (await yard.build(at_most=6)).statistics["found"]["looked_at"] == 6


class TestNothing:
    async def test_no_interaction_matches(self, yard: Yard) -> None:
        version = await yard.build()
        assert (version.state, version.error_code) == (State.FAILED, "datasets.no_pairs")
        assert "no answer matches" in (version.error_detail or "")

    async def test_nobody_judged(self, yard: Yard) -> None:
        await yard.answer("yes")
        version = await yard.build()
        assert "1 unjudged" in (version.error_detail or "")

    async def test_all_ties_and_one_sided_are_told_apart(self, yard: Yard) -> None:
        tied = [await yard.answer(word, "first question") for word in ("a", "b")]
        alone = await yard.answer("c", "another thing")
        await yard.verdicts(dict.fromkeys([*tied, alone], 0.0))
        version = await yard.build()
        detail = version.error_detail or ""
        assert version.error_code == "datasets.no_pairs"
        assert "3 judged answers to 2 prompts hold no pair" in detail
        assert "judges that cannot be compared): 1;" in detail
        assert "nothing but ties (all judged alike): 1;" in detail
        assert version.statistics["found"]["prompts_tied"] == 1

    async def test_rules_that_leave_nothing_are_named(self, yard: Yard) -> None:
        await yard.scored(topics=1, prompts=1)
        version = await yard.build(
            rules={"min_margin": 0.9, "length_ratio_max": 1, "judges": ["x"]}
        )
        assert version.error_code == "datasets.no_pairs"
        equal = (
            await yard.answer("same", "third question"),
            await yard.answer(" same", "third question"),
        )
        await yard.verdicts(dict(zip(equal, (1.0, 0.0), strict=True)))
        version = await yard.build(interaction_ids=list(equal))
        assert "1 by equal_texts" in (version.error_detail or "")

    async def test_an_unknown_interaction_is_said_at_once(self, yard: Yard) -> None:
        with pytest.raises(BuildInvalid, match="1 of 1 are not in this project"):
            await yard.start(interaction_ids=[UUID(int=5)])

    async def test_its_pairs_cannot_be_read(self, yard: Yard) -> None:
        with pytest.raises(VersionUnready, match="is failed: no answer matches"):
            await yard.pairs(await yard.build())


class TestDeathAndCancel:
    async def test_a_build_that_died_begins_anew_to_the_same_hash(self, yard: Yard) -> None:
        await yard.scored()
        whole = await yard.build()
        asked = await yard.start()
        await yard.write(building.begin, yard.clock, asked.id)
        await yard.write(write_pairs, asked.id, 0, (await yard.pairs(whole))[:2])
        again = await yard.finish(asked.id)
        assert (again.content_hash, again.pairs) == (whole.content_hash, whole.pairs)
        assert await yard.pairs(again) == await yard.pairs(whole)

    async def test_a_queued_build_is_cancelled_at_once(self, yard: Yard) -> None:
        await yard.scored(topics=1)
        asked = await yard.start()
        cancelled = await yard.write(cancel_build, yard.clock, asked.id)
        assert cancelled.state == State.CANCELLED
        assert (await yard.finish(asked.id)).state == State.CANCELLED

    async def test_a_running_one_stops_and_keeps_no_pair(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("camel_ext.datasets.candidates.PAGE", 1)
        await yard.scored(topics=4, prompts=3)
        asked = await yard.start()
        async with yard.working(), asyncio.timeout(LONG_S):
            while (await yard.version(asked.id)).done < 2:  # noqa: ASYNC110 - it is a row
                await asyncio.sleep(0.001)
            await yard.write(cancel_build, yard.clock, asked.id)
            while not (ended := await yard.version(asked.id)).state.is_final:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert (ended.state, ended.pairs) == (State.CANCELLED, 0)
        assert await yard.read(list_pairs, asked.id, -1, 10) == []

    async def test_cancelling_a_frozen_one_changes_nothing(self, yard: Yard) -> None:
        await yard.scored(topics=1)
        version = await yard.build()
        assert (await yard.write(cancel_build, yard.clock, version.id)).state == State.SUCCEEDED

    async def test_a_failed_one_keeps_no_pair(self, yard: Yard) -> None:
        version = await yard.build()
        assert await yard.read(list_pairs, version.id, -1, 10) == []


class TestFrozen:
    async def test_neither_version_nor_pair_can_be_changed(self, yard: Yard) -> None:
        await yard.scored(topics=1)
        version = await yard.build()

        def change(db: Session, what: Any, **fields: Any) -> None:
            row = db.scalars(select(what)).first()
            for name, value in fields.items():
                setattr(row, name, value)
            db.flush()

        with pytest.raises(VersionFrozen, match="never changes"):
            await yard.write(lambda db: change(db, DatasetVersion, rules={}))
        with pytest.raises(VersionFrozen):
            await yard.write(lambda db: change(db, DatasetPair, split=Split.EVAL))
        with pytest.raises(VersionFrozen):
            await yard.write(lambda db: db.delete(db.scalars(select(DatasetPair)).first()))
        with pytest.raises(VersionFrozen):
            await yard.write(lambda db: change(db, DatasetVersion, state=State.FAILED))
        assert (await yard.version(version.id)).rules == version.rules

    async def test_its_end_is_announced(self, yard: Yard) -> None:
        await yard.scored(topics=1)
        version = await yard.build()

        def events(db: Session) -> list[Any]:
            query = select(OutboxRow).where(OutboxRow.subject == str(version.id))
            return [(row.type, row.payload) for row in db.scalars(query.order_by(OutboxRow.id))]

        (queued, _), (finished, said) = await yard.read(events)
        assert (queued, finished) == ("datasets.version.queued", "datasets.version.finished")
        assert said == {
            "dataset": "brief", "number": 1, "state": "succeeded", "pairs": 2,
            "content_hash": version.content_hash, "error_code": None,
        }  # fmt: skip


async def test_length_is_who_judged(yard: Yard) -> None:
    """A verifier is named by name, and by the beginning of its version."""
    await yard.scored(topics=1, prompts=1)
    for judge in ("length", "length@sha256:1234", "length@1234abcd"):
        assert (await yard.build(rules={"judges": [judge]})).pairs == 1
    other = await yard.build(rules={"judges": ["length@ffff"]})
    assert other.error_code == "datasets.no_pairs"
    assert length.version == "sha256:1234abcd"
