"""Files of runs that ended long ago are removed; those that a retry may need are not."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from camel_ext.workflows.models import Run
from camel_ext.workflows.process import workshop_of
from camel_ext.workflows.sweeping import Sweeper, list_over
from tests.workflows.conftest import Json, Stage


class Disk:
    """Scratch folders as runs leave them, and a sweep over them."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.root = stage, workshop_of(stage.house.runtime).scratch_root

    def leave(self, run: Json) -> Path:
        """Let a run's tool leave a file."""
        scratch = workshop_of(self.stage.house.runtime).scratch(UUID(run["id"]))
        (scratch.begin("step", None) / "note.txt").write_text("kept")
        scratch.finish("step")
        return scratch.root

    async def sweep(self, keep_s: float = 0.0) -> int:
        return await Sweeper(self.stage.house.runtime, self.root, keep_s).sweep()


@pytest.fixture
def disk(stage: Stage) -> Disk:
    return Disk(stage)


async def ended(stage: Stage) -> Json:
    return await stage.until((await stage.start("talk"))["id"], "succeeded")


async def stopped(stage: Stage, run: Json) -> Json:
    """A run that waits for a person to raise its budget."""
    return await stage.until(run["id"], "waiting", waiting_for="budget")


async def test_they_go_some_time_after_the_end(stage: Stage, disk: Disk) -> None:
    folder = disk.leave(await ended(stage))
    assert await disk.sweep(keep_s=3600) == 0
    assert folder.exists()
    assert await disk.sweep() == 1
    assert list(disk.root.iterdir()) == []
    assert await disk.sweep() == 0


async def test_a_run_that_waits_keeps_its_own(stage: Stage, disk: Disk) -> None:
    run = await stopped(stage, await stage.start("talk", budgets={"max_turns": 1}))
    folder = disk.leave(run)
    assert await disk.sweep() == 0
    await stage.do(run["id"], "cancel")
    assert await disk.sweep() == 1
    assert not folder.exists()


async def test_what_a_retry_starts_from_stays_as_long_as_the_retry(
    stage: Stage, disk: Disk
) -> None:
    first = await stopped(stage, await stage.start("talk", budgets={"max_turns": 1}))
    await stage.do(first["id"], "cancel")
    folder = disk.leave(first)
    second = (await stage.do(first["id"], "retry", {})).json()
    await stopped(stage, second)
    await stage.do(second["id"], "cancel")
    third = (await stage.do(second["id"], "retry", {})).json()
    await stopped(stage, third)
    assert await disk.sweep() == 0
    assert (folder / "states").exists()
    await stage.do(third["id"], "cancel")
    assert await disk.sweep() == 1


async def test_what_no_run_is_known_of_is_not_touched(disk: Disk) -> None:
    unknown = disk.root / str(uuid4())
    other = disk.root / "notes"
    for folder in (unknown, other):
        folder.mkdir(parents=True)
    assert await disk.sweep() == 0
    assert unknown.exists()
    assert other.exists()


async def test_a_killed_removal_is_finished(stage: Stage, disk: Disk) -> None:
    run = await ended(stage)
    folder = disk.leave(run)
    half = folder.rename(disk.root / f".gone-{run['id']}")
    (disk.root / f".gone-{run['id']}.0").mkdir()
    assert await disk.sweep() == 0
    assert not half.exists()
    assert list(disk.root.iterdir()) == []


async def test_a_run_is_over_from_its_end_on(stage: Stage) -> None:
    run = await ended(stage)
    runtime = stage.house.runtime

    def look(db: Session) -> tuple[list[UUID], list[UUID]]:
        known = db.get_one(Run, UUID(run["id"]))
        assert known.finished_at is not None
        ids = [known.id, uuid4()]
        return list_over(db, ids, runtime.clock.now()), list_over(db, ids, known.finished_at)

    now, then = await runtime.read_system("test", look)
    assert (now, then) == ([UUID(run["id"])], [])
