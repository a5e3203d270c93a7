"""Work on files: bounded in time and number, on threads of its own, and left alone where it fails."""

import asyncio
import errno
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from camel_ext.core.clock import SystemClock
from camel_ext.core.dependencies import Circuit, Condition, DependencyDown, Policy
from camel_ext.core.disk import Disk, DiskSilent
from camel_ext.core.errors import InsufficientStorage, Invalid
from camel_ext.core.threads import ThreadLanes

QUICK = Policy(timeout_s=0.1, failures=2, open_s=60.0, at_once=2)


@pytest.fixture
def lanes() -> Iterator[ThreadLanes]:
    threads = ThreadLanes()
    yield threads
    threads.close()


def disk_on(lanes: ThreadLanes, policy: Policy = QUICK) -> Disk:
    return Disk(lanes, SystemClock(), policy)


async def test_a_stalled_file_system_holds_up_its_own_threads_only(lanes: ThreadLanes) -> None:
    disk, freed = disk_on(lanes), threading.Event()
    try:
        stalled = await asyncio.gather(
            *(disk.run(freed.wait, 30.0) for _ in range(3)), return_exceptions=True
        )
        assert [type(each) for each in stalled] == [DiskSilent] * 3
        assert disk.dependency.circuit is Circuit.OPEN
        with pytest.raises(DependencyDown):
            await disk.run(int)
        assert await lanes.run("work", lambda: "the database goes on") == "the database goes on"
    finally:
        freed.set()


async def test_what_is_said_of_one_file_says_nothing_of_the_disk(
    lanes: ThreadLanes, tmp_path: Path
) -> None:
    disk = disk_on(lanes)

    def refuse() -> None:
        raise Invalid("not such a file")

    for _ in range(5):
        with pytest.raises(FileNotFoundError):
            await disk.run((tmp_path / "none").read_bytes)
        with pytest.raises(Invalid):
            await disk.run(refuse)
    assert disk.dependency.seen().condition is Condition.UP


@pytest.mark.parametrize("bare", [True, False])
async def test_a_full_or_broken_disk_counts_in_whichever_words(
    lanes: ThreadLanes, bare: bool
) -> None:
    disk = disk_on(lanes)

    def fail() -> None:
        error = OSError(errno.ENOSPC, "No space left on device")
        if bare:
            raise error
        raise InsufficientStorage() from error

    for _ in range(2):
        with pytest.raises((OSError, InsufficientStorage)):
            await disk.run(fail)
    assert disk.dependency.circuit is Circuit.OPEN
