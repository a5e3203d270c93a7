"""The whole loop over HTTP: what comes of it, who decides, and how it stops, fails and goes on."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.datasets import read_pairs
from camel_ext.experiments.errors import StageFailed
from camel_ext.experiments.proving import require_only_alias_differs
from camel_ext.interactions.models import Interaction
from tests.experiments.conftest import (
    GOALS,
    Json,
    Loop,
    answering,
    brief,
    config,
    eventually,
    wordy,
)
from tests.fakes.launcher import Act, failed, steps

ORDER = ["sample", "fork", "judge", "pair", "train", "baseline", "candidate", "gate", "promote",
         "verify_live"]  # fmt: skip


async def read(loop: Loop, fn: Any) -> Any:
    return await loop.house.runtime.read(loop.house.owner.tenant, fn)


class TestALoopThatLearns:
    async def test_the_agent_gets_better_is_proven_and_promoted(self, loop: Loop) -> None:
        before = await loop.target()
        shown = await loop.improved()
        assert [stage["name"] for stage in shown["stages"]] == ORDER
        assert {stage["state"] for stage in shown["stages"]} == {"succeeded"}
        assert shown["verdict"] == "better"
        assert await loop.target() == shown["candidate_version_id"] != before
        assert await loop.target("other") == before
        live = shown["stages"][-1]["result"]
        assert live["live"]
        assert live["output"].startswith("Brief")
        counts = {stage["name"]: len(stage["children"]) for stage in shown["stages"]}
        assert counts == dict.fromkeys(ORDER, 1) | {
            "sample": 2 * GOALS, "fork": 2 * GOALS, "gate": 0, "promote": 0,
        }  # fmt: skip

    async def test_the_certificate_says_what_was_found(self, loop: Loop) -> None:
        shown = await loop.improved()
        path = f"/api/v1/certificates/{shown['certificate_id']}"
        found = await loop.get(path)
        wanted = {
            "verdict": "better", "effect": 1.0, "n": 30, "topics": 10, "seed": 1, "fixed": 30,
            "broken": 0, "kept": 0, "still_wrong": 0, "name": "C-0001", "leaked": 0, "cycle": 1,
        }  # fmt: skip
        assert {key: found[key] for key in wanted} == wanted
        low, high = found["interval"]
        assert 0 < low <= found["effect"] <= high
        assert found["level"] == pytest.approx(1 - found["alpha"])
        assert found["alpha"] == pytest.approx(0.05 * 0.6079, abs=1e-5)
        assert found["baseline"]["target"] == "base@1"
        assert found["candidate"]["target"] == "base/short@1"
        assert found["wall_s"] > 0
        assert found["pairs"] == found["made_from"]["pairs"] > 2
        assert found["made_from"]["candidates"] == 2 * GOALS * 4
        assert all(value.startswith("sha256:") for value in found["hashes"].values())
        assert found["decision"]["kind"] == "promotion"
        assert found["approved_by"] == "the policy, for owner"
        assert found["live"]["live"]
        assert len(found["examples"]["fixed"]) == 5
        page = await loop.client.get(f"{path}/html")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "sandbox" in page.headers["content-security-policy"]
        assert "Is base/short@1 better than base@1?" in page.text
        text = (await loop.client.get(f"{path}/markdown")).text
        assert "**Better: +100 points**" in text

    @pytest.mark.slow
    async def test_nothing_of_the_examination_is_learnt_from(self, loop: Loop) -> None:
        shown = await loop.improved()
        by_name = {stage["name"]: stage for stage in shown["stages"]}

        def purposes(db: Session) -> dict[str, set[str]]:
            found: dict[str, set[str]] = {}
            for row in db.scalars(select(Interaction)):
                asked = "ask" if "ask" in row.prompt_preview else "learn"
                found.setdefault(asked, set()).add(str(row.purpose))
            return found

        def prompts(db: Session) -> list[str]:
            version_id = UUID(by_name["pair"]["children"][0])
            return [pair.prompt[-1]["content"] for pair in read_pairs(db, version_id)]

        assert await read(loop, purposes) == {"learn": {"run", "sample"}, "ask": {"eval"}}
        assert all(each.startswith("learn") for each in await read(loop, prompts))

    @pytest.mark.slow
    async def test_a_second_cycle_has_less_error_to_spend_and_starts_from_the_first(
        self, loop: Loop
    ) -> None:
        first = await loop.improved()
        loop.engine.answer = answering(lambda r: brief(r) if r.params["seed"] % 2 else wordy(r))
        second = await loop.improved(seed=2)
        assert (first["cycle"], second["cycle"]) == (1, 2)
        assert second["alpha"] == pytest.approx(first["alpha"] / 4)
        assert second["baseline_version_id"] == first["candidate_version_id"]
        (budget,) = (await loop.client.get("/api/v1/error-budgets")).json()
        assert budget["cycles"] == 2
        assert budget["spent"] < budget["level"]

    @pytest.mark.slow
    async def test_same_seed_same_dataset(self, loop: Loop) -> None:
        hashes = []
        for _ in range(2):
            shown = await loop.improved(promote="{when: never}")
            by_name = {stage["name"]: stage for stage in shown["stages"]}
            hashes.append(by_name["pair"]["result"]["hash"])
        assert hashes[0] == hashes[1]

    @pytest.mark.slow
    async def test_progress_is_told(self, loop: Loop) -> None:
        shown = await loop.improved()
        topics, last = f"experiments:{shown['id']}", "experiments.improvement.finished"
        told = [(each["payload"].get("stage"), each["payload"].get("state"))
                for each in await loop.house.told(topics, last) if each["event"].endswith("staged")]  # fmt: skip
        assert told == [(name, state) for name in ORDER for state in ("running", "succeeded")]


@pytest.mark.slow
class TestALoopThatDoesNot:
    async def test_a_worse_adapter_is_refused_and_the_alias_stays(self, loop: Loop) -> None:
        loop.engine.answer = answering(wordy)
        before = await loop.target()
        shown = await loop.improved()
        assert shown["verdict"] in ("inconclusive", "not_worse", "worse")
        assert await loop.target() == before
        found = await loop.get(f"/api/v1/certificates/{shown['certificate_id']}")
        assert (found["decision"]["kind"], found["approved_by"]) == ("refusal", None)
        assert shown["stages"][-1]["result"] == {"skipped": "nothing was promoted"}

    async def test_without_a_preference_there_is_nothing_to_train_on(self, loop: Loop) -> None:
        loop.engine.answer = lambda _: "always the same answer, whoever asks"
        shown = await loop.ended((await loop.start())["id"])
        assert (shown["state"], shown["stage"]) == ("failed", "pair")
        assert shown["error_code"] == "experiments.nothing_learnable"
        assert shown["cycle"] is None  # no look was taken

    async def test_a_training_that_fails_says_what_to_try_and_can_be_gone_on_with(
        self, loop: Loop
    ) -> None:
        loop.launcher.acts = [Act([failed("training.diverged", "The loss is NaN.",
                                          "Take a smaller learning rate.")], code=1)]  # fmt: skip
        shown = await loop.ended((await loop.start())["id"])
        assert (shown["state"], shown["stage"]) == ("failed", "train")
        assert "smaller learning rate" in shown["error_detail"]
        states = {stage["name"]: stage["state"] for stage in shown["stages"]}
        assert states["pair"] == "succeeded"
        assert states["train"] == "failed"
        pair = next(each for each in shown["stages"] if each["name"] == "pair")
        loop.launcher.acts = [Act(steps(1, 3, 3))]
        await loop.do(f"/api/v1/improvements/{shown['id']}/resume")
        again = await loop.ended(shown["id"])
        assert (again["state"], again["verdict"]) == ("succeeded", "better")
        assert next(each for each in again["stages"] if each["name"] == "pair") == pair

    async def test_runs_that_all_fail_are_said(self, loop: Loop) -> None:
        loop.engine.answer = lambda _: RuntimeError("no")  # a bug of an engine is no answer
        shown = await loop.ended((await loop.start())["id"])
        assert (shown["state"], shown["stage"]) == ("failed", "sample")
        assert "none of 8 runs succeeded" in shown["error_detail"]


@pytest.mark.slow
class TestAPerson:
    async def waiting(self, loop: Loop) -> Json:
        started = await loop.start(promote="{when: better, approval: person}")
        shown = await loop.until(started["id"], "waiting", "failed", "succeeded")
        assert (shown["state"], shown["waiting_for"]) == ("waiting", "person"), shown
        return shown

    async def test_a_person_approves(self, loop: Loop) -> None:
        shown = await self.waiting(loop)
        before = await loop.target()
        assert before == shown["baseline_version_id"]
        made = await loop.do(
            f"/api/v1/improvements/{shown['id']}/promote", {"reason": "Read the broken ones, fine."}
        )
        assert (made["kind"], made["automatic"]) == ("promotion", False)
        ended = await loop.ended(shown["id"])
        assert ended["decision_id"] == made["id"]
        assert ended["stages"][-1]["result"]["live"]
        found = await loop.get(f"/api/v1/certificates/{shown['certificate_id']}")
        assert found["approved_by"] == "owner"

    async def test_a_person_refuses(self, loop: Loop) -> None:
        shown = await self.waiting(loop)
        await loop.do(f"/api/v1/improvements/{shown['id']}/refuse", {"reason": "Not now."})
        ended = await loop.ended(shown["id"])
        assert ended["state"] == "succeeded"
        assert await loop.target() == shown["baseline_version_id"]

    async def test_rolling_back_is_a_decision_too(self, loop: Loop) -> None:
        shown = await loop.improved()
        back = await loop.do("/api/v1/decisions/rollback", {"alias": "brief", "reason": "Bad."})
        assert back["undoes_id"] == shown["decision_id"]
        assert await loop.target() == shown["baseline_version_id"]
        found = await loop.get(f"/api/v1/certificates/{shown['certificate_id']}")
        assert found["decision"]["rolled_back_at"] == back["created_at"].replace("Z", "+00:00")
        listed = await loop.get("/api/v1/decisions?alias=brief")
        assert [each["kind"] for each in listed["items"]] == ["rollback", "promotion"]

    async def test_against_the_verdict_takes_a_reason(self, loop: Loop) -> None:
        loop.engine.answer = answering(wordy)
        shown = await loop.improved()
        path = f"/api/v1/improvements/{shown['id']}/promote"
        for body in ({}, {"override": True}):
            answer = await loop.client.post(path, json=body)
            assert answer.status_code == 409
        made = await loop.do(path, {"override": True, "reason": "A trial for a day."})
        assert made["override"]
        assert await loop.target() == shown["candidate_version_id"]

    async def test_there_is_nothing_to_decide_before_the_verdict(self, loop: Loop) -> None:
        loop.launcher.acts = [Act(holds=True)]
        started = await loop.start()
        await loop.until(started["id"], stage="train")
        answer = await loop.client.post(f"/api/v1/improvements/{started['id']}/promote", json={})
        assert answer.json()["code"] == "experiments.improvement_state_unfit"
        await loop.do(f"/api/v1/improvements/{started['id']}/cancel")


@pytest.mark.slow
class TestCancelling:
    async def test_it_stops_what_it_started(self, loop: Loop) -> None:
        loop.launcher.acts = [Act(steps(1, 1, 9), holds=True)]
        started = await loop.start()
        shown = await loop.until(started["id"], stage="train")

        async def training() -> Json | None:
            shown = await loop.show(started["id"])
            children = shown["stages"][-1]["children"]
            if not children:
                return None
            found = await loop.get(f"/api/v1/trainings/{children[0]}")
            return found if found["state"] == "running" else None

        running = await eventually(training)
        await loop.do(f"/api/v1/improvements/{shown['id']}/cancel")
        ended = await loop.ended(shown["id"])
        assert ended["state"] == "cancelled"

        async def stopped() -> Json | None:
            found = await loop.get(f"/api/v1/trainings/{running['id']}")
            return found if found["state"] == "cancelled" else None

        await eventually(stopped)
        assert ended["stages"][-1]["state"] == "cancelled"

    async def test_a_finished_one_stays_as_it_is(self, loop: Loop) -> None:
        shown = await loop.improved()
        again = await loop.do(f"/api/v1/improvements/{shown['id']}/cancel")
        assert again["state"] == "succeeded"


@pytest.mark.slow
class TestACandidateThatIsThere:
    async def test_it_is_proven_without_training(self, loop: Loop) -> None:
        first = await loop.improved(promote="{when: never}")
        asked = {**config(), "candidate": "base/short", "goals": {}}
        body = {"workflow": "answer", "config": asked, "seed": 3}
        answer = await loop.client.post("/api/v1/improvements", json=body)
        shown = await loop.ended(answer.json()["id"])
        assert [each["name"] for each in shown["stages"]] == ORDER[5:]
        assert shown["verdict"] == "better"
        assert shown["candidate_version_id"] == first["candidate_version_id"]
        assert len(loop.launcher.started) == 1
        found = await loop.get(f"/api/v1/certificates/{shown['certificate_id']}")
        assert (found["pairs"], found["training"]["curve"]) == (0, [])


class TestWhatCannotBegin:
    @pytest.mark.parametrize(
        ("workflow", "change", "status", "said"),
        [
            ("nothing", {}, 404, "there is no workflow 'nothing'"),
            ("answer", {"agent": "talker"}, 422, "`agent`: no agent 'talker' acts in 'answer'"),
            ("pair", {"agent": None}, 422, "`agent`: the workflow 'pair' has several agents"),
            ("answer", {"goals": {"t": [{"gaol": "x"}]}}, 422, "`goals.t[0]`"),
            ("answer", {"heldout": {"t": ["x"]}}, 422, "fewer than `gate.min_cases`"),
            ("answer", {"candidate": "base/nothing"}, 404, "there is no model 'base/nothing'"),
        ],
    )
    async def test_it_is_said(
        self, loop: Loop, workflow: str, change: Json, status: int, said: str
    ) -> None:
        body = {"workflow": workflow, "config": {**config(), **change}}
        answer = await loop.client.post("/api/v1/improvements", json=body)
        assert answer.status_code == status, answer.text
        assert said in answer.json()["detail"]
        plan = await loop.client.post("/api/v1/improvements/plan", json=body)
        assert plan.status_code == status

    @pytest.mark.slow
    async def test_an_alias_that_splits_has_no_baseline(self, loop: Loop) -> None:
        await loop.improved(promote="{when: never}")
        moved = await loop.client.put(
            "/api/v1/aliases/brief",
            json={"targets": [{"target": "base"}, {"target": "base/short"}]},
            headers={"If-Match": '"1"'},
        )
        assert moved.status_code == 200, moved.text
        body = {"workflow": "answer", "config": config()}
        answer = await loop.client.post("/api/v1/improvements", json=body)
        assert "splits its traffic" in answer.json()["detail"]

    @pytest.mark.slow
    async def test_the_level_is_fixed_by_the_first_look(self, loop: Loop) -> None:
        await loop.improved()
        body = {"workflow": "answer", "config": config()}
        body["config"] |= {"gate": {**config()["gate"], "level": 0.2}}  # type: ignore[operator]
        answer = await loop.client.post("/api/v1/improvements", json=body)
        assert answer.json()["errors"][0]["loc"] == ["body", "config", "gate", "level"]

    async def test_a_plan_starts_nothing(self, loop: Loop) -> None:
        body = {"workflow": "answer", "config": config()}
        plan = await loop.do("/api/v1/improvements/plan", body)
        assert (plan["heldout_goals"], plan["heldout_topics"], plan["cycle"]) == (30, 10, 1)
        assert plan["candidates"] == 2 * GOALS * 4
        assert 0 < plan["smallest_gain"] < 1
        assert (await loop.get("/api/v1/improvements"))["items"] == []


async def test_what_was_changed_in_between_is_not_compared(loop: Loop) -> None:
    await loop.do("/api/v1/improvements/plan", {"workflow": "pair", "config": config()})
    asked = {"suite": "pair-heldout", "workflow": "pair", "models": {"brief": "base"}}
    first = await loop.do("/api/v1/evaluations", asked)
    same = await loop.do("/api/v1/evaluations", asked)
    await loop.do(
        "/api/v1/models",
        {"name": "second", "engine": "local", "file": "base.gguf", "context_tokens": 1024},
    )
    moved = await loop.client.put(
        "/api/v1/aliases/other",
        json={"targets": [{"target": "second"}]},
        headers={"If-Match": '"1"'},
    )
    assert moved.status_code == 200, moved.text
    later = await loop.do("/api/v1/evaluations", asked)

    def check(db: Session, other: str) -> None:
        require_only_alias_differs(db, UUID(first["id"]), UUID(other), "brief")

    await read(loop, lambda db: check(db, same["id"]))
    with pytest.raises(StageFailed, match="another alias was changed"):
        await read(loop, lambda db: check(db, later["id"]))
