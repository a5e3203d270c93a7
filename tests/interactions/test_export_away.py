"""An export of the log while an archive's file is away: refused before its first line, or marked."""

import asyncio
import json
from pathlib import Path
from uuid import UUID

from camel_ext.interactions.archived import archive_folder
from tests.conftest import House
from tests.interactions.old_calls import old_talk
from tests.interactions.test_retention import ARCHIVES, HOME, SWEEPS, until

PAGE = 100  # lines that are read together


async def archive_old(house: House) -> Path:
    """Archive what is older than 30 days, move the file away, and return where it is now."""
    begun = await house.client.post(SWEEPS, json={"older_than_days": 30, "archive": True})
    assert begun.status_code == 202, begun.text
    done = await until(house, f"{SWEEPS}/{begun.json()['id']}")
    assert (done["state"], done["archived"]) == ("succeeded", 3), done
    (archive,) = (await house.client.get(ARCHIVES)).json()["items"]
    folder = await house.runtime.read(house.owner.tenant, archive_folder)
    path: Path = folder / archive["file"]
    return await asyncio.to_thread(path.rename, path.with_suffix(".away"))


async def test_it_is_refused_before_the_first_line_or_marked(house: House) -> None:
    runtime, tenant, client = house.runtime, house.owner.tenant, house.client
    old = await old_talk(runtime, tenant, 3, days=40, agent_id="old")
    await old_talk(runtime, tenant, PAGE + 1, days=10, agent_id="new")
    away = await archive_old(house)
    refused = await client.get(f"{HOME}/export")
    assert (refused.status_code, refused.json()["code"]) == (503, "interactions.archive_away")
    detail = refused.json()["detail"]
    assert f"{away.stem}.parquet with 3 calls" in detail
    assert "skip_missing=true" in detail
    assert "blob store" in detail
    unaffected = await client.get(f"{HOME}/export", params={"agent_id": "new"})
    assert len(unaffected.text.splitlines()) == PAGE + 1
    found = await client.get(f"{HOME}/export", params={"skip_missing": "true"})
    lines = [json.loads(line) for line in found.text.splitlines()]
    assert len(lines) == PAGE + 4
    marked = [line for line in lines if "missing_archive" in line]
    assert {UUID(line["id"]) for line in marked} == set(old)
    assert {line["missing_archive"] for line in marked} == {f"{away.stem}.parquet"}
    assert all(line["messages"] == [] for line in marked)
    bare = await client.get(f"{HOME}/export", params={"bodies": "false"})
    assert len(bare.text.splitlines()) == PAGE + 4


async def test_a_short_one_is_refused_by_its_only_page(house: House) -> None:
    await old_talk(house.runtime, house.owner.tenant, 3, days=40)
    away = await archive_old(house)
    refused = await house.client.get(f"{HOME}/export")
    assert (refused.status_code, refused.json()["code"]) == (503, "interactions.archive_away")
    assert f"{away.stem}.parquet is not there" in refused.json()["detail"]
    await asyncio.to_thread(away.rename, away.with_suffix(".parquet"))
    assert len((await house.client.get(f"{HOME}/export")).text.splitlines()) == 3
