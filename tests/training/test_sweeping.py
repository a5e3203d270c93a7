"""Folders of trainings that ended long ago are removed; those that may go on are not."""

import shutil

from camel_ext.core.models import State
from camel_ext.core.sweeping import FolderSweeper
from camel_ext.training import TrainingJob, resume_training
from camel_ext.training.service import list_over
from tests.fakes.launcher import Act, failed
from tests.training.conftest import Shop


async def sweep(shop: Shop, keep_s: float = 0.0) -> int:
    root = shop.yard.data_dir / "trainings"
    sweeper = FolderSweeper(
        shop.runtime, root, keep_s, what="trainings", list_over=list_over, remove=shutil.rmtree
    )
    return await sweeper.sweep()


async def broken(shop: Shop) -> TrainingJob:
    shop.plays(Act([failed("broken")], code=1))
    training = await shop.start()
    async with shop.working():
        return await shop.ended(training.id)


async def test_a_failed_one_goes_some_time_after_its_end(shop: Shop) -> None:
    training = await broken(shop)
    assert training.state == State.FAILED
    folder = shop.yard.folder(training.id)
    shop.yard.cache_dir.mkdir(parents=True, exist_ok=True)
    assert await sweep(shop, keep_s=3600) == 0
    assert folder.is_dir()
    assert await sweep(shop) == 1
    assert not folder.exists()
    assert shop.yard.cache_dir.is_dir()


async def test_a_resumed_one_keeps_its_own_and_one_that_was_swept_begins_anew(shop: Shop) -> None:
    training = await broken(shop)
    await shop.write(resume_training, shop.runtime.clock, shop.runtime.new_id, training.id)
    assert await sweep(shop) == 0
    await shop.cancel(training.id)
    assert await sweep(shop) == 1
    await shop.write(resume_training, shop.runtime.clock, shop.runtime.new_id, training.id)
    shop.plays(Act())
    async with shop.working():
        assert (await shop.ended(training.id)).state == State.SUCCEEDED
