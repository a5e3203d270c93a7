"""Exports: whole files in the operator's folder, by hand and by the clock, or a word why not."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from tests.conftest import House
from tests.datasets.route_cases import DATASETS, LINE, VERSIONS

EXPORTS = "/api/v1/dataset-exports"


async def frozen(client: AsyncClient, name: str = "brief") -> dict[str, Any]:
    opened = (await client.post(f"{DATASETS}/{name}/imports", json={})).json()
    path = f"{VERSIONS}/{opened['id']}"
    await client.post(path + "/lines", content=LINE)
    await client.post(path + "/freeze")
    return await until(client, path)


async def until(client: AsyncClient, path: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found: dict[str, Any] = (await client.get(path)).json()
            if found["state"] in ("succeeded", "failed", "cancelled"):
                return found
            await asyncio.sleep(0.02)


def folder(house: House) -> Path:
    tenant = house.owner.tenant
    return house.data_dir / "exports" / str(tenant.org_id) / str(tenant.project_id)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
async def test_the_file_is_what_a_download_gives(house: House, kind: str) -> None:
    version = await frozen(house.client)
    started = await house.client.post(EXPORTS, json={"version": "brief", "format": kind})
    assert started.status_code == 202, started.text
    export = await until(house.client, f"{EXPORTS}/{started.json()['id']}")
    assert (export["state"], export["file"]) == ("succeeded", f"brief-1.{kind}")
    raw = (folder(house) / export["file"]).read_bytes()
    assert export["size_bytes"] == len(raw)
    assert export["sha256"] == hashlib.sha256(raw).hexdigest()
    if kind == "jsonl":
        path = f"{VERSIONS}/{version['id']}/export"
        assert raw == (await house.client.get(path)).content
        assert json.loads(raw)["chosen"] == json.loads(LINE)["chosen"]
    assert [each.name for each in folder(house).iterdir()] == [export["file"]]
    again = await house.client.post(f"{EXPORTS}/{export['id']}/cancel")
    assert again.json()["state"] == "succeeded"


async def test_what_is_not_frozen_is_refused(house: House) -> None:
    await house.client.post(f"{DATASETS}/open/imports", json={})
    answer = await house.client.post(EXPORTS, json={"version": "open@1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "datasets.version_unready")


async def test_a_folder_that_cannot_be_written_is_said(house: House) -> None:
    await frozen(house.client)
    (house.data_dir / "exports").write_text("this is a file")
    started = (await house.client.post(EXPORTS, json={"version": "brief"})).json()
    export = await until(house.client, f"{EXPORTS}/{started['id']}")
    assert (export["state"], export["error_code"]) == (
        "failed", "datasets.export_folder_unusable",
    )  # fmt: skip
    assert "CAMEL_EXT_DATASETS__EXPORT_DIR" in export["error_detail"]
    (house.data_dir / "exports").unlink()  # it is mended, and tried again by its job
    asked = "/api/v1/jobs?queue=datasets&state=failed"
    while not (failed := (await house.client.get(asked)).json()["items"]):  # noqa: ASYNC110
        await asyncio.sleep(0.01)  # the export says so before its job does
    job = failed[0]["id"]
    assert (await house.client.post(f"/api/v1/jobs/{job}/repeat")).status_code == 200
    newest = (await house.client.get(EXPORTS)).json()["items"][0]["id"]
    assert (await until(house.client, f"{EXPORTS}/{newest}"))["state"] == "succeeded"


async def test_by_the_clock(house: House) -> None:
    await frozen(house.client)
    schedule = {
        "name": "nightly",
        "task": "datasets.export_version",
        "arguments": {"version": "brief"},
        "timing": {"kind": "every", "every_s": 1},
    }
    saved = (await house.client.post("/api/v1/schedules", json=schedule)).json()
    path = f"/api/v1/schedules/{saved['id']}/firings"
    async with asyncio.timeout(20):
        while True:
            items = (await house.client.get(path)).json()["items"]
            if any(item["started_state"] == "succeeded" for item in items):
                break
            await asyncio.sleep(0.05)
    assert (folder(house) / "brief-1.jsonl").exists()
