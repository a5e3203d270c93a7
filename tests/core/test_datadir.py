"""The data directory: private, locked against a second server, with clear words when it cannot be."""

import os
import stat
from pathlib import Path

import pytest

from camel_ext.core.datadir import DataDir, DataDirLocked, DataDirUnusable


def test_only_its_owner_may_enter(tmp_path: Path) -> None:
    DataDir(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_second_holder_is_told_who_is_first(tmp_path: Path) -> None:
    first, second = DataDir(tmp_path), DataDir(tmp_path)
    first.lock("process 1 on here")
    with pytest.raises(DataDirLocked, match="process 1 on here"):
        second.lock("process 2")
    first.unlock()
    second.lock("process 2")
    second.unlock()


def test_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # it takes the lock and dies without giving it back
        DataDir(tmp_path).lock("a child")
        os.write(writer, b"x")
        os.kill(os.getpid(), 9)
    os.read(reader, 1)
    os.waitpid(child, 0)
    data = DataDir(tmp_path)
    data.lock("its heir")
    data.unlock()


def test_a_folder_that_cannot_be_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataDirUnusable, match="CAMEL_EXT_DATA_DIR"):
        DataDir(tmp_path / "file" / "data")


def test_private_files_are_whole_and_for_their_owner_alone(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    path = data.write_private("owner.key", "one")
    assert data.write_private("owner.key", "two") == path
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("two", 0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["owner.key"]
