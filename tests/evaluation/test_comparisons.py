"""Verdicts through the door: better, gamed, judged, planned, refused; written once."""

from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from camel_ext.evaluation import get_comparison
from camel_ext.evaluation.errors import WrittenOnce
from camel_ext.evaluation.judges import bias_of, preference
from camel_ext.serving import ChatRequest
from tests.evaluation.conftest import JUDGED, Hall, Json, reply
from tests.fakes.engine import Answer

POLICY: Json = {
    "primary": "brief",
    "min_cases": 30,
    "guardrails": [{"measure": "relevant", "margin": 0.3}, {"measure": "error", "margin": 0.3}],
}


async def compared(hall: Hall, before: str, after: str, **more: object) -> Json:
    body = {"baseline_id": before, "candidate_id": after, "policy": POLICY, **more}
    return await hall.post("/comparisons", body, 201)


class TestVerdicts:
    async def test_a_better_adapter_is_found_and_written_down_once(self, hall: Hall) -> None:
        before, after = await hall.both()
        made = await compared(hall, before, after, alpha=0.0304)
        assert made["verdict"] == "better"
        assert made["effect"] == pytest.approx(2 / 3)
        assert 0 < made["low"] < 2 / 3 < made["high"] <= 1
        assert (made["level"], made["n"], made["topics"]) == (pytest.approx(0.9696), 36, 12)
        result = made["result"]
        assert (result["fixed"], result["broken"], result["still_wrong"]) == (24, 0, 12)
        assert all(rail["held"] for rail in result["guardrails"])
        again = await compared(hall, before, after, alpha=0.0304)
        assert again["result_hash"] == made["result_hash"]
        assert again["id"] != made["id"]
        listed = await hall.get("/comparisons", candidate_id=after)
        assert [each["id"] for each in listed["items"]] == [again["id"], made["id"]]
        assert await hall.get(f"/comparisons/{made['id']}") == made
        await self.refuses_to_change(hall, made["id"])

    async def refuses_to_change(self, hall: Hall, comparison_id: str) -> None:
        def change(db: Session) -> None:
            get_comparison(db, UUID(comparison_id)).effect = 0.9
            db.flush()

        with pytest.raises(WrittenOnce):
            await hall.house.runtime.write(hall.house.owner.tenant, change)

    async def test_short_nonsense_is_refused(self, hall: Hall) -> None:
        before, after = await hall.both("gamer")
        made = await compared(hall, before, after)
        assert made["low"] > 0, "its verifier is content"
        assert made["verdict"] == "worse"
        assert made["result"]["reason"] == "past its margin: relevant"

    async def test_the_same_versions_are_pointed_at(self, hall: Hall) -> None:
        before = await hall.evaluated()
        after = await hall.evaluated()
        made = await compared(hall, before["id"], after["id"])
        assert made["verdict"] in ("not_worse", "inconclusive")
        assert any("the same versions" in each for each in made["result"]["warnings"])

    async def test_what_cannot_be_compared_is_said(self, hall: Hall) -> None:
        before, after = await hall.both()
        await hall.define(each=2)
        other = await hall.evaluated()
        hall.engine.free.clear()
        running = await hall.start(reuse=False)
        for one, two, policy, status, said in (
            (before, before, POLICY, 422, "one and the same"),
            (before, other["id"], POLICY, 422, "another version of a suite"),
            (before, running, POLICY, 409, "wait for its end"),
            (before, str(UUID(int=1)), POLICY, 404, "there is no evaluation"),
            (before, after, {"primary": "speed"}, 422, "nothing called `speed` was measured"),
            (before, after, {"primary": "error"}, 422, "not something measured besides"),
        ):
            body = {"baseline_id": one, "candidate_id": two, "policy": policy}
            answer = await hall.client.post("/api/v1/comparisons", json=body)
            assert (answer.status_code, said in answer.text) == (status, True), answer.text
        hall.engine.free.set()

    async def test_another_base_model_is_pointed_at(self, hall: Hall) -> None:
        before, after = await hall.both()
        warnings = (await compared(hall, before, after))["result"]["warnings"]
        assert any("different base models" in each for each in warnings)


class TestJudges:
    async def test_a_judge_sees_both_in_both_orders(self, hall: Hall) -> None:
        await hall.define(**JUDGED)
        before, after = await hall.both()
        policy = {"primary": "judge", "min_cases": 30}
        body = {"baseline_id": before, "candidate_id": after, "policy": policy}
        early = await hall.client.post("/api/v1/comparisons", json=body)
        assert (early.status_code, early.json()["code"]) == (409, "evaluation.not_judged")
        started = await hall.post(
            "/judgings", {"baseline_id": before, "candidate_id": after, "scorer": "judge"}, 202
        )
        ended = await hall.until(f"/judgings/{started['id']}", "succeeded", "failed")
        assert ended["state"] == "succeeded", ended
        said = [each["preference"] for each in ended["found"].values()]
        # 12 answers are the same on both sides: those tie without being asked
        assert (said.count(1), said.count(0), said.count(-1)) == (24, 12, 0)
        assert ended["bias"] == {
            "first": 24, "second": 24, "tie": 0, "unread": 0, "pairs": 24, "consistent": 24,
            "consistent_ratio": 1.0,
        }  # fmt: skip
        assert ended["cost_usd_micros"] > 0
        made = await hall.post("/comparisons", body, 201)
        assert (made["verdict"], made["effect"]) == ("better", pytest.approx(2 / 3))
        kept = await hall.get("/annotations", judge_kind="model", limit=500)
        assert len(kept["items"]) == 48
        assert {each["kind"] for each in kept["items"]} == {"choice"}

    async def test_a_judge_grades_one_answer_both_ways(self, hall: Hall) -> None:
        graded = {"model": "judge", "criteria": "Short answers are better.", "sees": "one"}
        await hall.define(each=2, grade={"judge": graded})
        ended = await hall.evaluated(models={"small": "brief"})
        assert ended["means"]["grade"] == pytest.approx(1.0)
        asked = hall.engine.count
        again = await hall.evaluated(models={"small": "brief"})
        assert again["means"] == ended["means"]
        assert hall.engine.count == asked, "an equal judge's word is kept"

    async def test_one_that_leans_has_no_preference(self, hall: Hall) -> None:
        await hall.define(**JUDGED)
        hall.engine.answer = leaning
        before, after = await hall.both()
        started = await hall.post(
            "/judgings", {"baseline_id": before, "candidate_id": after, "scorer": "judge"}, 202
        )
        ended = await hall.until(f"/judgings/{started['id']}", "succeeded")
        assert {each["preference"] for each in ended["found"].values()} == {0}
        assert ended["bias"]["consistent_ratio"] == 0.0

    async def test_who_is_no_judge_is_said(self, hall: Hall) -> None:
        before = (await hall.evaluated(workflow=None, model="wordy"))["id"]
        after = (await hall.evaluated(workflow=None, model="brief"))["id"]
        body = {"baseline_id": before, "candidate_id": after, "scorer": "brief"}
        answer = await hall.client.post("/api/v1/judgings", json=body)
        assert answer.status_code == 422
        assert "no judge that sees both answers" in answer.text

    @pytest.mark.parametrize(
        ("straight", "turned", "expected"),
        [("first", "second", -1), ("second", "first", 1), ("first", "first", 0),
         ("tie", "tie", 0), ("tie", "first", 0), (None, "first", None)],
    )  # fmt: skip
    def test_preference(self, straight: str, turned: str, expected: int | None) -> None:
        assert preference(straight, turned) == expected  # type: ignore[arg-type]

    def test_bias_of_nothing(self) -> None:
        assert bias_of({})["consistent_ratio"] is None


def leaning(request: ChatRequest) -> Answer:
    """Whatever stands first is better."""
    said = reply(request)
    return '{"reason": "it stands first", "better": "A"}' if '"better"' in str(said) else said


class TestPlan:
    async def test_it_says_what_could_be_shown(self, hall: Hall) -> None:
        body = {"suite": "short", "workflow": "answer", "policy": POLICY}
        plan = await hall.post("/evaluations/plan", body, 200)
        assert (plan["n"], plan["topics"], plan["reusable"]) == (36, 12, 0)
        assert 0.1 < plan["smallest_gain"] < 0.5
        assert plan["power_at"]["0.3"] > 0.8 > plan["power_at"]["0.05"]
        assert "experience" in plan["assumed_from"]
        assert plan["seconds"] is None
        assert [rail["measure"] for rail in plan["guardrails"]] == ["relevant", "error"]
        assert all(rail["passes_equal"] > 0.8 for rail in plan["guardrails"])
        assert plan["warnings"] == []
        strict = {**POLICY, "guardrails": [{"measure": "relevant", "margin": 0.05}]}
        strict_plan = await hall.post("/evaluations/plan", {**body, "policy": strict}, 200)
        assert any("passes `relevant`" in each for each in strict_plan["warnings"])

    async def test_it_learns_from_what_was(self, hall: Hall) -> None:
        await hall.both()
        body = {"suite": "short", "workflow": "answer", "models": {"small": "brief"}}
        plan = await hall.post("/evaluations/plan", body, 200)
        assert plan["reusable"] == 36
        assert plan["seconds"] == 0
        assert plan["cost_usd_micros"] == 0
        assert plan["assumed_from"] == "the last two targets on this suite"
        assert plan["assumed"]["squares"] == pytest.approx(2 / 3)

    async def test_what_does_not_exist_is_said(self, hall: Hall) -> None:
        policy = {"primary": "brief", "guardrails": [{"measure": "length", "margin": 0.1}]}
        body = {"suite": "short", "workflow": "answer", "policy": policy}
        answer = await hall.client.post("/api/v1/evaluations/plan", json=body)
        assert answer.status_code == 422
        assert "nothing called `length` is measured" in answer.text
