"""Which interpreter trains: this one where PyTorch is in it, else the one that setup made.

It looks at what is installed and imports none of it. Making one is `setting_up`'s.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import camel_ext
from camel_ext.core.hashing import sha256_hex
from camel_ext.training.errors import EnvironmentMissing

TORCH: Final = "2.13.0"
PACKAGES: Final = (
    "torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "safetensors",
    "gguf",
)  # fmt: skip
SETUP: Final = "run `camel-ext train setup` on the server's machine"
DONE_FILE: Final = "ready"  # holds the hash of the lock that the environment was made from


@dataclass(frozen=True, slots=True)
class Environment:
    """An interpreter and what of a trainer's packages is installed for it."""

    python: Path
    versions: dict[str, str]

    @property
    def missing(self) -> list[str]:
        """What is not there, or not known to be."""
        return [name for name in PACKAGES if name not in self.versions]


def find_environment(data_dir: Path, python: Path | None = None) -> Environment | None:
    """Return the environment that trains, or None where there is none yet.

    `python` is the interpreter that the operator named: what is in it is taken on trust.
    """
    if python is not None:
        if not python.is_file():
            return None
        return Environment(python, _versions(_site_dirs(python.parent.parent)))
    here = Environment(Path(sys.executable), _versions(None))
    if not here.missing:
        return here
    folder = environment_dir(data_dir)
    if is_current(folder):
        own = _versions(_site_dirs(folder))
        return Environment(folder / "bin" / "python", here.versions | own)
    return None


def require_python(data_dir: Path, python: Path | None = None) -> Path:
    """Return the interpreter that trains.

    Raises: EnvironmentMissing.
    """
    found = find_environment(data_dir, python)
    if found is None:
        raise EnvironmentMissing(f"{explain_missing(data_dir, python)} {SETUP}, then train again")
    return found.python


def explain_missing(data_dir: Path, python: Path | None = None) -> str:
    """Say why nothing can be trained here."""
    if python is not None:
        return f"there is no {python}, which CAMEL_EXT_TRAINING__PYTHON names: correct it, or unset it and"
    folder = environment_dir(data_dir)
    if (folder / DONE_FILE).exists():
        return f"{folder} was made for another version of camel-ext:"
    return f"{', '.join(missing_here())} are not installed here:"


def missing_here() -> list[str]:
    """Return what this interpreter lacks to train."""
    return Environment(Path(sys.executable), _versions(None)).missing


def environment_dir(data_dir: Path) -> Path:
    """Return where setup makes an environment."""
    return data_dir / "train-env"


def is_current(folder: Path) -> bool:
    """Tell whether an environment is whole, and made from the lock of this version."""
    try:
        return (folder / DONE_FILE).read_text().strip() == lock_hash()
    except OSError:
        return False


def lock_path() -> Path:
    """Return the file that pins a trainer's packages, in the package or (a clone) beside it."""
    package = Path(camel_ext.__file__).parent
    inside = package / "_requirements" / "train.lock"
    return inside if inside.is_file() else package.parent / "requirements" / "train.lock"


@cache
def lock_hash() -> str:
    """Return the hash of the lock with torch's version, which is not in it."""
    return sha256_hex(TORCH.encode() + b"\n" + lock_path().read_bytes())


def free_memory_bytes() -> int | None:
    """Return how much memory this machine could give now; None where it does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None


def _site_dirs(prefix: Path) -> list[str]:
    return [str(each) for each in sorted(prefix.glob("lib/python3*/site-packages"))]


def _versions(paths: list[str] | None) -> dict[str, str]:
    """Return the versions of what is installed in these folders; None: for this interpreter."""
    if paths is None:
        return {name: metadata.version(name) for name in _importable(PACKAGES)}
    found = {each.name: each.version for each in metadata.distributions(path=paths)}
    return {name: found[name] for name in PACKAGES if name in found}


def _importable(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        try:
            if find_spec(name) is not None and metadata.version(name):
                yield name
        except metadata.PackageNotFoundError:
            continue
