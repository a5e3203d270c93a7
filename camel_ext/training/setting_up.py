"""Makes an interpreter that trains, beside the one of the platform: PyTorch, TRL and what they need.

The environment is a layer: it holds what this interpreter lacks and takes the rest from it. All but
torch comes from a lock with hashes; which build of torch is right (CPU or CUDA) is the index's to say.
Finding one that is there already is `environment`'s.
"""

import json
import re
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx
import msgspec

from camel_ext.training.environment import (
    DONE_FILE,
    TORCH,
    Environment,
    environment_dir,
    find_environment,
    lock_hash,
    lock_path,
)
from camel_ext.training.errors import SetupBusy, SetupFailed
from camel_ext.training.launcher import Lock

CHECK: Final = "import torch, transformers, trl, peft, safetensors, gguf; print(torch.__version__)"
LAYER: Final = "camel_ext_layer.pth"
HEAD_TIMEOUT_S: Final = 10.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Download:
    """A package to be fetched; its size where the index says it."""

    name: str
    version: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Steps:
    """pip's two steps, as it is called: the lock, whose hashes bind it, then torch by its name."""

    torch_index: str | None = None

    def each(self) -> Iterator[list[str]]:
        """Yield the arguments of each step."""
        yield ["--no-deps", "--require-hashes", "-r", str(lock_path())]
        yield [f"torch=={TORCH}", *(["--index-url", self.torch_index] if self.torch_index else [])]


def make_environment(data_dir: Path, steps: Steps, say: Say) -> Environment:
    """Make the environment anew and return it; one that was there before is gone.

    Raises: SetupBusy, SetupFailed.
    """
    folder = environment_dir(data_dir)
    with _alone(data_dir):
        say("making an environment")
        try:
            _make_layer(folder)
            for what, arguments in zip(("the lock", "torch"), steps.each(), strict=True):
                say(f"fetching and installing {what}")
                _pip(folder, ["install", *arguments])
            say("checking that it can be imported")
            _check(folder)
        except BaseException:  # whatever it is, half an environment is worth nothing
            shutil.rmtree(folder, ignore_errors=True)
            raise
        (folder / DONE_FILE).write_text(lock_hash() + "\n")
    found = find_environment(data_dir)
    assert found is not None
    return found


def plan_downloads(data_dir: Path, steps: Steps) -> list[Download]:
    """Return what making the environment would fetch; nothing is installed, and nothing is left.

    Raises: SetupBusy, SetupFailed.
    """
    folder = data_dir / ".train-env-plan"
    try:
        with _alone(data_dir):
            _make_layer(folder)
            found: dict[str, Download] = {}
            for arguments in steps.each():
                said = _pip(folder, ["install", "--dry-run", "--report", "-", *arguments])
                for each in _downloads(json.loads(said)):
                    found.setdefault(each.name, each)
            return list(found.values())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _downloads(report: dict[str, Any]) -> Iterator[Download]:
    with httpx.Client(follow_redirects=True, timeout=HEAD_TIMEOUT_S) as client:
        for each in report.get("install", []):
            metadata, url = each["metadata"], each["download_info"]["url"]
            yield Download(metadata["name"].lower(), metadata["version"], _size(client, url))


def _size(client: httpx.Client, url: str) -> int | None:
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(unquote(parts.path))
        return path.stat().st_size if path.is_file() else None
    try:
        said = client.head(url).headers.get("content-length", "")
    except httpx.HTTPError:
        return None
    return int(said) if said.isdecimal() else None


def _alone(data_dir: Path) -> Lock:
    lock = Lock.take(data_dir / "train-env.lock")
    if lock is None:
        raise SetupBusy("another `camel-ext train setup` is at work on this data directory: wait")
    return lock


def _make_layer(folder: Path) -> None:
    """Make an empty environment that finds everything of this interpreter behind its own."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        venv.EnvBuilder(with_pip=True, symlinks=True).create(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupFailed(
            f"no environment could be made in {folder} ({error}): is the module venv installed "
            "(Debian: python3-venv), and is there room on the disk?"
        ) from error
    (site,) = folder.glob("lib/python3*/site-packages")
    below = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    below.add(str(Path(msgspec.__file__).parents[1]))  # a user's own site-packages
    lines = [f"import site; site.addsitedir({each!r})" for each in sorted(below)]
    (site / LAYER).write_text("\n".join(lines) + "\n")


def _pip(folder: Path, arguments: Sequence[str]) -> str:
    """Run the environment's pip, with the user's own settings for indexes and proxies."""
    command = [
        *(str(folder / "bin" / "python"), "-m", "pip"), *arguments,
        *("--quiet", "--no-input", "--disable-pip-version-check"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SetupFailed(f"pip could not install what training needs: {_reason(done.stderr)}")
    return done.stdout


def _reason(said: str) -> str:
    errors = re.findall(r"^ERROR: (.+)$", said, re.MULTILINE) or said.strip().splitlines()[-1:]
    words = errors[-1] if errors else "it said nothing"
    return f"{words.rstrip('.')[:500]}. pip's own settings for proxies and mirrors apply."


def _check(folder: Path) -> None:
    command = [str(folder / "bin" / "python"), "-I", "-c", CHECK]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    said = done.stdout.strip()
    if done.returncode or said.partition("+")[0] != TORCH:
        what = done.stderr.strip().splitlines()[-1:] or [f"torch is {said}"]
        raise SetupFailed(f"what was installed cannot be imported: {what[0][:500]}")
