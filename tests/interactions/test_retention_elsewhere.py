"""Archives with a blob store: another machine, which has no file of them, reads and restores old calls."""

import asyncio
from pathlib import Path

from camel_ext.core.blobs import use_blobs
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions.archived import keep_archives_in
from camel_ext.interactions.elsewhere import bringer
from camel_ext.interactions.models import RESTORE, SWEEP
from camel_ext.interactions.retention import start_restore
from camel_ext.settings_services import Blobs
from tests.interactions.old_calls import (
    archives,
    done,
    old_talk,
    places,
    read_all,
    started,
)


def files_in(folder: Path) -> list[Path]:
    return sorted(each.relative_to(folder) for each in folder.rglob("*") if each.is_file())


async def test_who_has_no_file_fetches_it(runtime: Runtime, tenant: Tenant, tmp_path: Path) -> None:
    use_blobs(runtime, Blobs(url=f"file://{tmp_path / 'shared'}"))

    def move_to(machine: str) -> Path:
        keep_archives_in(runtime.database, tmp_path / machine, bringer(runtime))
        return tmp_path / machine

    first = move_to("first")
    old = await old_talk(runtime, tenant, 3, days=40)
    before = await read_all(runtime, tenant, old)
    await started(runtime, tenant, older_than_days=30)
    await done(runtime, tenant, SWEEP)
    assert await places(runtime, tenant) == (set(), set(old), set())
    files = await asyncio.to_thread(files_in, first)
    assert len(files) == 1
    assert await asyncio.to_thread(files_in, tmp_path / "shared" / "archive") == files

    second = move_to("second")
    assert await read_all(runtime, tenant, old) == before
    assert await asyncio.to_thread(files_in, second) == files

    move_to("third")
    (archive,) = await archives(runtime, tenant)
    await runtime.write(tenant, start_restore, runtime.clock, runtime.new_id, archive.id)
    await done(runtime, tenant, RESTORE)
    assert await places(runtime, tenant) == (set(old), set(), set())
    assert await read_all(runtime, tenant, old) == before
