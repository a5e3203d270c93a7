"""Configurations over HTTP: what applying files changes, what it refuses, what it leaves alone."""

from typing import Any

import pytest
from httpx import AsyncClient

from tests.workflows.conftest import AGENTS, FILES, MODELS, Stage

Json = dict[str, Any]


async def put(client: AsyncClient, revision: int | None = None, **body: Any) -> Json:
    """Apply, and tell (kind, name) -> change besides the answer."""
    headers = {} if revision is None else {"If-Match": f'"{revision}"'}
    answer = await client.put("/api/v1/configurations", json=body, headers=headers)
    said: Json = answer.json() | {
        "status_code": answer.status_code,
        "etag": answer.headers.get("etag"),
    }
    said["words"] = {
        (each["kind"], each["name"]): each["change"] for each in said.get("changes", [])
    }
    return said


@pytest.fixture
def applied(stage: Stage) -> AsyncClient:
    """A client of a house whose files are applied."""
    return stage.client


async def test_the_same_files_again_change_nothing(applied: AsyncClient) -> None:
    again = await put(applied, files=FILES)
    assert set(again["words"].values()) == {"unchanged"}
    assert (again["revision"], again["etag"]) == (1, '"1"')


async def test_a_comment_in_models_yaml_is_a_revision_of_that_model(applied: AsyncClient) -> None:
    before = (await applied.get("/api/v1/models/scripted")).json()
    assert before["source"].startswith("scripted:\n  engine: provider")
    text = MODELS.replace("  scripted:", "  # for tests\n  scripted:  # only")
    told = await put(applied, files={"models.yaml": text})
    assert told["words"]["model", "scripted"] == "revised"
    assert told["words"]["alias", "small"] == "unchanged"
    after = (await applied.get("/api/v1/models/scripted")).json()
    assert after["source"].startswith("# for tests\nscripted:  # only\n")
    assert after["revision"] == before["revision"] + 1
    assert after["current_version_id"] == before["current_version_id"]


async def test_another_content_is_another_version(applied: AsyncClient) -> None:
    text = MODELS.replace("scripted-1", "scripted-2") + "  big: scripted\n"
    told = await put(applied, files={"models.yaml": text})
    assert told["words"]["model", "scripted"] == "changed"
    assert told["words"]["alias", "small"] == "changed"
    assert told["words"]["alias", "big"] == "added"
    back = await put(applied, files={"models.yaml": MODELS})
    assert back["words"]["model", "scripted"] == "changed"
    assert back["words"]["alias", "big"] == "retired"


async def test_what_leaves_the_files_must_not_be_needed_by_them(applied: AsyncClient) -> None:
    agents = AGENTS.replace("talker", "walker")
    refused = await put(applied, files={"agents.yaml": agents})
    assert refused["status_code"] == 422
    assert "there is no agent `talker`" in refused["detail"]
    refused = await put(applied, files={"models.yaml": MODELS.replace("small:", "little:")})
    assert refused["status_code"] == 422
    assert "there is no model alias `small`" in refused["detail"]
    assert set((await put(applied, files=FILES))["words"].values()) == {"unchanged"}


async def test_a_dry_run_tells_and_leaves_nothing(applied: AsyncClient) -> None:
    text = MODELS.replace("scripted-1", "scripted-2")
    told = await put(applied, files={"models.yaml": text}, dry_run=True)
    assert told["words"]["model", "scripted"] == "changed"
    assert (told["revision"], told["etag"]) == (1, '"1"')
    told = await put(applied, name="other", files={"agents.yaml": "agents: {}"}, dry_run=True)
    assert (told["revision"], told["etag"]) == (0, None)
    names = [each["name"] for each in (await applied.get("/api/v1/configurations")).json()]
    assert names == ["main"]


async def test_a_change_meant_for_another_revision_is_refused(applied: AsyncClient) -> None:
    assert (await put(applied, revision=7, files=FILES))["status_code"] == 412
    assert (await put(applied, revision=1, files={"agents.yaml": AGENTS + "# more\n"}))[
        "revision"
    ] == 2


async def test_two_configurations_do_not_share_names_yet_use_each_other(
    applied: AsyncClient,
) -> None:
    taken = await put(applied, name="other", files={"agents.yaml": AGENTS})
    assert taken["status_code"] == 409
    assert "'talker' stands in the configuration 'main'" in taken["detail"]
    agents = "agents: {guest: {model: small}}"
    flow = "workflows: {ask: {steps: [{name: a, agent: talker, prompt: x}]}}"
    files = {"agents.yaml": agents, "workflows.yaml": flow}
    told = await put(applied, name="other", files=files)
    assert told["words"] == {("agent", "guest"): "added", ("workflow", "ask"): "added"}
