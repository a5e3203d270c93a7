import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from camel_ext.workflows.tools import Limits, Scratch
from camel_ext.workflows.tools.errors import ScratchFull, ScratchLost
from camel_ext.workflows.tools.limits import MIB
from camel_ext.workflows.tools.scratch import remove_tree


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path / "run", Limits(scratch_bytes=1 * MIB, scratch_entries=50))


def listing(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = path.read_text() if path.is_file() else "folder"
    return found


def leave(scratch: Scratch, step: str, parent: str | None, **files: str) -> str:
    folder = scratch.begin(step, parent)
    for name, text in files.items():
        (folder / name).write_text(text)
    state = scratch.finish(step)
    scratch.discard(step)
    return state


def test_a_call_starts_from_what_the_call_before_it_left(scratch: Scratch) -> None:
    first = leave(scratch, "a", None, one="1", both="old")
    second = leave(scratch, "b", first, two="2", both="new")
    assert listing(scratch.begin("c", second)) == {"both": "new", "one": "1", "two": "2"}
    assert listing(scratch.begin("d", first)) == {"both": "old", "one": "1"}, "states never change"


def test_a_repeated_call_starts_from_the_same_state(scratch: Scratch) -> None:
    """After a kill -9 between begin and the journal, whatever the first attempt did is gone."""
    first = leave(scratch, "a", None, log="1")
    folder = scratch.begin("b", first)
    (folder / "log").write_text("1 half done")
    (folder / "junk").mkdir()
    scratch.finish("b")  # even finished: the journal never had it
    again = scratch.begin("b", first)
    assert again == folder
    assert listing(again) == {"log": "1"}


def test_equal_content_is_the_same_state_in_any_order(tmp_path: Path) -> None:
    one, two = Scratch(tmp_path / "one"), Scratch(tmp_path / "two")
    assert leave(one, "a", None, x="1", y="2") == leave(two, "b", None, y="2", x="1")
    assert leave(one, "a", None) == leave(one, "b", leave(one, "c", None))


def test_the_state_without_files_is_everywhere_and_costs_no_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose tools leave no files goes on on a machine that has not seen it."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    here, there = Scratch(tmp_path / "here"), Scratch(tmp_path / "there")
    state = leave(here, "a", None)
    assert synced == []
    assert there.holds(state)
    assert listing(there.begin("b", state)) == {}
    there.adopt(Scratch(tmp_path / "third"), state)
    os.mkfifo(here.begin("pipe", None) / "pipe")
    assert here.finish("pipe") == state, "a pipe is left out"
    assert synced == []
    emptied = here.begin("c", leave(here, "b", state, one="1"))
    (emptied / "one").unlink()
    assert here.finish("c") == state
    assert not any(one.name.startswith(state) for one in tmp_path.rglob("*.json")), "it is no file"


def test_candidates_side_by_side_do_not_meet(scratch: Scratch) -> None:
    parent = leave(scratch, "a", None, base="0")
    left, right = scratch.begin("answers{0}", parent), scratch.begin("answers{1}", parent)
    (left / "mine").write_text("left")
    (right / "mine").write_text("right")
    states = scratch.finish("answers{0}"), scratch.finish("answers{1}")
    assert listing(scratch.begin("next", states[0])) == {"base": "0", "mine": "left"}
    assert listing(scratch.begin("next", states[1])) == {"base": "0", "mine": "right"}


def test_links_stay_links_and_nothing_is_followed(scratch: Scratch, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    folder = scratch.begin("a", None)
    (folder / "out").symlink_to(outside)
    (folder / "file").symlink_to(outside / "secret")
    (folder / "loop").symlink_to("loop")
    state = scratch.finish("a")
    again = scratch.begin("b", state)
    assert (again / "out").is_symlink()
    assert (again / "file").is_symlink()
    (again / "file").unlink()
    (again / "file").write_text("own")
    scratch.finish("b")
    for step in ("a", "b"):
        scratch.discard(step)
    assert listing(outside) == {"secret": "secret"}
    assert "secret" not in "".join(p.read_text() for p in (scratch.root / "blobs").iterdir())


def test_what_is_not_a_file_is_left_out_and_modes_are_tamed(scratch: Scratch) -> None:
    folder = scratch.begin("a", None)
    os.mkfifo(folder / "pipe")
    (folder / "run").write_text("#!")
    (folder / "run").chmod(0o4755)
    (folder / "closed").write_text("x")
    (folder / "closed").chmod(0)
    (folder / "in").mkdir()
    (folder / "in" / "deep").write_text("y")
    (folder / "in").chmod(0)
    folder.chmod(0)
    again = scratch.begin("b", scratch.finish("a"))
    assert listing(again) == {"closed": "x", "in": "folder", "in/deep": "y", "run": "#!"}
    assert stat.S_IMODE((again / "run").stat().st_mode) == 0o755
    assert stat.S_IMODE((again / "closed").stat().st_mode) == 0o644


def test_a_change_in_a_copy_does_not_reach_the_state(scratch: Scratch) -> None:
    folder = scratch.begin("a", None)
    (folder / "x").write_text("1")
    os.link(folder / "x", folder / "same")
    state = scratch.finish("a")
    copy = scratch.begin("b", state)
    with (copy / "x").open("a") as file:
        file.write("2")
    assert listing(scratch.begin("c", state)) == {"same": "1", "x": "1"}


@pytest.mark.parametrize("how", ["bytes", "entries", "depth", "hole"])
def test_too_much_is_refused(scratch: Scratch, how: str) -> None:
    folder = scratch.begin("a", None)
    if how == "bytes":
        (folder / "big").write_bytes(bytes(2 * MIB))
    elif how == "entries":
        for number in range(60):
            (folder / str(number)).mkdir()
    elif how == "hole":
        with (folder / "big").open("wb") as file:
            file.truncate(2 * MIB)
    else:
        (folder / Path(*["d"] * 40)).mkdir(parents=True)
    with pytest.raises(ScratchFull, match="1 MiB in 50 files"):
        scratch.finish("a")
    scratch.discard("a")
    assert not folder.exists()


def test_a_lost_state_says_so(scratch: Scratch) -> None:
    with pytest.raises(ScratchLost, match="retry"):
        scratch.begin("a", "0" * 64)
    state = leave(scratch, "a", None, x="1")
    for blob in (scratch.root / "blobs").iterdir():
        blob.unlink()
    with pytest.raises(ScratchLost):
        scratch.begin("b", state)


def test_a_fork_takes_a_state_over(scratch: Scratch, tmp_path: Path) -> None:
    state = leave(scratch, "a", None, x="1")
    fork = Scratch(tmp_path / "fork")
    fork.adopt(scratch, state)
    remove_tree(scratch.root)
    assert not scratch.root.exists()
    assert listing(fork.begin("b", state)) == {"x": "1"}


def test_hostile_trees_can_be_removed(tmp_path: Path) -> None:
    top, here = tmp_path / "top", os.open(tmp_path, os.O_RDONLY)
    top.mkdir()
    os.chdir(top)
    try:
        for _ in range(1_200):  # deeper than PATH_MAX and than Python's stack
            os.mkdir("d" * 20)
            os.chdir("d" * 20)
    finally:
        os.fchdir(here)
        os.chdir("/")
        os.close(here)
    (top / "out").symlink_to("/etc")
    remove_tree(top)
    assert list(tmp_path.iterdir()) == []


names = st.binary(min_size=1, max_size=12).filter(
    lambda raw: b"/" not in raw and b"\0" not in raw and raw not in (b".", b"..")
)


@given(st.dictionaries(names, st.binary(max_size=64), max_size=6))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_name_and_content_come_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[bytes, bytes]
) -> None:
    scratch = Scratch(tmp_path_factory.mktemp("any"))
    folder = os.fsencode(scratch.begin("a", None))
    for name, content in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)
    again = os.fsencode(scratch.begin("b", scratch.finish("a")))
    assert sorted(os.listdir(again)) == sorted(files)
    for name, content in files.items():
        with open(os.path.join(again, name), "rb") as file:
            assert file.read() == content
