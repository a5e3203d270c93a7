"""The routes of runs: who may, what is refused and how, what may be repeated, and a commit that fails."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from inline_snapshot import snapshot
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from camel_ext.core.runtime import Runtime
from tests.workflows.conftest import AGENTS, WORKFLOWS, Json, Stage, eventually

ACTIONS: dict[str, Json | None] = {
    "cancel": None,
    "pause": None,
    "resume": {},
    "retry": {},
    "decide": {"step_key": "place", "decision": "repeat"},
}


class TestWhoMay:
    async def test_a_stranger_gets_nothing(self, stage: Stage) -> None:
        run = await stage.until((await stage.start("talk"))["id"], "succeeded")
        stranger = stage.house.as_key(None)
        path = f"/api/v1/runs/{run['id']}"
        for answer in (
            await stranger.get("/api/v1/runs"),
            await stranger.post("/api/v1/runs", json={"workflow": "talk"}),
            await stranger.get(path),
            await stranger.get(f"{path}/turns"),
            *[await stranger.post(f"{path}/{verb}", json=body) for verb, body in ACTIONS.items()],
            *[await stranger.get(f"/api/v1/{name}") for name in ("agents", "workflows", "tools")],
            await stranger.get("/api/v1/configurations"),
            await stranger.put("/api/v1/configurations", json={"files": {"agents.yaml": ""}}),
        ):
            assert answer.status_code == 401, answer.request.url

    async def test_another_tenants_run_is_not_there(self, stage: Stage) -> None:
        run = await stage.until((await stage.start("talk"))["id"], "succeeded")
        other = await stage.house.as_role("owner", org="elsewhere")
        path = f"/api/v1/runs/{run['id']}"
        for answer in (
            await other.get(path),
            await other.get(f"{path}/turns"),
            *[await other.post(f"{path}/{verb}", json=body) for verb, body in ACTIONS.items()],
            await other.post("/api/v1/runs", json={"workflow": "talk"}),
            await other.get("/api/v1/configurations/main"),
        ):
            assert answer.status_code == 404, answer.request.url
        for name in ("runs", "agents", "workflows", "configurations"):
            listed = (await other.get(f"/api/v1/{name}")).json()
            assert (listed["items"] if isinstance(listed, dict) else listed) == []

    async def test_a_viewer_looks_and_touches_nothing(self, stage: Stage) -> None:
        run = await stage.until((await stage.start("talk"))["id"], "succeeded")
        viewer = await stage.house.as_role("viewer")
        path = f"/api/v1/runs/{run['id']}"
        assert (await viewer.get(path)).status_code == 200
        assert (await viewer.get(f"{path}/turns")).status_code == 200
        for verb, body in ACTIONS.items():
            assert (await viewer.post(f"{path}/{verb}", json=body)).status_code == 403
        started = await viewer.post("/api/v1/runs", json={"workflow": "talk"})
        assert started.status_code == 403


class TestBadInput:
    @pytest.mark.parametrize(
        ("body", "status", "word"),
        [
            ({"workflow": "nowhere"}, 404, "there is no workflow 'nowhere'"),
            ({"workflow": "Not A Name"}, 422, "workflow"),
            ({}, 422, "workflow"),
            ({"workflow": "talk", "input": {"gaol": "tea"}}, 422, "gaol"),
            ({"workflow": "talk", "input": {"goal": 7}}, 422, "goal"),
            ({"workflow": "broken", "input": {"n": "x"}}, 422, "`n`"),
            ({"workflow": "talk", "budgets": {"max_turns": 0}}, 422, "max_turns"),
            ({"workflow": "talk", "budgets": {"max_turn": 1}}, 422, "max_turn"),
            ({"workflow": "talk", "seed": -1}, 422, "seed"),
            ({"workflow": "talk", "seed": 2**31}, 422, "seed"),
            ({"workflow": "talk", "priority": 1000}, 422, "priority"),
            ({"workflow": "talk", "tags": [""]}, 422, "tags"),
            ({"workflow": "talk", "extra": 1}, 422, "extra"),
        ],
    )
    async def test_a_start_says_what_is_wrong(
        self, stage: Stage, body: Json, status: int, word: str
    ) -> None:
        answer = await stage.client.post("/api/v1/runs", json=body)
        assert answer.status_code == status, answer.text
        assert word in answer.text
        assert (await stage.client.get("/api/v1/runs")).json()["items"] == []

    @pytest.mark.parametrize("value", ['"\\ud800"', "NaN", "-Infinity", "[" * 900 + "]" * 900])
    async def test_what_only_pythons_json_can_say(self, stage: Stage, value: str) -> None:
        """A lone surrogate, a number that is none: no database, prompt or answer holds them."""
        raw = '{"workflow": "talk", "input": {"goal": ' + value + "}}"
        head = {"content-type": "application/json"}
        answer = await stage.client.post("/api/v1/runs", content=raw.encode(), headers=head)
        assert answer.status_code == 422, answer.text

    @pytest.mark.parametrize("field", ["session", "tags"])
    async def test_a_text_with_nul(self, stage: Stage, field: str) -> None:
        value = ["a\0b"] if field == "tags" else "a\0b"
        answer = await stage.client.post("/api/v1/runs", json={"workflow": "talk", field: value})
        assert answer.status_code == 422, answer.text

    async def test_no_such_run(self, stage: Stage) -> None:
        run_id = uuid4()
        assert (await stage.client.get(f"/api/v1/runs/{run_id}")).status_code == 404
        assert (await stage.client.get(f"/api/v1/runs/{run_id}/turns")).status_code == 404
        for verb, body in ACTIONS.items():
            assert (await stage.do(str(run_id), verb, body)).status_code == 404
        assert (await stage.client.get("/api/v1/runs/seven")).status_code == 422

    async def test_a_bad_cursor(self, stage: Stage) -> None:
        for query in ("cursor=nonsense", "limit=0", "limit=100000", "state=asleep"):
            answer = await stage.client.get(f"/api/v1/runs?{query}")
            assert answer.status_code == 422, query


class TestRepeating:
    async def test_a_start_with_the_same_key_starts_once(self, stage: Stage) -> None:
        head, body = {"Idempotency-Key": "k1"}, {"workflow": "talk"}
        answers = [
            await stage.client.post("/api/v1/runs", json=body, headers=head) for _ in range(3)
        ]
        assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
        assert [answer.headers.get("idempotent-replay") for answer in answers] == [
            None, "true", "true",
        ]  # fmt: skip
        assert len((await stage.client.get("/api/v1/runs")).json()["items"]) == 1
        other = {"workflow": "talk", "priority": 1}
        reused = await stage.client.post("/api/v1/runs", json=other, headers=head)
        assert reused.status_code == 409

    async def test_at_the_same_instant(self, stage: Stage) -> None:
        head, body = {"Idempotency-Key": "k2"}, {"workflow": "talk"}
        answers = await asyncio.gather(
            *(stage.client.post("/api/v1/runs", json=body, headers=head) for _ in range(20))
        )
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["id"] for answer in answers}) == 1

    async def test_a_retry_too(self, stage: Stage) -> None:
        run = await stage.until((await stage.start("talk"))["id"], "succeeded")
        answers = [
            await stage.do(run["id"], "retry", {}, Idempotency_Key="again") for _ in range(2)
        ]
        assert answers[0].json()["id"] == answers[1].json()["id"]

    async def test_an_action_for_another_revision(self, stage: Stage) -> None:
        run = await stage.start("talk", single_step=True)
        await stage.until(run["id"], "waiting")
        for verb in ("cancel", "resume"):
            answer = await stage.do(run["id"], verb, ACTIONS[verb], If_Match='"7"')
            assert (answer.status_code, answer.json()["code"]) == (
                412, "core.precondition_failed",
            )  # fmt: skip
        assert (await stage.do(run["id"], "cancel", If_Match="7")).status_code == 422
        answer = await stage.do(run["id"], "resume", {}, If_Match='"1"')
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')


class TestReading:
    async def test_pages_newest_first(self, stage: Stage) -> None:
        ids = [(await stage.start("talk", single_step=True))["id"] for _ in range(5)]
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(3):
            query: dict[str, Any] = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await stage.client.get("/api/v1/runs", params=query)).json()
            seen += [run["id"] for run in page["items"]]
            cursor = page["next_cursor"]
        assert (seen, cursor) == (ids[::-1], None)
        only = (await stage.client.get("/api/v1/runs?workflow=order")).json()
        assert only["items"] == []

    async def test_turns_in_pages(self, stage: Stage) -> None:
        run = await stage.until((await stage.start("talk"))["id"], "succeeded")
        path = f"/api/v1/runs/{run['id']}/turns"
        first = (await stage.client.get(f"{path}?limit=2")).json()
        assert ([turn["seq"] for turn in first["items"]], first["next_after"]) == ([1, 2], 2)
        rest = (await stage.client.get(f"{path}?after=2&limit=2")).json()
        assert ([turn["seq"] for turn in rest["items"]], rest["next_after"]) == ([3], None)

    async def test_the_feed_tells_a_runs_story(self, stage: Stage) -> None:
        run = await stage.until((await stage.start("talk"))["id"], "succeeded")
        events = await stage.house.told(f"workflows:{run['id']}", "workflows.run.finished")
        assert [each["event"].removeprefix("workflows.") for each in events] == snapshot(
            [
                "run.queued", "run.started", "turn.committed", "turn.committed",
                "turn.committed", "run.finished",
            ]
        )  # fmt: skip

    async def test_tools_agents_and_workflows(self, stage: Stage) -> None:
        tools = {t["name"]: t for t in (await stage.client.get("/api/v1/tools")).json()}
        assert tools["send"]["idempotent"] is False
        assert tools["python"]["idempotent"] is True
        names = [each["name"] for each in (await stage.client.get("/api/v1/agents")).json()]
        assert names == ["keeper", "sender", "talker"]


def unmet_constraint(connection: Connection) -> None:
    """The database itself refuses the COMMIT: a deferred constraint is not met."""
    connection.exec_driver_sql("INSERT INTO fault VALUES (1)")


def broken_disk(_: Connection) -> None:
    """The COMMIT ends as on a disk that fails."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    raise OperationalError("COMMIT", None, error)


@contextmanager
def failing_commits(runtime: Runtime, fault: Callable[[Connection], None]) -> Iterator[None]:
    """Make every COMMIT of the process fail."""
    writer = runtime.database.writer
    with writer.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE IF NOT EXISTS fault_owner (id INTEGER PRIMARY KEY)"
        )
        connection.exec_driver_sql(
            "CREATE TABLE IF NOT EXISTS fault (owner INTEGER NOT NULL REFERENCES fault_owner (id) "
            "DEFERRABLE INITIALLY DEFERRED)"
        )
    event.listen(writer, "commit", fault)
    try:
        yield
    finally:
        event.remove(writer, "commit", fault)


class TestAFailingCommit:
    @pytest.mark.parametrize(("fault", "status"), [(unmet_constraint, 500), (broken_disk, 503)])
    async def test_the_client_never_sees_success(
        self, stage: Stage, fault: Callable[[Connection], None], status: int
    ) -> None:
        waiting = (await stage.start("talk", single_step=True))["id"]
        before = await stage.until(waiting, "waiting")
        client, head = stage.client, {"Idempotency-Key": "k"}
        files = {"agents.yaml": AGENTS + "  more: {model: small}\n", "workflows.yaml": WORKFLOWS}
        with failing_commits(stage.house.runtime, fault):
            answers = await asyncio.gather(
                client.post("/api/v1/runs", json={"workflow": "talk"}, headers=head),
                client.post("/api/v1/runs", json={"workflow": "talk"}),
                client.put("/api/v1/configurations", json={"files": files}),
                stage.do(waiting, "resume", {}),
                stage.do(waiting, "cancel"),
            )
        assert [answer.status_code for answer in answers] == [status] * 5
        assert await stage.show(waiting) == before
        assert len((await client.get("/api/v1/runs")).json()["items"]) == 1
        assert len((await client.get("/api/v1/agents")).json()) == 3
        again = await client.post("/api/v1/runs", json={"workflow": "talk"}, headers=head)
        assert (again.status_code, again.headers.get("idempotent-replay")) == (202, None)
        await stage.until(again.json()["id"], "succeeded")
        assert (await stage.do(waiting, "resume", {"single_step": False})).status_code == 200
        await stage.until(waiting, "succeeded")

    async def test_a_turn_whose_commit_fails_is_not_there(self, stage: Stage) -> None:
        """The run is not lost by it: it ends, with every turn once, when commits work again."""
        stage.engine.free.clear()
        run_id = (await stage.start("talk"))["id"]

        async def called() -> bool | None:
            return True if stage.engine.arrived else None

        await eventually(called)
        with failing_commits(stage.house.runtime, broken_disk):
            stage.engine.free.set()
            await asyncio.sleep(0.3)
            assert await stage.keys(run_id) == []
            assert (await stage.show(run_id))["state"] == "running"
        run = await stage.until(run_id, "succeeded", "failed")
        assert (run["state"], run["error_detail"]) == ("succeeded", None)
        assert len(await stage.turns(run_id)) == 3
