"""A sweep that dies at any instant loses nothing, and the next one ends what it began."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from camel_ext.core.queue import TASKS, TaskContext
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions.archive_files import read_ids
from camel_ext.interactions.archived import archive_folder, keep_archives_in
from camel_ext.interactions.leaving import open_archive
from camel_ext.interactions.models import RESTORE, SWEEP, ArchiveState
from camel_ext.interactions.retention import start_restore
from tests.interactions.old_calls import (
    archives,
    end_job,
    in_hand,
    old_talk,
    places,
    read_all,
    started,
)

TURNS = 7


class Died(BaseException):
    """The process is gone."""


class Dying(TaskContext):
    """A worker that is killed at its n-th write, before it is committed or after."""

    left: ClassVar[int] = 0
    after: ClassVar[bool] = False

    async def write(self, fn: Callable[..., Any], *args: Any) -> Any:
        Dying.left -= 1
        if Dying.left == 0 and not Dying.after:
            raise Died
        result = await TaskContext.write(self, fn, *args)
        if Dying.left == 0:
            raise Died
        return result


async def died(runtime: Runtime, tenant: Tenant, kind: str, at: int, *, after: bool) -> bool:
    """Do the open job until it dies; tell whether it did."""
    Dying.left, Dying.after = at, after
    context = await in_hand(runtime, tenant, kind, Dying)
    try:
        await TASKS[kind](context, **context.job.args)
    except Died:
        return True
    await end_job(runtime, context)
    return False


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after it"])
async def test_a_sweep_killed_at_each_of_its_commits(
    runtime: Runtime, tenant: Tenant, tmp_path: Path, after: bool
) -> None:
    """Kill, look, kill again one later: after each, every call is read to the byte, and exactly once."""
    keep_archives_in(runtime.database, tmp_path)
    talk = await old_talk(runtime, tenant, TURNS, days=40)
    before = await read_all(runtime, tenant, talk)
    await started(runtime, tenant, older_than_days=30)
    at = 1
    while await died(runtime, tenant, SWEEP, at, after=after):
        here, away, _ = await places(runtime, tenant)
        assert (here | away, here & away) == (set(talk), set())
        assert await read_all(runtime, tenant, talk) == before
        at += 1
    assert at >= 6, "it has that many commits, and was killed at each"
    here, away, _ = await places(runtime, tenant)
    assert (here, away) == (set(), set(talk))
    assert await read_all(runtime, tenant, talk) == before
    folder = await runtime.read(tenant, archive_folder)
    kept = await archives(runtime, tenant)
    assert {each.state for each in kept} == {ArchiveState.ARCHIVED}
    assert sorted(each.name for each in folder.iterdir()) == sorted(each.file for each in kept)
    assert sorted(one for each in kept for one in read_ids(folder / each.file)) == sorted(talk)


async def test_a_restore_killed_at_each_of_its_commits(
    runtime: Runtime, tenant: Tenant, tmp_path: Path
) -> None:
    keep_archives_in(runtime.database, tmp_path)
    talk = await old_talk(runtime, tenant, TURNS, days=40)
    before = await read_all(runtime, tenant, talk)
    await started(runtime, tenant, older_than_days=30)
    assert not await died(runtime, tenant, SWEEP, 10_000, after=False)
    (archive,) = await archives(runtime, tenant)
    await runtime.write(tenant, start_restore, runtime.clock, runtime.new_id, archive.id)
    at = 1
    while await died(runtime, tenant, RESTORE, at, after=bool(at % 2)):
        assert await read_all(runtime, tenant, talk) == before
        at += 1
    assert await places(runtime, tenant) == (set(talk), set(), set())
    assert await read_all(runtime, tenant, talk) == before


async def test_what_a_killed_process_left_on_disk_goes(
    runtime: Runtime, tenant: Tenant, tmp_path: Path
) -> None:
    """kill -9 cleans nothing up: half a file, and a whole one that nobody said is whole."""
    keep_archives_in(runtime.database, tmp_path)
    talk = await old_talk(runtime, tenant, 2, days=40)
    sweep_id = await started(runtime, tenant, older_than_days=30)
    folder = await runtime.read(tenant, archive_folder)
    folder.mkdir(parents=True)
    for name in ("a.parquet", "b.parquet"):
        await runtime.write(
            tenant, open_archive, runtime.clock.now(), runtime.new_id(), sweep_id, name
        )
    left = [folder / ".a.parquet.part", folder / "b.parquet", folder / "other.parquet"]
    for path in left:
        path.write_bytes(b"half")
    assert not await died(runtime, tenant, SWEEP, 10_000, after=False)
    assert [path.exists() for path in left] == [False, False, True], "what is not ours stays"
    assert (await places(runtime, tenant))[1] == set(talk)
