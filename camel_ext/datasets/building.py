"""Freezing a version, a piece at a time: what is kept of it, and the one commit that freezes it.

Until that commit the pairs are a draft, thrown away and made anew where a worker died; after it nothing
of them changes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.models import State
from camel_ext.datasets.models import (
    DatasetPair,
    DatasetSource,
    DatasetVersion,
    Origin,
    SourceKind,
    Split,
)
from camel_ext.datasets.pair import ContentHasher, Json, Pair
from camel_ext.datasets.reading import touches
from camel_ext.datasets.statistics import Description, same_warning
from camel_ext.datasets.versions import end_version, find_equal, get_version


class Frozen:
    """What a version's row says once it is frozen, gathered pair by pair in their order."""

    def __init__(self) -> None:
        self.hasher = ContentHasher()
        self.description = Description()
        self._pairs: Counter[tuple[SourceKind, str]] = Counter()
        self._names: dict[str, str] = {}
        self._interactions: set[UUID | None] = set()
        self._annotations: set[UUID] = set()

    def add(self, pair: Pair) -> None:
        """Take the next pair into account."""
        self.hasher.add(pair)
        self.description.add(pair)
        self._interactions |= {pair.chosen_interaction_id, pair.rejected_interaction_id}
        self._annotations.update(pair.annotation_ids)
        self._pairs.update({(SourceKind.RUN, str(run_id)) for run_id in pair.run_ids})
        self._pairs.update({(SourceKind.JUDGE, judge.ref) for judge in pair.judges})
        for judge in pair.judges:
            self._names[judge.ref] = min(judge.name, self._names.get(judge.ref, judge.name))

    def statistics(self) -> Json:
        """Return what the pairs are like, and on how much they rest."""
        kinds = Counter(kind for kind, _ in self._pairs)
        return {
            **self.description.statistics(),
            "interactions": len(self._interactions - {None}),
            "annotations": len(self._annotations),
            "runs": kinds[SourceKind.RUN],
        }

    def rows(self) -> list[Json]:
        """Return how many pairs rest on each run and judge."""
        return [
            {"kind": kind, "ref": ref, "label": self._names.get(ref, ref), "pairs": count}
            for (kind, ref), count in sorted(self._pairs.items())
        ]


def begin(db: Session, clock: Clock, version_id: UUID) -> DatasetVersion:
    """Say that a version is being built; what an earlier worker left of it goes."""
    version = get_version(db, version_id, lock=True)
    if version.state.is_final:
        return version
    version.state = State.RUNNING
    version.started_at = version.started_at or clock.now()
    if version.origin != Origin.IMPORTED:  # a file's pairs are what it is made of
        _discard_pairs(db, version_id)
        version.done = 0
    _discard_sources(db, version_id)
    db.flush()
    db.refresh(version, ["given_ids"])  # the task reads them page by page, without a session
    return version


def progress(db: Session, version_id: UUID, done: int, total: int | None) -> None:
    """Write down how far a build is."""
    version = get_version(db, version_id, lock=True)
    version.done, version.total = done, total
    db.flush()


def note(db: Session, version_id: UUID, statistics: Json) -> None:
    """Write down what was found, before it is known whether anything comes of it."""
    get_version(db, version_id, lock=True).statistics = statistics
    db.flush()


def place_splits(db: Session, version_id: UUID, splits: Sequence[tuple[int, Split]]) -> None:
    """Put the pairs of a version that is not frozen on their sides, by position."""
    for split in Split:
        places = [position for position, each in splits if each is split]
        if places:
            db.execute(
                update(DatasetPair)
                .where(DatasetPair.version_id == version_id, DatasetPair.position.in_(places))
                .values(split=split)
                .execution_options(synchronize_session=False)
            )


def write_sources(db: Session, version_id: UUID, rows: Sequence[Json]) -> None:
    """Keep how many pairs rest on each of these."""
    if rows:
        db.execute(insert(DatasetSource), [{**row, "version_id": version_id} for row in rows])


def freeze(
    db: Session,
    clock: Clock,
    version_id: UUID,
    frozen: Frozen,
    statistics: Json,
    warnings: Sequence[Json],
) -> DatasetVersion:
    """Freeze a version: from here on it never changes."""
    version = get_version(db, version_id, lock=True)
    description = frozen.description
    version.content_hash = frozen.hasher.content_hash
    version.pairs_train = description.of(Split.TRAIN)
    version.pairs_eval = description.of(Split.EVAL)
    version.statistics = statistics
    version.total = version.done
    equal = find_equal(db, version, version.content_hash)
    same = [same_warning(equal[0].dataset, equal[0].number)] if equal else []
    version.warnings = [*warnings, *same]
    end_version(db, clock, version, State.SUCCEEDED)
    return version


def give_up(
    db: Session,
    clock: Clock,
    version_id: UUID,
    state: State,
    error: tuple[str, str] | None,
) -> None:
    """Write that a version will never be; what was made of it goes."""
    version = get_version(db, version_id, lock=True)
    if version.state.is_final:
        return
    _discard_pairs(db, version_id)
    _discard_sources(db, version_id)
    version.pairs_train = version.pairs_eval = 0
    end_version(db, clock, version, state, error)


def _discard_pairs(db: Session, version_id: UUID) -> None:
    db.execute(
        delete(DatasetPair)
        .where(DatasetPair.version_id == version_id)
        .execution_options(synchronize_session=False)
    )


def _discard_sources(db: Session, version_id: UUID) -> None:
    db.execute(
        delete(DatasetSource)
        .where(DatasetSource.version_id == version_id)
        .execution_options(synchronize_session=False)
    )


def left_of(pairs: Iterable[Pair], version: DatasetVersion) -> list[Pair]:
    """Return a parent's pairs that nothing touches which a reduced version leaves out."""
    runs = {UUID(each) for each in version.exclude_runs}
    return [pair for pair in pairs if not touches(pair, runs, version.exclude_judges)]
