"""The run's task under its worker: many at once, by priority, over restarts, over a lost database."""

import asyncio
import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from sqlalchemy import select

from camel_ext.app import Parts, create_app
from camel_ext.core.models import Job, State
from camel_ext.identity import bootstrap
from camel_ext.settings import Queue, Serving, Settings
from camel_ext.workflows.process import workshop_of
from camel_ext.workflows.tools import Tool
from tests.conftest import House
from tests.fakes.engine import tool_call
from tests.workflows.conftest import HeldEngine, Json, Sender, Stage, eventually, last_said, reply
from tests.workflows.test_runs import held_in_call


@pytest.mark.slow
async def test_two_hundred_runs_at_once(stage: Stage) -> None:
    """All are under way before the first goes on: nobody waits for a place."""
    stage.engine.free.clear()
    starts = [stage.client.post("/api/v1/runs", json={"workflow": "talk"}) for _ in range(200)]
    ids = {answer.json()["id"] for answer in await asyncio.gather(*starts)}
    assert len(ids) == 200

    async def all_there() -> bool | None:
        return True if stage.engine.arrived == 200 else None

    await eventually(all_there)
    stage.engine.free.set()

    async def all_done() -> bool | None:
        page = (await stage.client.get("/api/v1/runs?state=succeeded&limit=200")).json()
        return True if len(page["items"]) == 200 else None

    await eventually(all_done)
    assert stage.engine.count == 600


async def test_a_bug_of_ours_fails_the_run_and_says_so(stage: Stage) -> None:
    stage.engine.then(RuntimeError("a bug"))
    run = await stage.until((await stage.start("talk"))["id"], "failed")
    assert run["error_code"] == "core.internal"
    assert "a bug" in run["error_detail"]


async def test_a_run_whose_job_is_dead_can_be_cancelled(stage: Stage) -> None:
    """Should a job ever end without its run, a person can still close the run."""
    run_id = await held_in_call(stage)
    runtime = stage.house.runtime

    def end_job(db: Any) -> None:
        job = db.scalar(select(Job).where(Job.kind == "workflows.run"))
        job.state, job.worker_id, job.finished_at = State.FAILED, None, runtime.clock.now()

    await runtime.write_system("test", end_job)
    answer = await stage.do(run_id, "cancel")
    assert answer.json()["state"] == "cancelled"


async def test_a_run_that_waits_does_so_after_its_worker_died_too(stage: Stage) -> None:
    """Killed after the run says that it waits, before its job does: nobody woke it, so it waits on."""
    run_id = (await stage.start("talk", single_step=True))["id"]
    waiting = await stage.until(run_id, "waiting")
    runtime = stage.house.runtime

    async def job() -> Job:
        found: Job = await runtime.read_system(
            "test", lambda db: db.scalar(select(Job).where(Job.kind == "workflows.run"))
        )
        return found

    async def settled(fence: int) -> Job:
        async def there() -> Job | None:
            found = await job()
            return found if found.state == State.WAITING and found.fence > fence else None

        found: Job = await eventually(there)
        return found

    fence = (await settled(0)).fence

    def as_killed(db: Any) -> None:
        row = db.scalar(select(Job).where(Job.kind == "workflows.run"))
        row.state, row.waiting_for, row.worker_id = State.RUNNING, None, runtime.new_id()

    await runtime.write_system("test", as_killed)
    await settled(fence)
    assert await stage.show(run_id) == waiting
    assert stage.engine.count == 1
    await stage.do(run_id, "resume", {"single_step": False})
    await stage.until(run_id, "succeeded")


class TestOnePlace:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        queue = Queue(poll_s=0.05, heartbeat_s=0.05, concurrency=1)
        return Settings(data_dir=tmp_path / "data", queue=queue)

    async def test_the_higher_priority_goes_first(self, stage: Stage) -> None:
        first = await held_in_call(stage, input={"goal": "first"})
        low = await stage.start("talk", input={"goal": "low"}, priority=-1)
        high = await stage.start("talk", input={"goal": "high"}, priority=7)
        stage.engine.free.set()
        for run_id in (first, low["id"], high["id"]):
            await stage.until(run_id, "succeeded")
        goals = [last_said(call).split()[1] for call in stage.engine.calls]
        began = [goal for goal in goals if goal in ("first", "low", "high")]
        assert began == ["first", "high", "low"]

    async def test_a_run_paused_before_it_began_calls_nothing(self, stage: Stage) -> None:
        first = await held_in_call(stage)
        second = (await stage.start("talk", input={"goal": "second"}))["id"]
        assert (await stage.do(second, "pause")).status_code == 200
        stage.engine.free.set()
        await stage.until(first, "succeeded")
        run = await stage.until(second, "waiting", "succeeded")
        assert (run["state"], run["waiting_for"], run["turns"]) == ("waiting", "pause", 0)
        assert stage.engine.count == 3
        await stage.do(second, "resume", {})
        await stage.until(second, "succeeded")

    async def test_a_run_cancelled_before_it_began_calls_nothing(self, stage: Stage) -> None:
        first = await held_in_call(stage)
        second = (await stage.start("talk"))["id"]
        assert (await stage.do(second, "cancel")).json()["state"] == "cancelled"
        stage.engine.free.set()
        await stage.until(first, "succeeded")
        assert stage.engine.count == 3


class TestRestart:
    """The server is stopped in good order and started again on the same folder."""

    @pytest.fixture
    def folder(self, tmp_path: Path, sqlite_template: Path) -> Path:
        folder = tmp_path / "data"
        folder.mkdir()
        shutil.copy(sqlite_template, folder / "camel-ext.db")
        return folder

    async def session(self, folder: Path, engine: HeldEngine, sender: Sender, work: Any) -> Any:
        queue, serving = Queue(poll_s=0.05, heartbeat_s=0.05), Serving(attempts=1)
        app = create_app(
            Settings(data_dir=folder, queue=queue, serving=serving), Parts(rng=Random(3))
        )
        async with app.router.lifespan_context(app):
            runtime = app.state.runtime
            secret = (folder / "owner.key").read_text().strip()
            founded = await runtime.write_system(
                "test", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
            )
            client = AsyncClient(
                transport=ASGITransport(app=app, raise_app_exceptions=False),
                base_url="http://127.0.0.1",
                headers={"Authorization": f"Bearer {secret}"},
            )
            house = House(app, runtime, folder, founded, client, lambda _: client)
            stage = Stage(house, engine, sender)
            stage.install()
            async with client:
                return await work(stage)

    async def test_a_run_goes_on_where_it_was(self, folder: Path) -> None:
        async def begin(stage: Stage) -> str:
            assert (await stage.apply()).status_code == 200
            run_id = str((await stage.start("talk", single_step=True))["id"])
            await stage.until(run_id, "waiting")
            stage.engine.free.clear()
            await stage.do(run_id, "resume", {"single_step": False})

            async def hangs() -> bool | None:
                return True if stage.engine.arrived == 2 else None

            await eventually(hangs)
            return run_id

        before, after = HeldEngine(answer=reply), HeldEngine(answer=reply)
        run_id = await self.session(folder, before, Sender(), begin)

        async def end(stage: Stage) -> Json:
            run = await stage.until(run_id, "succeeded", "failed", "waiting")
            await stage.turns(run_id)
            return run

        run = await self.session(folder, after, Sender(), end)
        assert (run["state"], run["output"]) == ("succeeded", "<third <second <first nothing>>>")
        assert [last_said(call).split()[0] for call in before.calls] == ["first"]
        assert [last_said(call).split()[0] for call in after.calls] == ["second", "third"]

    async def test_a_call_in_flight_that_must_run_once_waits_for_a_person(
        self, folder: Path
    ) -> None:
        sender = Sender()

        async def begin(stage: Stage) -> str:
            await stage.apply()
            sender.free.clear()
            run_id = str((await stage.start("order"))["id"])

            async def calling() -> bool | None:
                return True if sender.sent else None

            await eventually(calling)
            return run_id

        run_id = await self.session(folder, HeldEngine(answer=reply), sender, begin)
        sender.free.set()

        async def end(stage: Stage) -> Json:
            await stage.until(run_id, "waiting", waiting_for="person")
            word = {"step_key": "place", "decision": "happened", "result": "sent"}
            assert (await stage.do(run_id, "decide", word)).status_code == 200
            return await stage.until(run_id, "succeeded")

        run = await self.session(folder, HeldEngine(answer=reply), sender, end)
        assert (run["output"], sender.sent) == ("<told sent>", ["tea"])


class TestFiles:
    """What tools leave in the run's folder, through retries."""

    async def test_a_retry_sees_the_files_of_its_parent(self, stage: Stage) -> None:
        await self.install(stage)
        stage.engine.answer = lambda r: (
            tool_call("jot", '{"word": "x"}') if r.messages[-1]["role"] != "tool" else last_said(r)
        )
        parent = await stage.until((await stage.start("files"))["id"], "succeeded", "failed")
        assert parent["output"] == "xxx"
        child = (await stage.do(parent["id"], "retry", {"step_key": "third"})).json()
        run = await stage.until(child["id"], "succeeded", "failed")
        assert (run["error_detail"], run["output"]) == (None, "xxx")
        again = (await stage.do(run["id"], "retry", {"step_key": "second"})).json()
        run = await stage.until(again["id"], "succeeded", "failed")
        assert (run["error_detail"], run["output"]) == (None, "xxx")

    async def install(self, stage: Stage) -> None:
        async def jot(given: Json, context: Any) -> str:
            file = context.scratch / "notes"
            text = (file.read_text() if file.exists() else "") + str(given["word"])
            file.write_text(text)
            return text

        schema = {"type": "object", "properties": {"word": {"type": "string"}}}
        tool = Tool("jot", "Write it down.", schema, True, jot, uses_scratch=True)
        workshop_of(stage.house.runtime).tools["jot"] = tool
        agents = "agents:\n  scribe: {model: small, tools: [jot]}\n"
        steps = "".join(
            f"      - {{name: {name}, agent: scribe, prompt: go}}\n"
            for name in ("first", "second", "third")
        )
        flows = f"workflows:\n  files:\n    steps:\n{steps}    output: steps.third.text\n"
        applied = await stage.apply(agents=agents, workflows=flows)
        assert applied.status_code == 200, applied.text
