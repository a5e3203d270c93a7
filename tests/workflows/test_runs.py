"""Runs from a client's side: every way in which one goes on, stops, is asked for and ends."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from inline_snapshot import snapshot
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.serving import EngineRefused, EngineUnavailable
from camel_ext.workflows.calls import Patience
from camel_ext.workflows.models import Effect, EffectState
from camel_ext.workflows.process import workshop_of
from tests.workflows.conftest import Stage, eventually, last_said

Json = dict[str, Any]


async def held_in_call(stage: Stage, workflow: str = "talk", calls: int = 1, **more: Any) -> str:
    """Start a run and return its id once its model call hangs."""
    stage.engine.free.clear()
    arrived = stage.engine.arrived
    run = await stage.start(workflow, **more)

    async def hangs() -> bool | None:
        return True if stage.engine.arrived >= arrived + calls else None

    await eventually(hangs)
    return str(run["id"])


async def doubtful(stage: Stage, workflow: str = "order") -> str:
    """Return a run whose call of `send` was interrupted by a kill, so that it waits for a person."""
    stage.sender.free.clear()
    run_id = str((await stage.start(workflow))["id"])
    sent = len(stage.sender.sent)

    async def calling() -> bool | None:
        return True if len(stage.sender.sent) > sent - 1 and stage.sender.sent else None

    await eventually(calling)
    await interrupt(stage)
    await stage.until(run_id, "waiting", waiting_for="person")
    stage.sender.free.set()
    return run_id


async def interrupt(stage: Stage) -> None:
    """Take all jobs from the worker, as if it had lost its lease."""
    from sqlalchemy import delete

    from camel_ext.core.models import Worker

    await stage.house.runtime.write_system("test", lambda db: db.execute(delete(Worker)))


class TestStarting:
    async def test_it_runs_to_its_output(self, stage: Stage) -> None:
        started = await stage.start("talk", input={"goal": "tea"}, seed=7, tags=["x"], session="s")
        assert (started["state"], started["turns"], started["revision"]) == ("queued", 0, 1)
        run = await stage.until(started["id"], "succeeded", "failed")
        assert run["output"] == snapshot("<third <second <first tea>>>")
        assert await stage.keys(run["id"]) == ["first/call[0]", "second/call[0]", "third/call[0]"]
        assert run["turns"] == 3
        assert (run["seed"], run["tags"], run["session"]) == (7, ["x"], "s")
        assert run["prompt_tokens"] > 0
        assert run["cost_usd_micros"] > 0
        assert run["started_at"] <= run["finished_at"]

    async def test_each_turn_is_in_the_log_with_its_run(self, stage: Stage) -> None:
        run = await stage.until((await stage.start("talk"))["id"], "succeeded")
        for turn in await stage.turns(run["id"]):
            logged = await stage.client.get(f"/api/v1/interactions/{turn['interaction_id']}")
            assert logged.json()["run_id"] == run["id"]
            assert logged.json()["step_key"] == turn["step_key"]
            assert logged.json()["trace_id"] == run["trace_id"]

    async def test_same_seed_same_calls(self, stage: Stage) -> None:
        for _ in range(2):
            await stage.until((await stage.start("talk", seed=11))["id"], "succeeded")
        params = [dict(call.params) for call in stage.engine.calls]
        assert params[:3] == params[3:]
        assert len({p["seed"] for p in params}) == 3

    async def test_an_agent_with_memory_remembers_its_rounds(self, stage: Stage) -> None:
        run = await stage.until((await stage.start("rounds"))["id"], "succeeded")
        assert run["output"] == {"count": 3, "met": False}  # the bound was reached
        assert [len(call.messages) for call in stage.engine.calls] == [2, 4, 6]

    async def test_a_loop_ends_at_its_condition(self, stage: Stage) -> None:
        stage.engine.then("more", "enough")
        run = await stage.until((await stage.start("rounds"))["id"], "succeeded")
        assert run["output"] == {"count": 2, "met": True}

    async def test_candidates_are_asked_at_once_and_the_best_wins(self, stage: Stage) -> None:
        run_id = await held_in_call(stage, "best", calls=4)
        stage.engine.free.set()
        stage.engine.answer = lambda request: "x" * (len(last_said(request)) % 17)
        run = await stage.until(run_id, "succeeded", "failed")
        assert run["state"] == "succeeded"
        turns = await stage.turns(run_id)  # numbered without a gap
        assert len(turns) == 8
        assert {turn["step_key"] for turn in turns} == {
            f"tries{{{n}}}/{step}/call[0]" for n in range(4) for step in ("say", "more")
        }


class TestFailing:
    async def test_a_template_that_cannot_be_filled_in(self, stage: Stage) -> None:
        run = await stage.until((await stage.start("broken"))["id"], "failed", "succeeded")
        assert (run["state"], run["error_code"], run["output"]) == snapshot(
            ("failed", "workflows.template_wrong", None)
        )
        assert "bad" in run["error_detail"]
        assert "zero" in run["error_detail"]
        assert run["turns"] == 1

    async def test_a_refused_call_fails_and_is_logged(self, stage: Stage) -> None:
        stage.engine.then(EngineRefused("no such model"))
        run = await stage.until((await stage.start("talk"))["id"], "failed")
        assert run["error_code"] == "serving.engine_refused"
        found = await stage.client.get("/api/v1/interactions", params={"run_id": run["id"]})
        assert [each["error_code"] for each in found.json()["items"]] == ["serving.engine_refused"]

    async def test_a_tool_that_is_gone(self, stage: Stage) -> None:
        del workshop_of(stage.house.runtime).tools["send"]
        for workflow in ("order", "act"):
            run = await stage.until((await stage.start(workflow))["id"], "failed")
            assert run["error_code"] == "workflows.step_failed"
            assert "'send'" in run["error_detail"]

    async def test_an_answer_without_text(self, stage: Stage) -> None:
        stage.engine.then({"role": "assistant", "content": None})
        run = await stage.until((await stage.start("talk"))["id"], "failed")
        assert run["error_code"] == "workflows.empty_answer"


class TestProvider:
    async def test_it_waits_and_goes_on_by_itself(self, stage: Stage) -> None:
        stage.engine.then("one", EngineUnavailable("gone"), EngineUnavailable("still gone"))
        run = await stage.until((await stage.start("talk"))["id"], "succeeded", "failed")
        assert run["state"] == "succeeded"
        assert await stage.keys(run["id"]) == ["first/call[0]", "second/call[0]", "third/call[0]"]
        said = [last_said(call).split()[0] for call in stage.engine.calls]
        assert said == ["first", "second", "second", "second", "third"]

    async def test_it_says_for_whom_it_waits(self, stage: Stage) -> None:
        stage.engine.answer = lambda _: EngineUnavailable("the endpoint is down")
        run = await stage.until((await stage.start("talk"))["id"], "waiting")
        assert (run["waiting_for"], run["waiting_detail"]) == ("provider", "the endpoint is down")
        cancelled = await stage.do(run["id"], "cancel")
        assert cancelled.status_code == 200
        assert (await stage.until(run["id"], "cancelled"))["waiting_for"] is None

    async def test_one_that_never_answers_is_not_asked_for_ever(self, stage: Stage) -> None:
        answer, stage.engine.answer = stage.engine.answer, lambda _: EngineUnavailable("it is down")
        run_id = (await stage.start("talk"))["id"]
        for calls in (6, 12):
            run = await stage.until(run_id, "waiting", waiting_for="pause")
            assert len(stage.engine.calls) == calls
            for word in (f"did not answer {calls} calls", "it is down", "Resume"):
                assert word in run["waiting_detail"]
            if calls == 12:
                stage.engine.answer = answer
            assert (await stage.do(run_id, "resume", {})).status_code == 200
        await stage.until(run_id, "succeeded")

    def test_the_wait_grows_up_to_a_bound(self) -> None:
        patience, now = Patience(30, 300, tries=7), datetime(2026, 1, 1, tzinfo=UTC)
        waits = [patience.lost(n, EngineUnavailable("gone"), now) for n in (1, 2, 3, 5, 6, 7, 8)]
        said = [wait.until and (wait.until - now).total_seconds() for wait in waits]
        assert said == [30, 60, 120, 300, 300, None, 30]
        told = patience.lost(1, EngineUnavailable("gone", retry_after_s=90), now)
        assert told.until == now + timedelta(seconds=90)

    async def test_a_pause_asked_for_meanwhile_is_not_forgotten(self, stage: Stage) -> None:
        run_id = await held_in_call(stage)
        assert (await stage.do(run_id, "pause")).status_code == 200
        await stage.heard()
        stage.engine.then(EngineUnavailable("gone"))
        stage.engine.free.set()
        await stage.until(run_id, "waiting", waiting_for="pause")
        assert await stage.keys(run_id) == []
        await stage.do(run_id, "resume", {})
        await stage.until(run_id, "succeeded")


class TestPausing:
    async def test_pause_and_resume(self, stage: Stage) -> None:
        run_id = await held_in_call(stage)
        assert (await stage.do(run_id, "pause")).json()["state"] == "running"
        await stage.heard()
        stage.engine.free.set()
        run = await stage.until(run_id, "waiting")
        assert (run["waiting_for"], run["turns"]) == ("pause", 1)
        assert (await stage.do(run_id, "pause")).status_code == 409
        assert (await stage.do(run_id, "resume", {})).json()["state"] == "queued"
        await stage.until(run_id, "succeeded")
        assert stage.engine.count == 3

    async def test_a_run_paused_before_it_began_does_nothing(self, stage: Stage) -> None:
        run = await stage.start("talk")
        assert (await stage.do(run["id"], "pause")).status_code in (200, 409)
        settled = await stage.until(run["id"], "waiting", "succeeded")
        if settled["state"] == "waiting":
            assert settled["waiting_for"] == "pause"

    async def test_single_steps(self, stage: Stage) -> None:
        run_id = (await stage.start("talk", single_step=True))["id"]
        for done in (1, 2):
            run = await stage.until(run_id, "waiting")
            assert (run["waiting_for"], run["turns"]) == ("pause", done)
            assert (await stage.do(run_id, "resume", {})).status_code == 200
        await stage.until(run_id, "succeeded")
        assert stage.engine.count == 3

    async def test_a_resume_may_end_single_steps(self, stage: Stage) -> None:
        run_id = (await stage.start("talk", single_step=True))["id"]
        await stage.until(run_id, "waiting")
        assert (await stage.do(run_id, "resume", {"single_step": False})).status_code == 200
        await stage.until(run_id, "succeeded")

    async def test_what_does_not_wait_is_not_resumed(self, stage: Stage) -> None:
        run_id = await held_in_call(stage)
        answer = await stage.do(run_id, "resume", {})
        assert (answer.status_code, answer.json()["code"]) == (409, "workflows.run_state_unfit")
        stage.engine.free.set()
        await stage.until(run_id, "succeeded")
        assert (await stage.do(run_id, "resume", {})).status_code == 409
        assert (await stage.do(run_id, "pause")).status_code == 409


class TestCancelling:
    async def test_while_a_model_call_hangs(self, stage: Stage) -> None:
        run_id = await held_in_call(stage)
        assert (await stage.do(run_id, "cancel")).status_code == 200
        run = await stage.until(run_id, "cancelled")
        assert run["finished_at"] is not None
        assert (await stage.do(run_id, "cancel")).json()["revision"] == run["revision"]

    async def test_while_candidates_hang(self, stage: Stage) -> None:
        run_id = await held_in_call(stage, "best", calls=4)
        await stage.do(run_id, "cancel")
        await stage.until(run_id, "cancelled")

    @pytest.mark.parametrize("number", range(8))
    async def test_right_after_the_start(self, stage: Stage, number: int) -> None:
        run = await stage.start("talk")
        assert (await stage.do(run["id"], "cancel")).status_code == 200
        ended = await stage.until(run["id"], "cancelled", "succeeded")
        assert ended["finished_at"] is not None

    async def test_asked_for_under_a_worker_that_died(self, stage: Stage) -> None:
        """The next worker finds the wish when it claims the job."""
        run_id = await held_in_call(stage)
        runtime = stage.house.runtime

        def ask_and_die(db: Any) -> None:
            from sqlalchemy import delete, select

            from camel_ext.core.models import Job, Worker

            job = db.scalar(select(Job).where(Job.kind == "workflows.run"))
            job.cancel_requested_at = runtime.clock.now()
            db.execute(delete(Worker))

        await runtime.write_system("test", ask_and_die)
        await stage.until(run_id, "cancelled")

    async def test_of_a_run_that_waits(self, stage: Stage) -> None:
        run_id = (await stage.start("talk", single_step=True))["id"]
        await stage.until(run_id, "waiting")
        assert (await stage.do(run_id, "cancel")).json()["state"] == "cancelled"
        assert (await stage.do(run_id, "resume", {})).status_code == 409


class TestDeciding:
    async def test_a_call_in_doubt_waits_for_a_person(self, stage: Stage) -> None:
        run_id = await doubtful(stage)
        run = await stage.show(run_id)
        assert run["waiting_detail"] == snapshot(
            "send at place was being called when the run was interrupted, and must not be called "
            'twice: say whether it happened. Its arguments: {"what": "tea"}'
        )
        refused = await stage.do(run_id, "resume", {})
        assert refused.status_code == 409
        assert stage.sender.sent == ["tea"]

    async def test_it_happened(self, stage: Stage) -> None:
        run_id = await doubtful(stage)
        word = {"step_key": "place", "decision": "happened", "result": "it was sent"}
        assert (await stage.do(run_id, "decide", word)).json()["state"] == "queued"
        run = await stage.until(run_id, "succeeded")
        assert run["output"] == "<told it was sent>"
        assert stage.sender.sent == ["tea"]
        again = await stage.do(run_id, "decide", word)
        assert (again.status_code, again.json()["code"]) == (404, "workflows.effect_unknown")

    async def test_it_is_to_be_repeated(self, stage: Stage) -> None:
        run_id = await doubtful(stage)
        await stage.do(run_id, "decide", {"step_key": "place", "decision": "repeat"})
        run = await stage.until(run_id, "succeeded")
        assert run["output"] == "<told sent tea>"
        assert stage.sender.sent == ["tea", "tea"]

    async def test_a_repeated_call_that_is_interrupted_again_is_asked_again(
        self, stage: Stage
    ) -> None:
        run_id = await doubtful(stage)
        stage.sender.free.clear()
        await stage.do(run_id, "decide", {"step_key": "place", "decision": "repeat"})

        async def calling() -> bool | None:
            return True if len(stage.sender.sent) == 2 else None

        await eventually(calling)
        await interrupt(stage)
        await stage.until(run_id, "waiting", waiting_for="person")
        assert stage.sender.sent == ["tea", "tea"]

    async def test_an_agents_call_too(self, stage: Stage) -> None:
        run_id = await doubtful(stage, "act")
        word = {"step_key": "do/tool[0]", "decision": "happened", "result": "sent"}
        assert (await stage.do(run_id, "decide", word)).status_code == 200
        run = await stage.until(run_id, "succeeded")
        assert run["output"] == "<sent>"
        assert stage.sender.sent == ["tea"]

    async def test_a_decision_that_nobody_asked_for(self, stage: Stage) -> None:
        run_id = await doubtful(stage)
        word = {"step_key": "told/call[0]", "decision": "repeat"}
        assert (await stage.do(run_id, "decide", word)).status_code == 404
        assert (await stage.show(run_id))["revision"] == 1
        bad = await stage.do(run_id, "decide", {"step_key": "place", "decision": "perhaps"})
        assert bad.status_code == 422


class TestBudgets:
    async def test_it_stops_and_goes_on_with_more(self, stage: Stage) -> None:
        run_id = (await stage.start("talk", budgets={"max_turns": 2}))["id"]
        run = await stage.until(run_id, "waiting")
        assert (run["waiting_for"], run["waiting_detail"]) == snapshot(
            ("budget", "max_turns is 2, 2 are used")
        )
        await stage.do(run_id, "resume", {})
        await stage.until(run_id, "waiting", waiting_for="budget")
        raised = await stage.do(run_id, "resume", {"budgets": {"max_turns": 9}})
        assert raised.json()["budgets"]["max_turns"] == 9
        await stage.until(run_id, "succeeded")
        assert stage.engine.count == 3

    @pytest.mark.parametrize(
        "budget", [{"max_tokens": 1}, {"max_cost_usd": 0.0}, {"max_seconds": 1e-9}]
    )
    async def test_each_kind(self, stage: Stage, budget: Json) -> None:
        run_id = (await stage.start("talk", budgets=budget))["id"]
        run = await stage.until(run_id, "waiting")
        assert run["waiting_for"] == "budget"
        assert next(iter(budget)) in run["waiting_detail"]

    async def test_candidates_side_by_side_do_not_overspend(self, stage: Stage) -> None:
        run_id = (await stage.start("best", budgets={"max_turns": 6}))["id"]
        await stage.until(run_id, "waiting", waiting_for="budget")
        assert len(await stage.turns(run_id)) == 6


class TestRetrying:
    async def test_from_a_step(self, stage: Stage) -> None:
        parent = await stage.until((await stage.start("talk", seed=3))["id"], "succeeded")
        answer = await stage.do(parent["id"], "retry", {"step_key": "third"})
        child = answer.json()
        assert answer.status_code == 202
        assert answer.headers["location"] == f"/api/v1/runs/{child['id']}"
        assert (child["parent_run_id"], child["prefix_seq"]) == (parent["id"], 2)
        run = await stage.until(child["id"], "succeeded")
        assert run["output"] == parent["output"]
        assert stage.engine.count == 4  # the two turns of the prefix were not called again
        turns = await stage.turns(run["id"])
        assert [turn["run_id"] for turn in turns] == [parent["id"]] * 2 + [run["id"]]
        assert (await stage.show(parent["id"]))["revision"] == parent["revision"]

    async def test_a_retry_of_a_retry(self, stage: Stage) -> None:
        run = await stage.until((await stage.start("talk"))["id"], "succeeded")
        for step, calls in (("third", 4), ("second", 6), ("third", 7), ("first", 10)):
            answer = await stage.do(run["id"], "retry", {"step_key": step})
            run = await stage.until(answer.json()["id"], "succeeded")
            assert stage.engine.count == calls
            assert len(await stage.turns(run["id"])) == 3

    async def test_from_where_a_failed_run_stopped(self, stage: Stage) -> None:
        stage.engine.then("one", EngineRefused("no"))
        parent = await stage.until((await stage.start("talk"))["id"], "failed")
        child = (await stage.do(parent["id"], "retry", {})).json()
        assert child["prefix_seq"] == 1
        run = await stage.until(child["id"], "succeeded")
        assert stage.engine.count == 4
        assert run["output"] == snapshot("<third <second one>>")

    async def test_a_loops_name_means_its_first_round(self, stage: Stage) -> None:
        parent = await stage.until((await stage.start("rounds"))["id"], "succeeded")
        for step, prefix in (("again", 0), ("again[1]", 1), ("again[2]/say/call[0]", 2)):
            child = (await stage.do(parent["id"], "retry", {"step_key": step})).json()
            assert child["prefix_seq"] == prefix

    async def test_what_is_not_possible(self, stage: Stage) -> None:
        run_id = await held_in_call(stage)
        assert (await stage.do(run_id, "retry", {})).status_code == 409
        stage.engine.free.set()
        await stage.until(run_id, "succeeded")
        unknown = await stage.do(run_id, "retry", {"step_key": "fourth"})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "workflows.step_unknown")

    async def test_a_call_in_doubt_stays_in_doubt(self, stage: Stage) -> None:
        run_id = await doubtful(stage)
        await stage.do(run_id, "cancel")
        child = (await stage.do(run_id, "retry", {})).json()
        await stage.until(child["id"], "waiting", waiting_for="person")
        assert stage.sender.sent == ["tea"]
        word = {"step_key": "place", "decision": "happened", "result": "sent"}
        assert (await stage.do(child["id"], "decide", word)).status_code == 200
        await stage.until(child["id"], "succeeded")
        assert stage.sender.sent == ["tea"]

    async def test_a_retry_heeds_what_a_person_said(self, stage: Stage) -> None:
        run_id = await doubtful(stage)
        await stage.do(run_id, "cancel")

        def answer(db: Session) -> None:  # what `decide` writes, and a cancel that came right after
            effect = db.scalars(select(Effect).where(Effect.run_id == UUID(run_id))).one()
            effect.state, effect.answer = EffectState.ANSWERED, "sent, says Ada"

        await stage.house.runtime.write(stage.house.owner.tenant, answer)
        child = (await stage.do(run_id, "retry", {})).json()
        done = await stage.until(child["id"], "succeeded", "waiting", "failed")
        assert (done["state"], stage.sender.sent) == ("succeeded", ["tea"])
        assert done["output"] == "<told sent, says Ada>"
