"""Schedules through the door: previews, ETags, idempotent creation, refusals, and a run that comes of one."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient

from camel_ext.serving import serving_of
from tests.conftest import House
from tests.fakes.engine import FakeEngine
from tests.scheduling.conftest import THING

PATH = "/api/v1/schedules"
NIGHTLY = {"kind": "cron", "cron": "30 2 * * *", "timezone": "Europe/Berlin"}
BODY: dict[str, Any] = {
    "name": "nightly",
    "task": THING,
    "arguments": {"label": "a"},
    "timing": NIGHTLY,
}
FILES = {
    "models.yaml": "models:\n  tiny: {engine: local, file: bundled}\naliases:\n  small: tiny\n",
    "agents.yaml": "agents:\n  writer: {model: small, system: s, description: d}\n",
    "workflows.yaml": "workflows:\n  write:\n    inputs: {goal: {type: string}}\n    steps:\n"
    '      - {name: draft, agent: writer, prompt: "{{ input.goal }}"}\n',
}


async def made(client: AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json=BODY | fields)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def until(client: AsyncClient, path: str, there: Any) -> list[dict[str, Any]]:
    async with asyncio.timeout(20):
        while True:
            items: list[dict[str, Any]] = (await client.get(path)).json()["items"]
            if there(items):
                return items
            await asyncio.sleep(0.05)


class TestPreview:
    async def test_shows_the_next_five_with_their_clocks(self, client: AsyncClient) -> None:
        wanted = {"timing": NIGHTLY, "starts_at": "2027-03-26T00:00:00Z", "jitter_s": 60}
        found = (await client.post(f"{PATH}/preview", json=wanted)).json()
        assert found["words"] == "At 02:30 every day, Europe/Berlin"
        assert [item["local"] for item in found["items"]] == [
            "2027-03-26T02:30:00+01:00", "2027-03-27T02:30:00+01:00", "2027-03-28T03:00:00+02:00",
            "2027-03-29T02:30:00+02:00", "2027-03-30T02:30:00+02:00",
        ]  # fmt: skip
        assert [item["clocks_changed"] for item in found["items"]] == [
            False, False, True, False, False,
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            ({"timing": {"kind": "cron", "cron": "0 0 31 2 *"}}, "cron"),
            ({"timing": {"kind": "cron", "cron": "* * * * *", "timezone": "Mars/Base"}}, "zone"),
            ({"timing": {"kind": "once", "at": "2020-01-01T00:00:00Z"}}, "never fire"),
            ({"timing": {"kind": "once", "at": "2020-01-01T00:00:00"}}, "timezone"),
            ({"timing": {"kind": "every", "every_s": 0}}, "every_s"),
            ({"timing": {"kind": "moon"}}, "moon"),
            ({"timing": NIGHTLY, "ends_at": "2021-01-01T00:00:00Z"}, "never fire"),
        ],
    )
    async def test_says_what_is_wrong(
        self, client: AsyncClient, wrong: dict[str, Any], says: str
    ) -> None:
        answer = await client.post(f"{PATH}/preview", json=wrong)
        assert answer.status_code == 422
        assert says in answer.json()["detail"]


class TestSaving:
    async def test_a_repeated_request_makes_one(self, client: AsyncClient) -> None:
        headers = {"Idempotency-Key": "k1"}
        first = await client.post(PATH, json=BODY, headers=headers)
        again = await client.post(PATH, json=BODY, headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert again.headers["Idempotent-Replay"] == "true"
        assert first.headers["Location"] == f"{PATH}/{first.json()['id']}"
        assert first.headers["ETag"] == '"1"'
        assert len((await client.get(PATH)).json()["items"]) == 1

    async def test_it_is_shown_as_it_was_saved(self, client: AsyncClient) -> None:
        saved = await made(client, description="d", jitter_s=5, overlap="queue", catch_up="none")
        shown = (await client.get(f"{PATH}/{saved['id']}")).json()
        assert shown == saved
        assert shown["timing"] == NIGHTLY
        assert shown["arguments"] == {"label": "a"}
        assert shown["next_at"] is not None
        coming = (await client.get(f"{PATH}/{saved['id']}/next?count=2")).json()
        assert coming["items"][0]["at"] == shown["next_at"]
        assert (await client.get(PATH, params={"name": "nightly"})).json()["items"] == [saved]
        assert (await client.get(PATH, params={"name": "other"})).json()["items"] == []

    @pytest.mark.parametrize(
        ("wrong", "status", "code"),
        [
            ({"task": "no.task"}, 404, "scheduling.task_unknown"),
            ({"arguments": {}}, 422, "scheduling.arguments_invalid"),
            ({"arguments": {"label": "unknown"}}, 404, "core.not_found"),
            ({"arguments": {"label": "a\x00"}}, 422, "core.invalid"),
            ({"name": "No Name"}, 422, "core.invalid"),
        ],
    )
    async def test_what_could_not_start_is_refused(
        self, client: AsyncClient, wrong: dict[str, Any], status: int, code: str
    ) -> None:
        answer = await client.post(PATH, json=BODY | wrong)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert (await client.get(PATH)).json()["items"] == []

    async def test_trying_whether_it_starts_leaves_nothing(self, house: House) -> None:
        await made(house.client)
        from sqlalchemy import func, select

        from camel_ext.core.models import Job

        count = await house.runtime.read(
            house.owner.tenant, lambda db: db.scalar(select(func.count()).select_from(Job))
        )
        assert count == 0

    async def test_a_name_is_taken_once(self, client: AsyncClient) -> None:
        await made(client)
        answer = await client.post(PATH, json=BODY)
        assert (answer.status_code, answer.json()["code"]) == (
            409, "scheduling.schedule_name_taken",
        )  # fmt: skip


class TestChanging:
    async def test_takes_the_etag_that_was_read(self, client: AsyncClient) -> None:
        saved = await made(client)
        path = f"{PATH}/{saved['id']}"
        body = {key: value for key, value in BODY.items() if key != "name"}
        body["timing"] = {"kind": "every", "every_s": 3600}
        assert (await client.put(path, json=body)).status_code == 428
        stale = await client.put(path, json=body, headers={"If-Match": '"7"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "core.precondition_failed")
        changed = await client.put(path, json=body, headers={"If-Match": '"1"'})
        assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
        assert changed.json()["words"] == "Every hour"
        assert changed.json()["name"] == "nightly"

    async def test_pause_resume_delete(self, client: AsyncClient) -> None:
        saved = await made(client)
        path = f"{PATH}/{saved['id']}"
        paused = (await client.post(f"{path}/pause", json={"reason": "lent out"})).json()
        assert (paused["paused"], paused["pause_reason"], paused["next_at"]) == (
            True, "lent out", None,
        )  # fmt: skip
        assert (await client.post(f"{path}/pause", json={})).json() == paused
        resumed = (await client.post(f"{path}/resume")).json()
        assert (resumed["paused"], resumed["pause_reason"]) == (False, None)
        assert resumed["next_at"] == saved["next_at"]
        wrong = await client.delete(path, headers={"If-Match": '"1"'})
        assert wrong.status_code == 412
        right = {"If-Match": f'"{resumed["revision"]}"'}
        assert (await client.delete(path, headers=right)).status_code == 200
        assert (await client.get(path)).status_code == 404

    async def test_it_is_announced(self, client: AsyncClient) -> None:
        saved = await made(client)
        feed = "/api/v1/events/log?topics=scheduling"
        events = await until(client, feed, lambda items: len(items) == 1)
        assert events[0]["event"] == "scheduling.schedule.saved"
        assert events[0]["subject"] == saved["id"]
        assert events[0]["payload"]["next_at"].startswith(saved["next_at"].rstrip("Z"))


async def test_what_can_be_scheduled_says_its_shape(client: AsyncClient) -> None:
    found = {each["name"]: each for each in (await client.get("/api/v1/schedulable-tasks")).json()}
    assert {
        "workflows.start_run", "evaluation.start_evaluation", "experiments.start_improvement",
        "datasets.build_version", "training.start_training", "annotations.start_batch",
    } <= found.keys()  # fmt: skip
    run = found["workflows.start_run"]["arguments"]
    assert run["required"] == ["workflow"]
    assert "input" in run["properties"]


async def test_a_workflow_runs_by_the_clock(house: House) -> None:
    """The whole way, in real seconds: saved, ticked, queued, started, ended, found by its tag."""
    serving_of(house.runtime).use(FakeEngine())
    client = house.client
    applied = await client.put("/api/v1/configurations", json={"name": "main", "files": FILES})
    assert applied.status_code == 200, applied.text
    run = {"workflow": "write", "input": {"goal": "a line"}}
    saved = await made(
        client, name="lines", task="workflows.start_run", arguments=run, overlap="allow",
        timing={"kind": "every", "every_s": 1},
    )  # fmt: skip
    path = f"{PATH}/{saved['id']}"
    done = await until(
        client,
        f"{path}/firings",
        lambda items: sum(item["started_state"] == "succeeded" for item in items) >= 2,
    )
    await client.post(f"{path}/pause", json={})
    ticks = [item["tick_at"] for item in done]
    assert len(set(ticks)) == len(ticks)
    runs = (await client.get("/api/v1/runs?tag=schedule:lines")).json()["items"]
    assert {item["started_id"] for item in done if item["started_id"]} <= {r["id"] for r in runs}
    assert (await client.get(done[-1]["started_path"])).json()["workflow"] == "write"
    answer = await client.post(f"{path}/run", headers={"Idempotency-Key": "now"})
    again = await client.post(f"{path}/run", headers={"Idempotency-Key": "now"})
    assert (answer.status_code, answer.json()["cause"]) == (202, "person")
    assert again.json() == answer.json()
    await until(
        client,
        f"{path}/firings",
        lambda items: any(i["cause"] == "person" and i["started_id"] for i in items),
    )


async def test_a_firing_is_stopped_and_tried_again_by_its_job(house: House) -> None:
    client = house.client
    saved = await made(client, overlap="queue")
    path = f"{PATH}/{saved['id']}"
    for _ in range(2):
        await client.post(f"{path}/run")
    items = await until(
        client, f"{path}/firings", lambda items: [i["state"] for i in items][:1] == ["waiting"]
    )
    assert items[1]["state"] == "succeeded"
    queued = (await client.get("/api/v1/jobs?queue=scheduling&state=waiting")).json()["items"]
    stopped = await client.post(f"/api/v1/jobs/{queued[0]['id']}/cancel")
    assert stopped.json()["state"] == "cancelled"
    found = (await client.get(f"{path}/firings")).json()["items"]
    assert [item["state"] for item in found] == ["cancelled", "succeeded"]


async def test_a_list_asks_a_fixed_number_of_questions(house: House) -> None:
    from tests.statements import counted

    saved = await made(house.client)
    for _ in range(5):
        await house.client.post(f"{PATH}/{saved['id']}/run")
    counts = []
    for limit in (1, 5):
        with counted(house.runtime) as seen:
            answer = await house.client.get(f"{PATH}/{saved['id']}/firings?limit={limit}")
            assert len(answer.json()["items"]) == limit
            counts.append(sum("schedule_firings" in statement for statement in seen))
    assert counts == [1, 1]
