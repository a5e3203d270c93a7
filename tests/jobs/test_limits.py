"""Limits over HTTP: set, shown, dropped, and why a job waits."""

import asyncio

from httpx import AsyncClient

from camel_ext.serving import serving_of
from tests.conftest import House
from tests.fakes.engine import FakeEngine
from tests.jobs.test_api import FILES, eventually, job_of


async def limits_of(client: AsyncClient) -> dict[str, tuple[int, int, int]]:
    items = (await client.get("/api/v1/limits")).json()["items"]
    return {each["name"]: (each["running"], each["at_once"], each["waiting"]) for each in items}


async def test_a_run_waits_for_its_workflows_limit_says_so_and_goes_on(house: House) -> None:
    engine, client = FakeEngine(delay_s=0.05), house.client
    serving_of(house.runtime).use(engine)
    assert (
        await client.put("/api/v1/configurations", json={"name": "m", "files": FILES})
    ).is_success
    made = await client.put("/api/v1/limits/workflow:write", json={"at_once": 0})
    assert made.json() == {"name": "workflow:write", "at_once": 0, "running": 0, "waiting": 0}
    wanted = {"workflow": "write", "input": {"goal": "a line"}}
    ids = [(await client.post("/api/v1/runs", json=wanted)).json()["id"] for _ in range(6)]
    await asyncio.sleep(0.2)
    assert await limits_of(client) == {"workflow:write": (0, 0, 6)}
    job = await job_of(client, ids[0])
    assert job["uses"] == ["model:tiny", "workflow:write"]
    assert job["waits_for_limit"] == {
        "name": "workflow:write", "at_once": 0, "running": 0, "waiting": 6,
    }  # fmt: skip
    one = (await client.get(f"/api/v1/jobs/{job['id']}")).json()
    assert one["waits_for_limit"]["name"] == "workflow:write"

    await client.put("/api/v1/limits/workflow:write", json={"at_once": 2})
    most = 0
    async with asyncio.timeout(30):
        while True:
            running, _, waiting = (await limits_of(client))["workflow:write"]
            most = max(most, running)
            if not running and not waiting:
                break
    assert most <= 2
    for run_id in ids:
        await eventually(house, run_id, "succeeded")
    assert (await job_of(client, ids[0]))["waits_for_limit"] is None
    left = await client.delete("/api/v1/limits/workflow:write")
    assert left.json() == {"items": []}
    assert (await client.delete("/api/v1/limits/workflow:write")).status_code == 404


async def test_what_names_no_thing_is_refused(house: House) -> None:
    for name in ("solve", "team:a", "workflow:", "workflow:a|b", "device:*"):
        answer = await house.client.put(f"/api/v1/limits/{name}", json={"at_once": 1})
        assert answer.status_code == 422, name
        assert answer.json()["code"] == "jobs.limit_name_unfit"
    assert (
        await house.client.put("/api/v1/limits/model:a", json={"at_once": -1})
    ).status_code == 422


async def test_who_may_bound_what(house: House) -> None:
    editor, other = await house.as_role("editor"), await house.as_role("owner", org="elsewhere")
    body = {"at_once": 1}
    assert (await editor.put("/api/v1/limits/workflow:a", json=body)).status_code == 403
    assert (await other.put("/api/v1/limits/workflow:a", json=body)).status_code == 200
    assert (await other.put("/api/v1/limits/device:gpu-0", json=body)).status_code == 403
    assert (await house.client.put("/api/v1/limits/device:gpu-0", json=body)).status_code == 200
    assert await limits_of(house.client) == {"device:gpu-0": (0, 1, 0)}
    assert await limits_of(other) == {"device:gpu-0": (0, 1, 0), "workflow:a": (0, 1, 0)}
    assert (await other.delete("/api/v1/limits/device:gpu-0")).status_code == 404
