"""The blob store, as a folder and as an S3: whole files or none, names below it, a server that dies."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest

from camel_ext.core.blobs import (
    Blobs,
    BlobStoreAway,
    BlobStoreRefused,
    BlobStoreUnfit,
    open_blobs,
)
from camel_ext.core.clock import SystemClock
from camel_ext.core.dependencies import Condition, DependencyDown, Policy
from camel_ext.core.disk import Disk
from camel_ext.core.threads import ThreadLanes
from camel_ext.settings_services import Blobs as Knobs
from tests.objects import S3, private_s3

LARGE = Random(3).randbytes(20 * 2**20 + 17)  # several pieces, the last one short


@pytest.fixture
def disk() -> Iterator[Disk]:
    threads = ThreadLanes()
    yield Disk(threads, SystemClock())
    threads.close()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with private_s3() as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def blobs(request: pytest.FixtureRequest, disk: Disk, tmp_path: Path) -> Blobs:
    """A store of each kind."""
    if request.param == "folder":
        return Blobs(SystemClock(), disk, f"file://{tmp_path / 'shared'}")
    return Blobs(SystemClock(), disk, request.getfixturevalue("s3").url, allow_http=True)


async def test_what_is_put_comes_back_to_the_byte(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    await blobs.put("models/a/large.bin", path)
    assert await blobs.fetch("models/a/large.bin", tmp_path / "new" / "came.bin")
    assert (tmp_path / "new" / "came.bin").read_bytes() == LARGE
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["came.bin"]
    path.write_bytes(b"shorter")
    await blobs.put("models/a/large.bin", path)
    await blobs.fetch("models/a/large.bin", tmp_path / "new" / "came.bin")
    assert (tmp_path / "new" / "came.bin").read_bytes() == b"shorter"
    assert blobs.dependency.condition is Condition.UP


async def test_what_is_not_there_is_no_failure(blobs: Blobs, tmp_path: Path) -> None:
    assert not await blobs.fetch("models/none.gguf", tmp_path / "none.gguf")
    assert not (tmp_path / "none.gguf").exists()
    await blobs.drop("models/none.gguf")
    assert await blobs.keys("models") == []
    assert blobs.dependency.failed_calls == 0


async def test_keys_are_those_below_a_name(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "small"
    path.write_bytes(b"1")
    for key in ("trainings/b/2", "trainings/a/1", "trainings/ab/1", "models/x"):
        await blobs.put(key, path)
    assert await blobs.keys("trainings/a") == ["trainings/a/1"]
    await blobs.drop("trainings/a/1")
    assert await blobs.keys("trainings") == ["trainings/ab/1", "trainings/b/2"]


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "models/../../x"])
async def test_a_name_elsewhere_is_refused(disk: Disk, tmp_path: Path, key: str) -> None:
    blobs = Blobs(SystemClock(), disk, f"file://{tmp_path / 'shared'}")
    with pytest.raises(BlobStoreUnfit, match="no name of a file"):
        await blobs.fetch(key, tmp_path / "here")


@pytest.mark.parametrize("url", ["nonsense://x", "s3://", "/srv/folder", "ftp://host/x"])
def test_a_url_of_another_kind_is_refused_with_those_that_are_known(disk: Disk, url: str) -> None:
    with pytest.raises(BlobStoreUnfit, match=r"blobs\.url cannot be used .* give s3://BUCKET"):
        open_blobs(Knobs(url=url), SystemClock(), disk)


def test_without_a_url_there_is_none(disk: Disk) -> None:
    assert open_blobs(Knobs(), SystemClock(), disk) is None


@pytest.mark.slow
async def test_a_store_that_died_is_told_left_alone_and_waited_for(
    disk: Disk, s3: S3, tmp_path: Path
) -> None:
    blobs, path = Blobs(SystemClock(), disk, s3.url, allow_http=True), tmp_path / "a"
    path.write_bytes(b"1")
    await asyncio.to_thread(s3.kill)
    for _ in range(3):
        with pytest.raises(BlobStoreAway, match="blob store failed") as caught:
            await blobs.put("models/a", path)
        assert "127.0.0.1" not in caught.value.detail
    with pytest.raises(DependencyDown, match="it is tried again by itself"):
        await blobs.put("models/a", path)
    assert blobs.dependency.seen().error == "GenericError"
    waiting = asyncio.create_task(blobs.until_done(partial(blobs.put, "models/a", path)))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await asyncio.to_thread(s3.start)
    async with asyncio.timeout(60):
        await waiting
    assert await blobs.keys("models") == ["models/a"]
    assert blobs.dependency.condition is Condition.UP


@pytest.mark.slow
async def test_a_store_that_dies_half_way_leaves_nothing_here(
    disk: Disk, s3: S3, tmp_path: Path
) -> None:
    blobs, path, here = (
        Blobs(SystemClock(), disk, s3.url, allow_http=True),
        tmp_path / "a",
        tmp_path / "here",
    )
    with path.open("wb") as file:
        for _ in range(6):
            file.write(LARGE)
    await blobs.put("models/a", path)
    fetching = asyncio.create_task(blobs.fetch("models/a", here / "a"))
    async with asyncio.timeout(20):
        while not any(here.glob(".a-*")):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    s3.kill()
    with pytest.raises(BlobStoreAway):
        await fetching
    assert list(here.iterdir()) == []


@pytest.mark.slow
async def test_credentials_that_are_wrong_are_no_outage(disk: Disk, s3: S3, tmp_path: Path) -> None:
    policy = Policy(tries=1, failures=3, open_s=0.05)
    blobs = Blobs(SystemClock(), disk, s3.url, allow_http=True, policy=policy)
    path, known = tmp_path / "a", s3.secret
    path.write_bytes(b"1")
    await blobs.put("models/a", path)
    s3.secret = "canary-4712-another"
    await asyncio.to_thread(s3.kill)
    await asyncio.to_thread(s3.start)
    calls: list[Callable[[], Awaitable[object]]] = [
        partial(blobs.put, "models/a", path),
        partial(blobs.fetch, "models/a", tmp_path / "b"),
        partial(blobs.drop, "models/a"),
        partial(blobs.keys, "models"),
        partial(blobs.until_done, partial(blobs.put, "models/a", path)),  # it does not wait
    ]
    for call in calls:
        with pytest.raises(BlobStoreRefused, match="AWS_SECRET_ACCESS_KEY") as caught:
            await call()
        for secret in (known, s3.secret, "tester", "127.0.0.1"):
            assert secret not in caught.value.detail
    seen = blobs.dependency.seen()
    assert (seen.condition, seen.error) == (Condition.DOWN, "BlobStoreRefused")
    assert "CAMEL_EXT_BLOBS__URL" in seen.lost
    s3.secret = known  # whoever keeps the store lets us in
    await asyncio.to_thread(s3.kill)
    await asyncio.to_thread(s3.start)
    async with asyncio.timeout(60):
        while blobs.dependency.condition is not Condition.UP:
            with suppress(BlobStoreRefused, BlobStoreAway, DependencyDown):
                assert await blobs.keys("models") == ["models/a"]
            await asyncio.sleep(0.02)
    assert "CAMEL_EXT" not in blobs.dependency.seen().lost


@pytest.mark.slow
async def test_a_bucket_that_is_not_there_is_no_outage(disk: Disk, s3: S3, tmp_path: Path) -> None:
    blobs = Blobs(SystemClock(), disk, "s3://no-such-bucket/ours", allow_http=True)
    path = tmp_path / "a"
    path.write_bytes(b"1")
    for call in (
        partial(blobs.put, "models/a", path),
        partial(blobs.keys, "models"),
        partial(blobs.fetch, "models/a", tmp_path / "b"),
    ):
        with pytest.raises(BlobStoreRefused, match="NoSuchBucket"):
            await call()
    assert s3.url not in blobs.dependency.seen().lost
