"""Batches under their worker: what they find, where they go on, how they stop, taking them back."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import Field, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.annotations import (
    Annotation,
    BatchStart,
    BatchUnknown,
    JudgeKind,
    cancel_batch,
    undo_batch,
    verifier_version,
)
from camel_ext.annotations.batches import list_batches
from camel_ext.annotations.errors import BatchStateUnfit
from camel_ext.annotations.verifying import PAGE_OF_SLOW
from camel_ext.core.models import OutboxRow, State
from camel_ext.core.paging import Place
from camel_ext.interactions import InteractionUnknown
from camel_ext.verifiers import (
    Outcome,
    Params,
    UnknownVerifier,
    Verdict,
    VerifierParamsWrong,
    verifier,
)
from tests.annotations.conftest import ADA, Desk
from tests.interactions.calls import failed, prompt, said, user

SHORT = {"unit": "words", "max": 2}


class ScriptedParams(Params):
    """None but where it stands in a batch."""

    to: str = Field("", description="What the answer is to.")


class Script:
    """What the scripted verifier does with a text; it counts how often each was checked."""

    def __init__(self) -> None:
        self.checked: list[str] = []
        self.asked: list[str] = []
        self.free = asyncio.Event()
        self.free.set()
        self.holds: Callable[[str], bool] = lambda _text: False
        self.says: Callable[[str], Verdict] = lambda _text: Verdict("passed", 0.5, "as it was told")


scripts: list[Script] = []


@verifier("scripted", ScriptedParams, awaited=True)
async def scripted(params: ScriptedParams, outcome: Outcome) -> Verdict:
    """Does what the test says."""
    script = scripts[-1]
    if script.holds(outcome.text):
        await script.free.wait()
    script.checked.append(outcome.text)
    script.asked.append(params.to)
    return script.says(outcome.text)


@pytest.fixture
def script() -> Iterator[Script]:
    scripts.append(Script())
    yield scripts[-1]
    scripts.pop()


async def count(desk: Desk) -> int:
    def query(db: Session) -> int:
        return db.scalar(select(func.count()).select_from(Annotation)) or 0

    found: int = await desk.read(query)
    return found


class TestVerifying:
    async def test_a_filter(self, desk: Desk) -> None:
        good = [await desk.answered("two words", tags=["a"]) for _ in range(3)]
        bad = await desk.answered("these are four words", tags=["a"])
        other = await desk.answered("two words", tags=["b"])
        silent = (await desk.record("hello", failed(), tags=["a"])).id
        batch = await desk.run(verifier="length", params=SHORT, filter={"tag": "a"})
        assert (batch.state, batch.total, batch.done) == (State.SUCCEEDED, 5, 5)
        assert (batch.passed, batch.failed, batch.unfound, batch.unanswered) == (3, 1, 0, 1)
        assert batch.mean_score == pytest.approx((3 + 0.5) / 4)
        assert {each["state"] for each in batch.examples} == {"passed", "failed"}
        assert await desk.current(other, silent) == []
        (found,) = await desk.current(bad)
        assert (found.judge_kind, found.judge, found.score) == (JudgeKind.VERIFIER, "length", 0.5)
        assert found.judge_version == batch.version == verifier_version("length", SHORT)
        assert found.value == {"state": "failed", "reason": "4 words, at most 2 wanted"}
        assert len(await desk.current(*good)) == 3

    async def test_what_is_recorded_later_is_not_among_them(self, desk: Desk) -> None:
        it = await desk.answered()
        batch = await desk.start(verifier="length", filter={})
        desk.clock.advance(1)
        late = await desk.answered()
        async with desk.working():
            await desk.until(batch.id, lambda batch: batch.state.is_final)
        assert len(await desk.current(it)) == 1
        assert await desk.current(late) == []
        await desk.run(verifier="length", filter={})
        assert len(await desk.current(it, late)) == 2

    async def test_ids_in_their_order_and_at_most_some(self, desk: Desk, script: Script) -> None:
        ids = [await desk.answered(f"text {n}") for n in range(5)]
        batch = await desk.run(verifier="scripted", interaction_ids=ids[::-1], at_most=3)
        assert script.checked == ["text 4", "text 3", "text 2"]
        assert (batch.total, batch.done) == (3, 3)

    async def test_at_most_so_many_of_a_filter(self, desk: Desk, script: Script) -> None:
        for n in range(PAGE_OF_SLOW + 4):
            await desk.answered(f"text {n}")
            desk.clock.advance(1)
        batch = await desk.run(verifier="scripted", filter={}, at_most=PAGE_OF_SLOW + 2)
        assert (batch.total, batch.done) == (PAGE_OF_SLOW + 2, PAGE_OF_SLOW + 2)
        assert sorted(script.checked) == sorted(f"text {n}" for n in range(2, PAGE_OF_SLOW + 4))

    async def test_nothing_to_check(self, desk: Desk) -> None:
        batch = await desk.run(verifier="length", filter={"tag": "nobody"})
        assert (batch.state, batch.total, batch.mean_score) == (State.SUCCEEDED, 0, None)

    async def test_an_answer_fills_a_parameter_with_its_prompt(
        self, desk: Desk, script: Script
    ) -> None:
        talk = [{"role": "system", "content": "be kind"}, user("first"), said("ok"), user("second")]
        it = (await desk.record(prompt(talk))).id
        alone = (await desk.record(prompt([{"role": "system", "content": "alone"}]))).id
        batch = await desk.run(
            verifier="scripted", per_subject={"to": "prompt"}, interaction_ids=[it, alone]
        )
        assert script.asked == ["second", ""]
        assert batch.version != verifier_version("scripted", {})

    async def test_broken_and_late_checks_say_nothing(self, desk: Desk, script: Script) -> None:
        script.says = lambda text: Verdict("timeout" if text == "a" else "error", 0.0, "no\0w")
        ids = [await desk.answered(text) for text in "ab"]
        batch = await desk.run(verifier="scripted", interaction_ids=ids)
        assert (batch.state, batch.unfound, batch.mean_score) == (State.SUCCEEDED, 2, None)
        found = await desk.current(*ids)
        assert [each.score for each in found] == [None, None]
        assert found[0].value == {"state": "timeout", "reason": "no w"}

    async def test_a_prompt_that_does_not_do_as_a_parameter_is_a_finding(self, desk: Desk) -> None:
        it = (await desk.record(prompt([user("not a number")]), "3")).id
        batch = await desk.start(verifier="numeric", params={"expected": "3"}, interaction_ids=[it])

        def use_prompt(db: Session) -> None:  # as if `numeric` took any text when it was asked for
            row = db.get_one(type(batch), batch.id)
            row.params, row.per_subject = {}, {"expected": "prompt"}

        await desk.write(use_prompt)
        async with desk.working():
            ended = await desk.until(batch.id, lambda batch: batch.state.is_final)
        assert (ended.state, ended.unfound) == (State.SUCCEEDED, 1)
        assert "expected" in (await desk.current(it))[0].value["reason"]

    async def test_a_parameter_may_be_any_text(self, desk: Desk) -> None:
        it = await desk.answered("a\0b")
        params = {"any": ["\0", "\\u0000"]}
        batch = await desk.run(verifier="contains", params=params, interaction_ids=[it])
        assert (batch.passed, batch.params) == (1, params)

    async def test_a_dry_run_writes_nothing(self, desk: Desk) -> None:
        it = await desk.answered("two words")
        batch = await desk.run(verifier="length", params=SHORT, interaction_ids=[it], dry_run=True)
        assert (batch.passed, batch.done, len(batch.examples)) == (1, 1, 1)
        assert await count(desk) == 0
        with pytest.raises(BatchStateUnfit, match="dry run"):
            await desk.undo(batch.id)

    async def test_its_end_is_announced_once(self, desk: Desk) -> None:
        await desk.answered()
        batch = await desk.run(verifier="length", filter={})

        def told(db: Session) -> list[tuple[str, dict[str, Any]]]:
            query = select(OutboxRow).where(OutboxRow.type.startswith("annotations"))
            return [(row.subject, row.payload) for row in db.scalars(query)]

        assert await desk.read(told) == [
            (
                str(batch.id),
                {
                    "verifier": "length",
                    "state": "succeeded",
                    "dry_run": False,
                    "done": 1,
                    "error_code": None,
                },
            )
        ]


class TestStopping:
    async def test_a_worker_that_dies_loses_at_most_a_page(
        self, desk: Desk, script: Script
    ) -> None:
        texts = [f"text {n}" for n in range(3 * PAGE_OF_SLOW)]
        ids = [await desk.answered(text) for text in texts]
        held = texts[PAGE_OF_SLOW + 2]
        script.holds = lambda text: text == held
        script.free.clear()
        batch = await desk.start(verifier="scripted", interaction_ids=ids)
        async with desk.working():  # it is stopped in the middle of the second page
            await desk.until(batch.id, lambda batch: batch.done == PAGE_OF_SLOW)
        assert await count(desk) == PAGE_OF_SLOW
        script.free.set()
        async with desk.working():
            ended = await desk.until(batch.id, lambda batch: batch.state.is_final)
        assert (ended.done, ended.passed) == (len(texts), len(texts))
        assert await count(desk) == len(texts)
        assert [len(await desk.current(each)) for each in ids] == [1] * len(ids)
        again = {text for text in texts if script.checked.count(text) > 1}
        assert again <= set(texts[PAGE_OF_SLOW : 2 * PAGE_OF_SLOW])

    async def test_cancelling_a_running_one_keeps_what_it_found(
        self, desk: Desk, script: Script
    ) -> None:
        ids = [await desk.answered(f"text {n}") for n in range(2 * PAGE_OF_SLOW)]
        script.holds = lambda text: text == f"text {PAGE_OF_SLOW}"
        script.free.clear()
        batch = await desk.start(verifier="scripted", interaction_ids=ids)
        async with desk.working():
            await desk.until(batch.id, lambda batch: batch.done == PAGE_OF_SLOW)
            with pytest.raises(BatchStateUnfit, match="running"):
                await desk.undo(batch.id)
            await desk.write(cancel_batch, desk.clock, batch.id)
            ended = await desk.until(batch.id, lambda batch: batch.state.is_final)
        assert (ended.state, ended.done) == (State.CANCELLED, PAGE_OF_SLOW)
        assert await count(desk) == PAGE_OF_SLOW
        assert (await desk.undo(batch.id)).undone == PAGE_OF_SLOW

    async def test_cancelling_a_queued_or_a_finished_one(self, desk: Desk) -> None:
        batch = await desk.start(verifier="length", filter={})
        ended = await desk.write(cancel_batch, desk.clock, batch.id)
        assert ended.state == State.CANCELLED
        done = await desk.run(verifier="length", filter={})
        assert (await desk.write(cancel_batch, desk.clock, done.id)).state == State.SUCCEEDED
        with pytest.raises(BatchUnknown):
            await desk.write(cancel_batch, desk.clock, uuid4())

    async def test_a_reason_may_quote_anything(self, desk: Desk, script: Script) -> None:
        script.says = lambda _text: Verdict("failed", 0.0, "got \ud800" + "x" * 5_000)
        it = await desk.answered()
        batch = await desk.run(verifier="scripted", interaction_ids=[it])
        assert batch.state == State.SUCCEEDED
        reason = (await desk.current(it))[0].value["reason"]
        assert reason == "got ?" + "x" * 1_995

    async def test_a_bug_of_ours_fails_it_and_says_so(self, desk: Desk, script: Script) -> None:
        def bug(_text: str) -> Verdict:
            raise RuntimeError("a bug")

        script.says = bug
        it = await desk.answered()
        batch = await desk.run(verifier="scripted", interaction_ids=[it])
        assert (batch.state, batch.error_code) == (State.FAILED, "core.internal")
        assert batch.error_detail

    async def test_workers_that_all_die_fail_it(self, desk: Desk) -> None:
        batch = await desk.start(verifier="length", filter={})
        async with desk.working(max_takeovers=0):
            ended = await desk.until(batch.id, lambda batch: batch.state.is_final)
        assert (ended.state, ended.error_code) == (State.FAILED, "core.worker_lost")


class TestUndoing:
    async def test_what_it_superseded_counts_again(self, desk: Desk) -> None:
        it = await desk.answered("two words")
        first = await desk.run(verifier="length", params=SHORT, interaction_ids=[it])
        (before,) = await desk.current(it)
        second = await desk.run(verifier="length", params=SHORT, interaction_ids=[it])
        assert (await desk.current(it))[0].id != before.id
        undone = await desk.undo(second.id)
        assert (undone.undone, undone.undone_at) == (1, desk.clock.now())
        assert [each.id for each in await desk.current(it)] == [before.id]
        await desk.undo(first.id)
        assert await desk.current(it) == []

    async def test_undoing_the_older_first_leaves_the_newer(self, desk: Desk) -> None:
        it = await desk.answered("two words")
        first = await desk.run(verifier="length", params=SHORT, interaction_ids=[it])
        second = await desk.run(verifier="length", params=SHORT, interaction_ids=[it])
        await desk.undo(first.id)
        assert len(await desk.current(it)) == 1
        await desk.undo(second.id)
        assert await desk.current(it) == []

    async def test_what_failed_can_be_asked_for_again(self, desk: Desk) -> None:
        it = await desk.answered("two words")
        batch = await desk.run(verifier="length", params=SHORT, interaction_ids=[it])
        asked = await desk.write(undo_batch, desk.clock, desk.runtime.new_id, ADA, batch.id)
        assert asked.undoing
        async with desk.working(max_takeovers=0):
            failed_ = await desk.until(batch.id, lambda batch: not batch.undoing)
        assert (failed_.undone_at, failed_.undone) == (None, 0)
        assert (await desk.undo(batch.id)).undone == 1

    async def test_twice_is_once(self, desk: Desk) -> None:
        it = await desk.answered("two words")
        batch = await desk.run(verifier="length", params=SHORT, interaction_ids=[it])
        asked = [
            await desk.write(undo_batch, desk.clock, desk.runtime.new_id, ADA, batch.id)
            for _ in range(2)
        ]
        assert asked[0].undo_job_id == asked[1].undo_job_id
        await desk.undo(batch.id)
        assert (await desk.undo(batch.id)).undone == 1


def nest(depth: int) -> Any:
    """Lists in lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


class TestBadInput:
    async def test_what_the_server_knows(self, desk: Desk) -> None:
        it, nobody = await desk.answered(), uuid4()
        with pytest.raises(UnknownVerifier, match="nonsense"):
            await desk.start(verifier="nonsense", interaction_ids=[it])
        with pytest.raises(VerifierParamsWrong, match="`maximum` is not a parameter"):
            await desk.start(verifier="length", params={"maximum": 1}, interaction_ids=[it])
        with pytest.raises(VerifierParamsWrong, match="`too` is not a parameter"):
            await desk.start(verifier="length", per_subject={"too": "prompt"}, interaction_ids=[it])
        with pytest.raises(InteractionUnknown, match=str(nobody)):
            await desk.start(verifier="length", interaction_ids=[it, nobody])

    @pytest.mark.parametrize(
        ("given", "named"),
        [
            ({}, "either `filter` or"),
            ({"filter": {}, "interaction_ids": [UUID(int=1)]}, "either `filter` or"),
            ({"interaction_ids": []}, "interaction_ids"),
            ({"interaction_ids": [UUID(int=1)] * 2}, "twice"),
            ({"filter": {}, "at_most": 0}, "at_most"),
            ({"filter": {"colour": "red"}}, "colour"),
            ({"filter": {}, "params": {"to": 1}, "per_subject": {"to": "prompt"}}, "`to`"),
            ({"filter": {}, "per_subject": {"to": "answer"}}, "per_subject.to"),
            ({"filter": {}, "params": {"a": "\ud800"}}, "half a character"),
            ({"filter": {}, "params": {"a": [float("inf")]}}, "finite"),
            ({"filter": {}, "params": {"a": nest(300)}}, "recursion"),
        ],
    )
    def test_what_a_shape_knows(self, given: dict[str, Any], named: str) -> None:
        with pytest.raises(ValidationError, match=named):
            BatchStart(verifier="length", **given)


async def test_batches_are_listed_newest_first(desk: Desk) -> None:
    made = []
    for _ in range(3):
        made.append((await desk.start(verifier="length", filter={})).id)
        desk.clock.advance(1)
    page, cursor = await desk.read(list_batches, Place(2))
    assert [each.id for each in page] == made[:0:-1]
    assert cursor is not None
