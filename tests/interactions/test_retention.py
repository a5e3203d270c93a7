"""Old calls leave the log: to files, read as before, or erased; nothing that is needed is lost."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from camel_ext.core.queue import TASKS
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import read_answers
from camel_ext.interactions.archive_files import read_groups
from camel_ext.interactions.archived import archive_folder, keep_archives_in
from camel_ext.interactions.errors import ArchiveUnreadable, InteractionErased
from camel_ext.interactions.models import RESTORE, SWEEP, ArchiveState
from camel_ext.interactions.origins import NEEDED, needs
from camel_ext.interactions.retention import get_sweep, start_restore
from camel_ext.interactions.service import read_said
from tests.conftest import House
from tests.interactions.calls import Json
from tests.interactions.conftest import Record
from tests.interactions.old_calls import (
    DAY,
    archives,
    done,
    in_hand,
    old_talk,
    places,
    read_all,
    started,
)

HOME = "/api/v1/interactions"
POLICY, SWEEPS = "/api/v1/interaction-retention", "/api/v1/interaction-sweeps"
ARCHIVES = "/api/v1/interaction-archives"


@pytest.fixture(autouse=True)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the runtime's archives are."""
    if "runtime" in request.fixturenames:
        keep_archives_in(request.getfixturevalue("runtime").database, tmp_path / "archive")
    return tmp_path / "archive"


@pytest.fixture
def needed() -> Iterator[set[UUID]]:
    """What a room needs that there is for this test alone."""
    wanted: set[UUID] = set()
    needs("test")(lambda _db, ids: wanted.intersection(ids))
    yield wanted
    del NEEDED["test"]


async def swept(runtime: Runtime, tenant: Tenant, **wanted: Any) -> Any:
    """Do a sweep to its end, and return it."""
    sweep_id = await started(runtime, tenant, **wanted)
    await done(runtime, tenant, SWEEP)
    return await runtime.read(tenant, get_sweep, sweep_id)


async def restored(runtime: Runtime, tenant: Tenant, archive_id: UUID) -> None:
    await runtime.write(tenant, start_restore, runtime.clock, runtime.new_id, archive_id)
    await done(runtime, tenant, RESTORE)


class TestArchive:
    async def test_old_calls_are_read_from_their_file_and_come_back(
        self, runtime: Runtime, tenant: Tenant, record: Record
    ) -> None:
        old = await old_talk(runtime, tenant, 12, days=40)
        fresh = (await record("today")).id
        before = await read_all(runtime, tenant, [*old, fresh])
        done = await swept(runtime, tenant, older_than_days=30)
        assert (done.state, done.archived, done.looked_at, done.kept) == ("succeeded", 12, 12, 0)
        assert await places(runtime, tenant) == ({fresh}, set(old), set())
        assert await read_all(runtime, tenant, [*old, fresh]) == before
        (archive,) = await archives(runtime, tenant)
        assert (archive.state, archive.rows) == (ArchiveState.ARCHIVED, 12)
        answers = await runtime.read(tenant, read_answers, [*old, fresh])
        assert [answers[each]["message"]["content"] for each in old] == [
            f"turn {n}" for n in range(12)
        ]
        await restored(runtime, tenant, archive.id)
        assert await places(runtime, tenant) == ({*old, fresh}, set(), set())
        assert await read_all(runtime, tenant, [*old, fresh]) == before
        again = await swept(runtime, tenant, older_than_days=30)
        assert again.archived == 12
        assert await read_all(runtime, tenant, old) == {each: before[each] for each in old}

    async def test_the_file_stands_by_itself(self, runtime: Runtime, tenant: Tenant) -> None:
        old = await old_talk(runtime, tenant, 3, days=40, tags=["a", "b"], session="s")
        before = await read_all(runtime, tenant, old)
        await swept(runtime, tenant, older_than_days=30)
        (archive,) = await archives(runtime, tenant)
        path = await runtime.read(tenant, archive_folder) / archive.file
        rows = [row for group in read_groups(path) for row in group]
        assert [UUID(row["id"]) for row in rows] == old[::-1]
        last = rows[0]
        assert last["request"].encode() == before[old[-1]][0]
        assert json.loads(last["request"])["messages"][0]["content"] == "begin"
        assert json.loads(last["response"])["choices"][0]["message"]["content"] == "turn 2"
        assert (last["tags"], last["session"], last["purpose"]) == (["a", "b"], "s", "run")
        assert last["created_at"] == archive.last_at

    async def test_what_a_newer_call_continues_stays_until_that_one_leaves(
        self, runtime: Runtime, tenant: Tenant
    ) -> None:
        talk = await old_talk(runtime, tenant, 6, days=32, step=0.75 * DAY)
        before = await read_all(runtime, tenant, talk)
        done = await swept(runtime, tenant, older_than_days=30)
        assert (done.archived, done.kept) == (0, 3), (
            "three turns are old, and the fourth leans on them"
        )
        await swept(runtime, tenant, older_than_days=28)
        here, away, _ = await places(runtime, tenant)
        assert (here, away) == (set(), set(talk))
        assert await read_all(runtime, tenant, talk) == before

    async def test_nothing_new_leans_on_what_is_older_than_a_day(
        self, runtime: Runtime, tenant: Tenant
    ) -> None:
        talk = await old_talk(runtime, tenant, 3, days=40, step=1.5 * DAY)
        before = await read_all(runtime, tenant, talk)
        done = await swept(runtime, tenant, older_than_days=38)
        assert (done.archived, done.kept) == (2, 0)
        assert await read_all(runtime, tenant, talk) == before

    async def test_a_second_sweep_waits_for_the_first(
        self, runtime: Runtime, tenant: Tenant
    ) -> None:
        await started(runtime, tenant, older_than_days=30)
        with pytest.raises(Exception, match="has not ended"):
            await started(runtime, tenant, older_than_days=30)

    async def test_a_file_that_was_changed_or_lost_is_said(
        self, runtime: Runtime, tenant: Tenant
    ) -> None:
        old = await old_talk(runtime, tenant, 2, days=40)
        await swept(runtime, tenant, older_than_days=30)
        (archive,) = await archives(runtime, tenant)
        path = await runtime.read(tenant, archive_folder) / archive.file
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + b"\0")
        await runtime.write(tenant, start_restore, runtime.clock, runtime.new_id, archive.id)
        context = await in_hand(runtime, tenant, RESTORE)
        with pytest.raises(ArchiveUnreadable, match="not the file that was written"):
            await TASKS[RESTORE](context, **context.job.args)
        path.unlink()
        with pytest.raises(ArchiveUnreadable, match=archive.file):
            await runtime.read(tenant, read_said, old[0])


class TestErase:
    async def test_words_go_and_rows_stay(self, runtime: Runtime, tenant: Tenant) -> None:
        old = await old_talk(runtime, tenant, 4, days=40)
        done = await swept(runtime, tenant, older_than_days=30, archive=False)
        assert (done.archived, done.erased, done.kept) == (0, 4, 0)
        assert await places(runtime, tenant) == (set(), set(), set(old))
        assert await archives(runtime, tenant) == []
        with pytest.raises(InteractionErased):
            await runtime.read(tenant, read_said, old[0])
        assert await runtime.read(tenant, read_answers, old) == {}

    async def test_what_a_room_needs_stays_and_so_does_what_that_leans_on(
        self, runtime: Runtime, tenant: Tenant, needed: set[UUID]
    ) -> None:
        old = await old_talk(runtime, tenant, 6, days=40)
        before = await read_all(runtime, tenant, old)
        needed.add(old[2])
        done = await swept(runtime, tenant, older_than_days=30, archive=False)
        assert (done.erased, done.kept) == (3, 3)
        assert await read_all(runtime, tenant, old[:3]) == {each: before[each] for each in old[:3]}


class TestOverHttp:
    async def test_a_policy_is_followed_and_undone(self, house: House) -> None:
        runtime, tenant = house.runtime, house.owner.tenant
        old = await old_talk(runtime, tenant, 5, days=40, session="s", tags=["t"])
        client = house.client
        assert (await client.get(POLICY)).status_code == 404
        assert (await client.post(SWEEPS, json={})).json()[
            "code"
        ] == "interactions.retention_missing"
        paths = [f"{HOME}/{each}{end}" for each in old for end in ("", "/request")]
        before = [(await client.get(path)).content for path in paths]
        kept = await client.put(POLICY, json={"keep_days": 30, "archive": True})
        assert (kept.status_code, kept.headers["ETag"]) == (200, '"1"')
        started_ = await client.post(SWEEPS, json={})
        assert started_.status_code == 202, started_.text
        done = await until(house, f"{SWEEPS}/{started_.json()['id']}")
        assert (done["state"], done["archived"]) == ("succeeded", 5)
        listed = (await client.get(HOME, params={"session": "s", "tag": "t"})).json()["items"]
        assert [UUID(row["id"]) for row in listed] == old[::-1]
        (archive,) = (await client.get(ARCHIVES)).json()["items"]
        assert {row["archive_id"] for row in listed} == {archive["id"]}
        opened = [(await client.get(path)).content for path in paths]
        assert [_placeless(each) for each in opened] == [_placeless(each) for each in before]
        lines = (await client.get(f"{HOME}/export")).text.splitlines()
        assert [json.loads(line)["messages"][0]["content"] for line in lines] == ["begin"] * 5
        refused = await client.post(f"{ARCHIVES}/{archive['id']}/restore")
        assert refused.json()["code"] == "interactions.retention_takes_again"
        assert (await client.delete(POLICY)).json()["keep_days"] == 30
        assert (await client.delete(POLICY)).status_code == 404
        assert (await client.post(f"{ARCHIVES}/{archive['id']}/restore")).status_code == 202
        back = await until(house, f"{ARCHIVES}/{archive['id']}", ("restored",))
        assert back["rows"] == 5
        assert [(await client.get(path)).content for path in paths] == before

    async def test_it_is_the_owners_to_say(self, house: House) -> None:
        editor = await house.as_role("editor")
        body = {"keep_days": 30}
        assert (await editor.put(POLICY, json=body)).status_code == 403
        assert (await editor.post(SWEEPS, json={"older_than_days": 30})).status_code == 403
        assert (await house.client.put(POLICY, json={"keep_days": 1})).status_code == 422
        assert (await house.client.put(POLICY, json=body)).status_code == 200
        stale = {"If-Match": '"7"'}
        assert (await house.client.put(POLICY, json=body, headers=stale)).status_code == 412
        assert (await editor.get(POLICY)).json()["keep_days"] == 30
        other = await house.as_role("owner", org="other")
        assert (await other.get(POLICY)).status_code == 404
        assert (await other.get(ARCHIVES)).json()["items"] == []

    async def test_a_folder_that_cannot_be_written_is_said_and_nothing_leaves(
        self, house: House
    ) -> None:
        runtime, tenant = house.runtime, house.owner.tenant
        old = await old_talk(runtime, tenant, 2, days=40)
        (house.data_dir / "archive").write_text("this is a file")
        made = (await house.client.post(SWEEPS, json={"older_than_days": 30})).json()
        done = await until(house, f"{SWEEPS}/{made['id']}")
        assert (done["state"], done["error_code"]) == (
            "failed", "interactions.archive_folder_unusable",
        )  # fmt: skip
        assert await places(runtime, tenant) == (set(old), set(), set())

    async def test_judged_answers_are_not_erased(self, house: House) -> None:
        runtime, tenant = house.runtime, house.owner.tenant
        old = await old_talk(runtime, tenant, 1, days=40)
        other = await old_talk(runtime, tenant, 1, days=41)
        body = {"kind": "thumbs", "interaction_ids": [str(old[0])], "up": True}
        judged = await house.client.post("/api/v1/annotations", json=body)
        assert judged.status_code == 201, judged.text
        wanted = {"older_than_days": 30, "archive": False}
        made = (await house.client.post(SWEEPS, json=wanted)).json()
        done = await until(house, f"{SWEEPS}/{made['id']}")
        assert (done["erased"], done["kept"]) == (1, 1)
        assert await places(runtime, tenant) == ({old[0]}, set(), {other[0]})
        shown = (await house.client.get(f"{HOME}/{other[0]}")).json()
        assert (shown["messages"], shown["answer"], shown["prompt_preview"]) == ([], None, "")
        assert shown["erased_at"] is not None
        gone = await house.client.get(f"{HOME}/{other[0]}/request")
        assert (gone.status_code, gone.json()["code"]) == (409, "interactions.interaction_erased")


async def until(
    house: House, path: str, ends: tuple[str, ...] = ("succeeded", "failed", "cancelled")
) -> Json:
    async with asyncio.timeout(20):
        while True:
            found: Json = (await house.client.get(path)).json()
            if found["state"] in ends:
                return found
            await asyncio.sleep(0.02)


def _placeless(raw: bytes) -> Json:
    row: Json = json.loads(raw)
    row.pop("archive_id", None)
    return row
