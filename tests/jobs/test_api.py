"""The queue over HTTP, with a run of a scripted model behind its jobs."""

import pytest
from httpx import AsyncClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from camel_ext.core.models import Job, State
from camel_ext.core.queue import TASKS, TaskContext
from camel_ext.serving import serving_of
from camel_ext.workflows.models import Run
from camel_ext.workflows.runs import TASK
from tests.conftest import House
from tests.fakes.engine import FakeEngine

FILES = {
    "models.yaml": "models:\n  tiny: {engine: local, file: bundled, context_tokens: 2048}\n"
    "aliases:\n  small: tiny\n",
    "agents.yaml": "agents:\n  writer: {model: small, system: Write.}\n",
    "workflows.yaml": (
        "workflows:\n  write:\n    inputs: {goal: {type: string}}\n    steps:\n"
        '      - {name: draft, agent: writer, prompt: "{{ input.goal }}"}\n'
    ),
}


async def started(house: House) -> str:
    """Start a run, and return its id."""
    applied = await house.client.put("/api/v1/configurations", json={"name": "m", "files": FILES})
    assert applied.status_code == 200, applied.text
    wanted = {"workflow": "write", "input": {"goal": "a line"}}
    run = await house.client.post("/api/v1/runs", json=wanted)
    assert run.status_code == 202, run.text
    found: str = run.json()["id"]
    return found


async def eventually(house: House, run_id: str, state: str) -> None:
    for _ in range(500):
        run = (await house.client.get(f"/api/v1/runs/{run_id}")).json()
        if run["state"] == state:
            return
        await house.runtime.clock.sleep(0.02)
    raise AssertionError(f"the run is {run['state']}, not {state}")


async def job_of(client: AsyncClient, run_id: str) -> dict[str, object]:
    found = (await client.get("/api/v1/jobs", params={"queue": "workflows"})).json()["items"]
    (job,) = [each for each in found if each["args"] == {"run_id": run_id}]
    shown: dict[str, object] = job
    return shown


async def test_a_run_waits_in_a_paused_queue_and_is_stopped_by_its_job(house: House) -> None:
    serving_of(house.runtime).use(FakeEngine())
    paused = await house.client.post("/api/v1/queues/workflows/pause")
    assert paused.status_code == 200, paused.text
    run_id = await started(house)
    queues = (await house.client.get("/api/v1/queues")).json()["items"]
    (queue,) = [each for each in queues if each["name"] == "workflows"]
    assert (queue["queued"], queue["running"]) == (1, 0)
    assert queue["paused_at"] is not None
    job = await job_of(house.client, run_id)
    moved = await house.client.put(f"/api/v1/jobs/{job['id']}/priority", json={"priority": 9})
    assert moved.json()["priority"] == 9
    stopped = await house.client.post(f"/api/v1/jobs/{job['id']}/cancel")
    assert stopped.json()["state"] == "cancelled"
    await eventually(house, run_id, "cancelled")  # the run knows, not only its job
    resumed = await house.client.post("/api/v1/queues/workflows/resume")
    assert resumed.json()["paused_at"] is None


async def test_a_failed_runs_job_starts_a_new_run(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_context: TaskContext, *, run_id: str) -> None:
        raise RuntimeError("a bug")

    serving_of(house.runtime).use(FakeEngine())
    with monkeypatch.context() as patched:
        patched.setitem(TASKS, TASK, broken)
        run_id = await started(house)
        await eventually(house, run_id, "failed")
    job = await job_of(house.client, run_id)
    while job["state"] == "running":  # its room hears before it is written off
        job = await job_of(house.client, run_id)
    assert (job["state"], job["error_code"]) == ("failed", "core.internal")
    again = await house.client.post(f"/api/v1/jobs/{job['id']}/repeat")
    assert again.status_code == 200, again.text
    new_run = again.json()["args"]["run_id"]
    assert new_run != run_id
    await eventually(house, new_run, "succeeded")
    queues = (await house.client.get("/api/v1/queues")).json()["items"]
    (queue,) = [each for each in queues if each["name"] == "workflows"]
    assert queue["started_per_min"] == 0.4  # two, in five minutes
    assert queue["finished_per_min"] in (0.2, 0.4)  # a run has ended a moment before its job
    assert (await house.client.get(f"/api/v1/runs/{new_run}")).json()["parent_run_id"] == run_id


async def test_bad_words_are_named(house: House) -> None:
    missing = await house.client.post("/api/v1/queues/nowhere/pause")
    assert (missing.status_code, missing.json()["code"]) == (404, "jobs.queue_unknown")
    assert "workflows" in missing.json()["detail"]
    wild = await house.client.put(
        f"/api/v1/jobs/{'0' * 8}-0000-7000-8000-{'0' * 12}/priority", json={"priority": 10_000}
    )
    assert wild.status_code == 422
    assert "priority" in wild.text
    nobody = await house.client.get("/api/v1/jobs", params={"worker": "the fast one"})
    assert nobody.status_code == 422
    assert "worker" in nobody.text


async def test_workers_are_shown_to_who_runs_the_installation(house: House) -> None:
    for _ in range(200):
        found = (await house.client.get("/api/v1/workers")).json()["items"]
        if found:
            break
        await house.runtime.clock.sleep(0.02)
    (worker,) = found
    assert worker["queues"] is None
    assert worker["concurrency"] > 0
    held = await house.client.get("/api/v1/jobs", params={"worker": worker["id"]})
    assert (held.status_code, held.json()["items"]) == (200, [])
    drained = await house.client.post(f"/api/v1/workers/{worker['id']}/drain")
    assert drained.json()["draining_since"] is not None
    back = await house.client.post(f"/api/v1/workers/{worker['id']}/resume")
    assert back.json()["draining_since"] is None


async def dead_letters(house: House, count: int) -> list[str]:
    """Runs whose jobs ran out of tries; return the runs' ids."""
    serving_of(house.runtime).use(FakeEngine())
    run_ids = [await started(house) for _ in range(count)]
    for each in run_ids:
        await eventually(house, each, "succeeded")
    dead = {"state": State.FAILED, "dead_at": house.runtime.clock.now()}
    failed = {"state": State.FAILED, "error_code": "core.unavailable"}

    def kill(db: Session) -> None:
        db.execute(update(Job).where(Job.kind == TASK).values(**dead))
        db.execute(update(Run).values(**failed))

    await house.runtime.write(house.owner.tenant, kill)
    return run_ids


async def test_all_dead_letters_are_counted_and_queued_again_page_by_page(house: House) -> None:
    run_ids = await dead_letters(house, 3)
    client = house.client
    counted = (await client.get("/api/v1/dead-letters", params={"queue": "workflows"})).json()
    assert counted == {
        "total": 3,
        "items": [{"queue": "workflows", "kind": TASK, "jobs": 3, "repeatable": True}],
    }
    first = await client.post("/api/v1/dead-letters/repeat", json={"kind": TASK, "at_most": 2})
    assert first.status_code == 200, first.text
    assert (first.json()["repeated"], first.json()["refused"]) == (2, [])
    body = {"kind": TASK, "at_most": 2, "cursor": first.json()["next_cursor"]}
    for repeated in (1, 0):  # sent twice, as its answer was lost
        rest = (await client.post("/api/v1/dead-letters/repeat", json=body)).json()
        assert rest == {"repeated": repeated, "refused": [], "next_cursor": None}
    assert (await client.get("/api/v1/dead-letters")).json() == {"total": 0, "items": []}
    runs = (await client.get("/api/v1/runs")).json()["items"]
    parents = [each["parent_run_id"] for each in runs if each["parent_run_id"]]
    assert sorted(parents) == sorted(run_ids)


async def test_dead_letters_are_an_editors_to_repeat_and_bad_words_name_their_field(
    house: House,
) -> None:
    viewer = await house.as_role("viewer")
    assert (await viewer.get("/api/v1/dead-letters")).status_code == 200
    assert (await viewer.post("/api/v1/dead-letters/repeat", json={})).status_code == 403
    path = "/api/v1/dead-letters/repeat"
    for body, status, word in (
        ({"queue": "nowhere"}, 404, "workflows"),
        ({"kind": "workflows.fly"}, 404, "kind: "),
        ({"at_most": 101}, 422, "at_most"),
        ({"cursor": "!"}, 422, "cursor"),
    ):
        answer = await house.client.post(path, json=body)
        assert (answer.status_code, word in answer.text) == (status, True), answer.text
