"""Where a version's pairs come from, what leaving would touch, and how two versions differ.

All of it is read; the version without something is `versions.start_without`'s to ask for.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from camel_ext.datasets.models import (
    DatasetPair,
    DatasetSource,
    DatasetVersion,
    SourceKind,
    Split,
)
from camel_ext.datasets.reading import READ_ROWS, as_judge
from camel_ext.datasets.schemas import (
    BlastShown,
    DiffShown,
    LineageShown,
    SourceShown,
    TouchedShown,
    Without,
)
from camel_ext.datasets.versions import get_version, require_frozen

SHOWN = 20  # hashes and topics of each kind
SOURCES_SHOWN = 200


def trace_version(db: Session, version_id: UUID) -> LineageShown:
    """Return what a frozen version's pairs rest on: runs, judges, and earlier versions.

    Raises: VersionUnknown, VersionUnready.
    """
    version = require_frozen(get_version(db, version_id))
    parents, above = [], version.parent_id
    while above is not None:
        parents.append(above)
        above = get_version(db, above).parent_id
    query = (
        select(DatasetSource)
        .where(DatasetSource.version_id == version_id)
        .order_by(DatasetSource.pairs.desc(), DatasetSource.kind, DatasetSource.ref)
        .limit(SOURCES_SHOWN)
    )
    return LineageShown(
        version_id=version.id,
        parent_ids=parents,
        pairs=version.pairs,
        interactions=version.statistics["interactions"],
        annotations=version.statistics["annotations"],
        runs=version.statistics["runs"],
        sources=[SourceShown.model_validate(row) for row in db.scalars(query)],
    )


def list_touched(db: Session, kind: SourceKind, ref: str) -> list[TouchedShown]:
    """Return the frozen versions with pairs that rest on a run or judge, newest first, at most 500.

    A person is found by id and by name.
    """
    query = (
        select(DatasetVersion, DatasetSource.pairs)
        .join(DatasetSource, DatasetSource.version_id == DatasetVersion.id)
        .where(
            DatasetSource.kind == kind, (DatasetSource.ref == ref) | (DatasetSource.label == ref)
        )
        .order_by(DatasetVersion.created_at.desc(), DatasetVersion.id.desc())
        .limit(500)
    )
    return [
        TouchedShown(
            version_id=version.id, dataset=version.dataset, number=version.number, pairs=pairs
        )
        for version, pairs in db.execute(query)
    ]


def preview_without(db: Session, version_id: UUID, wanted: Without) -> BlastShown:
    """Return what would go if these runs and judges left a frozen version, and what would stay.

    Raises: VersionUnknown, VersionUnready.
    """
    version = require_frozen(get_version(db, version_id))
    runs, named = {str(each) for each in wanted.run_ids}, set(wanted.judges)
    met: set[str] = set()
    gone: Counter[Split] = Counter()
    sample: list[str] = []
    topics: dict[bool, set[str]] = {True: set(), False: set()}
    for row in _each(
        db,
        version_id,
        DatasetPair.pair_hash,
        DatasetPair.split,
        DatasetPair.topic,
        DatasetPair.run_ids,
        DatasetPair.judges,
    ):
        judges = [as_judge(each) for each in row.judges]
        meant = {word for word in named if any(judge.is_named_by([word]) for judge in judges)}
        touching = meant | (runs & set(row.run_ids))
        topics[bool(touching)].add(row.topic)
        if touching:
            met |= touching
            gone[Split(row.split)] += 1
            sample += [row.pair_hash] if len(sample) < SHOWN else []
    return BlastShown(
        version_id=version.id,
        pairs=version.pairs,
        touched=gone.total(),
        touched_train=gone[Split.TRAIN],
        touched_eval=gone[Split.EVAL],
        left=version.pairs - gone.total(),
        topics_lost=sorted(topics[True] - topics[False])[:SHOWN],
        unknown=sorted((runs | named) - met),
        sample=sample,
    )


def diff_versions(db: Session, before_id: UUID, after_id: UUID) -> DiffShown:
    """Return how two frozen versions differ, pair by pair.

    Raises: VersionUnknown, VersionUnready.
    """
    one = require_frozen(get_version(db, before_id))
    other = require_frozen(get_version(db, after_id))
    before, after = _contents(db, before_id), _contents(db, after_id)
    both = before.keys() & after.keys()
    moved = {each for each in both if before[each][0] != after[each][0]}
    rescored = {each for each in both - moved if before[each] != after[each]}
    added, removed = after.keys() - both, before.keys() - both
    return DiffShown(
        before_id=before_id,
        after_id=after_id,
        equal=one.content_hash == other.content_hash,
        kept=len(both) - len(moved),
        added=len(added),
        removed=len(removed),
        moved=len(moved),
        rescored=len(rescored),
        added_hashes=sorted(added)[:SHOWN],
        removed_hashes=sorted(removed)[:SHOWN],
        moved_hashes=sorted(moved)[:SHOWN],
        rules={
            name: [one.rules.get(name), other.rules.get(name)]
            for name in sorted(one.rules.keys() | other.rules.keys())
            if one.rules.get(name) != other.rules.get(name)
        },
    )


def _contents(db: Session, version_id: UUID) -> dict[str, tuple[Any, ...]]:
    rows = _each(
        db,
        version_id,
        DatasetPair.pair_hash,
        DatasetPair.split,
        DatasetPair.topic,
        DatasetPair.margin,
        DatasetPair.chosen_score,
        DatasetPair.rejected_score,
    )
    return {row.pair_hash: tuple(row)[1:] for row in rows}


def _each(db: Session, version_id: UUID, *columns: Any) -> Iterator[Any]:
    """Yield columns of a version's pairs in order, without the texts, some at a time."""
    query: Select[Any] = select(*columns).where(DatasetPair.version_id == version_id)
    yield from db.execute(
        query.order_by(DatasetPair.position).execution_options(yield_per=READ_ROWS)
    )
