"""Files that come in: an open version takes one part after the other, and is then frozen by its task.

A part that comes twice, because its answer was lost, adds nothing. What a line may hold is `files`'.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.models import State
from camel_ext.datasets.errors import FileInvalid, ImportOutOfPlace, VersionFrozen
from camel_ext.datasets.models import DatasetPair, DatasetVersion, Origin, Split
from camel_ext.datasets.pair import Pair, text_of
from camel_ext.datasets.reading import as_pair, write_pairs
from camel_ext.datasets.schemas import ImportOpen, PairRules
from camel_ext.datasets.splits import Placed, assign_splits
from camel_ext.datasets.versions import NewId, add_version, enqueue_build, get_version

MAX_PAIRS = 200_000  # of one version: some 400 MB
PART_ROWS = 200  # pairs in one commit: some 15 ms of the one writer


def open_import(
    db: Session, clock: Clock, new_id: NewId, principal_id: UUID, name: str, wanted: ImportOpen
) -> DatasetVersion:
    """Open the next version of a dataset for a file, which comes in parts."""
    rules = PairRules(eval_ratio=wanted.eval_ratio, split_by=wanted.split_by, seed=wanted.seed)
    version = add_version(
        db,
        clock,
        new_id,
        principal_id,
        name,
        Origin.IMPORTED,
        wanted=None,
        given_ids=None,
        at_most=MAX_PAIRS,
        rules=rules.model_dump(mode="json"),
        exclude_runs=[],
        exclude_judges=[],
    )
    version.state = State.WAITING
    db.flush()
    return version


def append(
    db: Session, version_id: UUID, at: int, part: Sequence[tuple[Pair, bool]]
) -> DatasetVersion:
    """Add the pairs that follow the first `at` of the file; those that came before are skipped.

    Raises: VersionUnknown, VersionFrozen, ImportOutOfPlace, FileInvalid.
    """
    version = _open(db, version_id)
    if not at <= version.done <= at + len(part):
        raise ImportOutOfPlace(
            f"{version.done} pairs have arrived, and this part begins after {at}: send what follows"
        )
    fresh = part[version.done - at :]
    if version.done + len(fresh) > MAX_PAIRS:
        raise FileInvalid(f"a version holds at most {MAX_PAIRS:,} pairs: split the file")
    received = Counter(version.statistics)
    received["unsplit"] += sum(not is_split for _, is_split in fresh)
    once = {pair.pair_hash: pair for pair, _ in reversed(fresh)}
    for known in _known(db, version_id, once):
        del once[known]
    received["exact_duplicates"] += len(fresh) - len(once)
    new = [pair for pair, _ in fresh if once.pop(pair.pair_hash, None) is not None]
    write_pairs(db, version_id, version.pairs, new)
    version.pairs_train += sum(pair.split is Split.TRAIN for pair in new)
    version.pairs_eval += sum(pair.split is Split.EVAL for pair in new)
    version.done += len(fresh)
    version.statistics = dict(received)
    db.flush()
    return version


def _known(db: Session, version_id: UUID, hashes: Iterable[str]) -> Sequence[str]:
    query = select(DatasetPair.pair_hash).where(
        DatasetPair.version_id == version_id, DatasetPair.pair_hash.in_(list(hashes))
    )
    return db.scalars(query).all()


def close_import(db: Session, clock: Clock, new_id: NewId, version_id: UUID) -> DatasetVersion:
    """Say that a file has arrived: the version is frozen next. Said twice, it does nothing more.

    Raises: VersionUnknown, VersionFrozen, FileInvalid.
    """
    version = get_version(db, version_id, lock=True)
    if version.origin == Origin.IMPORTED and version.job_id is not None:
        return version
    version = _open(db, version_id)
    unsplit = version.statistics.get("unsplit", 0)
    if 0 < unsplit < version.done:
        raise FileInvalid(
            f"{unsplit} of {version.done} lines name no `split`: either all do, or none, and then "
            "the pairs are split by topic or prompt"
        )
    version.state = State.QUEUED
    enqueue_build(db, clock, new_id, version)
    return version


def _open(db: Session, version_id: UUID) -> DatasetVersion:
    version = get_version(db, version_id, lock=True)
    if version.origin != Origin.IMPORTED or version.state != State.WAITING:
        raise VersionFrozen(
            f"version {version.number} of {version.dataset} is {version.state} and takes no lines: "
            "open another import"
        )
    return version


@dataclass(slots=True)
class Unsplit:
    """What decides on the sides of pairs whose file did not: per prompt, and where its pairs are."""

    texts: dict[str, str] = field(default_factory=dict)
    topics: dict[str, set[str]] = field(default_factory=dict)
    run_ids: dict[str, set[UUID]] = field(default_factory=dict)
    positions: dict[str, list[int]] = field(default_factory=dict)

    def take(self, rows: Iterable[DatasetPair]) -> None:
        """Take rows into account."""
        for row in rows:
            pair = as_pair(row)
            said = (each for each in pair.prompt if each.get("role") != "system")
            key = pair.prompt_hash
            if key not in self.texts:
                self.texts[key] = text_of(said)
            self.topics.setdefault(key, set()).add(pair.topic)
            self.run_ids.setdefault(key, set()).update(pair.run_ids)
            self.positions.setdefault(key, []).append(row.position)


def split_of(unsplit: Unsplit, rules: PairRules) -> list[tuple[int, Split]]:
    """Return the side of each position."""
    placed = [
        Placed(
            prompt_hash,
            frozenset(unsplit.topics[prompt_hash]),
            text,
            frozenset(unsplit.run_ids[prompt_hash]),
            len(unsplit.positions[prompt_hash]),
        )
        for prompt_hash, text in unsplit.texts.items()
    ]
    splits = assign_splits(placed, rules)
    return sorted(
        (position, splits[prompt_hash])
        for prompt_hash, positions in unsplit.positions.items()
        for position in positions
    )
