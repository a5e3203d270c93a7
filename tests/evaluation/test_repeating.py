"""A failed evaluation or judging is queued again by its job, and is about the same."""

import pytest

from camel_ext.core.queue import TASKS
from camel_ext.evaluation.evaluations import ASKED, RUN_SUITE
from camel_ext.evaluation.judgings import JUDGE_PAIRS
from tests.evaluation.conftest import JUDGED, Hall
from tests.jobs.repeating import broken, repeated


async def test_an_evaluation_examines_what_the_failed_one_pinned(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(TASKS, RUN_SUITE, broken)
        first_id = await hall.start(seed=7, parallel=3)
        first = await hall.until(f"/evaluations/{first_id}", "failed")
    second_id = (await repeated(hall.client, evaluation_id=first_id))["evaluation_id"]
    assert second_id != first_id
    second = await hall.until(f"/evaluations/{second_id}", "succeeded", "failed")
    assert (second["state"], second["done"], second["failed"]) == ("succeeded", 36, 0)
    asked = [name for name in ASKED if name in first]
    assert {name: second[name] for name in asked} == {name: first[name] for name in asked}


async def test_a_judging_sees_the_same_two(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    await hall.define(**JUDGED)
    before, after = await hall.both()
    wanted = {"baseline_id": before, "candidate_id": after, "scorer": "judge", "seed": 3}
    with monkeypatch.context() as patched:
        patched.setitem(TASKS, JUDGE_PAIRS, broken)
        first_id = (await hall.post("/judgings", wanted, 202))["id"]
        await hall.until(f"/judgings/{first_id}", "failed")
    second_id = (await repeated(hall.client, judging_id=first_id))["judging_id"]
    second = await hall.until(f"/judgings/{second_id}", "succeeded", "failed")
    assert second["state"] == "succeeded"
    assert {name: second[name] for name in wanted} == wanted
