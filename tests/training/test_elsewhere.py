"""What a training leaves for other machines: its adapter, and a checkpoint for who takes it over."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from camel_ext.core.blobs import BLOBS, EXTRA, Blobs, blobs_of, use_blobs
from camel_ext.core.models import State
from camel_ext.core.runtime import Runtime
from camel_ext.registry import resolve_version
from camel_ext.serving.process import Serving
from camel_ext.settings import Settings
from camel_ext.settings_services import Blobs as Knobs
from camel_ext.training.elsewhere import COMING
from camel_ext.training.service import resume_training
from tests.fakes.launcher import Act, steps
from tests.objects import private_s3
from tests.training.conftest import LONG_S, Shop

CHECKPOINT = {"kind": "checkpoint", "step": 2, "path": "checkpoints/step-2", "size_bytes": 1}


@pytest.fixture
def shared(shop: Shop, tmp_path: Path) -> Path:
    """The folder of a blob store that the shop's runtime uses."""
    use_blobs(shop.runtime, Knobs(url=f"file://{tmp_path / 'shared'}"))
    return tmp_path / "shared"


def write_checkpoint(job_dir: Path, step: int) -> Path:
    folder = job_dir / "checkpoints" / f"step-{step}"
    folder.mkdir(parents=True)
    for name in ("adapter.safetensors", "state.json"):
        (folder / name).write_text(f"{name} of step {step}")
    return folder


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def files_in(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


async def test_another_machine_fetches_the_adapter(
    shop: Shop, shared: Path, tmp_path: Path
) -> None:
    asked = await shop.start()
    async with shop.working():
        training = await shop.ended(asked.id)
    assert training.state == State.SUCCEEDED, training.error_detail
    assert training.adapter_version_id is not None
    model = await shop.read(resolve_version, training.adapter_version_id)
    assert model.adapter is not None
    elsewhere = Serving(shop.runtime, Settings(data_dir=tmp_path / "elsewhere"))
    path = await elsewhere.adapter_path(model.adapter)
    assert path.is_relative_to(tmp_path / "elsewhere")
    here = shop.yard.models_dir / model.adapter.file
    assert path.read_bytes() == here.read_bytes()
    place = f"models/{Path(model.adapter.file).parent}"
    assert await asyncio.to_thread(files_in, shared) == {  # and no checkpoint any more
        f"{place}/{each}"
        for each in (
            "adapter.gguf",
            "adapter_model.safetensors",
            "adapter_config.json",
            "README.md",
        )
    }


async def test_who_takes_over_on_another_machine_has_the_last_checkpoint(
    shop: Shop, shared: Path
) -> None:
    held = Act(steps(1, 2, 3), holds=True)
    shop.plays(Act([*steps(1, 2, 3), CHECKPOINT], holds=True), held, Act(steps(3, 3, 3)))
    asked = await shop.start()
    job_dir, kept = shop.yard.folder(asked.id), shared / "trainings" / str(asked.id)
    await asyncio.to_thread(write_checkpoint, kept, 1)  # of an hour before
    await asyncio.to_thread(write_checkpoint, job_dir, 2)
    of_two = {"checkpoints/step-2/adapter.safetensors", "checkpoints/step-2/state.json"}
    async with shop.working():
        await until(lambda: files_in(kept) == of_two)
    await asyncio.to_thread(shutil.rmtree, job_dir)  # the other machine has none of it
    async with shop.working():
        await shop.until(asked.id, lambda _: len(shop.launcher.started) == 2)
        came = await asyncio.to_thread(files_in, job_dir / "checkpoints")
        assert {f"checkpoints/{each}" for each in came} == of_two
        text = (job_dir / "checkpoints" / "step-2" / "state.json").read_text()
        assert text == "state.json of step 2"
    async with shop.working():
        training = await shop.ended(asked.id)
    assert training.state == State.SUCCEEDED, training.error_detail
    assert await asyncio.to_thread(files_in, kept) == set()


class Torn(Blobs):
    """A store whose second file never comes."""

    def __init__(self, runtime: Runtime, url: str) -> None:
        super().__init__(runtime.clock, runtime.disk, url)
        self.fetched = list[str]()

    async def fetch(self, key: str, path: Path) -> bool:
        if self.fetched:
            await asyncio.Event().wait()
        self.fetched.append(key)
        return await super().fetch(key, path)


async def test_a_fetch_that_is_cut_off_is_begun_again(shop: Shop, shared: Path) -> None:
    asked = await shop.start()
    job_dir, kept = shop.yard.folder(asked.id), shared / "trainings" / str(asked.id)
    await asyncio.to_thread(write_checkpoint, kept, 2)
    whole = {f"step-2/{each}" for each in ("adapter.safetensors", "state.json")}
    shop.plays(Act(holds=True))
    torn = shop.runtime.extras[EXTRA] = Torn(shop.runtime, f"file://{shared}")
    half = job_dir / COMING / "step-2" / "adapter.safetensors"
    async with shop.working():
        await until(half.exists)
    assert torn.fetched == [f"trainings/{asked.id}/checkpoints/step-2/adapter.safetensors"]
    assert shop.launcher.started == []
    assert not (job_dir / "checkpoints").exists()
    use_blobs(shop.runtime, Knobs(url=f"file://{shared}"))
    await asyncio.to_thread((job_dir / COMING / "step-1").mkdir)  # of an older try
    async with shop.working():
        await shop.until(asked.id, lambda _: bool(shop.launcher.started))
        assert await asyncio.to_thread(files_in, job_dir / "checkpoints") == whole
        assert sorted(each.name for each in (job_dir / "checkpoints").iterdir()) == ["step-2"]
        assert not (job_dir / COMING).exists()


async def test_what_a_killed_trainer_left_of_a_checkpoint_is_none(shop: Shop, shared: Path) -> None:
    asked = await shop.start()
    job_dir = shop.yard.folder(asked.id)
    await asyncio.to_thread(write_checkpoint, job_dir, 3)
    checkpoints = job_dir / "checkpoints"
    (checkpoints / "step-3").rename(checkpoints / ".step-3")  # where the trainer writes it
    await asyncio.to_thread(write_checkpoint, shared / "trainings" / str(asked.id), 2)
    shop.plays(Act(holds=True))
    async with shop.working():
        await shop.until(asked.id, lambda _: bool(shop.launcher.started))
        assert [each.name for each in checkpoints.iterdir()] == ["step-2"]


async def test_a_checkpoint_that_is_here_is_not_fetched(shop: Shop, shared: Path) -> None:
    asked = await shop.start()
    job_dir = shop.yard.folder(asked.id)
    await asyncio.to_thread(write_checkpoint, job_dir, 3)
    await asyncio.to_thread(write_checkpoint, shared / "trainings" / str(asked.id), 2)
    shop.plays(Act(holds=True))
    async with shop.working():
        await shop.until(asked.id, lambda _: bool(shop.launcher.started))
        assert [each.name for each in (job_dir / "checkpoints").iterdir()] == ["step-3"]


@pytest.mark.slow
async def test_an_adapter_waits_for_a_store_that_is_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private_s3() as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        use_blobs(shop.runtime, Knobs(url=server.url, allow_http=True))
        await asyncio.to_thread(server.kill)
        asked = await shop.start()
        async with shop.working():
            store = shop.runtime.dependencies[BLOBS]
            await until(lambda: store.failed_calls > 0)
            assert (await shop.get(asked.id)).state == State.RUNNING
            await asyncio.to_thread(server.start)
            training = await shop.ended(asked.id)
        assert training.state == State.SUCCEEDED, training.error_detail
        assert training.result is not None
        assert f"models/{training.result['file']}" in await store_of(shop.runtime).keys("models")


@pytest.mark.slow
async def test_credentials_that_are_wrong_fail_a_training_that_can_be_resumed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private_s3() as server:
        for name, value in {**server.env, "AWS_SECRET_ACCESS_KEY": "another"}.items():
            monkeypatch.setenv(name, value)
        use_blobs(shop.runtime, Knobs(url=server.url, allow_http=True))
        asked = await shop.start()
        async with shop.working():
            training = await shop.ended(asked.id)
            assert training.error_code == "core.blob_store_refused"
            assert "AWS_SECRET_ACCESS_KEY" in (training.error_detail or "")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret)
            use_blobs(shop.runtime, Knobs(url=server.url, allow_http=True))
            await shop.write(resume_training, shop.runtime.clock, shop.runtime.new_id, training.id)
            training = await shop.ended(training.id)
        assert training.state == State.SUCCEEDED, training.error_detail
        assert training.result is not None
        assert f"models/{training.result['file']}" in await store_of(shop.runtime).keys("models")


def store_of(runtime: Runtime) -> Blobs:
    found = blobs_of(runtime)
    assert found is not None
    return found
