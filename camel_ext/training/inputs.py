"""Writes what a trainer reads into its folder: the base by its hash, all hyper-parameters, the pairs.

Written again before each start, with the same content: a folder that a crash left half made is whole
before a trainer looks at it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from camel_ext.datasets import Pair, read_pairs
from camel_ext.registry import resolve_version
from camel_ext.serving import model_path
from camel_ext.training.files import check_gguf
from camel_ext.training.models import TrainingJob
from camel_ext.training.spec import Base, Hyper, PairRow, Split, TrainingSpec, write_job


@dataclass(frozen=True, slots=True)
class Source:
    """What a training is made from, as the database has it."""

    training: TrainingJob
    base_name: str
    base_file: str
    base_sha256: str | None
    pairs: list[Pair]


def read_source(db: Session, training: TrainingJob) -> Source:
    """Read what a training is made from.

    Raises: VersionUnknown, VersionUnready.
    """
    base = resolve_version(db, training.base_version_id)
    pairs = read_pairs(db, training.dataset_version_id)
    return Source(training, base.name, base.config["file"], base.config.get("sha256"), pairs)


def write_inputs(
    source: Source, *, data_dir: Path, job_dir: Path, cache_dir: Path, threads: int
) -> TrainingSpec:
    """Write spec and pairs into the folder, and return the spec.

    Raises: ModelFileMissing, ModelFileWrong, FileRefused where the base is not what it should be.
    """
    path = model_path(data_dir, source.base_file, source.base_sha256)
    check_gguf(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    hyper = msgspec.convert(source.training.hyper, Hyper)
    spec = TrainingSpec(
        base=Base(gguf_path=str(path), sha256=sha256, name=source.base_name),
        hyper=hyper,
        adapter_name=source.training.name,
        cache_dir=str(cache_dir),
        threads=threads,
    )
    cache_dir.mkdir(parents=True, exist_ok=True)
    write_job(job_dir, spec, list(_rows(source.pairs)))
    return spec


def _rows(pairs: Iterable[Pair]) -> Iterable[PairRow]:
    for pair in pairs:
        yield PairRow(
            pair_hash=pair.pair_hash,
            prompt=_messages(pair.prompt),
            chosen=_messages(pair.chosen),
            rejected=_messages(pair.rejected),
            split=Split(pair.split.value),
            tools=None if pair.tools is None else list(pair.tools),
        )


def _messages(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(message) for message in messages]
