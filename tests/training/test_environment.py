"""Which interpreter trains, what is locked for it, and the layer that setup makes."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from camel_ext.training import EnvironmentMissing
from camel_ext.training.environment import (
    DONE_FILE,
    TORCH,
    environment_dir,
    find_environment,
    free_memory_bytes,
    is_current,
    lock_hash,
    lock_path,
    require_python,
)
from camel_ext.training.errors import SetupBusy
from camel_ext.training.launcher import Lock
from camel_ext.training.setting_up import Steps, _make_layer, make_environment

ROOT = Path(__file__).resolve().parents[2]


def pinned(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


class TestLock:
    def test_it_holds_all_but_torch_and_its_build(self) -> None:
        found = pinned(lock_path().read_text())
        assert {"transformers", "trl", "peft", "accelerate", "tokenizers", "gguf"} <= found.keys()
        assert not [name for name in found if re.match("torch|triton|nvidia|cuda", name)]

    def test_it_agrees_with_what_the_platform_is_locked_to(self) -> None:
        ours = pinned((ROOT / "requirements" / "dev.lock").read_text())
        theirs = pinned(lock_path().read_text())
        differ = {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}
        assert not differ

    def test_one_torch_is_named_everywhere(self) -> None:
        extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
            "optional-dependencies"
        ]["train"]
        assert f"torch=={TORCH}" in extra
        assert f"TORCH := torch=={TORCH}\n" in (ROOT / "Makefile").read_text()

    def test_each_line_is_bound_by_a_hash_and_torch_by_its_name(self) -> None:
        lock, torch = Steps("https://index.example/cpu").each()
        assert {"--require-hashes", "--no-deps"} <= set(lock)
        assert torch == [f"torch=={TORCH}", "--index-url", "https://index.example/cpu"]
        names = [line for line in lock_path().read_text().splitlines() if "==" in line]
        assert all(line.endswith("\\") for line in names)


class TestFinding:
    def test_one_that_setup_made_is_found_while_its_lock_is_ours(self, tmp_path: Path) -> None:
        folder = environment_dir(tmp_path)
        folder.mkdir()
        assert not is_current(folder)
        (folder / DONE_FILE).write_text("another lock\n")
        assert not is_current(folder)
        (folder / DONE_FILE).write_text(lock_hash() + "\n")
        assert is_current(folder)

    def test_one_that_is_named_has_to_be_there(self, tmp_path: Path) -> None:
        assert find_environment(tmp_path, tmp_path / "bin" / "python") is None
        with pytest.raises(EnvironmentMissing, match="CAMEL_EXT_TRAINING__PYTHON"):
            require_python(tmp_path, tmp_path / "bin" / "python")

    def test_a_machine_says_how_much_memory_is_free(self) -> None:
        free = free_memory_bytes()
        assert free is None or free > 10**6


class TestSetup:
    def test_only_one_at_a_time(self, tmp_path: Path) -> None:
        lock = Lock.take(tmp_path / "train-env.lock")
        assert lock is not None
        with lock, pytest.raises(SetupBusy):
            make_environment(tmp_path, Steps(), lambda _: None)

    @pytest.mark.slow
    def test_a_layer_finds_what_this_interpreter_has_behind_its_own(self, tmp_path: Path) -> None:
        _make_layer(tmp_path / "layer")
        code = "import msgspec, pip, camel_ext; print(pip.__file__)"
        done = subprocess.run(
            [str(tmp_path / "layer" / "bin" / "python"), "-I", "-c", code],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(str(tmp_path / "layer"))
