"""Takes an adapter out of its training's folder into the models folder, and names it in the registry.

A file is looked into and hashed before anything else sees it. Where an adapter answers calls is decided
by aliases, which are moved elsewhere (experiments, or a person).
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.tenancy import current_tenant
from camel_ext.identity import Actor, PrincipalKind, Role
from camel_ext.registry import AdapterEntry, register_model
from camel_ext.registry import get_version as get_model_version
from camel_ext.training.errors import ResultWrong
from camel_ext.training.files import check_gguf, check_safetensors
from camel_ext.training.models import TrainingJob
from camel_ext.training.service import NewId
from camel_ext.training.spec import CHECKPOINTS, PAIRS_FILE, RESULT

GGUF: Final = "adapter.gguf"
SAFETENSORS: Final = "adapter_model.safetensors"
CONFIG: Final = "adapter_config.json"
FILES: Final = (GGUF, SAFETENSORS, CONFIG)
CARD: Final = "README.md"
FOLDER_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Kept:
    """An adapter in the models folder: its GGUF as the registry names it, and each file's facts."""

    file: str
    sha256: str
    files: dict[str, dict[str, Any]]


def keep_adapter(
    result_dir: Path, models_dir: Path, base: str, name: str, said: Mapping[str, Any]
) -> Kept:
    """Copy an adapter to where its hash names it, and return it; `said` are sizes and hashes by file.

    The folder is whole or not there; the same adapter again is the same folder.
    Raises: ResultWrong, FileRefused where the files are not what was said.
    """
    facts = {each: _checked(result_dir / each, said) for each in FILES}
    sha256 = str(facts[GGUF]["sha256"])
    place = Path("adapters") / base / name / sha256[:FOLDER_DIGITS]
    folder = models_dir / place
    if not _is_whole(folder, facts):
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for each in FILES:
            _copy(result_dir / each, part / each)
        if not _is_whole(part, facts):
            raise ResultWrong(f"the copy of the adapter in {part} is not what was copied")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
        _sync(folder.parent)
    return Kept(str(place / GGUF), sha256, facts)


def write_card(models_dir: Path, kept: Kept, card: str) -> None:
    """Write the model card beside the adapter, whole or not at all."""
    path = (models_dir / kept.file).with_name(CARD)
    part = path.with_name(f".{CARD}.part")
    part.write_text(card)
    _sync(part)
    part.replace(path)


def register(db: Session, clock: Clock, new_id: NewId, training: TrainingJob, kept: Kept) -> UUID:
    """Name the adapter in the registry, for the base it was trained upon; return its version's id.

    New models are the owners' to register, because a model may name any file or address. This one names
    a file that was made here, for a base that an owner registered, so whoever may train may have it.
    """
    base = get_model_version(db, training.base_version_id)
    entry = AdapterEntry(
        file=kept.file,
        sha256=kept.sha256,
        description=f"DPO on {training.dataset}, preset {training.preset}, seed {training.seed}.",
    )
    actor = Actor(
        tenant=current_tenant(db),
        principal_id=training.principal_id,
        key_id=training.job_id,
        name="training",
        kind=PrincipalKind.SYSTEM,
        role=Role.OWNER,
    )
    name = f"{base_name(training)}/{training.name}"
    return register_model(db, clock, new_id, actor, name, entry, base=base).id


def base_name(training: TrainingJob) -> str:
    """Return the base model's name without its version."""
    return training.base.partition("@")[0]


def drop_leftovers(job_dir: Path) -> None:
    """Drop what nobody needs once the adapter is kept: checkpoints, the result's first copy, pairs."""
    for each in (CHECKPOINTS, RESULT):
        shutil.rmtree(job_dir / each, ignore_errors=True)
    (job_dir / PAIRS_FILE).unlink(missing_ok=True)


def _checked(path: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return size and hash of a file, after its header was looked into and its hash compared."""
    if not path.is_file():
        raise ResultWrong(f"the trainer left no {path.name}")
    if path.suffix == ".gguf":
        header = check_gguf(path)
        if header.kind != "adapter":
            raise ResultWrong(f"{path.name} is a {header.kind}, and no adapter")
    elif path.suffix == ".safetensors":
        check_safetensors(path)
    facts = _facts(path)
    if facts["sha256"] != (said.get(path.name) or {}).get("sha256"):
        raise ResultWrong(f"{path.name} is not the file that the trainer wrote: its hash differs")
    return facts


def _copy(source: Path, target: Path) -> None:
    """Copy a file so that it is on the disk before a row names it."""
    shutil.copyfile(source, target)
    _sync(target)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size_bytes": path.stat().st_size, "sha256": digest}


def _is_whole(folder: Path, facts: Mapping[str, Any]) -> bool:
    return all((folder / name).is_file() and _facts(folder / name) == facts[name] for name in FILES)
