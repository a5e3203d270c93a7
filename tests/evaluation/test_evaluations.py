"""Evaluations through the door: answers, scores, reuse, what fails, what is stopped, what is pinned."""

import pytest

from camel_ext.serving.engines.protocol import ChatRequest
from camel_ext.serving.errors import EngineRefused
from tests.evaluation.conftest import AGENTS, FILES, TOPICS, Hall, Json, reply, suite
from tests.fakes.engine import Answer


class TestSuites:
    async def test_the_same_content_is_the_same_version(self, hall: Hall) -> None:
        first = await hall.define()
        again = await hall.define()
        assert first["id"] == again["id"]
        assert (first["case_count"], first["topic_count"]) == (36, 12)
        assert first["primary"] == "brief"
        other = await hall.define(each=2)
        assert other["number"] == 2
        listed = await hall.get("/suites/short/versions")
        assert [each["number"] for each in listed["items"]] == [2, 1]
        whole = await hall.get(f"/suite-versions/{first['id']}")
        assert len(whole["cases"]) == 36
        assert (await hall.get("/suites/short"))["current_version_id"] == other["id"]

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"cases": [{"topic": "a", "input": {"goal": g}} for g in ("Why?", "  why? ")]},
             "cases 1 and 2 ask the same"),
            ({"cases": [{"topic": "a", "input": {"goal": str(g)}, "id": "x"} for g in range(2)]},
             "are both called `x`"),
            ({"scorers": {"a": {"verify": "nothing"}}}, "There is no verifier 'nothing'"),
            ({"scorers": {"a": {"verify": "length", "params": {"maximum": 3}}}},
             "`maximum` is not a parameter"),
            ({"scorers": {"a": {"verify": "relevance", "per_case": {"about": "goal"}}}},
             "has no parameter `about`"),
            ({"scorers": {"a": {"verify": "relevance", "per_case": {"to": "expect.text"}}}},
             "case 1 has no `expect.text`"),
            ({"scorers": {"error": {"verify": "length"}}}, "`error` is measured anyway"),
            ({"scorers": {"a": {}}}, "either `verify` or `judge`"),
            ({"primary": "speed"}, "there is no scorer `speed`"),
            ({"cases": []}, "at least 1 item"),
            ({"cases": [{"topic": "a", "input": {"goal": "a\0b"}}]}, "NUL"),
        ],
    )  # fmt: skip
    async def test_what_is_wrong_is_said(self, hall: Hall, change: Json, said: str) -> None:
        answer = await hall.client.post("/api/v1/suites", json=suite() | change)
        assert answer.status_code == 422
        assert said in answer.text


class TestWorkflow:
    async def test_every_case_is_answered_and_scored(self, hall: Hall) -> None:
        ended = await hall.evaluated(models={"small": "brief"})
        assert (ended["total"], ended["done"], ended["failed"], ended["reused"]) == (36, 36, 0, 0)
        assert ended["means"]["brief"] == pytest.approx(24 / 36)
        assert ended["means"]["relevant"] == 1.0
        assert ended["means"]["error"] == 0.0
        assert ended["cost_usd_micros"] > 0
        assert ended["engines"][0]["alias"] == "small"
        cases = await hall.cases(ended["id"])
        assert [case["position"] for case in cases] == list(range(36))
        assert cases[0]["scores"]["brief"]["state"] == "passed"
        assert cases[2]["scores"]["brief"] == {
            "state": "failed", "score": pytest.approx(12 / 18), "reason": "18 words, at most 12 wanted",
            "hash": cases[2]["scores"]["brief"]["hash"],
        }  # fmt: skip
        run = await hall.get(f"/runs/{cases[0]['run_id']}")
        assert (run["purpose"], run["tags"]) == ("eval", ["topic:rivers"])
        logged = await hall.get(f"/interactions/{cases[0]['interaction_id']}")
        assert logged["purpose"] == "eval"
        assert hall.engine.in_flight_max <= 16

    async def test_pages_of_cases(self, hall: Hall) -> None:
        ended = await hall.evaluated()
        first = await hall.get(f"/evaluations/{ended['id']}/cases", limit=25)
        assert (len(first["items"]), first["next_after"]) == (25, 24)
        last = await hall.get(f"/evaluations/{ended['id']}/cases", after=25, limit=25)
        assert (len(last["items"]), last["next_after"]) == (10, None)

    async def test_equal_answers_are_not_asked_for_again(self, hall: Hall) -> None:
        first = await hall.evaluated()
        asked = hall.engine.count
        again = await hall.evaluated()
        assert hall.engine.count == asked
        assert (again["reused"], again["cost_usd_micros"]) == (36, 0)
        assert again["means"] == first["means"]
        assert {case["reused_from_id"] for case in await hall.cases(again["id"])} == {first["id"]}
        fresh = await hall.evaluated(reuse=False)
        assert (fresh["reused"], hall.engine.count) == (0, 2 * asked)
        other = await hall.evaluated(seed=5)
        assert other["reused"] == 0

    async def test_new_scorers_score_old_answers(self, hall: Hall) -> None:
        await hall.evaluated()
        asked = hall.engine.count
        await hall.define(polite={"verify": "contains", "params": {"none": ["stupid"]}})
        again = await hall.evaluated()
        assert hall.engine.count == asked
        assert again["means"]["polite"] == 1.0

    async def test_a_case_without_an_answer_is_an_error_and_scores_nothing(
        self, hall: Hall
    ) -> None:
        def sometimes(request: ChatRequest) -> Answer:
            if "bees" in str(request.messages[-1]["content"]):
                return EngineRefused("the provider does not speak of bees")
            return reply(request)

        hall.engine.answer = sometimes
        ended = await hall.evaluated(models={"small": "brief"})
        assert (ended["failed"], ended["done"]) == (3, 36)
        assert ended["means"]["error"] == pytest.approx(3 / 36)
        assert ended["means"]["brief"] == pytest.approx(22 / 36)
        failed = [case for case in await hall.cases(ended["id"]) if case["state"] == "failed"]
        assert {case["error_code"] for case in failed} == {"serving.engine_refused"}
        hall.engine.answer = reply
        again = await hall.evaluated(models={"small": "brief"})
        assert (again["reused"], again["failed"]) == (33, 0)

    async def test_an_alias_that_moves_meanwhile_changes_nothing(self, hall: Hall) -> None:
        hall.engine.free.clear()
        evaluation_id = await hall.start(parallel=4)
        await hall.until(f"/evaluations/{evaluation_id}", "running")
        moved = await hall.client.put(
            "/api/v1/aliases/small",
            json={"targets": [{"target": "gamer"}]}, headers={"If-Match": '"1"'},
        )  # fmt: skip
        assert moved.status_code == 200, moved.text
        hall.engine.free.set()
        ended = await hall.until(f"/evaluations/{evaluation_id}", "succeeded")
        assert ended["means"]["relevant"] == 1.0

    async def test_a_workflow_that_changes_meanwhile_is_noticed(self, hall: Hall) -> None:
        hall.engine.free.clear()
        evaluation_id = await hall.start(parallel=4)
        await hall.until(f"/evaluations/{evaluation_id}", "running")
        await until_started(hall, evaluation_id, 4)
        files = {**FILES, "agents.yaml": AGENTS.replace("You answer.", "You answer at once.")}
        applied = await hall.client.put(
            "/api/v1/configurations", json={"name": "main", "files": files}
        )
        assert applied.status_code == 200
        hall.engine.free.set()
        ended = await hall.until(f"/evaluations/{evaluation_id}", "failed")
        assert ended["error_code"] == "evaluation.target_changed"
        assert "the agent 'answerer' of 'answer' was changed" in ended["error_detail"]

    async def test_a_cancelled_one_stops_its_runs_and_keeps_what_it_found(self, hall: Hall) -> None:
        hall.engine.free.clear()
        evaluation_id = await hall.start(parallel=4)
        await until_started(hall, evaluation_id, 4)
        answer = await hall.client.post(f"/api/v1/evaluations/{evaluation_id}/cancel")
        assert answer.status_code == 200
        ended = await hall.until(f"/evaluations/{evaluation_id}", "cancelled")
        assert ended["done"] == 0
        runs = [case["run_id"] for case in await hall.cases(evaluation_id) if case["run_id"]]
        assert len(runs) == 4
        for run_id in runs:  # before the engine goes on: a run may end well before it hears
            await hall.until(f"/runs/{run_id}", "cancelled")
        hall.engine.free.set()
        again = await hall.client.post(f"/api/v1/evaluations/{evaluation_id}/cancel")
        assert again.json()["state"] == "cancelled"


async def until_started(hall: Hall, evaluation_id: str, runs: int) -> None:
    from tests.evaluation.conftest import eventually

    async def there() -> bool | None:
        cases = await hall.cases(evaluation_id)
        return True if sum(case["run_id"] is not None for case in cases) >= runs else None

    await eventually(there)


class TestModel:
    async def test_a_model_by_itself(self, hall: Hall) -> None:
        ended = await hall.evaluated(workflow=None, model="brief")
        assert ended["means"]["brief"] == pytest.approx(24 / 36)
        assert (ended["target_kind"], ended["target"]) == ("model", "brief")
        cases = await hall.cases(ended["id"])
        assert cases[0]["run_id"] is None
        logged = await hall.get(f"/interactions/{cases[0]['interaction_id']}")
        assert (logged["purpose"], logged["tags"]) == ("eval", ["topic:rivers"])
        assert (await hall.evaluated(workflow=None, model="brief"))["reused"] == 36

    async def test_an_alias_is_what_it_stands_for(self, hall: Hall) -> None:
        by_alias = await hall.evaluated(workflow=None, model="small")
        by_name = await hall.evaluated(workflow=None, model="wordy")
        assert by_alias["target_hash"] == by_name["target_hash"]
        assert by_name["reused"] == 36


class TestBadInput:
    @pytest.mark.parametrize(
        ("wanted", "status", "said"),
        [
            ({"suite": "nowhere"}, 404, "there is no suite"),
            ({"suite": "short@9"}, 404, "has no version 9"),
            ({"suite": "short@x"}, 404, "a version is a number"),
            ({"workflow": "nowhere"}, 404, "there is no workflow"),
            ({"models": {"small": "nowhere"}}, 404, "there is no model"),
            ({"models": {"nowhere": "brief"}}, 422, "no agent of"),
            ({"workflow": "shared"}, 422, "shares its traffic among 2 versions"),
            ({"model": "brief"}, 422, "either `workflow` or `model`"),
            ({"workflow": None}, 422, "either `workflow` or `model`"),
            ({"workflow": None, "model": "nowhere"}, 404, "there is no model"),
            ({"parallel": 0}, 422, "parallel"),
        ],
    )  # fmt: skip
    async def test_what_is_wrong_is_said(
        self, hall: Hall, wanted: Json, status: int, said: str
    ) -> None:
        body = {"suite": "short", "workflow": "answer", **wanted}
        answer = await hall.client.post("/api/v1/evaluations", json=body)
        assert answer.status_code == status, answer.text
        assert said in answer.text

    async def test_a_split_alias_may_be_pinned(self, hall: Hall) -> None:
        ended = await hall.evaluated(workflow="shared", models={"split": "brief"})
        assert ended["pinned"]["models"]["split"]["name"] == "brief"

    async def test_a_case_that_does_not_fit_is_named(self, hall: Hall) -> None:
        cases = [{"topic": "a", "input": {"wish": "x"}, "id": "odd"}]
        scorers = {"brief": {"verify": "length", "params": {"max": 3}}}
        await hall.post("/suites", {"name": "odd", "cases": cases, "scorers": scorers}, 201)
        body = {"suite": "odd", "workflow": "answer"}
        answer = await hall.client.post("/api/v1/evaluations", json=body)
        assert answer.status_code == 422
        assert "the case `odd` does not fit" in answer.text
        assert "there is no input `wish`" in answer.text


def test_topics_are_words_that_the_answers_share() -> None:
    assert len(set(TOPICS)) == 12
